#include "proxy/routing/scan_cursor.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "protocol/strict_integer.h"
#include "proxy/cluster/server_identity.h"

namespace slotless::routing {

namespace {

using Stage = ScanCursor::Stage;

// From the highest bit on: prefix, place, check, the node's cursor. The check has what the others leave, up
// to 32 bits.
struct Layout {
  std::uint64_t prefix;
  unsigned prefixBits;
  Stage stage;
  unsigned placeBits;
  unsigned nodeBits;
  // Of place 0: a layout whose prefix is 0 leaves the numbers below kLeastScanCursor free.
  std::uint64_t firstPlace = 0;

  constexpr unsigned checkBits() const {
    return std::min(kCursorBits - prefixBits - placeBits - nodeBits, 32U);
  }
};

// Of one stage the shortest node's cursor first.
constexpr Layout kLayouts[] = {
    {0b000, 3, Stage::Owner, 14, 18, 1},  {0b001, 3, Stage::Owner, 14, 22},
    {0b010, 3, Stage::Owner, 14, 26},     {0b011, 3, Stage::Owner, 14, 30},
    {0b10, 2, Stage::Near, 8, 36},        {0b11000, 5, Stage::Target, 14, 22},
    {0b11001, 5, Stage::Target, 14, 28},  {0b11010, 5, Stage::Node, 7, 26},
    {0b11011, 5, Stage::Node, 7, 36},     {0b11100, 5, Stage::Moving, 7, 26},
    {0b11101, 5, Stage::Moving, 7, 36},   {0b111100, 6, Stage::Arrival, 7, 26},
    {0b111101, 6, Stage::Arrival, 7, 36}, {0b11111, 5, Stage::Note, kNoteBits, 0},
};
constexpr Layout kPinnedLayouts[] = {
    {0b110, 3, Stage::Pinned, 0, 24},
    {0b01, 2, Stage::Pinned, 0, 30},
    {0b10, 2, Stage::Pinned, 0, 36},
    {0b11111, 5, Stage::Note, kNoteBits, 0},
};

constexpr std::uint64_t lowBits(unsigned count) {
  return (std::uint64_t{1} << count) - 1;
}

const Layout* layoutFor(const ScanCursor& cursor) {
  const std::span<const Layout> layouts =
      cursor.stage == Stage::Pinned ? std::span<const Layout>(kPinnedLayouts) : kLayouts;
  const auto found = std::find_if(layouts.begin(), layouts.end(), [&](const Layout& layout) {
    return layout.stage == cursor.stage && cursor.place + layout.firstPlace <= lowBits(layout.placeBits) &&
           cursor.nodeCursor <= lowBits(layout.nodeBits);
  });
  return found == layouts.end() ? nullptr : &*found;
}

std::uint32_t shorten(std::uint32_t check, const Layout& layout) {
  if (layout.checkBits() == 0) return 0;
  const auto shortened = static_cast<std::uint32_t>(check & lowBits(layout.checkBits()));
  return shortened == 0 ? 1 : shortened;
}

ScanCursor decode(std::uint64_t number, std::span<const Layout> layouts) {
  number &= lowBits(kCursorBits);
  const auto found = std::find_if(layouts.begin(), layouts.end(), [&](const Layout& layout) {
    return number >> (kCursorBits - layout.prefixBits) == layout.prefix;
  });
  if (found == layouts.end() || number < kLeastScanCursor) return {layouts.front().stage, 0, 0, 0};
  ScanCursor cursor;
  cursor.stage = found->stage;
  cursor.nodeCursor = number & lowBits(found->nodeBits);
  number >>= found->nodeBits;
  const unsigned gap = kCursorBits - found->prefixBits - found->placeBits - found->nodeBits;
  cursor.check = static_cast<std::uint32_t>(number & lowBits(found->checkBits()));
  cursor.place = (number >> gap & lowBits(found->placeBits)) - found->firstPlace;
  return cursor;
}

}  // namespace

std::uint32_t shortenedCheck(std::uint32_t check, const ScanCursor& cursor) noexcept {
  const Layout* layout = layoutFor(cursor);
  if (layout == nullptr) return std::max(check, 1U);  // in a note there is room for all of it
  return shorten(check, *layout);
}

std::optional<std::uint64_t> encodeScanCursor(const ScanCursor& cursor) noexcept {
  const Layout* layout = layoutFor(cursor);
  if (layout == nullptr) return std::nullopt;
  std::uint64_t number = layout->prefix;
  number = number << layout->placeBits | (cursor.place + layout->firstPlace);
  number = number << (kCursorBits - layout->prefixBits - layout->placeBits - layout->nodeBits) |
           shorten(cursor.check, *layout);
  return number << layout->nodeBits | cursor.nodeCursor;
}

ScanCursor decodeScanCursor(std::uint64_t number) noexcept {
  return decode(number, kLayouts);
}

ScanCursor decodePinnedCursor(std::uint64_t number) noexcept {
  return decode(number, kPinnedLayouts);
}

std::optional<std::uint64_t> parseScanCursor(std::string_view text) noexcept {
  // Redis reads it with strtoul(), which takes a sign, and nothing for 0.
  if (text.empty()) return 0;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return negative ? 0 - number : number;
}

// Source: Redis 7.4 util.c string2ull(), and Redis 8.0, Valkey 8.1 and 9.1, asked.
bool refusesCursor(const cluster::ServerIdentity& server, std::string_view text) {
  if (!text.empty() && protocol::strictInteger(text).value_or(0) >= 0) return false;
  return server.isAtLeast("redis", {7, 4}) || server.isAtLeast("valkey", {8, 0});
}

}  // namespace slotless::routing
