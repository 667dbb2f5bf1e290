// The words of the ACL language that Redis does not have, and how they are shown.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/access/user.h"

namespace slotless::access {

// What a word was.
enum class LimitResult : std::uint8_t { Taken, Wrong, Other };
LimitResult applyLimit(Limits& limits, std::string_view rule);

// In the order in which they are shown; the second of a pair is empty for what has no value.
std::vector<std::pair<std::string, std::string>> limitWords(const Limits& limits);

}  // namespace slotless::access
