// Looks at a server: its databases, names of keys, and what applications ask of it. Changes nothing.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proxy/advise/layout_trial.h"
#include "proxy/advise/usage.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::advise {

struct LookLimits {
  std::uint64_t keys = 10'000;                // of each database
  std::chrono::milliseconds monitor{10'000};  // 0: not
  std::uint64_t commands = 200'000;
  std::function<bool()> stopped;
};

struct SeenDatabase {
  std::uint64_t size = 0;
  std::vector<SampledKey> keys;
};

struct ServerLook {
  std::map<std::uint32_t, SeenDatabase> databases;  // those that have keys
  Usage usage;
  std::vector<std::string> notes;  // what could not be seen
  std::string error;               // then there is nothing else
};

ServerLook lookAtServer(const subcommand::ServerUrl& url, const subcommand::ConnectOptions& options,
                        const LookLimits& limits);

// The least of the masters' numbers of databases; 1 where a cluster has only one, 0 if it cannot be found
// out.
std::uint64_t databasesOfNodes(const std::vector<subcommand::ServerUrl>& nodes,
                               const subcommand::ConnectOptions& options,
                               const std::vector<config::AddressRule>& rules, std::string& error);

}  // namespace slotless::advise
