// What values are called while they are in a slot that is not their own, because a command there needs them:
// ~{TAG}slotless:operand:N, with a tag that leads to the slot. Nobody sees them but those who are told of
// changes.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/slot.h"

namespace slotless::protocol {

// Requires a slot below kSlotCount.
std::string operandName(Slot slot, std::size_t number);
bool isOperandName(std::string_view key) noexcept;

}  // namespace slotless::protocol
