// Scripts of databases that are not pinned: those that may look at a whole database get a guard in front.
#include "proxy/databases/script_guard.h"
#include "batch.h"
#include "protocol/command_table.h"
#include "proxy/scripts/script_cache.h"

namespace slotless::test {

namespace {
using session::ScriptCache;

struct ScriptGuards : Stage {
  void send(std::string_view line, std::string_view script, std::string_view rest) {
    std::string bytes = "*4\r\n" + bulk(line) + bulk(script) + bulk("1") + bulk(rest);
    client.sendsBytes(bytes);
  }
  static const databases::ScriptGuard& guard() {
    static const databases::ScriptGuard guard(*protocol::CommandTable::builtIn());
    return guard;
  }
  void expects(std::size_t number, std::string_view command, std::string_view script,
               std::string_view reply) {
    const Received got = node(number).expectsAny();
    CHECK(got.words()[0] == command);
    CHECK(got.words()[1] == script);
    got.replies(reply);
  }
};
const std::string kClean = "return redis.call('get',KEYS[1])";
const std::string kWhole = "return redis.call('dbsize')";
}  // namespace

TEST_CASE_METHOD(ScriptGuards, "a script that calls what it may is sent as it is, all others with a guard") {
  send("EVAL", kClean, "a");
  expects(1, "EVAL", kClean, ":1\r\n");
  send("EVAL", kWhole, "a");
  expects(1, "EVAL", guard().wrap(kWhole), ":2\r\n");
  send("EVAL_RO", kWhole, "a");
  expects(1, "EVAL_RO", guard().wrap(kWhole), ":3\r\n");
  client.receives(":1\r\n:2\r\n:3\r\n");
}

TEST_CASE("where a call over slots spoils a node, scripts that may make one are guarded") {
  const databases::ScriptGuard guard(*protocol::CommandTable::builtIn(), {.spoiledByCrossing = true});
  for (const std::string_view script :
       {"redis.call('mget', KEYS[1], KEYS[2])", "redis.call('rename', 'a', 'b')",
        "redis.call('copy', 'a', 'b')", "redis.call('zunion', 2, 'a', 'b')",
        "redis.call('sort', 'a', 'store', 'b')", "redis.call(ARGV[1])"}) {
    CAPTURE(script);
    CHECK(guard.needed(databases::callsOf(script)));
    CHECK(guard.wrap(script).find("'getkeys'") != std::string::npos);
  }
  for (const std::string_view script : {"redis.call('get', KEYS[1])", "redis.call('hset', 'a', 'b', 'c')"}) {
    CAPTURE(script);
    CHECK_FALSE(guard.needed(databases::callsOf(script)));
  }
  CHECK_FALSE(databases::ScriptGuard(*protocol::CommandTable::builtIn())
                  .needed(databases::callsOf("redis.call('mget', 'a')")));
}

TEST_CASE_METHOD(ScriptGuards,
                 "EVALSHA of a guarded script is that of what was sent, and errors name the client's") {
  send("EVAL", kWhole, "a");
  expects(1, "EVAL", guard().wrap(kWhole), ":2\r\n");
  client.receives(":2\r\n");
  const std::string sha = ScriptCache::sha1Of(kWhole);
  const std::string sent = ScriptCache::sha1Of(guard().wrap(kWhole));
  for (const std::string word : {"EVALSHA", "EVALSHA_RO"}) {
    send(word, sha, "a");
    if (word == "EVALSHA") {
      const Received load = node(1).expectsAny();
      CHECK(load.words()[2] == guard().wrap(kWhole));
      load.replies(bulk(sent));
    }
    expects(1, word, sent, "-ERR no script: " + sent + ", on @user_script:1.\r\n");
    client.receives("-ERR no script: " + sha + ", on @user_script:1.\r\n");
  }
  send("EVALSHA", "ffffffffffffffffffffffffffffffffffffffff", "a");  // not known here: its node has to say
  expects(1, "EVALSHA", "ffffffffffffffffffffffffffffffffffffffff", ":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(ScriptGuards, "in a transaction, too, and errors in its reply name the client's script") {
  client.sendsBytes(request("MULTI") + "*4\r\n" + bulk("EVAL") + bulk(kWhole) + bulk("1") + bulk("a") +
                    request("EXEC"));
  node(1).expects("MULTI");
  const Received eval = node(1).expectsAny();
  CHECK(eval.words()[1] == guard().wrap(kWhole));
  node(1).expects("EXEC").replies(
      "+OK\r\n+QUEUED\r\n*1\r\n-ERR no script: " + ScriptCache::sha1Of(guard().wrap(kWhole)) + ", on\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n-ERR no script: " + ScriptCache::sha1Of(kWhole) + ", on\r\n");
}

TEST_CASE_METHOD(ScriptGuards, "SCRIPT LOAD gives nodes what will be run, and the client its own SHA1") {
  for (const bool whole : {true, false}) {
    const std::string& script = whole ? kWhole : kClean;
    client.sendsBytes("*3\r\n" + bulk("SCRIPT") + bulk("LOAD") + bulk(script));
    const std::string wanted = whole ? guard().wrap(script) : script;
    for (std::size_t i = 1; i <= kNodes; ++i) {
      const Received load = node(i).expectsAny();
      CHECK(load.words()[2] == wanted);
      load.replies(bulk(ScriptCache::sha1Of(wanted)));
    }
    client.receives(bulk(ScriptCache::sha1Of(script)));
  }
}

TEST_CASE_METHOD(ScriptGuards,
                 "a library is sent as it is unless it may call, or flag, what needs the guard") {
  for (const std::string flag : {"no-writes", "no-cluster"}) {
    const std::string code = "#!lua name=l\nredis.register_function{function_name='f', flags={'" + flag +
                             "'}, callback=function() return 1 end}";
    client.sendsBytes("*3\r\n" + bulk("FUNCTION") + bulk("LOAD") + bulk(code));
    for (std::size_t i = 1; i <= kNodes; ++i) {
      const Received load = node(i).expectsAny();
      CHECK(load.words()[2] == (flag == "no-writes" ? code : guard().wrapLibrary(code)));
      load.replies(bulk("l"));
    }
    client.receives(bulk("l"));
  }
}

TEST_CASE_METHOD(ScriptGuards, "a library of functions is guarded when it is loaded, and shown as it was") {
  const std::string code =
      "#!lua name=l\nredis.register_function('f', function() return redis.call('keys','*') end)";
  client.sendsBytes("*3\r\n" + bulk("FUNCTION") + bulk("LOAD") + bulk(code));
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received load = node(i).expectsAny();
    CHECK(load.words()[2] == guard().wrapLibrary(code));
    load.replies(bulk("l"));
  }
  client.receives(bulk("l"));
  client.sends("FUNCTION LIST WITHCODE");
  settle();
  for (std::size_t i = 1; i <= kNodes; ++i) {
    if (node(i).unexpected() == 0) continue;
    node(i).expectsAny().replies("*2\r\n" + bulk("x") + "*2\r\n" + bulk("library_code") +
                                 bulk(guard().wrapLibrary(code)));
  }
  client.receives("*2\r\n" + bulk("x") + "*2\r\n" + bulk("library_code") + bulk(code));
}

TEST_CASE_METHOD(ScriptGuards, "MONITOR shows guarded scripts as clients have sent them") {
  client.sends("MONITOR");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("MONITOR").replies(kOk);
  client.receives(kOk);
  const std::string line = "+1.0 [0 127.0.0.1:1] \"eval\" \"";
  node(1).pushes(line + guard().wrap("return redis.call(ARGV[1])") + "\" \"0\"\r\n");
  client.receives(line + "return redis.call(ARGV[1])\" \"0\"\r\n");
  client.resets();
}

}  // namespace slotless::test
