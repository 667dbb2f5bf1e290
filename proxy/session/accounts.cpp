#include "proxy/session/accounts.h"

#include <algorithm>
#include <utility>

#include "proxy/session/client.h"
#include "proxy/session/client_snapshot.h"
#include "proxy/session/console_table.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

constexpr std::string_view kRulesChanged =
    "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call.";

void closeAs(Client& client, std::uint64_t asking, std::string_view reason) {
  if (client.id() == asking) {
    client.closeAfterReply();
  } else {
    client.close(reason);
  }
}

}  // namespace

const access::Permission* Accounts::find(std::string_view name) const {
  const auto found = permissions_.find(name);
  return found == permissions_.end() ? nullptr : found->second.get();
}

const access::Permission* Accounts::initial() const {
  const access::Permission* standard = find(access::kDefaultUser);
  const bool open = standard != nullptr && standard->user().enabled && standard->user().withoutPassword;
  return open ? standard : nullptr;
}

access::Vocabulary Accounts::vocabulary() const {
  return access::Vocabulary(*services_.commands, consoleCommands());
}

void Accounts::configure() {
  const config::Config& config = services_.config;
  access::Roster::Source source;
  source.on = config.hasUsers();
  if (source.on) {
    source.lines = config.users;
    if (requiresAuthentication(config)) source.password = config::clientSecret(config);
  }
  for (const std::string& error : services_.control.roster().configure(source, vocabulary()))
    log::error("users not taken over, they stay as they were", {{"error", error}});
  refresh();
}

Accounts::Permissions Accounts::compile(bool sameCommands) const {
  Permissions compiled;
  const access::Vocabulary words = vocabulary();
  for (const auto& [name, user] : users_->users) {
    const auto known = permissions_.find(name);
    const bool same = sameCommands && known != permissions_.end() && known->second->userPtr() == user;
    compiled.emplace(name, same ? known->second : std::make_shared<const access::Permission>(user, words));
  }
  return compiled;
}

void Accounts::refresh(std::uint64_t asking) {
  const bool wasOn = on();
  const bool sameCommands = table_ == services_.commands;
  users_ = services_.control.roster().snapshot();
  table_ = services_.commands;
  if (wasOn || on()) {
    // Clients refer to the earlier ones until they have been told.
    const Permissions earlier = std::exchange(permissions_, compile(sameCommands));
    for (const auto& [id, client] : services_.clients) tell(*client, asking);
  }
  // Whoever need not log in has been logged in when it came.
  services_.loginRequired =
      on() || requiresAuthentication(services_.config) || services_.config.passesThrough();
  services_.listenerRules.refresh();
}

void Accounts::tell(Client& client, std::uint64_t asking) {
  if (!on() || client.state() != ClientState::Open) return client.rebind(nullptr);
  if (client.account() == nullptr) return settle(client);
  const access::Permission& before = *client.account();
  const access::Permission* const now = find(before.user().name);
  if (now == &before) return;
  // As in Redis, whoever switches its own user off goes on: it could not switch it on again otherwise.
  const bool lost = now == nullptr || (!now->user().enabled && client.id() != asking);
  client.rebind(lost ? nullptr : now);
  if (lost) return closeAs(client, asking, "its user is gone or off");
  if (now->user() == before.user()) return;
  if (!mayUse(now->user(), services_.config.listen[client.listener()]))
    return closeAs(client, asking, "its user may not use this listener any more");
  client.conversation().onRefused(kRulesChanged);
  const Subscriptions* subscriptions = client.conversation().subscriptions();
  if (subscriptions != nullptr && !subscriptions->allowedTo(*now))
    closeAs(client, asking, "its user may not listen to its channels any more");
}

// Whoever knew the password before there were users is the default user.
void Accounts::settle(Client& client) {
  const access::Permission* standard = client.authenticated() ? find(access::kDefaultUser) : initial();
  if (standard == nullptr) return;
  if (!standard->user().enabled) return client.close("its user is off");
  if (!mayUse(standard->user(), services_.config.listen[client.listener()]) || !client.join(*standard))
    return;
  client.logIn();
  client.rebind(standard);
}

const std::string& Accounts::describe(const Client& client) {
  const std::uint64_t commands = client.traffic().commands;
  const net::TimePoint now = services_.host.now;
  if (description_.client != client.id() || description_.commands != commands || description_.at != now)
    description_ = {client.id(), commands, now, clientLine(client, services_)};
  return description_.line;
}

const databases::Database* firstDatabaseOf(const access::Permission& account, const Client& client,
                                           const databases::Databases& databases) {
  const auto isThere = [&](const databases::Database& each) {
    return each.layout != databases::Layout::Denied && client.numbering().numberOf(each).has_value();
  };
  const auto& wanted = account.user().limits.firstDatabase;
  if (wanted && *wanted < databases.size() && isThere(databases.at(*wanted))) return &databases.at(*wanted);
  if (account.maySelect(client.database().index)) return nullptr;
  const auto& all = databases.all();
  const auto found = std::find_if(all.begin(), all.end(), [&](const databases::Database& each) {
    return account.maySelect(each.index) && isThere(each);
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace slotless::session
