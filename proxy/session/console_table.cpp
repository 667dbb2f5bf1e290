#include "proxy/session/console_table.h"

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/command_ids.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

enum class For { Everybody, Administrators };

struct Fact {
  const char* name;
  int arity;  // as COMMAND reports it
  For whom = For::Everybody;
};
constexpr Fact kFacts[] = {
    {"clients", -2},
    {"config", -2},
    {"cut-over", -2, For::Administrators},
    {"databases", 2},
    {"explain", -3},
    {"help", 2},
    {"hotkeys", -2},
    {"kill", -3, For::Administrators},
    {"links", 2},
    {"memory", 2},
    {"nodes", 2},
    {"pause", -2, For::Administrators},
    {"peers", 2},
    {"resume", -2, For::Administrators},
    {"shadow", 2},
    {"slots", 2},
    {"slowlog", -2},
    {"stats", 2},
    {"users", 2},
    {"version", 2},
};

CommandSpec specOf(const std::string& name, int arity, For whom) {
  CommandSpec spec;
  spec.name = name;
  spec.arity = arity;
  spec.flags = protocol::kNoMulti | protocol::kSkipSlowlog;
  if (whom == For::Administrators) spec.flags |= protocol::kAdmin;
  // All of it tells of other clients, or of the cluster.
  spec.categoryNames = {"@admin", "@slow", "@dangerous"};
  spec.handling = protocol::Handling::Local;
  spec.id = protocol::CommandIds::ofProcess().idOf(name);
  return spec;
}

CommandSpec makeContainer() {
  CommandSpec container = specOf("proxy", -2, For::Everybody);
  for (const Fact& fact : kFacts) {
    container.subcommands.push_back(specOf(container.name + "|" + fact.name, fact.arity, fact.whom));
  }
  return container;
}

const CommandSpec& containerOf() {
  static const CommandSpec container = makeContainer();
  return container;
}

}  // namespace

const CommandSpec* findConsoleCommand(protocol::Argv argv, const CommandSpec** container) {
  const CommandSpec& console = containerOf();
  if (!protocol::equalsIgnoringCase(argv[0], console.name)) return nullptr;
  if (argv.size() < 2) return &console;
  const auto found =
      std::find_if(console.subcommands.begin(), console.subcommands.end(), [&](const CommandSpec& each) {
        return protocol::equalsIgnoringCase(argv[1],
                                            std::string_view(each.name).substr(console.name.size() + 1));
      });
  if (found != console.subcommands.end()) return &*found;
  *container = &console;
  return nullptr;
}

std::span<const CommandSpec> consoleCommands() {
  return {&containerOf(), 1};
}

bool isConsoleCommand(const CommandSpec& spec) noexcept {
  const auto& all = containerOf().subcommands;
  return &spec >= all.data() && &spec < all.data() + all.size();
}

}  // namespace slotless::session
