// The daemon's options that sub-commands take, too: the cluster, its layouts, how its nodes are reached. They
// mean what they mean there, and come from where they come from there: files, environment, command line.
#pragma once
#include <span>
#include <string>

#include "config/config.h"
#include "proxy/subcommand/options.h"

namespace slotless::subcommand {

std::span<const OptionSpec> daemonOptions() noexcept;

struct DaemonOptions {
  config::Config config;
  std::string error;
};

// Whether there has to be a cluster. Where there need not, its nodes may be empty.
enum class Cluster { Needed, Optional };

DaemonOptions readDaemonOptions(const Options& options, Cluster cluster = Cluster::Needed);

}  // namespace slotless::subcommand
