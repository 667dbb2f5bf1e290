#include "proxy/databases/reserved_keys.h"

#include "catch.h"
#include "config/config.h"
#include "protocol/operand_names.h"

using namespace slotless;
using namespace slotless::databases;

TEST_CASE("the names that the proxy itself writes are its own, and no others") {
  for (const std::string& key : {std::string("~{slotless-wait-7}"), std::string("~{slotless-migrate}:side"),
                                 std::string("~{scan:12}"), protocol::operandName(77, 3)}) {
    INFO(key);
    CHECK(isOwnKey(key));
  }
  for (const char* key : {"", "~", "~{", "~{a}", "~{scan}", "~{slotless}", "~1{slotless-wait-7}", "{scan:1}",
                          "~{abc}operand", "slotless-wait-7"}) {
    INFO(key);
    CHECK_FALSE(isOwnKey(key));
  }
}

TEST_CASE("what a database's keys may not be called depends on the other databases") {
  config::Config config;
  config.databases = 1;
  const Databases alone(config);
  config.databases = 2;
  const Databases two(config);
  REQUIRE(two.at(1).mapped());

  CHECK(keyObjection(alone, alone.at(0), "~{scan:1}").find("Slotless") != std::string_view::npos);
  CHECK(keyObjection(alone, alone.at(0), "~1{oa}x").empty());
  CHECK(keyObjection(alone, alone.at(0), "x").empty());
  CHECK(keyObjection(alone, alone.at(0), "").empty());
  for (const char* key : {"~{scan:1}", "~1{oa}x", "~2:x"}) {
    INFO(key);
    CHECK(keyObjection(two, two.at(0), key).find("other databases") != std::string_view::npos);
    CHECK(keyObjection(two, two.at(1), key).empty());
  }
  CHECK(keyObjection(two, two.at(0), "~x").empty());
}
