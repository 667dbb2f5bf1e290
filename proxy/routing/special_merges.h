// The merges that a single command or few of them need. Each appends the merged reply to `out`, in the shape
// (RESP2 or RESP3) of the first part. False: the replies have not the shape they should have. No part is an
// error.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "proxy/routing/merger.h"

namespace slotless::routing {

bool mergeUnion(std::span<const PartReply> parts, std::string& out);
bool mergeSumByName(std::span<const PartReply> parts, std::string& out);
bool mergeTexts(std::span<const PartReply> parts, std::string& out);
bool mergeFunctionStats(std::span<const PartReply> parts, std::string& out);
bool mergeMemoryStats(std::span<const PartReply> parts, std::string& out);
// A data set's digest is the exclusive or of its keys' digests and of a constant for the database (if it has
// a key). Source: Redis 7.0 debug.c computeDatasetDigest().
bool mergeDigests(std::span<const PartReply> parts, std::string& out);

// The merge of a command that is run on all masters and has a special response policy, or none; by its full
// name. Merge::None: it is not in the table.
Merge specialMergeOf(std::string_view command) noexcept;

}  // namespace slotless::routing
