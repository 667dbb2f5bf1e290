// The cursor that SCAN gives to clients: one decimal number below 2^63, since many clients keep it as a
// signed integer.
//
// It names the slot up to which everything has been returned, a check of the node that is being gone through,
// and that node's own cursor. A node's cursor is as long as the mask of its hash table, plus 14 bits where
// the node keeps one table per slot (Redis 8, Valkey 8), so the check gets what the node's cursor leaves: the
// width of the latter is chosen from kCursorBits.
//
//   bit 62..61  which of kCursorBits          bit 60  whose keys: the owner's or the target's of a migration
//   bit 59..46  slot                          bit 45..0  check, then the node's cursor
//
// 0 begins and ends an iteration, as everywhere. Source: Redis 7.0 dict.c dictScan(); Redis 8 kvstore.c
// addDictIndexToCursor().
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/slot.h"

namespace slotless::routing {

struct ScanCursor {
  // A slot that is being migrated has keys on two nodes: the owner is gone through first, then the target, so
  // that a key which moves meanwhile is met at one of them.
  enum class Side : std::uint8_t { Owner, Target };

  Side side = Side::Owner;
  protocol::Slot slot = 0;       // all keys of lower slots have been returned
  std::uint32_t check = 0;       // of what the node said of itself; see scan_walk.h
  std::uint64_t nodeCursor = 0;  // 0: at the beginning of the node

  bool operator==(const ScanCursor&) const = default;
};

inline constexpr unsigned kCheckAndCursorBits = 46;
inline constexpr std::array<unsigned, 4> kCursorBits = {24, 30, 36, 42};

// As much of a check as a cursor with that node's cursor can hold; never 0, so that no cursor on its way is
// 0. nullopt: the node's cursor is too long.
std::optional<std::uint32_t> shortenedCheck(std::uint32_t check, std::uint64_t nodeCursor) noexcept;
std::optional<std::uint64_t> encodeScanCursor(const ScanCursor& cursor) noexcept;
// What nobody has encoded gives some cursor as well, which is harmless: its check will not fit.
ScanCursor decodeScanCursor(std::uint64_t number) noexcept;
// nullopt: no number (Redis: "ERR invalid cursor").
std::optional<std::uint64_t> parseScanCursor(std::string_view text) noexcept;

}  // namespace slotless::routing
