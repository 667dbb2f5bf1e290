// Whether two replies say the same; pure.
//
// Texts of errors are left out, since they may name keys, which have other names on the other side.
#pragma once
#include <cstddef>
#include <string>

#include "protocol/comparable_reply.h"
#include "proxy/subcommand/reply.h"

namespace slotless::shadow {

// It is about the data. False: the server could not, or would not, say what is there.
bool isAnswer(const subcommand::Reply& reply);

// One text for all replies that say the same. Requires isAnswer().
std::string essence(const subcommand::Reply& reply, protocol::ReplyOrder order);

}  // namespace slotless::shadow
