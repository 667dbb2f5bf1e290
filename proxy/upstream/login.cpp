#include "proxy/upstream/login.h"

#include <algorithm>

namespace slotless::upstream {

void Login::transition(State next) {
  state_ = next;
  if (next == State::Out || next == State::Latest) refusals_ = 0;
}

void Login::refused(net::TimePoint now) {
  const net::Millis pause = kFirstPause * (1 << std::min(refusals_, 16));
  ++refusals_;
  since_ = now;
  notBefore_ = now + std::min(pause, kLongestPause);
}

void Login::greeted(const Greeting& greeting, net::TimePoint now) {
  transition(State::Out);
  generation_ = greeting.generation;
  since_ = now;
  if (greeting.byPrevious) refused(now);
  transition(greeting.byPrevious ? State::Behind : State::Latest);
}

bool Login::due(const Access& access, net::Millis every, net::TimePoint now) const {
  if (access.password.empty() || state_ == State::Out || asking()) return false;
  if (outdated(access)) return true;
  if (state_ == State::Behind && refusals_ < kMostRefusals) return now >= notBefore_;
  return every.count() > 0 && now - since_ >= every && now >= notBefore_;
}

std::string Login::ask(const Access& access) {
  if (asked_ != access.generation) refusals_ = 0;
  asked_ = access.generation;
  transition(State::Asking);
  return authCommand(access.credentials());
}

std::string Login::answered(std::string_view line, const Access& access, net::TimePoint now) {
  if (!line.starts_with('-')) {
    const bool latest = state_ == State::Asking;
    since_ = now;
    generation_ = asked_;
    if (latest && access.generation == asked_) {
      access.verdicts->accepted = true;
      access.verdicts->previousFirst = false;
    }
    transition(latest ? State::Latest : State::Behind);
    return {};
  }
  const bool other = state_ == State::Asking && access.generation == asked_ && access.previous &&
                     !access.previous->password.empty();
  if (state_ == State::Asking) {
    if (access.generation == asked_) access.verdicts->refused = true;
    refused(now);
  }
  generation_ = asked_;
  transition(other ? State::AskingPrevious : State::Behind);
  return other ? authCommand(*access.previous) : std::string();
}

}  // namespace slotless::upstream
