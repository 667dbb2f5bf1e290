// Where one request goes and how its replies become one.
//
// Units: argument positions index argv. Ownership: a plan refers to nothing; the caller keeps one and has it filled
// again, so that planning allocates nothing in the steady state.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/slot.h"

namespace slotless::routing {

// How the replies of several nodes or slots become one. Where a reply is an error, the first one is the answer, whole.
enum class Merge : std::uint8_t {
  None,         // there is one reply
  Interleave,   // arrays with one element per key: back into the order of the keys
  Concatenate,  // arrays: one after the other
  Sum,
  Minimum,
  Maximum,
  LogicalAnd,   // of integers, or element by element of arrays of integers
  LogicalOr,
  First,        // all the same: the first
  FirstSuccess, // the first that is no error, else the first error
  FirstNonNull,
};

// The arguments of one slot of a split request.
struct Part {
  protocol::Slot slot = protocol::kNoSlot;
  std::vector<std::uint32_t> keys;  // ordinal numbers of its keys in the request: 0 for the first key …
};

struct Plan {
  enum class Kind : std::uint8_t {
    OneSlot,   // as it is, to the owner of `slot`
    AnyNode,   // as it is, to any master
    EachNode,  // as it is, to every master
    BySlot,    // split into parts[0 .. partCount)
    Refused,   // `error` is the answer
  };
  Kind kind = Kind::Refused;
  Merge merge = Merge::None;
  protocol::Slot slot = protocol::kNoSlot;
  std::string error;
  std::size_t partCount = 0;
  std::vector<Part> parts;  // never shrinks
  // BySlot: where the keys stand, and how many arguments belong to each (MSET: 2).
  std::vector<std::uint32_t> keyPositions;
  std::uint32_t stride = 1;
};

}  // namespace slotless::routing
