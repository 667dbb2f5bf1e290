#include "proxy/telemetry/admin_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.h"

using namespace slotless::telemetry;

namespace {

class Connection {
 public:
  // `from`: an address of this machine, of 127.0.0.0/8.
  explicit Connection(std::uint16_t port, std::uint32_t from = INADDR_LOOPBACK)
      : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(from);
    static_cast<void>(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connected() const { return connected_; }
  // Stops quietly where the server has closed: what it answered is then still to be read.
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // The server has closed it, and had said nothing.
  bool isDropped() const {
    char byte = 0;
    return recv(fd_, &byte, 1, MSG_DONTWAIT) == 0;
  }
  std::string readToEnd() const {
    std::string all;
    std::array<char, 4096> chunk;
    for (ssize_t n; (n = recv(fd_, chunk.data(), chunk.size(), 0)) > 0;)
      all.append(chunk.data(), static_cast<std::size_t>(n));
    return all;
  }

 private:
  int fd_;
  bool connected_ = false;
};

struct Reply {
  std::string head;
  std::string body;
  std::string statusLine() const { return head.substr(0, head.find("\r\n")); }
  bool has(const std::string& header) const {
    return head.find("\r\n" + header + "\r\n") != std::string::npos;
  }
};

Reply split(const std::string& text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return {text, {}};
  return {text.substr(0, end + 2), text.substr(end + 4)};
}

Reply ask(std::uint16_t port, const std::string& method, const std::string& path) {
  const Connection connection(port);
  REQUIRE(connection.connected());
  connection.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return split(connection.readToEnd());
}

AdminPages readyPages() {
  return {[] { return std::string("slotless_x 1\n"); }, [] { return std::optional<std::string>(); }};
}

std::unique_ptr<AdminHttp> startOnLoopback(AdminPages pages) {
  auto started = AdminHttp::start("127.0.0.1", 0, std::move(pages));
  INFO(started.error);
  REQUIRE(started.server);
  return std::move(started.server);
}

}  // namespace

TEST_CASE("the admin server reports the free port that it took") {
  const auto server = startOnLoopback(readyPages());
  CHECK(server->port() != 0);
  CHECK(server->address() == "127.0.0.1:" + std::to_string(server->port()));
}

TEST_CASE("the admin server answers with metrics, health and readiness") {
  std::atomic<bool> ready = false;
  AdminPages pages = readyPages();
  pages.whyNotReady = [&]() -> std::optional<std::string> {
    if (ready) return std::nullopt;
    return "3 slots have no master\r\nforged: header";
  };
  const auto server = startOnLoopback(pages);

  const Reply metrics = ask(server->port(), "GET", "/metrics");
  CHECK(metrics.statusLine() == "HTTP/1.1 200 OK");
  CHECK(metrics.has("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
  CHECK(metrics.has("Content-Length: 13"));
  CHECK(metrics.body == "slotless_x 1\n");

  const Reply health = ask(server->port(), "GET", "/healthz");
  CHECK(health.statusLine() == "HTTP/1.1 200 OK");
  CHECK(health.body == "ok\n");

  const Reply waiting = ask(server->port(), "GET", "/readyz");
  CHECK(waiting.statusLine() == "HTTP/1.1 503 Service Unavailable");
  CHECK(waiting.body == "not ready: 3 slots have no master  forged: header\n");
  ready = true;
  const Reply after = ask(server->port(), "GET", "/readyz?verbose");
  CHECK(after.statusLine() == "HTTP/1.1 200 OK");
  CHECK(after.body == "ready\n");
}

TEST_CASE("the admin server answers nothing else") {
  const auto server = startOnLoopback(readyPages());
  for (const char* path :
       {"/", "/metrics/", "/etc/passwd", "/../../etc/passwd", "/%2e%2e/etc/passwd", "/METRICS"}) {
    INFO(path);
    const Reply reply = ask(server->port(), "GET", path);
    CHECK(reply.statusLine() == "HTTP/1.1 404 Not Found");
    CHECK(reply.body.find("root:") == std::string::npos);
  }
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    INFO(method);
    const Reply reply = ask(server->port(), method, "/metrics");
    CHECK(reply.statusLine() == "HTTP/1.1 405 Method Not Allowed");
    CHECK(reply.has("Allow: GET, HEAD"));
    CHECK(reply.body.find("slotless_x") == std::string::npos);
  }
}

TEST_CASE("HEAD gets the headers of GET and no body") {
  const auto server = startOnLoopback(readyPages());
  const Reply reply = ask(server->port(), "HEAD", "/metrics");
  CHECK(reply.statusLine() == "HTTP/1.1 200 OK");
  CHECK(reply.has("Content-Length: 13"));
  CHECK(reply.body.empty());
}

TEST_CASE("the admin server refuses garbage and requests that are too large, and goes on serving") {
  const auto server = startOnLoopback(readyPages());
  for (const std::string& request :
       {std::string("\0\xff\r\n\r\n", 6), std::string("GET\r\n\r\n"),
        std::string("OPTIONS * HTTP/1.1\r\n\r\n"), std::string("GET metrics HTTP/1.1\r\n\r\n"),
        std::string("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
        "GET /metrics HTTP/1.1\r\nX: " + std::string(4 * kAdminMaxRequestBytes, 'x') + "\r\n\r\n"}) {
    const Connection connection(server->port());
    REQUIRE(connection.connected());
    connection.send(request);
    CHECK(connection.readToEnd().find("slotless_x") == std::string::npos);
  }
  CHECK(ask(server->port(), "GET", "/healthz").statusLine() == "HTTP/1.1 200 OK");
}

TEST_CASE("a page that throws gives 500 and the server goes on") {
  AdminPages pages = readyPages();
  pages.metrics = []() -> std::string { throw std::runtime_error("broken"); };
  const auto server = startOnLoopback(pages);
  const Reply reply = ask(server->port(), "GET", "/metrics");
  CHECK(reply.statusLine() == "HTTP/1.1 500 Internal Server Error");
  CHECK(reply.body.find("broken") == std::string::npos);
  CHECK(ask(server->port(), "GET", "/healthz").statusLine() == "HTTP/1.1 200 OK");
}

TEST_CASE("an address that cannot be had is an error that names it and says why") {
  const auto server = startOnLoopback(readyPages());
  const auto second = AdminHttp::start("127.0.0.1", server->port(), readyPages());
  CHECK_FALSE(second.server);
  CHECK(second.error.find(server->address()) != std::string::npos);
  CHECK(second.error.find("in use") != std::string::npos);
  for (const char* host : {"no such host", "127.0.0.1,0.0.0.0", "127.0.0.1:1s"}) {
    const auto started = AdminHttp::start(host, 0, readyPages());
    CHECK_FALSE(started.server);
    CHECK(started.error.find(host) != std::string::npos);
  }
  CHECK(ask(server->port(), "GET", "/healthz").statusLine() == "HTTP/1.1 200 OK");
}

TEST_CASE("the admin server takes an IPv6 address or says that there is none") {
  const auto started = AdminHttp::start("::1", 0, readyPages());
  if (started.server)
    CHECK(started.server->address() == "[::1]:" + std::to_string(started.server->port()));
  else
    CHECK(started.error.find("'[::1]:0'") != std::string::npos);
}

TEST_CASE("on all addresses the admin server is reached by IPv4, too") {
  const auto started = AdminHttp::start("", 0, readyPages());
  REQUIRE(started.server);
  CHECK(ask(started.server->port(), "GET", "/healthz").statusLine() == "HTTP/1.1 200 OK");
}

TEST_CASE("a process whose threads do not turn is not healthy, and which is said") {
  AdminPages pages = readyPages();
  pages.whyNotAlive = [] { return std::optional<std::string>("worker-1 has not turned for 7000 ms"); };
  const auto server = startOnLoopback(pages);
  const Reply health = ask(server->port(), "GET", "/healthz");
  CHECK(health.statusLine() == "HTTP/1.1 503 Service Unavailable");
  CHECK(health.body == "stuck: worker-1 has not turned for 7000 ms\n");
}

TEST_CASE("however many connections are slow or silent, health and readiness are answered at once") {
  const auto server = startOnLoopback(readyPages());
  std::vector<std::unique_ptr<Connection>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(std::make_unique<Connection>(server->port()));
    if (i % 2 == 0) slow.back()->send("GET /metrics HT");
    if (i % 20 != 0) continue;
    const auto begin = std::chrono::steady_clock::now();
    CHECK(ask(server->port(), "GET", "/healthz").body == "ok\n");
    CHECK(ask(server->port(), "GET", "/readyz").body == "ready\n");
    CHECK(ask(server->port(), "GET", "/metrics").body == "slotless_x 1\n");
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(kAdminRequestTimeoutMillis));
  }
}

TEST_CASE("of one address the newest connections stay, and those of others are not touched") {
  constexpr std::uint32_t kOne = INADDR_LOOPBACK;
  constexpr std::uint32_t kOther = INADDR_LOOPBACK + 1;
  using Connections = std::vector<std::unique_ptr<Connection>>;
  const auto server = startOnLoopback(readyPages());
  const auto open = [&](std::size_t count, std::uint32_t from) {
    Connections all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(std::make_unique<Connection>(server->port(), from));
    return all;
  };
  const auto dropped = [](const Connections& all) {
    return std::count_if(all.begin(), all.end(), [](const auto& each) { return each->isDropped(); });
  };
  // Whoever is answered has come after the others: they have been accepted, and had to go or not.
  const auto isAnswered = [&] {
    const Connection asking(server->port(), kOther);
    asking.send("GET /healthz HTTP/1.1\r\n\r\n");
    return split(asking.readToEnd()).body == "ok\n";
  };
  // In the time of one request; a machine that is too busy for that gets another chance.
  bool inTime = false;
  for (int attempt = 0; attempt < 10 && !inTime; ++attempt) {
    const auto begin = std::chrono::steady_clock::now();
    const Connections others = open(1, kOther);
    const Connections first = open(kAdminMaxPerAddress, kOne);
    const bool answered = isAnswered();
    const auto droppedAtFirst = dropped(first);
    const Connections more = open(3, kOne);
    const bool answeredAgain = isAnswered();
    const std::array counts{dropped(first), dropped(more), dropped(others)};
    const bool oldest = first[0]->isDropped() && first[1]->isDropped() && first[2]->isDropped();
    const auto took = std::chrono::steady_clock::now() - begin;
    inTime = took < std::chrono::milliseconds(kAdminRequestTimeoutMillis / 2);
    if (!inTime) continue;
    CHECK(answered);
    CHECK(droppedAtFirst == 0);
    CHECK(answeredAgain);
    CHECK(counts == std::array<std::ptrdiff_t, 3>{3, 0, 0});
    CHECK(oldest);
  }
  CHECK(inTime);
}

TEST_CASE("a request that comes drop by drop has the time of one request") {
  const auto server = startOnLoopback(readyPages());
  const Connection slow(server->port());
  const auto begin = std::chrono::steady_clock::now();
  const std::jthread sender([&](const std::stop_token& stopped) {
    while (!stopped.stop_requested()) {
      slow.send("G");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  CHECK(slow.readToEnd().empty());
  const auto waited = std::chrono::steady_clock::now() - begin;
  CHECK(waited >= std::chrono::milliseconds(kAdminRequestTimeoutMillis - 100));
  CHECK(waited < std::chrono::milliseconds(3 * kAdminRequestTimeoutMillis));
}

TEST_CASE("a large page reaches a reader that takes its time, and a request in two pieces is one") {
  AdminPages pages = readyPages();
  const std::string large(8 * 1024 * 1024, 'x');
  pages.metrics = [&] { return large; };
  const auto server = startOnLoopback(pages);
  const Connection connection(server->port());
  connection.send("GET /metrics HTTP/1.1\r\nHost: lo");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  connection.send("calhost\r\n\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(split(connection.readToEnd()).body == large);
}

TEST_CASE(
    "a stopped admin server has refused new requests, answered the one it was busy with and freed its port") {
  std::mutex mutex;
  std::condition_variable changed;
  bool entered = false;
  bool released = false;
  AdminPages pages = readyPages();
  pages.metrics = [&] {
    std::unique_lock lock(mutex);
    entered = true;
    changed.notify_all();
    changed.wait(lock, [&] { return released; });
    return std::string("finished\n");
  };
  auto server = startOnLoopback(pages);
  const std::uint16_t port = server->port();
  const Connection busy(port);
  busy.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return entered; });
  std::thread stopper([&] { server.reset(); });
  Reply health = ask(port, "GET", "/healthz");
  while (health.statusLine() == "HTTP/1.1 200 OK") health = ask(port, "GET", "/healthz");
  CHECK(health.statusLine() == "HTTP/1.1 503 Service Unavailable");
  released = true;
  changed.notify_all();
  lock.unlock();
  CHECK(split(busy.readToEnd()).body == "finished\n");
  stopper.join();
  CHECK_FALSE(Connection(port).connected());
  CHECK(AdminHttp::start("127.0.0.1", port, readyPages()).server);
}
