#include "proxy/session/refusal.h"

#include <algorithm>
#include <cctype>

#include "config/upstream.h"
#include "protocol/ascii.h"
#include "protocol/command_overrides.h"
#include "proxy/session/console_table.h"

namespace slotless::session {

using protocol::Argv;
using protocol::CommandSpec;
using protocol::Handling;

namespace {

// Redis shows the beginning only.
constexpr std::size_t kShownBytes = 128;

std::string upper(std::string_view word) {
  std::string text(word);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// Redis prints arguments as C strings.
std::string_view shown(std::string_view argument, std::size_t limit) {
  return argument.substr(0, std::min(limit, argument.find('\0')));
}

void describeUnknown(const CommandSpec* container, Argv argv, std::string& error) {
  if (container != nullptr) {
    error = "ERR unknown subcommand '" + std::string(shown(argv[1], kShownBytes)) + "'. Try " +
            upper(container->name) + " HELP.";
    return;
  }
  error =
      "ERR unknown command '" + std::string(shown(argv[0], kShownBytes)) + "', with args beginning with: ";
  std::size_t length = 0;
  for (const std::string_view argument : argv.subspan(1)) {
    if (length >= kShownBytes) break;
    const std::string_view beginning = shown(argument, kShownBytes - length);
    error += "'";
    error += beginning;
    error += "' ";
    length += beginning.size() + 3;
  }
}

// Administration that everybody may do, since it is done in a way that takes nothing from anybody: by the
// command's name and those of all that it names at every second place from the third on.
struct Harmless {
  std::string_view command;
  std::string_view name;
};
constexpr Harmless kHarmless[] = {
    {"config|set", "notify-keyspace-events"},  // see setting_changes.h
};

// What the nodes' own rules decide about, where clients are the nodes' users.
constexpr std::string_view kAboutUsers[] = {"acl|deluser", "acl|getuser", "acl|list",
                                            "acl|load",    "acl|save",    "acl|setuser"};

bool isJudgedByNodes(const CommandSpec& spec, const config::Config& config) {
  return config.passesThrough() &&
         std::find(std::begin(kAboutUsers), std::end(kAboutUsers), spec.name) != std::end(kAboutUsers);
}

// What does harm only because there are several servers, or because each key has its place.
constexpr std::string_view kHarmlessForOne[] = {"migrate", "swapdb"};

bool isHarmlessForOne(const CommandSpec& spec, const config::Config& config) {
  return config::servesOneServer(config) && std::find(std::begin(kHarmlessForOne), std::end(kHarmlessForOne),
                                                      spec.name) != std::end(kHarmlessForOne);
}

bool isHarmless(const CommandSpec& spec, Argv argv) {
  return std::any_of(std::begin(kHarmless), std::end(kHarmless), [&](const Harmless& each) {
    if (spec.name != each.command || argv.size() < 4) return false;
    for (std::size_t i = 2; i < argv.size(); i += 2) {
      if (!protocol::equalsIgnoringCase(argv[i], each.name)) return false;
    }
    return true;
  });
}

}  // namespace

bool checkCommand(const CommandSpec* spec, const CommandSpec* container, Argv argv, std::string& error) {
  if (spec == nullptr) {
    describeUnknown(container, argv, error);
    return false;
  }
  if (!spec->arityFits(argv.size())) {
    error = "ERR wrong number of arguments for '" + spec->name + "' command";
    return false;
  }
  return true;
}

// Source: Redis 7.0 server.c processCommand().
bool isCrossProtocol(std::string_view word) noexcept {
  constexpr std::string_view kWords[] = {"post", "host:"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view each) { return protocol::equalsIgnoringCase(word, each); });
}

bool mayAnswer(const CommandSpec& spec, const config::Config& config, std::string& error) {
  if (!spec.has(protocol::kAdmin) || config.allowAdminCommands || !isConsoleCommand(spec)) return true;
  error =
      "ERR '" + spec.name + "' concerns all clients: Slotless refuses it unless allow-admin-commands is set";
  return false;
}

bool mayRoute(const CommandSpec& spec, Argv argv, const config::Config& config, std::string& error) {
  // What blocks does not block inside a transaction.
  const bool waits = spec.role == protocol::SessionRole::Blocking || spec.role == protocol::SessionRole::Wait;
  if (spec.handling == Handling::Session && !waits) {
    error = "ERR '" + spec.name +
            "' would change the connection that it is sent on in a way that Slotless does not know";
    return false;
  }
  if (spec.handling == Handling::Admin && !config.allowAdminCommands && !isHarmless(spec, argv) &&
      !isJudgedByNodes(spec, config)) {
    error = "ERR '" + spec.name +
            "' administers a server: Slotless refuses it unless allow-admin-commands is set";
    return false;
  }
  if (spec.handling == Handling::Never && !isHarmlessForOne(spec, config)) {
    const protocol::CommandOverride* override = protocol::findOverride(spec.name);
    const std::string_view why =
        override == nullptr ? "it would reach one of several servers" : override->reason;
    error = "ERR '" + spec.name + "' is not available through Slotless: " + std::string(why);
    return false;
  }
  return true;
}

}  // namespace slotless::session
