// Texts <-> database rules: `3=pinned`, `3=pinned:tag`, `2-7=spread`, `8-15=denied`, `2=grouped:bull:*:`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/parsed.h"

namespace slotless::config {

Parsed<DatabaseRule> parseDatabaseRule(std::string_view text);
// The fault in the patterns of a grouped database, which are separated by |; empty: there is none.
std::string objectionToGroupPatterns(std::string_view patterns);
std::string formatDatabaseRule(const DatabaseRule& rule);

// What holds for a database: the last rule that names it, or else what holds without any.
DatabaseRule ruleFor(const Config& config, std::uint64_t database);

// database-map: the numbers in it. nullopt: it is none.
std::optional<std::vector<std::uint64_t>> parseDatabaseMap(std::string_view text);

}  // namespace slotless::config
