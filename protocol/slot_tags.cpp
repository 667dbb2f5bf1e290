#include "protocol/slot_tags.h"

#include <algorithm>

namespace slotless::protocol {

namespace {

// In this order: of several tags of a slot the first one counts.
constexpr std::string_view kCharacters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

}  // namespace

const SlotTags& SlotTags::get() {
  static const SlotTags tags;
  return tags;
}

SlotTags::SlotTags() {
  for (const char first : kCharacters) {
    for (const char second : kCharacters) {
      for (const char third : kCharacters) {
        const char tag[] = {first, second, third};
        char* const place = tags_.data() + slotOf({tag, kSlotTagSize}) * kSlotTagSize;
        if (*place == '\0') std::copy_n(tag, kSlotTagSize, place);
      }
    }
  }
}

}  // namespace slotless::protocol
