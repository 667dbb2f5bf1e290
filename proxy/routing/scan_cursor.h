// The cursor that SCAN gives to clients: one decimal number below 2^53, since many clients keep it as a
// double, and one that is cut never ends an iteration.
//
// It names a stage of the iteration (see scan_walk.h), a place in that stage, a check of what has been gone
// through, and the node's own cursor. A node's cursor is as long as the mask of its hash table, plus 14 bits
// where the node keeps one table per slot (Redis 8, Valkey 8), so the check gets what the node's cursor
// leaves: the layouts, in scan_cursor.cpp, are told apart by their first bits. Where no layout has the room
// (cursors of 64 bits, as some services have them), the number is the name of a Note: the whole cursor, kept
// in the cluster for a while.
//
// 0 begins and ends an iteration, as everywhere. No other number below kLeastScanCursor is used: those are
// the cursors of one server, which a client may bring along over a cut-over, or take back (upstream
// migrating). Their length is that of one hash table's mask. Source: Redis 7.0 dict.c dictScan(); Redis 8
// kvstore.c addDictIndexToCursor().
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/slot.h"

namespace slotless::cluster {
struct ServerIdentity;
}

namespace slotless::routing {

struct ScanCursor {
  enum class Stage : std::uint8_t {
    Owner,    // place: a slot; all keys of lower slots have been returned. Its owner is gone through …
    Near,     // … place: 4 × (slot / 256), and which of the ranges that begin there
    Target,   // place: a slot that is being migrated; its target is gone through
    Node,     // place: how many of the nodes with slots are done, in the order of their first slots
    Moving,   // the same, and slots have been seen on their way
    Arrival,  // place: how many masters have been asked for keys on their way in
    Pinned,   // of a pinned database, whose slot is known
    Note,     // place: the name of the note that has the cursor
  };

  Stage stage = Stage::Owner;
  std::uint64_t place = 0;
  std::uint32_t check = 0;       // of what the node said of itself; see scan_walk.h
  std::uint64_t nodeCursor = 0;  // 0: at the beginning of the node

  protocol::Slot slot() const noexcept { return static_cast<protocol::Slot>(place); }

  bool operator==(const ScanCursor&) const = default;
};

inline constexpr unsigned kCursorBits = 53;
inline constexpr unsigned kNoteBits = 48;
inline constexpr std::uint64_t kLeastScanCursor = std::uint64_t{1} << 36;
inline constexpr std::uint64_t kEndOfScanCursors = std::uint64_t{1} << kCursorBits;

// As much of a check as a cursor like that can hold; never 0, so that no cursor on its way is 0.
std::uint32_t shortenedCheck(std::uint32_t check, const ScanCursor& cursor) noexcept;
// nullopt: it does not fit into 53 bits.
std::optional<std::uint64_t> encodeScanCursor(const ScanCursor& cursor) noexcept;
// What nobody has encoded gives some cursor as well, which is harmless: its check will not fit.
ScanCursor decodeScanCursor(std::uint64_t number) noexcept;
ScanCursor decodePinnedCursor(std::uint64_t number) noexcept;
// nullopt: no number (Redis: "ERR invalid cursor"). As the older servers take it: also nothing, and what is
// below 0.
std::optional<std::uint64_t> parseScanCursor(std::string_view text) noexcept;
// Whether this server is one of the newer ones, and takes no such cursor.
bool refusesCursor(const cluster::ServerIdentity& server, std::string_view text);

}  // namespace slotless::routing
