#include "proxy/session/client.h"

#include <algorithm>

#include "proxy/session/dispatcher.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/pause_gate.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

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
    services_.dispatcher.abandon(popPending());
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

void Client::takeMore() {
  if (paused_) services_.agenda.add(*this, Task::Parse);
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
