#include "proxy/routing/special_merges.h"

#include <algorithm>
#include <unordered_set>

#include "protocol/encoder.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

namespace {

struct Special {
  std::string_view command;
  Merge merge;
};
constexpr Special kSpecials[] = {
    {"debug|digest", Merge::Digest},        {"function|stats", Merge::FunctionStats},
    {"latency|doctor", Merge::Texts},       {"memory|doctor", Merge::Texts},
    {"memory|malloc-stats", Merge::Texts},  {"memory|stats", Merge::MemoryStats},
    {"pubsub|channels", Merge::Union},      {"pubsub|numsub", Merge::SumByName},
    {"pubsub|shardchannels", Merge::Union}, {"pubsub|shardnumsub", Merge::SumByName},
    {"randomkey", Merge::FirstNonNull},
};

}  // namespace

Merge specialMergeOf(std::string_view command) noexcept {
  const auto* found = std::find_if(std::begin(kSpecials), std::end(kSpecials),
                                   [&](const Special& special) { return special.command == command; });
  return found == std::end(kSpecials) ? Merge::None : found->merge;
}

bool mergeUnion(std::span<const PartReply> parts, std::string& out) {
  std::unordered_set<std::string_view> seen;
  std::vector<std::string_view> merged;
  for (const PartReply& part : parts) {
    const auto elements = elementsOf(part.bytes);
    if (!elements) return false;
    for (const std::string_view element : *elements) {
      if (seen.insert(element).second) merged.push_back(element);
    }
  }
  appendListHeaderLike(out, parts.front().bytes, merged.size());
  for (const std::string_view element : merged) out += element;
  return true;
}

// The nodes were asked for the same names, so these come in the same order (and twice, if asked for twice).
bool mergeSumByName(std::span<const PartReply> parts, std::string& out) {
  const auto first = pairsOf(parts.front().bytes);
  if (!first) return false;
  std::vector<std::int64_t> sums(first->size(), 0);
  for (const PartReply& part : parts) {
    const auto pairs = pairsOf(part.bytes);
    if (!pairs || pairs->size() != sums.size()) return false;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto count = integerOf((*pairs)[i].second);
      if (!count || (*pairs)[i].first != (*first)[i].first) return false;
      if (__builtin_add_overflow(sums[i], *count, &sums[i])) return false;
    }
  }
  appendPairsHeaderLike(out, parts.front().bytes, sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    out += (*first)[i].first;
    protocol::appendInteger(out, sums[i]);
  }
  return true;
}

bool mergeTexts(std::span<const PartReply> parts, std::string& out) {
  std::vector<std::string_view> different;
  for (const PartReply& part : parts) {
    const auto text = textOf(part.bytes);
    if (!text) return false;
    if (std::find(different.begin(), different.end(), *text) == different.end()) different.push_back(*text);
  }
  std::string joined;
  for (const std::string_view text : different) {
    if (!joined.empty() && !joined.ends_with('\n')) joined += '\n';
    joined += text;
  }
  appendTextLike(out, parts.front().bytes, joined);
  return true;
}

bool mergeFunctionStats(std::span<const PartReply> parts, std::string& out) {
  std::string_view chosen = parts.front().bytes;
  for (const PartReply& part : parts) {
    const auto pairs = pairsOf(part.bytes);
    if (!pairs) return false;
    for (const auto& [name, value] : *pairs) {
      if (textOf(name) != "running_script" || isNullReply(value)) continue;
      out += part.bytes;
      return true;
    }
  }
  out += chosen;
  return true;
}

}  // namespace slotless::routing
