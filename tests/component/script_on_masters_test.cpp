// Scripts without keys that look at a whole database which several masters have.
#include <array>

#include "batch.h"
#include "protocol/command_table.h"
#include "proxy/databases/node_scripts.h"
#include "proxy/databases/script_guard.h"
#include "proxy/scripts/script_cache.h"

namespace slotless::test {

namespace {
using session::ScriptCache;

constexpr std::string_view kTryAgainLater =
    "-TRYAGAIN Slots are being moved: a script that all masters run has to wait until that is over\r\n";

constexpr std::string_view kHalfDone =
    "-TRYAGAIN Slots are being moved: the script has been run, but not about the keys in them\r\n";
constexpr std::string_view kHasChanged = "-SLOTSCHANGED since this node has been asked for them\r\n";

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
  // What each node says of its slots. Slot 15495 is the one of key a.
  std::array<std::string, kNodes> slots = {"10923-16383", "0-5460", "5461-10922"};
  static constexpr std::string_view kRangesWithoutA = "10923-15494 15496-16383";
  std::string view(std::size_t number) const {
    return bulk("n1 10.0.0.1:7001@17001 myself,master - 0 0 1 connected " + slots.at(number - 1) + "\n");
  }
  void says(std::size_t number) { node(number).expects("CLUSTER NODES").replies(view(number)); }
  void nodesAreAsked() {
    for (std::size_t i = 1; i <= kNodes; ++i) says(i);
  }
  // Slot 15495 is on its way from node 1 to node 2.
  void moveA() {
    slots[0] = "10923-16383 [15495->-n2]";
    slots[1] = "0-5460 [15495-<-n1]";
  }
  // … and has come there; who asks first sees it at both.
  void endMoveOfA() {
    slots[0] = kRangesWithoutA;
    slots[1] = "0-5460 15495";
    giveSlot("a", 2);
  }
  // The one that any request has come to.
  FakeNode& chosen() {
    settle();
    for (std::size_t i = 1; i <= kNodes; ++i) {
      if (node(i).unexpected() > 0) return node(i);
    }
    return node(1);
  }
  // Whenever they are asked nodes say the same.
  void waitInVain(net::Millis duration) {
    for (net::Millis passed{0}; passed <= duration; passed += 10ms) {
      clock.advance(10ms);
      for (std::size_t i = 1; i <= kNodes; ++i) {
        if (node(i).unexpected() > 0) says(i);
      }
    }
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
  // What each node gets is that, about its share, which stands before the last two words.
  std::vector<Received> expectRun(const std::vector<std::string>& words,
                                  const std::array<std::string, kNodes>& shares = {}) {
    std::vector<Received> all;
    for (std::size_t i = 1; i <= kNodes; ++i) all.push_back(expectRunOf(i, words, shares.at(i - 1)));
    return all;
  }
  Received expectRunOf(std::size_t number, std::vector<std::string> words, const std::string& share) {
    words.insert(words.end() - 2, {share, slots.at(number - 1)});
    Received got = node(number).expectsAny();
    CHECK(got.words() == Words(words.begin(), words.end()));
    return got;
  }
  void answer(const std::vector<Received>& all, const std::vector<std::string>& replies) {
    for (std::size_t i = 0; i < all.size(); ++i) all[i].replies(replies[i]);
  }
};
}  // namespace

TEST_CASE_METHOD(OnMasters, "on masters: numbers are added, once no slots are on their way") {
  sends({"EVAL", kCount, "0"});
  says(1);
  says(2);
  settle();
  node(1).expectsNothing();
  says(3);
  answer(expectRun({"eval", wrapped(kCount), "0", "1", ""}), {":1\r\n", ":2\r\n", ":0\r\n"});
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: the same everywhere is said once, and the arguments stay") {
  sends({"EVAL", kDelete, "0", "x*", "y"});
  nodesAreAsked();
  answer(expectRun({"eval", wrapped(kDelete), "0", "x*", "y", "1", ""}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: lists of keys follow each other, and any key is one") {
  const std::string keys = "return redis.call('keys','*')";
  sends({"EVAL_RO", keys, "0"});
  nodesAreAsked();
  answer(expectRun({"eval_ro", wrapped(keys), "0", "1", ""}),
         {"*1\r\n$1\r\na\r\n", "*0\r\n", "*2\r\n$1\r\nc\r\n$1\r\ng\r\n"});
  client.receives("*3\r\n$1\r\nc\r\n$1\r\ng\r\n$1\r\na\r\n");
  const std::string random = "return redis.call('randomkey')";
  sends({"EVAL", random, "0"});
  nodesAreAsked();
  answer(expectRun({"eval", wrapped(random), "0", "1", ""}), {"$-1\r\n", "$1\r\nb\r\n", "$-1\r\n"});
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
    nodesAreAsked();
    answer(expectRun({word == "EVALSHA" ? "eval" : "eval_ro", wrapped(kCount), "0", "1", ""}),
           {":1\r\n", ":1\r\n", ":1\r\n"});
    client.receives(":3\r\n");
  }
}

TEST_CASE_METHOD(OnMasters, "on masters: a spread and a grouped database have their keys told from others") {
  select(3);
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  answer(expectRun({"eval", wrapped(kCount), "0", "1", "~3:"}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":3\r\n");
  select(2);
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  answer(expectRun({"eval", wrapped(kCount), "0", "1", "~2{???}"}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: where no database has names of its own nothing is told apart") {
  config.databases = 1;
  config.databaseLayout = {};
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  answer(expectRun({"eval", wrapped(kCount), "0", "0", ""}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":3\r\n");
}

const std::vector<std::string> kCounts = {"eval", OnMasters::wrapped(kCount), "0", "1", ""};
const std::array<std::string, kNodes> kBesidesA = {std::string(OnMasters::kRangesWithoutA), "0-5460"};

TEST_CASE_METHOD(OnMasters,
                 "on masters: a slot that is on its way is waited for, and then run about by who has it") {
  moveA();
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  answer(expectRun(kCounts, kBesidesA), {":1\r\n", ":2\r\n", ":4\r\n"});
  client.receivesNothing();
  clock.advance(1ms);
  nodesAreAsked();
  settle();
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
  endMoveOfA();
  clock.advance(2ms);
  nodesAreAsked();
  expectRunOf(2, kCounts, "15495-15495").replies(":8\r\n");
  client.receives(":15\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: a move that is broken off leaves the slot to who has it") {
  moveA();
  sends({"EVAL", kDelete, "0", "x*"});
  nodesAreAsked();
  const std::vector<std::string> words = {"eval", wrapped(kDelete), "0", "x*", "1", ""};
  answer(expectRun(words, kBesidesA), {":1\r\n", ":1\r\n", ":1\r\n"});
  slots[0] = "10923-16383";
  slots[1] = "0-5460";
  clock.advance(1ms);
  nodesAreAsked();
  expectRunOf(1, words, "15495-15495").replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: a node whose slots have changed since it was asked is asked again") {
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  std::vector<Received> all = expectRun(kCounts);
  answer(all, {":1\r\n", std::string(kHasChanged), ":4\r\n"});
  // Node 1 has run it about slot 15495, which node 2 has now.
  endMoveOfA();
  clock.advance(1ms);
  nodesAreAsked();
  expectRunOf(2, kCounts, "0-5460").replies(":2\r\n");
  client.receives(":7\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: an error ends it, also where another node has not begun") {
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  answer(expectRun(kCounts), {"-ERR x\r\n", std::string(kHasChanged), ":4\r\n"});
  client.receives("-ERR x\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: hold-timeout ends the waiting, and the answer tells what was done") {
  config.holdTimeout = 1s;
  moveA();
  slots[2] = "5461-10922 [15495-<-n1]";
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  answer(expectRun(kCounts, {std::string(kRangesWithoutA), "0-5460", "5461-10922"}),
         {":1\r\n", ":2\r\n", ":4\r\n"});
  waitInVain(1s);
  client.receives(kHalfDone);

  // Nobody says that it has any.
  slots = {};
  sends({"EVAL", kCount, "0"}, &other);
  nodesAreAsked();
  waitInVain(1s);
  other.receives(kTryAgainLater);
}

TEST_CASE_METHOD(OnMasters, "on masters: where nothing is held nothing waits for slots either") {
  config.holdMaxRequests = 0;
  moveA();
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  answer(expectRun(kCounts, kBesidesA), {":1\r\n", ":2\r\n", ":4\r\n"});
  client.receives(kHalfDone);
}

TEST_CASE_METHOD(OnMasters, "on masters: who leaves while slots are waited for leaves nothing behind") {
  moveA();
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  answer(expectRun(kCounts, kBesidesA), {":1\r\n", ":2\r\n", ":4\r\n"});
  client.receivesNothing();
  client.resets();
  clock.advance(1s);
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
}

TEST_CASE_METHOD(OnMasters, "on masters: who has ended its input gets its answer all the same") {
  moveA();
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  answer(expectRun(kCounts, kBesidesA), {":1\r\n", ":2\r\n", ":4\r\n"});
  client.leaves();
  endMoveOfA();
  clock.advance(1ms);
  nodesAreAsked();
  expectRunOf(2, kCounts, "15495-15495").replies(":8\r\n");
  client.receives(":15\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: words of the servers that a script says itself are its own") {
  sends({"EVAL", kDelete, "0", "x*"});
  nodesAreAsked();
  answer(expectRun({"eval", wrapped(kDelete), "0", "x*", "1", ""}),
         {":1\r\n", "-TRYAGAIN later\r\n", ":1\r\n"});
  client.receives("-TRYAGAIN later\r\n");
  clock.advance(1s);
  node(2).expectsNothing();
}

TEST_CASE_METHOD(OnMasters, "on masters: a node that may not be asked for that is taken not to move any") {
  sends({"EVAL", kCount, "0"});
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i)
        .expects("CLUSTER NODES")
        .replies("-NOPERM User proxy has no permissions to run the 'cluster|nodes' command\r\n");
  slots = {};  // nothing is known to have been said of them
  answer(expectRun({"eval", wrapped(kCount), "0", "1", ""}), {":1\r\n", ":1\r\n", ":1\r\n"});
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: nothing runs if one of them cannot be reached") {
  config.holdTimeout = 1s;
  node(2).refusesConnections();
  sends({"EVAL", kDelete, "0", "x*"});
  says(1);
  says(3);
  clock.advance(2s);
  client.receives(kNoMaster);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(OnMasters,
                 "on masters: an error of one of them is the answer, as the client knows the script") {
  sends({"EVAL", kDelete, "0", "x*"});
  nodesAreAsked();
  const std::vector<Received> all = expectRun({"eval", wrapped(kDelete), "0", "x*", "1", ""});
  answer(all, {":1\r\n", "-ERR x script: " + ScriptCache::sha1Of(wrapped(kDelete)) + ", on y\r\n", ":1\r\n"});
  client.receives("-ERR x script: " + ScriptCache::sha1Of(kDelete) + ", on y\r\n");
}

TEST_CASE_METHOD(OnMasters, "on masters: a read is repeated when its link breaks, a write is not") {
  sends({"EVAL", kCount, "0"});
  nodesAreAsked();
  std::vector<Received> all = expectRun({"eval", wrapped(kCount), "0", "1", ""});
  all[1].connection().reset();
  all[0].replies(":1\r\n");
  all[2].replies(":1\r\n");
  clock.advance(200ms);
  node(2).expectsAny().replies(":5\r\n");
  client.receives(":7\r\n");

  config.writeOnLostLink = config::WriteOnLostLink::Error;
  sends({"EVAL", kDelete, "0", "x*"}, &other);
  nodesAreAsked();
  all = expectRun({"eval", wrapped(kDelete), "0", "x*", "1", ""});
  all[1].connection().reset();
  all[0].replies(":1\r\n");
  all[2].replies(":1\r\n");
  other.receives(kAmbiguous);
  clock.advance(200ms);
  node(2).expectsNothing();
}

TEST_CASE_METHOD(OnMasters, "on masters: a cluster that changes meanwhile is asked anew") {
  sends({"EVAL", kCount, "0"});
  says(1);
  says(2);
  endMoveOfA();
  says(3);
  nodesAreAsked();
  answer(expectRun({"eval", wrapped(kCount), "0", "1", ""}), {":1\r\n", ":2\r\n", ":3\r\n"});
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
  nodesAreAsked();
  answer(expectRun({"eval", wrapped(kCount), "0", "1", ""}), {":1\r\n", ":1\r\n", ":1\r\n"});
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
