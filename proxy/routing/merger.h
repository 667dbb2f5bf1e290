// Makes one reply of several, RESP2 or RESP3, without building trees.
//
// A part that is an error decides: the first one, whole, is the answer (FirstSuccess excepted). Replies of a shape that
// the merge cannot take (a node answered something else than the others) give an error that says so.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/routing/plan.h"

namespace slotless::routing {

struct PartReply {
  std::string_view bytes;               // one whole reply
  std::span<const std::uint32_t> keys;  // Merge::Interleave: which elements of the result it holds
};

// Appends the merged reply to `out`. Requires at least one part. False: the reply is an error.
bool mergeReplies(Merge merge, std::span<const PartReply> parts, std::string& out);

}  // namespace slotless::routing
