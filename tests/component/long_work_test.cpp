// What takes long is done in pieces: while one client's is, others are answered in the same turn.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "batch.h"
#include "proxy/dispatch/work.h"
#include "proxy/telemetry/loop_turns.h"

namespace slotless::test {

namespace {

constexpr std::size_t kKeys = 60'000;
// So much of a work is done in a turn of the loop, which has two ends.
constexpr std::size_t kUnitsPerTurn = 2 * session::Workbench::kUnitsPerTurn;

// {a}0 {b}1 {c}2 {a}3 …: one part for each node.
std::string manyKeys(std::size_t count, std::string_view behind = {}) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    (((text += " {") += "abc"[i % 3]) += '}') += std::to_string(i);
    text += behind;
  }
  return text;
}

std::string manyChannels(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += " channel:" + std::to_string(i);
  return text;
}

class LongWork : public Stage {
 public:
  // Lets the loop turn until `done`, while another client sends one PING after the other, each of which has
  // to be answered in the turn that it comes in. How many turns that takes.
  std::size_t turnsUntil(const std::function<bool()>& done) {
    FakeConnection& pinging = other.connection();
    std::size_t turns = 0;
    for (; !done() && turns < kMostTurns; ++turns) {
      pinging.push("PING\r\n");
      loop.turn();
      REQUIRE(pinging.takeWritten() == "+PONG\r\n");
      for (std::size_t i = 1; i <= kNodes; ++i) node(i).serve();
    }
    REQUIRE(turns < kMostTurns);
    return turns;
  }
  std::size_t arrived() {
    std::size_t requests = 0;
    for (std::size_t i = 1; i <= kNodes; ++i) requests += node(i).unexpected();
    return requests;
  }
  // All that is sent to the nodes' subscription feeds is answered.
  void answerFeeds() {
    for (std::size_t i = 1; i <= kNodes; ++i) {
      while (const auto received = node(i).next()) {
        received->connection().push("*3\r\n" + bulk(received->words()[0]) + bulk(received->words()[1]) +
                                    ":1\r\n");
      }
    }
  }
  // The client has so many channels, and has been told.
  void subscribes(std::size_t channels) {
    client.connection().push(request("SUBSCRIBE" + manyChannels(channels)));
    const std::string last = ":" + std::to_string(channels) + "\r\n";
    turnsUntil([&] {
      answerFeeds();
      return client.connection().written().ends_with(last);
    });
    const std::string got = client.takes();
    const auto notices = std::count(got.begin(), got.end(), ':') / 2;  // one in the channel's name
    CHECK(notices == static_cast<std::ptrdiff_t>(channels));
  }

 private:
  static constexpr std::size_t kMostTurns = 5'000;
};

}  // namespace

TEST_CASE_METHOD(LongWork, "while a DEL of many keys is split and sent, another client is answered") {
  worker();
  settle();
  client.connection().push(request("DEL" + manyKeys(kKeys)) + request("GET a"));
  const std::size_t turns = turnsUntil([&] { return arrived() == kNodes + 1; });
  CHECK(turns >= 2 * 2 * kKeys / kUnitsPerTurn);
  // In the order of the keys, and before what the client has sent behind it.
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received part = node(i).expectsAny();
    CHECK(part.words().size() == 1 + kKeys / 3);
    CHECK(part.words()[0] == "DEL");
    part.replies(":" + std::to_string(i) + "\r\n");
  }
  client.receives(":6\r\n");
  node(1).expects("GET a").replies("$-1\r\n");
  client.receives("$-1\r\n");
}

TEST_CASE_METHOD(LongWork, "while the reply of an MGET of many keys is put together, others are answered") {
  client.connection().push(request("MGET" + manyKeys(kKeys)));
  turnsUntil([&] { return arrived() == kNodes; });
  std::string expected = "*" + std::to_string(kKeys) + "\r\n";
  for (std::size_t i = 0; i < kKeys; ++i) expected += bulk("v" + std::to_string(i));
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received part = node(i).expectsAny();
    std::string reply = "*" + std::to_string(kKeys / 3) + "\r\n";
    for (std::size_t k = 1; k < part.words().size(); ++k) reply += bulk("v" + part.words()[k].substr(3));
    part.connection().push(reply);
  }
  const std::size_t turns =
      turnsUntil([&] { return client.connection().written().size() == expected.size(); });
  CHECK(turns >= 2 * kKeys / kUnitsPerTurn);
  const bool same = client.takes() == expected;
  CHECK(same);
}

TEST_CASE_METHOD(LongWork, "while a SORT without look-ups is put in order, others are answered") {
  constexpr int kCount = 5000;
  std::string set = "*" + std::to_string(kCount) + "\r\n";
  std::string push = "RPUSH {b}to";
  for (int i = 0; i < kCount; ++i) {
    set += bulk(std::to_string(9999 - i));
    push += " " + std::to_string(5000 + i);
  }
  const auto begin = [&] {
    client.sends("SORT {a}set BY nosort STORE {b}to");
    const Received sort = node(1).expects("SORT {a}set BY nosort");
    node(1).expects("TYPE {a}set");
    sort.connection().push(set + "+set\r\n");
  };
  begin();
  const std::size_t turns = turnsUntil([&] { return arrived() == 4; });
  CHECK(turns >= 3);
  Batch(node(2), {"DEL {b}to", push}).replies("*2\r\n:0\r\n:5000\r\n");
  client.receives(":5000\r\n");
  begin();
  loop.turn();
  CHECK(arrived() == 0);
  // Also for a client that has left.
  client.resets();
  turnsUntil([&] { return arrived() == 4; });
  Batch(node(2), {"DEL {b}to", push}).replies("*2\r\n:0\r\n:5000\r\n");
  CHECK(worker().requestsInUse() == 0);
}

// Each of its turns does so much and no more; that a turn which no event has begun is counted like the
// others.
TEST_CASE_METHOD(LongWork, "each turn is counted, also one that goes on with what the last has left") {
  worker();
  settle();
  const auto counted = [] {
    std::uint64_t turns = 0;
    for (const auto& bucket : telemetry::turnsOfThisThread().lengths.buckets) turns += bucket.value();
    return turns;
  };
  std::uint64_t before = counted();
  loop.turn();
  CHECK(counted() == before);  // nothing has happened
  client.sends("PING");
  client.receives("+PONG\r\n");
  CHECK(counted() > before);
  before = counted();
  client.connection().push(request("DEL" + manyKeys(kKeys)));
  std::size_t turns = 0;
  std::size_t uncounted = 0;
  for (; arrived() < kNodes; ++turns) {
    REQUIRE(turns < 1000);
    const std::uint64_t then = counted();
    loop.turn();
    if (counted() == then) ++uncounted;
    for (std::size_t i = 1; i <= kNodes; ++i) node(i).serve();
  }
  CHECK(turns >= 2 * kKeys / kUnitsPerTurn);
  CHECK(uncounted == 0);
  CHECK(counted() - before >= 2 * kKeys / session::Workbench::kUnitsPerTurn);
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsAny().replies(":1\r\n");
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(LongWork, "an MSET of many keys keeps each value behind its key") {
  client.sends("MSET" + manyKeys(kKeys, " x"));
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received part = node(i).expectsAny();
    REQUIRE(part.words().size() == 1 + 2 * kKeys / 3);
    CHECK(part.words()[2] == "x");
    CHECK(part.words()[1].front() == '{');
    part.replies("+OK\r\n");
  }
  client.receives("+OK\r\n");
}

TEST_CASE_METHOD(LongWork, "many keys of one slot go to their node as they have come") {
  std::string keys;
  for (std::size_t i = 0; i < kKeys; ++i) keys += " {a}" + std::to_string(i);
  client.sends({"DEL" + keys, "GET a"});
  node(1).expects("DEL" + keys).replies(":1\r\n");
  node(1).expects("GET a").replies("$-1\r\n");
  client.receives(":1\r\n$-1\r\n");
}

TEST_CASE_METHOD(LongWork, "many keys of several slots are refused where splitting is not allowed") {
  config.crossSlot = config::CrossSlot::Error;
  client.sends({"DEL" + manyKeys(kKeys), "PING"});
  client.receives("-CROSSSLOT Keys in request don't hash to the same slot\r\n+PONG\r\n");
}

TEST_CASE_METHOD(LongWork, "in a pinned database many keys get their names piece by piece") {
  config.databases = 2;
  client.sends({"SELECT 1", "DEL" + manyKeys(kKeys), "EXISTS k"});
  client.receives("+OK\r\n");
  std::size_t owner = 0;
  for (std::size_t i = 1; i <= kNodes; ++i) owner = node(i).unexpected() > 0 ? i : owner;
  REQUIRE(owner > 0);
  const Received all = node(owner).expectsAny();
  REQUIRE(all.words().size() == 1 + kKeys);
  CHECK(all.words()[1].starts_with("~1{"));
  CHECK(all.words()[1].ends_with("{a}0"));
  all.replies(":3\r\n");
  node(owner).expectsAny().replies(":1\r\n");
  client.receives(":3\r\n:1\r\n");
}

TEST_CASE_METHOD(LongWork, "among many keys one that is reserved is refused as among few") {
  config.databases = 2;
  client.sends({"DEL" + manyKeys(kKeys) + " ~1{x}y", "PING"});
  client.receives("-ERR Keys that begin like '~1{' or '~1:' are reserved for other databases\r\n+PONG\r\n");
}

TEST_CASE_METHOD(LongWork, "among many keys one of the proxy's own is refused") {
  client.sends({"DEL" + manyKeys(kKeys) + " ~{scan:1}", "PING"});
  client.receives("-ERR Keys of this name are reserved: Slotless writes them itself\r\n+PONG\r\n");
}

TEST_CASE_METHOD(LongWork, "a client may leave in the middle of its long command") {
  client.connection().push(request("DEL" + manyKeys(kKeys)));
  for (int i = 0; i < 6; ++i) loop.turn();
  client.resets();
  for (std::size_t i = 1; i <= kNodes; ++i) {
    while (node(i).unexpected() > 0) node(i).expectsAny().replies(":1\r\n");
  }
}

TEST_CASE_METHOD(LongWork, "a client may leave while its long reply is put together") {
  client.connection().push(request("MGET" + manyKeys(kKeys)));
  turnsUntil([&] { return arrived() == kNodes; });
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received part = node(i).expectsAny();
    std::string reply = "*" + std::to_string(kKeys / 3) + "\r\n";
    for (std::size_t k = 0; k < kKeys / 3; ++k) reply += "$-1\r\n";
    part.connection().push(reply);
  }
  turnsUntil([&] { return !client.connection().written().empty(); });
  client.resets();
  client.takes();
}

TEST_CASE_METHOD(LongWork, "SUBSCRIBE, UNSUBSCRIBE and leaving with many channels keep nobody waiting") {
  constexpr std::size_t kChannels = 5'000;
  worker();
  subscribes(kChannels);
  CHECK(metrics().subscriptions.value() == kChannels);
  client.connection().push(request("UNSUBSCRIBE"));
  std::size_t turns = turnsUntil([&] {
    answerFeeds();
    return client.connection().written().ends_with(":0\r\n");
  });
  CHECK(turns >= 20 * kChannels / kUnitsPerTurn);
  client.takes();
  answerFeeds();
  settle();
  CHECK(metrics().subscriptions.value() == 0);
  CHECK(metrics().upstreamSubscriptions.value() == 0);

  subscribes(kChannels);
  client.connection().reset();
  turns = turnsUntil([&] {
    answerFeeds();
    return metrics().subscriptions.value() == 0;
  });
  CHECK(turns >= 20 * kChannels / kUnitsPerTurn);
  answerFeeds();
  settle();
}

TEST_CASE_METHOD(LongWork, "UNSUBSCRIBE from many channels by name answers each, subscribed or not") {
  constexpr std::size_t kChannels = 200;
  subscribes(kChannels / 2);
  client.sends({"UNSUBSCRIBE" + manyChannels(kChannels), "PING"});
  answerFeeds();
  const std::string got = client.takes();
  CHECK(std::count(got.begin(), got.end(), '*') == static_cast<std::ptrdiff_t>(kChannels));
  CHECK(got.ends_with(":0\r\n+PONG\r\n"));
}

TEST_CASE_METHOD(LongWork,
                 "a long SUBSCRIBE that a node refuses gives one error, and the next command runs") {
  constexpr std::size_t kChannels = 300;
  client.sends({"SUBSCRIBE" + manyChannels(kChannels), "PING"});
  for (std::size_t i = 1; i <= kNodes; ++i) {
    while (node(i).unexpected() > 0) {
      const Received received = node(i).expectsAny();
      received.connection().push("-NOPERM this user has no permissions\r\n");
    }
  }
  client.receives("-NOPERM this user has no permissions\r\n+PONG\r\n");
  answerFeeds();
  settle();
  answerFeeds();
}

TEST_CASE_METHOD(LongWork, "RESET with many subscriptions answers at once and ends them piece by piece") {
  constexpr std::size_t kChannels = 3'000;
  subscribes(kChannels);
  client.connection().push(request("RESET"));
  turnsUntil([&] { return !client.connection().written().empty(); });
  client.receives("+RESET\r\n");
  answerFeeds();
  settle();
  answerFeeds();
  CHECK(metrics().subscriptions.value() == 0);
}

TEST_CASE_METHOD(LongWork, "EXEC of many commands that the proxy answers itself keeps nobody waiting") {
  constexpr std::size_t kCommands = 40'000;
  std::string queued;
  for (std::size_t i = 0; i < kCommands; ++i) queued += "PING\r\n";
  client.sendsBytes("MULTI\r\n" + queued);
  client.takes();
  client.connection().push("EXEC\r\nSELECT 0\r\n");
  std::string expected = "*" + std::to_string(kCommands) + "\r\n";
  for (std::size_t i = 0; i < kCommands; ++i) expected += "+PONG\r\n";
  expected += "+OK\r\n";
  const std::size_t turns =
      turnsUntil([&] { return client.connection().written().size() == expected.size(); });
  CHECK(turns >= 4 * kCommands / kUnitsPerTurn);
  const bool same = client.takes() == expected;
  CHECK(same);
}

TEST_CASE_METHOD(LongWork, "EXEC with many of its replies from a node and many of the proxy's own") {
  constexpr std::size_t kPairs = 3'000;
  std::string queued;
  std::string nodes = "*" + std::to_string(kPairs) + "\r\n";
  std::string expected = "*" + std::to_string(2 * kPairs) + "\r\n";
  for (std::size_t i = 0; i < kPairs; ++i) {
    queued += "SET a 1\r\nPING\r\n";
    nodes += "+OK\r\n";
    expected += "+OK\r\n+PONG\r\n";
  }
  client.sendsBytes("MULTI\r\n" + queued);
  client.takes();
  client.sendsBytes("EXEC\r\n");
  REQUIRE(node(1).unexpected() == kPairs + 2);
  std::string replies = "+OK\r\n";
  for (std::size_t i = 0; i < kPairs; ++i) replies += "+QUEUED\r\n";
  while (node(1).unexpected() > 1) node(1).expectsAny();
  node(1).expects("EXEC").replies(replies + nodes);
  const bool same = client.takes() == expected;
  CHECK(same);
}

TEST_CASE_METHOD(LongWork,
                 "a long transaction that is given up, or whose client leaves, keeps nobody waiting") {
  constexpr std::size_t kCommands = 30'000;
  std::string queued = "MULTI\r\n";
  for (std::size_t i = 0; i < kCommands; ++i) queued += "SET a 1\r\n";
  client.sendsBytes(queued);
  client.takes();
  client.sends({"DISCARD", "PING"});
  client.receives("+OK\r\n+PONG\r\n");
  client.sendsBytes(queued);
  client.takes();
  client.resets();
}

TEST_CASE_METHOD(LongWork,
                 "of a client's long pipeline only so much is taken up before others get their turn") {
  constexpr std::size_t kPings = 100'000;
  std::string pings;
  for (std::size_t i = 0; i < kPings; ++i) pings += "PING\r\n";
  client.connection().push(pings);
  const std::size_t bytes = kPings * 7;
  std::size_t before = 0;
  turnsUntil([&] {
    const std::size_t now = client.connection().written().size();
    CHECK(now - before <= 7 * 2 * 8 * 1000);  // of two ends of a turn, of eight rounds each
    before = now;
    return now == bytes;
  });
  client.takes();
}

TEST_CASE_METHOD(LongWork, "long works take turns") {
  FakeClient& third = addClient();
  client.connection().push(request("DEL" + manyKeys(kKeys)));
  third.connection().push(request("UNLINK" + manyKeys(kKeys)));
  // Neither waits for the other to finish: both first parts are there before the last one of either.
  turnsUntil([&] { return node(1).unexpected() == 2; });
  CHECK(node(3).unexpected() == 0);
  turnsUntil([&] { return arrived() == 2 * kNodes; });
  for (std::size_t i = 1; i <= kNodes; ++i) {
    for (int part = 0; part < 2; ++part) node(i).expectsAny().replies(":1\r\n");
  }
  client.receives(":3\r\n");
  third.receives(":3\r\n");
}

TEST_CASE_METHOD(LongWork, "many subscriptions are made anew in pieces when their node comes back") {
  constexpr std::size_t kChannels = 9'000;
  subscribes(kChannels);
  node(1).connection().reset();
  turnsUntil([&] { return node(1).unexpected() > 0; });
  CHECK(node(1).unexpected() < kChannels / kNodes * 8 / 10);
  turnsUntil([&] { return node(1).unexpected() > kChannels / kNodes * 9 / 10; });
  answerFeeds();
  settle();
  CHECK(metrics().upstreamSubscriptions.value() == kChannels);
  client.connection().reset();
  settle();
  answerFeeds();
}

TEST_CASE_METHOD(LongWork, "of a very long request the slow log looks at the beginning only") {
  config.slowlogLogSlowerThan = 0;
  std::string keys;
  for (std::size_t i = 0; i < kKeys; ++i) keys += " {a}" + std::to_string(i);
  client.sends("DEL" + keys);
  node(1).expectsAny().replies(":1\r\n");
  client.receives(":1\r\n");
  client.sends("SET a " + std::string(500'000, 'x'));
  node(1).expectsAny().replies("+OK\r\n");
  client.receives("+OK\r\n");
  client.sends("SLOWLOG GET 2");
  const std::string got = client.takes();
  CHECK(got.find(bulk("{a}29")) != std::string::npos);
  CHECK(got.find(bulk("{a}30")) == std::string::npos);
  CHECK(got.find(bulk("... (59970 more arguments)")) != std::string::npos);
  CHECK(got.find(std::string(128, 'x') + "... (499872 more bytes)") != std::string::npos);
}

TEST_CASE_METHOD(LongWork, "CLIENT LIST and KILL go over many clients in pieces") {
  constexpr std::size_t kClients = 2'000;
  std::vector<FakeClient*> many;
  for (std::size_t i = 0; i < kClients; ++i) many.push_back(&addClient());
  for (FakeClient* each : many) each->connection();
  settle();
  client.connection().push("CLIENT LIST\r\n");
  std::size_t turns = turnsUntil([&] { return !client.connection().written().empty(); });
  CHECK(turns >= 2);
  const std::string list = client.takes();
  CHECK(std::count(list.begin(), list.end(), '\n') >= static_cast<std::ptrdiff_t>(kClients + 2));
  client.connection().push("CLIENT KILL TYPE normal ADDR 127.0.0.1:1\r\n");
  turns = turnsUntil([&] { return !client.connection().written().empty(); });
  CHECK(turns >= 2);
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(
    LongWork,
    "hundreds of thousands of tiny arguments are taken in pieces, however their client sends them") {
  constexpr std::size_t kArguments = 400'000;
  std::string text = "*" + std::to_string(kArguments + 1) + "\r\n$3\r\nDEL\r\n";
  for (std::size_t i = 0; i < kArguments; ++i) text += "$1\r\na\r\n";
  // So much is read in a turn of the loop, and then made into so many arguments.
  constexpr std::size_t kBytesPerTurn = std::size_t{2} * 256 * 1024;
  constexpr std::size_t kArgumentsPerTurn = std::size_t{2} * 65'536;
  client.connection().push(text);
  std::size_t before = text.size();
  std::size_t turns = turnsUntil([&] {
    const std::size_t now = client.connection().unread();
    CHECK(before - now <= kBytesPerTurn);
    before = now;
    return arrived() == 1;
  });
  CHECK(turns >= text.size() / kBytesPerTurn + kArguments / kArgumentsPerTurn);
  const Received del = node(1).expectsAny();
  CHECK(del.words().size() == kArguments + 1);
  del.replies(":1\r\n");
  client.receives(":1\r\n");
  // It leaves before the last of them has come: what it has sent is given up in pieces, too.
  text.resize(text.size() - 10);
  client.connection().push(text);
  turnsUntil([&] { return client.connection().unread() == 0; });
  client.connection().reset();
  turns = turnsUntil([&] { return worker().clientCount() == 1; });
  settle();
  CHECK(worker().clientCount() == 1);
}

TEST_CASE_METHOD(LongWork, "a MULTI of many commands for one slot, and its reply, keep nobody waiting") {
  constexpr std::size_t kCommands = 50'000;
  std::string queued = request("MULTI");
  for (std::size_t i = 0; i < kCommands; ++i) queued += request("SET a 1");
  client.connection().push(queued);
  constexpr std::size_t kQueuedPerTurn = std::size_t{2} * 8 * 1000;  // as of any pipeline
  std::size_t before = 0;
  const std::size_t bytes = 5 + kCommands * 9;
  turnsUntil([&] {
    const std::size_t now = client.connection().written().size();
    CHECK(now - before <= 9 * kQueuedPerTurn);
    before = now;
    return now == bytes;
  });
  client.takes();
  client.connection().push(request("EXEC"));
  turnsUntil([&] { return arrived() == kCommands + 2; });
  std::string reply = "+OK\r\n";
  for (std::size_t i = 0; i < kCommands; ++i) reply += "+QUEUED\r\n";
  std::string array = "*" + std::to_string(kCommands) + "\r\n";
  for (std::size_t i = 0; i < kCommands; ++i) array += "+OK\r\n";
  while (node(1).unexpected() > 1) node(1).next();
  node(1).expectsAny().connection().push(reply + array);
  turnsUntil([&] { return client.connection().written().size() == array.size(); });
  const bool same = client.takes() == array;
  CHECK(same);
}

}  // namespace slotless::test
