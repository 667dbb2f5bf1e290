// The daemon's configuration for a sub-command that asks its cluster: from the same file, environment and
// options, or with nodes named on the command line.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/subcommand/subcommand.h"

namespace slotless::doctor {

// `own`: options of the sub-command itself, whose words go there; all others are the daemon's. Words that
// belong to no option are nodes.
struct SplitArguments {
  subcommand::Arguments own;
  subcommand::Arguments daemon;
};
struct OwnOption {
  std::string_view name;  // without dashes
  bool takesValue = false;
};
SplitArguments splitArguments(const std::vector<OwnOption>& own, const subcommand::Arguments& arguments);

// nullopt: errors, which are on stderr then.
std::optional<config::Config> daemonConfig(const subcommand::Arguments& arguments);

}  // namespace slotless::doctor
