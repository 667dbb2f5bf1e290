#include "proxy/credentials/credential_book.h"

#include <algorithm>

namespace slotless::credentials {

namespace {

constexpr net::Millis kFirstRetry{1000};
constexpr net::Millis kLongestRetry{60'000};
// Between two questions because nodes refuse what was found.
constexpr net::Millis kFirstRefusalPause{5000};
constexpr net::Millis kLongestRefusalPause{300'000};
// Of the time for which credentials are good, when the source is asked again: three quarters, and up to a
// twentieth more, so that many proxies do not ask in step.
constexpr net::Millis::rep kRenewAt = 15;
constexpr net::Millis::rep kOf = 20;
// … but not before a quarter of it is over, however long the source takes.
constexpr net::Millis::rep kLeast = 4;

net::Millis doubled(net::Millis first, int times, net::Millis longest) {
  return std::min(first * (1 << std::min(times, 16)), longest);
}

}  // namespace

void CredentialBook::transition(State next) {
  state_ = next;
  if (next == State::Asking) nextAt_.reset();
  if (next == State::Good) failures_ = 0;
}

std::optional<net::TimePoint> CredentialBook::nextAt() const noexcept {
  return state_ == State::Asking ? std::nullopt : nextAt_;
}

void CredentialBook::asked(net::TimePoint now) {
  askedAt_ = now;
  transition(State::Asking);
}

bool CredentialBook::found(const upstream::Credentials& credentials, std::optional<net::Millis> expiresIn,
                           net::TimePoint now) {
  // What is told has been made at some time since the source was asked.
  const net::TimePoint madeAt = state_ == State::Asking ? askedAt_ : now;
  transition(State::Good);
  nextAt_.reset();
  if (expiresIn) {
    const auto twentieth = std::max<net::Millis::rep>(1, expiresIn->count() / kOf);
    const auto jitter =
        random_(static_cast<std::uint32_t>(std::min<net::Millis::rep>(twentieth, UINT32_MAX)));
    nextAt_ = std::max(madeAt + *expiresIn * kRenewAt / kOf + net::Millis(jitter), now + *expiresIn / kLeast);
  }
  if (known() && access_.verdicts->accepted) refusals_ = 0;
  if (known() && access_.credentials() == credentials) return false;
  upstream::Access next{credentials.username, credentials.password, access_.clientName};
  next.generation = access_.generation + 1;
  next.previous = access_.previous;
  // What no node has taken was no change: the ones before are what nodes may still want.
  const bool wereGood = known() && access_.verdicts->accepted && !access_.password.empty();
  if (wereGood) next.previous = access_.credentials();
  if (next.previous == credentials) next.previous.reset();
  access_ = std::move(next);
  return true;
}

void CredentialBook::failed(net::TimePoint now) {
  const net::Millis pause = doubled(kFirstRetry, failures_++, kLongestRetry);
  const auto half = static_cast<std::uint32_t>(pause.count() / 2);
  nextAt_ = now + net::Millis(half + random_(half + 1));
  transition(State::Retrying);
}

void CredentialBook::refused(net::TimePoint now) {
  if (state_ != State::Good) return;
  const net::TimePoint soon =
      std::max(now, askedAt_ + doubled(kFirstRefusalPause, refusals_, kLongestRefusalPause));
  if (nextAt_ && *nextAt_ <= soon) return;
  ++refusals_;
  nextAt_ = soon;
}

void CredentialBook::hurry(net::TimePoint now) {
  if (state_ != State::Asking) nextAt_ = now;
}

}  // namespace slotless::credentials
