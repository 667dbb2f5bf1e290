// Where a server or a client is: host (name or numeric) and port.
#pragma once
#include <cstdint>
#include <string>

namespace slotless::net {

struct Address {
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 0;

  bool operator==(const Address&) const = default;
  auto operator<=>(const Address&) const = default;
  // "host:port", IPv6 hosts in brackets.
  std::string text() const;
};

bool isNumericHost(const std::string& host);

}  // namespace slotless::net
