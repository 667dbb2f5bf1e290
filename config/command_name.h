// Names of commands in options: `flushall`, `config|set`, `@dangerous`; `config=other` and `config=`. Which
// commands there are only the servers know.
#pragma once

#include <string>
#include <string_view>

#include "config/parsed.h"

namespace slotless::config {

// In lower case.
Parsed<std::string> parseCommandName(std::string_view text);
Parsed<std::string> parseRename(std::string_view text);

}  // namespace slotless::config
