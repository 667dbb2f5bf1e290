#include "proxy/emulation/command_fates.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/command_overrides.h"
#include "protocol/command_table.h"

namespace slotless::session {

using protocol::CommandSpec;
using protocol::CommandTable;
using protocol::Handling;
using protocol::SessionRole;
using protocol::Transfer;

namespace {

constexpr std::string_view kAsOneRedis = "as in one Redis";

struct NamedWay {
  std::string_view command;
  CrossSlotKind kind;
};
// Those that neither their handling nor their facts tell; see planCrossSlot().
constexpr NamedWay kNamedWays[] = {
    {"bitop", CrossSlotKind::Stored},       {"geosearchstore", CrossSlotKind::Stored},
    {"georadius", CrossSlotKind::Stored},   {"georadiusbymember", CrossSlotKind::Stored},
    {"lcs", CrossSlotKind::Computed},       {"lmove", CrossSlotKind::Moved},
    {"lmpop", CrossSlotKind::First},        {"mget", CrossSlotKind::Read},
    {"exists", CrossSlotKind::Read},        {"touch", CrossSlotKind::Read},
    {"msetnx", CrossSlotKind::AllOrNone},   {"pfcount", CrossSlotKind::Computed},
    {"pfmerge", CrossSlotKind::Stored},     {"rpoplpush", CrossSlotKind::Moved},
    {"sdiff", CrossSlotKind::Computed},     {"sdiffstore", CrossSlotKind::Stored},
    {"sinter", CrossSlotKind::Computed},    {"sintercard", CrossSlotKind::Computed},
    {"sinterstore", CrossSlotKind::Stored}, {"smove", CrossSlotKind::Moved},
    {"sunion", CrossSlotKind::Computed},    {"sunionstore", CrossSlotKind::Stored},
    {"xread", CrossSlotKind::Streams},      {"xreadgroup", CrossSlotKind::Streams},
    {"zdiff", CrossSlotKind::Computed},     {"zdiffstore", CrossSlotKind::Stored},
    {"zinter", CrossSlotKind::Computed},    {"zintercard", CrossSlotKind::Computed},
    {"zinterstore", CrossSlotKind::Stored}, {"zmpop", CrossSlotKind::First},
    {"zrangestore", CrossSlotKind::Stored}, {"zunion", CrossSlotKind::Computed},
    {"zunionstore", CrossSlotKind::Stored},
};

bool runsScripts(const CommandSpec& spec) {
  return !spec.keySpecs.empty() &&
         (spec.scriptText > 0 || spec.scriptSha > 0 || spec.name.starts_with("fcall"));
}

// The order of the rows.
enum class Rank : std::uint8_t {
  Keyed,
  OverSlots,
  Scripts,
  Transactions,
  WholeDatabase,
  EachNode,
  OneNode,
  Session,
  Proxy,
  Admin,
  Never
};

struct Fate {
  Rank rank = Rank::Keyed;
  std::string spread;
  std::string pinned;

  bool operator==(const Fate&) const = default;
};

Fate alike(Rank rank, std::string text) {
  return {rank, std::move(text), "the same"};
}

Fate ofMessages() {
  return alike(Rank::Session, "[of the whole cluster](#pubsub-keyspace-notifications-monitor)");
}

std::string reasonOf(const CommandSpec& spec) {
  const protocol::CommandOverride* override = protocol::findOverride(spec.name);
  return override == nullptr ? "" : std::string(override->reason);
}

std::string withReason(std::string_view text, const CommandSpec& spec) {
  const std::string reason = reasonOf(spec);
  return std::string(text) + (reason.empty() ? "" : ": " + reason);
}

Fate ofKeyed(const CommandSpec& spec) {
  if (runsScripts(spec)) {
    const bool function = spec.name.starts_with("fcall");
    return {Rank::Scripts,
            function ? "keys of one slot"
                     : "keys of one slot; [without keys](#scripts-that-all-masters-run) on all masters",
            function ? "any keys, [called as in the cluster](databases.md#what-is-different-from-one-redis)"
                     : "any keys, also those that the script builds"};
  }
  if (spec.transfer == Transfer::Move)
    return alike(
        Rank::OverSlots,
        "outside of transactions and scripts, [in steps](databases.md#what-is-different-from-one-redis)");
  const auto kind = kindOverSlots(spec);
  if (!kind) return alike(Rank::Keyed, std::string(kAsOneRedis));
  if (*kind == CrossSlotKind::Refused)
    return {Rank::OverSlots, "keys of one slot; over several: `CROSSSLOT`", std::string(kAsOneRedis)};
  return {Rank::OverSlots,
          "over several slots by the way [" + std::string(nameOf(*kind)) +
              "](#what-is-lost-where-keys-are-in-several-slots)",
          std::string(kAsOneRedis)};
}

Fate ofSession(const CommandSpec& spec) {
  switch (spec.role) {
    case SessionRole::Multi:
    case SessionRole::Exec:
    case SessionRole::Discard:
    case SessionRole::Watch:
    case SessionRole::Unwatch:
      return {Rank::Transactions,
              "[keys of one slot](#transactions), or a group for each slot "
              "(`cross-slot-transactions each`)",
              std::string(kAsOneRedis)};
    case SessionRole::Blocking: return ofKeyed(spec);
    case SessionRole::Subscribe:
    case SessionRole::Unsubscribe:
    case SessionRole::Monitor: return ofMessages();
    case SessionRole::Wait:
      return alike(
          Rank::Session,
          "[every master that the client has written to](#watch-blocking-commands-wait), the smallest number");
    case SessionRole::Tracking: return alike(Rank::Session, "[keys of all masters](#client-side-caching)");
    default: return alike(Rank::Session, withReason("in the client's session", spec));
  }
}

Fate ofAllNodes(const CommandSpec& spec) {
  if (spec.emptiesAllDatabases) return alike(Rank::WholeDatabase, "on every master: all databases");
  if (spec.wholeDatabase == protocol::WholeDatabase::None)
    return alike(Rank::EachNode, "all masters, as one answer");
  return {Rank::WholeDatabase, "[all masters](databases.md#what-is-different-from-one-redis), as one answer",
          "[about that database](databases.md#what-is-different-from-one-redis) alone"};
}

Fate fateOf(const CommandSpec& spec) {
  if (spec.channelUse == protocol::ChannelUse::Publish) return ofMessages();
  switch (spec.handling) {
    case Handling::Keyed:
    case Handling::Split: return ofKeyed(spec);
    case Handling::AnyNode: return alike(Rank::OneNode, "one master for all");
    case Handling::FanOut: return ofAllNodes(spec);
    case Handling::Local: return alike(Rank::Proxy, withReason("the proxy itself", spec));
    case Handling::Session: return ofSession(spec);
    case Handling::Admin: return alike(Rank::Admin, "with `allow-admin-commands`");
    case Handling::Never: break;
  }
  return alike(Rank::Never, withReason("refused", spec));
}

// A command's words, or a container's where all that it has is alike.
struct FateEntry {
  std::string name;
  std::string_view end;
  const CommandSpec* spec;
};

struct FateRow {
  Fate fate;
  std::string commands;
};

std::string inWords(std::string_view name, std::string_view end) {
  std::string words = " `";
  for (const char c : name) {
    const bool small = c >= 'a' && c <= 'z';
    words += c == '|' ? ' ' : small ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return words.append(end).append("`");
}

void addEntries(const CommandSpec& spec, std::vector<FateEntry>& entries) {
  const auto& subcommands = spec.subcommands;
  const auto asTheFirst = [&](const CommandSpec& each) {
    return fateOf(each) == fateOf(subcommands.front());
  };
  if (subcommands.empty()) {
    entries.push_back({spec.name, "", &spec});
  } else if (std::all_of(subcommands.begin(), subcommands.end(), asTheFirst)) {
    entries.push_back({spec.name, " …", &subcommands.front()});
  } else {
    for (const CommandSpec& each : subcommands) entries.push_back({each.name, "", &each});
  }
}

}  // namespace

std::optional<CrossSlotKind> kindOverSlots(const CommandSpec& spec) {
  if (spec.namesKeysByPattern) return CrossSlotKind::Sorted;
  switch (spec.transfer) {
    case Transfer::Copy: return CrossSlotKind::Copied;
    case Transfer::Rename:
    case Transfer::RenameIfAbsent: return CrossSlotKind::Renamed;
    case Transfer::Move:
    case Transfer::None: break;
  }
  const auto* way = std::find_if(std::begin(kNamedWays), std::end(kNamedWays),
                                 [&](const NamedWay& each) { return each.command == spec.name; });
  if (way != std::end(kNamedWays)) return way->kind;
  if (spec.handling == Handling::Split) return CrossSlotKind::Split;
  const bool keyed = spec.handling == Handling::Keyed || spec.handling == Handling::Session;
  if (!keyed || spec.singleKey > 0 || (spec.keySpecs.empty() && spec.firstKey == 0)) return std::nullopt;
  if (spec.role == SessionRole::Blocking) return CrossSlotKind::Waits;
  return CrossSlotKind::Refused;
}

std::string commandFateTable() {
  const auto commands = CommandTable::builtIn();
  std::vector<FateEntry> entries;
  for (const CommandSpec& spec : commands->commands()) addEntries(spec, entries);
  std::sort(entries.begin(), entries.end(),
            [](const FateEntry& a, const FateEntry& b) { return a.name < b.name; });
  std::vector<FateRow> rows;
  for (const FateEntry& entry : entries) {
    Fate fate = fateOf(*entry.spec);
    auto row = std::find_if(rows.begin(), rows.end(), [&](const FateRow& each) { return each.fate == fate; });
    if (row == rows.end()) {
      rows.push_back({std::move(fate), {}});
      row = std::prev(rows.end());
    }
    row->commands += inWords(entry.name, entry.end);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const FateRow& a, const FateRow& b) { return a.fate.rank < b.fate.rank; });
  std::string table = "| command | database 0 | pinned databases (1 to 15) |\n|---|---|---|\n";
  for (const FateRow& row : rows)
    table += "|" + row.commands + " | " + row.fate.spread + " | " + row.fate.pinned + " |\n";
  return table;
}

}  // namespace slotless::session
