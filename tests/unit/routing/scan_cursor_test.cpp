// SCAN cursors: what goes in comes out, in 63 bits.
#include "proxy/routing/scan_cursor.h"

#include "catch.h"

namespace slotless::routing {
namespace {

using Side = ScanCursor::Side;

constexpr std::uint64_t kSignedLimit = std::uint64_t{1} << 63;

TEST_CASE("a cursor comes out as it went in", "[scan_cursor]") {
  for (const Side side : {Side::Owner, Side::Target}) {
    for (const protocol::Slot slot : std::initializer_list<protocol::Slot>{0, 1, 8191, 16383}) {
      for (const std::uint64_t node :
           {std::uint64_t{0}, std::uint64_t{1}, (std::uint64_t{1} << 24) - 1, std::uint64_t{1} << 24,
            (std::uint64_t{1} << 36) - 1, std::uint64_t{1} << 36, (std::uint64_t{1} << 42) - 1}) {
        const ScanCursor cursor{side, slot, 5, node};
        const auto number = encodeScanCursor(cursor);
        REQUIRE(number);
        CHECK(*number < kSignedLimit);
        CHECK(decodeScanCursor(*number) == cursor);
      }
    }
  }
}

TEST_CASE("a cursor on its way is never 0", "[scan_cursor]") {
  CHECK(encodeScanCursor({Side::Owner, 0, 0, 0}).value() != 0);
  CHECK(encodeScanCursor({Side::Owner, 0, 1U << 31, 0}).value() != 0);
}

TEST_CASE("the check gets the bits that the node's cursor leaves", "[scan_cursor]") {
  CHECK(shortenedCheck(0xFFFFFFFF, 1) == 0x3FFFFFU);
  CHECK(shortenedCheck(0xFFFFFFFF, (std::uint64_t{1} << 42) - 1) == 0xFU);
  CHECK(shortenedCheck(0, 1) == 1U);
  for (const std::uint64_t node : {std::uint64_t{7}, std::uint64_t{1} << 29, std::uint64_t{1} << 41}) {
    const ScanCursor decoded = decodeScanCursor(encodeScanCursor({Side::Owner, 9, 0xDEADBEEF, node}).value());
    CHECK(decoded.check == shortenedCheck(0xDEADBEEF, node));
  }
}

TEST_CASE("a node's cursor that is too long is not cut", "[scan_cursor]") {
  CHECK_FALSE(encodeScanCursor({Side::Owner, 0, 1, std::uint64_t{1} << 42}));
  CHECK_FALSE(shortenedCheck(1, UINT64_MAX));
}

TEST_CASE("cursors are read as Redis reads them", "[scan_cursor]") {
  CHECK(parseScanCursor("0") == 0U);
  CHECK(parseScanCursor("18446744073709551615") == UINT64_MAX);
  CHECK(parseScanCursor("+7") == 7U);
  CHECK(parseScanCursor("-1") == UINT64_MAX);
  CHECK(parseScanCursor("") == 0U);
  for (const auto* wrong : {"x", "1x", " 1", "1 ", "-", "18446744073709551616", "0x1", "1.5"}) {
    CHECK_FALSE(parseScanCursor(wrong));
  }
}

}  // namespace
}  // namespace slotless::routing
