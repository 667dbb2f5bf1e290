#include "proxy/session/access_check.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "protocol/all_databases.h"
#include "protocol/ascii.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using access::Denial;
using access::Reason;
using protocol::Argv;
using protocol::CommandSpec;
using telemetry::Forbidden;

namespace {

Forbidden kindOf(Reason reason) {
  switch (reason) {
    case Reason::Key:
    case Reason::KeysOnlyServerKnows: return Forbidden::Key;
    case Reason::Channel: return Forbidden::Channel;
    default: return Forbidden::Command;
  }
}

std::string_view reasonName(Forbidden kind) {
  return kind == Forbidden::Database ? "command" : telemetry::forbiddenName(kind);
}

void note(Client& client, Services& services, Forbidden kind, std::string_view object) {
  services.metrics.forbidden[static_cast<std::size_t>(kind)].add();
  const bool inTransaction = client.conversation().mode() == Mode::Queueing;
  services.control.aclLog().add(services.config.acllogMaxLen, reasonName(kind),
                                inTransaction ? "multi" : "toplevel", object, client.account()->user().name,
                                services.accounts.describe(client));
}

// Does it do something to keys of the chosen database, or may it?
bool usesDatabase(const CommandSpec& spec) {
  return !spec.keySpecs.empty() || spec.firstKey != 0 ||
         spec.keyProcedure != protocol::KeyProcedure::BySpecs ||
         spec.wholeDatabase != protocol::WholeDatabase::None || spec.has(protocol::kModule);
}

// Where it names other databases; 0: nowhere.
std::array<std::size_t, 2> numbersIn(const CommandSpec& spec, Argv argv) {
  switch (spec.otherDatabase) {
    case protocol::OtherDatabase::None: break;
    case protocol::OtherDatabase::Always:
      if (spec.transfer == protocol::Transfer::Move) return {2, 0};
      return spec.role == protocol::SessionRole::Select ? std::array<std::size_t, 2>{1, 0}
                                                        : std::array<std::size_t, 2>{1, 2};
    case protocol::OtherDatabase::ByOption:
      for (std::size_t i = argv.size() - 1; i > 1; --i) {
        if (protocol::equalsIgnoringCase(argv[i - 1], "db")) return {i, 0};
      }
  }
  return {};
}

std::string noDatabase(std::string_view number) {
  return "NOPERM this user has no permissions to use database " + std::string(number);
}

// Empty: nothing.
std::string objectionToDatabases(const Client& client, const CommandSpec& spec, Argv argv) {
  const access::Permission& account = *client.account();
  const databases::Database& chosen = client.conversation().database();
  if (spec.emptiesAllDatabases)
    return "NOPERM this user has no permissions to run the '" + spec.name +
           "' command: it empties all databases";
  if (protocol::concernsAllDatabases(spec))
    return "NOPERM this user has no permissions to run the '" + spec.name +
           "' command: it is about all databases";
  if (usesDatabase(spec) && !account.maySelect(chosen.index)) return noDatabase(std::to_string(chosen.index));
  std::string scratch;
  for (const std::size_t position : numbersIn(spec, argv)) {
    if (position == 0 || position >= argv.size()) continue;
    const databases::Database* named = databaseNamed(client.numbering(), argv[position], scratch);
    if (named != nullptr && !account.maySelect(named->index)) return noDatabase(argv[position]);
  }
  return {};
}

}  // namespace

bool logsIn(const CommandSpec& spec) noexcept {
  return spec.has(protocol::kNoAuth) && spec.role == protocol::SessionRole::None;
}

bool logsIn(const CommandSpec& spec, Argv argv) noexcept {
  const bool always = spec.arity < -1;
  return logsIn(spec) && (always || std::any_of(argv.begin(), argv.end(), [](std::string_view each) {
                            return protocol::equalsIgnoringCase(each, "AUTH");
                          }));
}

bool isForbidden(Client& client, Services& services, const CommandSpec& spec, Argv argv, std::string& line) {
  const access::Permission& account = *client.account();
  if (const Denial denial = account.check(spec, argv, services.accounts.scratch())) {
    const Forbidden kind = kindOf(denial.reason);
    const bool named = denial.argument > 0 && denial.argument < argv.size();
    note(client, services, kind, named ? argv[denial.argument] : std::string_view(spec.name));
    line = refusalLine(denial, spec);
    return true;
  }
  if (!account.user().limits.databases) return false;
  line = objectionToDatabases(client, spec, argv);
  if (line.empty()) return false;
  note(client, services, Forbidden::Database, spec.name);
  return true;
}

}  // namespace slotless::session
