// Finds the keys among a request's arguments by the command's key specifications.
// Source: Redis 7.0 db.c getKeysUsingKeySpecs() and the get*Keys procedures for what specs cannot express.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"

namespace slotless::protocol {

enum class KeyResult : std::uint8_t {
  Ok,       // `positions` holds the indexes of all keys in argv, ascending (may be empty)
  Invalid,  // the arguments contradict the specification (numkeys out of range …): let a server word the
            // error
};

// `positions` is cleared first; its capacity is reused. Arguments that a server hashes without calling them
// keys (NOT_KEY: the channel of SPUBLISH) are among them. No keys (EVAL with 0, XREAD without STREAMS) is Ok
// and empty. Any argv is safe, also one of the wrong arity.
KeyResult keyPositions(const CommandSpec& spec, Argv argv, std::vector<std::uint32_t>& positions);

// The same for one of a command's specifications.
KeyResult keyPositionsOf(const KeySpec& spec, Argv argv, std::vector<std::uint32_t>& positions);

// Those of them that are keys for certain, where a server has to be asked for the others.
void certainKeyPositions(const CommandSpec& spec, Argv argv, std::vector<std::uint32_t>& positions);

// Keys at first, first + step …: `count` of them, and nothing else behind the first one but what belongs to
// each.
struct KeyRange {
  std::size_t first = 0;
  std::size_t step = 1;
  std::size_t count = 0;
};
// Where the keys of any such command with so many arguments are, without looking at them; nullopt: that
// depends on the arguments, or contradicts them.
std::optional<KeyRange> plainKeyRange(const CommandSpec& spec, std::size_t argumentCount) noexcept;

// Adds the arguments that are patterns of keys (BY and GET of SORT).
void patternPositions(const CommandSpec& spec, Argv argv, std::vector<std::uint32_t>& positions);

// True if this call needs a session: the spec's sessionKeyword stands among the options (XREAD BLOCK 0
// STREAMS k 0, but not XREAD STREAMS block 0).
bool hasSessionKeyword(const CommandSpec& spec, Argv argv) noexcept;
// Where it stands; 0: it does not.
std::size_t sessionKeywordPosition(const CommandSpec& spec, Argv argv) noexcept;

}  // namespace slotless::protocol
