#include "proxy/net/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "proxy/net/uv_loop.h"

namespace slotless::net {

namespace {

// Accepting more at once would let a flood of connections delay what else the loop does.
constexpr int kAcceptsPerTurn = 64;
// Pause after running out of descriptors or memory: without it the level-triggered poll would spin.
constexpr Millis kPauseWhenExhausted{100};

class PolledListener final : public Listener {
 public:
  PolledListener(UvLoop& loop, int descriptor, Address address, std::function<void(int)> accepted)
      : descriptor_(descriptor),
        address_(std::move(address)),
        accepted_(std::make_shared<const std::function<void(int)>>(std::move(accepted))) {
    uv_poll_init(&loop.raw(), poll_.get(), descriptor);
    poll_.initialised(this);
    resume_ = loop.makeTimer([this] { startPolling(); });
    startPolling();
  }
  ~PolledListener() override {
    uv_poll_stop(poll_.get());
    ::close(descriptor_);
  }
  const Address& address() const override { return address_; }

 private:
  void startPolling() {
    uv_poll_start(poll_.get(), UV_READABLE,
                  [](uv_poll_t* handle, int, int) { acceptSome(handle); });
  }
  static void acceptSome(uv_poll_t* handle) {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      auto* self = static_cast<PolledListener*>(handle->data);
      if (self == nullptr) return;  // the callback has destroyed the listener
      const int client = ::accept4(self->descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client >= 0) {
        // Shared, not copied: it must outlive the listener that it may destroy.
        const auto accepted = self->accepted_;
        (*accepted)(client);
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        uv_poll_stop(handle);
        self->resume_->start(kPauseWhenExhausted);
      }
      return;
    }
  }

  OwnedHandle<uv_poll_t> poll_;
  std::unique_ptr<Timer> resume_;
  int descriptor_;
  Address address_;
  std::shared_ptr<const std::function<void(int)>> accepted_;
};

int openSocket(const addrinfo& info, int backlog, bool allAddresses, int& error) {
  const int descriptor = ::socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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
  if (::bind(descriptor, info.ai_addr, info.ai_addrlen) == 0 && ::listen(descriptor, backlog) == 0) return descriptor;
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

}  // namespace

std::unique_ptr<Listener> Listener::open(UvLoop& loop, const Address& address, int backlog,
                                         std::function<void(int)> accepted, std::string& error) {
  const bool allAddresses = address.host.empty();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  // One dual-stack socket for all addresses; where there is no IPv6, an IPv4 one.
  int code = 0;
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
    const int descriptor = openSocket(*found, backlog, allAddresses, code);
    if (descriptor >= 0) {
      return std::make_unique<PolledListener>(loop, descriptor, Address{address.host, portOf(descriptor)},
                                              std::move(accepted));
    }
    error = std::strerror(code);
    if (code == EADDRINUSE) break;
  }
  return nullptr;
}

}  // namespace slotless::net
