// All that a client makes the process hold is on one account: told at what it costs, limited, given back. One
// row for each way to fill memory.
#include <algorithm>
#include <functional>
#include <string>

#include "proxy/net/heap_account.h"
#include "stage.h"

namespace slotless::test {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Their allocators add to each piece of memory what no account of ours knows.
constexpr double kSlack = 2.5;
#else
constexpr double kSlack = 1.25;
#endif
constexpr std::size_t kMiBInFootprint = 1024 * 1024;

struct WayToHold {
  const char* name;
  std::string first;                        // what is said once
  std::function<std::string(int)> further;  // … and then again and again
  bool reads = true;
};

// The nodes are gone: nothing of it is answered but by the proxy itself.
std::vector<WayToHold> waysToHold() {
  const auto pings = [](int) { return repeated("*1\r\n$4\r\nPING\r\n", 500); };
  return {
      {"a request that does not end", "*2\r\n$3\r\nGET\r\n$100000000\r\n",
       [](int) { return std::string(20'000, 'x'); }},
      {"a request of empty arguments that does not end", "*1000000\r\n$4\r\nMGET\r\n",
       [](int) { return repeated("$0\r\n\r\n", 3000); }},
      {"inline requests that are held", "",
       [](int i) { return "SET a " + std::string(10'000, 'x') + std::to_string(i) + "\r\n"; }},
      {"replies that are not read", "", pings, false},
      {"queued commands that the proxy answers", "*1\r\n$5\r\nMULTI\r\n", pings},
      {"queued commands with large arguments", "*1\r\n$5\r\nMULTI\r\n",
       [](int) { return request("ECHO " + std::string(20'000, 'x')); }},
      {"queued commands for a node", "*1\r\n$5\r\nMULTI\r\n",
       [](int) { return repeated(request("SET a 1"), 200); }},
      {"queued errors", "*1\r\n$5\r\nMULTI\r\n", [](int) { return repeated(request("MSET a 1 b"), 300); }},
      {"requests that are held", "", [](int) { return request("SET a " + std::string(3000, 'x')); }},
      {"a request for many slots that is held", "",
       [](int i) {
         std::string keys;
         for (int k = 0; k < 300; ++k) keys += " k" + std::to_string(i * 300 + k);
         return request("MGET" + keys);
       }},
      {"channels that are not confirmed", "",
       [](int i) {
         std::string names;
         for (int k = 0; k < 100; ++k) names += " channel:" + std::to_string(i * 100 + k);
         return request("SUBSCRIBE" + names);
       }},
      {"patterns that are not confirmed", "",
       [](int i) {
         std::string names;
         for (int k = 0; k < 100; ++k) names += " pattern:" + std::to_string(i * 100 + k) + "*";
         return request("PSUBSCRIBE" + names);
       }},
  };
}

// 100 names in one command; those of shard channels in one slot.
std::string manyNames(std::string_view command, int i) {
  std::string text(command);
  for (int k = 0; k < 100; ++k) text += " {a}name:" + std::to_string(i * 100 + k);
  return request(text);
}

// The nodes confirm them.
std::vector<WayToHold> subscriptions() {
  return {
      {"channels", "", [](int i) { return manyNames("SUBSCRIBE", i); }},
      {"patterns", "", [](int i) { return manyNames("PSUBSCRIBE", i); }},
      {"shard channels", "", [](int i) { return manyNames("SSUBSCRIBE", i); }},
  };
}

void confirmSubscriptions(Stage& stage) {
  for (bool found = true; found; stage.settle()) {
    found = false;
    for (std::size_t i = 1; i <= kNodes; ++i) {
      while (const auto received = stage.node(i).next()) {
        const Words& words = received->words();
        if (!words[0].ends_with("SUBSCRIBE") && !words[0].ends_with("subscribe")) continue;
        found = true;
        std::string confirmed;
        for (std::size_t k = 1; k < words.size(); ++k)
          confirmed += "*3\r\n" + bulk(words[0]) + bulk(words[k]) + ":1\r\n";
        received->connection().push(confirmed);
      }
    }
  }
}

// The nodes live. They take what comes and say nothing, or send all to a node that cannot be reached.
std::vector<WayToHold> waysWithNodes() {
  return {
      {"requests whose replies are missing", "",
       [](int i) { return request("SET a " + std::string(1000, 'x') + std::to_string(i)); }},
      {"small requests whose replies are missing", "", [](int) { return repeated(request("GET a"), 50); }},
      {"parts of requests whose replies are missing", "",
       [](int) { return repeated(request("MGET a b c"), 20); }},
      {"scripts whose replies are missing", "",
       [](int i) { return request("EVAL return(" + std::to_string(i) + ") 1 a"); }},
  };
}

// As a living node does that has too much to do.
void swallow(Stage& stage) {
  stage.settle();
  for (std::size_t i = 1; i <= kNodes; ++i) {
    while (stage.node(i).next()) {
    }
  }
}

// It is known from now on that replies are short: of a client whose replies may be long, few requests at a
// time are under way.
void answerShortly(Stage& stage, FakeClient& client) {
  for (int i = 0; i < 200; ++i) {
    client.sends("GET a");
    stage.node(1).expects("GET a").replies("$-1\r\n");
    client.receives("$-1\r\n");
  }
}

void sendElsewhere(Stage& stage) {
  stage.settle();
  while (const auto received = stage.node(1).next()) received->connection().push(stage.moved("a", 4));
  stage.settle();
}

void confirmTracking(Stage& stage) {
  stage.settle();
  for (std::size_t i = 1; i <= kNodes; ++i) {
    while (const auto received = stage.node(i).next()) received->connection().push("+OK\r\n");
  }
  stage.settle();
}

void loseAllNodes(Stage& stage) {
  stage.settle();
  for (std::size_t i = 1; i <= kNodes; ++i) {
    stage.node(i).refusesConnections();
    stage.node(i).resets();
  }
  stage.settle();
}

// Until so much more is allocated, or no more is taken. Returns how much more that is. `answer`: what the
// nodes do in between.
std::size_t fill(
    Stage& stage, FakeClient& client, const WayToHold& way, std::size_t bytes,
    void (*answer)(Stage&) = [](Stage& nobody) { nobody.settle(); }) {
  const std::size_t before = net::heapBytes();
  const auto grown = [&] {
    // What the test itself keeps is not the proxy's.
    static_cast<void>(client.connection().takeWritten());
    // Nor is it the client's what the process remembers of scripts, which has a limit of its own.
    const std::size_t others = client.connection().unread() + stage.control.scripts().bytes();
    const std::size_t now = net::heapBytes() - std::min(net::heapBytes(), others);
    return now > before ? now - before : 0;
  };
  if (!way.reads) client.stopsReading();
  client.sendsBytes(way.first);
  stage.settle();
  for (int i = 0; i < 2000 && grown() < bytes; ++i) {
    if (client.isClosed() || client.connection().unread() > 0) break;
    client.sendsBytes(way.further(i));
    answer(stage);
  }
  return grown();
}

// It leaves. Whoever is not read from is only seen to when what it has asked for is over.
void empty(Stage& stage, FakeClient& client) {
  if (!client.isClosed()) client.resets();
  stage.clock.advance(20s);
  static_cast<void>(client.connection().takeWritten());
}

std::size_t toldOf(Stage& stage, FakeClient& asking, std::string_view name) {
  asking.sends("CLIENT LIST");
  stage.settle();
  const std::string list = asking.takes();
  const std::size_t line = list.find(" name=" + std::string(name) + " ");
  REQUIRE(line != std::string::npos);
  const std::size_t at = list.find(" tot-mem=", line);
  REQUIRE(at != std::string::npos);
  return std::stoull(list.substr(at + 9));
}

void isToldRightly(std::size_t told, std::size_t grown) {
  UNSCOPED_INFO("allocated " << grown << ", told " << told);
  CHECK(grown > kMiBInFootprint / 16);
  CHECK(static_cast<double>(told) > static_cast<double>(grown) / kSlack);
  CHECK(static_cast<double>(told) < static_cast<double>(grown) * kSlack);
}

// They break with all that they have been sent, and nobody comes back.
void breakAll(Stage& stage) {
  loseAllNodes(stage);
  stage.clock.advance(20s);
  for (std::size_t i = 1; i <= kNodes; ++i) {
    while (stage.node(i).next()) {
    }
  }
}

void greet(FakeClient& client, std::string_view name) {
  client.sends("CLIENT SETNAME " + std::string(name));
  client.receives("+OK\r\n");
}

}  // namespace

TEST_CASE("what a client makes the process hold is told at what it costs, whatever it is") {
  for (const WayToHold& way : waysToHold()) {
    INFO(way.name);
    Stage stage;
    loseAllNodes(stage);
    greet(stage.client, "filler");
    greet(stage.other, "teller");
    const std::size_t before = toldOf(stage, stage.other, "filler");
    const std::size_t grown = fill(stage, stage.client, way, 2 * kMiBInFootprint);
    const std::size_t told = toldOf(stage, stage.other, "filler") - before;
    isToldRightly(told, grown);
    empty(stage, stage.client);
  }
}

TEST_CASE("subscriptions that the nodes have confirmed are told at what they cost") {
  for (const WayToHold& way : subscriptions()) {
    INFO(way.name);
    Stage stage;
    greet(stage.client, "filler");
    greet(stage.other, "teller");
    // What all such requests share, links and feeds, is nobody's.
    stage.client.sendsBytes(way.further(0));
    confirmSubscriptions(stage);
    static_cast<void>(stage.client.connection().takeWritten());
    const std::size_t before = toldOf(stage, stage.other, "filler");
    const std::size_t grown = fill(stage, stage.client, way, 2 * kMiBInFootprint, confirmSubscriptions);
    const std::size_t told = toldOf(stage, stage.other, "filler") - before;
    isToldRightly(told, grown);
    const std::size_t held = net::heapBytes();
    stage.client.resets();
    confirmSubscriptions(stage);
    for (std::size_t i = 1; i <= kNodes; ++i) stage.node(i).resets();
    confirmSubscriptions(stage);
    CHECK(net::heapBytes() < held - grown / 2);
    empty(stage, stage.client);
    confirmSubscriptions(stage);
  }
}

TEST_CASE("what is under way at living nodes is told at what it costs, and given back") {
  for (const WayToHold& way : waysWithNodes()) {
    INFO(way.name);
    Stage stage;
    stage.config.clientMaxInFlight = 100'000;
    greet(stage.client, "filler");
    greet(stage.other, "teller");
    answerShortly(stage, stage.client);
    // Links are nobody's.
    stage.client.sendsBytes(way.further(0));
    swallow(stage);
    const std::size_t start = net::heapBytes() - stage.control.scripts().bytes();
    const std::size_t before = toldOf(stage, stage.other, "filler");
    const std::size_t grown = fill(stage, stage.client, way, kMiBInFootprint, swallow);
    isToldRightly(toldOf(stage, stage.other, "filler") - before, grown);
    stage.client.resets();
    breakAll(stage);
    CHECK(net::heapBytes() - stage.control.scripts().bytes() < start + kMiBInFootprint / 4);
    empty(stage, stage.client);
  }
}

TEST_CASE_METHOD(Stage, "transactions whose replies are missing are told with all that they have sent") {
  constexpr std::size_t kTransactions = 10;
  const std::string transaction =
      request("MULTI") + repeated(request("SET a " + std::string(1000, 'x')), 50) + request("EXEC");
  greet(client, "filler");
  greet(other, "teller");
  answerShortly(*this, client);
  const std::size_t before = toldOf(*this, other, "filler");
  for (std::size_t i = 0; i < kTransactions; ++i) {
    client.sendsBytes(transaction);
    swallow(*this);
  }
  static_cast<void>(client.connection().takeWritten());
  REQUIRE(client.connection().unread() == 0);
  const std::size_t told = toldOf(*this, other, "filler") - before;
  CHECK(told > kTransactions * transaction.size() * 9 / 10);
  CHECK(told < kTransactions * transaction.size() * 15 / 10);
  client.resets();
  breakAll(*this);
  empty(*this, client);
}

TEST_CASE_METHOD(Stage, "a transaction in groups is told at what it costs") {
  config.crossSlotTransactions = config::CrossSlotTransactions::Each;
  const WayToHold way{"", request("MULTI"), [](int) {
                        return request("SET a " + std::string(5000, 'x')) +
                               request("SET b " + std::string(5000, 'x'));
                      }};
  greet(client, "filler");
  greet(other, "teller");
  answerShortly(*this, client);
  client.sends("GET b");
  node(2).expects("GET b").replies("$-1\r\n");
  client.takes();
  const std::size_t before = toldOf(*this, other, "filler");
  fill(*this, client, way, kMiBInFootprint);
  const std::size_t queued = toldOf(*this, other, "filler") - before;
  client.sends("EXEC");
  swallow(*this);
  const std::size_t told = toldOf(*this, other, "filler") - before;
  CHECK(static_cast<double>(told) > static_cast<double>(queued) / 1.25);
  CHECK(static_cast<double>(told) < static_cast<double>(queued) * 1.25);
  client.resets();
  breakAll(*this);
  empty(*this, client);
}

TEST_CASE_METHOD(Stage, "requests that were sent elsewhere are told at what their copies cost") {
  const WayToHold way{"", "",
                      [](int i) { return request("SET a " + std::string(1000, 'x') + std::to_string(i)); }};
  node(4).refusesConnections();
  greet(client, "filler");
  greet(other, "teller");
  client.sendsBytes(way.further(0));
  sendElsewhere(*this);
  const std::size_t before = toldOf(*this, other, "filler");
  const std::size_t grown = fill(*this, client, way, 2 * kMiBInFootprint, sendElsewhere);
  isToldRightly(toldOf(*this, other, "filler") - before, grown);
  empty(*this, client);
  swallow(*this);
}

TEST_CASE_METHOD(Stage, "prefixes of tracking are told at what they cost") {
  const WayToHold way{"", "", [](int i) {
                        std::string text = "CLIENT TRACKING ON BCAST";
                        for (int k = 0; k < 100; ++k) {
                          const std::string number = std::to_string(1'000'000 + i * 100 + k);
                          text += " PREFIX prefix:" + number + ":" + std::string(100, 'x');
                        }
                        return request(text);
                      }};
  greet(client, "filler");
  greet(other, "teller");
  client.sends("HELLO 3");
  client.takes();
  client.sendsBytes(way.further(0));
  confirmTracking(*this);
  static_cast<void>(client.connection().takeWritten());
  const std::size_t before = toldOf(*this, other, "filler");
  const std::size_t grown = fill(*this, client, {"", "", [&](int i) { return way.further(i + 1); }},
                                 kMiBInFootprint / 2, confirmTracking);
  isToldRightly(toldOf(*this, other, "filler") - before, grown);
  const std::size_t held = net::heapBytes();
  client.resets();
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).resets();
  confirmTracking(*this);
  CHECK(net::heapBytes() < held - grown / 2);
  empty(*this, client);
  confirmTracking(*this);
}

TEST_CASE_METHOD(Stage, "names are told at what they cost") {
  constexpr std::size_t kClients = 200;
  const std::string name(1000, 'n');
  greet(other, "teller");
  const auto sum = [this] {
    other.sends("CLIENT LIST");
    settle();
    const std::string list = other.takes();
    std::size_t all = 0;
    for (std::size_t at = list.find(" tot-mem="); at != std::string::npos;
         at = list.find(" tot-mem=", at + 1))
      all += std::stoull(list.substr(at + 9));
    return all;
  };
  std::vector<FakeClient*> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    FakeClient& each = *clients.emplace_back(&addClient());
    greet(each, "x");
    // What the test keeps for it has the size by now that it will need.
    each.sends("ECHO " + std::string(3 * name.size() + 200, 'x'));
    static_cast<void>(each.takes());
  }
  const std::size_t told = sum();
  const std::size_t before = net::heapBytes();
  for (FakeClient* each : clients) {
    each->sends(
        {"CLIENT SETNAME " + name, "CLIENT SETINFO LIB-NAME " + name, "CLIENT SETINFO LIB-VER " + name});
    each->receives("+OK\r\n+OK\r\n+OK\r\n");
  }
  const std::size_t grown = net::heapBytes() - before;
  isToldRightly(sum() - told, grown);
}

TEST_CASE("memory-limit holds against each way to fill memory, and others go on") {
  for (const WayToHold& way : waysToHold()) {
    INFO(way.name);
    Stage stage;
    stage.config.memoryLimit = 2 * kMiBInFootprint;
    stage.config.holdMaxBytes = 64 * kMiBInFootprint;
    loseAllNodes(stage);
    greet(stage.client, "filler");
    greet(stage.other, "other");
    const std::size_t start = net::heapBytes();
    stage.control.heapAtStart = start;
    const std::size_t grown = fill(stage, stage.client, way, 16 * kMiBInFootprint);
    INFO("allocated " << grown);
    CHECK(static_cast<double>(grown) < 2.25 * kMiBInFootprint * (kSlack > 2 ? 1.5 : 1));
    CHECK_FALSE(stage.other.isClosed());
    stage.other.sends("PING");
    stage.other.receives("+PONG\r\n");
    empty(stage, stage.client);
    CHECK(net::heapBytes() < start + kMiBInFootprint / 2);
  }
}

TEST_CASE("several who fill memory are closed in one round, and who holds little is not") {
  Stage stage;
  stage.config.memoryLimit = 0;
  loseAllNodes(stage);
  std::vector<FakeClient*> fillers;
  for (int i = 0; i < 8; ++i) {
    fillers.push_back(&stage.addClient());
    fillers.back()->sendsBytes("*2\r\n$3\r\nGET\r\n$100000000\r\n");
  }
  greet(stage.client, "small");
  stage.client.sendsBytes("*2\r\n$3\r\nGET\r\n$1000\r\n");
  const std::size_t start = net::heapBytes();
  for (FakeClient* filler : fillers) filler->sendsBytes(std::string(kMiBInFootprint, 'x'));
  stage.control.heapAtStart = start;
  stage.config.memoryLimit = 4 * kMiBInFootprint;
  stage.worker().setConfig(stage.config);
  stage.settle();
  const auto closed = static_cast<std::size_t>(
      std::count_if(fillers.begin(), fillers.end(), [](FakeClient* each) { return each->isClosed(); }));
  CHECK(closed >= 4);
  CHECK(stage.limitHits(telemetry::Limit::Memory) == closed);
  CHECK_FALSE(stage.client.isClosed());
  for (FakeClient* filler : fillers) empty(stage, *filler);
}

TEST_CASE_METHOD(Stage,
                 "a transaction of commands that the proxy answers ends at client-query-buffer-limit") {
  config.clientQueryBufferLimit = 1024 * 1024;
  client.sends("MULTI");
  client.receives("+OK\r\n");
  for (int i = 0; i < 20 && !client.isClosed(); ++i) client.sends("ECHO " + std::string(200'000, 'x'));
  CHECK(client.isClosed());
  CHECK(limitHits(telemetry::Limit::QueryBuffer) == 1);
  static_cast<void>(client.connection().takeWritten());
}

TEST_CASE_METHOD(Stage, "many legs are given back with their request") {
  loseAllNodes(*this);
  std::string keys;
  for (int k = 0; k < 4000; ++k) keys += " k" + std::to_string(k);
  client.sends("MGET" + keys);
  settle();
  CHECK(worker().requestBytes() > 1000 * sizeof(session::Leg));
  client.resets();
  settle();
  CHECK(worker().requestBytes() < 100 * sizeof(session::Leg));
}

}  // namespace slotless::test
