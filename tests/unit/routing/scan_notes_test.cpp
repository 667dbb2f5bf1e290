// Cursors that are kept in the cluster, played with a hash.
#include "proxy/routing/scan_notes.h"

#include <map>

#include "catch.h"
#include "protocol/request_parser.h"

namespace slotless::routing {
namespace {

using Stage = ScanCursor::Stage;

// What EVAL and HGET of the notes do.
struct FakeHashes {
  std::map<std::string, std::map<std::string, std::string>> hashes;

  std::string answer(const Plan& plan) {
    protocol::RequestParser parser;
    REQUIRE(parser.parse(plan.parts[0].request, {}) == protocol::RequestParser::Status::Complete);
    const protocol::Argv argv = parser.argv();
    const auto word = [&](std::size_t i) { return std::string(argv[i]); };
    if (argv[0] == "HGET") {
      CHECK(plan.parts[0].slot == protocol::slotOf(argv[1]));
      CHECK_FALSE(plan.writes);
      auto& hash = hashes[word(1)];
      const auto found = hash.find(word(2));
      if (found == hash.end()) return "$-1\r\n";
      return "$" + std::to_string(found->second.size()) + "\r\n" + found->second + "\r\n";
    }
    CHECK(plan.parts[0].slot == protocol::slotOf(argv[3]));
    CHECK(argv[7] == "3600");  // from each page on
    CHECK(plan.writes);
    auto& hash = hashes[word(3)];
    const auto old = hash.find(word(4));
    if (old != hash.end() && old->second != argv[5]) return ":0\r\n";
    hash[word(4)] = argv[5];
    hash.erase(word(6));
    return ":1\r\n";
  }
};

constexpr ScanCursor cursorOf(std::uint64_t nodeCursor) {
  return {Stage::Owner, 5, 77, nodeCursor};
}
constexpr std::uint64_t kLong = 9286422431637966426U;

// Leaves a note behind the one named by `number`; 0: the first. Returns the client's next number.
std::uint64_t leave(FakeHashes& hashes, std::uint64_t number, const ScanCursor& cursor, std::uint64_t fresh) {
  ScanNotes notes;
  Plan plan;
  if (number != 0) {
    notes.look(decodeScanCursor(number).place, plan);
    REQUIRE(ScanNotes::found(hashes.answer(plan)));
  }
  notes.leave(cursor, fresh, plan);
  const std::uint64_t next = notes.number();
  if (notes.left(hashes.answer(plan))) return next;
  notes.leave(cursor, fresh + 1, plan);
  const std::uint64_t other = notes.number();
  REQUIRE(notes.left(hashes.answer(plan)));
  return other;
}

std::optional<ScanCursor> look(FakeHashes& hashes, std::uint64_t number) {
  ScanNotes notes;
  Plan plan;
  REQUIRE(decodeScanCursor(number).stage == Stage::Note);
  notes.look(decodeScanCursor(number).place, plan);
  return ScanNotes::found(hashes.answer(plan));
}

TEST_CASE("a cursor of 64 bits is found by a number that a double holds", "[scan_notes]") {
  FakeHashes hashes;
  std::uint64_t number = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    number = leave(hashes, number, cursorOf(kLong + i), 42);
    CHECK(number < std::uint64_t{1} << 53);
    CHECK(look(hashes, number) == cursorOf(kLong + i));
  }
  CHECK(hashes.hashes.size() == 1);
  CHECK(hashes.hashes.begin()->second.size() == 100);
  CHECK(hashes.hashes.begin()->first == "~{scan:42}");
}

TEST_CASE("a page may be asked for twice, and with another result has another name", "[scan_notes]") {
  FakeHashes hashes;
  const std::uint64_t first = leave(hashes, 0, cursorOf(kLong), 42);
  const std::uint64_t second = leave(hashes, first, cursorOf(kLong + 1), 43);
  CHECK(leave(hashes, first, cursorOf(kLong + 1), 44) == second);
  const std::uint64_t other = leave(hashes, first, cursorOf(kLong + 2), 45);
  CHECK(other != second);
  CHECK(look(hashes, second) == cursorOf(kLong + 1));
  CHECK(look(hashes, other) == cursorOf(kLong + 2));
}

TEST_CASE("what is no note is none", "[scan_notes]") {
  for (const std::string_view text : {"", "x", "1 2 3", "99 1 1 1", "0 1 99999999999 1"}) {
    INFO(text);
    CHECK_FALSE(ScanNotes::found("$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n"));
  }
  CHECK_FALSE(ScanNotes::found("$-1\r\n"));
  CHECK_FALSE(ScanNotes::found("-ERR x\r\n"));
}

TEST_CASE("the pages of an iteration do not end", "[scan_notes]") {
  FakeHashes hashes;
  std::uint64_t number = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) number = leave(hashes, number, cursorOf(kLong + i), i);
  CHECK(look(hashes, number) == cursorOf(kLong + 19'999));
}

}  // namespace
}  // namespace slotless::routing
