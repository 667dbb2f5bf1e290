// Commands that tell of, or act on, what all databases of the servers have together, though they name none.
#pragma once
#include "protocol/command_spec.h"

namespace slotless::protocol {

// So they are not for whoever may use some databases only. INFO and what administers a server are not among
// them: that is a right of its own.
bool concernsAllDatabases(const CommandSpec& spec) noexcept;

}  // namespace slotless::protocol
