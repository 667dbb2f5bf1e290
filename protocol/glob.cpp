#include "protocol/glob.h"

#include <algorithm>

namespace slotless::protocol {

namespace {

unsigned char byteOf(char c) noexcept {
  return static_cast<unsigned char>(c);
}

// Takes "abc]" off the front of `rest`, behind the '['; a missing ']' is forgiven, as by Redis.
bool takeClass(std::string_view& rest, char c) noexcept {
  const bool inverted = !rest.empty() && rest.front() == '^';
  if (inverted) rest.remove_prefix(1);
  bool found = false;
  while (!rest.empty() && rest.front() != ']') {
    if (rest.front() == '\\' && rest.size() >= 2) {
      found = found || rest[1] == c;
      rest.remove_prefix(2);
    } else if (rest.size() >= 3 && rest[1] == '-') {
      const auto [low, high] = std::minmax({byteOf(rest[0]), byteOf(rest[2])});
      found = found || (byteOf(c) >= low && byteOf(c) <= high);
      rest.remove_prefix(3);
    } else {
      found = found || rest.front() == c;
      rest.remove_prefix(1);
    }
  }
  if (!rest.empty()) rest.remove_prefix(1);
  return found != inverted;
}

// Takes one element that is no '*' off the front of `rest`: does it match `c`?
bool takeOne(std::string_view& rest, char c) noexcept {
  const char element = rest.front();
  rest.remove_prefix(1);
  if (element == '?') return true;
  if (element == '[') return takeClass(rest, c);
  if (element != '\\' || rest.empty()) return element == c;
  const char escaped = rest.front();
  rest.remove_prefix(1);
  return escaped == c;
}

}  // namespace

// Without recursion: when something does not fit, the last '*' takes one character more. Earlier ones need
// not: what they have taken can only be less.
bool matchesGlob(std::string_view pattern, std::string_view text) noexcept {
  if (text.empty()) return pattern.empty();
  std::string_view behindStar;
  std::string_view textAtStar;
  bool starSeen = false;
  while (true) {
    if (!pattern.empty() && pattern.front() == '*') {
      pattern.remove_prefix(1);
      if (pattern.empty()) return true;
      behindStar = pattern;
      textAtStar = text;
      starSeen = true;
      continue;
    }
    if (text.empty() && pattern.empty()) return true;
    if (!text.empty() && !pattern.empty()) {
      const char c = text.front();
      text.remove_prefix(1);
      if (takeOne(pattern, c)) continue;
    }
    if (!starSeen || textAtStar.empty()) return false;
    textAtStar.remove_prefix(1);
    text = textAtStar;
    pattern = behindStar;
  }
}

bool canMatchPrefix(std::string_view pattern, std::string_view prefix) noexcept {
  for (const char c : prefix) {
    if (pattern.empty()) return false;
    if (pattern.front() == '*') return true;
    if (!takeOne(pattern, c)) return false;
  }
  return true;
}

}  // namespace slotless::protocol
