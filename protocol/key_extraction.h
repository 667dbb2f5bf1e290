// Finds the keys among a request's arguments by the command's key specifications.
// Source: Redis 7.0 db.c getKeysUsingKeySpecs() and the get*Keys procedures for what specs cannot express.
#pragma once
#include <cstdint>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"

namespace slotless::protocol {

enum class KeyResult : std::uint8_t {
  Ok,       // `positions` holds the indexes of all keys in argv, ascending (may be empty)
  Invalid,  // the arguments contradict the specification (numkeys out of range …): let a server word the error
};

// `positions` is cleared first; its capacity is reused.
KeyResult keyPositions(const CommandSpec& spec, Argv argv, std::vector<std::uint32_t>& positions);

}  // namespace slotless::protocol
