// As whom one connection is known to its node, and when it has to say again who it is: when the credentials
// have changed, every `reauth-interval`, and after pauses that double when the node did not take them.
//
// A node that refuses AUTH leaves a connection as it was, so nothing is lost by asking; where it does not, it
// says NOAUTH to what is asked next. Pure: the owner writes what ask() gives and tells of the answer. Source:
// Redis 7.0 acl.c authCommand().
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/net/loop.h"
#include "proxy/upstream/handshake.h"

namespace slotless::upstream {

class Login {
 public:
  enum class State : std::uint8_t {
    Out,             // there is no connection, or it has not been greeted
    Latest,          // the node has taken the latest credentials that it was told
    Behind,          // it has taken the ones before, or none when it was asked last
    Asking,          // AUTH is unanswered …
    AskingPrevious,  // … with the credentials before
  };

  State state() const noexcept { return state_; }
  // AUTH is unanswered.
  bool asking() const noexcept { return state_ == State::Asking || state_ == State::AskingPrevious; }
  // These have not been put to the node, or it has not answered yet.
  bool changes(const Access& access) const noexcept { return asking() || outdated(access); }

  void greeted(const Greeting& greeting, net::TimePoint now);
  // `every` 0: only when they have changed.
  bool due(const Access& access, net::Millis every, net::TimePoint now) const;
  // What to write, once due.
  std::string ask(const Access& access);
  // `line`: an error, or anything else for yes. What to write now; empty: nothing.
  std::string answered(std::string_view line, const Access& access, net::TimePoint now);
  void lost() { transition(State::Out); }

  // Refusals of one generation in a row, after which the connection does not ask by itself any more: who
  // counts refusals must not lock the account.
  static constexpr int kMostRefusals = 10;

 private:
  static constexpr net::Millis kFirstPause{1000};
  static constexpr net::Millis kLongestPause{60'000};

  bool outdated(const Access& access) const noexcept {
    return state_ != State::Out && generation_ != access.generation;
  }
  void transition(State next);
  void refused(net::TimePoint now);

  State state_ = State::Out;
  std::uint64_t generation_ = 0;  // that the node has taken; behind: that it was told in vain
  std::uint64_t asked_ = 0;
  int refusals_ = 0;
  net::TimePoint since_{};      // the node's latest answer
  net::TimePoint notBefore_{};  // the next question, while behind
};

}  // namespace slotless::upstream
