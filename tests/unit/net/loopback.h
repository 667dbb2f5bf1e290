// Real sockets on loopback for tests of the loop: a peer without an event loop, and observers made of
// lambdas.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "proxy/net/loop.h"

namespace slotless::test {

class Watcher final : public net::Stream::Observer {
 public:
  std::function<void()> readable = [] {};
  std::function<void()> writable = [] {};
  void onReadable() override { readable(); }
  void onWritable() override { writable(); }
};

// A blocking socket.
class Peer {
 public:
  explicit Peer(int descriptor) : descriptor_(descriptor) {
    if (descriptor < 0) throw std::runtime_error("no socket");
  }
  ~Peer() { close(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  static int connectedTo(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      ::close(descriptor);
      return -1;
    }
    return descriptor;
  }

  int descriptor() const { return descriptor_; }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("cannot send");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Up to `most` bytes; empty at the end of the stream.
  std::string receive(std::size_t most) const {
    std::string bytes(most, '\0');
    const ssize_t got = ::recv(descriptor_, bytes.data(), most, 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  // Closes with RST instead of FIN.
  void reset() {
    const linger atOnce{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &atOnce, sizeof(atOnce));
    close();
  }

 private:
  int descriptor_;
};

}  // namespace slotless::test
