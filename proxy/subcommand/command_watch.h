// Watches by MONITOR what applications ask of a server, for a while.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "proxy/subcommand/monitor_line.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::subcommand {

struct WatchLimits {
  std::chrono::milliseconds time;
  std::uint64_t commands;  // at most
  std::function<bool()> stopped;
};

// `take` gets each command with its client's name, which is empty where it has none. The error, or nothing: a
// connection that is lost while it watches is the end, and no error.
std::string watchCommands(const ServerUrl& url, const ConnectOptions& options, const WatchLimits& limits,
                          const std::function<void(const SeenCommand&, const std::string& clientName)>& take);

// The answer of CLIENT LIST: names by address.
std::map<std::string, std::string> namesOfClients(std::string_view list);

}  // namespace slotless::subcommand
