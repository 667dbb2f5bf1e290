#include "proxy/telemetry/admin_http.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/telemetry/admin_server.h"

namespace slotless::telemetry {

namespace {

using Found = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Found lookUp(const char* host, std::uint16_t port, std::string& error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host, std::to_string(port).c_str(), &hints, &found); code != 0)
    error = gai_strerror(code);
  return {found, &freeaddrinfo};
}

// -1: errno says why not.
int listenOn(const addrinfo& where, bool dualStack) {
  const int fd = ::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int yes = 1;
  const int onlyIpv6 = dualStack ? 0 : 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (where.ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &onlyIpv6, sizeof onlyIpv6);
  if (::bind(fd, where.ai_addr, where.ai_addrlen) == 0 && ::listen(fd, SOMAXCONN) == 0) return fd;
  const int code = errno;
  ::close(fd);
  errno = code;
  return -1;
}

std::pair<std::string, std::uint16_t> nameOf(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  getnameinfo(reinterpret_cast<sockaddr*>(&address), length, host.data(), host.size(), port.data(),
              port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  const bool ipv6 = address.ss_family == AF_INET6;
  return {ipv6 ? "[" + std::string(host.data()) + "]" : host.data(),
          static_cast<std::uint16_t>(std::strtoul(port.data(), nullptr, 10))};
}

}  // namespace

AdminHttp::AdminHttp(std::unique_ptr<AdminServer> server, std::string host, std::uint16_t port)
    : server_(std::move(server)), host_(std::move(host)), port_(port) {}

AdminHttp::~AdminHttp() = default;

AdminHttp::Started AdminHttp::start(const std::string& host, std::uint16_t port, AdminPages pages) {
  const std::string wanted =
      (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
  std::string error;
  int fd = -1;
  // One dual-stack socket for all addresses; where there is no IPv6, an IPv4 one.
  for (const char* name : {host.empty() ? "::" : host.c_str(), host.empty() ? "0.0.0.0" : nullptr}) {
    if (name == nullptr) break;
    const Found found = lookUp(name, port, error);
    if (found == nullptr) return {nullptr, "admin HTTP: cannot resolve '" + wanted + "': " + error};
    fd = listenOn(*found, host.empty());
    if (fd >= 0 || errno == EADDRINUSE) break;
  }
  if (fd < 0) return {nullptr, "admin HTTP: cannot listen on '" + wanted + "': " + std::strerror(errno)};
  auto [boundHost, boundPort] = nameOf(fd);
  auto server = std::make_unique<AdminServer>(fd, std::move(pages));
  return {std::unique_ptr<AdminHttp>(new AdminHttp(std::move(server), std::move(boundHost), boundPort)), {}};
}

std::string AdminHttp::address() const {
  return host_ + ":" + std::to_string(port_);
}

}  // namespace slotless::telemetry
