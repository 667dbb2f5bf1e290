// Which functions have declared "no-writes": asked of a node once for each CLIENT PAUSE of writes, during
// which no client of this proxy can load another one. Source: redis.io/commands/function-list.
//
// Ownership: must outlive the worker's links. Errors: what cannot be asked counts as writing.
#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "proxy/telemetry/denials.h"
#include "proxy/upstream/exchange.h"
#include "proxy/upstream/link_pool.h"

namespace slotless::session {

class FunctionFlags final : public upstream::Exchange {
 public:
  // `known`: called when there is an answer after writesNothing() had none.
  FunctionFlags(upstream::LinkPool& links, telemetry::Denials& denials, std::function<void()> known)
      : links_(links), denials_(denials), known_(std::move(known)) {}

  // False for an empty name, and as long as it is not known.
  bool writesNothing(std::string_view function, net::TimePoint now);
  // What has been learned may not hold any more.
  void forget() noexcept;

 private:
  enum class State : std::uint8_t { Unknown, Asked, Known };

  void onReply(std::string_view bytes, bool last) override;
  void onErrorReply(std::string_view line, const upstream::SentRequest& sent) override;
  void onLost(upstream::Loss loss, const upstream::SentRequest& sent) override;
  void settle();

  upstream::LinkPool& links_;
  telemetry::Denials& denials_;
  std::function<void()> known_;
  State state_ = State::Unknown;
  bool outdated_ = false;  // forgotten while it was asked
  net::Address node_;      // that was asked last
  net::TimePoint askedAt_{};
  std::string reply_;
  std::set<std::string, std::less<>> harmless_;
};

}  // namespace slotless::session
