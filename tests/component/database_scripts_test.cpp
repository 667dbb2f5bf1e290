// Scripts in databases whose keys have other names in the cluster: what nodes get in their place.
#include <algorithm>

#include "batch.h"
#include "protocol/command_table.h"
#include "proxy/databases/script_names.h"
#include "proxy/scripts/script_cache.h"

namespace slotless::test {

namespace {
using session::ScriptCache;

// Database 1 is in the slot of a; 3 is spread.
struct DatabaseScripts : Stage {
  DatabaseScripts() {
    using config::DatabaseLayout;
    config.databases = 16;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"}, {3, 3, DatabaseLayout::Spread, ""}};
  }
  void select(int index) {
    client.sends("SELECT " + std::to_string(index));
    client.receives(kOk);
  }
  static std::string wrapped(std::string_view script) {
    return databases::ScriptNames(*protocol::CommandTable::builtIn()).wrap(script);
  }
};
}  // namespace

TEST_CASE_METHOD(DatabaseScripts,
                 "a script of a pinned database is sent with the routing key and the database's prefix") {
  select(1);
  client.sends({"EVAL return 2 b c x", "EVAL_RO return 0", "EVAL return 0 x"});
  node(1).expects("EVAL " + wrapped("return") + " 3 ~1{a}b ~1{a}c ~{a} x ~1{a}").replies(":1\r\n");
  node(1).expects("EVAL_RO " + wrapped("return") + " 1 ~{a} ~1{a}").replies(":2\r\n");
  node(1).expects("EVAL " + wrapped("return") + " 1 ~{a} x ~1{a}").replies(bulk("~1{a}x"));
  client.receives(":1\r\n:2\r\n" + bulk("~1{a}x"));  // what a script returns is its own
}

TEST_CASE_METHOD(DatabaseScripts, "a script of a spread database is sent where its keys are") {
  select(3);
  client.sends("EVAL return 1 {b}k x");
  node(2).expects("EVAL " + wrapped("return") + " 1 ~3:{b}k x ~3:").replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(DatabaseScripts, "scripts of database 0, and functions, are sent as they are") {
  client.sends("EVAL return 1 a");
  node(1).expects("EVAL return 1 a").replies(":1\r\n");
  client.receives(":1\r\n");
  select(1);
  client.sends("FCALL f 1 k x");
  node(1).expects("FCALL f 1 ~1{a}k x").replies(":2\r\n");
  client.receives(":2\r\n");
}

TEST_CASE_METHOD(DatabaseScripts, "EVALSHA knows the scripts that have come by") {
  select(1);
  const std::string sha = ScriptCache::sha1Of("return");
  client.sends("EVALSHA " + sha + " 0");
  client.receives(kNoScript);
  client.sends("EVAL return 0");
  node(1).expectsAny().replies(":1\r\n");
  client.receives(":1\r\n");
  const std::string sent = "EVALSHA " + ScriptCache::sha1Of(wrapped("return")) + " 2 ~1{a}k ~{a} ~1{a}";
  client.sends("EVALSHA " + sha + " 1 k");
  node(1).expects("SCRIPT LOAD " + wrapped("return")).replies(bulk("sha"));
  node(1).expects(sent).replies(":2\r\n");
  client.receives(":2\r\n");
  client.sends("SCRIPT FLUSH");
  for (const std::size_t i : {1U, 2U, 3U}) node(i).expects("SCRIPT FLUSH").replies(kOk);
  client.receives(kOk);
  client.sends("EVALSHA " + sha + " 1 k");
  client.receives(kNoScript);
}

TEST_CASE_METHOD(DatabaseScripts, "a script waits while its database's slot is being moved") {
  select(1);
  client.sends("EVAL return 1 k");
  node(1).expectsAny().replies(ask("a", 2));
  settle();
  client.receivesNothing();
  giveSlot("a", 2);
  clock.advance(1s);
  node(2).expects("EVAL " + wrapped("return") + " 2 ~1{a}k ~{a} ~1{a}").replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(DatabaseScripts, "an error names the script, and keys, as the client does") {
  const auto error = [](std::string_view key, const std::string& script) {
    return "-ERR no " + std::string(key) + " script: " + ScriptCache::sha1Of(script) +
           ", on @user_script:1.\r\n";
  };
  select(1);
  client.sends("EVAL return 1 k");
  node(1).expectsAny().replies(error("~1{a}k", wrapped("return")));
  client.receives(error("k", "return"));
  client.sends({"MULTI", "EVAL return 1 k", "EXEC"});
  const Batch batch(node(1), {"EVAL " + wrapped("return") + " 2 ~1{a}k ~{a} ~1{a}"});
  batch.replies("*1\r\n" + error("~1{a}k", wrapped("return")));
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n" + error("k", "return"));
}

TEST_CASE_METHOD(DatabaseScripts, "what is wrong with the count of keys a node says") {
  select(1);
  client.sends({"EVAL return 1x k", "EVAL return 1 k"});
  node(1).expects("EVAL return 1x ~1{a}k").replies("-ERR value is not an integer or out of range\r\n");
  node(1).expectsAny().replies(":1\r\n");
  client.receives("-ERR value is not an integer or out of range\r\n:1\r\n");
}

TEST_CASE_METHOD(DatabaseScripts,
                 "a script's line of engine and flags stays the first one, and all lines their number") {
  const std::string plain = wrapped("return 1\nerror");
  CHECK(plain.ends_with("return 1\nerror"));
  CHECK(std::count(plain.begin(), plain.end(), '\n') == 1);
  const std::string flagged = wrapped("#!lua flags=no-writes\nreturn 1\n");
  CHECK(flagged.starts_with("#!lua flags=no-writes\n local redis"));
  CHECK(flagged.ends_with(" return 1\n"));
  CHECK(std::count(flagged.begin(), flagged.end(), '\n') == 2);
  CHECK(wrapped("#!lua") == "#!lua");
  CHECK(wrapped("#!lua flags=no-cluster\nreturn 1").starts_with("#!lua\n local redis"));
}

}  // namespace slotless::test
