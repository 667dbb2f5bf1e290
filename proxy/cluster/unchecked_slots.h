// Commands that some servers carry out for slots that are not theirs: a table of what experiments have shown.
//
// Where the map of the slots is out of date such a node answers OK instead of MOVED, and what it has written
// nobody finds; a stray key can later crash it.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/command_spec.h"

namespace slotless::cluster {

// `product` and `version`: of the server that has told these facts.
void markUncheckedSlots(std::vector<protocol::CommandSpec>& facts, std::string_view product,
                        const std::vector<std::uint32_t>& version);

}  // namespace slotless::cluster
