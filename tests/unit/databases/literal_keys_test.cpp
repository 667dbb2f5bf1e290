#include "proxy/databases/literal_keys.h"

#include <string>

#include "catch.h"

namespace slotless {
namespace {

std::optional<protocol::Slot> slotOf(std::string_view script) {
  return databases::slotOfLiteralKeys(script, *protocol::CommandTable::builtIn());
}

TEST_CASE("a script whose text names all of its keys belongs to their slot", "[scripts]") {
  for (const std::string_view script : {
           "redis.call('set','foo','bar')",
           "return redis.pcall(\"GET\", 'foo')",
           "local v = redis.call('get', 'foo') if v == false then return redis.call('incrby', 'foo', "
           "ARGV[1]) end",
           "redis.call('set', 'foo', ARGV[1]) -- 'other'",
           "return {redis.call('mget', 'foo', '{foo}2'), redis.call('time'), redis.sha1hex('x')}",
           "redis.call('lpush', 'foo', ARGV[1]) return redis.status_reply('OK')",
           "#!lua\nredis.call('del', 'foo', '{foo}3')",
           "return server.call('object', 'encoding', 'foo')",
       }) {
    INFO(script);
    CHECK(slotOf(script) == protocol::slotOf("foo"));
  }
}

TEST_CASE("a script that may use other keys, or none, belongs nowhere", "[scripts]") {
  for (const std::string_view script : {
           "return 1",
           "return redis.call('time')",
           "redis.call('set', KEYS[1], 'foo')",
           "redis.call('set', 'foo' .. ARGV[1], 1)",
           "redis.call('set', 'foo', 1) redis.call('set', 'bar', 1)",
           "redis.call('mget', 'foo', unpack(ARGV))",
           "redis.call('mget', 'foo', ...)",
           "redis.call('mget', 'foo', ARGV[1])",
           "redis.call(ARGV[1], 'foo')",
           "redis.call('nosuchcommand', 'foo')",
           "redis.call('get', 'fo\\111')",
           "redis.call('get', 'foo') redis.call('keys', '*')",
           "redis.call('get', 'foo') redis.call('flushall')",
           "redis.call('get', 'foo') local r = redis r.call('get', 'bar')",
           "redis.call('get', 'foo') local c = redis.call c('get', 'bar')",
           "redis.call('get', 'foo') redis['call']('get', 'bar')",
           "redis.call('get', 'foo') load('x')()",
           "redis.call('sort', 'foo', 'by', 'w_*')",
           "redis.call('get', 'foo'",
           "redis.call('get', 'foo",
           "redis.call()",
           "redis.call(",
       }) {
    INFO(script);
    CHECK_FALSE(slotOf(script));
  }
}

}  // namespace
}  // namespace slotless
