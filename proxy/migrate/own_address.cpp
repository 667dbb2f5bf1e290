#include "proxy/migrate/own_address.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>

namespace slotless::migrate {

namespace {

std::string numericText(const sockaddr_storage& address, socklen_t length) {
  std::array<char, NI_MAXHOST> host{};
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (::getnameinfo(generic, length, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  std::string text(host.data());
  // A scope means nothing on another machine.
  return text.substr(0, text.find('%'));
}

// The system chooses the way, and with it the address, when a socket of datagrams is connected.
std::string addressChosenFor(const addrinfo& other) {
  const int descriptor = ::socket(other.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return {};
  sockaddr_storage own{};
  socklen_t length = sizeof(own);
  const bool known = ::connect(descriptor, other.ai_addr, other.ai_addrlen) == 0 &&
                     ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &length) == 0;
  ::close(descriptor);
  return known ? numericText(own, length) : std::string();
}

}  // namespace

std::string ownAddressTowards(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (std::string own = addressChosenFor(*each); !own.empty()) return own;
  }
  return {};
}

}  // namespace slotless::migrate
