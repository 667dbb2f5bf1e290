#include "proxy/pubsub/pattern_index.h"

namespace slotless::pubsub {

// Where a class or an escape is about, what looks like the end may be part of it.
PatternIndex::Place PatternIndex::placeOf(std::string_view pattern) {
  const std::size_t special = pattern.find_first_of("*?[\\");
  if (special == std::string_view::npos) return {false, pattern};
  if (special > 0) return {false, pattern.substr(0, special)};
  if (pattern.find_first_of("[\\") != std::string_view::npos) return {true, {}};
  return {true, pattern.substr(pattern.find_last_of("*?") + 1)};
}

void PatternIndex::add(std::string_view pattern, const void* of) {
  const Place place = placeOf(pattern);
  ByText& groups = (place.end ? ends_ : beginnings_)[place.text.size()];
  groups[std::string(place.text)].emplace(pattern, of);
}

void PatternIndex::remove(std::string_view pattern) {
  const Place place = placeOf(pattern);
  Groups& all = place.end ? ends_ : beginnings_;
  const auto ofLength = all.find(place.text.size());
  const auto group = ofLength->second.find(place.text);
  group->second.erase(pattern);
  if (group->second.empty()) ofLength->second.erase(group);
  if (ofLength->second.empty()) all.erase(ofLength);
}

}  // namespace slotless::pubsub
