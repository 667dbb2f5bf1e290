// The keys that a script's own text names: redis.call('set', 'counter', …).
//
// A script that declares no keys says nothing of where it belongs; if its text names all of them, that tells.
// The reading is small, so that whatever is not plainly there counts as not told. Pure.
#pragma once
#include <optional>
#include <string_view>

#include "protocol/command_table.h"
#include "protocol/slot.h"

namespace slotless::databases {

// nullopt: it names none, or keys of several slots, or may use others, too.
std::optional<protocol::Slot> slotOfLiteralKeys(std::string_view script,
                                                const protocol::CommandTable& commands);

}  // namespace slotless::databases
