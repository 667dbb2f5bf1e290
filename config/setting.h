// What the sources (file, environment, command line) hand to load(): settings that name an option and a text,
// and where each one stands. A source checks names; values are checked by load(), in one place for all
// sources.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"
#include "config/schema.h"

namespace slotless::config {

// From weak to strong.
enum class Layer { Default, File, RedisVariable, Variable, CommandLine };

struct Origin {
  Layer layer = Layer::Default;
  std::string text =
      "default";  // "slotless.yaml:12", "environment variable X", "command-line argument 3 (--x)".
};

struct Setting {
  const Option* option;
  std::string text;
  Origin origin;
};

struct Settings {
  std::vector<Setting> settings;  // In the order found. A list option may come several times per layer.
  std::vector<Error> errors;
  std::set<std::string_view> doubtful;  // Options that were (probably) meant by something in errors.
};

// The name of an option, as far as it can be shown: the rest of a word such as `password:secret` may be a
// secret.
std::string shownName(std::string_view name);

// Adds "unknown option ...; did you mean ...?" to the errors, and what was meant to the doubtful options.
// shownAs() gives the spelling in this source of a suggested option's name.
void addUnknown(Settings& settings, const std::string& source, std::string_view name, std::string_view noun,
                std::string (*shownAs)(std::string_view option));

}  // namespace slotless::config
