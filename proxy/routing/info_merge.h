// Makes one INFO of those of several nodes: sums where they are sums, maxima where they are maxima, by a
// table of fields (info_fields.h); what is about the proxy itself replaces what the nodes say. Pure.
//
// Source: INFO (redis.io/commands/info), Redis 7.0 server.c genRedisInfoString().
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::routing {

// A field whose value the proxy knows better than any node.
struct OwnInfoField {
  std::string_view section;
  std::string_view name;
  std::string value;
  // Not added where no node has it.
  bool onlyWhereKnown = false;
};

// `texts`: the nodes' answers to the same INFO. The sections are those that the nodes give, in the first
// one's order.
std::string mergeInfo(std::span<const std::string_view> texts, std::span<const OwnInfoField> own);
// INFO where no node has answered: the own fields of the sections that `wanted` accepts.
std::string ownInfo(std::span<const OwnInfoField> own,
                    bool (*wanted)(std::string_view section, const void* context), const void* context);

}  // namespace slotless::routing
