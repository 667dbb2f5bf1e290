// By which of this machine's addresses it speaks to another one: that is where others of that network reach
// it. Nothing is sent.
#pragma once
#include <cstdint>
#include <string>

namespace slotless::migrate {

// Empty: it cannot be told. Resolves names, which may take a while.
std::string ownAddressTowards(const std::string& host, std::uint16_t port);

}  // namespace slotless::migrate
