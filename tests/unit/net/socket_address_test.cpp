// Addresses there and back again.
#include "proxy/net/socket_address.h"

#include <netinet/in.h>

#include "catch.h"

namespace slotless::net {

TEST_CASE("a numeric address goes to the system's form and back", "[net]") {
  for (const Address& address :
       {Address{"127.0.0.1", 7000}, Address{"::1", 65535}, Address{"2001:db8::7", 1}}) {
    const auto there = socketAddressOf(address);
    REQUIRE(there);
    CHECK(there->family() == (address.host.find(':') == std::string::npos ? AF_INET : AF_INET6));
    CHECK(addressOf(*there) == address);
  }
}

TEST_CASE("the zone of a link-local address is kept", "[net]") {
  const auto there = socketAddressOf({"fe80::1%lo", 7000});
  REQUIRE(there);
  CHECK(reinterpret_cast<const sockaddr_in6&>(there->storage).sin6_scope_id == 1);
  CHECK(addressOf(*there) == Address{"fe80::1%lo", 7000});
}

TEST_CASE("a name, or nothing, is no numeric address", "[net]") {
  for (const char* host : {"localhost", "", "127.0.0.1:80", "1.2.3", "::g"})
    CHECK_FALSE(socketAddressOf({host, 1}));
}

TEST_CASE("a descriptor that is no socket has no ends", "[net]") {
  CHECK(nearEndOf(0).host.empty());
  CHECK(farEndOf(-1) == Address{});
}

}  // namespace slotless::net
