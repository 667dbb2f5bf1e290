#include "proxy/session/local_commands.h"

#include <sys/time.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/command_ids.h"
#include "protocol/command_reply.h"
#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/session/authentication.h"
#include "proxy/session/client.h"
#include "proxy/session/client_commands.h"
#include "proxy/session/client_facts.h"
#include "proxy/session/console.h"
#include "proxy/session/console_commands.h"
#include "proxy/session/late_reply.h"
#include "proxy/session/latency_commands.h"
#include "proxy/session/pause_commands.h"
#include "proxy/session/refusal.h"
#include "proxy/session/replica_facts.h"
#include "proxy/session/slow_log.h"
#include "proxy/session/slow_log_commands.h"
#include "proxy/session/translation.h"

namespace slotless::session {

using protocol::appendArrayHeader;
using protocol::appendBulk;
using protocol::appendError;
using protocol::appendInteger;
using protocol::appendSimple;
using protocol::CommandSpec;

namespace {

void ping(LocalCall& call) {
  if (call.argv.size() > 2) return appendError(call.out, "ERR wrong number of arguments for 'ping' command");
  if (call.client.conversation().mode() == Mode::Subscribed) {
    // RESP2: every reply in this mode has the shape of a message.
    appendArrayHeader(call.out, 2);
    appendBulk(call.out, "pong");
    return appendBulk(call.out, call.argv.size() == 2 ? call.argv[1] : std::string_view());
  }
  if (call.argv.size() == 2) {
    appendBulk(call.out, call.argv[1]);
  } else {
    appendSimple(call.out, "PONG");
  }
  // Who caches uses PING to hear of everything that has changed before.
  Tracking* tracking = call.client.conversation().tracking();
  if (tracking == nullptr || !tracking->hasLive() || call.client.protocol < 3 || call.inTransaction) return;
  const std::string reply = std::exchange(call.out, {});
  tracking->answerBehindPushes(replyLater(call), reply);
}

void echo(LocalCall& call) {
  appendBulk(call.out, call.argv[1]);
}

void quit(LocalCall& call) {
  appendSimple(call.out, "OK");
  call.client.closeAfterReply();
}

void select(LocalCall& call) {
  std::string error;
  const databases::Database* chosen = databaseNamed(call.client.numbering(), call.argv[1], error);
  if (chosen == nullptr) return appendError(call.out, error);
  call.client.select(*chosen);
  appendSimple(call.out, "OK");
}

void clusterDisabled(LocalCall& call) {
  appendError(call.out, "ERR This instance has cluster support disabled");
}

void setReadOnly(LocalCall& call, bool on) {
  if (!call.services.manners.takesReadOnly) return clusterDisabled(call);
  call.client.readOnly = on;
  appendSimple(call.out, "OK");
}

void readOnly(LocalCall& call) {
  setReadOnly(call, true);
}

void readWrite(LocalCall& call) {
  setReadOnly(call, false);
}

void clientId(LocalCall& call) {
  appendInteger(call.out, static_cast<std::int64_t>(call.client.id()));
}

void clientGetName(LocalCall& call) {
  if (call.client.name.empty()) return protocol::appendNull(call.out, call.client.protocol);
  appendBulk(call.out, call.client.name);
}

void clientSetName(LocalCall& call) {
  if (const auto objection = objectionToName(call.argv[2], kClientNames))
    return appendError(call.out, *objection);
  call.client.name = call.argv[2];
  appendSimple(call.out, "OK");
}

void clientSetInfo(LocalCall& call) {
  std::string attribute(call.argv[2]);
  std::transform(attribute.begin(), attribute.end(), attribute.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (attribute != "lib-name" && attribute != "lib-ver") {
    return appendError(call.out, "ERR Unrecognized option '" + std::string(call.argv[2]) + "'");
  }
  if (const auto objection = objectionToName(call.argv[3], attribute))
    return appendError(call.out, *objection);
  (attribute == "lib-name" ? call.client.libraryName : call.client.libraryVersion) = call.argv[3];
  appendSimple(call.out, "OK");
}

void role(LocalCall& call) {
  appendArrayHeader(call.out, 3);
  appendBulk(call.out, "master");
  appendInteger(call.out, 0);
  const std::size_t replicas = call.services.links.topology().fewestReplicas();
  const net::Address own = ownAddress(call.client, call.services);
  appendArrayHeader(call.out, replicas);
  for (std::size_t i = 0; i < replicas; ++i) {
    appendArrayHeader(call.out, 3);
    appendBulk(call.out, own.host);
    appendBulk(call.out, std::to_string(own.port));
    appendBulk(call.out, "0");
  }
}

void time(LocalCall& call) {
  timeval now{};
  gettimeofday(&now, nullptr);
  appendArrayHeader(call.out, 2);
  appendBulk(call.out, std::to_string(now.tv_sec));
  appendBulk(call.out, std::to_string(now.tv_usec));
}

void appendFacts(LocalCall& call, const CommandSpec& spec) {
  using enum protocol::WithoutSubcommands;
  const bool array = call.services.manners.server.isAtLeast("valkey", {9, 0});
  protocol::appendCommandInfo(call.out, spec, call.client.protocol, array ? EmptyArray : EmptySet);
}

void commandAll(LocalCall& call) {
  const auto commands = call.services.commands->commands();
  appendArrayHeader(call.out, commands.size());
  for (const CommandSpec& spec : commands) appendFacts(call, spec);
}

void commandCount(LocalCall& call) {
  appendInteger(call.out, static_cast<std::int64_t>(call.services.commands->commands().size()));
}

void commandInfo(LocalCall& call) {
  if (call.argv.size() == 2) return commandAll(call);
  appendArrayHeader(call.out, call.argv.size() - 2);
  for (const std::string_view name : call.argv.subspan(2)) {
    const CommandSpec* spec = call.services.commands->find(name);
    if (spec == nullptr) {
      protocol::appendNull(call.out, call.client.protocol);
    } else {
      appendFacts(call, *spec);
    }
  }
}

// Keys of the command in argv[2 ...]; false: `out` has the error.
bool keysOfArguments(LocalCall& call, std::vector<std::uint32_t>& positions) {
  const protocol::Argv command = call.argv.subspan(2);
  const CommandSpec* spec = call.services.commands->find(command);
  if (spec == nullptr) {
    appendError(call.out, "ERR Invalid command specified");
    return false;
  }
  if (spec->keySpecs.empty() && spec->firstKey == 0) {
    appendError(call.out, "ERR The command has no key arguments");
    return false;
  }
  if (!spec->arityFits(command.size())) {
    appendError(call.out, "ERR Invalid number of arguments specified for command");
    return false;
  }
  const bool found = protocol::keyPositions(*spec, command, positions) == protocol::KeyResult::Ok;
  if (!found || (positions.empty() && !spec->has(protocol::kNoMandatoryKeys))) {
    appendError(call.out, "ERR Invalid arguments specified for command");
    return false;
  }
  return true;
}

void commandGetKeys(LocalCall& call) {
  std::vector<std::uint32_t> positions;
  if (!keysOfArguments(call, positions)) return;
  appendArrayHeader(call.out, positions.size());
  for (const std::uint32_t position : positions) appendBulk(call.out, call.argv[2 + position]);
}

void whoAmI(LocalCall& call) {
  appendBulk(call.out, clientUser(call.services));
}

enum class When { AtOnce, Late };

struct Entry {
  std::string_view name;
  LocalCommand run;
  When when = When::AtOnce;
};

// A container's entry serves those of its subcommands that have none.
constexpr Entry kEntries[] = {
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
    {"client|kill", clientKill, When::Late},
    {"client|list", clientList, When::Late},
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
    {"commandlog|get", commandLogGet, When::Late},
    {"commandlog|len", commandLogLen, When::Late},
    {"commandlog|reset", commandLogReset},
    {"echo", echo},
    {"hello", hello},
    {"latency|doctor", latencyDoctor, When::Late},
    {"latency|graph", latencyGraph, When::Late},
    {"latency|histogram", latencyHistogram},
    {"latency|history", latencyHistory, When::Late},
    {"latency|latest", latencyLatest, When::Late},
    {"latency|reset", latencyReset, When::Late},
    {"ping", ping},
    {"proxy|clients", consoleClients, When::Late},
    {"proxy|config", consoleConfig},
    {"proxy|explain", consoleExplain},
    {"proxy|help", consoleHelp},
    {"proxy|links", consoleLinks, When::Late},
    {"proxy|memory", consoleMemory, When::Late},
    {"proxy|nodes", consoleNodes},
    {"proxy|pause", consolePause, When::Late},
    {"proxy|resume", consoleResume, When::Late},
    {"proxy|slots", consoleSlots},
    {"proxy|slowlog", consoleSlowLog, When::Late},
    {"proxy|stats", consoleStats},
    {"proxy|version", consoleVersion},
    {"quit", quit},
    {"readonly", readOnly},
    {"readwrite", readWrite},
    {"role", role},
    {"select", select},
    {"slowlog|get", slowLogGet, When::Late},
    {"slowlog|len", slowLogLen, When::Late},
    {"slowlog|reset", slowLogReset},
    {"time", time},
};

const Entry* entryOf(std::string_view name) {
  const auto* found = std::find_if(std::begin(kEntries), std::end(kEntries),
                                   [&](const Entry& entry) { return entry.name == name; });
  return found == std::end(kEntries) ? nullptr : found;
}

LocalCommand findEntry(std::string_view name) {
  const Entry* found = entryOf(name);
  return found == nullptr ? nullptr : found->run;
}

}  // namespace

LocalCommands::LocalCommands(Services& services, const protocol::CommandTable& table) : services_(services) {
  use(table);
}

// What is about the cluster needs no entry: servers bring new ones.
LocalCommand LocalCommands::entryFor(const CommandSpec& spec, LocalCommand inherited) {
  if (const LocalCommand own = findEntry(spec.name)) return own;
  return inherited == nullptr && spec.aboutCluster() ? clusterDisabled : inherited;
}

// Ids are the same in all tables, and what has been queued by an earlier one is still to be run: nothing is
// forgotten.
void LocalCommands::use(const protocol::CommandTable& table) {
  byId_.resize(std::max(byId_.size(), table.idCount()), nullptr);
  missing_.clear();
  getKeys_ = table.find("command|getkeys");
  for (const CommandSpec& spec : table.commands()) resolve(spec, nullptr);
}

bool LocalCommands::answers(const CommandSpec& spec, protocol::Argv argv) const {
  if (&spec != getKeys_) return true;
  const CommandSpec* asked = services_.commands->find(argv.subspan(2));
  return asked == nullptr || asked->keyProcedure != protocol::KeyProcedure::AskServer;
}

void LocalCommands::resolve(const CommandSpec& spec, LocalCommand inherited) {
  byId_[spec.id] = entryFor(spec, inherited);
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
  const Entry* entry = entryOf(spec.name);
  return entry != nullptr && entry->when == When::Late;
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

void LocalCommands::run(Client& client, const CommandSpec& spec, protocol::Argv argv) {
  out_.clear();
  LocalCall call{client, services_, spec, argv, out_};
  functionOf(spec)(call);
  if (call.late) return;
  noteIfSlow(client, spec, argv);
  client.reply(&spec, out_);
}

}  // namespace slotless::session
