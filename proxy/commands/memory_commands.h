// MEMORY DOCTOR: of the proxy itself, and what the masters say of themselves.
#pragma once
#include <cstddef>

#include "protocol/argv.h"
#include "proxy/observe/memory_report.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

struct Services;

// The kinds are as of each worker's last look, at most a second ago. `wrappedScripts`: bytes that only the
// workers know.
MemoryAccount memoryAccountOf(const Services& services, std::size_t wrappedScripts);

bool planMemoryDoctor(Services& services, protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
