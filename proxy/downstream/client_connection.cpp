#include "proxy/downstream/client_connection.h"

#include <algorithm>

#include "proxy/dispatch/agenda.h"
#include "proxy/downstream/stall_watch.h"
#include "proxy/net/peer_names.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

// Requests that are taken before the size of their replies is known.
constexpr std::size_t kFirstWindow = 16;
// Output that may lie unread before login: twenty refusals, and more than HELLO's reply.
constexpr std::size_t kUnreadBeforeLogin = std::size_t{4} * 1024;

}  // namespace

ClientConnection::ClientConnection(ConnectionContext& context, std::uint64_t id)
    : Downstream(id, context.requests.ownLinks),
      context_(context.requests),
      shared_(context),
      output_(context_.host.pool),
      pushes_(context_.host.pool),
      outputAllowance_(usualAllowance()),
      replyEstimate_(context_.config.clientOutputSoftLimit / kFirstWindow),
      createdAt_(context_.host.now),
      lastActive_(context_.host.now),
      loginSince_(context_.host.now) {}

ClientConnection::~ClientConnection() {
  countParser(0);
}

ClientMemory ClientConnection::memory() const noexcept {
  const std::size_t encrypted = stream_ == nullptr ? 0 : stream_->unsent();
  return {inputBytes() + inputRoom() + parser_.memoryBytes(), outputBytes() + encrypted,
          // What is held has been charged for, but not for the room that is left in its blocks.
          charged() + held().memory - std::min(held().bytes, charged() + held().memory), sessionBytes()};
}

void ClientConnection::transition(ClientState next) {
  state_ = next;
}

void ClientConnection::attach(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  peer_ = stream_->peer();
}

void ClientConnection::closeAfterReply() {
  if (state_ != ClientState::Open) return;
  transition(ClientState::Closing);
  context_.agenda.add(*this, Task::Flush);
}

void ClientConnection::closeBehind(Request& request) {
  if (state_ == ClientState::Closed || !setLastWord(request)) return;
  request.muted = true;
  discardWaiting(request);
  closeAfterReply();
  context_.agenda.add(*this, Task::Flush);
}

void ClientConnection::drain() {
  leaving_ = true;
  context_.agenda.add(*this, Task::Flush);
}

bool ClientConnection::betweenRequests() const noexcept {
  return pending().empty() && outputBytes() == 0 && outputGone() && input_ == nullptr && !postponed_ &&
         atRest();
}

// What has come and is not read when the connection is closed would never be answered.
void ClientConnection::leaveBetweenRequests() {
  if (!betweenRequests()) return;
  if (readIntoScratch()) {
    context_.agenda.add(*this, Task::Flush);
  } else if (betweenRequests()) {
    close("shutting down");
  }
}

void ClientConnection::close(std::string_view reason) {
  if (state_ == ClientState::Closed) return;
  log::debug("client gone", {{"client", id()}, {"reason", reason}});
  transition(ClientState::Closed);
  setLeft();
  shared_.stalls.forget(*this);
  onClosed();
  stream_.reset();
  context_.agenda.add(*this, Task::Reap);
}

void ClientConnection::closeCrossProtocol() {
  context_.metrics.crossProtocol.add();
  static log::RateLimit limit(1);
  log::write(limit, context_.host.now, log::Level::Warn,
             "possible attack: a client has sent POST or Host: as if to a web server, and was closed",
             {{"client", id()}, {"peer", peer_.text()}});
  close("spoke HTTP");
}

void ClientConnection::closeForTls() {
  context_.metrics.protocolErrors.add();
  static log::RateLimit limit(1);
  log::write(limit, context_.host.now, log::Level::Warn,
             "a client speaks TLS where it is not served, and was closed (see tls)",
             {{"client", id()}, {"peer", peer_.text()}});
  close("spoke TLS");
}

void ClientConnection::noteTlsFailure(int error) const {
  static log::RateLimit limit(1);
  log::write(limit, context_.host.now, log::Level::Warn, "TLS with a client failed",
             {{"client", id()}, {"peer", peer_.text()}, {"reason", stream_->describe(error)}});
}

std::string ClientConnection::certificateName(config::CertificateUser which) const {
  const net::PeerNames* names = stream_ == nullptr ? nullptr : stream_->peerNames();
  if (names == nullptr) return {};
  if (which != config::CertificateUser::Uri) return names->commonName;
  return names->uris.empty() ? std::string() : names->uris.front();
}

void ClientConnection::closeFor(telemetry::Limit limit, std::string_view reason, std::size_t bytes) {
  context_.metrics.limits[static_cast<std::size_t>(limit)].add();
  static log::RateLimit rate(10);
  log::write(rate, context_.host.now, log::Level::Warn, "client closed",
             {{"client", id()}, {"peer", peer_.text()}, {"reason", reason}, {"bytes", bytes}});
  close(reason);
}

// --- login ---

void ClientConnection::logIn() {
  authenticated_ = true;
  outputAllowance_ = usualAllowance();
}

void ClientConnection::beginLogin() {
  authenticated_ = false;
  saidBeforeLogin_ = 0;
  loginSince_ = context_.host.now;
  outputAllowance_ = usualAllowance();
}

// Who is kept back cannot log in.
void ClientConnection::checkLogin() {
  const auto patience = context_.config.clientLoginTimeout;
  if (patience.count() == 0 || state_ == ClientState::Closed || loggedIn()) return;
  if (postponed_) loginSince_ = context_.host.now;
  if (context_.host.now - loginSince_ > patience)
    closeFor(telemetry::Limit::LoginTimeout, "client-login-timeout", outputBytes());
}

std::size_t ClientConnection::usualAllowance() const noexcept {
  const std::size_t soft = context_.config.clientOutputSoftLimit;
  return loggedIn() ? soft : std::min(soft, kUnreadBeforeLogin);
}

void ClientConnection::releaseInput() {
  inputHeld_ = false;
  wake();
}

void ClientConnection::takeMore() {
  if (paused_) wake();
}

void ClientConnection::readAgain() {
  if (!starved_) return;
  starved_ = false;
  updateWatch();
}

bool ClientConnection::postpone(bool on) {
  if (postponed_ == on) return false;
  postponed_ = on;
  context_.metrics.blockedClients.add(on ? 1 : -1);
  return true;
}

}  // namespace slotless::session
