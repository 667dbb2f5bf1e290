#include "proxy/emulation/cross_slot_table.h"

#include <fstream>
#include <sstream>

#include "catch.h"

using namespace slotless::session;

TEST_CASE("docs/compatibility.md has the table that --print-cross-slot-table prints") {
  const std::ifstream file(SLOTLESS_DOCS "/compatibility.md");
  REQUIRE(file.good());
  std::ostringstream text;
  text << file.rdbuf();
  const std::string page = text.str();
  const std::string begin = "<!-- Generated: do not edit. `slotless --print-cross-slot-table` -->\n\n";
  const std::size_t at = page.find(begin);
  REQUIRE(at != std::string::npos);
  const std::size_t end = page.find("\n\n", at + begin.size());
  CHECK((page.substr(at + begin.size(), end + 1 - at - begin.size()) == crossSlotTable()));
}

TEST_CASE("every way over several slots has a name of its own") {
  CHECK(nameOf(CrossSlotKind::Read) == "read");
  CHECK(nameOf(CrossSlotKind::Waits) == "waits");
  CHECK(nameOf(CrossSlotKind::Refused) == "refused");
}
