// A site of the admin server: requests with a body, and streams of events.
#include "proxy/telemetry/admin_site.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "proxy/telemetry/admin_http.h"

using namespace slotless::telemetry;

namespace {

class Echo final : public AdminSite {
 public:
  AdminResponse answer(const AdminRequest& request) override {
    if (request.path == "/stream") return {200, "text/event-stream", "data: first\n\n", {}, true};
    return {202,
            "text/plain",
            request.method + " " + request.path + " " + request.query + " " +
                std::string(request.header("x-word")) + " " + request.body + " " + request.peer,
            {"X-More: yes"}};
  }
  std::string nextEvent() override { return "data: " + std::to_string(++events) + "\n\n"; }

  std::atomic<int> events = 0;
};

class Asked {
 public:
  Asked(std::uint16_t port, const std::string& text) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  ~Asked() { close(fd_); }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  // Until the text is there, or the end.
  std::string readTo(std::string_view wanted = {}) {
    std::array<char, 4096> chunk;
    while (wanted.empty() || all_.find(wanted) == std::string::npos) {
      const ssize_t n = recv(fd_, chunk.data(), chunk.size(), 0);
      if (n <= 0) break;
      all_.append(chunk.data(), static_cast<std::size_t>(n));
    }
    return all_;
  }

 private:
  int fd_;
  std::string all_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

struct Served {
  std::shared_ptr<Echo> site = std::make_shared<Echo>();
  std::unique_ptr<AdminHttp> http;

  Served() {
    AdminPages pages{[] { return std::string(); }, [] { return std::optional<std::string>(); }};
    pages.site = site;
    http = AdminHttp::start("127.0.0.1", 0, std::move(pages)).server;
    REQUIRE(http);
  }
};

}  // namespace

TEST_CASE("a site gets all other paths, with query, headers and body") {
  const Served served;
  const std::string reply =
      Asked(served.http->port(), "POST /x/y?q=1 HTTP/1.1\r\nX-Word: w\r\nContent-Length: 4\r\n\r\nbody")
          .readTo();
  CHECK(has(reply, "HTTP/1.1 202 Accepted\r\n"));
  CHECK(has(reply, "\r\nX-More: yes\r\n"));
  CHECK(has(reply, "\r\n\r\nPOST /x/y q=1 w body 127.0.0.1"));
  CHECK(has(Asked(served.http->port(), "GET /healthz HTTP/1.1\r\n\r\n").readTo(), "\r\n\r\nok\n"));
}

TEST_CASE("a body that is too long or of unknown length is refused") {
  const Served served;
  const std::uint16_t port = served.http->port();
  CHECK(has(Asked(port, "POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n").readTo(), "HTTP/1.1 413 "));
  CHECK(has(Asked(port, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").readTo(), "HTTP/1.1 400 "));
}

TEST_CASE("a stream goes on with one event after another, and asks for none when nobody listens") {
  const Served served;
  {
    Asked stream(served.http->port(), "GET /stream HTTP/1.1\r\n\r\n");
    const std::string text = stream.readTo("data: 1\n\n");
    CHECK(has(text, "Content-Type: text/event-stream\r\n"));
    CHECK_FALSE(has(text, "Content-Length"));
    CHECK(has(text, "data: first\n\ndata: 1\n\n"));
  }
  CHECK(has(Asked(served.http->port(), "HEAD /stream HTTP/1.1\r\n\r\n").readTo(), "text/event-stream"));
}

TEST_CASE("there are only so many streams, and they take no room from requests") {
  const Served served;
  const std::uint16_t port = served.http->port();
  std::vector<std::unique_ptr<Asked>> streams;
  for (std::size_t i = 0; i < kAdminMaxStreams; ++i) {
    streams.push_back(std::make_unique<Asked>(port, "GET /stream HTTP/1.1\r\n\r\n"));
    CHECK(has(streams.back()->readTo("first"), "200 OK"));
  }
  CHECK(has(Asked(port, "GET /stream HTTP/1.1\r\n\r\n").readTo(), "HTTP/1.1 503 "));
  for (std::size_t i = 0; i < kAdminMaxPerAddress + 2; ++i)
    CHECK(has(Asked(port, "GET /readyz HTTP/1.1\r\n\r\n").readTo(), "ready\n"));
  CHECK(has(streams.front()->readTo("data: 1\n\n"), "data: 1\n\n"));
}
