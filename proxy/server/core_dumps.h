// Whether others may see the memory of the process: in a core file, or by attaching to it.
#pragma once

namespace slotless::server {

// PR_SET_DUMPABLE. A program that is executed later begins with the system's default again.
void allowCoreDumps(bool allowed) noexcept;

}  // namespace slotless::server
