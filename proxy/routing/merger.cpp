#include "proxy/routing/merger.h"

#include <algorithm>
#include <optional>

#include "protocol/encoder.h"
#include "protocol/reply_scanner.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/routing/special_merges.h"

namespace slotless::routing {

namespace {

constexpr std::string_view kUnmergeable = "ERR The nodes gave replies that do not fit together";
// Where a script is looked for on all nodes, most have none: that says less than any other error.
constexpr std::string_view kNotBusy = "-NOTBUSY";

std::optional<std::int64_t> fold(Merge merge, std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  switch (merge) {
    case Merge::Sum: return __builtin_add_overflow(a, b, &sum) ? std::nullopt : std::optional(sum);
    case Merge::Minimum: return std::min(a, b);
    case Merge::Maximum: return std::max(a, b);
    case Merge::LogicalAnd: return a != 0 && b != 0 ? 1 : 0;
    case Merge::LogicalOr: return a != 0 || b != 0 ? 1 : 0;
    default: return std::nullopt;
  }
}

bool foldIntegers(Merge merge, std::span<const PartReply> parts, std::string& out) {
  auto result = integerOf(parts.front().bytes);
  for (const PartReply& part : parts.subspan(1)) {
    const auto value = integerOf(part.bytes);
    result = result && value ? fold(merge, *result, *value) : std::nullopt;
  }
  if (!result) return false;
  protocol::appendInteger(out, *result);
  return true;
}

// Element by element (SCRIPT EXISTS: one integer per script).
bool foldArrays(Merge merge, std::span<const PartReply> parts, std::string& out) {
  std::vector<std::int64_t> results;
  for (const PartReply& part : parts) {
    const auto elements = elementsOf(part.bytes);
    if (!elements || (&part != &parts.front() && elements->size() != results.size())) return false;
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const auto value = integerOf((*elements)[i]);
      if (!value) return false;
      if (&part == &parts.front()) {
        results.push_back(*value);
        continue;
      }
      const auto folded = fold(merge, results[i], *value);
      if (!folded) return false;
      results[i] = *folded;
    }
  }
  protocol::appendArrayHeader(out, results.size());
  for (const std::int64_t value : results) protocol::appendInteger(out, value);
  return true;
}

bool foldNumbers(Merge merge, std::span<const PartReply> parts, std::string& out) {
  return isListReply(parts.front().bytes) ? foldArrays(merge, parts, out) : foldIntegers(merge, parts, out);
}

bool concatenate(std::span<const PartReply> parts, std::string& out) {
  std::size_t total = 0;
  for (const PartReply& part : parts) {
    std::size_t end = 0;
    const auto count = isListReply(part.bytes) ? numberOf(part.bytes, end) : std::nullopt;
    if (!count) return false;
    total += static_cast<std::size_t>(*count);
  }
  out.push_back(parts.front().bytes[0]);  // an array stays an array, a set a set
  out += std::to_string(total);
  out += "\r\n";
  for (const PartReply& part : parts) {
    std::size_t end = 0;
    numberOf(part.bytes, end);
    out += part.bytes.substr(end);
  }
  return true;
}

bool interleave(std::span<const PartReply> parts, std::string& out) {
  std::size_t total = 0;
  for (const PartReply& part : parts) total += part.keys.size();
  std::vector<std::string_view> merged(total);
  for (const PartReply& part : parts) {
    std::size_t position = 0;
    const auto count = isListReply(part.bytes) ? numberOf(part.bytes, position) : std::nullopt;
    if (!count || static_cast<std::size_t>(*count) != part.keys.size()) return false;
    for (const std::uint32_t key : part.keys) {
      // The last one is all that is left: the reply is whole.
      const bool last = &key == &part.keys.back();
      const std::string_view rest = part.bytes.substr(position);
      protocol::ReplyScanner scanner;
      const std::size_t size = last ? rest.size() : scanner.scan(rest).consumed;
      merged[key] = rest.substr(0, size);
      position += size;
    }
  }
  protocol::appendArrayHeader(out, total);
  for (const std::string_view element : merged) out += element;
  return true;
}

std::string_view firstThat(std::span<const PartReply> parts, bool (*unwanted)(std::string_view)) {
  for (const PartReply& part : parts) {
    if (!unwanted(part.bytes)) return part.bytes;
  }
  return parts.front().bytes;
}

bool isNotBusy(std::string_view reply) {
  return reply.starts_with(kNotBusy);
}

bool automatic(std::span<const PartReply> parts, std::string& out) {
  const bool lists =
      std::all_of(parts.begin(), parts.end(), [](const PartReply& p) { return isListReply(p.bytes); });
  if (lists) return concatenate(parts, out);
  out += parts.front().bytes;
  return true;
}

bool mergeGood(Merge merge, std::span<const PartReply> parts, std::string& out) {
  switch (merge) {
    case Merge::None:
    case Merge::First:
    case Merge::FirstSuccess: out += parts.front().bytes; return true;
    case Merge::FirstNonNull: out += firstThat(parts, isNullReply); return true;
    case Merge::Automatic: return automatic(parts, out);
    case Merge::Union: return mergeUnion(parts, out);
    case Merge::SumByName: return mergeSumByName(parts, out);
    case Merge::Texts: return mergeTexts(parts, out);
    case Merge::FunctionStats: return mergeFunctionStats(parts, out);
    case Merge::MemoryStats: return mergeMemoryStats(parts, out);
    case Merge::Digest: return mergeDigests(parts, out);
    case Merge::Interleave: return interleave(parts, out);
    case Merge::Concatenate: return concatenate(parts, out);
    case Merge::Sum:
    case Merge::Minimum:
    case Merge::Maximum:
    case Merge::LogicalAnd:
    case Merge::LogicalOr: return foldNumbers(merge, parts, out);
  }
  return false;
}

}  // namespace

bool mergeReplies(Merge merge, std::span<const PartReply> parts, std::string& out) {
  if (merge == Merge::FirstSuccess) {
    std::string_view chosen = firstThat(parts, isErrorReply);
    if (isErrorReply(chosen)) chosen = firstThat(parts, isNotBusy);
    out += chosen;
    return !isErrorReply(chosen);
  }
  if (appendFirstError(parts, out)) return false;
  const std::size_t before = out.size();
  if (mergeGood(merge, parts, out)) return true;
  out.resize(before);
  return appendUnmergeable(out);
}

bool appendFirstError(std::span<const PartReply> parts, std::string& out) {
  const auto found =
      std::find_if(parts.begin(), parts.end(), [](const PartReply& p) { return isErrorReply(p.bytes); });
  if (found == parts.end()) return false;
  out += found->bytes;
  return true;
}

bool appendUnmergeable(std::string& out) {
  protocol::appendError(out, kUnmergeable);
  return false;
}

}  // namespace slotless::routing
