#include "proxy/advise/layout_trial.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "protocol/slot.h"

namespace slotless::advise {

using config::DatabaseLayout;
using databases::KeyGroups;

namespace {

Spreading spreadingOf(const LayoutChoice& choice, const KeyGroups& groups, std::span<const SampledKey> keys) {
  struct Sum {
    std::size_t keys = 0;
    std::int64_t bytes = 0;
  };
  std::unordered_map<std::string_view, Sum> sums;
  for (const SampledKey& key : keys) {
    Sum& sum = sums[groupIn(choice, groups, key.name)];
    ++sum.keys;
    sum.bytes += key.bytes;
  }
  Spreading spreading;
  spreading.groups = sums.size();
  const auto largest = std::max_element(sums.begin(), sums.end(), [](const auto& a, const auto& b) {
    // Of equal ones the same every time.
    return std::pair(a.second.keys, b.first) < std::pair(b.second.keys, a.first);
  });
  if (largest == sums.end()) return spreading;
  spreading.largest = largest->first;
  spreading.largestKeys = largest->second.keys;
  spreading.largestBytes = largest->second.bytes;
  spreading.largestShare = static_cast<double>(spreading.largestKeys) / static_cast<double>(keys.size());
  return spreading;
}

// Empty: it does not cross.
std::string crossingText(const LayoutChoice& choice, const KeyGroups& groups, const Use& use) {
  if (choice.layout == DatabaseLayout::Pinned) return {};
  if (use.aboutAll) return use.name + " with a command about the whole database";
  for (const std::string& key : use.keys) {
    if (groupIn(choice, groups, key) != groupIn(choice, groups, use.keys.front()))
      return use.name + " with " + use.keys.front() + " and " + key;
  }
  if (use.declaresNone && choice.layout == DatabaseLayout::Grouped)
    return use.name + " that declares no keys and calls " + use.keys.front();
  return {};
}

}  // namespace

std::string_view groupIn(const LayoutChoice& choice, const KeyGroups& groups, std::string_view key) {
  switch (choice.layout) {
    case DatabaseLayout::Pinned: return {};
    case DatabaseLayout::Grouped: return groups.groupOf(key);
    default: return protocol::hashTag(key);
  }
}

Trial tryLayout(LayoutChoice choice, std::span<const SampledKey> keys, std::span<const Use> uses) {
  const KeyGroups groups(choice.patterns);
  Trial trial;
  trial.choice = std::move(choice);
  trial.spreading = spreadingOf(trial.choice, groups, keys);
  for (const Use& use : uses) {
    std::string text = crossingText(trial.choice, groups, use);
    if (text.empty()) continue;
    Crossing& crossing = trial.crossing[static_cast<std::size_t>(use.kind)];
    if (crossing.count == 0) crossing.example = std::move(text);
    crossing.count += use.count;
  }
  return trial;
}

}  // namespace slotless::advise
