// For each slot a hash tag of three characters that leads to it: letters and digits.
//
// Names of keys in people's clusters are made with it: the table does not change.
#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "protocol/slot.h"

namespace slotless::protocol {

inline constexpr std::size_t kSlotTagSize = 3;

class SlotTags {
 public:
  // Made once, when it is asked for the first time.
  static const SlotTags& get();

  // Requires a slot below kSlotCount.
  std::string_view of(Slot slot) const noexcept {
    return {tags_.data() + std::size_t{slot} * kSlotTagSize, kSlotTagSize};
  }
  // All of them, in the order of the slots.
  std::string_view text() const noexcept { return {tags_.data(), tags_.size()}; }

 private:
  SlotTags();

  std::array<char, kSlotTagSize * kSlotCount> tags_{};
};

}  // namespace slotless::protocol
