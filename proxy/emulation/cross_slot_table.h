// What becomes of commands over keys in several slots, by the way in which they are carried out: the table of
// docs/compatibility.md, and the label `kind` of slotless_cross_slot_total.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace slotless::session {

enum class CrossSlotKind : std::uint8_t {
  Read,       // each slot gives its part
  Split,      // each slot does its part
  Sorted,     // SORT
  Computed,   // values are brought to another slot, and used there
  Stored,     // the same, and something is written
  Copied,     // a key
  Renamed,    // a key
  Moved,      // a member or an element
  First,      // of several keys the first that has something
  AllOrNone,  // values
  Streams,
  Waits,
  Groups,  // a transaction
  EachNode,
  Refused,
};

// As in the metric.
std::string_view nameOf(CrossSlotKind kind) noexcept;
// Markdown; ends with a newline.
std::string crossSlotTable();

}  // namespace slotless::session
