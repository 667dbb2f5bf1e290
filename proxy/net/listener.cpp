#include "proxy/net/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "proxy/net/uv_loop.h"

namespace slotless::net {

namespace {

// Accepting more at once would let a flood of connections delay what else the loop does.
constexpr int kAcceptsPerTurn = 16;
// Pause after running out of descriptors or memory: without it the level-triggered poll would spin.
constexpr Millis kPauseWhenExhausted{100};

bool isOutOfDescriptors(int error) noexcept {
  return error == EMFILE || error == ENFILE;
}

// A descriptor that is open for nothing but to be given up.
class Reserve {
 public:
  Reserve() { refill(); }
  ~Reserve() { giveUp(); }
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;

  // False: it was given up before, and there has been none since.
  bool giveUp() noexcept { return held_ >= 0 && ::close(std::exchange(held_, -1)) == 0; }
  void refill() noexcept {
    if (held_ < 0) held_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }

 private:
  int held_ = -1;
};

class PolledListener final : public Listener {
 public:
  PolledListener(UvLoop& loop, ListeningSocket socket, std::function<void(int)> accepted,
                 std::function<void(int)> refused)
      : socket_(std::move(socket)),
        accepted_(std::make_shared<const std::function<void(int)>>(std::move(accepted))),
        refused_(std::move(refused)) {
    uv_poll_init(&loop.raw(), poll_.get(), socket_.descriptor());
    poll_.initialised(this);
    resume_ = loop.makeTimer([this] { startPolling(); });
    startPolling();
  }
  ~PolledListener() override { uv_poll_stop(poll_.get()); }
  const Address& address() const override { return socket_.address(); }
  ListeningSocket& socket() override { return socket_; }

 private:
  void startPolling() {
    uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* handle, int, int) { acceptSome(handle); });
  }
  int acceptOne() const noexcept {
    return ::accept4(socket_.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }
  static void acceptSome(uv_poll_t* handle) {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      auto* self = static_cast<PolledListener*>(handle->data);
      if (self == nullptr) return;  // the callback has destroyed the listener
      self->reserve_.refill();
      const int client = self->acceptOne();
      if (client >= 0) {
        // Shared, not copied: it must outlive the listener that it may destroy.
        const auto accepted = self->accepted_;
        (*accepted)(client);
        continue;
      }
      if (isOutOfDescriptors(errno) && self->refuseOne()) continue;
      if (isOutOfDescriptors(errno) || errno == ENOBUFS || errno == ENOMEM) {
        uv_poll_stop(handle);
        self->resume_->start(kPauseWhenExhausted);
      }
      return;
    }
  }
  bool refuseOne() {
    if (!refused_ || !reserve_.giveUp()) return false;
    const int client = acceptOne();
    const int error = errno;
    if (client >= 0) refused_(client);
    reserve_.refill();
    errno = error;
    return client >= 0;
  }

  ListeningSocket socket_;
  OwnedHandle<uv_poll_t> poll_;
  std::unique_ptr<Timer> resume_;
  std::shared_ptr<const std::function<void(int)>> accepted_;
  std::function<void(int)> refused_;
  Reserve reserve_;
};

}  // namespace

std::unique_ptr<Listener> Listener::on(UvLoop& loop, ListeningSocket socket,
                                       std::function<void(int)> accepted, std::function<void(int)> refused) {
  return std::make_unique<PolledListener>(loop, std::move(socket), std::move(accepted), std::move(refused));
}

std::unique_ptr<Listener> Listener::open(UvLoop& loop, const Address& address, int backlog,
                                         std::function<void(int)> accepted, std::string& error) {
  ListeningSocket socket = ListeningSocket::tcp(address, backlog, error);
  return socket ? on(loop, std::move(socket), std::move(accepted)) : nullptr;
}

}  // namespace slotless::net
