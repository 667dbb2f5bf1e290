#include "config/suggestion.h"

#include <string>

#include "catch.h"

using namespace slotless::config;

TEST_CASE("A near name is suggested") {
  struct Case {
    std::string wrong;
    std::string_view meant;
  };
  const auto& c = GENERATE(values<Case>({{"worker", "workers"},
                                         {"lisetn", "listen"},
                                         {"hold_timeout", "hold-timeout"},
                                         {"client_output_hard_limit", "client-output-hard-limit"},
                                         {"LOG_LEVEL", "log-level"},
                                         {"loglevel", "log-level"},
                                         {"pasword", "password"},
                                         {"SLOTLESS_WORKRS", "workers"}}));
  INFO(c.wrong);
  CHECK(suggestion(c.wrong) == c.meant);
}

TEST_CASE("A name of redis.conf leads to our option") {
  CHECK(suggestion("maxclients") == "max-clients");
  CHECK(suggestion("timeout") == "client-idle-timeout");
}

TEST_CASE("Nothing is suggested for a name that is like no other") {
  for (const std::string name : {"", "x", "appendonly", "replica-priority"}) {
    INFO(name);
    CHECK(suggestion(name).empty());
  }
  CHECK(suggestion(std::string(100000, 'w')).empty());
}
