// SCAN cursors: what goes in comes out, in 53 bits.
#include "proxy/routing/scan_cursor.h"

#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "proxy/cluster/server_identity.h"

namespace slotless::routing {
namespace {

using Stage = ScanCursor::Stage;

// What a double holds without a loss.
constexpr std::uint64_t kDoubleLimit = std::uint64_t{1} << 53;

struct Room {
  Stage stage;
  std::uint64_t lastPlace;
  unsigned nodeBits;
};
constexpr Room kRooms[] = {{Stage::Owner, 16383, 30}, {Stage::Near, 255, 36},   {Stage::Target, 16383, 28},
                           {Stage::Node, 127, 36},    {Stage::Moving, 127, 36}, {Stage::Arrival, 127, 36},
                           {Stage::Pinned, 0, 36}};

ScanCursor decoded(const ScanCursor& like, std::uint64_t number) {
  return like.stage == Stage::Pinned ? decodePinnedCursor(number) : decodeScanCursor(number);
}

TEST_CASE("a cursor comes out as it went in, below what a double holds", "[scan_cursor]") {
  for (const Room& room : kRooms) {
    for (const std::uint64_t place : {std::uint64_t{0}, room.lastPlace / 2, room.lastPlace}) {
      for (unsigned bits = 0; bits <= room.nodeBits; ++bits) {
        const ScanCursor cursor{room.stage, place, 5, (std::uint64_t{1} << bits) - 1};
        INFO("stage " << static_cast<int>(room.stage) << " place " << place << " bits " << bits);
        const auto number = encodeScanCursor(cursor);
        REQUIRE(number);
        CHECK(*number < kDoubleLimit);
        CHECK(decoded(cursor, *number) == cursor);
      }
    }
  }
}

TEST_CASE("the cursors of one server are none of these, and begin an iteration", "[scan_cursor]") {
  for (const Room& room : kRooms) {
    for (const std::uint64_t place : {std::uint64_t{0}, room.lastPlace}) {
      for (const std::uint32_t check : {0U, 1U, 0xFFFFFFFFU}) {
        for (unsigned bits = 0; bits <= room.nodeBits; ++bits)
          CHECK(encodeScanCursor({room.stage, place, check, (std::uint64_t{1} << bits) - 1}).value() >=
                kLeastScanCursor);
      }
    }
  }
  for (std::uint64_t number = 1; number < kLeastScanCursor; number = number * 2 + 1) {
    CHECK(decodeScanCursor(number) == ScanCursor{Stage::Owner, 0, 0, 0});
    CHECK(decodePinnedCursor(number) == ScanCursor{Stage::Pinned, 0, 0, 0});
  }
}

TEST_CASE("the name of a note comes out as it went in", "[scan_cursor]") {
  const ScanCursor cursor{Stage::Note, (std::uint64_t{1} << kNoteBits) - 2, 0, 0};
  const auto number = encodeScanCursor(cursor);
  REQUIRE(number);
  CHECK(*number < kDoubleLimit);
  CHECK(decodeScanCursor(*number) == cursor);
  CHECK(decodePinnedCursor(*number) == cursor);
}

TEST_CASE("a cursor on its way is never 0", "[scan_cursor]") {
  for (const Room& room : kRooms) {
    CHECK(encodeScanCursor({room.stage, 0, 0, 0}).value() != 0);
    CHECK(encodeScanCursor({room.stage, 0, 1U << 31, 0}).value() != 0);
  }
}

TEST_CASE("the check gets the bits that the node's cursor leaves", "[scan_cursor]") {
  CHECK(shortenedCheck(0xFFFFFFFF, {Stage::Owner, 9, 0, 1}) == 0x3FFFFU);
  CHECK(shortenedCheck(0xFFFFFFFF, {Stage::Owner, 9, 0, (std::uint64_t{1} << 30) - 1}) == 0x3FU);
  CHECK(shortenedCheck(0xFFFFFFFF, {Stage::Near, 9, 0, 1}) == 0x7FU);
  CHECK(shortenedCheck(0, {Stage::Owner, 9, 0, 1}) == 1U);
  for (const std::uint64_t node : {std::uint64_t{7}, std::uint64_t{1} << 21, std::uint64_t{1} << 29}) {
    const ScanCursor cursor{Stage::Owner, 9, 0xDEADBEEF, node};
    CHECK(decodeScanCursor(encodeScanCursor(cursor).value()).check == shortenedCheck(0xDEADBEEF, cursor));
  }
}

TEST_CASE("a cursor that is too long is not cut", "[scan_cursor]") {
  CHECK_FALSE(encodeScanCursor({Stage::Owner, 0, 1, std::uint64_t{1} << 30}));
  CHECK_FALSE(encodeScanCursor({Stage::Node, 0, 1, std::uint64_t{1} << 36}));
  CHECK_FALSE(encodeScanCursor({Stage::Node, 128, 1, 0}));
  CHECK_FALSE(encodeScanCursor({Stage::Pinned, 0, 1, 9286422431637966426U}));
  CHECK(shortenedCheck(0xDEADBEEF, {Stage::Pinned, 0, 0, UINT64_MAX}) == 0xDEADBEEFU);
}

TEST_CASE("any number is some cursor", "[scan_cursor]") {
  for (std::uint64_t number = 1; number != 0; number <<= 1) {
    decodeScanCursor(number);
    decodeScanCursor(~number);
    decodePinnedCursor(~number);
  }
  CHECK(decodePinnedCursor(std::uint64_t{0b11000} << 48).stage == Stage::Pinned);
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

TEST_CASE("newer servers take no empty cursor and none below 0", "[scan_cursor]") {
  const auto server = [](std::string product, std::vector<std::uint32_t> version) {
    cluster::ServerIdentity identity;
    identity.product = std::move(product);
    identity.version = std::move(version);
    return identity;
  };
  const cluster::ServerIdentity older[] = {{}, server("redis", {7, 2, 4}), server("valkey", {7, 2, 5})};
  const cluster::ServerIdentity newer[] = {server("redis", {7, 4, 0}), server("valkey", {8, 0, 1}),
                                           server("valkey", {9, 1, 2})};
  for (const char* text : {"", "-1", "-9223372036854775808"}) {
    for (const auto& each : older) CHECK_FALSE(refusesCursor(each, text));
    for (const auto& each : newer) CHECK(refusesCursor(each, text));
  }
  for (const char* text : {"0", "7", "-0", "+7", "18446744073709551615"})
    CHECK_FALSE(refusesCursor(newer[0], text));
}

}  // namespace
}  // namespace slotless::routing
