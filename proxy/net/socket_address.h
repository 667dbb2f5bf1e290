// Between Address and what the system's calls want.
#pragma once
#include <sys/socket.h>

#include <optional>

#include "proxy/net/address/address.h"

namespace slotless::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* raw() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const noexcept { return storage.ss_family; }
};

// nullopt: the host is not numeric. Looks nothing up.
std::optional<SocketAddress> socketAddressOf(const Address& address);
// With a numeric host. Of a Unix socket: its path, and port 0. Empty if it is neither.
Address addressOf(const SocketAddress& address);

// The near and the far end of a socket; empty if it has none. Of a Unix socket both are the path where the
// client has connected, as Redis has it.
Address nearEndOf(int descriptor);
Address farEndOf(int descriptor);

}  // namespace slotless::net
