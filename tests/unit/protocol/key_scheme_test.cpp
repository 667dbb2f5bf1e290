#include "protocol/key_scheme.h"

#include <set>

#include "catch.h"
#include "protocol/slot.h"

using namespace slotless::protocol;

TEST_CASE("names that databases have in the cluster are reserved, and no others") {
  for (const char* key : {"~1{db}x", "~1{", "~{", "~{db}", "~12:", "~12:x", "~99999{"}) {
    INFO(key);
    CHECK(isReservedKey(key));
  }
  for (const char* key : {"", "~", "~1", "~x{", "~:", "~:x", "~1x:", " ~1{", "1{", "{~1}"}) {
    INFO(key);
    CHECK_FALSE(isReservedKey(key));
  }
}

TEST_CASE("the names of a pinned database are in the slot of its tag, whatever they are") {
  const std::string prefix = pinnedPrefix(1, "tag");
  CHECK(prefix == "~1{tag}");
  for (const char* key : {"", "a", "{b}", "}", "{", "a{b}c"}) CHECK(slotOf(prefix + key) == slotOf("tag"));
  CHECK(slotOf(routingKey("tag")) == slotOf("tag"));
  CHECK_FALSE(routingKey("tag").starts_with(prefix));
}

TEST_CASE("a spread database leaves hash tags in force") {
  CHECK(spreadPrefix(3) == "~3:");
  CHECK(slotOf(spreadPrefix(3) + "x{b}y") == slotOf("b"));
}

// What lies in people's clusters: never to be changed.
TEST_CASE("the tags of databases stay what they are") {
  const std::string tags[] = {"wu", "oa", "3z", "x8", "3s", "or", "3i", "5q",
                              "o9", "ci", "df", "mw", "zm", "t7", "0d", "z4"};
  for (std::uint32_t i = 0; i < std::size(tags); ++i) {
    INFO(i);
    CHECK(tagFor(i) == tags[i]);
  }
}

TEST_CASE("databases are spread over the slots, also if there are few of them") {
  for (const std::uint32_t count : {2U, 3U, 6U, 15U}) {
    std::set<std::uint32_t> slots;
    for (std::uint32_t i = 1; i <= count; ++i) slots.insert(slotOf(tagFor(i)));
    REQUIRE(slots.size() == count);
    const std::uint32_t fair = kSlotCount / count;
    std::uint32_t largest = kSlotCount - *slots.rbegin() + *slots.begin();
    std::uint32_t last = *slots.begin();
    for (const std::uint32_t slot : slots) {
      largest = std::max(largest, slot - last);
      last = slot;
    }
    INFO(count);
    CHECK(largest < 2 * fair + 64);
  }
}
