// The families of names that keys have, and the patterns by which each could be grouped. Pure.
//
// A separator takes names apart. A family is what begins with the same piece ("bull"); its depth is how many
// pieces stand before the one that would be the group. Pieces of which there are many, such as numbers of
// tenants, have a star in their place.
#pragma once
#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::advise {

// Those that take apart a good part of the names, the most frequent one first.
std::vector<char> separatorsIn(std::span<const std::string_view> names);

struct NameFamily {
  static constexpr std::size_t kDepths = 3;

  std::string head;  // without the separator
  std::size_t names = 0;
  // By depth, 1 first; empty: there is none that a configuration takes.
  std::array<std::vector<std::string>, kDepths> patterns{};
};

// The largest ones first; those with few names are left out.
std::vector<NameFamily> familiesOf(std::span<const std::string_view> names, char separator);

}  // namespace slotless::advise
