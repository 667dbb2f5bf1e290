// The part of a client that asks what may stand in the way of its requests: rules of its listener, limits.
#include <string>
#include <vector>

#include "protocol/key_extraction.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/console_table.h"
#include "proxy/session/listener_rules.h"
#include "proxy/session/services.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

// It may wait for hours, and what it waits for may be the user's own next request.
bool waitsForOthers(const CommandSpec* spec, protocol::Argv argv) {
  if (spec == nullptr) return false;
  using protocol::SessionRole;
  return spec->role == SessionRole::Blocking || spec->role == SessionRole::Wait ||
         protocol::hasSessionKeyword(*spec, argv);
}

}  // namespace

// What is plain names one key of the chosen database, and runs no script. What is not let through is asked
// once more, and gets its answer then.
bool Client::mayShort(const CommandSpec& spec, protocol::Argv argv) {
  if (wantsTraces()) return false;
  if (restricted_ &&
      (account_->check(spec, argv, services_.accounts.scratch()) || !account_->maySelect(database_->index)))
    return false;
  const ListenerRules* rules = services_.listenerRules.of(listener_);
  if (rules != nullptr && rules->concerns(spec)) return false;
  return !counted_ || limits_->admit(true) == ClientLimits::Turn::Now;
}

// From here on it is known by that name, also to those who look on.
void Client::takeOwnName(const ListenerRules& rules, Asked& asked) {
  const std::string* own = rules.ownName(asked.argv.front());
  if (own == nullptr) return;
  asked.spec = asked.container = nullptr;
  if (own->empty()) return;
  std::vector<std::string_view> words(asked.argv.begin(), asked.argv.end());
  words.front() = *own;
  services_.canonical.write(words);
  asked.argv = services_.canonical.argv();
  asked.bytes = services_.canonical.bytes();
  asked.isInline = false;
  asked.spec = services_.commands->find(asked.argv, &asked.container);
  if (asked.spec == nullptr && asked.container == nullptr)
    asked.spec = findConsoleCommand(asked.argv, &asked.container);
}

Client::Passage Client::question(Asked& asked, std::string& line) {
  const ListenerRules* rules = services_.listenerRules.of(listener_);
  if (rules != nullptr && rules->renames()) takeOwnName(*rules, asked);
  if (counted_) {
    switch (limits_->admit(!waitsForOthers(asked.spec, asked.argv))) {
      case ClientLimits::Turn::Now: break;
      case ClientLimits::Turn::Later: return Passage::Wait;
      case ClientLimits::Turn::Never: line = limits_->refusal(); return Passage::Refused;
    }
  }
  if (rules == nullptr || asked.spec == nullptr || !rules->denies(*asked.spec)) return Passage::Go;
  services_.metrics.forbidden[static_cast<std::size_t>(telemetry::Forbidden::Listener)].add();
  line = "NOPERM the '" + asked.spec->name + "' command is denied to all who connect here";
  return Passage::Refused;
}

bool Client::refuseRequest(const CommandSpec* spec, std::string_view line) {
  if (spec != nullptr && spec->role == protocol::SessionRole::Exec)
    return conversation_.abort(*spec, line) == Conversation::Outcome::Done;
  conversation_.onRefused(line);
  refuse(spec, line);
  return true;
}

}  // namespace slotless::session
