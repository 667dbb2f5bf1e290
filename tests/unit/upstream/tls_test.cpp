// A connection to a node by TLS, on real sockets: as whom the node is verified, and with what.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "certificates.h"
#include "proxy/net/listener.h"
#include "proxy/net/tls_stream.h"
#include "proxy/net/uv_loop.h"
#include "proxy/upstream/connection.h"
#include "temporary_folder.h"

namespace slotless::upstream {
namespace {

using net::Millis;
using net::TlsContextPtr;
using test::Certificate;

struct Papers {
  test::TemporaryFolder folder;
  Certificate authority{{"authority"}};
  Certificate stranger{{"stranger"}};
  std::string ca = authority.write(folder.file("ca.pem"));
  std::string otherCa = stranger.write(folder.file("other.pem"));
  Certificate node{{"node", "DNS:localhost,DNS:redis.example"}, authority};

  TlsContextPtr server() {
    return net::makeTlsServer({node.write(folder.file("n.pem")), node.writeKey(folder.file("n.key"))})
        .context;
  }
  static TlsContextPtr client(const std::string& authorityFile, const std::string& serverName = {}) {
    net::TlsClientOptions options;
    options.authorityFile = authorityFile;
    options.serverName = serverName;
    return net::makeTlsClient(options).context;
  }
};

Papers& papers() {
  static Papers all;
  return all;
}

// Answers the greeting, and then says what it hears.
class Node final : public net::Stream::Observer {
 public:
  std::unique_ptr<net::Stream> stream;
  bool greeted = false;
  void onWritable() override {}
  void onReadable() override {
    std::string bytes(65536, '\0');
    const net::IoResult got = stream->read(bytes.data(), bytes.size());
    if (got.status == net::IoStatus::WouldBlock) return;
    if (got.status != net::IoStatus::Ok) return stream->watch(false, false);
    if (got.more) stream->remind();
    bytes.resize(got.bytes);
    const std::string answer = greeted ? bytes : "+PONG\r\n+OK\r\n";
    greeted = true;
    const iovec piece{const_cast<char*>(answer.data()), answer.size()};
    stream->write({&piece, 1});
  }
};

class ByTls : public Connection::Owner {
 public:
  ByTls() {
    std::string error;
    listener = net::Listener::open(
        loop, {"127.0.0.1", 0}, 5,
        [this](int descriptor) {
          Node& node = *nodes.emplace_back(std::make_unique<Node>());
          node.stream = speaksTls
                            ? net::TlsStream::adopt(loop, papers().server(), descriptor, node, Millis(5000))
                            : loop.adopt(descriptor, node);
          node.stream->watch(true, false);
        },
        error);
    REQUIRE(listener != nullptr);
    watchdog = loop.makeTimer([this] {
      late = true;
      loop.stop();
    });
  }
  virtual ~ByTls() = default;

  // Until something is heard: "up", or why not.
  std::string dial(const std::string& host, const std::string& tlsName = {}) {
    heard.clear();
    connection = std::make_unique<Connection>(loop, scratch, net::Address{host, listener->address().port},
                                              nullptr, *this);
    Access access;
    access.tls = source;
    access.tlsName = tlsName;
    connection->open(Handshake(access), Millis(5000));
    run();
    return heard;
  }
  void run() {
    watchdog->start(Millis(10'000));
    loop.run();
    watchdog->stop();
    CHECK_FALSE(late);
  }

  void onConnectionUp() override { tell("up"); }
  void onBytes(std::string_view bytes) override { tell(std::string(bytes)); }
  void onRoom() override {}
  void onConnectionLost(std::string_view reason) override { tell(std::string(reason)); }
  void tell(std::string what) {
    heard += what;
    loop.stop();
  }

  net::UvLoop loop;
  std::unique_ptr<net::Listener> listener;
  std::vector<std::unique_ptr<Node>> nodes;
  std::shared_ptr<net::TlsSource> source = std::make_shared<net::TlsSource>(Papers::client(papers().ca));
  bool speaksTls = true;
  std::string scratch = std::string(4096, '\0');
  std::unique_ptr<Connection> connection;
  std::string heard;
  std::unique_ptr<net::Timer> watchdog;
  bool late = false;
};

}  // namespace

TEST_CASE_METHOD(ByTls, "a node that is dialled by its name proves it, and is spoken to") {
  REQUIRE(dial("localhost") == "up");
  CHECK(connection->encryption().starts_with("TLSv1."));
  heard.clear();
  CHECK(connection->write("hello").bytes == 5);
  run();
  CHECK(heard == "hello");
}

TEST_CASE_METHOD(ByTls, "a node that is dialled by a number proves the name by which it is known") {
  CHECK(dial("127.0.0.1") == "TLS handshake failed: IP address mismatch");
  CHECK(dial("127.0.0.1", "redis.example") == "up");
  CHECK(dial("127.0.0.1", "other.example") == "TLS handshake failed: hostname mismatch");
}

TEST_CASE_METHOD(ByTls, "a name that is configured is the one that counts") {
  source->renew(Papers::client(papers().ca, "redis.example"));
  CHECK(dial("127.0.0.1") == "up");
  CHECK(dial("127.0.0.1", "other.example") == "up");
}

TEST_CASE_METHOD(ByTls, "another context counts for new connections, and those that stand go on") {
  REQUIRE(dial("localhost") == "up");
  const auto standing = std::move(connection);
  source->renew(Papers::client(papers().otherCa));
  CHECK(dial("localhost") == "TLS handshake failed: unable to get local issuer certificate");
  heard.clear();
  CHECK(standing->write("hello").bytes == 5);
  run();
  CHECK(heard == "hello");
  source->renew(Papers::client(papers().ca));
  CHECK(dial("localhost") == "up");
}

TEST_CASE_METHOD(ByTls, "a node by TLS that is dialled without is told from one that speaks nonsense") {
  source = nullptr;
  const std::string reason = dial("localhost");
  INFO(reason);
  CHECK((reason == "the node speaks TLS (see cluster-tls)" ||
         reason.find("ERR this port is for TLS only") != std::string::npos));
}

TEST_CASE_METHOD(ByTls, "a node without TLS gets nothing but the beginning of a handshake") {
  speaksTls = false;
  CHECK(dial("localhost") == "TLS handshake failed: the node does not speak TLS");
}

}  // namespace slotless::upstream
