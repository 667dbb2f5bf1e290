#include "proxy/net/socket_address.h"

#include <netdb.h>
#include <sys/un.h>
#include <uv.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace slotless::net {

std::optional<SocketAddress> socketAddressOf(const Address& address) {
  SocketAddress result;
  // libuv's, since they know the zone of a link-local address ("fe80::1%eth0").
  auto& ipv4 = reinterpret_cast<sockaddr_in&>(result.storage);
  if (uv_ip4_addr(address.host.c_str(), address.port, &ipv4) == 0) {
    result.length = sizeof(sockaddr_in);
    return result;
  }
  auto& ipv6 = reinterpret_cast<sockaddr_in6&>(result.storage);
  if (uv_ip6_addr(address.host.c_str(), address.port, &ipv6) != 0) return std::nullopt;
  result.length = sizeof(sockaddr_in6);
  return result;
}

Address addressOf(const SocketAddress& address) {
  if (address.family() == AF_UNIX) {
    const auto& local = reinterpret_cast<const sockaddr_un&>(address.storage);
    return {std::string(local.sun_path, strnlen(local.sun_path, sizeof(local.sun_path))), 0};
  }
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (getnameinfo(address.raw(), address.length, host.data(), host.size(), port.data(), port.size(),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  return {host.data(), static_cast<std::uint16_t>(std::strtoul(port.data(), nullptr, 10))};
}

Address nearEndOf(int descriptor) {
  SocketAddress address;
  if (getsockname(descriptor, address.raw(), &address.length) != 0) return {};
  return addressOf(address);
}

Address farEndOf(int descriptor) {
  SocketAddress address;
  if (getpeername(descriptor, address.raw(), &address.length) != 0) return {};
  return address.family() == AF_UNIX ? nearEndOf(descriptor) : addressOf(address);
}

}  // namespace slotless::net
