// What becomes of connections when the process has no descriptor left.
#include "proxy/net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "loopback.h"
#include "proxy/net/tcp_options.h"
#include "proxy/net/uv_loop.h"

namespace slotless::net {
namespace {

using test::Peer;

// Lowers the limit to what is in use and takes what is left, until it is destroyed.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = 128;
    setrlimit(RLIMIT_NOFILE, &low);
    for (int taken = ::open("/dev/null", O_RDONLY); taken >= 0; taken = ::open("/dev/null", O_RDONLY))
      taken_.push_back(taken);
  }
  ~NoDescriptors() {
    for (const int each : taken_) ::close(each);
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

}  // namespace

TEST_CASE("without descriptors connections are handed out to be refused, and then taken again", "[loop]") {
  UvLoop loop;
  std::string error;
  std::vector<int> accepted;
  int refused = 0;
  ListeningSocket socket = ListeningSocket::tcp({"127.0.0.1", 0}, 16, error);
  const auto listener = Listener::on(
      loop, std::move(socket), [&](int descriptor) { accepted.push_back(descriptor); },
      [&](int descriptor) {
        ++refused;
        ::send(descriptor, "no", 2, MSG_NOSIGNAL);
        ::close(descriptor);
      });
  const std::uint16_t port = listener->address().port;
  const auto stop = loop.makeTimer([&] { loop.stop(); });
  const auto turn = [&](int millis) {
    stop->start(Millis(millis));
    loop.run();
  };
  turn(1);  // UBSan needs descriptors for its first look at a class, and remembers what it has seen
  {
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 5; ++i) peers.push_back(std::make_unique<Peer>(Peer::connectedTo(port)));
    {
      const NoDescriptors none;
      turn(50);
    }
    CHECK(refused == 5);
    CHECK(accepted.empty());
    for (const auto& peer : peers) CHECK(peer->receive(10) == "no");
  }
  const Peer later(Peer::connectedTo(port));
  turn(250);
  CHECK(refused == 5);
  REQUIRE(accepted.size() == 1);
  ::close(accepted.front());
}

TEST_CASE("accepted connections have what their listening socket was told", "[loop]") {
  const auto optionOf = [](int descriptor, int level, int option) {
    int value = -1;
    socklen_t length = sizeof(value);
    getsockopt(descriptor, level, option, &value, &length);
    return value;
  };
  std::string error;
  const ListeningSocket socket = ListeningSocket::tcp({"127.0.0.1", 0}, 16, error);
  for (const int seconds : {30, 0, 7}) {
    INFO(seconds);
    tuneTcp(socket.descriptor(), seconds);
    const Peer peer(Peer::connectedTo(socket.address().port));
    const Peer accepted(::accept(socket.descriptor(), nullptr, nullptr));
    const int descriptor = accepted.descriptor();
    CHECK(optionOf(descriptor, IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK((optionOf(descriptor, SOL_SOCKET, SO_KEEPALIVE) != 0) == (seconds > 0));
    if (seconds == 0) continue;
    CHECK(optionOf(descriptor, IPPROTO_TCP, TCP_KEEPIDLE) == seconds);
    CHECK(optionOf(descriptor, IPPROTO_TCP, TCP_KEEPINTVL) == seconds / 3);
    CHECK(optionOf(descriptor, IPPROTO_TCP, TCP_KEEPCNT) == 3);
  }
}

}  // namespace slotless::net
