// Values that do not fit into one read or one write.
#include "stage.h"

namespace slotless::test {

namespace {

// No two pieces of it are alike.
std::string value(std::size_t bytes) {
  std::string text;
  text.reserve(bytes + 8);
  for (std::size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i) + ",";
  text.resize(bytes);
  return text;
}

template <typename Take>
void inPieces(const std::string& bytes, Take take) {
  for (std::size_t i = 0; i < bytes.size(); i += kPiece) take(bytes.substr(i, kPiece));
}

}  // namespace

TEST_CASE_METHOD(Stage, "a large reply is forwarded piece by piece, without being collected") {
  const std::string reply = bulk(value(kMiB));
  client.sends("GET a");
  const Received a = node(1).expects("GET a");
  std::size_t most = 0;
  inPieces(reply, [&](const std::string& piece) {
    a.replies(piece);
    most = std::max(most, worker().blocks().bytesInUse());
    client.receives(piece);
  });
  CHECK(most < 32 * 1024);
}

TEST_CASE_METHOD(Stage, "a large reply that has to wait comes whole when its turn comes") {
  const std::string reply = bulk(value(kMiB));
  client.sends({"GET b", "GET a", "GET c"});
  const Received b = node(2).expects("GET b");
  const Received a = node(1).expects("GET a");
  const Received c = node(3).expects("GET c");
  inPieces(reply.substr(0, kMiB / 2), [&](const std::string& piece) { a.replies(piece); });
  client.receivesNothing();
  b.replies(bulk("b"));
  client.receives(bulk("b") + reply.substr(0, kMiB / 2));
  inPieces(reply.substr(kMiB / 2), [&](const std::string& piece) { a.replies(piece); });
  c.replies(bulk("c"));
  client.receives(reply.substr(kMiB / 2) + bulk("c"));
}

TEST_CASE_METHOD(Stage, "a large request is sent when it is complete, and handed over without a copy") {
  const std::string text = value(4 * kMiB);
  const std::string bytes = request(Words{"SET", "a", text});
  settle();
  const std::size_t writes = node(1).connection().writeCalls();
  inPieces(bytes, [&](const std::string& piece) { client.sendsBytes(piece); });
  // One block, one write: copied into blocks it would take several.
  CHECK(node(1).connection().writeCalls() == writes + 1);
  const std::string sent = "SET a " + text;
  const Received set = node(1).expects(sent);
  CHECK(worker().blocks().bytesInUse() < 2 * bytes.size());
  set.replies("+OK\r\n");
  client.receives("+OK\r\n");
  CHECK(worker().blocks().bytesInUse() == 0);
}

TEST_CASE_METHOD(Stage, "small requests around a large one keep their order") {
  const std::string text = value(100'000);
  client.sendsBytes(request("GET a") + request(Words{"SET", "a", text}) + request("GET a"));
  const Received first = node(1).expects("GET a");
  node(1).expects("SET a " + text);
  node(1).expects("GET a");
  first.replies("$-1\r\n+OK\r\n$1\r\nx\r\n");
  client.receives("$-1\r\n+OK\r\n$1\r\nx\r\n");
}

TEST_CASE_METHOD(Stage, "a large request whose link breaks in its middle is sent again whole") {
  const std::string text = value(kMiB);
  settle();
  node(1).takesOnly(kMiB / 2);
  client.sendsBytes(request(Words{"SET", "a", text}));
  node(1).expectsNothing();
  node(1).resets();
  node(1).expects("SET a " + text).replies("+OK\r\n");
  client.receives("+OK\r\n");
}

TEST_CASE_METHOD(Stage, "a large request follows MOVED and ASK") {
  const std::string text = value(kMiB);
  const std::string sent = "SET a " + text;
  client.sendsBytes(request(Words{"SET", "a", text}));
  node(1).expects(sent).replies(moved("a", 2));
  node(2).expects(sent).replies(ask("a", 3));
  node(3).expectsAsking(sent).replies("+OK\r\n");
  client.receives("+OK\r\n");
}

TEST_CASE_METHOD(Stage, "a large request is split like a small one") {
  const std::string text = value(kMiB);
  client.sendsBytes(request(Words{"MSET", "a", text, "b", "1", "c", text}));
  node(2).expects("MSET b 1").replies("+OK\r\n");
  node(1).expects("MSET a " + text).replies("+OK\r\n");
  node(3).expects("MSET c " + text).replies("+OK\r\n");
  client.receives("+OK\r\n");
}

TEST_CASE_METHOD(Stage, "a client that takes a large reply slowly does not stop the link for others") {
  const std::string reply = bulk(value(kMiB));
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.stopsReading();
  client.sends("GET a");
  other.sends("GET d");
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  inPieces(reply, [&](const std::string& piece) { a.replies(piece); });
  a.replies(bulk("d"));
  other.receives(bulk("d"));
  std::string taken;
  while (taken.size() < reply.size()) {
    client.readsOnly(100'000);
    const std::string more = client.takes();
    REQUIRE_FALSE(more.empty());
    taken += more;
  }
  const bool same = taken == reply;
  CHECK(same);
}

TEST_CASE_METHOD(Stage, "a pipeline of many requests passes with bounded memory") {
  constexpr std::size_t kRequests = 20'000;
  std::string bytes;
  for (std::size_t i = 0; i < kRequests; ++i) bytes += request("GET a");
  client.connection().push(bytes);
  std::size_t answered = 0;
  std::size_t most = 0;
  for (settle(); node(1).unexpected() > 0; settle()) {
    std::string replies;
    const std::size_t count = node(1).unexpected();
    CHECK(count <= config.clientMaxInFlight);
    FakeConnection& link = node(1).connection();
    for (std::size_t i = 0; i < count; ++i) {
      node(1).expects("GET a");
      replies += "$1\r\n1\r\n";
    }
    most = std::max(most, worker().blocks().bytesInUse());
    link.push(replies);
    answered += count;
  }
  CHECK(answered == kRequests);
  CHECK(client.takes().size() == kRequests * 7);
  CHECK(most < kMiB / 2);
}

}  // namespace slotless::test
