// Which part of a key is its group.
#include "proxy/databases/key_groups.h"

#include "catch.h"

using namespace slotless;
using databases::KeyGroups;

TEST_CASE("a key's group is what the stars of the first pattern that fits stand for") {
  struct Row {
    std::string_view patterns;
    std::string_view key;
    std::string_view group;
  };
  const Row rows[] = {
      {"bull:*:", "bull:mail:wait", "mail"},
      {"bull:*:", "bull:mail:", "mail"},
      {"bull:*:", "bull:mail:jobs:7", "mail"},
      {"bull:*:", "bull:mail", "bull:mail"},        // does not fit: by its name
      {"bull:*:", "xbull:mail:a", "xbull:mail:a"},  // a pattern is about a key's beginning
      {"bull:*:", "bull::wait", "bull::wait"},      // nothing is no group
      {"bull:*:", "bull:", "bull:"},
      {"bull:*:", "", ""},
      {"bull:*:", "other{tag}x", "tag"},  // placed as by a cluster
      {"bull:*:", "other{}x", "other{}x"},
      {"bull:*:", "bull:{a}b:x", "{a}b"},  // a hash tag means nothing where a pattern fits
      {"bull:*:", std::string_view("bull:a\0b:x", 10), std::string_view("a\0b", 3)},
      {"bull:*:", "bull:\xff\xfe:x", "\xff\xfe"},
      {"bull:*:|tenant:*:", "tenant:7:user", "7"},
      {"user:*:|user:*", "user:7:cart", "7"},
      {"user:*:|user:*", "user:7", "7"},  // at its end a star takes the rest
      {"user:*|user:*:", "user:7:cart", "7:cart"},
      {"*:", "mail:wait", "mail"},
      {"*:", ":wait", ":wait"},
      {"{*}:", "{mail}:wait", "mail"},
      {"a*b*c", "a1b2c3", "1b2"},  // from the first star to the end of the last
      {"a*b*c", "abc", "b"},
      {"a*b*c", "a1b2", "a1b2"},
      {"a*b*", "a1b2", "1b2"},
      {"a*::*/", "a1:::2/x", "1:::2"},
      {"app:*:|app:x:*:", "app:x:y:z", "x"},
      {"a*bab", "ababab", "ababab"},  // found first where nothing is left for the star
      {"[ab]*?", "[ab]x?y", "x"},     // nothing else means anything
      {"%a*%", "%ax%y", "x"},
  };
  for (const Row& row : rows) {
    INFO(row.patterns << " " << row.key);
    const KeyGroups groups(row.patterns);
    CHECK(groups.groupOf(row.key) == row.group);
    CHECK(groups.slotOf(row.key) == protocol::crc16(row.group) % protocol::kSlotCount);
  }
}

TEST_CASE("a key that no pattern fits is where a cluster would have it") {
  const KeyGroups groups("bull:*:");
  for (const std::string_view key : {"a", "", "{t}a", "a{t}b", "{}", "{}x", "bull:x", "}{"})
    CHECK(groups.slotOf(key) == protocol::slotOf(key));
}
