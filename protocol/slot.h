// Maps keys to the 16,384 slots of a Redis Cluster: CRC16/XMODEM of the hash tag, or of the whole key.
// Source: Redis Cluster specification, "Key distribution model" and "Hash tags".
#pragma once
#include <cstdint>
#include <string_view>

namespace slotless::protocol {

using Slot = std::uint16_t;
inline constexpr Slot kSlotCount = 16384;
// Stands for "no slot": a request without keys.
inline constexpr Slot kNoSlot = 0xFFFF;

// The part of a key that is hashed: what stands between the first '{' and the next '}', if that is not empty.
std::string_view hashTag(std::string_view key) noexcept;
std::uint16_t crc16(std::string_view bytes) noexcept;
Slot slotOf(std::string_view key) noexcept;

}  // namespace slotless::protocol
