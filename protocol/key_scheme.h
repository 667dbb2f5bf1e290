// How keys of logical databases are called in the cluster, which knows only one database.
//
//   pinned database N   ~N{TAG}key   all of them in the slot of TAG
//   grouped database N  ~N{TAG}key   TAG: three characters for the slot of the key's group (slot_tags.h)
//   spread database N   ~N:key       each in the slot of its own hash tag, or of the whole name
//   database 0          key          unless it has been given another layout
//
// Names of these shapes, and ~{TAG} (a key that never exists, to route by), are reserved: database 0 refuses
// them. The scheme is what lies in people's clusters: it does not change.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace slotless::protocol {

inline constexpr char kKeyMark = '~';

bool hasReservedShape(std::string_view key) noexcept;
// One compared byte for nearly all keys.
inline bool isReservedKey(std::string_view key) noexcept {
  return !key.empty() && key.front() == kKeyMark && hasReservedShape(key);
}

std::string pinnedPrefix(std::uint32_t database, std::string_view tag);
std::string spreadPrefix(std::uint32_t database);
// Of a grouped database's keys, as a pattern: each question mark stands for a character of the tag.
std::string groupedPrefix(std::uint32_t database);
std::string routingKey(std::string_view tag);
// The tag of a pinned database that has been given none: of all pairs of digits and small letters the one
// whose slot is nearest to the database's place, which the golden ratio chooses so that few databases are far
// apart, too.
std::string tagFor(std::uint32_t database);

}  // namespace slotless::protocol
