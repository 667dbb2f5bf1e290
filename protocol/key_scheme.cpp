#include "protocol/key_scheme.h"

#include <algorithm>

#include "protocol/slot.h"
#include "protocol/slot_tags.h"

namespace slotless::protocol {

namespace {

// 16384 / 1.618…, made odd: every slot is the place of some database.
constexpr std::uint32_t kStep = 10125;

std::uint32_t distance(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t apart = a > b ? a - b : b - a;
  return std::min(apart, kSlotCount - apart);
}

}  // namespace

bool hasReservedShape(std::string_view key) noexcept {
  std::size_t at = 1;
  while (at < key.size() && key[at] >= '0' && key[at] <= '9') ++at;
  return at < key.size() && (key[at] == '{' || (key[at] == ':' && at > 1));
}

std::string pinnedPrefix(std::uint32_t database, std::string_view tag) {
  return kKeyMark + std::to_string(database) + "{" + std::string(tag) + "}";
}

std::string spreadPrefix(std::uint32_t database) {
  return kKeyMark + std::to_string(database) + ":";
}

std::string groupedPrefix(std::uint32_t database) {
  return pinnedPrefix(database, std::string(kSlotTagSize, '?'));
}

std::string routingKey(std::string_view tag) {
  return std::string(1, kKeyMark) + "{" + std::string(tag) + "}";
}

std::string tagFor(std::uint32_t database) {
  constexpr std::string_view kCharacters = "0123456789abcdefghijklmnopqrstuvwxyz";
  const std::uint32_t place = database * kStep % kSlotCount;
  std::string nearest;
  std::uint32_t least = kSlotCount;
  for (const char first : kCharacters) {
    for (const char second : kCharacters) {
      const std::string tag = {first, second};
      const std::uint32_t apart = distance(slotOf(tag), place);
      if (apart >= least) continue;
      least = apart;
      nearest = tag;
    }
  }
  return nearest;
}

}  // namespace slotless::protocol
