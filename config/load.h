// Everything about the configuration in one call: command line, environment and file in; a Config, or all
// errors, or a text to print, out.
//
// Command line > SLOTLESS_* > REDIS_* > file > default. load() touches nothing but its inputs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/config.h"
#include "config/environment.h"
#include "config/error.h"
#include "config/pages.h"

namespace slotless::config {

// The content, or why it could not be read ("No such file or directory").
struct FileText {
  std::optional<std::string> text;
  std::string error;
};

struct Inputs {
  std::vector<std::string> arguments;  // Without the program's name.
  Environment environment;
  std::function<FileText(const std::string& path)> readFile;
  std::uint64_t cpuCount = 1;
  // Asked before a YAML text is parsed: nullopt, or why it must not be. Empty: any may.
  std::function<std::optional<std::string>(const std::string& text)> tryParser = {};
  // What is wrong with such users, one text each; `where` stands in front of a line's number. Empty: nothing
  // is asked.
  std::function<std::vector<std::string>(const std::vector<std::string>& lines, const std::string& where)>
      checkUsers = {};
  // Told where the values have come from, if they are all right. Empty: nobody wants to know.
  std::function<void(const Origins& origins)> tellOrigins = {};
};

// The process asked for --help, --version, --check-config or --print-config-reference: print this and exit
// with 0.
struct Printout {
  std::string text;
};

using LoadResult = std::variant<Config, Errors, Printout>;

LoadResult load(const Inputs& inputs);

}  // namespace slotless::config
