#include "proxy/session/client.h"

#include <algorithm>

#include "proxy/session/dispatcher.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/monitor_tap.h"
#include "proxy/session/pause_gate.h"
#include "proxy/session/work.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

// Requests that are taken before the size of their replies is known.
constexpr std::size_t kFirstWindow = 16;
// Output that may lie unread before login: twenty refusals, and more than HELLO's reply.
constexpr std::size_t kUnreadBeforeLogin = std::size_t{4} * 1024;
// To be given up: a client's connection, a request, and 1 for each leg.
constexpr std::size_t kUnitsPerClient = 50;
constexpr std::size_t kUnitsPerRequest = 5;

}  // namespace

Client::Client(Services& services, std::uint64_t id)
    : services_(services),
      id_(id),
      output_(services.host.pool),
      pushes_(services.host.pool),
      conversation_(*this, services),
      home_(&services.databases.at(services.config.defaultDatabase)),
      database_(home_),
      outputAllowance_(usualAllowance()),
      replyEstimate_(services.config.clientOutputSoftLimit / kFirstWindow),
      createdAt_(services.host.now),
      lastActive_(services.host.now),
      loginSince_(services.host.now) {
  readFrom = services.config.readFrom;
  numbering_ = &services.databases.numbering();
}

Client::~Client() {
  countParser(0);
}

void Client::attach(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  peer_ = stream_->peer();
}

void Client::transition(ClientState next) {
  state_ = next;
}

ClientMemory Client::memory() const noexcept {
  return {inputBytes() + inputRoom() + parser_.memoryBytes(), outputBytes(),
          // What is held has been charged for, but not for the room that is left in its blocks.
          charged_ + held_.memory - std::min(held_.bytes, charged_ + held_.memory),
          sizeof(Client) + name.capacity() + libraryName.capacity() + libraryVersion.capacity() +
              conversation_.memoryBytes()};
}

Request& Client::popPending() noexcept {
  Request& first = pending_.pop();
  charged_ -= first.charged;
  first.charged = 0;
  return first;
}

// --- the end ---

void Client::closeAfterReply() {
  if (state_ != ClientState::Open) return;
  transition(ClientState::Closing);
  services_.agenda.add(*this, Task::Flush);
}

void Client::closeBehind(Request& request) {
  if (state_ == ClientState::Closed) return;
  for (Request* each = pending_.head(); each != &request; each = each->next) {
    if (each == lastWord_) return;
  }
  lastWord_ = &request;
  request.muted = true;
  discardWaiting(request);
  closeAfterReply();
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
  services_.gate.onGone(*this);
  stream_.reset();
  services_.agenda.add(*this, Task::Reap);
}

void Client::closeCrossProtocol() {
  services_.metrics.crossProtocol.add();
  static log::RateLimit limit(1);
  log::write(limit, services_.host.now, log::Level::Warn,
             "possible attack: a client has sent POST or Host: as if to a web server, and was closed",
             {{"client", id_}, {"peer", peer_.text()}});
  close("spoke HTTP");
}

void Client::closeFor(telemetry::Limit limit, std::string_view reason, std::size_t bytes) {
  services_.metrics.limits[static_cast<std::size_t>(limit)].add();
  static log::RateLimit rate(10);
  log::write(rate, services_.host.now, log::Level::Warn, "client closed",
             {{"client", id_}, {"peer", peer_.text()}, {"reason", reason}, {"bytes", bytes}});
  close(reason);
}

// --- login ---

void Client::logIn() {
  authenticated_ = true;
  outputAllowance_ = usualAllowance();
}

void Client::beginLogin() {
  authenticated_ = false;
  saidBeforeLogin_ = 0;
  loginSince_ = services_.host.now;
  outputAllowance_ = usualAllowance();
}

// Who is kept back cannot log in.
void Client::checkLogin() {
  const auto patience = services_.config.clientLoginTimeout;
  if (patience.count() == 0 || state_ == ClientState::Closed || loggedIn()) return;
  if (postponed_) loginSince_ = services_.host.now;
  if (services_.host.now - loginSince_ > patience)
    closeFor(telemetry::Limit::LoginTimeout, "client-login-timeout", outputBytes());
}

std::size_t Client::usualAllowance() const noexcept {
  const std::size_t soft = services_.config.clientOutputSoftLimit;
  return loggedIn() ? soft : std::min(soft, kUnreadBeforeLogin);
}

bool Client::abandon(WorkBudget& budget) {
  if (!budget.left()) return false;
  budget.spend(kUnitsPerClient);
  services_.stalls.forget(*this);
  services_.workbench.forget(*this);
  for (; !pending_.empty(); services_.metrics.inFlightRequests.add(-1)) {
    if (!budget.left()) return false;
    budget.spend(kUnitsPerRequest + pending_.head()->legCount());
    Request& given = popPending();
    if (services_.tap.on()) services_.tap.onAbandoned(given);
    services_.dispatcher.abandon(given);
  }
  services_.keyLookups.forget(*this);
  services_.gate.forget(*this);
  // After the requests: what was open on a lease is not clean.
  conversation_.end();
  services_.agenda.forget(*this);
  return true;
}

void Client::releaseInput() {
  inputHeld_ = false;
  wake();
}

void Client::resetSession() {
  name.clear();
  libraryName.clear();
  libraryVersion.clear();
  beginLogin();
  protocol = 2;
  noEvict = false;
  noTouch = false;
  readOnly = false;
  replySwitch_ = {};
  database_ = home_;
}

void Client::takeMore() {
  if (paused_) wake();
}

void Client::readAgain() {
  if (!starved_) return;
  starved_ = false;
  updateWatch();
}

bool Client::postpone(bool on) {
  if (postponed_ == on) return false;
  postponed_ = on;
  services_.metrics.blockedClients.add(on ? 1 : -1);
  return true;
}

}  // namespace slotless::session
