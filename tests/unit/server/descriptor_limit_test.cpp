#include "proxy/server/descriptor_limit.h"

#include "catch.h"

using namespace slotless::server;

TEST_CASE("of few descriptors a part is kept for nodes and probes, of many enough") {
  CHECK(keptDescriptors(64) == 56);
  CHECK(keptDescriptors(256) == 72);
  CHECK(keptDescriptors(1024) == 264);
  CHECK(keptDescriptors(1048576) == 1024);
}

TEST_CASE("so many clients fit as descriptors are left, and never none") {
  CHECK(clientsThatFit(256) == 184);
  CHECK(clientsThatFit(1048576) == 1047552);
  CHECK(clientsThatFit(20) == 1);
  CHECK(clientsThatFit(0) == 1);
}

TEST_CASE("max-clients is lowered to what fits, and else left alone") {
  const std::uint64_t fitting = clientsThatFit(raiseDescriptorLimit());
  slotless::config::Config config;
  config.maxClients = fitting + 1;
  CHECK(withinDescriptors(config).maxClients == fitting);
  config.maxClients = 1;
  CHECK(withinDescriptors(config).maxClients == 1);
}
