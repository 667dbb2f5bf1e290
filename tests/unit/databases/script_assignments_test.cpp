#include "proxy/databases/script_assignments.h"

#include "catch.h"

namespace slotless::databases {

TEST_CASE("an assignment to a read-only name is led to where it is refused", "[script_assignments]") {
  const auto [script, expected] = GENERATE(table<std::string_view, std::string_view>(
      {{"_G = {}", "redis._G = {}"},
       {"redis = function() return 1 end", "redis.redis = function() return 1 end"},
       {"#!lua name=x\nlocal a\nserver=1", "#!lua name=x\nlocal a\nredis.server=1"},
       {"redis --[[ x ]] = 1", "redis.redis --[[ x ]] = 1"},
       {"if x then redis=1 end _G=2", "if x then redis.redis=1 end redis._G=2"},
       {"t = {f = function() _G = {} end, _G = 1}", "t = {f = function() redis._G = {} end, _G = 1}"}}));
  CHECK(withRefusedAssignments(script) == expected);
}

TEST_CASE("what is no such assignment stays as it is", "[script_assignments]") {
  const std::string_view script = GENERATE(
      "return redis == 1", "local redis = redis", "local a, redis = 1 redis = 2", "local t = {redis = 1}",
      "t.redis = 1", "redis.call = 1", "'redis = 1'", "-- redis = 1", "[[ _G = 1 ]]", "for _G = 1, 2 do end",
      "function f(a, redis) redis = 1 end", "local server server = 1", "xredis = 1", "a, redis = 1, 2", "'",
      "t = {a = 1; redis = {redis = 1}}");
  CHECK(withRefusedAssignments(script) == script);
}

}  // namespace slotless::databases
