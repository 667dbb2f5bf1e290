// Texts <-> database rules: `3=pinned`, `3=pinned:tag`, `2-7=spread`, `8-15=denied`.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "config/parsed.h"

namespace slotless::config {

Parsed<DatabaseRule> parseDatabaseRule(std::string_view text);
std::string formatDatabaseRule(const DatabaseRule& rule);

// What holds for a database: the last rule that names it, or else what holds without any.
DatabaseRule ruleFor(const Config& config, std::uint64_t database);

}  // namespace slotless::config
