// What a held request says when its time is up: reason × the ways in which requests are held.
#include <functional>
#include <string>
#include <vector>

#include "proxy/dispatch/reply_texts.h"
#include "stage.h"

namespace slotless::test {

namespace {

using namespace session;

constexpr std::string_view kUnknownHost = "-MOVED 15495 10.0.9.9:7009\r\n";
constexpr std::string_view kNamelessHost = "-MOVED 15495 ?:7009\r\n";
constexpr std::string_view kMasterDown =
    "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n";
constexpr std::string_view kReadOnlyLine = "-READONLY You can't write against a read only replica.\r\n";
constexpr std::string_view kLoadingLine = "-LOADING Redis is loading the dataset in memory\r\n";
constexpr auto kHold = 2s;

// All are about the key a, of node 1.
struct HeldWay {
  const char* name;
  std::vector<std::string> commands;
  std::string before = {};  // replies that come at once
  bool script = false;
  bool writingScript = false;
  bool lease = false;
};

const std::vector<HeldWay>& heldWays() {
  static const std::vector<HeldWay> all = {
      {"a read", {"GET a"}},
      {"a write", {"SET a 1"}},
      {"keys of one slot", {"MGET a {a}1"}},
      {"keys of several slots", {"MGET a b"}},
      {"a script that reads", {"EVAL_RO x 1 a"}, "", true},
      {"a script that writes", {"EVAL x 1 a"}, "", true, true},
      {"a transaction", {"MULTI", "SET a 1", "EXEC"}, "+OK\r\n+QUEUED\r\n"},
      {"what blocks", {"BLPOP a 0"}, "", false, false, true},
      {"a watch", {"WATCH a"}, "", false, false, true},
  };
  return all;
}

struct HeldStage : Stage {
  // What nodes say of the key a.
  using Answer = std::function<std::string(std::size_t node)>;

  HeldStage() { config.holdTimeout = kHold; }

  void begins(const HeldWay& way) {
    for (const std::string& each : way.commands) client.sends(each);
    client.receives(way.before);
  }
  // Until the client gets its reply.
  std::string lasts(const Answer& answer) {
    std::string reply;
    for (int i = 0; i < 100 && reply.empty(); ++i) {
      serve(answer);
      clock.advance(50ms);
      reply = client.takes();
    }
    return reply;
  }

 private:
  void serve(const Answer& answer) {
    for (std::size_t number = 1; number <= kNodes; ++number) {
      while (const auto received = node(number).next()) {
        const Words& words = received->words();
        if (words.front() == "MULTI" || words.front() == "ASKING") {
          received->replies("+OK\r\n");
        } else if (words.front() == "EXEC") {
          received->replies("-EXECABORT Transaction discarded because of previous errors.\r\n");
        } else if (words.back() == "b") {
          received->replies("*1\r\n" + bulk("b"));
        } else {
          received->replies(answer(number));
        }
      }
    }
  }
};

// node 1 → 2 → 1.
std::string sentOn(const char* how, std::size_t node) {
  return "-" + std::string(how) + " 15495 10.0.0.1:700" + (node == 1 ? "2" : "1") + "\r\n";
}

}  // namespace

TEST_CASE("what a node has refused until hold-timeout tells by which word, whatever it is") {
  constexpr std::pair<std::string_view, std::string_view> kRefusals[] = {
      {kTryAgain, kTryAgain},
      {"-CLUSTERDOWN The cluster is down\r\n", "-CLUSTERDOWN The node says CLUSTERDOWN: "},
      {"-CLUSTERDOWN Hash slot not served\r\n", "-CLUSTERDOWN The node says CLUSTERDOWN: "},
      {kLoadingLine, "-CLUSTERDOWN The node says LOADING: "},
      {kMasterDown, "-CLUSTERDOWN The node says MASTERDOWN: "},
      {kReadOnlyLine, "-CLUSTERDOWN The node says READONLY: "},
  };
  for (const auto& refusal : kRefusals) {
    const std::string_view line = refusal.first;
    const std::string_view expected = refusal.second;
    for (const HeldWay& way : heldWays()) {
      // Half-way it may have met these itself.
      if (way.writingScript && (line == kMasterDown || line == kReadOnlyLine)) continue;
      INFO(line << " to " << way.name);
      HeldStage stage;
      stage.begins(way);
      const std::string reply = stage.lasts([&](std::size_t) { return std::string(line); });
      INFO(reply);
      CHECK(reply.starts_with(expected));
      CHECK(reply.find("\r\n") == reply.size() - 2);
    }
  }
}

TEST_CASE_METHOD(HeldStage, "a node that does not know the proxy any more is told of") {
  client.sends("GET a");
  const std::string reply = lasts([](std::size_t) { return "-NOAUTH Authentication required.\r\n"; });
  INFO(reply);
  CHECK(reply.starts_with("-CLUSTERDOWN The node says NOAUTH: "));
}

TEST_CASE("a circle of redirects is called so, whatever goes round in it") {
  for (const char* how : {"MOVED", "ASK"}) {
    for (const HeldWay& way : heldWays()) {
      INFO(how << " of " << way.name);
      HeldStage stage;
      stage.begins(way);
      CHECK(stage.lasts([&](std::size_t node) { return sentOn(how, node); }) == reply_texts::kRedirectLoop);
    }
  }
}

TEST_CASE("a redirect to nobody that the cluster has is called so") {
  for (const std::string_view line : {kUnknownHost, kNamelessHost}) {
    for (const HeldWay& way : heldWays()) {
      if (way.script && line == kNamelessHost) continue;  // it may say so itself
      INFO(line << " of " << way.name);
      HeldStage stage;
      stage.begins(way);
      CHECK(stage.lasts([&](std::size_t) { return std::string(line); }) == reply_texts::kUnknownNode);
    }
  }
}

TEST_CASE("one redirect is no circle: who waits behind it is told what is in the way") {
  HeldStage stage;
  stage.settle();
  stage.node(2).refusesConnections();
  stage.node(2).resets();
  stage.client.sends("GET a");
  CHECK(stage.lasts([&](std::size_t node) { return sentOn("MOVED", node); }) == kNoMaster);
}

TEST_CASE("that a node is silent is told, whatever waits for it") {
  for (const HeldWay& way : heldWays()) {
    INFO(way.name);
    HeldStage stage;
    stage.other.sends("GET d");
    const Received unanswered = stage.node(1).expects("GET d");
    stage.clock.advance(1500ms);
    stage.begins(way);
    CHECK(stage.lasts([](std::size_t) { return std::string(); }) == reply_texts::kNodeSilent);
    unanswered.replies(bulk("d"));
    stage.other.receives(bulk("d"));
  }
}

TEST_CASE("that a node cannot be reached is told, whatever waits for it") {
  for (const HeldWay& way : heldWays()) {
    INFO(way.name);
    HeldStage stage;
    stage.settle();
    stage.node(1).refusesConnections();
    stage.node(1).resets();
    stage.begins(way);
    CHECK(stage.lasts([](std::size_t) { return std::string(); }) == kNoMaster);
  }
}

TEST_CASE("that a node takes no connection for one command alone is told") {
  for (const HeldWay& way : heldWays()) {
    if (!way.lease) continue;
    for (const bool refuses : {false, true}) {
      INFO(way.name << ", refused: " << refuses);
      HeldStage stage;
      stage.other.sends("GET d");
      stage.node(1).expects("GET d").replies(bulk("d"));
      stage.other.receives(bulk("d"));
      if (refuses) {
        stage.node(1).refusesConnections();
      } else {
        stage.node(1).ignoresConnections();
      }
      stage.begins(way);
      CHECK(stage.lasts([](std::size_t) { return std::string(); }) == reply_texts::kNoConnection);
    }
  }
}

TEST_CASE_METHOD(HeldStage, "who waits for an answer to an earlier command about the slot is told so") {
  client.sends("SET a 1");
  const Received earlier = node(1).expects("SET a 1");
  node(1).ignoresConnections();  // it is busy
  giveSlot("a", 2);
  client.sends({"GET a", "SET a 2"});
  clock.advance(kHold + 1s);
  earlier.replies("+OK\r\n");
  client.receives("+OK\r\n" + std::string(reply_texts::kBehindAnother) +
                  std::string(reply_texts::kBehindAnother));
}

TEST_CASE_METHOD(HeldStage, "where nothing is held the reason of a refusal is told at once") {
  config.holdMaxRequests = 0;
  client.sends("GET a");
  node(1).expects("GET a").replies(kLoadingLine);
  CHECK(client.takes().starts_with("-CLUSTERDOWN The node says LOADING: "));
}

TEST_CASE_METHOD(HeldStage, "a command without keys tells what any node has said") {
  client.sends("COMMAND LIST");
  const std::string reply = lasts([](std::size_t) { return std::string(kLoadingLine); });
  CHECK(reply.starts_with("-CLUSTERDOWN The node says LOADING: "));
}

TEST_CASE_METHOD(HeldStage, "what has changed since a refusal counts: the node is gone") {
  client.sends("GET a");
  node(1).expects("GET a").replies(kLoadingLine);
  node(1).refusesConnections();
  node(1).resets();
  clock.advance(kHold + 1s);
  client.receives(kNoMaster);
}

}  // namespace slotless::test
