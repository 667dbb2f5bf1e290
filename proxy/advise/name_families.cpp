#include "proxy/advise/name_families.h"

#include <algorithm>
#include <utility>

#include "config/database_rule.h"

namespace slotless::advise {

namespace {

constexpr std::string_view kSeparators = ":/.-_#@;=";  // those that a pattern may have
constexpr std::size_t kMostSeparators = 3;
constexpr std::size_t kMostFamilies = 12;
constexpr std::size_t kMostPieces = 6;    // more belong to the last one
constexpr std::size_t kMostLiterals = 8;  // of a place; with more it is a variable part
constexpr std::size_t kLeastNames = 2;    // that begin alike

using Pieces = std::vector<std::string_view>;

Pieces piecesOf(std::string_view name, char separator) {
  Pieces pieces;
  while (pieces.size() + 1 < kMostPieces) {
    const std::size_t end = name.find(separator);
    if (end == std::string_view::npos) break;
    pieces.push_back(name.substr(0, end));
    name.remove_prefix(end + 1);
  }
  pieces.push_back(name);
  return pieces;
}

bool isTaken(const std::string& pattern) {
  return pattern.find('|') == std::string::npos && config::objectionToGroupPatterns(pattern).empty();
}

bool isLiteral(std::string_view piece) {
  return piece.find_first_of("*|") == std::string_view::npos;
}

class Builder {
 public:
  Builder(char separator, std::size_t depth) : separator_(separator), depth_(depth) {}

  // `all` begin with what `before` says, and have more than `place` pieces.
  void build(const std::string& before, const std::vector<const Pieces*>& all, std::size_t place) {
    if (place == depth_) return end(before, all);
    std::map<std::string_view, std::vector<const Pieces*>> by;
    std::vector<const Pieces*> longer;
    for (const Pieces* each : all) {
      if (each->size() <= place + 1) continue;
      by[(*each)[place]].push_back(each);
      longer.push_back(each);
    }
    if (by.size() > kMostLiterals) return build(before + "*" + separator_, longer, place + 1);
    for (const auto& [literal, those] : by) {
      if (those.size() >= kLeastNames && isLiteral(literal))
        build(before + std::string(literal) + separator_, those, place + 1);
    }
  }

  std::vector<std::string> patterns() && { return std::move(patterns_); }

 private:
  void end(const std::string& before, const std::vector<const Pieces*>& all) {
    const bool goOn =
        std::any_of(all.begin(), all.end(), [&](const Pieces* each) { return each->size() > depth_ + 1; });
    const bool endHere =
        std::any_of(all.begin(), all.end(), [&](const Pieces* each) { return each->size() == depth_ + 1; });
    // The first one that fits counts: a star at the end takes everything.
    if (goOn) add(before + "*" + separator_);
    if (endHere) add(before + "*");
  }
  void add(std::string pattern) {
    if (isTaken(pattern)) patterns_.push_back(std::move(pattern));
  }

  const char separator_;
  const std::size_t depth_;
  std::vector<std::string> patterns_;
};

}  // namespace

std::vector<char> separatorsIn(std::span<const std::string_view> names) {
  std::vector<std::pair<std::size_t, char>> counts;
  for (const char each : kSeparators) {
    const auto count =
        static_cast<std::size_t>(std::count_if(names.begin(), names.end(), [&](std::string_view name) {
          return name.find(each) != std::string_view::npos;
        }));
    if (count >= kLeastNames && count * 10 >= names.size()) counts.emplace_back(count, each);
  }
  std::stable_sort(counts.begin(), counts.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<char> found;
  for (const auto& [count, separator] : counts) {
    if (found.size() < kMostSeparators) found.push_back(separator);
  }
  return found;
}

std::vector<NameFamily> familiesOf(std::span<const std::string_view> names, char separator) {
  std::map<std::string_view, std::vector<Pieces>> by;
  for (const std::string_view name : names) {
    Pieces pieces = piecesOf(name, separator);
    if (pieces.size() > 1 && isLiteral(pieces.front())) by[pieces.front()].push_back(std::move(pieces));
  }
  std::vector<std::pair<std::string_view, const std::vector<Pieces>*>> order;
  for (const auto& [head, members] : by) {
    if (members.size() >= kLeastNames) order.emplace_back(head, &members);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second->size() > b.second->size(); });
  if (order.size() > kMostFamilies) order.resize(kMostFamilies);
  std::vector<NameFamily> families;
  for (const auto& [head, members] : order) {
    NameFamily& family = families.emplace_back();
    family.head = head;
    family.names = members->size();
    std::vector<const Pieces*> all;
    for (const Pieces& each : *members) all.push_back(&each);
    for (std::size_t depth = 1; depth <= NameFamily::kDepths; ++depth) {
      Builder builder(separator, depth);
      builder.build(family.head + separator, all, 1);
      family.patterns[depth - 1] = std::move(builder).patterns();
    }
  }
  return families;
}

}  // namespace slotless::advise
