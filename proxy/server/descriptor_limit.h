// Whether the process may have as many descriptors as its clients need.
#pragma once
#include <cstdint>

namespace slotless::server {

// Raises the limit as far as the process may; warns in the log if it is still too low.
void checkDescriptorLimit(std::uint64_t maxClients);

}  // namespace slotless::server
