#include "proxy/session/client.h"

#include <algorithm>

#include "proxy/session/dispatcher.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/pause_gate.h"
#include "proxy/session/work.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

// Requests that are taken before the size of their replies is known.
constexpr std::size_t kFirstWindow = 64;
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

bool Client::abandon(WorkBudget& budget) {
  if (!budget.left()) return false;
  budget.spend(kUnitsPerClient);
  services_.stalls.forget(*this);
  services_.workbench.forget(*this);
  for (; !pending_.empty(); services_.metrics.inFlightRequests.add(-1)) {
    if (!budget.left()) return false;
    budget.spend(kUnitsPerRequest + pending_.head()->legCount());
    services_.dispatcher.abandon(pending_.pop());
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
  services_.agenda.add(*this, Task::Parse);
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
