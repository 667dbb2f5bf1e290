#include <array>
#include <cstdint>

#include "proxy/routing/reply_parts.h"
#include "proxy/routing/special_merges.h"

namespace slotless::routing {

namespace {

constexpr std::size_t kDigestBytes = 20;
using Bytes = std::array<std::uint8_t, kDigestBytes>;

constexpr std::string_view kEmptySet = "0000000000000000000000000000000000000000";
// What database 0 adds if it has keys: SHA1(SHA1(four zero bytes)).
constexpr std::string_view kDatabase0 = "aa3098f3aae94baac14e3b8b8dcae989af93f6a2";
constexpr std::string_view kHexDigits = "0123456789abcdef";

// False: not 40 hex digits.
bool addTo(Bytes& bytes, std::string_view hex) {
  if (hex.size() != 2 * kDigestBytes) return false;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const std::size_t digit = kHexDigits.find(hex[i]);
    if (digit == std::string_view::npos) return false;
    bytes[i / 2] = static_cast<std::uint8_t>(bytes[i / 2] ^ (i % 2 == 0 ? digit << 4 : digit));
  }
  return true;
}

}  // namespace

bool mergeDigests(std::span<const PartReply> parts, std::string& out) {
  Bytes sum{};
  std::size_t filled = 0;
  for (const PartReply& part : parts) {
    const auto digest = textOf(part.bytes);
    if (!digest || !addTo(sum, *digest)) return false;
    if (*digest != kEmptySet) ++filled;
  }
  // One server would have added it once.
  if (filled > 0 && filled % 2 == 0) addTo(sum, kDatabase0);
  out += '+';
  for (const std::uint8_t byte : sum) {
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 0xFU];
  }
  out += "\r\n";
  return true;
}

}  // namespace slotless::routing
