// A proxy among others: the course of its connections and messages, over a fake transport and a fake clock.
#include "proxy/peers/peers.h"

#include <memory>

#include "catch.h"
#include "fake_loop.h"
#include "greeting.h"
#include "protocol/encoder.h"
#include "proxy/pubsub/peer_channel.h"

using namespace slotless;
using namespace slotless::peers;
using namespace std::chrono_literals;
using pubsub::Census;
using pubsub::TopicKind;
using test::FakeConnection;

namespace {

const net::Address kHome{"10.0.0.1", 7001};
const net::Address kOther{"10.0.0.1", 7002};

std::string request(const std::vector<std::string_view>& words) {
  std::string out;
  protocol::appendRequest(out, words);
  return out;
}

// One proxy, and masters that accept and answer; the test is all other proxies.
struct Stand {
  test::FakeLoop loop;
  Census census;
  bool isOn = true;
  net::Millis renewal{0};
  std::string toSubscribe = "*3\r\n$10\r\npsubscribe\r\n$17\r\n~{slotless-peers}\r\n:1\r\n";
  std::string toPublish = ":1\r\n";
  bool repeats = true;  // what is published comes back to who listens
  std::vector<std::shared_ptr<FakeConnection>> all;
  std::vector<Beat> said;
  std::vector<std::string> orders;  // and answers, as they were said
  std::vector<pubsub::PeerOrder> carriedOut;
  std::unique_ptr<Peers> peers;

  Stand() {
    loop.onConnect = [this](const std::shared_ptr<FakeConnection>& made) {
      test::acceptAndGreet(*made);
      all.push_back(made);
    };
    peers = std::make_unique<Peers>(
        loop, census, Self{"own", "here", "1.2.3"},
        Peers::Hooks{[this] { return isOn; }, [] { return 5U; }, [this] { return renewal; },
                     [this](const pubsub::PeerOrder& order, std::size_t, const pubsub::PeerAnswered& done) {
                       carriedOut.push_back(order);
                       done({{}, {}, pubsub::PeerAnswer::State::Done, "did=it", {}, 0});
                     },
                     [] { return std::int64_t{1'700'000'000'000}; }});
    peers->setAccess({}, 2000ms);
    useMasters({kHome, kOther});
  }
  ~Stand() {
    peers.reset();
    CHECK(loop.openConnections().empty());
    CHECK(census.peers() == nullptr);
    CHECK(census.of(TopicKind::Pattern, pubsub::kPeerPattern).upstream == 0);
  }

  void useMasters(const std::vector<net::Address>& masters) {
    auto topology = std::make_shared<cluster::Topology>();
    for (const net::Address& each : masters)
      topology->nodes.push_back({"node-" + std::to_string(each.port), each, true, 1, {}});
    topology->owners.fill(0);
    peers->setTopology(topology);
    goOn();
  }
  // Lets nodes answer until nothing more is said.
  void goOn() {
    do loop.settle();
    while (answerAll());
  }
  bool answerAll() {
    bool hasAnswered = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i]->closed()) hasAnswered |= answer(*all[i]);
    }
    return hasAnswered;
  }
  bool answer(FakeConnection& connection) {
    std::string asked = test::takeRequests(connection);
    for (const std::string& part : {request({"AUTH", "secret"}), std::string(test::kGreeting)}) {
      if (asked.starts_with(part)) asked.erase(0, part.size());
    }
    if (asked.empty()) return false;
    if (asked == request({"PSUBSCRIBE", "~{slotless-peers}"})) {
      connection.push(toSubscribe);
      return true;
    }
    const std::string head = "*3\r\n$7\r\nPUBLISH\r\n$17\r\n~{slotless-peers}\r\n$";
    REQUIRE(asked.starts_with(head));
    const std::size_t begin = asked.find("\r\n", head.size()) + 2;
    const std::string text = asked.substr(begin, asked.size() - begin - 2);
    if (text.starts_with("slotless-")) {
      orders.push_back(text);
    } else {
      const auto beat = readBeat(text);
      REQUIRE(beat);
      said.push_back(*beat);
    }
    connection.push(toPublish);
    if (repeats) pushes(text);
    return true;
  }
  // The connection that listens, or nullptr.
  FakeConnection* ear() const {
    const std::string node = report().node;
    for (const auto& each : all) {
      if (!each->closed() && each->peer().text() == node) return each.get();
    }
    return nullptr;
  }
  // The one that speaks, or nullptr.
  FakeConnection* mouth() const {
    for (const auto& each : all) {
      if (!each->closed() && each.get() != ear()) return each.get();
    }
    return nullptr;
  }
  void pushes(const std::string& text) {
    REQUIRE(ear() != nullptr);
    ear()->push(request({"pmessage", "~{slotless-peers}", "~{slotless-peers}", text}));
  }
  void hears(const Beat& beat) {
    pushes(written(beat));
    goOn();
  }
  void passes(int beats) {
    for (int i = 0; i < beats; ++i) {
      loop.advance(kBeat);
      goOn();
    }
  }
  pubsub::PeerReport report() const {
    const auto known = census.peers();
    return known == nullptr ? pubsub::PeerReport{} : *known;
  }
};

Beat peerBeat(std::uint64_t version = 1, std::optional<Counts> counts = {}) {
  return {"a", "there", "1.2.4", 7, version, {}, std::move(counts)};
}

Counts threeListeners() {
  return {false, {"node-7001"}, {{TopicKind::Channel, "news", 3, {{0, 1}}}}};
}

}  // namespace

TEST_CASE_METHOD(Stand, "a proxy subscribes, says what it is at once, and then once a second") {
  REQUIRE(said.size() == 1);
  CHECK(said[0].id == "own");
  CHECK(said[0].place == "here");
  CHECK(said[0].release == "1.2.3");
  CHECK(said[0].clients == 5);
  CHECK(said[0].counts.has_value());
  passes(1);
  CHECK(said.size() == 2);
  CHECK_FALSE(said[1].counts.has_value());
  CHECK(report().isOn);
  CHECK(report().hears);
  CHECK(report().node == kHome.text());
  CHECK(report().trouble.empty());
  CHECK(report().said == 2);
  loop.advance(500ms);
  goOn();
  CHECK(said.size() == 2);
  CHECK(all.size() == 2);  // one listens, and one speaks
}

TEST_CASE_METHOD(Stand, "its own subscription is nobody's pattern") {
  CHECK(census.of(TopicKind::Pattern, pubsub::kPeerPattern).upstream == 1);
  CHECK(census.excessPatterns() == 1);
}

TEST_CASE_METHOD(Stand, "another proxy is heard, and its subscribers count until it is gone") {
  passes(1);
  hears(peerBeat(1, threeListeners()));
  CHECK(census.of(TopicKind::Channel, "news").listeners == 3);
  CHECK(census.reachedBy("news", kHome).upstream == 1);
  passes(1);
  REQUIRE(report().others.size() == 1);
  CHECK(report().others[0].id == "a");
  CHECK(report().others[0].place == "there");
  CHECK(report().others[0].release == "1.2.4");
  CHECK(report().others[0].clients == 7);
  CHECK(report().others[0].topics == 1U);
  CHECK(report().heard == 1);
  CHECK(said.back().counts.has_value());  // it has come, and knows nothing
  passes(3);
  CHECK(report().others.empty());
  CHECK(report().vanished == 1);
  CHECK(census.of(TopicKind::Channel, "news").listeners == 0);
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand, "counts that were missed are asked for, and the last ones stay meanwhile") {
  hears(peerBeat(1, threeListeners()));
  hears(peerBeat(2));
  passes(1);
  CHECK(said.back().lacking == std::vector<std::string>{"a"});
  CHECK(census.of(TopicKind::Channel, "news").listeners == 3);
  hears(peerBeat(2, Counts{}));
  passes(1);
  CHECK(said.back().lacking.empty());
  CHECK(census.of(TopicKind::Channel, "news").listeners == 0);
}

TEST_CASE_METHOD(
    Stand, "a proxy that has too many topics says so, and one that has told nothing is known for that") {
  hears(peerBeat(1));
  passes(1);
  CHECK_FALSE(report().others.at(0).topics.has_value());
  CHECK_FALSE(report().others.at(0).tooMany);
  hears(peerBeat(1, Counts{true, {}, {}}));
  passes(1);
  CHECK(report().others.at(0).tooMany);
  for (std::size_t i = 0; i <= kMostTopics; ++i)
    census.addListeners(TopicKind::Pattern, std::to_string(i), 1);
  passes(1);
  CHECK(said.back().counts == Counts{true, {}, {}});
  passes(1);
  CHECK(report().self.tooMany);
}

TEST_CASE_METHOD(Stand, "what it has is told when it changes") {
  passes(2);
  CHECK_FALSE(said.back().counts.has_value());
  census.addListeners(TopicKind::Channel, "news", 2);
  passes(1);
  REQUIRE(said.back().counts.has_value());
  CHECK(said.back().counts->topics.size() == 2);  // and its own subscription
}

TEST_CASE_METHOD(Stand, "what is no message is counted, and nothing else") {
  pushes("hello");
  goOn();
  passes(1);
  CHECK(report().unread == 1);
  CHECK(report().others.empty());
  CHECK(report().hears);
  for (int i = 0; i <= static_cast<int>(kMostPeers); ++i) {
    Beat beat = peerBeat();
    beat.id = "p" + std::to_string(i);
    hears(beat);
  }
  passes(1);
  CHECK(report().others.size() == kMostPeers);
  CHECK(report().unread == 2);
}

TEST_CASE_METHOD(Stand, "a connection that is lost is made again, by way of another master") {
  ear()->reset();
  loop.settle();
  CHECK(census.of(TopicKind::Pattern, pubsub::kPeerPattern).upstream == 0);
  passes(1);
  CHECK(report().node == kOther.text());
  passes(1);
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand, "a channel that carries nothing is tried by way of another master") {
  repeats = false;
  passes(5);
  CHECK(report().node == kOther.text());
  CHECK_FALSE(report().hears);
  repeats = true;
  passes(2);
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand, "cut off it forgets the others after a while, and goes on trying") {
  hears(peerBeat(1, threeListeners()));
  loop.onConnect = [](const auto& made) { made->refuse(); };
  for (const auto& each : all) {
    if (!each->closed()) each->reset();
  }
  passes(5);
  CHECK(census.of(TopicKind::Channel, "news").listeners == 0);
  CHECK_FALSE(report().hears);
  CHECK_FALSE(report().trouble.empty());
  loop.onConnect = [this](const auto& made) {
    test::acceptAndGreet(*made);
    all.push_back(made);
  };
  passes(3);
  CHECK(report().hears);
  CHECK(report().trouble.empty());
}

TEST_CASE_METHOD(Stand, "a node that leaves is left") {
  useMasters({kOther});
  passes(2);
  CHECK(report().node == kOther.text());
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand, "without masters there is nothing to do") {
  useMasters({});
  passes(2);
  CHECK(loop.openConnections().empty());
}

TEST_CASE_METHOD(Stand, "a master that moves takes the counts of others along") {
  hears(peerBeat(1, threeListeners()));
  auto topology = std::make_shared<cluster::Topology>();
  topology->nodes.push_back({"node-7001", {"10.0.0.9", 7001}, true, 1, {}});
  peers->setTopology(topology);
  CHECK(census.reachedBy("news", {"10.0.0.9", 7001}).upstream == 1);
  CHECK(census.reachedBy("news", kHome).upstream == 0);
}

TEST_CASE_METHOD(Stand, "switched off it leaves, and forgets the others; switched on it is there again") {
  hears(peerBeat(1, threeListeners()));
  isOn = false;
  passes(1);
  CHECK(loop.openConnections().empty());
  CHECK(census.of(TopicKind::Channel, "news").listeners == 0);
  CHECK_FALSE(report().isOn);
  CHECK(report().others.empty());
  const std::size_t before = said.size();
  passes(3);
  CHECK(said.size() == before);
  isOn = true;
  passes(2);
  CHECK(said.size() > before);
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand,
                 "a node that denies the subscription is left alone for a minute, and the reason is known") {
  toSubscribe = "-NOPERM this user has no permissions to access one of the channels\r\n";
  ear()->reset();
  passes(2);
  const std::size_t before = all.size();
  passes(50);
  CHECK(all.size() == before);
  CHECK(report().trouble.find("PSUBSCRIBE: NOPERM") != std::string::npos);
  toSubscribe = "*3\r\n$10\r\npsubscribe\r\n$17\r\n~{slotless-peers}\r\n:1\r\n";
  passes(15);
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand,
                 "where PUBLISH is denied nothing is said for a minute, and others are heard all the same") {
  toPublish = "-NOPERM this user has no permissions to access one of the channels\r\n";
  repeats = false;
  passes(1);
  const std::size_t before = said.size();
  passes(5);
  CHECK(said.size() == before);
  CHECK(report().trouble.find("PUBLISH: NOPERM") != std::string::npos);
  CHECK_FALSE(report().hears);
  CHECK(report().node == kHome.text());
  hears(peerBeat(1, threeListeners()));
  CHECK(census.of(TopicKind::Channel, "news").listeners == 3);
  toPublish = ":1\r\n";
  repeats = true;
  passes(60);
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand, "new credentials end what the old ones were denied") {
  toSubscribe = "-NOPERM no\r\n";
  ear()->reset();
  passes(2);
  toSubscribe = "*3\r\n$10\r\npsubscribe\r\n$17\r\n~{slotless-peers}\r\n:1\r\n";
  peers->setAccess({}, 2000ms);
  passes(2);
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand, "with other credentials it connects anew, and not when they are the same") {
  peers->setAccess({}, 2000ms);
  goOn();
  CHECK_FALSE(all[0]->closed());
  upstream::Access other;
  other.username = "other";
  peers->setAccess(other, 2000ms);
  CHECK(all[0]->closed());
  passes(2);
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand, "a login that has to be renewed is, by connections that are made anew") {
  hears(peerBeat(1, threeListeners()));
  renewal = 2500ms;
  passes(2);
  CHECK_FALSE(all[0]->closed());
  passes(1);
  CHECK(all[0]->closed());
  CHECK(report().node == kHome.text());
  CHECK(census.of(TopicKind::Channel, "news").listeners == 3);
  passes(1);
  CHECK(report().hears);
}

TEST_CASE_METHOD(Stand, "an error of another kind is tried again at the next beat") {
  toSubscribe = "-LOADING Redis is loading the dataset in memory\r\n";
  ear()->reset();
  passes(1);
  CHECK(report().node.empty());
  toSubscribe = "*3\r\n$10\r\npsubscribe\r\n$17\r\n~{slotless-peers}\r\n:1\r\n";
  passes(2);
  CHECK(report().hears);
}

TEST_CASE_METHOD(
    Stand, "a node that does not answer PSUBSCRIBE is given up, and one that says something else, too") {
  toSubscribe = "";
  ear()->reset();
  passes(6);
  CHECK(report().trouble.find("no answer to PSUBSCRIBE") != std::string::npos);
  toSubscribe = "*1\r\n:1\r\n";
  passes(5);
  CHECK(report().trouble.find("nobody asked for") != std::string::npos);
  toSubscribe = "hello\r\n";
  passes(2);
  CHECK(report().trouble.find("not RESP") != std::string::npos);
}

TEST_CASE_METHOD(Stand, "what a client wants of others goes over the channel, and so do their answers") {
  pubsub::PeerAnswers told;
  const auto ask = [&](const pubsub::PeerOrder& order) {
    told.clear();
    pubsub::PeerDesk::ofProcess().ask(order, loop,
                                      [&](pubsub::PeerAnswers answers) { told = std::move(answers); });
    goOn();
  };
  hears(peerBeat());
  ask({{"clients"}, "client"});
  REQUIRE(orders.size() == 1);
  CHECK(said.size() == 1);
  const auto order = readOrder(orders[0].substr(orders[0].find('\n') + 1));
  REQUIRE(order);
  CHECK(order->from == "own");
  CHECK(order->to == std::vector<std::string>{"a"});
  pushes("slotless-open 1\n" + written(Answer{order->number, "a", true, "clients=7", {}, 0}));
  goOn();
  REQUIRE(told.size() == 1);
  CHECK(told[0].id == "a");
  CHECK(told[0].place == "there");
  CHECK(told[0].text == "clients=7");
  ask({{"kill", "user", "bob"}, "client"});
  REQUIRE(told.size() == 1);
  CHECK(told[0].state == pubsub::PeerAnswer::State::NotAsked);
  CHECK(carriedOut.empty());
  passes(1);
  CHECK(report().unread == 0);
}

TEST_CASE_METHOD(Stand, "what others want is carried out, and answered between two beats") {
  hears(peerBeat());
  const Order order{"7", "a", 1'700'000'000'000, 1000, {"own"}, {{"clients"}, "client"}};
  pushes("slotless-open 1\n" + written(order));
  goOn();
  REQUIRE(carriedOut.size() == 1);
  CHECK(carriedOut[0].words == order.what.words);
  REQUIRE(orders.size() == 1);
  CHECK(orders[0].find("did=it") != std::string::npos);
  CHECK(said.size() == 1);
  pushes("slotless-sealed 1\nnonsense");
  goOn();
  passes(1);
  CHECK(said.size() == 2);
  CHECK(report().unread == 1);
}

TEST_CASE_METHOD(Stand, "with a password it is sealed, and what is not sealed is not carried out") {
  upstream::Access access;
  access.password = "secret";
  loop.onConnect = [this](const auto& made) {
    made->accept();
    made->push("+OK\r\n" + std::string(test::kGreeted));
    all.push_back(made);
  };
  peers->setAccess(access, 2000ms);
  passes(2);
  hears(peerBeat());
  pushes("slotless-open 1\n" +
         written(Order{"7", "a", 1'700'000'000'000, 1000, {"own"}, {{"clients"}, "client"}}));
  goOn();
  CHECK(carriedOut.empty());
  Seal seal;
  seal.setCredentials(access.credentials(), {});
  const auto message =
      seal.sealed(written(Order{"7", "a", 1'700'000'000'000, 1000, {"own"}, {{"resume"}, "client"}}));
  pushes(message.value_or(""));
  goOn();
  CHECK(carriedOut.size() == 1);
  REQUIRE(orders.size() == 1);
  const auto answer = readAnswer(seal.opened(orders[0]).value_or(""));
  REQUIRE(answer);
  CHECK(answer->number == "7");
  CHECK(answer->text == "did=it");
}

TEST_CASE_METHOD(Stand, "many orders at once do not keep it from saying that it is there") {
  hears(peerBeat());
  toPublish = "";  // the first one is under way
  for (int i = 0; i < 4; ++i) {
    const std::string number = std::to_string(i);
    pushes("slotless-open 1\n" +
           written(Order{number, "a", 1'700'000'000'000, 1000, {"own"}, {{"clients"}, "client"}}));
  }
  goOn();
  CHECK(carriedOut.size() == 4);
  CHECK(orders.size() == 1);
  loop.advance(kBeat);
  CHECK(said.size() == 1);
  toPublish = ":1\r\n";
  mouth()->push(":1\r\n");
  goOn();
  CHECK(said.size() == 2);
  CHECK(orders.size() == 4);
}

TEST_CASE_METHOD(Stand, "what could not be said in time is not said any more") {
  hears(peerBeat());
  toPublish = "";
  for (int i = 0; i < 2; ++i) {
    const std::string number = std::to_string(i);
    pushes("slotless-open 1\n" +
           written(Order{number, "a", 1'700'000'000'000, 1000, {"own"}, {{"clients"}, "client"}}));
  }
  goOn();
  CHECK(orders.size() == 1);
  loop.advance(1999ms);  // its query is given up in a moment
  toPublish = ":1\r\n";
  passes(2);
  CHECK(orders.size() == 1);
  CHECK(said.size() >= 2);
}

TEST_CASE_METHOD(Stand, "switched off, others are not asked") {
  hears(peerBeat());
  pubsub::PeerAnswers told(3);
  isOn = false;
  passes(1);
  pubsub::PeerDesk::ofProcess().ask({{"clients"}, {}}, loop,
                                    [&](pubsub::PeerAnswers answers) { told = std::move(answers); });
  goOn();
  CHECK(told.empty());
  CHECK(orders.empty());
}

TEST_CASE("each process has a name of its own") {
  CHECK(newProcessId().size() == 32);
  CHECK(newProcessId() != newProcessId());
}
