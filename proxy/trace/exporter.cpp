#include "proxy/trace/exporter.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proxy/net/address/address.h"
#include "proxy/telemetry/log.h"

namespace slotless::trace {

using observe::TraceQueue;
using telemetry::TraceCounts;
using telemetry::TraceDrop;
using telemetry::TraceFailure;

namespace {

// Too many requests, bad gateway, unavailable, no answer from behind the gateway.
constexpr int kBusyStatuses[] = {429, 502, 503, 504};

bool isBusy(int status) {
  return std::find(std::begin(kBusyStatuses), std::end(kBusyStatuses), status) != std::end(kBusyStatuses);
}

bool isSuccess(int status) {
  return status >= 200 && status < 300;
}

TraceFailure failureOf(const PostOutcome& outcome) {
  switch (outcome.kind) {
    case PostOutcome::Kind::Unreachable: return TraceFailure::Unreachable;
    case PostOutcome::Kind::TimeOut: return TraceFailure::TimeOut;
    case PostOutcome::Kind::Nonsense: return TraceFailure::Nonsense;
    case PostOutcome::Kind::Answered: break;
  }
  return isBusy(outcome.status) ? TraceFailure::Busy : TraceFailure::Refused;
}

// The batch may be taken the next time.
bool isWorthAnother(TraceFailure failure) {
  return failure != TraceFailure::Refused && failure != TraceFailure::Nonsense;
}

}  // namespace

Exporter::Exporter(net::Loop& loop, TraceQueue& queue, std::function<std::uint32_t(std::uint32_t)> random)
    : loop_(loop),
      queue_(queue),
      random_(std::move(random)),
      tick_(loop.makeTimer([this] { onTick(); })),
      pause_(loop.makeTimer([this] { sendNext(); })) {
  queue_.setBell([this, alive = std::weak_ptr<int>(alive_)] {
    loop_.post([this, alive] {
      if (!alive.expired()) onBell();
    });
  });
}

Exporter::~Exporter() {
  queue_.setBell(nullptr);
  dropAll();
}

void Exporter::use(std::optional<ExportSettings> settings) {
  if (settings == settings_) return;
  settings_ = std::move(settings);
  post_.reset();
  pause_->stop();
  state_ = State::Idle;
  nextPause_ = kShortestPause;
  if (!tick_->active()) tick_->start(kInterval);
  if (!settings_) {
    dropAll();
    return endFlush();
  }
  post_ = std::make_unique<Post>(loop_, settings_->collector,
                                 [this](const PostOutcome& outcome) { onOutcome(outcome); });
}

void Exporter::flush(std::function<void()> done) {
  flushed_ = std::move(done);
  pause_->stop();
  loop_.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired() && state_ != State::Sending) sendNext();
  });
}

void Exporter::onTick() {
  tick_->start(kInterval);
  if (!settings_) return dropAll();  // of requests that were under way when it was switched off
  if (state_ == State::Idle) sendNext();
}

void Exporter::onBell() {
  if (state_ == State::Idle && settings_) sendNext();
}

// A batch that has been sent before goes first.
void Exporter::sendNext() {
  state_ = State::Idle;
  if (!settings_) return endFlush();
  if (batch_.empty()) {
    batch_ = queue_.take();
    batchSpans_ = observe::spansOf(batch_);
    batchBegan_ = loop_.now();
  }
  if (batch_.empty()) return endFlush();
  state_ = State::Sending;
  post_->send(encodeTraces(settings_->resource, batch_));
}

void Exporter::onOutcome(const PostOutcome& outcome) {
  state_ = State::Idle;
  if (outcome.kind == PostOutcome::Kind::Answered && isSuccess(outcome.status)) return onTaken(outcome.body);
  const std::string reason = outcome.kind == PostOutcome::Kind::Answered
                                 ? "status " + std::to_string(outcome.status)
                                 : outcome.error;
  onFailure(failureOf(outcome), reason, outcome);
}

void Exporter::onTaken(const std::string& body) {
  const PartialSuccess partial = decodeResponse(body);
  const auto rejected = static_cast<std::size_t>(std::min<std::uint64_t>(partial.rejectedSpans, batchSpans_));
  TraceCounts::ofProcess().addExported(batchSpans_ - rejected);
  TraceCounts::ofProcess().addDropped(TraceDrop::Rejected, rejected);
  queue_.settle(std::exchange(batchSpans_, 0));
  batch_.clear();
  nextPause_ = kShortestPause;
  tellRecovery();
  if (rejected > 0 || !partial.message.empty()) {
    static log::RateLimit limit(1);
    log::write(limit, loop_.now(), log::Level::Warn, "the collector of traces objects",
               {{"spans", rejected}, {"message", partial.message}});
  }
  goOn();
}

void Exporter::onFailure(TraceFailure failure, const std::string& reason, const PostOutcome& outcome) {
  TraceCounts::ofProcess().addFailure(failure);
  tellTrouble(reason);
  const bool again = isWorthAnother(failure);
  if (flushed_ != nullptr) {
    dropBatch(again ? TraceDrop::Unreachable : TraceDrop::Refused);
    return endFlush();
  }
  if (!again) return dropBatch(TraceDrop::Refused);  // the next one comes with the next tick
  if (loop_.now() - batchBegan_ >= kGiveUpAfter) dropBatch(TraceDrop::Unreachable);
  pause(outcome);
}

void Exporter::goOn() {
  if (flushed_ != nullptr || queue_.waitingSpans() >= TraceQueue::kBatchSpans) sendNext();
}

// Twice as long each time, and not all proxies at once; or as long as the collector wants.
void Exporter::pause(const PostOutcome& outcome) {
  net::Millis delay = nextPause_ / 2;
  delay += net::Millis(random_(static_cast<std::uint32_t>(nextPause_.count() - delay.count()) + 1));
  nextPause_ = std::min(nextPause_ * 2, kLongestPause);
  if (outcome.retryAfter) delay = std::min<net::Millis>(*outcome.retryAfter, kLongestWish);
  state_ = State::Pausing;
  pause_->start(delay);
}

void Exporter::dropBatch(TraceDrop reason) {
  TraceCounts::ofProcess().addDropped(reason, batchSpans_);
  if (isTroubled_) lostInTrouble_ += batchSpans_;
  queue_.settle(std::exchange(batchSpans_, 0));
  batch_.clear();
}

void Exporter::dropAll() {
  for (;;) {
    dropBatch(TraceDrop::Ended);
    batch_ = queue_.take();
    batchSpans_ = observe::spansOf(batch_);
    if (batch_.empty()) return;
  }
}

void Exporter::tellTrouble(const std::string& reason) {
  if (std::exchange(isTroubled_, true)) return;
  lostInTrouble_ = 0;
  const net::Address collector{settings_->collector.host, settings_->collector.port};
  log::warn("traces are not taken by the collector", {{"collector", collector.text()}, {"error", reason}});
}

void Exporter::tellRecovery() {
  if (!std::exchange(isTroubled_, false)) return;
  log::info("traces are taken by the collector again", {{"spans_given_up", lostInTrouble_}});
}

void Exporter::endFlush() {
  if (flushed_ == nullptr) return;
  dropAll();
  std::exchange(flushed_, nullptr)();
}

}  // namespace slotless::trace
