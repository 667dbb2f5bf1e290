#include "proxy/session/client.h"

#include <algorithm>

#include "proxy/dispatch/agenda.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/work.h"
#include "proxy/downstream/stall_watch.h"
#include "proxy/session/access_check.h"
#include "proxy/session/accounts.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/monitor_tap.h"
#include "proxy/session/node_users.h"
#include "proxy/session/pause_gate.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

// To be given up: a client's connection, a request, and 1 for each leg.
constexpr std::size_t kUnitsPerClient = 50;
constexpr std::size_t kUnitsPerRequest = 5;

}  // namespace

Client::Client(Services& services, std::uint64_t id)
    : ClientConnection(services.connections, id),
      services_(services),
      conversation_(*this, services),
      home_(&services.databases.at(services.config.defaultDatabase)),
      database_(home_) {
  readFrom = services.config.readFrom;
  numbering_ = &services.databases.numbering();
}

Downstream::Identity Client::identity() const {
  return {peer().text(), name};
}

std::size_t Client::sessionBytes() const noexcept {
  return sizeof(Client) + name.capacity() + libraryName.capacity() + libraryVersion.capacity() +
         conversation_.memoryBytes();
}

// Who has asked nothing yet is about to: it has only just connected.
bool Client::atRest() const noexcept {
  return lastCommand_ != protocol::CommandIds::kNone && conversation_.mode() != Mode::Queueing &&
         !conversation_.watch().on();
}

bool Client::leavesWithInput() {
  return conversation_.waitsWithoutEnd() ||
         (conversation_.takesWhenWoken() && !services_.dispatcher.tryHeldAtOnce(*this));
}

void Client::onReplied(const Request& request, net::ByteChain& output) {
  if (services_.tap.on()) services_.tap.onDone(request);
  conversation_.onReplied(request, output);
}

void Client::onClosed() {
  services_.gate.onGone(*this);
}

// --- replies of the proxy's own ---

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

void Client::push(char first, std::string_view bytes) {
  appendPush(first, bytes);
}

// --- the end ---

bool Client::abandon(WorkBudget& budget) {
  if (!budget.left()) return false;
  budget.spend(kUnitsPerClient);
  services_.connections.stalls.forget(*this);
  services_.workbench.forget(*this);
  for (; !pending().empty(); services_.metrics.inFlightRequests.add(-1)) {
    if (!budget.left()) return false;
    budget.spend(kUnitsPerRequest + pending().head()->legCount());
    Request& given = popPending();
    if (services_.tap.on()) services_.tap.onAbandoned(given);
    services_.dispatcher.abandon(given);
  }
  services_.keyLookups.forget(*this);
  services_.gate.forget(*this);
  // After the requests: what was open on a lease is not clean.
  conversation_.end();
  services_.nodeUsers.leave(*this);
  services_.agenda.forget(*this);
  return true;
}

// --- users ---

void Client::welcome() {
  homeReadFrom_ = readFrom;
  if (services_.nodeUsers.on()) return services_.nodeUsers.welcome(*this);
  if (!services_.accounts.on()) return;
  if (const access::Permission* initial = services_.accounts.initial()) {
    logIn();
    enter(*initial);
  }
}

void Client::enter(const access::Permission& account) {
  rebind(&account);
  const access::Limits& limits = account.user().limits;
  readFrom = limits.readFrom.value_or(homeReadFrom_);
  if (const databases::Database* first = firstDatabaseOf(account, *this, services_.databases)) select(*first);
}

void Client::resetSession() {
  name.clear();
  libraryName.clear();
  libraryVersion.clear();
  services_.nodeUsers.leave(*this);
  beginLogin();
  protocol = 2;
  noEvict = false;
  noTouch = false;
  readOnly = false;
  replySwitch_ = {};
  database_ = home_;
  readFrom = homeReadFrom_;
  rebind(nullptr);
  welcome();
}

}  // namespace slotless::session
