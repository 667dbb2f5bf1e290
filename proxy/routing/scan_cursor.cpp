#include "proxy/routing/scan_cursor.h"

#include <charconv>

namespace slotless::routing {

namespace {

constexpr unsigned kSlotShift = kCheckAndCursorBits;
constexpr unsigned kSlotBits = 14;
constexpr unsigned kSideShift = kSlotShift + kSlotBits;
constexpr unsigned kWidthShift = kSideShift + 1;

constexpr std::uint64_t lowBits(unsigned count) {
  return (std::uint64_t{1} << count) - 1;
}

std::optional<std::size_t> widthFor(std::uint64_t nodeCursor) {
  for (std::size_t i = 0; i < kCursorBits.size(); ++i) {
    if (nodeCursor <= lowBits(kCursorBits[i])) return i;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> shortenedCheck(std::uint32_t check, std::uint64_t nodeCursor) noexcept {
  const auto width = widthFor(nodeCursor);
  if (!width) return std::nullopt;
  const auto shortened =
      static_cast<std::uint32_t>(check & lowBits(kCheckAndCursorBits - kCursorBits[*width]));
  return shortened == 0 ? 1 : shortened;
}

std::optional<std::uint64_t> encodeScanCursor(const ScanCursor& cursor) noexcept {
  const auto width = widthFor(cursor.nodeCursor);
  const auto check = shortenedCheck(cursor.check, cursor.nodeCursor);
  if (!width || !check) return std::nullopt;
  const std::uint64_t side = cursor.side == ScanCursor::Side::Target ? 1 : 0;
  return std::uint64_t{*width} << kWidthShift | side << kSideShift |
         std::uint64_t{cursor.slot} << kSlotShift | std::uint64_t{*check} << kCursorBits[*width] |
         cursor.nodeCursor;
}

ScanCursor decodeScanCursor(std::uint64_t number) noexcept {
  const unsigned bits = kCursorBits[number >> kWidthShift & lowBits(2)];
  ScanCursor cursor;
  cursor.side = (number >> kSideShift & 1) != 0 ? ScanCursor::Side::Target : ScanCursor::Side::Owner;
  cursor.slot = static_cast<protocol::Slot>(number >> kSlotShift & lowBits(kSlotBits));
  cursor.check = static_cast<std::uint32_t>((number & lowBits(kCheckAndCursorBits)) >> bits);
  cursor.nodeCursor = number & lowBits(bits);
  return cursor;
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

}  // namespace slotless::routing
