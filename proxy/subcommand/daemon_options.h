// The daemon's options that sub-commands take, too: the cluster, its layouts, how its nodes are reached. They
// mean what they mean there, and come from where they come from there: files, environment, command line.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/subcommand/options.h"

namespace slotless::subcommand {

// All that a sub-command takes which asks a server (source_options.h) and knows the daemon's cluster.
std::vector<OptionSpec> withCommonOptions(std::span<const OptionSpec> own);

struct DaemonOptions {
  config::Config config;
  std::string error;
};

// Whether there has to be a cluster. Where there need not, its nodes may be empty.
enum class Cluster { Needed, Optional };

DaemonOptions readDaemonOptions(const Options& options, Cluster cluster = Cluster::Needed);

}  // namespace slotless::subcommand
