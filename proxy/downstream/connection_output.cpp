// The part of a connection that writes: replies in their order, pushes between them, and what is too much.
#include <algorithm>
#include <array>

#include "protocol/encoder.h"
#include "proxy/dispatch/agenda.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/request.h"
#include "proxy/downstream/client_connection.h"
#include "proxy/downstream/memory_limits.h"

namespace slotless::session {

using protocol::CommandSpec;
using telemetry::Limit;

namespace {

constexpr std::size_t kPiecesPerWrite = 64;
// It may take what is written as fast as it comes: others get their turn in between.
constexpr std::size_t kWrittenAtOnce = 256U * 1024;

// Bytes of replies before login, read or not: two thousand refusals.
constexpr std::size_t kMostBeforeLogin = std::size_t{64} * 1024;
// Requests and replies from that size on keep others on the same link waiting …
constexpr std::size_t kBulkBytes = std::size_t{64} * 1024;
// … and who has had one is taken to have more, for so many replies.
constexpr std::uint32_t kBulkReplies = 64;
// So long nothing of a large reply need be taken.
constexpr net::Millis kPatienceWithReader{60'000};

}  // namespace

void ClientConnection::appendReply(const CommandSpec* spec, std::string_view bytes) {
  if (!loggedIn()) {
    saidBeforeLogin_ += bytes.size();
    if (saidBeforeLogin_ > kMostBeforeLogin)
      return closeFor(Limit::BeforeLogin, "too many requests before login", saidBeforeLogin_);
  }
  if (pending().empty()) {
    output_.append(bytes);
    context_.agenda.add(*this, Task::Flush);
    checkOutputLimit();
    return;
  }
  Request& added = context_.requests.take();
  added.client = this;
  added.spec = spec;
  added.done = true;
  added.waiting.append(bytes);
  waitingBytes_ += bytes.size();
  pending().push(added);
  charge(added, sizeof(Request));
  context_.metrics.inFlightRequests.add(1);
  checkOutputLimit();
}

void ClientConnection::deliver(Request& request, std::string_view bytes) {
  if (state_ == ClientState::Closed || request.muted) return;
  request.replyBytes += bytes.size();
  if (pending().head() == &request) {
    output_.append(bytes);
    context_.agenda.add(*this, Task::Flush);
  } else {
    request.waiting.append(bytes);
    waitingBytes_ += bytes.size();
  }
  checkOutputLimit();
}

void ClientConnection::discardWaiting(Request& request) {
  waitingBytes_ -= request.waiting.size();
  request.waiting.clear();
}

void ClientConnection::onRequestDone(Request& request) {
  request.done = true;
  // Up at once, down slowly.
  replyEstimate_ = std::max(request.replyBytes, replyEstimate_ - replyEstimate_ / 16);
  if (pending().head() != &request || state_ == ClientState::Closed) return;
  if (&request == lastWord()) return context_.agenda.add(*this, Task::Flush);
  while (!pending().empty() && pending().head()->done && pending().head() != lastWord()) {
    Request& finished = popPending();
    if (finished.replyBytes > largeReply_) largeReply_ = finished.replyBytes;
    noteBulk(finished);
    onReplied(finished, output_);
    context_.requests.put(finished);
    context_.metrics.inFlightRequests.add(-1);
    if (!pushes_.empty()) output_.splice(pushes_);
    if (pending().empty()) break;
    WaitingReply& waiting = pending().head()->waiting;
    if (waiting.empty()) continue;
    waitingBytes_ -= waiting.size();
    waiting.moveTo(output_);
  }
  if (pending().empty()) {
    detoured = false;
    bulk = bulkLeft_ > 0;
    onAllReplied();
  }
  context_.agenda.add(*this, Task::Flush);
  if (paused_) wake();
}

void ClientConnection::noteBulk(const Request& finished) noexcept {
  if (std::max(finished.replyBytes, finished.bytes) >= kBulkBytes) {
    bulkLeft_ = kBulkReplies;
  } else if (bulkLeft_ > 0) {
    --bulkLeft_;
  }
}

void ClientConnection::appendPush(char first, std::string_view bytes) {
  if (state_ != ClientState::Open) return;
  const Request* head = pending().head();
  const bool inReply = head != nullptr && head->replyBytes > 0;
  net::ByteChain& chain = inReply ? pushes_ : output_;
  chain.append({&first, 1});
  chain.append(bytes.substr(1));
  context_.agenda.add(*this, Task::Flush);
  if (listens()) return checkPushLimit();
  checkOutputLimit();
}

void ClientConnection::checkPushLimit() {
  if (state_ == ClientState::Closed || !listens()) return;
  const config::Config& config = context_.config;
  const std::size_t bytes = outputBytes();
  if (config.clientOutputPubsubHardLimit > 0 && bytes > config.clientOutputPubsubHardLimit) {
    return exceedPushLimit("client-output-pubsub-hard-limit");
  }
  if (config.clientOutputPubsubSoftLimit == 0 || bytes <= config.clientOutputPubsubSoftLimit) {
    aboveSoftSince_ = {};
  } else if (aboveSoftSince_ == net::TimePoint{}) {
    aboveSoftSince_ = context_.host.now;
  } else if (context_.host.now - aboveSoftSince_ > config.clientOutputPubsubSoftSeconds) {
    exceedPushLimit("client-output-pubsub-soft-limit");
  }
}

void ClientConnection::exceedPushLimit(std::string_view limit) {
  closeFor(Limit::PubSubOutput, limit, outputBytes());
}

// One reply that is large by itself may have any size, as from one Redis: memory-limit is there for those.
std::size_t ClientConnection::outputBeyondLargeReply() const noexcept {
  const std::size_t begun = pending().empty() ? 0 : pending().head()->replyBytes;
  const std::size_t largest = std::max(largeReply_, begun);
  const bool large = largest > context_.config.clientOutputHardLimit / 2;
  return outputBytes() - (large ? std::min(outputBytes(), largest) : 0);
}

void ClientConnection::checkOutputLimit() {
  const std::uint64_t hard = context_.config.clientOutputHardLimit;
  if (hard == 0 || outputBytes() <= hard || state_ == ClientState::Closed) return;
  if (outputBeyondLargeReply() <= hard) return;
  closeFor(Limit::OutputHard, "client-output-hard-limit", outputBytes());
}

void ClientConnection::flush() {
  if (state_ == ClientState::Closed) return;
  std::array<iovec, kPiecesPerWrite> pieces;
  std::size_t sent = 0;
  while (!output_.empty() && sent < kWrittenAtOnce) {
    const net::IoResult written = stream_->write({pieces.data(), output_.gather(pieces)});
    if (written.status == net::IoStatus::Failed) return close("write failed");
    if (written.status == net::IoStatus::WouldBlock) break;
    context_.metrics.bytesSent.add(written.bytes);
    traffic_.bytesSent += written.bytes;
    output_.consume(written.bytes);
    sent += written.bytes;
    progress_ = true;
  }
  if (awaitsRoom_ != net::TimePoint{} && sent > 0) noteRoom();
  largeReply_ = std::min(largeReply_, output_.size());
  if (state_ == ClientState::Closing && pending().empty() && outputGone()) return close("finished");
  if (lastWord() != nullptr && pending().head() == lastWord() && outputGone())
    return close("a write may or may not have been carried out");
  if (!output_.empty() && !loggedIn() && outputBytes() > usualAllowance())
    return closeFor(Limit::BeforeLogin, "unread replies before login", outputBytes());
  if (outputBytes() <= context_.config.clientOutputSoftLimit) outputAllowance_ = usualAllowance();
  if (paused_ && outputBytes() <= outputAllowance_) wake();
  updateWatch();
  if (leaving_ && state_ == ClientState::Open) leaveBetweenRequests();
}

bool ClientConnection::overfills(std::uint64_t bytes) const {
  const std::uint64_t hard = context_.config.clientOutputHardLimit;
  return (hard > 0 && outputBytes() + bytes > hard) || shared_.memory.isTooMuch(bytes);
}

bool ClientConnection::awaitRoom() {
  if (state_ == ClientState::Closed || unsentBytes() <= context_.config.clientOutputSoftLimit) return false;
  if (awaitsRoom_ == net::TimePoint{}) awaitsRoom_ = pausedSince_ = context_.host.now;
  return true;
}

void ClientConnection::noteRoom() {
  awaitsRoom_ = context_.host.now;
  if (unsentBytes() > context_.config.clientOutputSoftLimit) return;
  awaitsRoom_ = pausedSince_ = {};
  context_.dispatcher.onRoom(*this);
}

// A dead one must not keep a connection that others need.
void ClientConnection::checkRoom() {
  if (awaitsRoom_ == net::TimePoint{} || state_ == ClientState::Closed) return;
  if (context_.host.now - awaitsRoom_ > kPatienceWithReader)
    closeFor(Limit::OutputHard, "a large reply is not taken", outputBytes());
}

void ClientConnection::onWritable() {
  context_.host.touch();
  flush();
}

}  // namespace slotless::session
