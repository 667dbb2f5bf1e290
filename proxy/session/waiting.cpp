#include "proxy/session/waiting.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/dispatch/blocking.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/reply_texts.h"
#include "proxy/dispatch/slow_request.h"
#include "proxy/dispatch/wait_time.h"
#include "proxy/emulation/cross_slot_table.h"
#include "proxy/routing/blocking_pops.h"
#include "proxy/routing/list_move.h"
#include "proxy/routing/stream_reads.h"
#include "proxy/session/client.h"
#include "proxy/session/pause_gate.h"
#include "proxy/session/services.h"
#include "proxy/session/waiting_room.h"
#include "proxy/telemetry/cross_slot_counts.h"
#include "proxy/translation/command.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

constexpr net::Millis kFirstPause{1};
constexpr net::Millis kLongestPause{50};
// Where nodes tell of all keys.
constexpr net::Millis kWithoutWord{1000};
// Who looks for longer lets others go first.
constexpr net::Millis kLongLook{100};
// A place in line, an alert, and what refers to them; and how often each has the key.
constexpr std::size_t kPlaceBytes = 512;
constexpr std::size_t kKeyCopies = 4;
// It looks once, however short its time is: so much it may take where a slot is just being moved.
constexpr net::Millis kForFirstLook{5000};
// What an attempt needs to know of a time-out: nothing is left of it.
constexpr std::string_view kNothing = "*-1\r\n";

std::int64_t unixMillis() {
  return std::chrono::duration_cast<net::Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string_view timeoutOf(const CommandSpec& spec, protocol::Argv argv) {
  const int argument = spec.blockTimeout.argument;
  if (argument > 0) return argv[static_cast<std::size_t>(argument)];
  if (argument < 0) return argv[argv.size() - static_cast<std::size_t>(-argument)];
  return argv[protocol::sessionKeywordPosition(spec, argv) + 1];
}

// As the servers word it; empty: none.
std::string_view objectionToTimeout(const Services& services, const CommandSpec& spec, protocol::Argv argv) {
  std::optional<std::int64_t> now;
  if (services.manners.limitsWaits) now = unixMillis();
  return readWaitTime(timeoutOf(spec, argv), spec.blockTimeout.inMilliseconds, now).objection;
}

bool movesElement(const CommandSpec& spec) {
  return spec.name == "blmove" || spec.name == "brpoplpush";
}

}  // namespace

Waiting::Waiting(Services& services, Client& client, Request& request,
                 std::unique_ptr<routing::Attempts> attempts, WaitingTerms terms)
    : services_(services),
      client_(client),
      request_(request),
      attempts_(std::move(attempts)),
      timer_(services.host.loop.makeTimer([this] { onTimer(); })),
      terms_(std::move(terms)),
      pause_(kFirstPause) {
  const net::TimePoint looked = services.host.now + std::min(services.config.holdTimeout, kForFirstLook);
  if (terms_.until) request_.blockedUntil = std::max(*terms_.until, looked);
}

Waiting::~Waiting() {
  leaveLines();
}

std::size_t Waiting::memoryBytes() const {
  std::size_t bytes = 0;
  for (const std::string_view key : attempts_->watchedKeys()) bytes += kPlaceBytes + kKeyCopies * key.size();
  return bytes;
}

// Looking -> Asking -> Resting -> Looking …, and from each of them Over.
void Waiting::transition(State state) {
  state_ = state;
  if (state == State::Looking || state == State::Over) timer_->stop();
}

bool Waiting::goOn(std::span<const routing::PartReply> parts, routing::Plan& plan) {
  if (end_ != End::None) return false;
  if (attempts_->goOn(parts, plan)) return true;
  if (!attempts_->foundNothing()) return false;
  request_.blockedUntil = terms_.until;
  end_ = wanted_;
  if (end_ == End::None && isOver()) end_ = End::InTime;
  if (end_ != End::None) {
    transition(State::Over);
    return false;
  }
  plan.clear();
  rest();
  return true;
}

bool Waiting::compose(std::span<const routing::PartReply> parts, std::string& out) {
  switch (end_) {
    case End::None: return attempts_->compose(parts, out);
    case End::InTime: protocol::appendNullArrayIn(out, client_.protocol); return true;
    case End::Unblocked: out += reply_texts::kUnblocked; return false;
  }
  return false;
}

void Waiting::unblock(bool asError) {
  wanted_ = asError ? End::Unblocked : End::InTime;
  if (rests()) finish(wanted_);
}

// A client that has ended its input may have left: it gets what is there, or nothing.
bool Waiting::isOver() const {
  return (terms_.until && services_.host.now >= *terms_.until) || client_.inputEnded();
}

// May destroy this.
void Waiting::look() {
  if (isOver()) return finish(End::InTime);
  if (!services_.gate.isOpen()) {
    again_ = true;
    transition(State::Resting);
    return restFor(nextPause());
  }
  transition(State::Looking);
  timer_->start(kLongLook);
  again_ = false;
  routing::Plan stage;
  attempts_->attempt(stage);
  request_.dispatcher->goOn(request_, stage);
}

// The look found nothing. Nodes tell what comes from now on, and their answers what has come meanwhile.
void Waiting::rest() {
  if (ticket_ == 0) joinLines();
  transition(State::Asking);
  asked_ = 1;
  for (const auto& [line, place] : places_) {
    if (place->isFirst) watch(*place);
  }
  restFor(kLongestPause);
  onAsked();
}

void Waiting::watch(Place& place) {
  if (place.alert.isOff() && place.alert.ask()) ++asked_;
}

std::string Waiting::lineOf(std::string_view key) const {
  std::string line(key);
  if (terms_.nodeDatabase != 0) line += '\0' + std::to_string(terms_.nodeDatabase);
  return line;
}

void Waiting::takePlaces() {
  std::vector<std::string_view> keys = attempts_->watchedKeys();
  // A key may be named twice.
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  lines_.reserve(keys.size());
  KeyWatcher& watcher = services_.waitingRoom.watcher();
  for (const std::string_view key : keys) {
    lines_.push_back(lineOf(key));
    places_.emplace(lines_.back(), std::unique_ptr<Place>(new Place{{watcher, *this, std::string(key)}}));
  }
}

void Waiting::joinLines() {
  if (places_.empty()) takePlaces();
  std::vector<bool> isFirst;
  ticket_ = services_.waitingRoom.join(*this, lines_, isFirst);
  for (std::size_t i = 0; i < lines_.size(); ++i) places_.at(lines_[i])->isFirst = isFirst[i];
}

void Waiting::leaveLines() {
  if (ticket_ != 0) services_.waitingRoom.leave(lines_, std::exchange(ticket_, 0));
}

bool Waiting::isFirstSomewhere() const {
  return std::any_of(places_.begin(), places_.end(), [](const auto& each) { return each.second->isFirst; });
}

void Waiting::onTimer() {
  services_.host.touch();
  if (state_ == State::Looking) return leaveLines();
  if (isFirstSomewhere() || isOver()) return look();
  restFor(kWithoutWord);
}

void Waiting::onAsked() {
  if (--asked_ > 0) return;
  // From its own goOn() it cannot look: the timer does.
  transition(State::Resting);
  const bool isTold = std::all_of(places_.begin(), places_.end(), [](const auto& each) {
    return !each.second->isFirst || each.second->alert.isSet();
  });
  if (!isTold) return restFor(again_ ? net::Millis{0} : nextPause());
  pause_ = kFirstPause;
  restFor(again_ ? net::Millis{0} : kWithoutWord);
}

net::Millis Waiting::nextPause() {
  return std::exchange(pause_, std::min(pause_ * 2, kLongestPause));
}

void Waiting::restFor(net::Millis delay) {
  if (terms_.until)
    delay = std::min(delay, std::chrono::ceil<net::Millis>(*terms_.until - services_.host.now));
  timer_->start(std::max(delay, net::Millis{1}));
}

bool Waiting::isFirstFor(const KeyAlert& alert) const {
  return places_.at(lineOf(alert.key()))->isFirst;
}

void Waiting::onAnswer(KeyAlert& alert, bool mayExist) {
  // Its own database's key may be another one.
  const bool isThere = alert.isSet() && (mayExist || terms_.nodeDatabase != 0);
  again_ = again_ || isThere;
  if (state_ == State::Asking) {
    onAsked();
    if (state_ == State::Resting && again_) look();
  } else if (state_ == State::Resting && isThere && isFirstFor(alert)) {
    look();
  }
}

// A client that let others go first asks anew when its turn comes.
void Waiting::onChange(KeyAlert& alert) {
  if (!isFirstFor(alert)) return;
  again_ = true;
  if (state_ == State::Resting) look();
}

void Waiting::onFirst(const std::string& line) {
  const auto found = places_.find(line);
  if (found == places_.end()) return;
  found->second->isFirst = true;
  if (state_ == State::Resting) {
    rest();
  } else if (state_ == State::Asking) {
    watch(*found->second);
  }
}

// Destroys this.
void Waiting::finish(End end) {
  end_ = end;
  transition(State::Over);
  Request& request = request_;
  request.dropLegs();
  services_.dispatcher.startLate(request);
  services_.dispatcher.finishLate(request, kNothing);
}

std::unique_ptr<routing::Attempts> attemptsOf(Services& services, Client& client, Command& command,
                                              std::string& error) {
  if (services.config.crossSlot != config::CrossSlot::Emulate) return nullptr;
  const CommandSpec& spec = *command.spec;
  std::unique_ptr<routing::Attempts> attempts;
  std::string_view objection;
  if (movesElement(spec)) {
    // LEFT and RIGHT are read first.
    attempts = routing::makeListMove(command.argv.first(command.argv.size() - 1), client.protocol);
    if (attempts == nullptr) error = "ERR syntax error";
  } else {
    attempts = routing::makeBlockingPops(spec, command.argv, command.composer, objection);
    if (attempts == nullptr)
      attempts = routing::makeStreamReads(spec, command.argv, {client.protocol, &services.manners.server},
                                          command.composer);
  }
  if (attempts == nullptr) return nullptr;
  // A server reads the time-out last, or among the options of streams.
  const bool comesToIt = objection.empty() && routing::areRightBeforeTimeout(spec, command.argv);
  if (comesToIt) objection = objectionToTimeout(services, spec, command.argv);
  if (!objection.empty()) attempts.reset();
  error = objection;
  return attempts;
}

void startWaiting(Services& services, Client& client, Request& request, const Command& command,
                  std::unique_ptr<routing::Attempts> attempts) {
  std::optional<net::TimePoint> until;
  if (const auto timeout = blockTimeoutOf(*command.spec, command.argv)) until = services.host.now + *timeout;
  if (command.database.mapped()) request.database = &command.database;
  request.bytes = command.bytes.size() + command.tail.size();
  request.said = rememberSaid(services, command.sent);
  // Only who may have to wait elsewhere has to be told again what was sent.
  std::string sent = services.config.side ? std::string(command.sent) : std::string();
  const std::size_t sentBytes = sent.size();
  auto waiting = std::make_unique<Waiting>(services, client, request, std::move(attempts),
                                           WaitingTerms{until, std::move(sent), command.database.ofNodes()});
  client.charge(request, request.bytes * 2 + sentBytes + waiting->memoryBytes());
  routing::Plan first;
  waiting->begin(first);
  telemetry::CrossSlotCounts::ofProcess().add(command.said->name, nameOf(CrossSlotKind::Waits));
  request.composer = std::move(waiting);
  services.dispatcher.startStages(request, first);
}

const Waiting* waitingOf(const Request& request) {
  return dynamic_cast<const Waiting*>(request.composer.get());
}

bool unblockWaiting(Request& request, bool asError) {
  auto* waiting = dynamic_cast<Waiting*>(request.composer.get());
  if (waiting != nullptr) waiting->unblock(asError);
  return waiting != nullptr;
}

}  // namespace slotless::session
