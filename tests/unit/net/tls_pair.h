// A TLS client and server on real sockets, with certificates that the test makes.
#pragma once
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "certificates.h"
#include "loopback.h"
#include "proxy/net/listener.h"
#include "proxy/net/peer_names.h"
#include "proxy/net/tls_stream.h"
#include "proxy/net/uv_loop.h"
#include "temporary_folder.h"

namespace slotless::test {

using net::ClientCertificates;
using net::IoResult;
using net::IoStatus;
using net::Listener;
using net::Millis;
using net::Stream;
using net::Timer;
using net::TlsClientOptions;
using net::TlsContextPtr;
using net::TlsMade;
using net::TlsServerOptions;
using net::TlsStream;
using net::UvLoop;

// Who signs, and what is signed by whom. Made once: keys take their time.
struct Papers {
  TemporaryFolder folder;
  Certificate authority{{"authority"}};
  Certificate stranger{{"stranger"}};
  std::string ca = authority.write(folder.file("ca.pem"));
  std::string otherCa = stranger.write(folder.file("other-ca.pem"));
  Certificate server{{"server", "DNS:redis.example,DNS:*.nodes.example,IP:127.0.0.1"}, authority};
  Certificate ended{{"ended", "DNS:redis.example,IP:127.0.0.1", -60}, authority};
  Certificate client{{"app-1", "URI:spiffe://example/app,DNS:app.example,URI:urn:app:1"}, authority};

  TlsServerOptions serverOptions() {
    return {server.write(folder.file("server.pem")), server.writeKey(folder.file("server.key"))};
  }
  TlsClientOptions clientOptions() {
    TlsClientOptions options;
    options.authorityFile = ca;
    return options;
  }
  void showClient(TlsClientOptions& options) {
    options.certificateFile = client.write(folder.file("client.pem"));
    options.keyFile = client.writeKey(folder.file("client.key"));
  }
};

inline Papers& papers() {
  static Papers all;
  return all;
}

// One end of a connection: writes down what it reads and how that ends.
class End final : public Stream::Observer {
 public:
  std::unique_ptr<TlsStream> stream;
  std::string input;
  std::string output;  // what is still to be written
  std::string outcome;
  std::size_t readRoom = 65536;
  bool up = false;
  bool reading = true;
  std::function<void()> told = [] {};

  void watch() { stream->watch(reading, !output.empty()); }
  void write(std::string_view bytes) {
    output += bytes;
    onWritable();
  }
  void onWritable() override {
    if (const int error = stream->connectError(); error != 0 && !up) return end(stream->describe(error));
    up = true;
    while (!output.empty()) {
      // In two pieces, as chains are.
      const std::size_t half = output.size() / 2;
      const iovec pieces[] = {{output.data(), half}, {output.data() + half, output.size() - half}};
      const IoResult written = stream->write(pieces);
      if (written.status == IoStatus::Failed) return end(stream->describe(written.error));
      if (written.status == IoStatus::WouldBlock) break;
      output.erase(0, written.bytes);
    }
    watch();
    told();
  }
  void onReadable() override {
    for (;;) {
      std::string bytes(readRoom, '\0');
      const IoResult got = stream->read(bytes.data(), bytes.size());
      if (got.status == IoStatus::WouldBlock) return;
      if (got.status == IoStatus::End) return end("end");
      if (got.status == IoStatus::Failed) return end(stream->describe(got.error));
      up = true;
      input.append(bytes, 0, got.bytes);
      told();
      if (stream == nullptr || !got.more || !reading) return;
    }
  }
  void end(const std::string& how) {
    if (outcome.empty()) outcome = how;
    reading = false;
    output.clear();
    if (stream != nullptr) watch();
    told();
  }
};

// A client and a server, each with its context.
class Pair {
 public:
  Pair() {
    std::string error;
    listener = Listener::open(
        loop, {"127.0.0.1", 0}, 10,
        [this](int descriptor) {
          server.stream = TlsStream::adopt(loop, serverContext, descriptor, server, patience);
          if (watchesAtOnce) server.watch();
        },
        error);
    REQUIRE(listener != nullptr);
    watchdog = loop.makeTimer([this] {
      late = true;
      loop.stop();
    });
    client.told = server.told = [this] {
      if (done()) loop.stop();
    };
  }
  void useServer(const TlsServerOptions& options) {
    const TlsMade made = makeTlsServer(options);
    REQUIRE(made.error == "");
    serverContext = made.context;
  }
  void useClient(const TlsClientOptions& options) {
    const TlsMade made = makeTlsClient(options);
    REQUIRE(made.error == "");
    clientContext = made.context;
  }
  void dial(const std::string& name = "redis.example") {
    if (serverContext == nullptr) useServer(papers().serverOptions());
    if (clientContext == nullptr) useClient(papers().clientOptions());
    int error = 0;
    client.stream =
        TlsStream::connect(loop, clientContext, name, {"127.0.0.1", port()}, client, patience, error);
    REQUIRE(client.stream != nullptr);
  }
  std::uint16_t port() const { return listener->address().port; }
  // Until `isDone`.
  void runUntil(std::function<bool()> isDone) {
    done = std::move(isDone);
    if (done()) return;
    watchdog->start(Millis(10000));
    while (!done() && !late) loop.run();  // an earlier stop() may still be under way
    watchdog->stop();
    CHECK_FALSE(late);
  }
  void bringUp(const std::string& name = "redis.example") {
    dial(name);
    client.write("hello");
    runUntil([this] { return server.input == "hello"; });
    CHECK(client.outcome == "");
    server.input.clear();
  }
  // How the client's attempt ends.
  std::string refusal(const std::string& name = "redis.example") {
    dial(name);
    runUntil([this] { return !client.outcome.empty() || client.up; });
    return client.outcome;
  }

  UvLoop loop;
  std::unique_ptr<Listener> listener;
  TlsContextPtr serverContext;
  TlsContextPtr clientContext;
  Millis patience{5000};
  End client;
  End server;
  std::unique_ptr<Timer> watchdog;
  std::function<bool()> done = [] { return false; };
  bool late = false;
  bool watchesAtOnce = true;
};

}  // namespace slotless::test
