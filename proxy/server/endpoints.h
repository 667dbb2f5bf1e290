// Between the addresses of the configuration and those of the network.
#pragma once
#include "config/config.h"
#include "proxy/net/listening_socket.h"

namespace slotless::server {

inline net::Address addressOf(const config::Endpoint& endpoint) {
  return {endpoint.host, endpoint.port};
}

inline config::Endpoint endpointOf(const net::ListeningSocket& socket) {
  const net::Address& address = socket.address();
  return socket.isLocal() ? config::Endpoint{"", 0, address.host}
                          : config::Endpoint{address.host, address.port};
}

}  // namespace slotless::server
