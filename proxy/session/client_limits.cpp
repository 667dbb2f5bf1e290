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
  if (user_ != nullptr) {
    user_->end(share_);
    user_->leave();
  }
  if (address_ != nullptr) address_->leave();
  setDelayed(false);
}

bool ClientLimits::joinAddress(access::BudgetPtr budget, std::uint64_t most) {
  if (budget == nullptr || budget == address_) return true;
  if (!budget->join(most)) return false;
  address_ = std::move(budget);
  return true;
}

bool ClientLimits::joinUser(access::BudgetPtr budget, std::uint64_t most) {
  if (budget == user_) return true;
  if (!budget->join(most)) return false;
  leaveUser();
  user_ = std::move(budget);
  return true;
}

void ClientLimits::leaveUser() {
  if (user_ == nullptr) return;
  onSettled();
  user_->leave();
  user_.reset();
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
  charge(address_.get(), ratesOfAddress());
  charge(user_.get(), ratesOfUser());
  setDelayed(false);
  leaveUser();
  if (address_ != nullptr) address_->leave();
  address_.reset();
}

ClientLimits::Rates ClientLimits::ratesOfAddress() const {
  if (address_ == nullptr) return {};
  const config::Config& config = services_.config;
  const config::ListenerOptions& here = client_.listenerOptions();
  return {config::effective(here.requestRatePerAddress, config.requestRatePerAddress),
          config::effective(here.byteRatePerAddress, config.byteRatePerAddress), 0,
          config::effective(here.limitAction, config.limitAction)};
}

ClientLimits::Rates ClientLimits::ratesOfUser() const {
  if (user_ == nullptr || client_.account() == nullptr) return {};
  const access::Limits& limits = client_.account()->user().limits;
  const LimitAction everywhere =
      config::effective(client_.listenerOptions().limitAction, services_.config.limitAction);
  return {limits.requestsPerSecond.value_or(0), limits.bytesPerSecond.value_or(0),
          limits.inFlight.value_or(0), limits.limitAction.value_or(everywhere)};
}

bool ClientLimits::counts() const {
  const Rates address = ratesOfAddress();
  const Rates user = ratesOfUser();
  return address.requests > 0 || address.bytes > 0 || user.requests > 0 || user.bytes > 0 ||
         user.inFlight > 0;
}

void ClientLimits::pay() {
  const ClientTraffic& traffic = client_.traffic();
  const std::uint64_t sent = traffic.bytesSent - std::exchange(chargedSent_, traffic.bytesSent);
  const std::uint64_t received =
      traffic.bytesReceived - std::exchange(chargedReceived_, traffic.bytesReceived);
  due_ = {};
  refused_.reset();
  if (address_ != nullptr) pay(*address_, ratesOfAddress(), Whose::Address, sent, received);
  if (user_ != nullptr) pay(*user_, ratesOfUser(), Whose::User, sent, received);
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

// All that is pending is in flight, as far as can be told without being told of each reply.
ClientLimits::Turn ClientLimits::begin(bool counted) {
  const Rates rates = ratesOfUser();
  const std::uint64_t wanted =
      rates.inFlight == 0 ? 0 : client_.pending().size() + (counted ? std::uint64_t{1} : 0);
  if (wanted <= share_) {
    giveBack(share_ - wanted);
    return Turn::Now;
  }
  user_->mostInFlight.store(rates.inFlight);
  const std::uint64_t more = wanted - share_;
  bool begun = user_->begin(more, rates.inFlight);
  if (!begun && rates.action == LimitAction::Error) {
    refused_ = Refusal{Limit::InFlightPerUser, Whose::User, rates.inFlight};
    services_.metrics.limits[static_cast<std::size_t>(Limit::InFlightPerUser)].add();
    return Turn::Never;
  }
  if (!begun) {
    user_->awaited.store(true);
    begun = user_->begin(more, rates.inFlight);  // somebody may have been done just now
  }
  if (begun) {
    share_ = wanted;
    client_.conversation().countDown();
    return Turn::Now;
  }
  if (!delayed_) services_.metrics.limits[static_cast<std::size_t>(Limit::InFlightPerUser)].add();
  if (!std::exchange(waitsForRoom_, true)) services_.turns.awaitRoom(client_, user_);
  return Turn::Later;
}

void ClientLimits::giveBack(std::uint64_t requests) {
  if (requests == 0) return;
  share_ -= requests;
  user_->end(requests);
  if (user_->awaited.exchange(false)) services_.turns.tellRoom(user_);
}

void ClientLimits::onSettled() {
  giveBack(share_);
}

void ClientLimits::setDelayed(bool on) noexcept {
  if (delayed_ == on) return;
  delayed_ = on;
  services_.metrics.delayedClients.add(on ? 1 : -1);
}

std::string ClientLimits::refusal() const {
  if (!refused_) return {};
  const std::string who = refused_->whose == Whose::User ? "this user" : "this address";
  if (refused_->limit == Limit::InFlightPerUser)
    return "ERR rate limit exceeded: " + who + " has " + std::to_string(refused_->most) +
           " requests in flight, which are all that it may have";
  if (refused_->limit == Limit::ByteRate)
    return "ERR rate limit exceeded: " + who + " may use " + config::formatBytes(refused_->most) +
           " a second";
  return "ERR rate limit exceeded: " + who + " may make " + std::to_string(refused_->most) +
         " requests a second";
}

}  // namespace slotless::session
