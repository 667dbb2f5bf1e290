// Whether a replica gets what its master does, by its answer to ROLE.
//
// Source: redis.io/commands/role (Redis 2.8.12 and later). A replica that has lost its master, or loads the
// first copy of its data, goes on serving what it has (replica-serve-stale-data), which may be nothing.
// Errors: a server that does not tell (an ACL forbids it) is taken to be in step.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "proxy/net/loop.h"
#include "proxy/telemetry/denials.h"
#include "proxy/upstream/exchange.h"

namespace slotless::upstream {

class ReplicaRole final : public Exchange {
 public:
  // `denials`: nullptr: it is noted nowhere that the node denies ROLE.
  ReplicaRole(telemetry::Denials* denials, net::Address node) : denials_(denials), node_(std::move(node)) {}

  void asked(net::TimePoint now) noexcept { askedAt_ = now; }
  net::TimePoint askedAt() const noexcept { return askedAt_; }
  // Another connection: nothing has been said on it.
  void forget() noexcept { inStep_ = false; }
  // By its last answer; false before the first one on a connection.
  bool inStep() const noexcept { return inStep_; }

  void onReply(std::string_view bytes, bool last) override;
  void onErrorReply(std::string_view line, const SentRequest& sent) override;
  void onLost(Loss loss, const SentRequest& sent) override;

 private:
  telemetry::Denials* const denials_;
  const net::Address node_;
  bool inStep_ = false;
  net::TimePoint askedAt_{};
  std::string reply_;
};

}  // namespace slotless::upstream
