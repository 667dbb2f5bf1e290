#include "proxy/session/client_limits.h"

#include <algorithm>
#include <utility>

#include "config/listener.h"
#include "config/quantity.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/session/turns.h"

namespace slotless::session {

using access::TokenBucket;
using config::LimitAction;
using telemetry::Limit;

ClientLimits::ClientLimits(Client& client, Services& services)
    : client_(client),
      services_(services),
      chargedSent_(client.traffic().bytesSent),
      chargedReceived_(client.traffic().bytesReceived) {}

// Nobody is told: the others may be gone.
ClientLimits::~ClientLimits() {
  for (const Common* each : {&user_, &address_}) {
    if (each->budget == nullptr) continue;
    each->budget->end(each->share);
    each->budget->leave();
  }
  setDelayed(false);
}

bool ClientLimits::joinAddress(access::BudgetPtr budget, std::uint64_t most) {
  if (budget == nullptr || budget == address_.budget) return true;
  if (!budget->join(most)) return false;
  address_.budget = std::move(budget);
  return true;
}

bool ClientLimits::joinUser(access::BudgetPtr budget, std::uint64_t most) {
  if (budget == user_.budget) return true;
  if (!budget->join(most)) return false;
  leaveUser();
  user_.budget = std::move(budget);
  return true;
}

void ClientLimits::leaveUser() {
  if (user_.budget == nullptr) return;
  keep(user_, 0);
  user_.budget->leave();
  user_.budget.reset();
}

// What it has not paid for yet, it has had all the same.
void ClientLimits::leave() {
  const ClientTraffic& traffic = client_.traffic();
  const std::uint64_t bytes =
      (traffic.bytesSent - std::exchange(chargedSent_, traffic.bytesSent)) +
      (traffic.bytesReceived - std::exchange(chargedReceived_, traffic.bytesReceived));
  const auto charge = [&](access::Budget* budget, const Rates& rates) {
    if (budget == nullptr || rates.bytes == 0) return;
    budget->bytes.take(services_.host.now, bytes, rates.bytes, TokenBucket::Late::Wait);
  };
  charge(address_.budget.get(), ratesOfAddress());
  charge(user_.budget.get(), ratesOfUser());
  setDelayed(false);
  leaveUser();
  if (address_.budget == nullptr) return;
  keep(address_, 0);
  address_.budget->leave();
  address_.budget.reset();
}

ClientLimits::Rates ClientLimits::ratesOfAddress() const {
  if (address_.budget == nullptr) return {};
  const config::Config& config = services_.config;
  const config::ListenerOptions& here = client_.listenerOptions();
  return {config::effective(here.requestRatePerAddress, config.requestRatePerAddress),
          config::effective(here.byteRatePerAddress, config.byteRatePerAddress),
          config::effective(here.maxInFlightPerAddress, config.maxInFlightPerAddress),
          config::effective(here.limitAction, config.limitAction)};
}

ClientLimits::Rates ClientLimits::ratesOfUser() const {
  if (user_.budget == nullptr || client_.account() == nullptr) return {};
  const access::Limits& limits = client_.account()->user().limits;
  const LimitAction everywhere =
      config::effective(client_.listenerOptions().limitAction, services_.config.limitAction);
  return {limits.requestsPerSecond.value_or(0), limits.bytesPerSecond.value_or(0),
          limits.inFlight.value_or(0), limits.limitAction.value_or(everywhere)};
}

bool ClientLimits::counts() const {
  const Rates address = ratesOfAddress();
  const Rates user = ratesOfUser();
  return address.any() || user.any();
}

void ClientLimits::pay() {
  const ClientTraffic& traffic = client_.traffic();
  const std::uint64_t sent = traffic.bytesSent - std::exchange(chargedSent_, traffic.bytesSent);
  const std::uint64_t received =
      traffic.bytesReceived - std::exchange(chargedReceived_, traffic.bytesReceived);
  due_ = {};
  refused_.reset();
  if (address_.budget != nullptr) pay(*address_.budget, ratesOfAddress(), Whose::Address, sent, received);
  if (user_.budget != nullptr) pay(*user_.budget, ratesOfUser(), Whose::User, sent, received);
}

// Earlier replies count before it, and what it has brought itself behind it: so even the largest one has its
// turn.
void ClientLimits::pay(access::Budget& budget, const Rates& rates, Whose whose, std::uint64_t sent,
                       std::uint64_t received) {
  const net::TimePoint now = services_.host.now;
  constexpr auto kWait = TokenBucket::Late::Wait;
  if (rates.bytes > 0) {
    budget.bytes.take(now, sent, rates.bytes, kWait);
    note(budget.bytes.take(now, received, rates.bytes, kWait), rates.action,
         {Limit::ByteRate, whose, rates.bytes});
  }
  if (rates.requests > 0 && !refused_) {
    const auto late = rates.action == LimitAction::Error ? TokenBucket::Late::Refuse : kWait;
    note(budget.requests.take(now, 1, rates.requests, late), rates.action,
         {Limit::RequestRate, whose, rates.requests});
  }
}

void ClientLimits::note(net::TimePoint due, LimitAction action, Refusal refusal) {
  if (due <= services_.host.now) return;
  services_.metrics.limits[static_cast<std::size_t>(refusal.limit)].add();
  if (action == LimitAction::Error) {
    refused_ = refusal;
  } else {
    due_ = std::max(due_, due);
  }
}

ClientLimits::Turn ClientLimits::admit(bool counted) {
  if (!std::exchange(client_.atHand.paid, true)) pay();
  if (!refused_ && due_ > services_.host.now) {
    setDelayed(true);
    if (std::exchange(wakesAt_, due_) != due_) services_.turns.await(client_, due_);
    return Turn::Later;
  }
  const Turn turn = refused_ ? Turn::Never : begin(counted);
  setDelayed(turn == Turn::Later);
  return turn;
}

// All that is pending is in flight, as far as can be told without being told of each reply. Whoever waits for
// one of the two keeps nothing of the other one from those who could have it.
ClientLimits::Turn ClientLimits::begin(bool counted) {
  const std::uint64_t pending = client_.pending().size();
  const std::uint64_t wanted = pending + (counted ? std::uint64_t{1} : 0);
  Turn turn = begin(address_, ratesOfAddress(), Whose::Address, wanted);
  if (turn == Turn::Now) turn = begin(user_, ratesOfUser(), Whose::User, wanted);
  if (turn == Turn::Now) return turn;
  keep(address_, pending);
  keep(user_, pending);
  return turn;
}

ClientLimits::Turn ClientLimits::begin(Common& common, const Rates& rates, Whose whose,
                                       std::uint64_t wanted) {
  if (rates.inFlight == 0) wanted = 0;
  if (wanted <= common.share) {
    keep(common, wanted);
    return Turn::Now;
  }
  access::Budget& budget = *common.budget;
  const std::uint64_t more = wanted - common.share;
  const bool waits = rates.action == LimitAction::Delay;
  bool begun = budget.begin(more, rates.inFlight);
  if (!begun && waits) {
    budget.awaited.store(true);
    begun = budget.begin(more, rates.inFlight);  // somebody may have been done just now
  }
  if (begun) {
    common.share = wanted;
    client_.conversation().countDown();
    return Turn::Now;
  }
  const Limit limit = whose == Whose::User ? Limit::InFlightPerUser : Limit::InFlightPerAddress;
  if (!waits || !delayed_) services_.metrics.limits[static_cast<std::size_t>(limit)].add();
  if (waits) {
    awaitRoom(common.budget, rates.inFlight);
    return Turn::Later;
  }
  refused_ = Refusal{limit, whose, rates.inFlight};
  return Turn::Never;
}

void ClientLimits::awaitRoom(const access::BudgetPtr& budget, std::uint64_t most) {
  const Room room{budget.get(), most};
  if (std::exchange(roomAwaited_, room) != room) services_.turns.awaitRoom(client_, budget, most);
}

// What is more than these is for others.
void ClientLimits::keep(Common& common, std::uint64_t requests) {
  if (requests >= common.share) return;
  common.budget->end(common.share - requests);
  common.share = requests;
  if (common.budget->awaited.exchange(false)) services_.turns.tellRoom(common.budget);
}

void ClientLimits::onSettled() {
  keep(address_, 0);
  keep(user_, 0);
}

void ClientLimits::setDelayed(bool on) noexcept {
  if (delayed_ == on) return;
  delayed_ = on;
  services_.metrics.delayedClients.add(on ? 1 : -1);
}

std::string ClientLimits::refusal() const {
  if (!refused_) return {};
  const std::string who = refused_->whose == Whose::User ? "this user" : "this address";
  if (refused_->limit == Limit::InFlightPerUser || refused_->limit == Limit::InFlightPerAddress)
    return "ERR rate limit exceeded: " + who + " has " + std::to_string(refused_->most) +
           " requests in flight, which are all that it may have";
  if (refused_->limit == Limit::ByteRate)
    return "ERR rate limit exceeded: " + who + " may use " + config::formatBytes(refused_->most) +
           " a second";
  return "ERR rate limit exceeded: " + who + " may make " + std::to_string(refused_->most) +
         " requests a second";
}

}  // namespace slotless::session
