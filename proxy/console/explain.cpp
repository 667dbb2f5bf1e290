// PROXY EXPLAIN: makes the plan for a command and tells it instead of carrying it out.
#include "protocol/command_overrides.h"
#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/console/console_commands.h"
#include "proxy/emulation/compositions.h"
#include "proxy/emulation/whole_database_plans.h"
#include "proxy/observe/text_lines.h"
#include "proxy/session/client.h"
#include "proxy/session/console_table.h"
#include "proxy/session/key_plan.h"
#include "proxy/session/local_answers.h"
#include "proxy/session/refusal.h"
#include "proxy/translation/group_refusal.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using protocol::CommandSpec;
using protocol::Handling;
using routing::Plan;

namespace {

struct Explanation {
  Handling handling;
  std::string_view name;
  std::string_view why;
};
constexpr Explanation kHandlings[] = {
    {Handling::Keyed, "keyed", "its keys decide"},
    {Handling::Split, "split", "its keys decide, and it may be split by slot"},
    {Handling::AnyNode, "any-node", "it has no keys"},
    {Handling::FanOut, "fan-out", "it concerns the whole database"},
    {Handling::Local, "local", "the proxy knows the answer"},
    {Handling::Session, "session", "it changes the session, or waits"},
    {Handling::Admin, "admin", "it administers servers"},
    {Handling::Never, "never", "it makes no sense behind a proxy"},
};

const Explanation& explanationOf(Handling handling) {
  for (const Explanation& each : kHandlings) {
    if (each.handling == handling) return each;
  }
  return kHandlings[0];
}

std::string whyOf(const CommandSpec& spec) {
  const protocol::CommandOverride* override = protocol::findOverride(spec.name);
  return std::string(override != nullptr ? override->reason : explanationOf(spec.handling).why);
}

bool changesSession(const CommandSpec& spec) {
  return spec.handling == Handling::Session && spec.role != protocol::SessionRole::None &&
         spec.role != protocol::SessionRole::Blocking;
}

std::string ownerText(const cluster::Topology& topology, protocol::Slot slot) {
  const cluster::NodeIndex owner = topology.owners[slot];
  return owner == cluster::kNoNode ? "none" : topology.nodes[owner].address.text();
}

void explainParts(TextLines& lines, const Plan& plan, const cluster::Topology& topology) {
  for (std::size_t i = 0; i < plan.partCount; ++i) {
    const routing::Part& part = plan.parts[i];
    const std::string slot = part.slot == protocol::kNoSlot ? "none" : std::to_string(part.slot);
    const std::string node = plan.node                        ? plan.node->text()
                             : part.slot == protocol::kNoSlot ? "any"
                                                              : ownerText(topology, part.slot);
    lines.line("part", "slot=" + slot + " node=" + node + " keys=" + std::to_string(part.keys.size()));
  }
}

void explainPlan(TextLines& lines, const Plan& plan, const cluster::Topology& topology) {
  switch (plan.kind) {
    case Plan::Kind::OneSlot:
      lines.line("plan", "one slot, as it is");
      lines.line("slot", plan.slot);
      lines.line("node", ownerText(topology, plan.slot));
      break;
    case Plan::Kind::AnyNode: lines.line("plan", "any master, as it is"); break;
    case Plan::Kind::EachNode:
      lines.line("plan",
                 plan.replicas ? "every master and replica, replies merged" : "every master, replies merged");
      break;
    case Plan::Kind::BySlot:
      lines.line("plan", "split by slot, replies merged");
      explainParts(lines, plan, topology);
      break;
    case Plan::Kind::Prepared:
      lines.line("plan", "requests of the proxy's own");
      explainParts(lines, plan, topology);
      break;
    case Plan::Kind::Nobody: lines.line("plan", "answered by the proxy"); break;
    case Plan::Kind::Refused:
      lines.line("plan", "refused");
      lines.line("error", plan.error);
      break;
  }
}

std::string databaseText(const databases::Database& database) {
  const std::string index = std::to_string(database.index);
  if (database.grouped())
    return index + " grouped prefix=" + database.prefix + " patterns=" + database.groups.patterns();
  if (database.native()) return index + " native";
  if (!database.pinned()) return index + " spread" + (database.mapped() ? " prefix=" + database.prefix : "");
  return index + " pinned prefix=" + database.prefix;
}

// As they are called in the cluster.
void explainKeys(TextLines& lines, const Command& command) {
  if (command.spec != command.said) {
    lines.line("as", command.spec->name);
  }
  std::vector<std::uint32_t> positions;
  if (protocol::keyPositions(*command.spec, command.argv, positions) != protocol::KeyResult::Ok) return;
  for (const std::uint32_t position : positions) {
    const std::string_view key = command.argv[position];
    lines.line("key", key);
    if (!command.database.grouped() || !command.database.owns(key)) continue;
    lines.line("group", std::string(command.database.groups.groupOf(command.database.logicalName(key))) +
                            " slot=" + std::to_string(protocol::slotOf(key)));
  }
}

void explainWay(TextLines& lines, std::optional<CrossSlotKind> way) {
  if (way) lines.line("over-slots", nameOf(*way));
}

void refused(TextLines& lines, const std::string& error) {
  lines.line("plan", "refused");
  lines.line("error", error);
}

}  // namespace

void consoleExplain(LocalCall& call) {
  Services& services = call.services;
  const protocol::Argv argv = call.argv.subspan(2);
  const CommandSpec* container = nullptr;
  const CommandSpec* spec = services.commands->find(argv, &container);
  if (spec == nullptr && container == nullptr) spec = findConsoleCommand(argv, &container);
  TextLines lines;
  std::string error;
  if (!checkCommand(spec, container, argv, error)) {
    refused(lines, error);
  } else {
    lines.line("command", spec->name);
    lines.line("handling", explanationOf(spec->handling).name);
    lines.line("why", whyOf(*spec));
    if (spec->role == protocol::SessionRole::Blocking) lines.line("link", "leased for as long as it waits");
    if (spec->barrier) lines.line("order", "waits for all earlier replies of the client");
    const databases::Database& database = call.client.database();
    lines.line("database", databaseText(database));
    Plan plan;
    plan.protocol = call.client.protocol;
    services.asker = &call.client;
    databases::KeyMapper canonical;
    canonical.write(argv);
    Command command{spec, spec, canonical.argv(), canonical.bytes(), database};
    if (spec->handling == Handling::Local) {
      if (mayAnswer(*spec, services.config, error)) {
        lines.line("plan", "answered by the proxy");
      } else {
        refused(lines, error);
      }
    } else if (changesSession(*spec)) {
      lines.line("plan", "carried out in the client's session");
    } else if (!mayRoute(*spec, argv, services.config, error)) {
      refused(lines, error);
    } else if ((services.databases.anyMapped() || spec->transfer != protocol::Transfer::None ||
                mayNameReservedKey(services, command)) &&
               !translate(services, call.client.numbering(), call.client.protocol,
                          spec->transfer == protocol::Transfer::None, command, error)) {
      refused(lines, error);
    } else if (spec->keyProcedure == protocol::KeyProcedure::AskServer) {
      lines.line("plan", "a node is asked for its keys first (COMMAND GETKEYS)");
    } else {
      explainKeys(lines, command);
      // CONFIG SET's plan has an effect of its own: only the router's plan is harmless.
      if (command.steps != nullptr) plan = std::move(*command.steps);
      const bool composed = command.steps != nullptr ||
                            (spec->handling != Handling::Admin &&
                             (planWholeDatabase(services, *command.spec, command.argv, database, plan) ||
                              planComposition(services, *command.spec, command.argv, plan) ||
                              services.localAnswers.plan(*command.spec, command.argv, plan)));
      if (!composed) planByKeys(services, *command.spec, command.argv, plan);
      if (plan.kind == Plan::Kind::Refused && plan.error == routing::kCrossSlot)
        explainWay(lines, planCrossSlot(services, *command.spec, command.argv, command.composer, plan));
      nameGroups(command, plan);
      explainPlan(lines, plan, services.links.topology());
    }
  }
  protocol::appendVerbatimText(call.out, call.client.protocol, lines.text());
}

}  // namespace slotless::session
