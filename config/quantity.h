// Texts <-> counts, sizes and durations.
//
// Sizes know redis.conf's units, in any case: b, k = 1000, kb = 1024, m, mb, g, gb. Durations must name one
// of ms, s, m, h, because a bare number means seconds in some places of Redis and milliseconds in others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/parsed.h"

namespace slotless::config {

Parsed<std::uint64_t> parseCount(std::string_view text);
Parsed<std::uint64_t> parseBytes(std::string_view text);
Parsed<Milliseconds> parseDuration(std::string_view text);

// A share as one of how many: `1%` is 100; of what is no whole number, the nearest one. 0% is 0.
Parsed<std::uint64_t> parseShare(std::string_view text);

// Permissions as chmod takes them: three octal digits, perhaps behind a 0.
Parsed<std::uint64_t> parseMode(std::string_view text);

// The shortest exact text that the parsers above read back.
std::string formatBytes(std::uint64_t bytes);
std::string formatDuration(Milliseconds duration);
std::string formatMode(std::uint64_t mode);

}  // namespace slotless::config
