// The tags by which keys of grouped databases are placed: what lies in people's clusters depends on them.
#include "protocol/slot_tags.h"

#include <cctype>
#include <set>
#include <string>

#include "catch.h"

using namespace slotless::protocol;

TEST_CASE("each slot has a tag of three characters that leads to it") {
  const SlotTags& tags = SlotTags::get();
  std::set<std::string_view> seen;
  for (Slot slot = 0; slot < kSlotCount; ++slot) {
    const std::string_view tag = tags.of(slot);
    REQUIRE(tag.size() == kSlotTagSize);
    for (const char c : tag) REQUIRE(std::isalnum(static_cast<unsigned char>(c)) != 0);
    REQUIRE(slotOf("~2{" + std::string(tag) + "}key{other}") == slot);
    seen.insert(tag);
  }
  CHECK(seen.size() == kSlotCount);
}

TEST_CASE("the table of tags never changes") {
  std::uint64_t checksum = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : SlotTags::get().text())
    checksum = (checksum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  CHECK(checksum == 0x218b5ef4f28a9125);
  CHECK(SlotTags::get().of(0) == "06S");
  CHECK(SlotTags::get().of(1) == "2Gx");
  CHECK(SlotTags::get().of(16383) == "6ZJ");
}
