#include "proxy/session/node_users.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/access/digest.h"
#include "proxy/dispatch/holding.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/log.h"
#include "proxy/upstream/handshake.h"

namespace slotless::session {

using Judgement = upstream::Doorman::Judgement;

namespace {

// Longer ones are no passwords, and are not to be carried about.
constexpr std::size_t kLongestSecret = std::size_t{16} * 1024;
constexpr std::size_t kMostVerified = 8;
constexpr std::string_view kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";
constexpr std::string_view kNobodyToAsk =
    "CLUSTERDOWN No node could be asked whether these credentials are good";
constexpr std::string_view kEngaged =
    "ERR another user can log in only outside of MULTI, WATCH, subscriptions, MONITOR and CLIENT TRACKING: "
    "RESET ends them";

// What it has begun would go on as the user before.
bool isEngaged(const Client& client) {
  const Conversation& conversation = client.conversation();
  return conversation.mode() != Mode::Plain || conversation.watch().on() ||
         conversation.subscriptions() != nullptr || conversation.monitoring() ||
         conversation.tracking() != nullptr;
}

}  // namespace

NodeUsers::NodeUsers(Services& services, upstream::LinkHost& host, const upstream::LinkPool& masters,
                     const upstream::LinkSettings& settings, upstream::LeaseBudgets& budgets)
    : services_(services),
      settings_(settings),
      budgets_(budgets),
      doorman_(host, masters, settings, settings.access),
      greeter_(host, masters, settings, nobody_) {}

NodeUsers::~NodeUsers() = default;

std::uint64_t NodeUsers::clientId(const Client& client) noexcept {
  return client.id();
}

bool NodeUsers::configure() {
  const bool was = std::exchange(on_, services_.config.passesThrough());
  nobody_.ofClient = true;
  nobody_.tls = settings_.access.tls;
  if (on_ || !was) return was != on_;
  attempts_.clear();
  doorman_.forgetAll();
  greeter_.forgetAll();
  greeting_ = Greeting::Unknown;
  for (const auto& [name, user] : users_) user->leaving = true;
  return true;
}

upstream::LinkSettings NodeUsers::settingsFor(std::string_view username, std::string_view password) const {
  upstream::LinkSettings settings = settings_;
  upstream::Access access;
  access.username = username;
  access.password = password;
  access.clientName = settings_.access.clientName;
  access.tls = settings_.access.tls;
  access.tlsName = settings_.access.tlsName;
  access.ofClient = true;
  settings.access = std::move(access);
  if (mayHold(services_.config)) settings.idleTimeout = services_.config.passthroughIdleTimeout;
  return settings;
}

void NodeUsers::useSettings() {
  nobody_.tls = settings_.access.tls;
  for (const auto& [name, user] : users_) {
    upstream::Access access = user->settings.access;
    user->settings = settingsFor(access.username, access.password);
    access.tls = user->settings.access.tls;
    access.clientName = user->settings.access.clientName;
    user->settings.access = std::move(access);
    user->links.setSettings(user->settings);
  }
}

void NodeUsers::setTopology(const cluster::TopologyPtr& topology) {
  for (const auto& [name, user] : users_) {
    user->links.setTopology(topology);
    if (user->hub != nullptr) user->hub->setTopology(topology);
  }
}

// --- logging in ---

bool NodeUsers::isFresh(net::TimePoint at) const {
  return at != net::TimePoint{} && services_.host.now - at < services_.config.passthroughVerifyInterval;
}

NodeUser* NodeUsers::find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second.get();
}

NodeUsers::Outcome NodeUsers::logIn(Client& client, std::string_view username, std::string_view password,
                                    bool isNamed) {
  if (username.size() + password.size() > kLongestSecret)
    return {.refusal = std::string(kWrongPassword), .isWrong = true};
  const std::uint64_t id = client.id();
  const std::string digest = access::digestOf(password);
  if (const auto found = attempts_.find(id); found != attempts_.end()) {
    if (!found->second.judgement) return {.waits = true};
    const Attempt attempt = std::move(found->second);
    attempts_.erase(found);
    const Judgement& judgement = *attempt.judgement;
    if (!judgement.answered) return {.refusal = std::string(kNobodyToAsk)};
    if (!judgement.accepted) return {.refusal = judgement.error, .isWrong = true};
    if (attempt.username == username && attempt.digest == digest)
      return enter(client, username, password, digest);
  }
  const bool isOther = client.nodeUser() == nullptr || client.nodeUser()->name != username;
  if (isOther && isEngaged(client)) return {.refusal = std::string(kEngaged)};
  if (!client.pending().empty()) return {.waits = true};
  NodeUser* user = find(username);
  if (user != nullptr && !user->leaving && user->links.anyUp()) {
    const bool known = std::any_of(user->verified.begin(), user->verified.end(), [&](const auto& each) {
      return access::sameDigest(each.digest, digest) && isFresh(each.at);
    });
    if (known) {
      move(client, *user);
      return {};
    }
  }
  services_.metrics.verifications.add();
  attempts_[id] = {std::string(username), digest};
  std::string auth = isNamed ? upstream::formatCommand({"AUTH", username, password})
                             : upstream::formatCommand({"AUTH", password});
  doorman_.ask(std::move(auth), services_.config.connectTimeout * 2, [this, id](const Judgement& judgement) {
    const auto attempt = attempts_.find(id);
    if (attempt == attempts_.end()) return;
    attempt->second.judgement = judgement;
    const auto asking = services_.clients.find(id);
    if (asking != services_.clients.end()) asking->second->wake();
  });
  return {.waits = true};
}

NodeUsers::Outcome NodeUsers::enter(Client& client, std::string_view username, std::string_view password,
                                    const std::string& digest) {
  NodeUser* user = find(username);
  if (user == nullptr) user = make(std::string(username), username, password);
  if (user == nullptr)
    return {.refusal =
                "ERR max number of users with connections of their own reached (passthrough-max-users)"};
  noteVerified(*user, password, digest);
  move(client, *user);
  return {};
}

// A new password is the one that its links say from now on; the one before may still be good, while a change
// spreads among the nodes.
void NodeUsers::noteVerified(NodeUser& user, std::string_view password, const std::string& digest) {
  user.leaving = false;
  std::erase_if(user.verified, [&](const auto& each) { return each.digest == digest; });
  user.verified.insert(user.verified.begin(), {digest, services_.host.now});
  if (user.verified.size() > kMostVerified) user.verified.pop_back();
  upstream::Access& access = user.settings.access;
  if (access.password == password || (access.previous && access.previous->password == password)) return;
  access.previous = access.credentials();
  access.password = password;
  ++access.generation;
  access.verdicts = std::make_shared<upstream::AccessVerdicts>();
  user.links.setSettings(user.settings);
  user.links.keepLogins();
}

NodeUser* NodeUsers::make(const std::string& name, std::string_view username, std::string_view password) {
  const UserPlaces::Answer answer =
      services_.control.userPlaces().take(name, services_.config.passthroughMaxUsers, services_.host.now);
  if (!answer.granted) return nullptr;
  if (answer.evicted) {
    services_.control.tellWorkers(
        [evicted = *answer.evicted](Services& there, std::size_t) { there.nodeUsers.evict(evicted); });
  }
  const auto open = mayHold(services_.config) ? upstream::OpenLinks::OnDemand : upstream::OpenLinks::Ahead;
  auto made = std::make_unique<NodeUser>(services_.host, name, settingsFor(username, password),
                                         services_.metrics, budgets_, open);
  made->settings.access.denials = &made->denials;
  made->links.setSettings(made->settings);
  made->links.setTopology(services_.links.topologyPtr());
  made->lastUsed = services_.host.now;
  services_.metrics.nodeUsers.add(1);
  return (users_[name] = std::move(made)).get();
}

void NodeUsers::move(Client& client, NodeUser& user) {
  client.logIn();
  if (client.nodeUser() == &user) return;
  leave(client);
  ++user.clients;
  user.leaving = false;
  client.becomeUser(&user, user.links);
  services_.control.userPlaces().countClient(user.name, 1, services_.host.now);
}

void NodeUsers::leave(Client& client) {
  forget(client);
  NodeUser* user = client.nodeUser();
  if (user == nullptr) return;
  services_.accounts.ledger().settle(client);
  --user->clients;
  user->lastUsed = services_.host.now;
  client.becomeUser(nullptr, services_.ownLinks);
  services_.control.userPlaces().countClient(user->name, -1, services_.host.now);
}

// --- who has not logged in ---

void NodeUsers::welcome(Client& client) {
  if (!isFresh(greetedAt_) && greeting_ != Greeting::Asking) askGreeting();
  if (greeting_ != Greeting::Welcome) return;
  NodeUser* user = find("");
  if (user == nullptr) user = make("", "", "");
  if (user != nullptr) move(client, *user);
}

bool NodeUsers::awaitsGreeting(const Client&) {
  if (greeting_ == Greeting::Unknown) askGreeting();
  return greeting_ == Greeting::Asking;
}

void NodeUsers::askGreeting() {
  greeting_ = Greeting::Asking;
  greeter_.greet(services_.config.connectTimeout * 2,
                 [this](const Judgement& judgement) { onGreeting(judgement); });
}

void NodeUsers::onGreeting(const Judgement& judgement) {
  greeting_ = judgement.accepted ? Greeting::Welcome : Greeting::PasswordNeeded;
  greetedAt_ = services_.host.now;
  for (const auto& [id, client] : services_.clients) {
    if (client->loggedIn() || client->state() != ClientState::Open) continue;
    if (judgement.accepted && !attempts_.contains(id)) welcome(*client);
    client->wake();
  }
}

// --- what becomes of them ---

void NodeUsers::recheck(NodeUser& user) {
  user.rechecking = true;
  const auto done = [this, name = user.name](const Judgement& judgement) {
    NodeUser* checked = find(name);
    if (checked == nullptr) return;
    checked->rechecking = false;
    if (!judgement.answered || judgement.accepted) return;
    onGone(name);
  };
  const upstream::Access& access = user.settings.access;
  services_.metrics.verifications.add();
  const net::Millis patience = services_.config.connectTimeout * 2;
  if (access.password.empty()) return greeter_.greet(patience, done);
  doorman_.ask(upstream::authCommand(access.credentials()), patience, done);
}

void NodeUsers::onGone(const std::string& name) {
  NodeUser* user = find(name);
  if (user == nullptr) return;
  static log::RateLimit limit(5);
  log::write(limit, services_.host.now, log::Level::Warn,
             "the nodes do not take a user's credentials any more, its clients are closed",
             {{"user", user->name}, {"clients", user->clients}});
  user->verified.clear();
  user->leaving = true;
  if (name.empty()) greeting_ = Greeting::Unknown;
  std::vector<Client*> closed;
  for (const auto& [id, client] : services_.clients) {
    if (client->nodeUser() == user) closed.push_back(client.get());
  }
  for (Client* client : closed) client->close("its user is gone");
}

void NodeUsers::evict(const std::string& name) {
  NodeUser* user = find(name);
  if (user == nullptr || user->clients > 0) return;
  user->verified.clear();
  user->leaving = true;
}

void NodeUsers::dropUnused() {
  const net::Millis patience = services_.config.passthroughIdleTimeout;
  for (auto each = users_.begin(); each != users_.end();) {
    NodeUser& user = *each->second;
    const bool isIdle = patience.count() > 0 && services_.host.now - user.lastUsed >= patience;
    if (user.clients > 0 || !(user.leaving || isIdle)) {
      ++each;
      continue;
    }
    user.leaving = true;
    user.links.dismiss();  // and swept at the end of the turn: some may have output
    const bool isHeard = user.hub != nullptr && !user.hub->idle();
    if (!user.links.empty() || isHeard || user.rechecking) {
      ++each;
      continue;
    }
    services_.control.userPlaces().giveBack(user.name);
    services_.metrics.nodeUsers.add(-1);
    each = users_.erase(each);
  }
}

// --- time ---

void NodeUsers::endTurn() {
  for (const auto& [name, user] : users_) {
    user->links.sweep();
    if (user->hub != nullptr) user->hub->goOn();
  }
}

void NodeUsers::flush() {
  for (const auto& [name, user] : users_) {
    if (user->hub != nullptr) user->hub->flush();
  }
}

bool NodeUsers::busy() const {
  return std::any_of(users_.begin(), users_.end(), [](const auto& each) {
    return each.second->hub != nullptr && each.second->hub->busy();
  });
}

void NodeUsers::tend(bool wasHere) {
  if (users_.empty()) return;
  for (const auto& [name, user] : users_) {
    user->links.tend(wasHere);
    const bool refused = user->settings.access.verdicts->refused.exchange(false);
    if (refused && !user->rechecking && user->clients > 0) recheck(*user);
  }
  dropUnused();
}

void NodeUsers::tidy() {
  for (const auto& [name, user] : users_) user->links.tidy();
}

void NodeUsers::checkReplyTimeouts(net::TimePoint now) {
  for (const auto& [name, user] : users_) user->links.checkReplyTimeouts(now);
}

net::TimePoint::duration NodeUsers::silence() const noexcept {
  net::TimePoint::duration longest{};
  for (const auto& [name, user] : users_) longest = std::max(longest, user->links.silence());
  return longest;
}

net::TimePoint::duration NodeUsers::leaseSilence() const noexcept {
  net::TimePoint::duration longest{};
  for (const auto& [name, user] : users_) longest = std::max(longest, user->links.leases().silence());
  return longest;
}

std::size_t NodeUsers::bytesOpen() const noexcept {
  std::size_t bytes = 0;
  for (const auto& [name, user] : users_) bytes += user->links.bytesOpen();
  return bytes;
}

pubsub::Hub& NodeUsers::hubOf(NodeUser& user) {
  if (user.hub == nullptr) {
    user.hub = std::make_unique<pubsub::Hub>(services_.host, user.settings, services_.databases,
                                             services_.metrics, services_.control.census(),
                                             [this] { services_.control.refreshTopology(true); });
    user.hub->setTopology(services_.links.topologyPtr());
  }
  return *user.hub;
}

}  // namespace slotless::session
