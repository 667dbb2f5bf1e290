// What a TLS stream holds back, shows of itself and counts.
#include <random>

#include "proxy/net/tls_counts.h"
#include "proxy/net/tls_source.h"
#include "proxy/net/tls_trouble.h"
#include "tls_pair.h"

namespace slotless::net {

using test::End;
using test::Pair;
using test::papers;
using test::Peer;

namespace {

std::uint64_t failures(TlsSide side, TlsFailure reason) {
  return TlsCounts::ofProcess().failures(side, reason);
}

}  // namespace

TEST_CASE_METHOD(Pair, "what the system has no room for is held back, within a limit, and said", "[tls]") {
  bringUp();
  CHECK(client.stream->unsent() == 0);
  server.reading = false;
  server.watch();
  const std::string much(16U * 1024 * 1024, 'x');
  client.write(much);
  // The system may have made room just when it was told that there is none.
  while (client.stream->unsent() == 0 && !client.output.empty()) client.onWritable();
  CHECK(client.output.size() > much.size() / 2);
  CHECK(client.stream->unsent() > 0);
  CHECK(client.stream->unsent() < 5U * 17 * 1024);
  server.reading = true;
  server.watch();
  runUntil([&] { return server.input.size() == much.size(); });
  CHECK(client.stream->unsent() == 0);
}

TEST_CASE_METHOD(Pair, "whoever waits for what is held back to leave is told when it has", "[tls]") {
  bringUp();
  server.reading = false;
  server.watch();
  bool gone = false;
  while (client.stream->unsent() == 0) client.write(std::string(16384, 'x'));
  client.output.clear();
  client.told = [&] {
    gone = gone || client.stream->unsent() == 0;
    if (gone) loop.stop();
  };
  client.stream->watch(true, true);
  server.reading = true;
  server.watch();
  runUntil([&] { return gone; });
}

TEST_CASE_METHOD(Pair, "an accepted stream is read from the beginning, as others are", "[tls]") {
  watchesAtOnce = false;
  bringUp();
}

TEST_CASE_METHOD(Pair, "how a connection is encrypted can be seen", "[tls]") {
  TlsServerOptions options = papers().serverOptions();
  options.demands.most = TlsVersion::Tls12;
  useServer(options);
  dial();
  CHECK(client.stream->encryption().empty());
  client.write("hello");
  runUntil([this] { return server.input == "hello"; });
  CHECK(client.stream->encryption().starts_with("TLSv1.2/"));
  CHECK(client.stream->encryption() == server.stream->encryption());
}

TEST_CASE_METHOD(Pair, "handshakes are counted on both sides, by version and whether they resume", "[tls]") {
  const TlsCounts& counts = TlsCounts::ofProcess();
  const auto of = [&](TlsSide side) { return counts.handshakes(side, TlsVersion::Tls13, false); };
  const auto clients = of(TlsSide::Clients);
  const auto nodes = of(TlsSide::Nodes);
  bringUp();
  CHECK(of(TlsSide::Clients) == clients + 1);
  CHECK(of(TlsSide::Nodes) == nodes + 1);
}

TEST_CASE_METHOD(Pair, "failures are counted by reason, and the last one is remembered", "[tls]") {
  SECTION("a name that is not in the certificate") {
    const auto before = failures(TlsSide::Nodes, TlsFailure::Certificate);
    refusal("other.example");
    CHECK(failures(TlsSide::Nodes, TlsFailure::Certificate) == before + 1);
    const auto trouble = TlsCounts::ofProcess().trouble(TlsSide::Nodes);
    CHECK(trouble.peer == "other.example 127.0.0.1:" + std::to_string(port()));
    CHECK(trouble.text == "TLS handshake failed: hostname mismatch");
    CHECK(trouble.failures > 0);
  }
  SECTION("no version in common") {
    const auto before = failures(TlsSide::Nodes, TlsFailure::Protocol);
    TlsServerOptions options = papers().serverOptions();
    options.demands.most = TlsVersion::Tls12;
    useServer(options);
    TlsClientOptions newer = papers().clientOptions();
    newer.demands.least = TlsVersion::Tls13;
    useClient(newer);
    refusal();
    CHECK(failures(TlsSide::Nodes, TlsFailure::Protocol) == before + 1);
  }
  SECTION("a client without a certificate, told by both sides") {
    const auto here = failures(TlsSide::Clients, TlsFailure::Certificate);
    const auto there = failures(TlsSide::Nodes, TlsFailure::Refused);
    TlsServerOptions demands = papers().serverOptions();
    demands.authorityFile = papers().ca;
    demands.clientCertificates = ClientCertificates::Required;
    useServer(demands);
    dial();
    client.write("hello");
    runUntil([this] { return !server.outcome.empty() && !client.outcome.empty(); });
    CHECK(failures(TlsSide::Clients, TlsFailure::Certificate) == here + 1);
    CHECK(failures(TlsSide::Nodes, TlsFailure::Refused) == there + 1);
  }
  SECTION("no TLS at all; and who only looks is no failure") {
    const auto before = failures(TlsSide::Clients, TlsFailure::NoTls);
    const auto closed = failures(TlsSide::Clients, TlsFailure::Closed);
    useServer(papers().serverOptions());
    {
      const Peer plain(Peer::connectedTo(port()));
      plain.send("PING\r\n");
      runUntil([this] { return !server.outcome.empty(); });
    }
    server.outcome.clear();
    Peer(Peer::connectedTo(port())).close();
    runUntil([this] { return !server.outcome.empty(); });
    CHECK(failures(TlsSide::Clients, TlsFailure::NoTls) == before + 1);
    CHECK(failures(TlsSide::Clients, TlsFailure::Closed) == closed);
  }
}

TEST_CASE("what is spoken instead of TLS is told by the first bytes", "[tls]") {
  CHECK(otherProtocolIn("").empty());
  CHECK(otherProtocolIn("\x16\x03\x01").empty());
  CHECK(otherProtocolIn("\x15\x03\x01").empty());
  CHECK(otherProtocolIn("GET / HTTP/1.1") == "HTTP");
  CHECK(otherProtocolIn("HTTP/1.1 400") == "HTTP");
  CHECK(otherProtocolIn("*1\r\n$4\r\nPING") == "plain RESP");
  CHECK(otherProtocolIn("G") == "plain RESP");
}

TEST_CASE_METHOD(Pair, "a context that is put in another's place serves new connections", "[tls]") {
  useServer(papers().serverOptions());
  TlsSource source(serverContext);
  bringUp();
  const TlsContextPtr before = source.current();
  useServer(papers().serverOptions());
  source.renew(serverContext);
  CHECK(source.current() != before);
  server.write("still here");  // by the one before
  runUntil([this] { return client.input == "still here"; });
}

// A relay that passes bytes on in pieces of any size, so that records are cut anywhere.
TEST_CASE_METHOD(Pair, "records may be cut anywhere", "[tls]") {
  class Relay final : public Stream::Observer {
   public:
    Relay(std::minstd_rand& random) : random_(random) {}
    std::unique_ptr<Stream> from;
    Stream* to = nullptr;
    void onReadable() override {
      std::string bytes(std::uniform_int_distribution<std::size_t>(1, 700)(random_), '\0');
      const IoResult got = from->read(bytes.data(), bytes.size());
      if (got.status != IoStatus::Ok) return from->watch(false, false);
      for (std::size_t sent = 0; sent < got.bytes;) {  // blocks for a moment, if ever: both ends read
        const iovec piece{bytes.data() + sent, got.bytes - sent};
        sent += to->write({&piece, 1}).bytes;
      }
    }
    void onWritable() override { from->watch(true, false); }

   private:
    std::minstd_rand& random_;
  };
  std::minstd_rand random(GENERATE(1U, 2U, 3U));
  useServer(papers().serverOptions());
  useClient(papers().clientOptions());
  Relay there(random);
  Relay back(random);
  std::string error;
  const auto between = Listener::open(
      loop, {"127.0.0.1", 0}, 1,
      [&](int descriptor) {
        there.from = loop.adopt(descriptor, there);
        int code = 0;
        back.from = loop.connect(listener->address(), back, code);
        there.to = back.from.get();
        back.to = there.from.get();
      },
      error);
  REQUIRE(between != nullptr);
  int code = 0;
  client.stream =
      TlsStream::connect(loop, clientContext, "redis.example", between->address(), client, patience, code);
  REQUIRE(client.stream != nullptr);
  server.readRoom = std::uniform_int_distribution<std::size_t>(1, 20000)(random);
  std::string much;
  while (much.size() < 200'000) {
    much += std::string(std::uniform_int_distribution<std::size_t>(1, 40'000)(random),
                        static_cast<char>('a' + much.size() % 26));
    client.write(much.substr(much.size() / 2));
  }
  client.output.clear();
  client.write("end");
  runUntil([&] { return server.input.ends_with("end"); });
  server.write(much);
  runUntil([&] { return client.input.size() >= much.size(); });
  CHECK(client.input == much);
}

TEST_CASE_METHOD(Pair,
                 "who ends its writing can still read, and the other side sees the end behind all of it",
                 "[tls]") {
  const bool slow = GENERATE(false, true);  // what is written does not go at once
  bringUp();
  client.reading = !slow;
  client.watch();
  const std::string much(slow ? 8 << 20 : 5, 'm');
  server.write(much);
  // In the stream or, where the kernel has taken all of that, still in front of it.
  if (slow) runUntil([this] { return server.stream->unsent() > 0 || !server.output.empty(); });
  const std::size_t left = server.output.size();
  server.output.clear();
  server.stream->endWriting();
  server.watch();
  client.reading = true;
  client.watch();
  runUntil([this] { return client.outcome == "end"; });
  CHECK(client.input.size() == much.size() - left);
  client.write("still there");
  runUntil([this] { return server.input == "still there"; });
}

}  // namespace slotless::net
