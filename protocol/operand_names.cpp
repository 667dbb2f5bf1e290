#include "protocol/operand_names.h"

#include <algorithm>

#include "protocol/slot_tags.h"

namespace slotless::protocol {

namespace {

constexpr std::string_view kBegin = "~{";
constexpr std::string_view kBehindTag = "}slotless:operand:";

}  // namespace

std::string operandName(Slot slot, std::size_t number) {
  std::string name(kBegin);
  name += SlotTags::get().of(slot);
  name += kBehindTag;
  return name += std::to_string(number);
}

bool isOperandName(std::string_view key) noexcept {
  return key.starts_with(kBegin) &&
         key.substr(std::min(key.size(), kBegin.size() + kSlotTagSize)).starts_with(kBehindTag);
}

}  // namespace slotless::protocol
