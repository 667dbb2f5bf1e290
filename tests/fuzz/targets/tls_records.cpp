// A TLS client's bytes, cut into pieces and wounded as the input says: first a byte that says whether there
// are wounds, then a byte for each piece. Cutting changes nothing; a wound ends the connection, and never
// what was sent before changes.
#include <openssl/ssl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "certificates.h"
#include "fake_loop.h"
#include "proxy/net/tls_stream.h"
#include "target.h"

namespace {

using namespace slotless;
using fuzz::require;

// Files that are gone when they have been read.
net::TlsContextPtr makeContext() {
  const test::Certificate server{{"server", "DNS:redis.example"}};
  const std::string name = "fuzz-" + std::to_string(::getpid());
  const net::TlsMade made = net::makeTlsServer({server.write(name + ".pem"), server.writeKey(name + ".key")});
  std::remove((name + ".pem").c_str());
  std::remove((name + ".key").c_str());
  require(made.context != nullptr, made.error);
  return made.context;
}

const net::TlsContextPtr& serverContext() {
  static const net::TlsContextPtr context = makeContext();
  return context;
}

// Reads all there is, as the daemon does.
struct Server final : net::Stream::Observer {
  std::unique_ptr<net::TlsStream> stream;
  std::string input;
  bool over = false;

  void onWritable() override { stream->watch(true, false); }
  void onReadable() override {
    char bytes[512];
    while (!over) {
      const net::IoResult got = stream->read(bytes, sizeof(bytes));
      if (got.status == net::IoStatus::WouldBlock) return;
      if (got.status != net::IoStatus::Ok) {
        over = true;
        return stream->watch(false, false);
      }
      input.append(bytes, got.bytes);
      if (!got.more) return;
    }
  }
};

class Client {
 public:
  Client() : ssl_(SSL_new(context()), &SSL_free) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }
  bool shakeHands() { return SSL_do_handshake(ssl_.get()) == 1; }
  void write(std::string_view text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }
  void take(const std::string& bytes) {
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string give() {
    char bytes[4096];
    std::string all;
    for (int got = 0; (got = BIO_read(SSL_get_wbio(ssl_.get()), bytes, sizeof(bytes))) > 0;)
      all.append(bytes, static_cast<std::size_t>(got));
    return all;
  }

 private:
  static SSL_CTX* context() {
    static const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> made(SSL_CTX_new(TLS_client_method()),
                                                                   &SSL_CTX_free);
    return made.get();
  }
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input = fuzz::textOf(data, size);
  const bool wounds = (fuzz::takeByte(input) & 1U) != 0;
  test::FakeLoop loop;
  const auto far = loop.incoming();
  Server server;
  server.stream = net::TlsStream::adopt(loop, serverContext(), far->descriptor(), server, net::Millis(5000));
  server.stream->watch(true, false);
  Client client;
  bool wounded = false;
  const auto carry = [&] {
    std::string bytes = client.give();
    while (!bytes.empty()) {
      const std::uint8_t how = fuzz::takeByte(input);
      const std::size_t piece =
          std::min<std::size_t>(bytes.size(), input.empty() ? bytes.size() : 1U + how % 100U);
      if (wounds && how >= 250) {
        bytes[how % piece] = static_cast<char>(bytes[how % piece] ^ static_cast<char>(1U << (how % 8U)));
        wounded = true;
      }
      far->push(std::string_view(bytes).substr(0, piece));
      bytes.erase(0, piece);
      loop.settle();
    }
    client.take(far->takeWritten());
  };
  bool up = false;
  for (int turn = 0; turn < 6 && !up; ++turn) {
    up = client.shakeHands();
    carry();
  }
  std::string sent;
  for (int i = 0; i < 3 && up; ++i) {
    const std::string text(1U + fuzz::takeByte(input) * 7U, static_cast<char>('a' + i));
    client.write(text);
    sent += text;
    carry();
  }
  require(wounded || (up && server.input == sent), "cutting changes nothing");
  require(sent.starts_with(server.input), "nothing is read that was not sent");
  far->end();
  loop.settle();
  return 0;
}
