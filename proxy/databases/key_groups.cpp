#include "proxy/databases/key_groups.h"

#include <algorithm>
#include <cstring>

namespace slotless::databases {

namespace {

// Mostly of one character: the general search costs more than all the rest.
std::size_t findLiteral(std::string_view key, const std::string& literal, std::size_t from) noexcept {
  if (literal.size() != 1) return key.find(literal, from);
  const void* const found = std::memchr(key.data() + from, literal.front(), key.size() - from);
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - key.data());
}

}  // namespace

KeyGroups::KeyGroups(std::string_view patterns) : text_(patterns) {
  while (!patterns.empty()) {
    const std::size_t end = std::min(patterns.find('|'), patterns.size());
    std::string_view rest = patterns.substr(0, end);
    patterns.remove_prefix(std::min(end + 1, patterns.size()));
    Pattern& pattern = all_.emplace_back();
    std::size_t star = rest.find('*');
    pattern.head = protocol::Beginning(rest.substr(0, star));
    while (star != std::string_view::npos) {
      rest.remove_prefix(star + 1);
      star = rest.find('*');
      pattern.literals.emplace_back(rest.substr(0, star));
    }
  }
}

std::string_view KeyGroups::groupOf(std::string_view key) const noexcept {
  for (const Pattern& pattern : all_) {
    const std::string_view part = partOf(key, pattern);
    if (!part.empty()) return part;
  }
  return protocol::hashTag(key);
}

std::string_view KeyGroups::partOf(std::string_view key, const Pattern& pattern) noexcept {
  if (!pattern.head.of(key)) return {};
  const std::size_t begin = pattern.head.size();
  std::size_t end = begin;
  std::size_t next = begin;
  for (const std::string& literal : pattern.literals) {
    end = literal.empty() ? key.size() : findLiteral(key, literal, next);
    if (end == std::string_view::npos) return {};
    next = end + literal.size();
  }
  return key.substr(begin, end - begin);
}

}  // namespace slotless::databases
