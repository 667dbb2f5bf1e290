#include "proxy/databases/script_yield.h"

#include <string>

#include "catch.h"

namespace slotless::databases {

namespace {

WholeScript read(std::string_view script) {
  return wholeScriptOf(script, *protocol::CommandTable::builtIn());
}

ScriptYield yieldOf(std::string_view script) {
  return read(script).yield;
}

const std::string kDelete = "for _, k in ipairs(redis.call('keys', ARGV[1])) do redis.call('del', k) end ";
const std::string kKeys = "local keys = redis.call('keys', ARGV[1]) ";
const std::string kWalk =
    "local cursor = '0' repeat local page = redis.call('scan', cursor, 'MATCH', ARGV[1]) cursor = page[1] ";

}  // namespace

TEST_CASE("what is the same on all nodes is told by the text", "[script_yield]") {
  for (const std::string end :
       {"return 1", "return 'done'", "return", "", "return nil", "return true", "return -1", "return {}",
        "return redis.status_reply('OK')", "return {ok = 'OK'}", "if ARGV[2] then return end return nil",
        "if ARGV[2] then return redis.error_reply('no') end return 1", "return 1;",
        "if ARGV[2] then return {err = 'no'} end return 1"}) {
    INFO(end);
    CHECK(yieldOf(kDelete + end) == ScriptYield::Same);
  }
  CHECK(yieldOf("return redis.call('flushdb', 'async')") == ScriptYield::Same);
  CHECK(yieldOf("redis.call('FlushDB') return 'OK'") == ScriptYield::Same);
}

TEST_CASE("answers that may differ, and are no numbers or lists of keys, are not told", "[script_yield]") {
  for (const std::string end :
       {"return #redis.call('keys', '*') > 0", "if #redis.call('keys', '*') > 0 then return 1 end return 0",
        "if #redis.call('keys', '*') > 0 then return 1 end", "return ARGV[1]", "return {1, 2}",
        "return redis.call('dbsize') + 0", "return redis.call('scan', '0')",
        "return redis.call('dbsize') .. ''", "return tostring(redis.call('dbsize'))",
        "return redis.call('dbsize'), 1", "return other", "return redis.call('keys', '*')[1]",
        "return redis.status_reply(ARGV[1])", "return {ok = ARGV[1]}", "return {other = 'OK'}",
        "return 'a\\n'", "return redis.call('time')", "return redis.sha1hex('')"}) {
    INFO(end);
    CHECK(yieldOf("redis.call('randomkey') " + end) == ScriptYield::Untold);
  }
}

TEST_CASE("numbers that add up", "[script_yield]") {
  for (
      const std::string& script :
      {std::string("return redis.call('dbsize')"), std::string("return redis.pcall('DBSIZE')"),
       std::string("return #redis.call('keys', '*')"), kKeys + "return #keys",
       kKeys + "if #keys == 0 then return 0 end return #keys",
       std::string("return redis.call('del', unpack(redis.call('keys', ARGV[1])))"),
       std::string("local size = redis.call('dbsize') return size"),
       "local n = 0 " + kWalk +
           "for _, k in ipairs(page[2]) do n = n + redis.call('unlink', k) end "
           "until cursor == '0' return n",
       kKeys +
           "local n = 0 for i = 1, #keys do if redis.call('ttl', keys[i]) < 0 then n = n + 1 end end return n",
       kKeys + "local found = {} for _, k in ipairs(keys) do found[#found + 1] = k end return #found"}) {
    INFO(script);
    CHECK(yieldOf(script) == ScriptYield::Count);
  }
}

TEST_CASE("numbers that do not add up", "[script_yield]") {
  for (const std::string& script :
       {kKeys + "local n = 0 if #keys > 0 then n = 1 end return n", kKeys + "local n = 1 n = n + 1 return n",
        kKeys + "local n = 0 n = n + 1 if n > 5 then n = 5 end return n",
        kKeys + "local n = 0 n = n + 1 if n > 5 then return n end return n",
        kKeys + "if #keys == 0 then return 1 end return #keys", kKeys + "local n = 0 local n = 0 return n",
        kKeys + "local n = 0 for n = 1, 3 do end return n", kKeys + "n = 0 n = n + 1 return n",
        kKeys + "local n = 0 + 5 return n", std::string("local size = redis.call('dbsize') / 2 return size"),
        std::string("local size = redis.call('dbsize') if size > 5 then size = 5 end return size"),
        kKeys + "local a, n = 1, 0 return n", kKeys + "local keys2 = keys return #keys2"}) {
    INFO(script);
    CHECK(yieldOf(script) == ScriptYield::Untold);
  }
}

TEST_CASE("lists that follow each other", "[script_yield]") {
  for (
      const std::string& script :
      {std::string("return redis.call('keys', '*')"), kKeys + "return keys",
       kKeys +
           "for i = 1, #keys, 5000 do redis.call('del', unpack(keys, i, math.min(i + 4999, #keys))) end return keys",
       kKeys + "if #keys == 0 then return {} end return keys",
       "local found = {} " + kWalk +
           "for _, k in ipairs(page[2]) do found[#found + 1] = k end "
           "until cursor == '0' return found",
       "local found = {} " + kWalk +
           "for _, k in ipairs(page[2]) do table.insert(found, redis.call('get', k)) end "
           "until cursor == '0' return found",
       kKeys + "if keys[1] == 'x' then return {} end return keys"}) {
    INFO(script);
    CHECK(yieldOf(script) == ScriptYield::Names);
  }
}

TEST_CASE("lists that do not", "[script_yield]") {
  for (const std::string& script :
       {kKeys + "table.sort(keys) return keys", kKeys + "keys[1] = 'x' return keys",
        kKeys + "table.insert(keys, 'x') return keys", kKeys + "keys = {} return keys",
        kKeys + "local found = {} found[1] = keys[1] return found",
        kKeys + "local found = {} table.insert(found, 1, keys[1]) return found",
        kKeys + "local found = {} found.n = 1 return found", kKeys + "local found = {1} return found",
        kKeys + "keys[#keys + 1] = 'x' return keys", kKeys + "if #keys > 3 then return 1 end return keys",
        std::string("local keys = redis.call('keys', '*')[1] return keys")}) {
    INFO(script);
    CHECK(yieldOf(script) == ScriptYield::Untold);
  }
}

TEST_CASE("what depends on how many keys a master has, or on which come first, is not told",
          "[script_yield]") {
  for (
      const std::string& script :
      {kKeys + "for i = 1, math.min(10, #keys) do redis.call('del', keys[i]) end return 1",
       kKeys + "redis.call('del', unpack(keys, 1, math.min(1 + 9, #keys))) return 1",
       kKeys + "local i = 1 redis.call('del', unpack(keys, i, math.min(i + 9, #keys))) return 1",
       kKeys + "for i = 1, #keys - 20 do redis.call('del', keys[i]) end return 1",
       kKeys +
           "for i = 1, 3 do redis.call('del', keys[i]) end if #keys > 9 then redis.call('flushdb') end return 1",
       kKeys + "for _, k in ipairs(keys) do redis.call('del', k) break end return 1",
       kKeys + "for _, k in ipairs(keys) do redis.call('del', k) if ARGV[2] then return 1 end end return 1",
       kKeys + "local t = {} for _, k in ipairs(keys) do if #t < 10 then t[#t + 1] = k end end return #t",
       kKeys + "local t = {} for _, k in ipairs(keys) do table.insert(t, #t) end return t",
       kKeys + "if #keys == 0 then return redis.error_reply('none') end return #keys",
       kKeys + "if #redis.call('keys', 'lock') == 0 then redis.call('del', unpack(keys)) end return 1",
       kKeys + "redis.call('setrange', keys[1], #keys, 'x') return 1",
       std::string("for i = 1, 2 do local k = redis.call('randomkey') redis.call('del', k) end return 'OK'"),
       std::string("if redis.call('dbsize') > 40 then redis.call('flushdb') end return 1"),
       std::string("if redis.call('dbsize') > 40 then return redis.error_reply('QUOTA') end return 'ok'"),
       std::string("local n = redis.call('dbsize') if n > 40 then redis.call('flushdb') end return 1"),
       std::string("local t = {} table.insert(t, redis.call('dbsize')) return t"),
       std::string("local t = {} t[#t + 1] = redis.call('dbsize') return t"),
       std::string(
           "local t = {} for _, p in ipairs(ARGV) do table.insert(t, #redis.call('keys', p)) end return t"),
       std::string("local n = 0 n = n + redis.call('dbsize') n = n + tonumber(ARGV[2]) return n"),
       std::string("local n = 0 for _, p in ipairs(ARGV) do redis.call('keys', p) n = n + 1 end return n"),
       std::string(
           "local r = redis.call('scan', 0) for _, k in ipairs(r[2]) do redis.call('del', k) end return 1"),
       std::string("redis.call('del', redis.call('keys', '*')[1]) return 1"),
       kKeys + "for _, k in ipairs(keys) do redis.call('flushdb') end return 1"}) {
    INFO(script);
    CHECK(yieldOf(script) == ScriptYield::Untold);
  }
}

TEST_CASE("what is done for each key is told", "[script_yield]") {
  for (
      const std::string& script :
      {kKeys +
           "for i = 1, #keys, 5000 do redis.call('del', unpack(keys, i, math.min(i + 4999, #keys))) end return 1",
       kKeys + "for i = 1, #keys do redis.call('del', keys[i]) end return 1",
       kKeys + "if #keys > 0 then redis.call('del', unpack(keys)) end return 1",
       kKeys + "for _, k in ipairs(keys) do if redis.call('ttl', k) < 0 then redis.call('expire', k, 60) "
               "else redis.call('persist', k) end end return 'OK'",
       std::string("for _, p in ipairs(ARGV) do for _, k in ipairs(redis.call('keys', p)) do "
                   "redis.call('del', k) end end return 1"),
       std::string("local cursor = '0' while true do local page = redis.call('scan', cursor) "
                   "for _, k in ipairs(page[2]) do redis.call('del', k) end cursor = page[1] "
                   "if cursor == '0' then break end end return 1"),
       kWalk + "if #ARGV > 1 then redis.call('del', unpack(page[2])) end until cursor == '0' return 1"}) {
    INFO(script);
    CHECK(yieldOf(script) == ScriptYield::Same);
  }
  CHECK(yieldOf("local n = 0 for _, p in ipairs(ARGV) do n = n + #redis.call('keys', p) end return n") ==
        ScriptYield::Count);
  CHECK(yieldOf(kKeys + "local n = 0 n = n + #keys n = n + redis.call('dbsize') return n") ==
        ScriptYield::Count);
}

TEST_CASE("one of the keys is one of any node", "[script_yield]") {
  CHECK(yieldOf("return redis.call('randomkey')") == ScriptYield::AnyName);
  CHECK(yieldOf("local k = redis.call('randomkey') return k") == ScriptYield::AnyName);
  CHECK(yieldOf("local k = redis.call('randomkey') if k then return 1 end return k") == ScriptYield::Untold);
}

TEST_CASE("a script is not told that does what only one node may do", "[script_yield]") {
  for (const std::string& script :
       {std::string("return 1"), std::string("return redis.call('get', 'k')"),
        kDelete + "redis.call('publish', 'c', 'm') return 1",
        kDelete + "redis.call('set', 'last', '1') return 1", kDelete + "redis.call('incr', ARGV[2]) return 1",
        kDelete + "redis.call('flushall') return 1", kDelete + "redis.call('select', '1') return 1",
        kDelete + "redis.call(ARGV[2]) return 1", kDelete + "redis.call('nosuch') return 1",
        kDelete + "local call = redis.call return 1", kDelete + "local r = redis return 1",
        kDelete + "redis['call']('get', 'k') return 1", kDelete + "local function f() return 1 end return 1",
        kDelete + "loadstring('x')() return 1", kDelete + "redis.call('del' .. '', 'k') return 1",
        kDelete + "redis.call 'dbsize' return 1", kDelete + "return 'unfinished"}) {
    INFO(script);
    CHECK(yieldOf(script) == ScriptYield::Untold);
  }
  CHECK(yieldOf(kDelete + "redis.call('time') redis.log(redis.LOG_NOTICE, 'x') return 1") ==
        ScriptYield::Same);
  CHECK(yieldOf(kDelete + "local s = server.call('dbsize') return 1") == ScriptYield::Same);
}

TEST_CASE("whether it writes", "[script_yield]") {
  CHECK(read(kDelete + "return 1").writes);
  CHECK(read("redis.call('flushdb') return 1").writes);
  CHECK_FALSE(read("return redis.call('dbsize')").writes);
}

}  // namespace slotless::databases
