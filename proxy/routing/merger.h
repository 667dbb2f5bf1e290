// Makes one reply of several, RESP2 or RESP3, without building trees.
//
// A part that is an error decides: the first one, whole, is the answer (FirstSuccess excepted). Replies of a
// shape that the merge cannot take (a node answered something else than the others) give an error that says
// so.
#pragma once
#include <span>
#include <string>

#include "proxy/routing/plan.h"

namespace slotless::routing {

// Appends the merged reply to `out`. Requires at least one part. False: the reply is an error.
bool mergeReplies(Merge merge, std::span<const PartReply> parts, std::string& out);

// For composers. True: a part is an error, and `out` has it.
bool appendFirstError(std::span<const PartReply> parts, std::string& out);
// The error for parts of a wrong shape. Returns false.
bool appendUnmergeable(std::string& out);

}  // namespace slotless::routing
