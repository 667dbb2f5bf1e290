// Whether what a command replies is the same on two servers that have the same data, and in which order.
//
// Servers tell that by tips (COMMAND, since Redis 7.0); for older ones, and where tips say nothing about what
// only one server can know, there is a table.
// Source: https://redis.io/docs/latest/develop/reference/command-tips/
#pragma once
#include <cstdint>

#include "protocol/command_spec.h"

namespace slotless::protocol {

enum class ReplyOrder : std::uint8_t {
  Kept,     // element by element
  Any,      // the same elements
  AnyPair,  // the same pairs of elements
};

// By the data alone: not by chance, by the clock, or by how the server keeps it.
bool tellsDataOnly(const CommandSpec& spec);
ReplyOrder replyOrderOf(const CommandSpec& spec);

}  // namespace slotless::protocol
