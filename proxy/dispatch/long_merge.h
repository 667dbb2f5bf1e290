// The replies of one request's parts that become one in pieces, because they are long: see work.h.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "proxy/dispatch/completion.h"
#include "proxy/dispatch/work.h"

namespace slotless::session {

// nullptr: it is short enough to be done at once. Otherwise the work finishes the request.
std::unique_ptr<Work> longMergeOf(Completion& completion, Request& request,
                                  const std::vector<routing::PartReply>& parts);

}  // namespace slotless::session
