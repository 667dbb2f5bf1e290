#include "proxy/net/listening_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "proxy/net/resolver.h"
#include "proxy/net/socket_address.h"

namespace slotless::net {

namespace {

// How long a name may take to be found out.
constexpr Millis kPatience{10'000};
constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

int openTcp(const SocketAddress& at, int backlog, bool allAddresses, int& error) {
  const int descriptor = ::socket(at.family(), kSocketFlags, 0);
  if (descriptor < 0) {
    error = errno;
    return -1;
  }
  const int on = 1;
  const int off = 0;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (at.family() == AF_INET6) {
    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, allAddresses ? &off : &on, sizeof(on));
  }
  if (::bind(descriptor, at.raw(), at.length) == 0 && ::listen(descriptor, backlog) == 0) return descriptor;
  error = errno;
  ::close(descriptor);
  return -1;
}

sockaddr_un localAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

// Makes the file with these permissions and no others, not even for a moment. 0, or why not.
int bindWithMode(int descriptor, const sockaddr_un& address, mode_t mode) {
  const mode_t before = ::umask(~mode & 0777);
  const int code =
      ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  ::umask(before);
  return code;
}

// A socket whose listener has died without removing it.
bool isAbandoned(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int probe = ::socket(AF_UNIX, kSocketFlags, 0);
  if (probe < 0) return false;
  const sockaddr_un address = localAddress(path);
  const bool refused = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
                       errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

int optionOf(int descriptor, int level, int option) {
  int value = 0;
  socklen_t length = sizeof(value);
  return getsockopt(descriptor, level, option, &value, &length) == 0 ? value : -1;
}

// Where a descriptor listens; nullopt: on nothing that can be served.
std::optional<Address> listeningAddress(int descriptor, bool& local) {
  if (optionOf(descriptor, SOL_SOCKET, SO_TYPE) != SOCK_STREAM) return std::nullopt;
  if (optionOf(descriptor, SOL_SOCKET, SO_ACCEPTCONN) != 1) return std::nullopt;
  SocketAddress at;
  if (getsockname(descriptor, at.raw(), &at.length) != 0) return std::nullopt;
  local = at.family() == AF_UNIX;
  if (local) return addressOf(at);
  if (at.family() != AF_INET && at.family() != AF_INET6) return std::nullopt;
  Address address = addressOf(at);
  if (address.host.empty()) return std::nullopt;
  const bool dualStack = at.family() == AF_INET6 && optionOf(descriptor, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
  if (address.host == "::" && dualStack) address.host.clear();
  return address;
}

// Numeric addresses to listen on, the first choice first; none: `error` says why.
std::vector<std::string> hostsFor(const std::string& host, std::string& error) {
  // One dual-stack socket for all addresses; where there is no IPv6, an IPv4 one.
  if (host.empty()) return {"::", "0.0.0.0"};
  Resolution resolution = Resolver::ofProcess().await(host, kPatience);
  error = std::move(resolution.error);
  return resolution.addresses;
}

}  // namespace

ListeningSocket::~ListeningSocket() {
  if (descriptor_ < 0) return;
  // First the file: once it is gone nobody can connect and be dropped.
  if (file_.inode != 0 && fileAt(address_.host) == file_) ::unlink(address_.host.c_str());
  ::close(descriptor_);
}

ListeningSocket::File ListeningSocket::fileAt(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

void ListeningSocket::adoptFile() {
  if (local_) file_ = fileAt(address_.host);
}

ListeningSocket ListeningSocket::tcp(const Address& address, int backlog, std::string& error) {
  ListeningSocket result;
  for (const std::string& host : hostsFor(address.host, error)) {
    const auto at = socketAddressOf({host, address.port});
    if (!at) {
      error = "not an address: " + host;
      continue;
    }
    int code = 0;
    result.descriptor_ = openTcp(*at, backlog, address.host.empty(), code);
    if (result) {
      result.address_ = {address.host, nearEndOf(result.descriptor_).port};
      break;
    }
    error = std::strerror(code);
    if (code == EADDRINUSE) break;
  }
  return result;
}

ListeningSocket ListeningSocket::local(const std::string& path, mode_t mode, int backlog,
                                       std::string& error) {
  ListeningSocket result;
  const int descriptor = ::socket(AF_UNIX, kSocketFlags, 0);
  const sockaddr_un address = localAddress(path);
  int code = descriptor < 0 ? errno : bindWithMode(descriptor, address, mode);
  if (code == EADDRINUSE && isAbandoned(path)) {
    ::unlink(path.c_str());
    code = bindWithMode(descriptor, address, mode);
  }
  if (code == 0 && ::listen(descriptor, backlog) != 0) code = errno;
  if (code != 0) {
    error = std::strerror(code);
    if (descriptor >= 0) ::close(descriptor);
    return result;
  }
  result.descriptor_ = descriptor;
  result.address_ = {path, 0};
  result.local_ = true;
  result.file_ = fileAt(path);
  return result;
}

ListeningSocket ListeningSocket::inherited(int descriptor, std::string& error) {
  ListeningSocket result;
  const auto address = listeningAddress(descriptor, result.local_);
  if (!address) {
    error = "it is no TCP or Unix socket that listens";
    return result;
  }
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  result.descriptor_ = descriptor;
  result.address_ = *address;
  return result;
}

}  // namespace slotless::net
