#include "proxy/telemetry/admin_http.h"

#include <sys/socket.h>

#include <utility>

#include "proxy/net/listening_socket.h"
#include "proxy/net/socket_address.h"
#include "proxy/telemetry/admin_server.h"

namespace slotless::telemetry {

AdminHttp::AdminHttp(std::unique_ptr<AdminServer> server, net::Address bound)
    : server_(std::move(server)), bound_(std::move(bound)) {}

AdminHttp::~AdminHttp() = default;

AdminHttp::Started AdminHttp::start(const std::string& host, std::uint16_t port, AdminPages pages,
                                    net::TlsSourcePtr tls) {
  std::string error;
  net::ListeningSocket socket = net::ListeningSocket::tcp({host, port}, SOMAXCONN, error);
  if (!socket)
    return {nullptr, "admin HTTP: cannot listen on '" + net::Address{host, port}.text() + "': " + error};
  const net::Address bound = net::nearEndOf(socket.descriptor());
  auto server = std::make_unique<AdminServer>(std::move(socket), std::move(tls), std::move(pages));
  return {std::unique_ptr<AdminHttp>(new AdminHttp(std::move(server), bound)), {}};
}

std::string AdminHttp::address() const {
  return bound_.text();
}

}  // namespace slotless::telemetry
