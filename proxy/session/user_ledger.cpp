#include "proxy/session/user_ledger.h"

#include <utility>

#include "proxy/dispatch/failure_tally.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/client_snapshot.h"
#include "proxy/session/node_users.h"
#include "proxy/session/services.h"

namespace slotless::session {

using telemetry::UserFigures;

namespace {

constexpr net::Millis kBetweenTwo{900};

bool isNobodys(const Client& client, const Services& services) {
  if (services.accounts.on()) return client.account() == nullptr;
  return services.nodeUsers.on() && client.nodeUser() == nullptr;
}

// Clients of one user have the same one. Those of no users have nullptr, and are one user's together.
const void* markOf(const Client& client) {
  return client.account() != nullptr ? static_cast<const void*>(client.account())
                                     : static_cast<const void*>(client.nodeUser());
}

}  // namespace

UserLedger::~UserLedger() {
  telemetry::UserCounts::ofProcess().withdraw(this);
}

UserFigures* UserLedger::ofUserOf(const Client& client) {
  if (isNobodys(client, services_)) return nullptr;
  const std::string name = clientUser(client, services_);
  const auto found = settled_.find(name);
  return found != settled_.end() ? &found->second
                                 : &settled_[telemetry::UserCounts::ofProcess().nameFor(name)];
}

UserFigures UserLedger::unsettled(const Client& client) const {
  const ClientTraffic& all = client.traffic();
  UserFigures figures{all.commands, 0, all.bytesReceived, all.bytesSent};
  const auto until = until_.find(client.id());
  if (until == until_.end()) return figures;
  figures.requests -= until->second.commands;
  figures.receivedBytes -= until->second.bytesReceived;
  figures.sentBytes -= until->second.bytesSent;
  return figures;
}

void UserLedger::settle(const Client& client) {
  UserFigures* user = ofUserOf(client);
  if (user == nullptr) return;
  user->add(unsettled(client));
  user->errors += FailureTally::take(client.id());
  until_[client.id()] = client.traffic();
}

void UserLedger::forget(const Client& client) {
  until_.erase(client.id());
  FailureTally::take(client.id());
}

void UserLedger::tick() {
  if (services_.host.now - toldAt_ < kBetweenTwo) return;
  toldAt_ = services_.host.now;
  tell();
}

// By pointer first, since there may be thousands of clients and one user.
void UserLedger::tell() {
  struct Sum {
    const Client* one = nullptr;  // of its clients
    UserFigures figures;
  };
  std::unordered_map<const void*, Sum> sums;
  for (const auto& [id, client] : services_.clients) {
    if (isNobodys(*client, services_)) continue;
    Sum& sum = sums[markOf(*client)];
    sum.one = client.get();
    sum.figures.add(unsettled(*client));
    if (!FailureTally::empty()) sum.figures.errors += FailureTally::take(id);
  }
  // Errors are taken once. First all of them: then each user has its place.
  for (auto& [mark, sum] : sums) ofUserOf(*sum.one)->errors += std::exchange(sum.figures.errors, 0);
  ByUser figures = settled_;
  for (const auto& [mark, sum] : sums) {
    const std::string name = clientUser(*sum.one, services_);
    const auto own = figures.find(name);
    UserFigures& user =
        own != figures.end() ? own->second : figures[std::string(telemetry::UserCounts::kOthers)];
    user.add(sum.figures);
  }
  telemetry::UserCounts::ofProcess().tell(this, std::move(figures));
}

}  // namespace slotless::session
