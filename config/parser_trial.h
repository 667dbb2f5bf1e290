// Lets another process parse a YAML text before this one does: a parser that does not end, runs out of memory
// or crashes then does so there.
//
// The other process is this program once more, started with kTrialArgument; main() has to serve that. Blocks
// for as long as the trial lasts: not for a thread that others wait for.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace slotless::config {

inline constexpr const char* kTrialArgument = "--try-to-parse-yaml-on-standard-input";

struct Trial {
  std::vector<std::string> programs = {};  // the first that can be started; none: this one
  std::vector<std::string> arguments = {kTrialArgument};
  std::chrono::milliseconds patience{5000};
};

// nullopt: the parser ends, whatever it says of the text; or no program can be started, and nobody knows.
// Otherwise what went wrong.
std::optional<std::string> tryParser(const std::string& text, const Trial& trial = {});

// All that the other process does: reads its standard input, and answers on its standard output. Returns its
// exit code.
int serveTrial();

}  // namespace slotless::config
