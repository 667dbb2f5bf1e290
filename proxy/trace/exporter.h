// Brings traces from the queue to the collector, a batch at a time: when there are enough for one, or once a
// second.
//
// Idle -> Sending -> Idle (taken, or refused for good), or -> Pausing (busy, or not to be reached) ->
// Sending. A batch is given up after a minute; what has come meanwhile waits in the queue, which has its
// limit. Source of what is sent again: the OTLP specification, "Failures" and "Throttling". All on the loop's
// thread but the queue.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/http_url.h"
#include "proxy/net/loop.h"
#include "proxy/observe/trace_queue.h"
#include "proxy/telemetry/trace_counts.h"
#include "proxy/trace/otlp.h"
#include "proxy/trace/post.h"

namespace slotless::trace {

struct ExportSettings {
  config::HttpUrl collector;
  Resource resource;

  bool operator==(const ExportSettings&) const = default;
};

class Exporter {
 public:
  static constexpr net::Millis kInterval{1000};
  static constexpr net::Millis kShortestPause{1000};
  static constexpr net::Millis kLongestPause{30'000};
  // A collector that asks for more is asked again all the same.
  static constexpr net::Millis kLongestWish{60'000};
  // A batch that has not been taken by then is given up.
  static constexpr net::Millis kGiveUpAfter{60'000};

  // `random`: a number in [0, bound).
  Exporter(net::Loop& loop, observe::TraceQueue& queue,
           std::function<std::uint32_t(std::uint32_t bound)> random);
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // From now on there; nullopt: nothing is sent, and what waits is dropped.
  void use(std::optional<ExportSettings> settings);
  // Sends what there is, without pauses and nothing twice, and calls `done`, once, never from within.
  void flush(std::function<void()> done);

 private:
  enum class State : std::uint8_t { Idle, Sending, Pausing };

  void onTick();
  void onBell();
  void sendNext();
  void onOutcome(const PostOutcome& outcome);
  void onTaken(const std::string& body);
  void onFailure(telemetry::TraceFailure failure, const std::string& reason, const PostOutcome& outcome);
  void goOn();
  void pause(const PostOutcome& outcome);
  void dropBatch(telemetry::TraceDrop reason);
  void dropAll();
  void tellTrouble(const std::string& reason);
  void tellRecovery();
  void endFlush();

  net::Loop& loop_;
  observe::TraceQueue& queue_;
  const std::function<std::uint32_t(std::uint32_t)> random_;
  std::optional<ExportSettings> settings_;
  State state_ = State::Idle;
  const std::unique_ptr<net::Timer> tick_;
  const std::unique_ptr<net::Timer> pause_;
  std::unique_ptr<Post> post_;
  std::vector<observe::RequestTracePtr> batch_;  // until it is taken or given up
  std::size_t batchSpans_ = 0;
  net::TimePoint batchBegan_{};
  net::Millis nextPause_ = kShortestPause;
  bool isTroubled_ = false;  // and the log has been told so
  std::uint64_t lostInTrouble_ = 0;
  std::function<void()> flushed_;  // nothing: it goes on
  // For what the bell has posted.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slotless::trace
