#include "proxy/net/listening_socket.h"

#include <fcntl.h>
#include <netdb.h>
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

namespace slotless::net {

namespace {

constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

int openTcp(const addrinfo& info, int backlog, bool allAddresses, int& error) {
  const int descriptor = ::socket(info.ai_family, kSocketFlags, 0);
  if (descriptor < 0) {
    error = errno;
    return -1;
  }
  const int on = 1;
  const int off = 0;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (info.ai_family == AF_INET6) {
    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, allAddresses ? &off : &on, sizeof(on));
  }
  if (::bind(descriptor, info.ai_addr, info.ai_addrlen) == 0 && ::listen(descriptor, backlog) == 0)
    return descriptor;
  error = errno;
  ::close(descriptor);
  return -1;
}

std::uint16_t portOf(int descriptor) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &length);
  return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(storage).sin_port);
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
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return std::nullopt;
  local = storage.ss_family == AF_UNIX;
  if (local) {
    const auto& address = reinterpret_cast<const sockaddr_un&>(storage);
    return Address{std::string(address.sun_path, strnlen(address.sun_path, sizeof(address.sun_path))), 0};
  }
  if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) return std::nullopt;
  std::array<char, NI_MAXHOST> host{};
  if (getnameinfo(reinterpret_cast<sockaddr*>(&storage), length, host.data(), host.size(), nullptr, 0,
                  NI_NUMERICHOST) != 0) {
    return std::nullopt;
  }
  std::string text = host.data();
  const bool dualStack =
      storage.ss_family == AF_INET6 && optionOf(descriptor, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
  if (text == "::" && dualStack) text.clear();
  return Address{std::move(text), portOf(descriptor)};
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
  const bool allAddresses = address.host.empty();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  ListeningSocket result;
  int code = 0;
  // One dual-stack socket for all addresses; where there is no IPv6, an IPv4 one.
  for (const char* host : std::array<const char*, 2>{allAddresses ? "::" : address.host.c_str(),
                                                     allAddresses ? "0.0.0.0" : nullptr}) {
    if (host == nullptr) break;
    addrinfo* found = nullptr;
    const int status = getaddrinfo(host, std::to_string(address.port).c_str(), &hints, &found);
    if (status != 0) {
      error = gai_strerror(status);
      continue;
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
    result.descriptor_ = openTcp(*found, backlog, allAddresses, code);
    if (result) {
      result.address_ = {address.host, portOf(result.descriptor_)};
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
