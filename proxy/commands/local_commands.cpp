#include "proxy/commands/local_commands.h"

#include <algorithm>
#include <utility>

#include "protocol/command_ids.h"
#include "proxy/commands/acl_changes.h"
#include "proxy/commands/acl_commands.h"
#include "proxy/commands/acl_log_command.h"
#include "proxy/commands/authentication.h"
#include "proxy/commands/client_commands.h"
#include "proxy/commands/command_commands.h"
#include "proxy/commands/connection_commands.h"
#include "proxy/commands/latency_commands.h"
#include "proxy/commands/memory_commands.h"
#include "proxy/commands/pause_commands.h"
#include "proxy/commands/server_settings.h"
#include "proxy/commands/setting_changes.h"
#include "proxy/commands/slow_log_commands.h"
#include "proxy/observe/client_facts.h"
#include "proxy/observe/slow_log.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/console_table.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

// A container's entry serves those of its subcommands that have none.
constexpr LocalEntry kEntries[] = {
    {"acl|cat", aclCat, When::AtOnce, Whose::WithUsers},
    {"acl|deluser", aclDelUser, When::Late, Whose::WithUsers},
    {"acl|dryrun", aclDryRun, When::AtOnce, Whose::WithUsers},
    {"acl|genpass", aclGenPass, When::AtOnce, Whose::WithUsers},
    {"acl|getuser", aclGetUser, When::AtOnce, Whose::WithUsers},
    {"acl|list", aclList, When::AtOnce, Whose::WithUsers},
    {"acl|load", aclLoad, When::Late, Whose::WithUsers},
    {"acl|log", aclLog, When::AtOnce, Whose::WithUsers},
    {"acl|save", aclSave, When::Late, Whose::WithUsers},
    {"acl|setuser", aclSetUser, When::Late, Whose::WithUsers},
    {"acl|users", aclUsers, When::AtOnce, Whose::WithUsers},
    {"acl|whoami", whoAmI},
    {"asking", clusterDisabled},
    {"auth", authenticate},
    {"client|caching", clientCaching},
    {"client|capa", clientCapabilities},
    {"client|getname", clientGetName},
    {"client|getredir", clientGetRedirection},
    {"client|id", clientId},
    {"client|import-source", clientImportSource},
    {"client|info", clientInfo},
    {"client|kill", clientKill, When::Behind},
    {"client|list", clientList, When::Behind},
    {"client|no-evict", clientNoEvict},
    {"client|no-touch", clientNoTouch},
    {"client|pause", clientPause},
    {"client|reply", clientReply},
    {"client|setinfo", clientSetInfo},
    {"client|setname", clientSetName},
    {"client|trackinginfo", clientTrackingInfo},
    {"client|unblock", clientUnblock, When::Late},
    {"client|unpause", clientUnpause},
    {"cluster", clusterDisabled},
    {"command", commandAll},
    {"command|count", commandCount},
    {"command|getkeys", commandGetKeys},
    {"command|info", commandInfo},
    {"commandlog|get", commandLogGet, When::Behind},
    {"commandlog|len", commandLogLen, When::Behind},
    {"commandlog|reset", commandLogReset},
    {"echo", echo},
    {"hello", hello},
    {"latency|doctor", latencyDoctor, When::Behind},
    {"latency|graph", latencyGraph, When::Behind},
    {"latency|histogram", latencyHistogram},
    {"latency|history", latencyHistory, When::Behind},
    {"latency|latest", latencyLatest, When::Behind},
    {"latency|reset", latencyReset, When::Behind},
    {"ping", ping},
    {"quit", quit},
    {"readonly", readOnly},
    {"readwrite", readWrite},
    {"role", role},
    {"select", select},
    {"slowlog|get", slowLogGet, When::Behind},
    {"slowlog|len", slowLogLen, When::Behind},
    {"slowlog|reset", slowLogReset},
    {"time", time},
};

struct PlannedCommand {
  std::string_view name;
  bool (*plan)(Services&, protocol::Argv, routing::Plan&);
};
constexpr PlannedCommand kPlans[] = {
    {"acl|log", planAclLog},
    {"config|get", planConfigGet},
    {"config|resetstat", planConfigResetStat},
    {"config|set", planConfigSet},
    {"memory|doctor", planMemoryDoctor},
};

}  // namespace

LocalCommands::LocalCommands(Services& services, const protocol::CommandTable& table,
                             std::span<const LocalEntry> console)
    : services_(services), console_(console) {
  use(table);
}

const LocalEntry* LocalCommands::entryOf(std::string_view name) const {
  for (const std::span<const LocalEntry> entries : {std::span<const LocalEntry>(kEntries), console_}) {
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const LocalEntry& entry) { return entry.name == name; });
    if (found != entries.end()) return &*found;
  }
  return nullptr;
}

LocalCommand LocalCommands::findEntry(std::string_view name) const {
  const LocalEntry* found = entryOf(name);
  return found == nullptr ? nullptr : found->run;
}

// What is about the cluster needs no entry: servers bring new ones.
LocalCommand LocalCommands::entryFor(const CommandSpec& spec, LocalCommand inherited) const {
  if (const LocalCommand own = findEntry(spec.name)) return own;
  return inherited == nullptr && spec.aboutCluster() ? clusterDisabled : inherited;
}

// Ids are the same in all tables, and what has been queued by an earlier one is still to be run: nothing is
// forgotten.
void LocalCommands::use(const protocol::CommandTable& table) {
  byId_.resize(std::max(byId_.size(), table.idCount()), nullptr);
  aboutUsers_.resize(byId_.size());
  missing_.clear();
  getKeys_ = table.find("command|getkeys");
  for (const CommandSpec& spec : table.commands()) resolve(spec, nullptr);
}

bool LocalCommands::answers(const CommandSpec& spec, protocol::Argv argv) const {
  if (spec.handling != protocol::Handling::Local)
    return services_.accounts.on() && spec.id < aboutUsers_.size() && aboutUsers_[spec.id];
  if (&spec != getKeys_) return true;
  const CommandSpec* asked = services_.commands->find(argv.subspan(2));
  return asked == nullptr || asked->keyProcedure != protocol::KeyProcedure::AskServer;
}

void LocalCommands::resolve(const CommandSpec& spec, LocalCommand inherited) {
  byId_[spec.id] = entryFor(spec, inherited);
  const LocalEntry* entry = entryOf(spec.name);
  aboutUsers_[spec.id] = entry != nullptr && entry->whose == Whose::WithUsers;
  if (spec.handling == protocol::Handling::Local && byId_[spec.id] == nullptr) missing_.push_back(spec.name);
  for (const CommandSpec& subcommand : spec.subcommands) resolve(subcommand, byId_[spec.id]);
}

// Ids beyond the registry's capacity are shared, and the console has none in the table: there the name
// decides.
LocalCommand LocalCommands::functionOf(const CommandSpec& spec) const {
  if (spec.id != protocol::CommandIds::kOverflow && !isConsoleCommand(spec)) return byId_[spec.id];
  return entryFor(spec, findEntry(std::string_view(spec.name).substr(0, spec.name.find('|'))));
}

bool LocalCommands::isLate(const CommandSpec& spec) const {
  const LocalEntry* entry = entryOf(spec.name);
  return entry != nullptr && entry->when != When::AtOnce;
}

bool LocalCommands::followsExec(const CommandSpec& spec) const {
  const LocalEntry* entry = entryOf(spec.name);
  return entry != nullptr && entry->when == When::Behind;
}

// They take no time to speak of, but somebody may want to see all commands.
void LocalCommands::noteIfSlow(const Client& client, const CommandSpec& spec, protocol::Argv argv) {
  if (spec.has(protocol::kSkipSlowlog)) return;
  const auto note = [&](LogKind kind, std::size_t amount) {
    SlowEntry entry;
    entry.amount = static_cast<std::int64_t>(amount);
    entry.client = client.peer().text();
    entry.clientName = client.name;
    services_.slowLog.add(kind, std::move(entry), argv);
  };
  if (services_.slowLog.isSlow(net::Micros{0})) note(LogKind::Slow, 0);
  if (!services_.slowLog.keepsLarge()) return;
  const std::size_t request = sizeOf(argv);
  if (services_.slowLog.isLarge(LogKind::LargeRequest, request)) note(LogKind::LargeRequest, request);
  if (services_.slowLog.isLarge(LogKind::LargeReply, out_.size())) note(LogKind::LargeReply, out_.size());
}

Transaction::RunLocal LocalCommands::runnerFor(Client& client) {
  return [this, &client](const CommandSpec& spec, protocol::Argv argv, std::string& out) {
    LocalCall call{client, services_, spec, argv, out, true};
    functionOf(spec)(call);
  };
}

bool LocalCommands::runLate(Client& client, const CommandSpec& spec, protocol::Argv argv, std::string& out) {
  LocalCall call{client, services_, spec, argv, out, true};
  functionOf(spec)(call);
  return call.late;
}

bool LocalCommands::run(Client& client, const CommandSpec& spec, protocol::Argv argv) {
  out_.clear();
  LocalCall call{client, services_, spec, argv, out_};
  functionOf(spec)(call);
  if (call.waits) return false;
  if (call.late) return true;
  noteIfSlow(client, spec, argv);
  client.reply(&spec, out_);
  return true;
}

bool LocalCommands::plan(const CommandSpec& spec, protocol::Argv argv, routing::Plan& plan) {
  const auto* found = std::find_if(std::begin(kPlans), std::end(kPlans),
                                   [&](const PlannedCommand& each) { return each.name == spec.name; });
  return found != std::end(kPlans) && found->plan(services_, argv, plan);
}

}  // namespace slotless::session
