#include "proxy/subcommand/command_watch.h"

#include <algorithm>

#include "protocol/lines.h"

namespace slotless::subcommand {

namespace {

// How long a signal may go unnoticed.
constexpr std::chrono::milliseconds kBetweenLooks{200};

}  // namespace

std::map<std::string, std::string> namesOfClients(std::string_view list) {
  std::map<std::string, std::string> names;
  while (!list.empty()) {
    const std::string_view line = protocol::takeLine(list);
    const auto field = [&](std::string_view name) {
      const std::size_t at = line.find(name);
      if (at == std::string_view::npos) return std::string();
      const std::string_view rest = line.substr(at + name.size());
      return std::string(rest.substr(0, rest.find(' ')));
    };
    names[field(" addr=")] = field(" name=");
  }
  return names;
}

std::string watchCommands(
    const ServerUrl& url, const ConnectOptions& options, const WatchLimits& limits,
    const std::function<void(const SeenCommand&, const std::string& clientName)>& take) {
  NodeClient client(url, options);
  std::map<std::string, std::string> names;
  // Who may not ask for the names does without.
  if (const Reply list = client.command({"CLIENT", "LIST"}); !list.failed())
    names = namesOfClients(list.text);
  const Reply started = client.command({"MONITOR"});
  if (started.failed()) return started.text;
  const Deadline until = in(limits.time);
  std::uint64_t seen = 0;
  while (Clock::now() < until && seen < limits.commands && !limits.stopped()) {
    const auto line = client.takePush(std::min(until, in(kBetweenLooks)));
    if (!line && !client.isOpen()) break;
    if (!line) continue;
    if (const auto command = parseMonitorLine(line->text)) {
      ++seen;
      const auto name = names.find(command->client);
      take(*command, name == names.end() ? std::string() : name->second);
    }
  }
  return {};
}

}  // namespace slotless::subcommand
