#include "protocol/glob.h"

#include <string>

#include "catch.h"

using namespace slotless::protocol;

TEST_CASE("patterns match as Redis's do") {
  struct Row {
    std::string_view pattern;
    std::string_view text;
    bool matches;
  };
  const Row rows[] = {
      {"", "", true},
      {"", "a", false},
      {"a", "a", true},
      {"a", "A", false},
      {"*", "", false},
      {"**", "", false},
      {"*", "abc", true},
      {"**", "abc", true},
      {"a*c", "abbc", true},
      {"a*c", "abcd", false},
      {"*b*", "abc", true},
      {"*ab*ac", "abacabac", true},
      {"?", "", false},
      {"?", "x", true},
      {"a?c", "abc", true},
      {"[abc]", "b", true},
      {"[abc]", "d", false},
      {"[^abc]", "d", true},
      {"[^abc]", "a", false},
      {"[a-c]x", "bx", true},
      {"[c-a]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"[\\]]", "]", true},
      {"h[", "h", false},
      {"[a", "a", true},
      {"a\\", "a\\", true},
      {"news.*", "news.art", true},
      {"news.*", "new", false},
      {"*a", std::string_view("\0a", 2), true},
  };
  for (const Row& row : rows) {
    INFO(row.pattern << " and " << row.text);
    CHECK(matchesGlob(row.pattern, row.text) == row.matches);
  }
}

TEST_CASE("a pattern with many stars is matched in reasonable time") {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  CHECK_FALSE(matchesGlob(pattern + "b", std::string(10'000, 'a')));
}
