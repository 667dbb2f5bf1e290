#include "proxy/server/open_administrators.h"

#include <algorithm>

#include "protocol/command_table.h"
#include "proxy/access/permission.h"
#include "proxy/access/users.h"
#include "proxy/session/console_table.h"

namespace slotless::server {

namespace {

bool isOpenUser(const access::User& user) {
  return user.enabled && user.withoutPassword;
}

// PROXY …, or all that Redis calls administration.
bool administers(const access::UserPtr& user, const access::Vocabulary& words) {
  const access::Permission permission(user, words);
  if (permission.administers()) return true;
  const auto console = session::consoleCommands();
  return std::any_of(console.begin(), console.end(), [&](const protocol::CommandSpec& container) {
    return std::any_of(container.subcommands.begin(), container.subcommands.end(),
                       [&](const protocol::CommandSpec& spec) {
                         const std::string subcommand = spec.name.substr(spec.name.find('|') + 1);
                         const std::string_view argv[] = {container.name, subcommand};
                         std::vector<protocol::KeyUse> scratch;
                         return !permission.checkAsRedis(spec, argv, scratch);
                       });
  });
}

}  // namespace

std::string OpenAdministrator::text() const {
  if (ofPage)
    return "user " + name + " of admin-users needs no password; the status page lets nobody in without one";
  return "user " + name + " may run PROXY or administrative commands, and needs no password";
}

std::vector<OpenAdministrator> openAdministrators(const config::Config& config) {
  std::vector<OpenAdministrator> found;
  const auto table = protocol::CommandTable::builtIn();
  const access::Vocabulary words(*table, session::consoleCommands());
  access::User nobody;
  nobody.name = access::kDefaultUser;
  const auto onPage = access::readUsers(config.adminUsers, nobody, words, access::Unknown::Accepted, "");
  if (onPage.errors.empty()) {
    for (const auto& [name, user] : onPage.users) {
      if (isOpenUser(*user)) found.push_back({name, true});
    }
  }
  if (config.passesThrough()) return found;
  const bool open = config.clientAuth == config::ClientAuth::None || config::clientSecret(config).empty();
  if (!config.hasUsers()) {
    if (open && config.allowAdminCommands) found.push_back({std::string(access::kDefaultUser), false});
    return found;
  }
  const auto standard = access::makeDefaultUser(open ? std::string() : config::clientSecret(config));
  const auto clients = access::readUsers(config.users, standard, words, access::Unknown::Accepted, "");
  if (!clients.errors.empty()) return found;
  for (const auto& [name, user] : clients.users) {
    if (isOpenUser(*user) && administers(user, words)) found.push_back({name, false});
  }
  return found;
}

}  // namespace slotless::server
