#include "proxy/session/lease_shares.h"

#include <algorithm>
#include <map>
#include <vector>

#include "proxy/dispatch/holding.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

// Who still waits tries again sooner.
constexpr net::Millis kWaits{300};
// However many wait: between WATCH and EXEC there is a round trip and some thinking.
constexpr net::Millis kLeastIdle{100};

struct Host {
  std::size_t held = 0;
  std::size_t waiting = 0;
};
using Hosts = std::map<std::string, Host>;

struct IdleWatch {
  Client* client;
  bool restrained;
  net::TimePoint since;
};

bool holdsLease(const Client& client) {
  return !client.conversation().engaged() && client.conversation().watch().holdsLease();
}

}  // namespace

bool LeaseShares::admits(const Client& client) const {
  return restrained_.empty() || restrained_.find(client.peer().host) == restrained_.end();
}

void LeaseShares::onRefused(const Client& client, net::TimePoint now) {
  waiting_[client.id()] = now;
}

void LeaseShares::endIdle(Services& services) {
  restrained_.clear();
  if (waiting_.empty()) return;
  const net::TimePoint now = services.host.now;
  std::erase_if(waiting_, [&](const auto& each) {
    return now - each.second > kWaits || services.clients.find(each.first) == services.clients.end();
  });
  if (waiting_.empty()) return;

  Hosts hosts;
  for (const auto& [id, since] : waiting_) ++hosts[services.clients.find(id)->second->peer().host].waiting;
  for (const auto& [id, client] : services.clients) {
    if (holdsLease(*client)) ++hosts[client->peer().host].held;
  }
  const std::size_t budget = services.config.leaseMaxTransactions;
  const std::size_t share = std::max<std::size_t>(1, budget / hosts.size());
  const bool anyNeedy = std::any_of(hosts.begin(), hosts.end(), [&](const auto& each) {
    return each.second.waiting > 0 && each.second.held < share;
  });
  for (const auto& [host, counts] : hosts) {
    if (anyNeedy && counts.held >= share) restrained_.insert(host);
  }

  if (services.config.leaseIdleTimeout.count() == 0) return;
  const auto places = static_cast<net::Millis::rep>(budget);
  const auto wanted = static_cast<net::Millis::rep>(budget + waiting_.size());
  const net::Millis idle =
      std::max(kLeastIdle, net::Millis(services.config.leaseIdleTimeout.count() * places / wanted));
  std::vector<IdleWatch> watches;
  for (const auto& [id, client] : services.clients) {
    if (!holdsLease(*client) || !client->pending().empty()) continue;
    const bool restrained = restrained_.find(client->peer().host) != restrained_.end();
    const net::TimePoint since = client->lastActive();
    if (now - since >= (restrained ? kLeastIdle : idle)) watches.push_back({client.get(), restrained, since});
  }
  if (watches.empty()) return;
  std::sort(watches.begin(), watches.end(), [](const IdleWatch& a, const IdleWatch& b) {
    return a.restrained != b.restrained ? a.restrained : a.since < b.since;
  });
  if (watches.size() > waiting_.size()) watches.resize(waiting_.size());
  for (const IdleWatch& each : watches) each.client->conversation().watch().lose();
  static log::RateLimit limit(5);
  log::write(limit, now, log::Level::Warn, "idle watches ended, since others wait (lease-max-transactions)",
             {{"watches", watches.size()}, {"waiting", waiting_.size()}});
  services.holding.wakeAll();
}

}  // namespace slotless::session
