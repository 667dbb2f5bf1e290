#include "proxy/session/client.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/encoder.h"
#include "proxy/routing/alone_composer.h"
#include "proxy/session/busy_watch.h"
#include "proxy/session/compositions.h"
#include "proxy/session/console.h"
#include "proxy/session/dispatcher.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/local_commands.h"
#include "proxy/session/pause_gate.h"
#include "proxy/session/refusal.h"
#include "proxy/session/translation.h"
#include "proxy/session/whole_database_plans.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::CommandSpec;
using protocol::Handling;
using protocol::RequestParser;
using telemetry::Limit;

namespace {

// Below this an incomplete request is put in front of the next read instead of being read piecemeal.
constexpr std::size_t kPrefixBytes = 16384;
// From this size on a request's buffer is handed over to the link instead of being copied.
constexpr std::size_t kHandOverBytes = 16384;
constexpr std::size_t kPiecesPerWrite = 64;
// Requests that are taken before the size of their replies is known.
constexpr std::size_t kFirstWindow = 64;

}  // namespace

Client::Client(Services& services, std::uint64_t id)
    : services_(services),
      id_(id),
      output_(services.host.pool),
      pushes_(services.host.pool),
      conversation_(*this, services),
      home_(&services.databases.at(services.config.defaultDatabase)),
      database_(home_),
      outputAllowance_(services.config.clientOutputSoftLimit),
      replyEstimate_(services.config.clientOutputSoftLimit / kFirstWindow),
      createdAt_(services.host.now),
      lastActive_(services.host.now) {
  readFrom = services.config.readFrom;
}

Client::~Client() = default;

void Client::attach(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  peer_ = stream_->peer();
}

void Client::transition(ClientState next) {
  state_ = next;
}

// --- input ---

void Client::onReadable() {
  services_.host.touch();
  lastActive_ = services_.host.now;
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

bool Client::readIntoScratch() {
  std::string& scratch = services_.host.scratch;
  const std::size_t prefix = input_ == nullptr ? 0 : input_->size();
  const net::IoResult got = stream_->read(scratch.data() + prefix, scratch.size() - prefix);
  if (got.status == net::IoStatus::WouldBlock) return false;
  if (got.status != net::IoStatus::Ok) {
    endInput(got.status);
    return false;
  }
  services_.metrics.bytesReceived.add(got.bytes);
  if (prefix > 0) {
    std::memcpy(scratch.data(), input_->view().data(), prefix);
    input_.reset();
  }
  const std::string_view bytes(scratch.data(), prefix + got.bytes);
  keepInput(bytes.substr(takeRequests(bytes)));
  return true;
}

void Client::readIntoInput() {
  if (input_->room() == 0) {
    // Grows with what has come, never at once to what the client announced.
    const std::size_t wanted =
        std::min(std::max(parser_.bytesNeeded(), input_->size() + 1), input_->capacity * 2);
    input_ = net::BlockPool::grow(std::move(input_), std::max(wanted, input_->size() + kPrefixBytes));
  }
  const net::IoResult got = stream_->read(input_->data() + input_->end, input_->room());
  if (got.status == net::IoStatus::WouldBlock) return;
  if (got.status != net::IoStatus::Ok) return endInput(got.status);
  services_.metrics.bytesReceived.add(got.bytes);
  input_->end += got.bytes;
  parse();
}

// Only to notice that a blocked client leaves: what it sends meanwhile is kept, up to a limit.
void Client::readWhilePaused() {
  if (input_ == nullptr) input_ = services_.host.pool.take(1);
  if (input_->room() == 0) input_ = net::BlockPool::grow(std::move(input_), input_->size() * 2);
  const net::IoResult got = stream_->read(input_->data() + input_->end, input_->room());
  if (got.status == net::IoStatus::WouldBlock) return;
  if (got.status != net::IoStatus::Ok) return endInput(got.status);
  services_.metrics.bytesReceived.add(got.bytes);
  input_->end += got.bytes;
  updateWatch();
}

// A client that has only closed its sending side still gets its replies, as from Redis. What is held or
// blocked is dropped: nobody may be there to take it.
void Client::endInput(net::IoStatus status) {
  inputEnded_ = true;
  if (status == net::IoStatus::Failed || pending_.empty() || heldLegs_ > 0 || conversation_.blocked() ||
      postponed_) {
    return close("closed by the client");
  }
  closeAfterReply();
  updateWatch();
}

void Client::parse() {
  if (state_ != ClientState::Open || input_ == nullptr) return;
  const std::size_t done = takeRequests(input_->view());
  if (input_ == nullptr) {
    updateWatch();
    return;  // handed over to a link
  }
  input_->begin += done;
  if (input_->size() == 0 || state_ != ClientState::Open) input_.reset();
  updateWatch();
}

void Client::keepInput(std::string_view rest) {
  if (!rest.empty() && state_ == ClientState::Open) {
    input_ = services_.host.pool.take(rest.size());
    input_->append(rest);
  }
  updateWatch();
}

bool Client::mayTakeRequest() {
  if (conversation_.exclusive() || outputBytes() > outputAllowance_) return false;
  // What is under way must not fill the output far beyond its limit when it comes.
  if (!pending_.empty() && outputBytes() + pending_.size() * replyEstimate_ > outputAllowance_) return false;
  if (pending_.size() < services_.config.clientMaxInFlight) return true;
  services_.metrics.limits[static_cast<std::size_t>(Limit::InFlight)].add();
  return false;
}

void Client::pause() {
  paused_ = true;
  if (outputBytes() > outputAllowance_) services_.stalls.watch(*this);
}

bool Client::stalled() const noexcept {
  return state_ == ClientState::Open && paused_ && outputBytes() > outputAllowance_;
}

void Client::raiseAllowance() {
  const std::uint64_t hard = services_.config.clientOutputHardLimit;
  outputAllowance_ *= 2;
  // Its own pipeline never brings a client to the hard limit.
  if (hard > 0)
    outputAllowance_ = std::min<std::size_t>(outputAllowance_, std::max<std::size_t>(hard / 2, 1));
  services_.agenda.add(*this, Task::Parse);
}

std::size_t Client::takeRequests(std::string_view bytes) {
  const auto& config = services_.config;
  protocol::RequestLimits limits;
  limits.maxBulkBytes = config.protoMaxBulkLen;
  limits.maxRequestBytes = config.clientQueryBufferLimit;
  std::size_t done = 0;
  paused_ = false;
  while (done < bytes.size() && state_ == ClientState::Open) {
    if (!mayTakeRequest()) {
      pause();
      return done;
    }
    limits.authenticated = authenticated || !requiresAuthentication(config);
    const auto status = parser_.parse(bytes.substr(done), limits);
    if (status == RequestParser::Status::NeedMore) return done;
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
      parser_.next();
      pause();
      return done;
    }
    replySwitch_.next();
    conversation_.takenUp(endsCaching);
    parser_.next();
    done += size;
  }
  return state_ == ClientState::Open ? done : bytes.size();
}

bool Client::handle(const RequestParser& request, std::string_view bytes) {
  const protocol::Argv argv = request.argv();
  const CommandSpec* container = nullptr;
  const CommandSpec* spec = services_.commands->find(argv, &container);
  if (spec == nullptr && container == nullptr) spec = findConsoleCommand(argv, &container);
  std::string& text = services_.encoded;
  if (!checkCommand(spec, container, argv, text)) {
    if (spec != nullptr && spec->role == protocol::SessionRole::Exec)
      return conversation_.abort(*spec, std::string_view(text).substr(4)) == Conversation::Outcome::Done;
    conversation_.onRefused();
    refuse(spec, text);
    return true;
  }
  if (!authenticated && requiresAuthentication(services_.config) && !spec->has(protocol::kNoAuth)) {
    conversation_.onRefused();
    refuse(spec, kNoAuth);
    return true;
  }
  if (services_.busy.refuses(*spec)) return conversation_.refuseBusy(*spec) == Conversation::Outcome::Done;
  if (services_.gate.holds(*this, *spec, argv)) return false;
  lastCommand_ = spec->id;
  // A barrier waits for what is before it, so it is the first of what is pending; and it is waited for, lest
  // a later write overtakes a part of it that has to be repeated.
  const Request* first = pending_.head();
  const bool behindBarrier =
      first != nullptr && (first->staged || (first->spec != nullptr && first->spec->barrier));
  if (behindBarrier) return false;
  Command command{spec, spec, argv, bytes, conversation_.database()};
  if (telemetry::Counter* counter = services_.metrics.databaseRequests(command.database.index))
    counter->add();
  const bool queueing = conversation_.mode() == Mode::Queueing;
  if (needsTranslation(services_, command) && !translate(services_, protocol, queueing, command, text)) {
    if (queueing && command.wrongWhenRun) return conversation_.queueError(*spec, text);
    conversation_.onRefused();
    refuse(spec, text);
    return true;
  }
  if (request.isInline() && command.bytes == bytes) {
    services_.mapper.write(argv);
    command.argv = services_.mapper.argv();
    command.bytes = services_.mapper.bytes();
  }
  const Conversation::Outcome outcome = conversation_.handle(command);
  if (outcome != Conversation::Outcome::Route) return outcome == Conversation::Outcome::Done;
  if (spec->barrier && !pending_.empty()) return false;
  if (spec->handling == Handling::Local && services_.localCommands.answers(*spec, argv)) {
    services_.localCommands.run(*this, *spec, argv);
    return true;
  }
  if (!mayRoute(*spec, services_.config, text)) {
    refuse(spec, text);
    return true;
  }
  return route(command);
}

namespace {

// As the only command of a transaction.
void makeAlone(Command& command, routing::Plan& plan) {
  std::unique_ptr<routing::Composer> inner =
      command.composer != nullptr ? std::move(command.composer) : std::move(plan.composer);
  plan.composer = std::make_unique<routing::AloneComposer>(std::move(inner), plan.merge);
}

}  // namespace

bool Client::route(Command& command) {
  const CommandSpec& spec = *command.spec;
  const protocol::Argv argv = command.argv;
  routing::Plan& plan = services_.plan;
  plan.protocol = protocol;
  if (command.steps != nullptr) {
    plan = std::move(*command.steps);
  } else if (planWholeDatabase(services_, command, plan) || planComposition(services_, spec, argv, plan)) {
    // the plan is made
  } else if (!services_.keyLookups.plan(*this, command, plan)) {
    return false;
  }
  if (command.alone) makeAlone(command, plan);
  if (plan.kind == routing::Plan::Kind::Refused) {
    std::string error;
    if (command.alone) protocol::appendArrayHeader(error, 1);
    protocol::appendError(error, plan.error);
    reply(command.said, error);
    return true;
  }
  if (plan.kind == routing::Plan::Kind::Nobody) {
    std::string& composed = services_.encoded;
    composed.clear();
    plan.composer->compose({}, composed);
    reply(command.said, composed);
    return true;
  }
  if (plan.staged && !pending_.empty()) return false;
  if (services_.config.strictOrder) {
    const upstream::Link* link =
        plan.kind == routing::Plan::Kind::OneSlot ? links().linkFor(plan.slot) : nullptr;
    if (!pending_.empty() && (link == nullptr || link != lastLink_)) return false;
    lastLink_ = link;
  }
  Request& added = addRequest(*command.said);
  added.kind = kindOf(spec);
  start(added, command);
  return true;
}

Request& Client::addRequest(const CommandSpec& spec) {
  Request& added = services_.requests.take();
  added.client = this;
  added.spec = &spec;
  added.kind = kindOf(spec);
  added.arrived = services_.host.now;
  added.muted = replySwitch_.muted();
  added.front = conversation_.frontOf(spec);
  pending_.push(added);
  services_.metrics.inFlightRequests.add(1);
  services_.busy.onRequest();
  return added;
}

void Client::start(Request& request, Command& command) {
  const CommandSpec& spec = *request.spec;
  const std::string_view bytes = command.bytes;
  if (spec.scriptText > 0) {
    services_.control.scripts().remember(command.argv[static_cast<std::size_t>(spec.scriptText)]);
  }
  if (spec.forgetsScripts) services_.control.scripts().clear();
  routing::Plan& plan = services_.plan;
  if (command.composer != nullptr) plan.composer = std::move(command.composer);
  if (command.database.mapped()) request.database = &command.database;
  request.wantsWholeSlot = command.wantsWholeSlot;
  RequestBytes forwarded{bytes, command.tail};
  const bool copies = plan.kind == routing::Plan::Kind::BySlot ||
                      plan.kind == routing::Plan::Kind::EachNode ||
                      plan.kind == routing::Plan::Kind::Prepared;
  if (!copies && endsInput(command.tail.empty() ? bytes : command.tail)) forwarded.block = &input_;
  request.bytes = bytes.size() + command.tail.size();
  services_.dispatcher.start(request, plan, command.argv, forwarded);
}

// Large, and all that is left of the input: then its buffer can be handed over to a link.
bool Client::endsInput(std::string_view bytes) {
  if (input_ == nullptr || bytes.size() < kHandOverBytes) return false;
  const std::string_view left = input_->view();
  const char* const end = left.data() + left.size();
  if (bytes.data() < left.data() || bytes.data() + bytes.size() != end) return false;
  input_->begin = input_->end - bytes.size();
  return true;
}

void Client::refuse(const CommandSpec* spec, std::string_view line) {
  std::string error;
  protocol::appendError(error, line);
  reply(spec, error);
}

// --- output ---

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
  while (!pending_.empty() && pending_.head()->done) {
    Request& finished = pending_.pop();
    conversation_.onReplied(finished, output_);
    services_.requests.put(finished);
    services_.metrics.inFlightRequests.add(-1);
    if (!pushes_.empty()) output_.splice(pushes_);
    if (pending_.empty()) break;
    net::ByteChain& waiting = pending_.head()->waiting;
    waitingBytes_ -= waiting.size();
    output_.splice(waiting);
  }
  if (pending_.empty()) {
    detoured = false;
    conversation_.settle();
  }
  services_.agenda.add(*this, Task::Flush);
  if (paused_) services_.agenda.add(*this, Task::Parse);
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
  services_.metrics.limits[static_cast<std::size_t>(Limit::PubSubOutput)].add();
  log::warn("client closed",
            {{"client", id_}, {"peer", peer_.text()}, {"reason", limit}, {"bytes", outputBytes()}});
  close("output limit");
}

void Client::checkOutputLimit() {
  const std::uint64_t hard = services_.config.clientOutputHardLimit;
  if (hard == 0 || outputBytes() <= hard || state_ == ClientState::Closed) return;
  services_.metrics.limits[static_cast<std::size_t>(Limit::OutputHard)].add();
  log::warn("client closed", {{"client", id_},
                              {"peer", peer_.text()},
                              {"reason", "client-output-hard-limit"},
                              {"bytes", outputBytes()}});
  close("output limit");
}

void Client::flush() {
  if (state_ == ClientState::Closed) return;
  std::array<iovec, kPiecesPerWrite> pieces;
  while (!output_.empty()) {
    const net::IoResult written = stream_->write({pieces.data(), output_.gather(pieces)});
    if (written.status == net::IoStatus::Failed) return close("write failed");
    if (written.status == net::IoStatus::WouldBlock) break;
    services_.metrics.bytesSent.add(written.bytes);
    output_.consume(written.bytes);
    progress_ = true;
  }
  if (state_ == ClientState::Closing && output_.empty() && pending_.empty()) return close("finished");
  const std::uint64_t soft = services_.config.clientOutputSoftLimit;
  if (outputBytes() <= soft) outputAllowance_ = soft;
  if (paused_ && outputBytes() <= outputAllowance_) services_.agenda.add(*this, Task::Parse);
  updateWatch();
  if (leaving_ && state_ == ClientState::Open) leaveBetweenRequests();
}

void Client::onWritable() {
  services_.host.touch();
  flush();
}

void Client::updateWatch() {
  if (state_ == ClientState::Closed) return;
  const bool waits = conversation_.blocked() || postponed_;
  const bool noticeLeaving = waits && (input_ == nullptr || input_->size() < kPrefixBytes);
  stream_->watch((!paused_ || noticeLeaving) && state_ == ClientState::Open, !output_.empty());
}

std::size_t Client::footprint() const noexcept {
  std::size_t bytes = inputBytes() + inputRoom() + outputBytes() + conversation_.queuedBytes();
  for (const Request* request = pending_.head(); request != nullptr; request = request->next) {
    bytes += request->bytes;
    for (std::size_t i = 0; i < request->legCount(); ++i) bytes += request->leg(i).reply.size();
  }
  return bytes;
}

// --- the end ---

void Client::closeAfterReply() {
  if (state_ != ClientState::Open) return;
  transition(ClientState::Closing);
  services_.agenda.add(*this, Task::Flush);
}

void Client::drain() {
  leaving_ = true;
  services_.agenda.add(*this, Task::Flush);
}

// Who has asked nothing yet is about to: it has only just connected.
bool Client::betweenRequests() const noexcept {
  return lastCommand_ != protocol::CommandIds::kNone && pending_.empty() && outputBytes() == 0 &&
         input_ == nullptr && !postponed_ && conversation_.mode() != Mode::Queueing &&
         !conversation_.watch().on();
}

// What has come and is not read when the connection is closed would never be answered.
void Client::leaveBetweenRequests() {
  if (!betweenRequests()) return;
  if (readIntoScratch()) {
    services_.agenda.add(*this, Task::Flush);
  } else if (betweenRequests()) {
    close("shutting down");
  }
}

void Client::close(std::string_view reason) {
  if (state_ == ClientState::Closed) return;
  log::debug("client gone", {{"client", id_}, {"reason", reason}});
  transition(ClientState::Closed);
  stream_.reset();
  services_.agenda.add(*this, Task::Reap);
}

void Client::abandonAll() {
  services_.stalls.forget(*this);
  while (!pending_.empty()) {
    services_.dispatcher.abandon(pending_.pop());
    services_.metrics.inFlightRequests.add(-1);
  }
  services_.keyLookups.forget(*this);
  services_.gate.forget(*this);
  // After the requests: what was open on a lease is not clean.
  conversation_.end();
  services_.agenda.forget(*this);
}

void Client::resetSession() {
  name.clear();
  libraryName.clear();
  libraryVersion.clear();
  authenticated = false;
  protocol = 2;
  noEvict = false;
  noTouch = false;
  replySwitch_ = {};
  database_ = home_;
}

bool Client::postpone(bool on) {
  if (postponed_ == on) return false;
  postponed_ = on;
  services_.metrics.blockedClients.add(on ? 1 : -1);
  return true;
}

}  // namespace slotless::session
