// Some of the cluster's slots.
#pragma once
#include <bitset>

#include "protocol/slot.h"

namespace slotless::migrate {

using SlotSet = std::bitset<protocol::kSlotCount>;

}  // namespace slotless::migrate
