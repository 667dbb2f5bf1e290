// CONFIG GET of several nodes.
#include "proxy/routing/config_merge.h"

#include "catch.h"

namespace slotless::routing {
namespace {

std::string mergedConfig(const std::vector<std::string>& replies, const OwnSettings& own = {}) {
  std::vector<PartReply> parts;
  for (const std::string& reply : replies) parts.push_back({reply, {}});
  std::string out;
  return mergeConfig(parts, own, out) ? out : "misfit";
}

TEST_CASE("the first node's settings count, but for the proxy's own", "[config_merge]") {
  const std::string reply = "*4\r\n$4\r\nsave\r\n$0\r\n\r\n$4\r\nport\r\n$4\r\n7000\r\n";
  CHECK(mergedConfig({reply, reply}) == reply);
  CHECK(mergedConfig({reply, reply}, {{"port", "6379"}, {"databases", "16"}}) ==
        "*4\r\n$4\r\nsave\r\n$0\r\n\r\n$4\r\nport\r\n$4\r\n6379\r\n");
  CHECK(mergedConfig({"*0\r\n"}) == "*0\r\n");
}

TEST_CASE("a limit that each node has is told as CONFIG SET sets it", "[config_merge]") {
  const auto limit = [](const std::string& value) {
    return "%1\r\n$9\r\nmaxmemory\r\n$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  };
  CHECK(mergedConfig({limit("100"), limit("100"), limit("100")}) == limit("100"));
  CHECK(mergedConfig({limit("100"), limit("50")}) == limit("100"));
}

TEST_CASE("what is no list of settings is not mergedConfig", "[config_merge]") {
  CHECK(mergedConfig({"*2\r\n+a\r\n+b\r\n", "+OK\r\n"}) == "misfit");
}

}  // namespace
}  // namespace slotless::routing
