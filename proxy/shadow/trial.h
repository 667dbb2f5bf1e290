// Puts one read after another to both sides at the same time, compares what they reply, and counts.
//
// The copy lags a moment behind: what differs is asked once more later. It counts as a difference if both
// sides then say what they said before, and this is not the same. A side that does not answer is left alone
// for a while: what comes meanwhile is dropped.
//
// Not thread-safe. Has no clock and no connection of its own.
#pragma once
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/observe/shadow_queue.h"
#include "proxy/shadow/asker.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::shadow {

class Trial {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::seconds kSettle{3};  // until a difference is looked at again
  static constexpr std::chrono::seconds kRest{1};    // of a side that does not answer
  // A day with many differences must not hold many replies.
  static constexpr std::size_t kMostDoubtful = 256;
  // Of all replies to one request, from each side.
  static constexpr std::size_t kMostReplyBytes = std::size_t{1} << 20;

  // `queue`: where the samples have come from.
  Trial(observe::ShadowQueue& queue, std::function<TimePoint()> now);

  // From now on these; before anything is asked.
  void use(std::unique_ptr<Asker> server, std::unique_ptr<Asker> cluster);

  void ask(observe::ShadowSample sample) { put(std::move(sample), nullptr); }
  // The oldest of what has differed, if its time has come. False: there is none.
  bool askAgain();

 private:
  struct Doubtful {
    observe::ShadowSample sample;
    TimePoint due;
    std::string server;  // what was said
    std::string cluster;
  };
  // What a side has said to each question; nullopt: it would not, or it is too much.
  using Said = std::optional<std::vector<std::string>>;

  void put(observe::ShadowSample sample, const Doubtful* before);
  std::optional<telemetry::ShadowDrop> send(const observe::ShadowSample& sample,
                                            std::vector<Question>& questions);
  std::optional<telemetry::ShadowDrop> sendTo(Asker& side, const observe::ShadowSample& sample,
                                              const std::vector<Question>& questions);
  // `isLost`: it does not answer any more.
  Said hear(Asker& side, const std::vector<Question>& questions, bool& isLost);
  void drop(const observe::ShadowSample& sample, telemetry::ShadowDrop reason);
  void end(const observe::ShadowSample& sample, telemetry::ShadowOutcome outcome);
  void fail(const std::string& trouble);

  observe::ShadowQueue& queue_;
  const std::function<TimePoint()> now_;
  std::unique_ptr<Asker> server_;
  std::unique_ptr<Asker> cluster_;
  std::deque<Doubtful> doubtful_;
  TimePoint failedUntil_{};
};

}  // namespace slotless::shadow
