// How many clients the process has descriptors for.
#pragma once
#include <cstdint>

#include "config/load.h"

namespace slotless::server {

// What may not be taken by clients: of `limit` descriptors, those for links, leases, look-ups of the
// topology, probes and the libraries' own.
std::uint64_t keptDescriptors(std::uint64_t limit) noexcept;
// The largest max-clients for which `limit` descriptors suffice, leases apart; never 0.
std::uint64_t clientsThatFit(std::uint64_t limit) noexcept;

// Raises the process's limit as far as it may be and returns it.
std::uint64_t raiseDescriptorLimit() noexcept;

// A configuration whose max-clients fits; warns in the log where it had to be lowered. Errors: as they were.
config::LoadResult withinDescriptors(config::LoadResult loaded);
config::Config withinDescriptors(config::Config config);

}  // namespace slotless::server
