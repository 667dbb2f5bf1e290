// Orders between proxies: asked, carried out and answered, and what forgers, strangers and silence come to.
#include "proxy/peers/peer_orders.h"

#include <map>
#include <memory>

#include "catch.h"
#include "fake_loop.h"

using namespace slotless;
using namespace slotless::peers;
using namespace std::chrono_literals;
using pubsub::PeerAnswer;
using pubsub::PeerAnswers;
using pubsub::PeerOrder;

namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;
const upstream::Credentials kSecret{"", "secret"};
const upstream::Credentials kNone{};

const PeerOrder kShow{{"clients"}, "10.0.0.9:1"};
const PeerOrder kKill{{"kill", "user", "bob"}, "10.0.0.9:1"};

// Proxies that all hear what each says.
struct Channel {
  struct Proxy {
    std::unique_ptr<PeerOrders> orders;
    std::string mute;
    bool listens = true;
    std::vector<PeerOrder> carriedOut;
    std::size_t room = 0;
    PeerAnswer answer{{}, {}, PeerAnswer::State::Done, "did=it", "line\n", 1};
    bool answers = true;
    pubsub::PeerAnswered late;  // the last one that has not been answered
  };

  test::FakeLoop loop;
  std::vector<std::string> said;
  std::int64_t clock = kNow;
  std::vector<PeerAnswers> told;
  std::map<std::string, Proxy> proxies;  // the first to end: who waits is told then

  Proxy& add(const std::string& id, const upstream::Credentials& credentials,
             const std::optional<upstream::Credentials>& before = {}) {
    Proxy& proxy = proxies[id];
    proxy.orders = std::make_unique<PeerOrders>(
        loop, id,
        PeerOrders::Surroundings{
            [this](const std::string& message) { says(message); }, [this, id] { return othersOf(id); },
            [&proxy] { return proxy.mute; },
            [&proxy](const PeerOrder& order, std::size_t room, const pubsub::PeerAnswered& done) {
              proxy.carriedOut.push_back(order);
              proxy.room = room;
              if (proxy.answers) return done(proxy.answer);
              proxy.late = done;
            },
            [this] { return clock; }});
    proxy.orders->setCredentials(credentials, before);
    return proxy;
  }
  PeerAnswers othersOf(const std::string& id) const {
    PeerAnswers others;
    for (const auto& [other, proxy] : proxies) {
      if (other == id) continue;
      others.push_back({});
      others.back().id = other;
      others.back().place = "at " + other;
    }
    return others;
  }
  // Everybody hears it, who has said it as well.
  void says(const std::string& message) {
    said.push_back(message);
    loop.post([this, message] {
      for (auto& [id, proxy] : proxies) {
        if (proxy.listens) CHECK(proxy.orders->hear(message) != PeerOrders::Heard::NoOrder);
      }
    });
  }
  // As if somebody had recorded it, or made it up.
  std::vector<PeerOrders::Heard> repeats(const std::string& message) {
    std::vector<PeerOrders::Heard> heard;
    for (auto& [id, proxy] : proxies) heard.push_back(proxy.orders->hear(message));
    return heard;
  }
  void asks(const std::string& id, const PeerOrder& order) {
    proxies.at(id).orders->ask(order, [this](PeerAnswers answers) { told.push_back(std::move(answers)); });
    loop.settle();
  }
  std::size_t timesCarriedOut(const std::string& id) { return proxies.at(id).carriedOut.size(); }
  const PeerAnswer& answerOf(const std::string& id) const {
    for (const PeerAnswer& each : told.back()) {
      if (each.id == id) return each;
    }
    FAIL("no answer of " + id);
    return told.back().front();
  }
};

}  // namespace

TEST_CASE_METHOD(Channel, "what a client of one proxy wants is done by all others, and told by each") {
  add("a", kSecret);
  add("b", kSecret);
  add("c", kSecret).answer = {{}, {}, PeerAnswer::State::Refused, "ERR not here", {}, 0};
  asks("a", kKill);
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].size() == 2);
  CHECK(timesCarriedOut("a") == 0);
  REQUIRE(timesCarriedOut("b") == 1);
  CHECK(proxies["b"].carriedOut[0].words == kKill.words);
  CHECK(proxies["b"].carriedOut[0].by == kKill.by);
  CHECK(answerOf("b").state == PeerAnswer::State::Done);
  CHECK(answerOf("b").place == "at b");
  CHECK(answerOf("b").text == "did=it");
  CHECK(answerOf("b").lines == "line\n");
  CHECK(answerOf("b").leftOut == 1);
  CHECK(answerOf("c").state == PeerAnswer::State::Refused);
  CHECK(answerOf("c").text == "ERR not here");
  CHECK(said.size() == 3);
  for (const std::string& message : said) CHECK(message.find("did=it") == std::string::npos);
}

TEST_CASE_METHOD(Channel, "who does not answer is told as missing after a second, and not waited for") {
  add("a", kSecret);
  add("b", kSecret).answers = false;
  add("c", kSecret).listens = false;
  add("d", kSecret);
  asks("a", kKill);
  CHECK(told.empty());
  loop.advance(kOrderPatience - 1ms);
  CHECK(told.empty());
  loop.advance(1ms);
  REQUIRE(told.size() == 1);
  CHECK(answerOf("b").state == PeerAnswer::State::Silent);
  CHECK(answerOf("c").state == PeerAnswer::State::Silent);
  CHECK(answerOf("d").state == PeerAnswer::State::Done);
  proxies["b"].late(proxies["b"].answer);  // comes too late
  loop.settle();
  CHECK(told.size() == 1);
}

TEST_CASE_METHOD(Channel, "who has another password, or none, neither does it nor is believed") {
  add("a", kSecret);
  add("b", {"", "other"});
  add("c", kNone);
  asks("a", kKill);
  loop.advance(kOrderPatience);
  CHECK(timesCarriedOut("b") + timesCarriedOut("c") == 0);
  CHECK(answerOf("b").state == PeerAnswer::State::Silent);
  asks("c", kShow);
  CHECK(timesCarriedOut("a") + timesCarriedOut("b") == 0);
}

TEST_CASE_METHOD(Channel, "while a password changes, who has both still hears who has the old one") {
  add("a", {"", "old"});
  add("b", {"", "new"}, upstream::Credentials{"", "old"});
  asks("a", kKill);
  CHECK(timesCarriedOut("b") == 1);
}

TEST_CASE_METHOD(Channel, "without a password what only tells of something is asked openly") {
  add("a", kNone);
  add("b", kNone);
  asks("a", kShow);
  REQUIRE(told.size() == 1);
  CHECK(answerOf("b").state == PeerAnswer::State::Done);
  CHECK(said.at(0).find("clients") != std::string::npos);
}

TEST_CASE_METHOD(Channel,
                 "without a password nothing that changes anything is asked, and the reason is told") {
  add("a", kNone);
  add("b", kNone);
  asks("a", kKill);
  REQUIRE(told.size() == 1);
  CHECK(answerOf("b").state == PeerAnswer::State::NotAsked);
  CHECK(answerOf("b").text.find("password") != std::string::npos);
  CHECK(said.empty());
}

TEST_CASE_METHOD(Channel, "nor is it done for whoever says so openly, with or without a password") {
  add("a", kSecret);
  add("b", kNone);
  const std::string head = "slotless-open 1\n";
  const auto forged = [&](const PeerOrder& what) {
    return head + written(Order{"1", "x", kNow, 1000, {"a", "b"}, what});
  };
  using Heard = PeerOrders::Heard;
  CHECK(repeats(forged(kKill)) == std::vector<Heard>{Heard::Unopened, Heard::Taken});
  CHECK(timesCarriedOut("a") + timesCarriedOut("b") == 0);
  CHECK(repeats(forged(kShow)) == std::vector<Heard>{Heard::Unopened, Heard::Taken});
  CHECK(timesCarriedOut("a") == 0);
  CHECK(timesCarriedOut("b") == 1);
  CHECK(repeats(head + "nonsense") == std::vector<Heard>{Heard::Unopened, Heard::Unopened});
  CHECK(repeats("slotless-sealed 1\nnonsense") == std::vector<Heard>{Heard::Unopened, Heard::Unopened});
  CHECK(repeats("hello") == std::vector<Heard>{Heard::NoOrder, Heard::NoOrder});
}

TEST_CASE_METHOD(Channel, "an answer that nobody with the password has written is none") {
  add("a", kSecret);
  add("b", kSecret).answers = false;
  asks("a", kKill);
  repeats("slotless-open 1\n" + written(Answer{"1", "b", true, "did=all", "", 0}));
  loop.advance(kOrderPatience);
  CHECK(answerOf("b").state == PeerAnswer::State::Silent);
}

TEST_CASE_METHOD(Channel,
                 "what was recorded is not done again, soon or late, nor by a process that comes later") {
  add("a", kSecret);
  add("b", kSecret);
  asks("a", kKill);
  const std::string order = said.at(0);
  repeats(order);
  CHECK(timesCarriedOut("b") == 1);
  clock += kOrderAgeMillis + 1;
  loop.advance(1h);
  repeats(order);
  CHECK(timesCarriedOut("b") == 1);
  clock = kNow;
  add("later", kSecret);
  repeats(order);
  CHECK(timesCarriedOut("later") == 0);
}

TEST_CASE_METHOD(Channel, "not more than a few orders go out in a second, and not many are carried out") {
  add("a", kSecret);
  add("b", kSecret);
  for (std::uint32_t i = 0; i < kSentPerSecond; ++i) asks("a", kKill);
  CHECK(timesCarriedOut("b") == kSentPerSecond);
  asks("a", kKill);
  CHECK(answerOf("b").state == PeerAnswer::State::NotAsked);
  CHECK(answerOf("b").text.find("too often") != std::string::npos);
  add("c", kSecret);
  add("d", kSecret);
  for (std::uint32_t i = 0; i < kSentPerSecond; ++i) {
    asks("c", kKill);
    asks("d", kKill);
  }
  CHECK(timesCarriedOut("b") == kTakenPerSecond);
  loop.advance(1001ms);
  asks("a", kKill);
  CHECK(timesCarriedOut("b") == kTakenPerSecond + 1);
}

TEST_CASE_METHOD(Channel, "who is alone, or not heard, or has too much to say, is told so at once") {
  Proxy& own = add("a", kSecret);
  asks("a", kKill);
  REQUIRE(told.size() == 1);
  CHECK(told[0].empty());
  add("b", kSecret);
  own.mute = "nobody hears";
  asks("a", kKill);
  CHECK(answerOf("b").state == PeerAnswer::State::NotAsked);
  CHECK(answerOf("b").text == "nobody hears");
  own.mute.clear();
  asks("a", {{"kill", std::string(kMostOrderBytes, 'x')}, {}});
  CHECK(answerOf("b").state == PeerAnswer::State::NotAsked);
  asks("a", {});
  CHECK(answerOf("b").state == PeerAnswer::State::NotAsked);
  CHECK(said.empty());
}

TEST_CASE_METHOD(Channel, "answers of many have less room each, and lines beyond it are counted") {
  add("a", kSecret);
  Proxy& other = add("b", kSecret);
  asks("a", kShow);
  CHECK(other.room == kMostLineBytes);
  for (int i = 0; i < 40; ++i) add("c" + std::to_string(i), kSecret).listens = false;
  other.answer.lines.clear();
  for (int i = 0; i < 1000; ++i) other.answer.lines += std::string(99, 'x') + "\n";
  loop.advance(1001ms);
  asks("a", kShow);
  CHECK(other.room < kMostLineBytes);
  CHECK(other.room > 8192);
  loop.advance(kOrderPatience);
  CHECK(answerOf("b").lines.size() <= other.room);
  CHECK(answerOf("b").leftOut == 1 + 1000 - answerOf("b").lines.size() / 100);
}

TEST_CASE_METHOD(Channel, "who ends tells those who wait, and is not called afterwards") {
  add("a", kSecret);
  add("b", kSecret).answers = false;
  asks("a", kKill);
  proxies["a"].orders->endAll();
  REQUIRE(told.size() == 1);
  CHECK(answerOf("b").state == PeerAnswer::State::Silent);
  asks("a", kKill);
  const auto late = proxies["b"].late;
  proxies.erase("b");
  const std::size_t before = said.size();
  late({});
  CHECK(said.size() == before);
  proxies.erase("a");
  CHECK(told.size() == 2);
}
