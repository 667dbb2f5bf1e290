#include "proxy/routing/config_merge.h"

#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

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
    if (mine != own.end()) {
      protocol::appendBulk(out, mine->second);
    } else {
      out += valueReply;
    }
  }
  return true;
}

}  // namespace slotless::routing
