#include <algorithm>

#include "protocol/encoder.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/routing/special_merges.h"

namespace slotless::routing {

namespace {

// Whole numbers that are averages all the same: as with ratios, the largest counts.
constexpr std::string_view kAverages[] = {"keys.bytes-per-key"};

struct Entry {
  std::string_view name;                 // as it stands in the reply
  std::vector<std::string_view> values;  // of the nodes that have it
};

bool gather(std::span<const std::string_view> replies, std::vector<Entry>& entries) {
  for (const std::string_view reply : replies) {
    const auto pairs = pairsOf(reply);
    if (!pairs) return false;
    for (const auto& [name, value] : *pairs) {
      auto found =
          std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.name == name; });
      if (found == entries.end()) found = entries.insert(entries.end(), {name, {}});
      found->values.push_back(value);
    }
  }
  return true;
}

bool mergeIntegers(const Entry& entry, std::string& out) {
  const bool average =
      std::find(std::begin(kAverages), std::end(kAverages), textOf(entry.name)) != std::end(kAverages);
  std::int64_t merged = 0;
  for (const std::string_view value : entry.values) {
    const auto number = integerOf(value);
    if (!number) return false;
    if (average) {
      merged = std::max(merged, *number);
    } else if (__builtin_add_overflow(merged, *number, &merged)) {
      return false;
    }
  }
  protocol::appendInteger(out, merged);
  return true;
}

bool mergeRatios(const Entry& entry, std::string& out) {
  double largest = 0;
  for (const std::string_view value : entry.values) {
    const auto number = doubleOf(value);
    if (!number) return false;
    largest = std::max(largest, *number);
  }
  appendDoubleLike(out, entry.values.front(), largest);
  return true;
}

// "db.0" has such a list of its own.
bool mergeLists(std::span<const std::string_view> replies, std::string& out) {
  std::vector<Entry> entries;
  if (!gather(replies, entries)) return false;
  appendPairsHeaderLike(out, replies.front(), entries.size());
  for (const Entry& entry : entries) {
    out += entry.name;
    const char type = entry.values.front().front();
    const bool list = type == '*' || type == '%';
    const bool good = type == ':' ? mergeIntegers(entry, out)
                      : list      ? mergeLists(entry.values, out)
                                  : mergeRatios(entry, out);
    if (!good) return false;
  }
  return true;
}

}  // namespace

bool mergeMemoryStats(std::span<const PartReply> parts, std::string& out) {
  std::vector<std::string_view> replies;
  for (const PartReply& part : parts) replies.push_back(part.bytes);
  return mergeLists(replies, out);
}

}  // namespace slotless::routing
