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
#include "proxy/telemetry/cross_slot_counts.h"
#include "proxy/translation/command.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

constexpr net::Millis kFirstPause{1};
constexpr net::Millis kLongestPause{50};
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
                 std::unique_ptr<routing::Attempts> attempts, std::optional<net::TimePoint> until,
                 std::string sent)
    : services_(services),
      client_(client),
      request_(request),
      attempts_(std::move(attempts)),
      timer_(services.host.loop.makeTimer([this] { onPauseOver(); })),
      until_(until),
      sent_(std::move(sent)),
      nextPause_(kFirstPause) {
  const net::TimePoint looked = services.host.now + std::min(services.config.holdTimeout, kForFirstLook);
  if (until_) request_.blockedUntil = std::max(*until_, looked);
}

bool Waiting::goOn(std::span<const routing::PartReply> parts, routing::Plan& plan) {
  if (end_ != End::None) return false;
  if (attempts_->goOn(parts, plan)) return true;
  if (!attempts_->foundNothing()) return false;
  request_.blockedUntil = until_;
  end_ = wanted_;
  // Who has ended his input may not be there any more: he gets what is there, or nothing.
  if (end_ == End::None && (isTimeOver() || client_.inputEnded())) end_ = End::InTime;
  if (end_ != End::None) return false;
  plan.clear();
  pause();
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
  if (!timer_->active()) return;
  timer_->stop();
  end_ = wanted_;
  finish();
}

bool Waiting::isTimeOver() const {
  return until_ && services_.host.now >= *until_;
}

void Waiting::pause() {
  net::Millis delay = nextPause_;
  nextPause_ = std::min(nextPause_ * 2, kLongestPause);
  if (until_) delay = std::min(delay, std::chrono::ceil<net::Millis>(*until_ - services_.host.now));
  timer_->start(std::max(delay, net::Millis{1}));
}

void Waiting::onPauseOver() {
  services_.host.touch();
  // It has looked, and nobody may be there any more to have what comes now.
  if (isTimeOver() || client_.inputEnded()) {
    end_ = End::InTime;
    return finish();
  }
  if (!services_.gate.isOpen()) return pause();
  routing::Plan stage;
  attempts_->attempt(stage);
  request_.dispatcher->goOn(request_, stage);
}

// Destroys this.
void Waiting::finish() {
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
  client.charge(request, request.bytes * 2 + sent.size());
  auto waiting =
      std::make_unique<Waiting>(services, client, request, std::move(attempts), until, std::move(sent));
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
