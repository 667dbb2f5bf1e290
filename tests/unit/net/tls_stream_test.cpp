// TLS between two ends on real sockets, with certificates that the test makes.
#include "tls_pair.h"

namespace slotless::net {

using test::Certificate;
using test::End;
using test::Pair;
using test::papers;
using test::Peer;

TEST_CASE_METHOD(Pair, "bytes go both ways, and both ends know what they have agreed on", "[tls]") {
  bringUp();
  server.write("good day");
  runUntil([this] { return client.input == "good day"; });
  for (const End* end : {&client, &server}) {
    CHECK(end->stream->facts().version == "TLSv1.3");
    CHECK_FALSE(end->stream->facts().cipher.empty());
  }
  REQUIRE(client.stream->peerNames() != nullptr);
  CHECK(client.stream->peerNames()->commonName == "server");
  CHECK(server.stream->peerNames() == nullptr);
  CHECK(client.stream->peer() == Address{"127.0.0.1", port()});
  CHECK(client.stream->local() == server.stream->peer());
}

TEST_CASE_METHOD(Pair, "much goes both ways at once, in pieces of any size", "[tls]") {
  server.readRoom = GENERATE(std::size_t{1000}, std::size_t{65536});
  bringUp();
  std::string much;
  for (int i = 0; i < 300000; ++i) much += std::to_string(i) + " ";
  client.write(much);
  server.write(much);
  runUntil([&] { return client.input.size() >= much.size() && server.input.size() >= much.size(); });
  CHECK(client.input == much);
  CHECK(server.input == much);
}

TEST_CASE_METHOD(Pair, "what is decrypted already is told again when reading is watched again", "[tls]") {
  server.readRoom = 100;
  bringUp();
  server.told = [this] {
    server.reading = false;  // has had enough
    loop.stop();
  };
  client.write(std::string(1000, 'x'));
  runUntil([this] { return server.input.size() == 100; });
  server.watch();
  server.told = [this] {
    if (done()) loop.stop();
  };
  server.reading = true;
  server.watch();
  runUntil([this] { return server.input.size() == 1000; });
}

TEST_CASE_METHOD(Pair, "and in a later turn when its reader asks for that", "[tls]") {
  server.readRoom = 100;
  bringUp();
  int turns = 0;
  server.told = [this, &turns] {
    ++turns;
    server.reading = false;  // leaves the loop of reads, but goes on watching
    server.stream->remind();
    if (done()) loop.stop();
  };
  client.write(std::string(1000, 'x'));
  runUntil([this] { return server.input.size() == 1000; });
  CHECK(turns >= 10);
}

TEST_CASE_METHOD(Pair, "the name that was dialled must be in the certificate", "[tls]") {
  SECTION("by name") {
    CHECK(refusal("redis.example") == "");
  }
  SECTION("by pattern") {
    CHECK(refusal("n1.nodes.example") == "");
  }
  SECTION("by number") {
    CHECK(refusal("127.0.0.1") == "");
  }
  SECTION("another name") {
    CHECK(refusal("other.example") == "TLS handshake failed: hostname mismatch");
  }
  SECTION("another number") {
    CHECK(refusal("127.0.0.2") == "TLS handshake failed: IP address mismatch");
  }
  SECTION("a name that is to be taken instead") {
    TlsClientOptions options = papers().clientOptions();
    options.serverName = "redis.example";
    useClient(options);
    CHECK(refusal("10.0.0.1") == "");
  }
}

TEST_CASE_METHOD(Pair, "how much is verified can be told", "[tls]") {
  TlsClientOptions options = papers().clientOptions();
  SECTION("the authority alone") {
    options.verify = TlsVerify::Authority;
    useClient(options);
    CHECK(refusal("other.example") == "");
  }
  SECTION("but that one") {
    options.verify = TlsVerify::Authority;
    options.authorityFile = papers().otherCa;
    useClient(options);
    CHECK(refusal("redis.example") == "TLS handshake failed: unable to get local issuer certificate");
  }
  SECTION("nothing") {
    options.verify = TlsVerify::Off;
    options.authorityFile = papers().otherCa;
    useClient(options);
    CHECK(refusal("other.example") == "");
  }
}

TEST_CASE_METHOD(Pair, "a certificate that has ended is refused", "[tls]") {
  TlsServerOptions options;
  options.certificateFile = papers().ended.write(papers().folder.file("ended.pem"));
  options.keyFile = papers().ended.writeKey(papers().folder.file("ended.key"));
  useServer(options);
  CHECK(refusal() == "TLS handshake failed: certificate has expired");
  CHECK(certificateExpiry(*serverContext) < std::time(nullptr));
}

TEST_CASE_METHOD(Pair, "clients show a certificate where that is demanded", "[tls]") {
  TlsServerOptions demands = papers().serverOptions();
  demands.authorityFile = papers().ca;
  demands.clientCertificates = GENERATE(ClientCertificates::Optional, ClientCertificates::Required);
  useServer(demands);
  TlsClientOptions options = papers().clientOptions();
  SECTION("one that is trusted") {
    papers().showClient(options);
    useClient(options);
    bringUp();
    REQUIRE(server.stream->peerNames() != nullptr);
    CHECK(server.stream->peerNames()->commonName == "app-1");
    CHECK(server.stream->peerNames()->uris == std::vector<std::string>{"spiffe://example/app", "urn:app:1"});
  }
  SECTION("none") {
    dial();
    client.write("hello");
    runUntil([this] { return !server.outcome.empty() || !server.input.empty(); });
    if (demands.clientCertificates == ClientCertificates::Optional) {
      CHECK(server.input == "hello");
    } else {
      CHECK(server.outcome == "TLS handshake failed: peer did not return a certificate");
      runUntil([this] { return !client.outcome.empty(); });
      CHECK(client.outcome.find("certificate required") != std::string::npos);
    }
  }
  SECTION("one of somebody else's") {
    Certificate forged{{"app-1"}, papers().stranger};
    options.certificateFile = forged.write(papers().folder.file("forged.pem"));
    options.keyFile = forged.writeKey(papers().folder.file("forged.key"));
    useClient(options);
    dial();
    client.write("hello");
    runUntil([this] { return !server.outcome.empty(); });
    CHECK(server.outcome == "TLS handshake failed: unable to get local issuer certificate");
    CHECK(server.input.empty());
  }
}

TEST_CASE_METHOD(Pair, "the next connection to the same server resumes the session", "[tls]") {
  TlsServerOptions options = papers().serverOptions();
  options.demands.most = GENERATE(TlsVersion::Tls12, TlsVersion::Tls13);
  useServer(options);
  for (const bool resumed : {false, true}) {
    bringUp();
    server.write("x");  // with it comes what a session is resumed by
    runUntil([this] { return client.input == "x"; });
    CHECK(client.stream->facts().resumed == resumed);
    CHECK(server.stream->facts().resumed == resumed);
    REQUIRE(client.stream->peerNames() != nullptr);
    CHECK(client.stream->peerNames()->commonName == "server");
    client.input.clear();
    client.stream.reset();
    runUntil([this] { return !server.outcome.empty(); });
    server.stream.reset();
    client.outcome = server.outcome = "";
    client.up = server.up = false;
    client.reading = server.reading = true;
  }
  // Under another name it is another server.
  bringUp("n1.nodes.example");
  CHECK_FALSE(client.stream->facts().resumed);
}

TEST_CASE_METHOD(Pair, "versions are as demanded, and never below 1.2", "[tls]") {
  TlsServerOptions options = papers().serverOptions();
  SECTION("1.2") {
    options.demands.most = TlsVersion::Tls12;
    useServer(options);
    bringUp();
    CHECK(client.stream->facts().version == "TLSv1.2");
  }
  SECTION("none in common") {
    options.demands.most = TlsVersion::Tls12;
    useServer(options);
    TlsClientOptions newer = papers().clientOptions();
    newer.demands.least = TlsVersion::Tls13;
    useClient(newer);
    CHECK(refusal().find("protocol version") != std::string::npos);
  }
}

TEST_CASE_METHOD(Pair, "who speaks no TLS is not served, and hears so", "[tls]") {
  useServer(papers().serverOptions());
  const Peer plain(Peer::connectedTo(port()));
  SECTION("a request") {
    plain.send("PING\r\n");
    runUntil([this] { return !server.outcome.empty(); });
    CHECK(server.outcome == "TLS handshake failed: the client speaks plain RESP");
    CHECK(plain.receive(100) == "-ERR this port is for TLS only\r\n");
  }
  SECTION("HTTP") {
    plain.send("GET / HTTP/1.1\r\n\r\n");
    runUntil([this] { return !server.outcome.empty(); });
    CHECK(server.outcome == "TLS handshake failed: the client speaks HTTP");
  }
  SECTION("the end at once") {
    ::shutdown(plain.descriptor(), SHUT_WR);
    runUntil([this] { return !server.outcome.empty(); });
    CHECK(server.outcome == std::strerror(ECONNRESET));
  }
  SECTION("the end in the middle") {
    plain.send("\x16\x03");
    ::shutdown(plain.descriptor(), SHUT_WR);
    runUntil([this] { return !server.outcome.empty(); });
    CHECK(server.outcome == "closed during the TLS handshake");
  }
  CHECK(server.input.empty());
}

TEST_CASE_METHOD(Pair, "a server that speaks no TLS is not spoken to", "[tls]") {
  useClient(papers().clientOptions());
  std::vector<std::unique_ptr<Stream>> accepted;
  test::Watcher plain;
  std::string heard;
  std::string error;
  const auto other = Listener::open(
      loop, {"127.0.0.1", 0}, 10, [&](int descriptor) { accepted.push_back(loop.adopt(descriptor, plain)); },
      error);
  plain.readable = [&] {
    char bytes[4096];
    const IoResult got = accepted.back()->read(bytes, sizeof(bytes));
    if (got.status != IoStatus::Ok) return accepted.back()->watch(false, false);
    heard.append(bytes, got.bytes);
    std::string refusal = "-ERR Protocol error\r\n";
    const iovec piece{refusal.data(), refusal.size()};
    accepted.back()->write({&piece, 1});
  };
  int code = 0;
  client.stream =
      TlsStream::connect(loop, clientContext, "redis.example", other->address(), client, patience, code);
  client.output = "AUTH secret\r\n";
  runUntil([this] { return !client.outcome.empty(); });
  CHECK(client.outcome == "TLS handshake failed: the node does not speak TLS");
  CHECK(heard.find("secret") == std::string::npos);
}

TEST_CASE_METHOD(Pair, "a handshake has a deadline, on both sides", "[tls]") {
  patience = Millis(50);
  SECTION("of the server") {
    useServer(papers().serverOptions());
    const Peer silent(Peer::connectedTo(port()));
    runUntil([this] { return !server.outcome.empty(); });
    CHECK(server.outcome == "no TLS handshake in time");
  }
  SECTION("of the client") {
    const Peer listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    REQUIRE(::bind(listening.descriptor(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(listening.descriptor(), 1) == 0);
    getsockname(listening.descriptor(), reinterpret_cast<sockaddr*>(&address), &length);
    useClient(papers().clientOptions());
    int error = 0;
    client.stream = TlsStream::connect(loop, clientContext, "redis.example",
                                       {"127.0.0.1", ntohs(address.sin_port)}, client, patience, error);
    runUntil([this] { return !client.outcome.empty(); });
    CHECK(client.outcome == "no TLS handshake in time");
  }
}

TEST_CASE_METHOD(Pair, "a refused connection is refused with the system's reason", "[tls]") {
  useClient(papers().clientOptions());
  const std::uint16_t nobody = port();
  listener.reset();
  int error = 0;
  client.stream = TlsStream::connect(loop, clientContext, "redis.example", {"127.0.0.1", nobody}, client,
                                     patience, error);
  REQUIRE(client.stream != nullptr);
  runUntil([this] { return !client.outcome.empty(); });
  CHECK(client.outcome == std::strerror(ECONNREFUSED));
}

TEST_CASE_METHOD(Pair, "the end is told by close_notify, and the other direction may go on", "[tls]") {
  bringUp();
  SECTION("when a stream is destroyed, behind all that was written") {
    client.write("bye");
    client.stream.reset();
    runUntil([this] { return !server.outcome.empty(); });
    CHECK(server.input == "bye");
    CHECK(server.outcome == "end");
  }
  SECTION("and a connection that breaks off is one") {
    server.stream.reset();
    runUntil([this] { return !client.outcome.empty(); });
    CHECK(client.outcome == "end");
  }
}

TEST_CASE_METHOD(Pair, "a stream may be destroyed in each of its own events", "[tls]") {
  SECTION("when the handshake is over") {
    client.told = [this] {
      client.stream.reset();
      loop.stop();
    };
    dial();
    loop.run();
    CHECK(client.up);
  }
  SECTION("when something has come") {
    bringUp();
    server.told = [this] {
      server.stream.reset();
      loop.stop();
    };
    client.write("x");
    loop.run();
    CHECK(server.input == "x");
  }
  SECTION("when it has failed") {
    client.told = [this] {
      client.stream.reset();
      loop.stop();
    };
    dial("other.example");
    loop.run();
    CHECK(client.outcome.find("mismatch") != std::string::npos);
  }
}

TEST_CASE("files that cannot be used are named, with what is wrong", "[tls]") {
  const test::TemporaryFolder folder;
  TlsServerOptions options = papers().serverOptions();
  SECTION("missing") {
    options.certificateFile = folder.file("none.pem");
    CHECK(makeTlsServer(options).error ==
          "certificate " + options.certificateFile + ": No such file or directory");
  }
  SECTION("of another key") {
    options.keyFile = papers().client.writeKey(folder.file("other.key"));
    CHECK(makeTlsServer(options).error == "key " + options.keyFile + ": key values mismatch");
  }
  SECTION("no certificate at all") {
    options.certificateFile = options.keyFile;
    CHECK(makeTlsServer(options).error == "certificate " + options.keyFile + ": no start line");
  }
  SECTION("an authority") {
    TlsClientOptions client;
    client.authorityFile = folder.file("none.pem");
    CHECK(makeTlsClient(client).error.starts_with("certificate authority " + client.authorityFile + ": "));
  }
  SECTION("client certificates that nobody can have signed") {
    options.clientCertificates = ClientCertificates::Required;
    CHECK(makeTlsServer(options).error.starts_with("client certificates without an authority"));
  }
  SECTION("ciphers that there are not") {
    options.demands.ciphers = "ROT13";
    CHECK(makeTlsServer(options).error == "ciphers ROT13: no cipher match");
  }
}

}  // namespace slotless::net
