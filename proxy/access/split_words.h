// A line in words, where words may stand in quotes, as the command line of redis-cli has it.
// Source: Redis 7.0 sds.c sdssplitargs().
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::access {

// nullopt: a quote is not closed, or something stands right behind it.
std::optional<std::vector<std::string>> splitWords(std::string_view line);

}  // namespace slotless::access
