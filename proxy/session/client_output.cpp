// The part of a client that writes: replies in their order, pushes between them, and what is too much.
#include <algorithm>
#include <array>

#include "protocol/encoder.h"
#include "proxy/session/client.h"
#include "proxy/session/dispatcher.h"
#include "proxy/session/monitor_tap.h"

namespace slotless::session {

using protocol::CommandSpec;
using telemetry::Limit;

namespace {

constexpr std::size_t kPiecesPerWrite = 64;
// It may take what is written as fast as it comes: others get their turn in between.
constexpr std::size_t kBytesAtOnce = 256U * 1024;

// Bytes of replies before login, read or not: two thousand refusals.
constexpr std::size_t kMostBeforeLogin = std::size_t{64} * 1024;
// So long nothing of a large reply need be taken.
constexpr net::Millis kPatienceWithReader{60'000};

}  // namespace

void Client::reply(const CommandSpec* spec, std::string_view bytes) {
  auto& metrics = services_.metrics;
  auto& counters = spec == nullptr ? metrics.unknownCommand() : metrics.command(spec->id);
  counters.record(net::Micros{0}, !bytes.empty() && bytes.front() == '-');
  if (!replySwitch_.muted()) appendReply(spec, bytes);
}

void Client::notify(const CommandSpec* spec, std::string_view bytes) {
  services_.metrics.command(spec->id).record(net::Micros{0}, false);
  appendReply(spec, bytes);
}

void Client::appendReply(const CommandSpec* spec, std::string_view bytes) {
  if (!loggedIn()) {
    saidBeforeLogin_ += bytes.size();
    if (saidBeforeLogin_ > kMostBeforeLogin)
      return closeFor(Limit::BeforeLogin, "too many requests before login", saidBeforeLogin_);
  }
  if (pending_.empty()) {
    output_.append(bytes);
    services_.agenda.add(*this, Task::Flush);
    checkOutputLimit();
    return;
  }
  Request& added = services_.requests.take();
  added.client = this;
  added.spec = spec;
  added.done = true;
  added.waiting.append(bytes);
  waitingBytes_ += bytes.size();
  pending_.push(added);
  charge(added, sizeof(Request));
  services_.metrics.inFlightRequests.add(1);
  checkOutputLimit();
}

void Client::deliver(Request& request, std::string_view bytes) {
  if (state_ == ClientState::Closed || request.muted) return;
  request.replyBytes += bytes.size();
  if (pending_.head() == &request) {
    output_.append(bytes);
    services_.agenda.add(*this, Task::Flush);
  } else {
    request.waiting.append(bytes);
    waitingBytes_ += bytes.size();
  }
  checkOutputLimit();
}

void Client::discardWaiting(Request& request) {
  waitingBytes_ -= request.waiting.size();
  request.waiting.clear();
}

void Client::onRequestDone(Request& request) {
  request.done = true;
  // Up at once, down slowly.
  replyEstimate_ = std::max(request.replyBytes, replyEstimate_ - replyEstimate_ / 16);
  if (pending_.head() != &request || state_ == ClientState::Closed) return;
  if (&request == lastWord_) return services_.agenda.add(*this, Task::Flush);
  while (!pending_.empty() && pending_.head()->done && pending_.head() != lastWord_) {
    Request& finished = popPending();
    if (services_.tap.on()) services_.tap.onDone(finished);
    if (finished.replyBytes > largeReply_) largeReply_ = finished.replyBytes;
    conversation_.onReplied(finished, output_);
    services_.requests.put(finished);
    services_.metrics.inFlightRequests.add(-1);
    if (!pushes_.empty()) output_.splice(pushes_);
    if (pending_.empty()) break;
    net::ByteChain& waiting = pending_.head()->waiting;
    if (waiting.empty()) continue;
    waitingBytes_ -= waiting.size();
    output_.splice(waiting);
  }
  if (pending_.empty()) {
    detoured = false;
    conversation_.settle();
  }
  services_.agenda.add(*this, Task::Flush);
  if (paused_) wake();
}

void Client::push(char first, std::string_view bytes) {
  if (state_ != ClientState::Open) return;
  const Request* head = pending_.head();
  const bool inReply = head != nullptr && head->replyBytes > 0;
  net::ByteChain& chain = inReply ? pushes_ : output_;
  chain.append({&first, 1});
  chain.append(bytes.substr(1));
  services_.agenda.add(*this, Task::Flush);
  if (conversation_.listens()) return checkPushLimit();
  checkOutputLimit();
}

void Client::checkPushLimit() {
  if (state_ == ClientState::Closed || !conversation_.listens()) return;
  const config::Config& config = services_.config;
  const std::size_t bytes = outputBytes();
  if (config.clientOutputPubsubHardLimit > 0 && bytes > config.clientOutputPubsubHardLimit) {
    return exceedPushLimit("client-output-pubsub-hard-limit");
  }
  if (config.clientOutputPubsubSoftLimit == 0 || bytes <= config.clientOutputPubsubSoftLimit) {
    aboveSoftSince_ = {};
  } else if (aboveSoftSince_ == net::TimePoint{}) {
    aboveSoftSince_ = services_.host.now;
  } else if (services_.host.now - aboveSoftSince_ > config.clientOutputPubsubSoftSeconds) {
    exceedPushLimit("client-output-pubsub-soft-limit");
  }
}

void Client::exceedPushLimit(std::string_view limit) {
  closeFor(Limit::PubSubOutput, limit, outputBytes());
}

// One reply that is large by itself may have any size, as from one Redis: memory-limit is there for those.
std::size_t Client::outputBeyondLargeReply() const noexcept {
  const std::size_t begun = pending_.empty() ? 0 : pending_.head()->replyBytes;
  const std::size_t largest = std::max(largeReply_, begun);
  const bool large = largest > services_.config.clientOutputHardLimit / 2;
  return outputBytes() - (large ? std::min(outputBytes(), largest) : 0);
}

void Client::checkOutputLimit() {
  const std::uint64_t hard = services_.config.clientOutputHardLimit;
  if (hard == 0 || outputBytes() <= hard || state_ == ClientState::Closed) return;
  if (outputBeyondLargeReply() <= hard) return;
  closeFor(Limit::OutputHard, "client-output-hard-limit", outputBytes());
}

void Client::flush() {
  if (state_ == ClientState::Closed) return;
  std::array<iovec, kPiecesPerWrite> pieces;
  std::size_t sent = 0;
  while (!output_.empty() && sent < kBytesAtOnce) {
    const net::IoResult written = stream_->write({pieces.data(), output_.gather(pieces)});
    if (written.status == net::IoStatus::Failed) return close("write failed");
    if (written.status == net::IoStatus::WouldBlock) break;
    services_.metrics.bytesSent.add(written.bytes);
    traffic_.bytesSent += written.bytes;
    output_.consume(written.bytes);
    sent += written.bytes;
    progress_ = true;
  }
  if (awaitsRoom_ != net::TimePoint{} && sent > 0) noteRoom();
  largeReply_ = std::min(largeReply_, output_.size());
  if (state_ == ClientState::Closing && output_.empty() && pending_.empty()) return close("finished");
  if (lastWord_ != nullptr && output_.empty() && pending_.head() == lastWord_)
    return close("a write may or may not have been carried out");
  if (!output_.empty() && !loggedIn() && outputBytes() > usualAllowance())
    return closeFor(Limit::BeforeLogin, "unread replies before login", outputBytes());
  if (outputBytes() <= services_.config.clientOutputSoftLimit) outputAllowance_ = usualAllowance();
  if (paused_ && outputBytes() <= outputAllowance_) wake();
  updateWatch();
  if (leaving_ && state_ == ClientState::Open) leaveBetweenRequests();
}

void Client::awaitRoom() {
  if (awaitsRoom_ == net::TimePoint{}) awaitsRoom_ = pausedSince_ = services_.host.now;
}

void Client::noteRoom() {
  awaitsRoom_ = services_.host.now;
  if (unsentBytes() > services_.config.clientOutputSoftLimit) return;
  awaitsRoom_ = pausedSince_ = {};
  services_.dispatcher.onRoom(*this);
}

// A dead one must not keep a connection that others need.
void Client::checkRoom() {
  if (awaitsRoom_ == net::TimePoint{} || state_ == ClientState::Closed) return;
  if (services_.host.now - awaitsRoom_ > kPatienceWithReader)
    closeFor(Limit::OutputHard, "a large reply is not taken", outputBytes());
}

void Client::onWritable() {
  services_.host.touch();
  flush();
}

}  // namespace slotless::session
