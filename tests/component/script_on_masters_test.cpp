// Scripts without keys that look at a whole database which several masters have.
#include "batch.h"
#include "protocol/command_table.h"
#include "proxy/databases/node_scripts.h"
#include "proxy/databases/script_guard.h"
#include "proxy/scripts/script_cache.h"

namespace slotless::test {

namespace {
using session::ScriptCache;

constexpr std::string_view kStable = "n1 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-5460\n";
constexpr std::string_view kMigrating =
    "n1 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-5460 [5->-n2]\n";
constexpr std::string_view kImporting =
    "n1 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-5460 [9000-<-n2]\n";
constexpr std::string_view kTryAgainLater =
    "-TRYAGAIN Slots are being moved: a script that all masters run has to wait until that is over\r\n";

const std::string kCount = "return redis.call('dbsize')";
const std::string kDelete =
    "for _,k in ipairs(redis.call('keys',ARGV[1])) do redis.call('del',k) end return 1";

// Database 1 is pinned, 2 in groups, 3 is spread.
struct OnMasters : Stage {
  OnMasters() {
    using config::DatabaseLayout;
    config.databases = 16;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                             {2, 2, DatabaseLayout::Grouped, "bull:*:"},
                             {3, 3, DatabaseLayout::Spread, ""}};
  }
  static std::string wrapped(const std::string& script) {
    return databases::wrapForNodes(script, *protocol::CommandTable::builtIn());
  }
  static std::string guarded(const std::string& script) {
    static const databases::ScriptGuard guard(*protocol::CommandTable::builtIn());
    return guard.wrap(script);
  }
  void select(int index) {
    client.sends("SELECT " + std::to_string(index));
    client.receives(kOk);
  }
  void sends(const std::vector<std::string>& words, FakeClient* who = nullptr) {
    std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) bytes += bulk(word);
    (who == nullptr ? client : *who).sendsBytes(bytes);
  }
  void nodesAre(std::string_view state) {
    for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("CLUSTER NODES").replies(bulk(state));
  }
  // The one that any request has come to.
  FakeNode& chosen() {
    settle();
    for (std::size_t i = 1; i <= kNodes; ++i) {
      if (node(i).unexpected() > 0) return node(i);
    }
    return node(1);
  }
  // What each node gets is that.
  std::vector<Received> expectOnAll(const std::vector<std::string>& words) {
    std::vector<Received> all;
    for (std::size_t i = 1; i <= kNodes; ++i) {
      all.push_back(node(i).expectsAny());
      CHECK(all.back().words() == Words(words.begin(), words.end()));
    }
    return all;
  }
  void answer(const std::vector<Received>& all, const std::vector<std::string>& replies) {
    for (std::size_t i = 0; i < all.size(); ++i) all[i].replies(replies[i]);
  }
};
}  // namespace

TEST_CASE_METHOD(OnMasters, "on masters: numbers are added, once no slots are on their way") {
  sends({"EVAL", kCount, "0"});
  node(1).expects("CLUSTER NODES").replies(bulk(kStable));
  node(2).expects("CLUSTER NODES").replies(bulk(kStable));
  settle();
  node(1).expectsNothing();
  node(3).expects("CLUSTER NODES").replies(bulk(kStable));
  answer(expectOnAll({"eval", wrapped(kCount), "0", "1", ""}), {":1\r\n", ":2\r\n", ":0\r\n"});
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: the same everywhere is said once, and the arguments stay") {
  sends({"EVAL", kDelete, "0", "x*", "y"});
  nodesAre(kStable);
  answer(expectOnAll({"eval", wrapped(kDelete), "0", "x*", "y", "1", ""}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: lists of keys follow each other, and any key is one") {
  const std::string keys = "return redis.call('keys','*')";
  sends({"EVAL_RO", keys, "0"});
  nodesAre(kStable);
  answer(expectOnAll({"eval_ro", wrapped(keys), "0", "1", ""}),
         {"*1\r\n$1\r\na\r\n", "*0\r\n", "*2\r\n$1\r\nc\r\n$1\r\ng\r\n"});
  client.receives("*3\r\n$1\r\nc\r\n$1\r\ng\r\n$1\r\na\r\n");
  const std::string random = "return redis.call('randomkey')";
  sends({"EVAL", random, "0"});
  nodesAre(kStable);
  answer(expectOnAll({"eval", wrapped(random), "0", "1", ""}), {"$-1\r\n", "$1\r\nb\r\n", "$-1\r\n"});
  client.receives("$1\r\nb\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: EVALSHA of what this process has seen runs its text") {
  const std::string sha = ScriptCache::sha1Of(kCount);
  sends({"EVALSHA", sha, "0"});
  chosen().expects("EVALSHA " + sha + " 0").replies("-NOSCRIPT No matching script. Please use EVAL.\r\n");
  client.receives("-NOSCRIPT No matching script. Please use EVAL.\r\n");
  sends({"SCRIPT", "LOAD", kCount});
  answer(expectOnAll({"SCRIPT", "LOAD", guarded(kCount)}),
         std::vector<std::string>(kNodes, bulk(ScriptCache::sha1Of(guarded(kCount)))));
  client.receives(bulk(sha));
  for (const std::string word : {"EVALSHA", "EVALSHA_RO"}) {
    sends({word, sha, "0"});
    nodesAre(kStable);
    answer(expectOnAll({word == "EVALSHA" ? "eval" : "eval_ro", wrapped(kCount), "0", "1", ""}),
           {":1\r\n", ":1\r\n", ":1\r\n"});
    client.receives(":3\r\n");
  }
}

TEST_CASE_METHOD(OnMasters, "on masters: a spread and a grouped database have their keys told from others") {
  select(3);
  sends({"EVAL", kCount, "0"});
  nodesAre(kStable);
  answer(expectOnAll({"eval", wrapped(kCount), "0", "1", "~3:"}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":3\r\n");
  select(2);
  sends({"EVAL", kCount, "0"});
  nodesAre(kStable);
  answer(expectOnAll({"eval", wrapped(kCount), "0", "1", "~2{???}"}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: where no database has names of its own nothing is told apart") {
  config.databases = 1;
  config.databaseLayout = {};
  sends({"EVAL", kCount, "0"});
  nodesAre(kStable);
  answer(expectOnAll({"eval", wrapped(kCount), "0", "0", ""}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: nothing runs while slots are on their way") {
  for (const std::string_view state : {kMigrating, kImporting}) {
    sends({"EVAL", kDelete, "0", "x*"});
    node(1).expects("CLUSTER NODES").replies(bulk(kStable));
    node(2).expects("CLUSTER NODES").replies(bulk(state));
    node(3).expects("CLUSTER NODES").replies(bulk(kStable));
    client.receives(kTryAgainLater);
  }
}

TEST_CASE_METHOD(OnMasters, "on masters: a node that may not be asked for that is taken not to move any") {
  sends({"EVAL", kCount, "0"});
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i)
        .expects("CLUSTER NODES")
        .replies("-NOPERM User proxy has no permissions to run the 'cluster|nodes' command\r\n");
  answer(expectOnAll({"eval", wrapped(kCount), "0", "1", ""}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: nothing runs if one of them cannot be reached") {
  config.holdTimeout = 1s;
  node(2).refusesConnections();
  sends({"EVAL", kDelete, "0", "x*"});
  node(1).expects("CLUSTER NODES").replies(bulk(kStable));
  node(3).expects("CLUSTER NODES").replies(bulk(kStable));
  clock.advance(2s);
  client.receives(kNoMaster);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(OnMasters,
                 "on masters: an error of one of them is the answer, as the client knows the script") {
  sends({"EVAL", kDelete, "0", "x*"});
  nodesAre(kStable);
  const std::vector<Received> all = expectOnAll({"eval", wrapped(kDelete), "0", "x*", "1", ""});
  answer(all, {":1\r\n", "-ERR x script: " + ScriptCache::sha1Of(wrapped(kDelete)) + ", on y\r\n", ":1\r\n"});
  client.receives("-ERR x script: " + ScriptCache::sha1Of(kDelete) + ", on y\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: a read is repeated when its link breaks, a write is not") {
  sends({"EVAL", kCount, "0"});
  nodesAre(kStable);
  std::vector<Received> all = expectOnAll({"eval", wrapped(kCount), "0", "1", ""});
  all[1].connection().reset();
  all[0].replies(":1\r\n");
  all[2].replies(":1\r\n");
  clock.advance(200ms);
  node(2).expectsAny().replies(":5\r\n");
  client.receives(":7\r\n");

  config.writeOnLostLink = config::WriteOnLostLink::Error;
  sends({"EVAL", kDelete, "0", "x*"}, &other);
  nodesAre(kStable);
  all = expectOnAll({"eval", wrapped(kDelete), "0", "x*", "1", ""});
  all[1].connection().reset();
  all[0].replies(":1\r\n");
  all[2].replies(":1\r\n");
  other.receives(kAmbiguous);
  clock.advance(200ms);
  node(2).expectsNothing();
}

TEST_CASE_METHOD(OnMasters, "on masters: a cluster that changes meanwhile is asked anew") {
  sends({"EVAL", kCount, "0"});
  node(1).expects("CLUSTER NODES").replies(bulk(kStable));
  node(2).expects("CLUSTER NODES").replies(bulk(kStable));
  giveSlot("a", 2);
  node(3).expects("CLUSTER NODES").replies(bulk(kStable));
  nodesAre(kStable);
  answer(expectOnAll({"eval", wrapped(kCount), "0", "1", ""}), {":1\r\n", ":2\r\n", ":3\r\n"});
  client.receives(":6\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: it waits for what is before it, and what is behind waits for it") {
  client.sends("SET a 1");
  const Received set = node(1).expects("SET a 1");
  sends({"EVAL", kCount, "0"});
  client.sends("GET a");
  settle();
  node(2).expectsNothing();
  set.replies(kOk);
  nodesAre(kStable);
  answer(expectOnAll({"eval", wrapped(kCount), "0", "1", ""}), {":1\r\n", ":1\r\n", ":1\r\n"});
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(std::string(kOk) + ":3\r\n" + bulk("1"));
}

TEST_CASE_METHOD(OnMasters,
                 "on masters: all other scripts go to one, and are refused when they look around") {
  // With keys; with an answer that is not told.
  sends({"EVAL", kCount, "1", "a"});
  Received got = node(1).expectsAny();
  CHECK(got.words()[1] == guarded(kCount));
  got.replies(":1\r\n");
  client.receives(":1\r\n");
  const std::string untold = "return redis.call('dbsize') > 0";
  sends({"EVAL", untold, "0"});
  got = chosen().expectsAny();
  CHECK(got.words()[1] == guarded(untold));
  got.replies(":1\r\n");
  client.receives(":1\r\n");
  // Within a transaction.
  client.sends("MULTI");
  sends({"EVAL", kCount, "0"});
  client.sends("EXEC");
  FakeNode& any = chosen();
  any.expects("MULTI");
  got = any.expectsAny();
  CHECK(got.words()[1] == guarded(kCount));
  any.expects("EXEC").replies("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
  client.receives(std::string(kOk) + std::string(kQueued) + "*1\r\n:1\r\n");
  // In a pinned database one node has it all.
  select(1);
  sends({"EVAL", kCount, "0"});
  got = node(1).expectsAny();
  CHECK(got.words()[2] == "1");
  got.replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: cross-slot error leaves them refused") {
  config.crossSlot = config::CrossSlot::Error;
  sends({"EVAL", kCount, "0"});
  const Received got = chosen().expectsAny();
  CHECK(got.words()[1] == guarded(kCount));
  got.replies(":1\r\n");
  client.receives(":1\r\n");
}

}  // namespace slotless::test
