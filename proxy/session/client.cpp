#include "proxy/session/client.h"

#include <algorithm>

#include "config/listener.h"
#include "proxy/dispatch/agenda.h"
#include "proxy/dispatch/blocking.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/failure_tally.h"
#include "proxy/dispatch/work.h"
#include "proxy/downstream/stall_watch.h"
#include "proxy/session/access_check.h"
#include "proxy/session/accounts.h"
#include "proxy/session/call_back.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/monitor_tap.h"
#include "proxy/session/node_databases.h"
#include "proxy/session/node_user.h"
#include "proxy/session/node_users.h"
#include "proxy/session/pause_gate.h"
#include "proxy/session/waiting.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

// To be given up: a client's connection, a request, and 1 for each leg.
constexpr std::size_t kUnitsPerClient = 50;
constexpr std::size_t kUnitsPerRequest = 5;

}  // namespace

Client::Client(Services& services, std::uint64_t id, std::size_t listener)
    : ClientConnection(services.connections, id),
      services_(services),
      conversation_(*this, services),
      home_(&services.databases.at(services.config.defaultDatabase)),
      database_(home_),
      listener_(static_cast<std::uint32_t>(listener)) {
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
  services_.accounts.ledger().settle(*this);
  if (limits_ != nullptr) limits_->leave();
}

// --- replies of the proxy's own ---

void Client::reply(const CommandSpec* spec, std::string_view bytes) {
  auto& metrics = services_.metrics;
  auto& counters = spec == nullptr ? metrics.unknownCommand() : metrics.command(spec->id);
  const bool failed = !bytes.empty() && bytes.front() == '-';
  counters.record(net::Micros{0}, failed);
  if (failed) FailureTally::add(id());
  if (services_.traceAtHand != nullptr) [[unlikely]]
    noteTraceReply(bytes);
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

bool Client::lingers() const noexcept {
  const Request* first = pending().head();
  return hasLeft() && first != nullptr && first->staged && !first->done &&
         goesOnForNobody(*first, first->kind != RequestKind::Read);
}

bool Client::abandon(WorkBudget& budget) {
  if (!budget.left()) return false;
  budget.spend(kUnitsPerClient);
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
  services_.accounts.ledger().forget(*this);
  services_.agenda.forget(*this);
  return true;
}

// --- the nodes' own databases ---

upstream::LinkSet& Client::linksOf(const databases::Database& database) const {
  if (database.native()) return services_.nodeDatabases->linksOf(database);
  return nodeUser_ == nullptr ? services_.ownLinks : nodeUser_->links;
}

// What is under way goes on by the links that it has been sent by.
void Client::select(const databases::Database& database) {
  database_ = &database;
  strays_ = &linksOf(database) != upstream;
}

Client::Passage Client::mayChoose(const databases::Database& database, std::string& line) {
  if (conversation_.watch().on() && &linksOf(database) != upstream) {
    line =
        "ERR SELECT into or out of a native database is not possible while keys are watched: UNWATCH ends that";
    return Passage::Refused;
  }
  return database.native() ? enterNodeDatabase(database, line) : Passage::Go;
}

void Client::turnTo(upstream::LinkSet& links) {
  if (&links != upstream) {
    conversation_.leaveLinks();
    upstream = &links;
    conversation_.onLinks();
  }
  strays_ = &linksOf(*database_) != upstream;
}

// --- for a cut-over ---

bool Client::takeBack() {
  Request* const first = pending().head();
  if (first == nullptr || first->wait) return false;
  net::ByteChain bytes(services_.host.pool);
  if (const Waiting* const waiting = waitingOf(*first)) {
    if (!waiting->rests() || waiting->sent().empty()) return false;
    bytes.append(waiting->sent());
  } else {
    if (first->staged || first->legCount() != 1 || first->leg(0).state != LegState::Held) return false;
    first->leg(0).detour->bytes.copyTo(bytes, 0, first->leg(0).detour->bytes.size());
    if (database_->mapped()) takeNamesOff(*first->spec, *database_, bytes);
  }
  if (first->blockedUntil) {
    const auto left = std::chrono::ceil<net::Millis>(*first->blockedUntil - services_.host.now);
    rewriteBlockTimeout(*first->spec, std::max(left, net::Millis{1}), bytes);
  }
  Request& taken = popPending();
  services_.metrics.inFlightRequests.add(-1);
  services_.dispatcher.abandon(taken);
  conversation_.settle();
  putBack(bytes.toString());
  return true;
}

void Client::vacate() {
  conversation_.relocate();
  turnTo(services_.ownLinks);
}

void Client::relocate() {
  numbering_ = &services_.databases.numbering();
  home_ = &services_.databases.at(home_->index);
  select(services_.databases.at(database_->index));
  turnTo(linksOf(*database_));
}

// --- users ---

void Client::welcome() {
  homeReadFrom_ = readFrom;
  requestion();
  if (services_.nodeUsers.on()) return services_.nodeUsers.welcome(*this);
  if (!services_.accounts.on()) return;
  const access::Permission* initial = services_.accounts.initial();
  // Whom its users do not let in here has to say who it is.
  if (initial == nullptr || !mayUse(initial->user(), services_.config.listen[listener_])) return;
  if (!join(*initial)) {
    refuse(nullptr, kTooManyOfUser);
    return closeAfterReply();
  }
  logIn();
  enter(*initial);
}

void Client::enter(const access::Permission& account) {
  rebind(&account);
  const access::Limits& limits = account.user().limits;
  readFrom = limits.readFrom.value_or(homeReadFrom_);
  if (const databases::Database* first = firstDatabaseOf(account, *this, services_.databases)) select(*first);
}

void Client::rebind(const access::Permission* account) {
  const bool staysHis =
      account_ == nullptr || (account != nullptr && account->user().name == account_->user().name);
  if (!staysHis) services_.accounts.ledger().settle(*this);
  account_ = account;
  restricted_ = account != nullptr && !account->unrestricted();
  if (account == nullptr && limits_ != nullptr) limits_->leaveUser();
  requestion();
}

bool Client::join(const access::Permission& account) {
  const access::User& user = account.user();
  if (limits_ == nullptr) limits_ = std::make_unique<ClientLimits>(*this, services_);
  if (limits_->joinUser(services_.control.budgets().ofUser(user.name, services_.host.now),
                        user.limits.maxClients.value_or(0)))
    return true;
  services_.metrics.limits[static_cast<std::size_t>(telemetry::Limit::ClientsPerUser)].add();
  static log::RateLimit limit(1);
  log::write(limit, services_.host.now, log::Level::Warn, "login refused: the user has too many clients",
             {{"user", user.name}, {"peer", peer().text()}, {"limit", user.limits.maxClients.value_or(0)}});
  return false;
}

void Client::enterByCertificate() {
  const config::CertificateUser which = services_.config.tlsAuthClientsUser;
  if (which == config::CertificateUser::Off || !services_.accounts.on()) return;
  const std::string said = certificateName(which);
  const access::Permission* account = said.empty() ? nullptr : services_.accounts.find(said);
  if (account == nullptr || !account->user().enabled) return;
  if (!mayUse(account->user(), services_.config.listen[listener_]) || !join(*account)) return;
  logIn();
  enter(*account);
}

void Client::resetSession() {
  name.clear();
  libraryName.clear();
  libraryVersion.clear();
  setTraceParent(nullptr);
  services_.nodeUsers.leave(*this);
  beginLogin();
  protocol = 2;
  noEvict = false;
  noTouch = false;
  readOnly = false;
  replySwitch_ = {};
  select(*home_);
  readFrom = homeReadFrom_;
  rebind(nullptr);
  welcome();
  enterByCertificate();
}

// --- listeners and limits ---

const config::ListenerOptions& Client::listenerOptions() const noexcept {
  return services_.config.listen[listener_].options;
}

void Client::requestion() noexcept {
  // What waits for a limit that is gone is still let go by it.
  counted_ = limits_ != nullptr && (limits_->counts() || limits_->onTurn());
  const bool traced = traceParent_ != nullptr && traceParent_->sampled;
  questioned_ = restricted_ || counted_ || traced || services_.listenerRules.of(listener_) != nullptr;
}

std::optional<telemetry::Limit> Client::joinAddress(Since since) {
  const config::Config& config = services_.config;
  const config::ListenerOptions& here = listenerOptions();
  const std::uint64_t most = config::effective(here.maxClientsPerAddress, config.maxClientsPerAddress);
  const std::uint64_t accepts = config::effective(here.acceptRatePerAddress, config.acceptRatePerAddress);
  const bool rated = config::effective(here.requestRatePerAddress, config.requestRatePerAddress) > 0 ||
                     config::effective(here.byteRatePerAddress, config.byteRatePerAddress) > 0 ||
                     config::effective(here.maxInFlightPerAddress, config.maxInFlightPerAddress) > 0;
  if (most == 0 && accepts == 0 && !rated) return std::nullopt;
  const net::TimePoint now = services_.host.now;
  const access::BudgetPtr budget = services_.control.budgets().ofAddress(peer().host, now);
  if (budget == nullptr) return std::nullopt;
  if (since == Since::Now && accepts > 0 &&
      budget->accepts.take(now, 1, accepts, access::TokenBucket::Late::Refuse) > now)
    return telemetry::Limit::AcceptRate;
  if (limits_ == nullptr) limits_ = std::make_unique<ClientLimits>(*this, services_);
  if (!limits_->joinAddress(budget, since == Since::Now ? most : 0))
    return telemetry::Limit::ClientsPerAddress;
  requestion();
  return std::nullopt;
}

void Client::checkIdle() {
  config::Milliseconds patience =
      config::effective(listenerOptions().clientIdleTimeout, services_.config.clientIdleTimeout);
  if (account_ != nullptr) patience = account_->user().limits.clientIdleTimeout.value_or(patience);
  if (patience.count() == 0 || !quiet() || services_.host.now - lastActive() <= patience) return;
  services_.metrics.limits[static_cast<std::size_t>(telemetry::Limit::Idle)].add();
  close("idle");
}

bool Client::mayHearOf(const databases::Database* database) const noexcept {
  if (account_ == nullptr || !account_->user().limits.databases) return true;
  // By its name alone a key may be one of any native database: nodes tell of those that the client has read.
  if (database_->native() && (database == nullptr || !database->mapped())) return true;
  return database != nullptr && account_->maySelect(database->index);
}

}  // namespace slotless::session
