#include "proxy/databases/script_calls.h"

#include <string>
#include <vector>

#include "catch.h"

namespace slotless {
namespace {

using databases::callsOf;
using Names = std::vector<std::string>;

TEST_CASE("the commands of a script whose calls are all spelled out", "[scripts]") {
  const std::pair<std::string, Names> scripts[] = {
      {"return 1", {}},
      {"if redis.call(\"GET\",KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end",
       {"get", "del"}},
      {"local a = redis.pcall ( 'get' , 'x' ) -- redis.call(ARGV[1])", {"get"}},
      {"--[[ redis.call(x) ]] return redis.call[[dbsize]]", {"dbsize"}},
      {"#!lua flags=no-writes\nreturn redis.call'time'", {"time"}},
      {"redis = function() return 1 end", {}},  // servers refuse that
      {"local r = redis return r.call('keys','*')", {"keys"}},
      {"local lib = redis\nlib.register_function('f', function() lib.redis = redis return lib.call('get', "
       "'a') end)",
       {"get"}},
      {"redis.call = function() return redis.call('get', 'a') end", {"get"}},
      {"local rcall = redis.call\nrcall('SET', KEYS[1], 'redis.call(x)')\nreturn rcall(\"keys\", '*')",
       {"set", "keys"}},
      {"local server = 1 return t.redis, redis.sha1hex(''), redis.status_reply('redis')", {}},
      {"return redis.call('hset', KEYS[1], ARGV[1], [==[ ]] redis ]==])", {"hset"}},
  };
  for (const auto& [script, names] : scripts) {
    INFO(script);
    const auto calls = callsOf(script);
    const bool named = script.find("local server") != std::string::npos;  // then it may be anything
    CHECK(calls.unclear == named);
    CHECK(calls.commands == names);
  }
}

TEST_CASE("what may call anything is unclear", "[scripts]") {
  for (const std::string script : {
           "return redis.call(ARGV[1])",
           "return redis.call('k' .. 'eys', '*')",
           "return redis.call('\\107eys', '*')",
           "return redis.call(unpack(ARGV))",
           "return redis['call']('keys','*')",
           "return pcall(redis.call, 'keys', '*')",
           "local c = redis.call return c(ARGV[1])",
           "local c = redis.call local t = {c} return t[1]('keys')",
           "local a, c = 1, redis.call return c('keys','*')",
           "call = redis.call return call('keys','*')",
           "return _G['re'..'dis'].call('keys','*')",
           "return getfenv().redis.call('keys','*')",
           "return loadstring(ARGV[1])()",
           "return redis.call('keys",
           "return [[ redis.call('get')",
           "return server.call(KEYS[1])",
       }) {
    INFO(script);
    CHECK(callsOf(script).unclear);
  }
}

}  // namespace
}  // namespace slotless
