// Tells once of a burst of failed TLS handshakes with nodes, and for how long one is to be spoken of.
#pragma once
#include <optional>

#include "proxy/net/tls_counts.h"

namespace slotless::server {

class TlsTroubleWatch {
 public:
  using Trouble = net::TlsCounts::Trouble;
  using TimePoint = net::TlsCounts::Clock::time_point;

  // A burst is over after so long without a failure; others begin with another reason.
  static constexpr std::chrono::seconds kQuiet{60};
  // Attempts to connect come more often than this.
  static constexpr std::chrono::seconds kFresh{10};

  // Now and then. Something: to be logged.
  std::optional<Trouble> look(const Trouble& now) {
    if (now.failures == last_.failures) return std::nullopt;
    const bool goesOn = last_.failures > 0 && now.text == last_.text && now.when - last_.when < kQuiet;
    last_ = now;
    return goesOn ? std::nullopt : std::optional(now);
  }
  static bool isFresh(const Trouble& trouble, TimePoint now) {
    return trouble.failures > 0 && now - trouble.when < kFresh;
  }

 private:
  Trouble last_;
};

}  // namespace slotless::server
