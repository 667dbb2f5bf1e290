// How what proxies say to each other is written: a RESP array of bulk strings, two words that say what it is,
// and then a name and a value in turn. Private to the room.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slotless::peers {

using Pairs = std::vector<std::pair<std::string_view, std::string>>;

// Longer messages are neither written nor read.
inline constexpr std::size_t kMostMessageBytes = std::size_t{256} * 1024;
// Of an id, a place and the like.
inline constexpr std::size_t kMostTextBytes = 256;

std::string writtenPairs(std::string_view what, const Pairs& pairs);
// Gives each pair to `take`, until that says no. False: it has, or it is no such message.
bool readPairs(std::string_view message, std::string_view what,
               const std::function<bool(std::string_view name, std::string_view value)>& take);

std::optional<std::int64_t> numberUpTo(std::string_view text, std::int64_t most);

}  // namespace slotless::peers
