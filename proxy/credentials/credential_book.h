// Which credentials are in force, which were before them, and when their source is to be asked again.
//
// What is found out replaces what is in force; what is not found out leaves it there, however old it is. The
// ones before stay as long as they have been good, so that two passwords are valid while a change spreads
// (Access::previous). Pure: the owner asks the source, and tells of the answer and of the time.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "proxy/net/loop.h"
#include "proxy/upstream/access.h"

namespace slotless::credentials {

class CredentialBook {
 public:
  enum class State : std::uint8_t {
    Unknown,   // none are known, and the source is to be asked
    Good,      // the source's latest answer is in force
    Asking,    // the source is being asked
    Retrying,  // it did not answer; what was in force still is
  };

  // `random(bound)`: a number in [0, bound), for jitter.
  explicit CredentialBook(std::function<std::uint32_t(std::uint32_t bound)> random)
      : random_(std::move(random)) {}

  State state() const noexcept { return state_; }
  bool known() const noexcept { return access_.generation > 0; }
  // Requires known().
  const upstream::Access& access() const noexcept { return access_; }
  // When the source is to be asked; nothing: not by itself, or not before it has answered.
  std::optional<net::TimePoint> nextAt() const noexcept;
  // Times that the source has not answered, since it last did.
  int failures() const noexcept { return failures_; }

  void asked(net::TimePoint now);
  // True: they are others than before, of a new generation. `expiresIn`: how long they are good.
  bool found(const upstream::Credentials& credentials, std::optional<net::Millis> expiresIn,
             net::TimePoint now);
  void failed(net::TimePoint now);
  // The nodes do not take them: the source may know better, and is asked soon.
  void refused(net::TimePoint now);
  // The source is to be asked now.
  void hurry(net::TimePoint now);

 private:
  void transition(State next);

  std::function<std::uint32_t(std::uint32_t bound)> random_;
  State state_ = State::Unknown;
  upstream::Access access_;
  std::optional<net::TimePoint> nextAt_ = net::TimePoint{};
  net::TimePoint askedAt_{};
  int failures_ = 0;
  int refusals_ = 0;  // answers since the nodes last took what was found
};

}  // namespace slotless::credentials
