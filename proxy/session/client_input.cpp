// The part of a client that reads: bytes into requests, within the limits of what may be under way.
#include <algorithm>
#include <cstring>

#include "proxy/net/heap_account.h"
#include "proxy/session/client.h"
#include "proxy/session/dispatcher.h"
#include "proxy/session/large_memory.h"
#include "proxy/session/memory_relief.h"

namespace slotless::session {

using protocol::RequestParser;
using telemetry::Limit;

namespace {

// Below this an incomplete request is put in front of the next read instead of being read piecemeal.
constexpr std::size_t kPrefixBytes = 16384;
// What is taken from a client at once before it has logged in: it may have to be kept.
constexpr std::size_t kReadBeforeLogin = 16384;
// Of one client, before others get their turn: so many bytes are read unless they are one argument's, and so
// many requests taken up.
constexpr std::size_t kBytesAtOnce = 256U * 1024;
constexpr std::size_t kRequestsAtOnce = 200;

// Large memory grows by remapping, which is cheap; small memory is copied.
std::size_t roomAfter(std::size_t capacity) noexcept {
  constexpr std::size_t kLarge = 4U * 1024 * 1024;
  return capacity < kLarge ? capacity * 2 : capacity + capacity / 8;
}

}  // namespace

void Client::onReadable() {
  services_.host.touch();
  lastActive_ = services_.host.now;
  if (greedy_ && !paused_) return wake();
  read();
}

void Client::read() {
  if (services_.relief.holdsBack(*this)) {
    starved_ = true;
    return updateWatch();
  }
  if (paused_) return readWhilePaused();
  const bool small =
      input_ == nullptr || (input_->size() <= kPrefixBytes && parser_.bytesNeeded() <= kPrefixBytes);
  if (small) {
    static_cast<void>(readIntoScratch());
  } else {
    readIntoInput();
  }
  // What is answered with silence is over, too.
  if (leaving_) services_.agenda.add(*this, Task::Flush);
}

// How many bytes have come; 0: none, and if the input has ended, that has been dealt with.
std::size_t Client::receive(char* to, std::size_t room) {
  if (!loggedIn()) room = std::min(room, kReadBeforeLogin);
  const net::IoResult got = stream_->read(to, room);
  if (got.status == net::IoStatus::WouldBlock) return 0;
  if (got.status != net::IoStatus::Ok) {
    endInput(got.status);
    return 0;
  }
  if (got.more) stream_->remind();
  services_.metrics.bytesReceived.add(got.bytes);
  traffic_.bytesReceived += got.bytes;
  return got.bytes;
}

bool Client::readIntoScratch() {
  std::string& scratch = services_.host.scratch;
  const std::size_t prefix = input_ == nullptr ? 0 : input_->size();
  const std::size_t got = receive(scratch.data() + prefix, scratch.size() - prefix);
  if (got == 0) return false;
  if (prefix > 0) {
    std::memcpy(scratch.data(), input_->view().data(), prefix);
    input_.reset();
  }
  const std::string_view bytes(scratch.data(), prefix + got);
  keepInput(bytes.substr(takeRequests(bytes)));
  return true;
}

void Client::readIntoInput() {
  if (input_->room() == 0) {
    // Grows with what has come, never at once to what the client announced.
    const std::size_t wanted =
        std::min(std::max(parser_.bytesNeeded(), input_->size() + 1), roomAfter(input_->capacity));
    input_ = net::BlockPool::grow(std::move(input_), std::max(wanted, input_->size() + kPrefixBytes));
  }
  const std::size_t got = receive(input_->data() + input_->end, readRoom());
  if (got == 0) return;
  input_->end += got;
  parse();
}

std::size_t Client::readRoom() const noexcept {
  const std::size_t argument = std::max(parser_.bytesNeeded(), input_->size()) - input_->size();
  return std::min(input_->room(), std::max(argument, kBytesAtOnce));
}

// Only to notice that a blocked client leaves: what it sends meanwhile is kept, up to a limit.
void Client::readWhilePaused() {
  if (input_ == nullptr) input_ = services_.host.pool.take(1);
  if (input_->room() == 0) input_ = net::BlockPool::grow(std::move(input_), input_->size() * 2);
  const std::size_t got = receive(input_->data() + input_->end, input_->room());
  if (got == 0) return;
  input_->end += got;
  updateWatch();
}

// A client that has only closed its sending side gets the replies to all that it has sent, however long that
// takes: one Redis, too, would have carried it out before it noticed. What waits for something to take away
// is dropped, as by Redis: nobody may be there to have it. Before it waits it may have what is there.
void Client::endInput(net::IoStatus status) {
  inputEnded_ = true;
  if (status == net::IoStatus::Failed) return close("closed by the client");
  if (conversation_.waitsWithoutEnd()) return close("closed by the client");
  if (conversation_.takesWhenWoken() && !services_.dispatcher.tryHeldAtOnce(*this))
    return close("closed by the client");
  endIfAllAsked();
  updateWatch();
}

void Client::wake() {
  services_.agenda.add(*this, greedy_ ? Task::Later : Task::Parse);
}

void Client::goOn() {
  if (state_ != ClientState::Open) return;
  if (paused_ || inputEnded_) return parse();
  services_.host.touch();
  read();
}

// No more comes, and nothing of what has come is still to be taken up: what is left of it is no request.
void Client::endIfAllAsked() {
  if (!inputEnded_ || state_ != ClientState::Open || paused_ || inputHeld_) return;
  closeAfterReply();
}

void Client::parse() {
  if (state_ != ClientState::Open) return;
  if (input_ == nullptr) return endIfAllAsked();
  const net::Block* const before = input_.get();
  const std::size_t done = takeRequests(input_->view());
  if (input_.get() != before) {
    endIfAllAsked();
    updateWatch();
    return;  // handed over to a link or a work; what is behind it has been kept
  }
  input_->begin += done;
  if (input_->size() == 0 || state_ != ClientState::Open) input_.reset();
  endIfAllAsked();
  updateWatch();
}

void Client::keepInput(std::string_view rest) {
  if (!rest.empty() && state_ == ClientState::Open) {
    input_ = services_.host.pool.take(rest.size());
    input_->append(rest);
  }
  updateWatch();
}

void Client::updateWatch() {
  if (state_ == ClientState::Closed) return;
  const bool waits = conversation_.blocked() || postponed_;
  const bool noticeLeaving = waits && (input_ == nullptr || input_->size() < kPrefixBytes);
  const bool reads = (!paused_ || noticeLeaving) && !starved_ && !inputEnded_ && state_ == ClientState::Open;
  stream_->watch(reads, !output_.empty());
}

bool Client::mayTakeRequest() {
  if (inputHeld_ || conversation_.exclusive() || outputBytes() > outputRoom_) return false;
  // What is under way must not fill the output far beyond its limit when it comes.
  if (!pending_.empty() && outputBytes() + pending_.size() * replyEstimate_ > outputRoom_) return false;
  if (held_.legs > 0 && !services_.holding.admits(*this)) {
    services_.dispatcher.trustSilentNodes(*this);
    return false;
  }
  if (pending_.size() < services_.config.clientMaxInFlight) return true;
  services_.metrics.limits[static_cast<std::size_t>(Limit::InFlight)].add();
  return false;
}

void Client::pause() {
  paused_ = true;
  if (outputBytes() > outputAllowance_) services_.stalls.watch(*this);
}

// There is more to do, and others come first. It is read from again when that is done.
void Client::goOnLater() {
  paused_ = true;
  greedy_ = true;
  wake();
}

bool Client::stalled() const noexcept {
  return state_ == ClientState::Open && paused_ && outputBytes() > outputAllowance_;
}

void Client::raiseAllowance() {
  if (!loggedIn()) return;
  // Where memory is scarce, others need it more.
  if (services_.relief.scarce()) return services_.stalls.watch(*this);
  const std::uint64_t hard = services_.config.clientOutputHardLimit;
  outputAllowance_ *= 2;
  // Its own pipeline never brings a client to the hard limit.
  if (hard > 0)
    outputAllowance_ = std::min<std::size_t>(outputAllowance_, std::max<std::size_t>(hard / 2, 1));
  wake();
}

// It takes the system long to take it back.
void Client::giveBackParser() {
  giveBack(services_.workbench, parser_.takeArgv());
  giveBack(services_.workbench, parser_.takeRefs());
}

// The parser's list grows by realloc().
void Client::countParser(std::size_t bytes) noexcept {
  if (bytes == parserBytes_) return;
  net::countElsewhere(static_cast<std::ptrdiff_t>(bytes) - static_cast<std::ptrdiff_t>(parserBytes_));
  parserBytes_ = bytes;
}

std::size_t Client::takeRequests(std::string_view bytes) {
  const std::size_t done = takeSome(bytes);
  if (!paused_) greedy_ = false;  // that was all
  countParser(parser_.referenceBytes());
  return done;
}

std::size_t Client::takeSome(std::string_view bytes) {
  const auto& config = services_.config;
  protocol::RequestLimits limits;
  limits.maxBulkBytes = config.protoMaxBulkLen;
  limits.maxRequestBytes = config.clientQueryBufferLimit;
  std::size_t done = 0;
  std::size_t taken = 0;
  paused_ = false;
  outputRoom_ = outputAllowance_;
  if (services_.relief.scarce()) outputRoom_ = std::min(outputRoom_, services_.relief.share());
  while (done < bytes.size() && state_ == ClientState::Open) {
    if (!mayTakeRequest()) {
      pause();
      return done;
    }
    limits.authenticated = loggedIn();
    const auto status = parser_.parse(bytes.substr(done), limits);
    if (status == RequestParser::Status::NeedMore) return done;
    if (status == RequestParser::Status::Unfinished) {
      goOnLater();
      return done;
    }
    if (status == RequestParser::Status::Error) {
      services_.metrics.protocolErrors.add();
      refuse(nullptr, parser_.error());
      closeAfterReply();
      return bytes.size();
    }
    const std::size_t size = parser_.size();
    const bool complete = status == RequestParser::Status::Complete;
    const bool endsCaching = complete && conversation_.endsCaching(parser_.argv());
    if (complete && !handle(parser_, bytes.substr(done, size))) {
      if (size < kPrefixBytes || parser_.isInline()) {
        parser_.next();
      } else {
        parser_.keep(bytes.substr(done));
      }
      pause();
      return done;
    }
    seen_ = awaitsPending_ = false;
    replySwitch_.next();
    conversation_.takenUp(endsCaching);
    if (parser_.isHuge()) giveBackParser();
    parser_.next();
    done += size;
    if (++taken == kRequestsAtOnce && done < bytes.size() && state_ == ClientState::Open) {
      goOnLater();
      return done;
    }
  }
  return state_ == ClientState::Open ? done : bytes.size();
}

}  // namespace slotless::session
