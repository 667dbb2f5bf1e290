// What is asked on a link, and what is answered: one after the other.
#include <algorithm>
#include <array>
#include <utility>

#include "proxy/upstream/link.h"
#include "proxy/upstream/link_probe.h"

namespace slotless::upstream {

namespace {

constexpr std::array<std::string_view, 4> kFronts = {
    "",
    "*1\r\n$6\r\nASKING\r\n",
    "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\n",
    "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$2\r\nNO\r\n",
};
// An error reply longer than this is not held back for classification any more: the node is talking garbage.
constexpr std::size_t kMaxErrorLine = 1024U * 1024;
// Nor a push: it holds at most the names of the keys that changed within one turn of the node.
constexpr std::size_t kMaxPush = 256U * 1024 * 1024;
// A reply that is shorter is taken in any case.
constexpr std::uint64_t kLargeReply = 256U * 1024;
// So much of one reply, come or still to come, keeps others waiting for longer than another connection takes.
constexpr std::uint64_t kOccupyingReply = 1024U * 1024;
constexpr std::string_view kNoAuth = "-NOAUTH ";

}  // namespace

std::string_view textOf(Front front) noexcept {
  return kFronts[static_cast<std::size_t>(front)];
}

void Link::onBytes(std::string_view bytes) {
  host_.touch();
  takeReplies(bytes);
  publishInFlight();
}

void Link::publishInFlight() noexcept {
  metrics_.inFlight.set(static_cast<std::int64_t>(inFlight()));
}

void Link::takeReplies(std::string_view bytes) {
  hearNode();
  while (!bytes.empty()) {
    const bool first = scanner_.idle();
    const protocol::ReplyScanner::Result result = scanner_.scan(bytes);
    if (result.status == protocol::ReplyScanner::Status::Error) return lose("a reply that is not RESP");
    const std::string_view piece = bytes.substr(0, result.consumed);
    const bool complete = result.status == protocol::ReplyScanner::Status::Complete;
    bytes.remove_prefix(result.consumed);
    if (scanner_.isPush()) {
      if (!takePush(piece, complete)) return lose("a push that nobody asked for");
      continue;
    }
    if (fifo_.empty()) return lose("a reply that nobody asked for");
    if (!takePiece(piece, first, complete)) return;
  }
  endDraining();
  // One that is never idle for long would not be met so.
  if (settings_.role == LinkRole::Lease && fifo_.empty()) keepLogin();
}

// Pushes come between replies, whether or not a request is open. False: nobody here wants it.
bool Link::takePush(std::string_view piece, bool complete) {
  if (holder_ == nullptr || push_.size() + piece.size() > kMaxPush) return false;
  if (!complete || !push_.empty()) push_.append(piece);
  if (!complete) return true;
  scanner_.reset();
  const std::string whole = std::exchange(push_, {});
  return holder_->onPush(*this, whole.empty() ? piece : std::string_view(whole));
}

// False: the link has been lost.
bool Link::takePiece(std::string_view piece, bool first, bool complete) {
  const Entry entry = fifo_.front();  // a copy: what is called below may send, and so grow the queue
  const bool isError = scanner_.type() == '-';
  // The answer to ASKING may come while the request behind it is still being sent.
  if ((entry.skip > 0 ? entry.prefix : entry.length) > sent_) {
    // A node may refuse a request before it has read it all (too large); then it closes the connection.
    if (!isError) {
      lose("a reply before its request was sent");
      return false;
    }
    early_ = true;
  }
  if (entry.skip > 0) {
    skipReply(entry, piece, complete);
    return true;
  }
  if (first && !belief_.believes(isError, host_.now)) {
    lose("a reply of a node that has not been the master for a while", Breakage::Cause::Forsaken);
    return false;
  }
  if (!isError) {
    if (!complete) noteLength(entry, piece.size());
    if (first && !complete && declined(entry)) return true;
    if (complete) count(entry, false);
    entry.exchange->onReply(piece, complete);
    if (complete) finishFront();
    return true;
  }
  if (!complete || !errorLine_.empty()) errorLine_.append(piece);
  if (!complete) {
    if (errorLine_.size() <= kMaxErrorLine) return true;
    lose("an error reply without an end");
    return false;
  }
  count(entry, true);
  const std::string whole = std::exchange(errorLine_, {});
  const std::string_view line = whole.empty() ? piece : std::string_view(whole);
  if (entry.own == Own::Heartbeat && line.starts_with(kNoAuth)) renew();
  entry.exchange->onErrorReply(line, SentRequest(output_, entry.prefix, entry.length - entry.prefix));
  const bool early = early_;
  finishFront();
  if (early) lose("a request refused before it was sent");
  return !early;
}

// A shared link is never paused for one client: a reply that is too much for it is asked for elsewhere.
bool Link::declined(const Entry& entry) {
  const std::uint64_t left = scanner_.payloadLeft();
  if (settings_.role != LinkRole::Shared || left < kLargeReply) return false;
  if (!entry.exchange->declines(left, SentRequest(output_, entry.prefix, entry.length - entry.prefix)))
    return false;
  fifo_.front().exchange = &nobody();
  return true;
}

void Link::noteLength(const Entry& entry, std::size_t taken) {
  frontTaken_ += taken;
  if (occupied_ || settings_.role != LinkRole::Shared) return;
  if (std::max(frontTaken_, scanner_.payloadLeft()) < kOccupyingReply) return;
  occupied_ = true;
  ++host_.occupiedLinks;
  entry.exchange->onLargeReply(SentRequest(output_, entry.prefix, entry.length - entry.prefix));
}

void Link::endOccupation() noexcept {
  frontTaken_ = 0;
  if (!occupied_) return;
  occupied_ = false;
  --host_.occupiedLinks;
}

void Link::count(const Entry& entry, bool failed) {
  if (entry.own != Own::No) return;
  if (failed) metrics_.errors.add();
  metrics_.latency.record(std::chrono::duration_cast<std::chrono::microseconds>(host_.now - entry.sent));
}

void Link::skipReply(const Entry& entry, std::string_view piece, bool complete) {
  const bool isError = scanner_.type() == '-';
  if (isError) errorLine_.append(piece);
  if (!complete) return;
  fifo_.front().skip--;
  fifo_.front().front = false;
  scanner_.reset();
  // A refused ASKING shows in the reply to the request itself; CLIENT CACHING is only sent where it fits.
  if (isError && !entry.front) entry.exchange->onPreludeError(errorLine_);
  errorLine_.clear();
}

void Link::finishFront() {
  const std::uint64_t length = std::min<std::uint64_t>(fifo_.front().length, output_.size());
  if (fifo_.front().own == Own::Heartbeat) beating_ = false;
  if (fifo_.front().own != Own::No) --own_;
  fifo_.pop();
  frontSince_ = host_.now;
  output_.consume(length);
  sent_ -= std::min<std::size_t>(sent_, length);
  scanner_.reset();
  endOccupation();
  early_ = false;
}

void Link::beginEntry(Front front) {
  if (fifo_.empty()) lastProgress_ = frontSince_ = host_.now;
  if (front != Front::None) output_.append(textOf(front));
  if (!dirty_) {
    dirty_ = true;
    host_.onLinkDirty(*this);
  }
}

void Link::endEntry(Exchange& exchange, Front front, std::uint32_t preludes, std::size_t sizeBefore) {
  const bool fronted = front != Front::None;
  fifo_.push({&exchange, output_.size() - sizeBefore, static_cast<std::uint32_t>(textOf(front).size()),
              preludes + (fronted ? 1U : 0U), fronted, host_.now});
  metrics_.requests.add();
  lastUsed_ = host_.now;
  if (belief_.doubtful() && !timer_->active()) grantPatience();
}

// The way of nearly all requests: the same as with Front::None.
void Link::send(Exchange& exchange, std::string_view request) {
  beginEntry(Front::None);
  output_.append(request);
  fifo_.push({&exchange, request.size(), 0, 0, false, host_.now});
  metrics_.requests.add();
  lastUsed_ = host_.now;
  if (belief_.doubtful() && !timer_->active()) grantPatience();
}

void Link::send(Exchange& exchange, std::string_view request, Front front) {
  const std::size_t before = output_.size();
  beginEntry(front);
  output_.append(request);
  endEntry(exchange, front, 0, before);
}

void Link::send(Exchange& exchange, net::BlockPtr request, Front front) {
  const std::size_t before = output_.size();
  beginEntry(front);
  output_.append(std::move(request));
  endEntry(exchange, front, 0, before);
}

void Link::send(Exchange& exchange, net::ByteChain& request, Front front, std::uint32_t preludes) {
  const std::size_t before = output_.size();
  beginEntry(front);
  output_.splice(request);
  endEntry(exchange, front, preludes, before);
}

std::optional<SentRequest> Link::requestOf(const Exchange& exchange) const {
  if (fifo_.empty() || fifo_.front().exchange != &exchange) return std::nullopt;
  const Entry& entry = fifo_.front();
  return SentRequest(output_, entry.prefix, entry.length - entry.prefix);
}

}  // namespace slotless::upstream
