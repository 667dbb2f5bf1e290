#include "protocol/slot.h"

#include <array>
#include <cstddef>

namespace slotless::protocol {
namespace {

constexpr std::uint32_t kPolynomial =
    0x1021;                         // XMODEM: x^16 + x^12 + x^5 + 1, initial value 0, not reflected
constexpr std::size_t kStride = 8;  // bytes taken per step of the loop below

using Row = std::array<std::uint16_t, 256>;

// Row n holds the CRC of each byte followed by n zero bytes, so that kStride bytes are looked up side by
// side.
constexpr std::array<Row, kStride> makeTable() {
  std::array<Row, kStride> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte << 8;
    for (std::size_t row = 0; row < kStride; ++row) {
      for (int bit = 0; bit < 8; ++bit)
        crc = ((crc << 1) ^ ((crc & 0x8000U) != 0 ? kPolynomial : 0U)) & 0xFFFFU;
      table[row][byte] = static_cast<std::uint16_t>(crc);
    }
  }
  return table;
}

constexpr std::array<Row, kStride> kTable = makeTable();

}  // namespace

std::string_view hashTag(std::string_view key) noexcept {
  const std::size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const std::size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

std::uint16_t crc16(std::string_view bytes) noexcept {
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  std::uint32_t crc = 0;
  for (; left >= kStride; left -= kStride, p += kStride) {
    crc = static_cast<std::uint32_t>(kTable[7][(crc >> 8) ^ p[0]] ^ kTable[6][(crc & 0xFFU) ^ p[1]] ^
                                     kTable[5][p[2]] ^ kTable[4][p[3]] ^ kTable[3][p[4]] ^ kTable[2][p[5]] ^
                                     kTable[1][p[6]] ^ kTable[0][p[7]]);
  }
  if (left >= kStride / 2) {
    crc = static_cast<std::uint32_t>(kTable[3][(crc >> 8) ^ p[0]] ^ kTable[2][(crc & 0xFFU) ^ p[1]] ^
                                     kTable[1][p[2]] ^ kTable[0][p[3]]);
    left -= kStride / 2;
    p += kStride / 2;
  }
  for (; left > 0; --left, ++p) crc = ((crc << 8) & 0xFFFFU) ^ kTable[0][(crc >> 8) ^ *p];
  return static_cast<std::uint16_t>(crc);
}

Slot slotOf(std::string_view key) noexcept {
  return static_cast<Slot>(crc16(hashTag(key)) % kSlotCount);
}

}  // namespace slotless::protocol
