#include "proxy/peers/peer_orders.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "proxy/telemetry/log.h"

namespace slotless::peers {

using pubsub::PeerAnswer;
using pubsub::PeerAnswers;
using pubsub::PeerOrder;

namespace {

constexpr std::string_view kOpenHead = "slotless-open 1\n";

// Answers of all to one order together, as far as there are not very many proxies.
constexpr std::size_t kMostOfAll = std::size_t{1024} * 1024;
constexpr std::size_t kLeastOfEach = std::size_t{8} * 1024;

std::size_t roomFor(std::size_t others) {
  return std::clamp(kMostOfAll / std::max<std::size_t>(1, others), kLeastOfEach, kMostLineBytes);
}

PeerAnswers notAsked(PeerAnswers others, const std::string& why) {
  for (PeerAnswer& each : others) {
    each.state = PeerAnswer::State::NotAsked;
    each.text = why;
  }
  return others;
}

}  // namespace

PeerOrders::PeerOrders(net::Loop& loop, std::string ownId, Surroundings surroundings)
    : loop_(loop),
      ownId_(std::move(ownId)),
      surroundings_(std::move(surroundings)),
      taken_(ownId_),
      timer_(loop.makeTimer([this] {
        sent_.expire(loop_.now());
        setTimer();
      })) {}

PeerOrders::~PeerOrders() {
  *self_ = nullptr;
  endAll();
}

void PeerOrders::endAll() {
  sent_.endAll();
  timer_->stop();
}

void PeerOrders::setTimer() {
  timer_->stop();
  const auto next = sent_.next();
  if (!next) return;
  timer_->start(std::max(net::Millis{1}, std::chrono::ceil<net::Millis>(*next - loop_.now())));
}

std::string PeerOrders::whyNot(const PeerOrder& what) {
  if (const std::string why = surroundings_.whyMute(); !why.empty()) return why;
  if (what.words.empty() || !isWritable(what)) return "it is too long to be passed on";
  if (pubsub::changesSomething(what.words.front()) && !seal_.hasKey())
    return "without a password for the cluster this proxy cannot prove who it is";
  if (!rate_.admit(loop_.now())) return "others have been asked too often in this second";
  return {};
}

void PeerOrders::ask(const PeerOrder& what, SentOrders::Done done) {
  PeerAnswers others = surroundings_.others();
  if (others.empty()) return done({});
  if (const std::string why = whyNot(what); !why.empty()) return done(notAsked(std::move(others), why));
  Order order{randomName(), ownId_, surroundings_.unixMillis(), roomFor(others.size()), {}, what};
  for (const PeerAnswer& each : others) order.to.push_back(each.id);
  auto message = order.number.empty() ? std::nullopt : wrapped(written(order));
  if (!message) return done(notAsked(std::move(others), "the system's cryptography does not work"));
  sent_.add(order.number, std::move(others), loop_.now(), std::move(done));
  setTimer();
  surroundings_.say(std::move(*message));
}

std::optional<std::string> PeerOrders::wrapped(const std::string& text) {
  if (seal_.hasKey()) return seal_.sealed(text);
  return std::string(kOpenHead) + text;
}

std::optional<std::string> PeerOrders::unwrapped(std::string_view message) {
  if (seal_.hasKey()) return seal_.opened(message);
  if (!message.starts_with(kOpenHead)) return std::nullopt;
  return std::string(message.substr(kOpenHead.size()));
}

PeerOrders::Heard PeerOrders::hear(std::string_view message) {
  if (!Seal::isSealed(message) && !message.starts_with(kOpenHead)) return Heard::NoOrder;
  const auto text = unwrapped(message);
  if (!text) return Heard::Unopened;
  if (const auto order = readOrder(*text)) {
    take(*order);
    return Heard::Taken;
  }
  auto answer = readAnswer(*text);
  if (!answer) return Heard::Unopened;
  sent_.note(std::move(*answer));  // of another proxy's order it is nobody's here
  setTimer();
  return Heard::Taken;
}

void PeerOrders::take(const Order& order) {
  // Without a key it may be anybody's.
  if (!seal_.hasKey() && pubsub::changesSomething(order.what.words.front())) return;
  const auto verdict = taken_.look(order, loop_.now(), surroundings_.unixMillis());
  static log::RateLimit limit(1);
  switch (verdict) {
    case TakenOrders::Verdict::Take: break;
    case TakenOrders::Verdict::NotMeant: return;
    case TakenOrders::Verdict::Stale:
      return log::write(limit, loop_.now(), log::Level::Warn,
                        "an order of another proxy is not of now: are the clocks right?",
                        {{"order", order.what.words.front()}, {"from", order.from}});
    case TakenOrders::Verdict::Known:
    case TakenOrders::Verdict::TooMany:
      return log::write(limit, loop_.now(), log::Level::Warn,
                        "an order of another proxy is not carried out: it was carried out before, or there "
                        "are too many",
                        {{"order", order.what.words.front()}, {"from", order.from}});
  }
  if (pubsub::changesSomething(order.what.words.front())) {
    log::warn("another proxy's client has this one do something",
              {{"order", order.what.words.front()}, {"from", order.from}, {"client", order.what.by}});
  }
  const std::size_t room = std::min<std::size_t>(order.room, kMostLineBytes);
  surroundings_.carryOut(order.what, room, [self = self_, order, room](PeerAnswer own) {
    own.leftOut += cutLines(own.lines, room);
    if (*self != nullptr) (*self)->tell(order, std::move(own));
  });
}

void PeerOrders::tell(const Order& order, PeerAnswer own) {
  auto message = wrapped(written(Answer{order.number, ownId_, own.state == PeerAnswer::State::Done,
                                        std::move(own.text), std::move(own.lines), own.leftOut}));
  if (message) surroundings_.say(std::move(*message));
}

}  // namespace slotless::peers
