// Who is behind an address: of IPv6 the /64 that a provider gives to one subscriber (RFC 6177), in which it
// may have as many addresses as it likes.
#pragma once
#include <string>
#include <string_view>

#include "config/network.h"

namespace slotless::access {

config::IpBytes subscriberOf(config::IpBytes address) noexcept;
// The same of a host, as the key of a table. Of one that is no address (a Unix socket) its name.
std::string subscriberKey(std::string_view host);

}  // namespace slotless::access
