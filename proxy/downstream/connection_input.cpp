// The part of a connection that reads: bytes into requests, within the limits of what may be under way.
#include <algorithm>
#include <cstring>

#include "proxy/dispatch/agenda.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/large_memory.h"
#include "proxy/downstream/client_connection.h"
#include "proxy/downstream/memory_limits.h"
#include "proxy/downstream/stall_watch.h"
#include "proxy/net/heap_account.h"
#include "proxy/net/tls_stream.h"

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
constexpr std::size_t kReadAtOnce = 256U * 1024;
constexpr std::size_t kRequestsAtOnce = 200;
// Of requests that take long there are fewer.
constexpr net::Micros kTimeAtOnce{250};
constexpr std::size_t kRequestsBetweenLooks = 16;

// A record of TLS that begins a handshake, where requests are expected.
bool beginsTls(std::string_view bytes) noexcept {
  return bytes.starts_with("\x16\x03");
}

// Large memory grows by remapping, which is cheap; small memory is copied.
std::size_t roomAfter(std::size_t capacity) noexcept {
  constexpr std::size_t kLarge = 4U * 1024 * 1024;
  return capacity < kLarge ? capacity * 2 : capacity + capacity / 8;
}

}  // namespace

void ClientConnection::onReadable() {
  context_.host.touch();
  lastActive_ = context_.host.now;
  if (greedy_ && !paused_) return wake();
  read();
}

void ClientConnection::read() {
  if (shared_.memory.holdsBack(*this)) {
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
  if (leaving_) context_.agenda.add(*this, Task::Flush);
}

bool ClientConnection::begin(std::string_view bytes) {
  if (beginsTls(bytes)) {
    closeForTls();
  } else {
    onFirstInput();
  }
  return state_ == ClientState::Open;
}

// How many bytes have come; 0: none, and if the input has ended, that has been dealt with.
std::size_t ClientConnection::receive(char* to, std::size_t room) {
  if (!loggedIn()) room = std::min(room, kReadBeforeLogin);
  const net::IoResult got = stream_->read(to, room);
  if (got.status == net::IoStatus::WouldBlock) return 0;
  if (got.status != net::IoStatus::Ok) {
    if (got.error == net::kTlsError) noteTlsFailure(got.error);
    endInput(got.status);
    return 0;
  }
  if (traffic_.bytesReceived == 0 && !begin({to, got.bytes})) return 0;
  if (got.more) stream_->remind();
  context_.metrics.bytesReceived.add(got.bytes);
  traffic_.bytesReceived += got.bytes;
  return got.bytes;
}

bool ClientConnection::readIntoScratch() {
  std::string& scratch = context_.host.scratch;
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

void ClientConnection::readIntoInput() {
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

std::size_t ClientConnection::readRoom() const noexcept {
  const std::size_t argument = std::max(parser_.bytesNeeded(), input_->size()) - input_->size();
  return std::min(input_->room(), std::max(argument, kReadAtOnce));
}

// Only to notice that a blocked client leaves: what it sends meanwhile is kept, up to a limit.
void ClientConnection::readWhilePaused() {
  if (input_ == nullptr) input_ = context_.host.pool.take(1);
  if (input_->room() == 0) input_ = net::BlockPool::grow(std::move(input_), input_->size() * 2);
  const std::size_t got = receive(input_->data() + input_->end, input_->room());
  if (got == 0) return;
  input_->end += got;
  updateWatch();
}

// A client that has only closed its sending side gets the replies to all that it has sent, however long that
// takes: one Redis, too, would have carried it out before it noticed. What waits for something to take away
// is dropped, as by Redis: nobody may be there to have it. Before it waits it may have what is there.
void ClientConnection::endInput(net::IoStatus status) {
  inputEnded_ = true;
  if (status == net::IoStatus::Failed) return close("closed by the client");
  if (leavesWithInput()) return close("closed by the client");
  endIfAllAsked();
  updateWatch();
}

void ClientConnection::wake() {
  context_.agenda.add(*this, greedy_ ? Task::Later : Task::Parse);
}

void ClientConnection::goOn() {
  if (state_ != ClientState::Open) return;
  if (paused_ || inputEnded_) return parse();
  context_.host.touch();
  read();
}

// No more comes, and nothing of what has come is still to be taken up: what is left of it is no request.
void ClientConnection::endIfAllAsked() {
  if (!inputEnded_ || state_ != ClientState::Open || paused_ || inputHeld_) return;
  closeAfterReply();
}

void ClientConnection::parse() {
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

void ClientConnection::keepInput(std::string_view rest) {
  if (!rest.empty() && state_ == ClientState::Open) {
    input_ = context_.host.pool.take(rest.size());
    input_->append(rest);
  }
  updateWatch();
}

void ClientConnection::updateWatch() {
  if (state_ == ClientState::Closed) return;
  const bool waiting = waits() || postponed_;
  const bool noticeLeaving = waiting && (input_ == nullptr || input_->size() < kPrefixBytes);
  const bool reads = (!paused_ || noticeLeaving) && !starved_ && !inputEnded_ && state_ == ClientState::Open;
  stream_->watch(reads, !outputGone());
}

bool ClientConnection::mayTakeRequest() {
  if (inputHeld_ || outputBytes() > outputRoom_) return false;
  if (!pending().empty()) {
    if (isExclusive()) return false;
    // What is under way must not fill the output far beyond its limit when it comes.
    if (outputBytes() + pending().size() * replyEstimate_ > outputRoom_) return false;
  }
  if (held().legs > 0 && !context_.holding.admits(*this)) {
    context_.dispatcher.trustSilentNodes(*this);
    return false;
  }
  if (pending().size() < context_.config.clientMaxInFlight) return true;
  context_.metrics.limits[static_cast<std::size_t>(Limit::InFlight)].add();
  return false;
}

void ClientConnection::pause() {
  paused_ = true;
  if (outputBytes() > outputAllowance_) shared_.stalls.watch(*this);
}

// There is more to do, and others come first. It is read from again when that is done.
void ClientConnection::goOnLater() {
  paused_ = true;
  greedy_ = true;
  wake();
}

bool ClientConnection::stalled() const noexcept {
  return state_ == ClientState::Open && paused_ && outputBytes() > outputAllowance_;
}

void ClientConnection::raiseAllowance() {
  if (!loggedIn()) return;
  // Where memory is scarce, others need it more.
  if (shared_.memory.scarce()) return shared_.stalls.watch(*this);
  const std::uint64_t hard = context_.config.clientOutputHardLimit;
  outputAllowance_ *= 2;
  // Its own pipeline never brings a client to the hard limit.
  if (hard > 0)
    outputAllowance_ = std::min<std::size_t>(outputAllowance_, std::max<std::size_t>(hard / 2, 1));
  wake();
}

// It takes the system long to take it back.
void ClientConnection::giveBackParser() {
  giveBack(context_.workbench, parser_.takeArgv());
  giveBack(context_.workbench, parser_.takeRefs());
}

// The parser's list grows by realloc().
void ClientConnection::countParser(std::size_t bytes) noexcept {
  if (bytes == parserBytes_) return;
  net::countElsewhere(static_cast<std::ptrdiff_t>(bytes) - static_cast<std::ptrdiff_t>(parserBytes_));
  parserBytes_ = bytes;
}

std::size_t ClientConnection::takeRequests(std::string_view bytes) {
  const std::size_t done = takeSome(bytes);
  if (!paused_) greedy_ = false;  // that was all
  countParser(parser_.referenceBytes());
  return done;
}

std::size_t ClientConnection::takeSome(std::string_view bytes) {
  const auto& config = context_.config;
  protocol::RequestLimits limits;
  limits.maxBulkBytes = config.protoMaxBulkLen;
  limits.maxRequestBytes = config.clientQueryBufferLimit;
  std::size_t done = 0;
  std::size_t taken = 0;
  net::TimePoint looked{};
  const auto hadItsShare = [&] {
    if (++taken == kRequestsAtOnce) return true;
    if (taken % kRequestsBetweenLooks != 0) return false;
    const net::TimePoint now = context_.host.loop.now();
    if (looked == net::TimePoint{}) looked = now;
    return now - looked >= kTimeAtOnce;
  };
  paused_ = false;
  outputRoom_ = outputAllowance_;
  if (shared_.memory.scarce()) outputRoom_ = std::min(outputRoom_, shared_.memory.share());
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
      context_.metrics.protocolErrors.add();
      onProtocolError(parser_.error());
      closeAfterReply();
      return bytes.size();
    }
    const std::size_t size = parser_.size();
    if (!takeUp(parser_, bytes.substr(done, size), status == RequestParser::Status::Complete)) {
      if (size < kPrefixBytes || parser_.isInline()) {
        parser_.next();
      } else {
        parser_.keep(bytes.substr(done));
      }
      pause();
      return done;
    }
    if (parser_.isHuge()) giveBackParser();
    parser_.next();
    done += size;
    if (hadItsShare() && done < bytes.size() && state_ == ClientState::Open) {
      goOnLater();
      return done;
    }
  }
  return state_ == ClientState::Open ? done : bytes.size();
}

// --- a request, taken out or put back ---

void ClientConnection::putBack(std::string_view bytes) {
  parser_.next();
  const std::string_view rest = input_ == nullptr ? std::string_view() : input_->view();
  net::BlockPtr joined = context_.host.pool.take(bytes.size() + rest.size());
  joined->append(bytes);
  joined->append(rest);
  input_ = std::move(joined);
  wake();
}

OwnedRequest ClientConnection::takeOut(std::string_view whole, protocol::Argv argv) {
  OwnedRequest owned;
  const std::string_view input = input_ == nullptr ? std::string_view() : input_->view();
  const bool isIn = !input.empty() && whole.data() >= input.data() &&
                    whole.data() + whole.size() <= input.data() + input.size();
  const bool asItCame = argv.data() == parser_.argv().data() && !parser_.isInline();
  if (isIn && asItCame) {
    const std::string_view rest(whole.data() + whole.size(), input.data() + input.size());
    owned.arguments = parser_.takeArgv();
    owned.block = std::move(input_);
    // Nothing but the request: it may be handed over to a link.
    owned.block->begin = static_cast<std::size_t>(whole.data() - owned.block->data());
    owned.block->end = owned.block->begin + whole.size();
    // Not more than one read brings at a time.
    if (!rest.empty()) {
      input_ = context_.host.pool.take(rest.size());
      input_->append(rest);
    }
    return owned;
  }
  // Small enough to have come in one read.
  std::size_t bytes = 0;
  for (const std::string_view argument : argv) bytes += argument.size();
  owned.text.reserve(std::max<std::size_t>(bytes, 64));  // not in the string itself, which moves
  for (const std::string_view argument : argv) {
    const std::size_t offset = owned.text.size();
    owned.text += argument;
    owned.arguments.push_back(std::string_view(owned.text).substr(offset));
  }
  return owned;
}

// Its beginning has been dealt with.
net::BlockPtr* ClientConnection::bufferEndingWith(std::string_view bytes) {
  if (input_ == nullptr || bytes.size() < kHandOverBytes) return nullptr;
  const std::string_view left = input_->view();
  const char* const end = left.data() + left.size();
  if (bytes.data() < left.data() || bytes.data() + bytes.size() != end) return nullptr;
  input_->begin = input_->end - bytes.size();
  return &input_;
}

}  // namespace slotless::session
