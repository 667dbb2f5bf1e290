#include "proxy/routing/config_merge.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "protocol/encoder.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

namespace {

// Limits that the nodes have together; 0 means "none".
constexpr std::string_view kSummedLimits[] = {"maxmemory"};

std::optional<std::uint64_t> numberIn(std::string_view reply) {
  const auto text = textOf(reply);
  std::uint64_t number = 0;
  if (!text) return std::nullopt;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != text->data() + text->size()) return std::nullopt;
  return number;
}

std::optional<std::string> sumOfLimits(std::string_view name, std::span<const ReplyPairs> replies) {
  std::uint64_t sum = 0;
  for (const ReplyPairs& reply : replies) {
    const auto found = std::find_if(reply.begin(), reply.end(),
                                    [&](const auto& pair) { return textOf(pair.first) == name; });
    const auto limit = found == reply.end() ? std::nullopt : numberIn(found->second);
    if (!limit) return std::nullopt;
    if (*limit == 0) return "0";
    sum += *limit;
  }
  return std::to_string(sum);
}

}  // namespace

bool mergeConfig(std::span<const PartReply> parts, const OwnSettings& own, std::string& out) {
  std::vector<ReplyPairs> replies;
  for (const PartReply& part : parts) {
    auto pairs = pairsOf(part.bytes);
    if (!pairs) return false;
    replies.push_back(std::move(*pairs));
  }
  appendPairsHeaderLike(out, parts.front().bytes, replies.front().size());
  for (const auto& [nameReply, valueReply] : replies.front()) {
    const std::string_view name = textOf(nameReply).value_or("");
    out += nameReply;
    const auto mine = own.find(name);
    std::optional<std::string> value;
    if (mine != own.end()) {
      value = mine->second;
    } else if (std::find(std::begin(kSummedLimits), std::end(kSummedLimits), name) !=
               std::end(kSummedLimits)) {
      value = sumOfLimits(name, replies);
    }
    if (value) {
      protocol::appendBulk(out, *value);
    } else {
      out += valueReply;
    }
  }
  return true;
}

}  // namespace slotless::routing
