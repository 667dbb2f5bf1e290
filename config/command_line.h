// Command line -> settings. Forms: `--name VALUE` and `--name=VALUE`; list options may be repeated, others
// may not.
//
// A value may begin with a dash; only if it is itself the name of an option is it taken for a forgotten
// value. Words that belong to no option are never shown in errors: they may be the end of an unquoted
// password.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "config/setting.h"

namespace slotless::config {

enum class Action { Run, Help, Version, CheckConfig, PrintReference };

struct CommandLine {
  Settings settings;
  Action action = Action::Run;
  std::optional<std::string> file;  // --config
  std::string fileSource;
};

// Without the program's name. Stops at --help, --version and --print-config-reference.
CommandLine readCommandLine(std::span<const std::string> arguments);

}  // namespace slotless::config
