#include "proxy/server/user_check.h"

#include "proxy/session/console_table.h"
#include "proxy/telemetry/log.h"

namespace slotless::server {

namespace {

// Nothing is denied by them.
void warnOfDenied(const std::vector<std::string>& denied, const access::Vocabulary& words) {
  for (const std::string& name : denied) {
    const bool known =
        name.starts_with('@') ? words.hasCategory(name.substr(1)) : words.find(name) != nullptr;
    if (!known)
      log::warn("deny-commands has a command or category that the servers do not know", {{"name", name}});
  }
}

}  // namespace

std::vector<std::string> objectionsToUsers(const std::vector<std::string>& lines, const std::string& where) {
  const auto table = protocol::CommandTable::builtIn();
  const access::Vocabulary words(*table, session::consoleCommands());
  return readUsers(lines, {}, words, access::Unknown::Accepted, where).errors;
}

void warnOfUnknownNames(const access::Roster& roster, const config::Config& config,
                        const protocol::CommandTable& commands) {
  const access::Vocabulary words(commands, session::consoleCommands());
  warnOfDenied(config.denyCommands, words);
  for (const config::Listener& listener : config.listen) {
    if (listener.options.denyCommands) warnOfDenied(*listener.options.denyCommands, words);
  }
  for (const auto& [name, user] : roster.snapshot()->users) {
    for (const std::string& rule : unknownNames(*user, words)) {
      log::warn("a user has a rule about a command or category that the servers do not know",
                {{"user", name}, {"rule", rule}});
    }
  }
}

}  // namespace slotless::server
