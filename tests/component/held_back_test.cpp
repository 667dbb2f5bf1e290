// Bytes that a stream holds back itself, as TLS does when it has decrypted more than was asked for, or
// encrypted more than the system takes: no poll tells of the first, and still nobody waits for them; the
// others are not lost with the end of a connection.
#include <string>

#include "stage.h"

namespace slotless::test {

TEST_CASE_METHOD(Stage, "held back: requests in the client's stream are carried out in the next turns") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.connection().holdBack(true);
  constexpr std::size_t kMany = 20'000;  // several times what is read at once
  std::string requests;
  std::string replies;
  for (std::size_t i = 0; i < kMany; ++i) {
    requests += request("PING");
    replies += "+PONG\r\n";
  }
  client.sendsBytes(requests);
  CHECK(client.takes() == replies);
}

TEST_CASE_METHOD(Stage, "held back: a long reply in the link's stream is passed on to its end") {
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  node(1).connection().holdBack(true);
  const std::string value = bulk(std::string(1'000'000, 'x'));
  get.replies(value);
  CHECK(client.takes() == value);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "held back: a client that is not read from for a while loses nothing of it") {
  config.clientMaxInFlight = 2;
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.connection().holdBack(true);
  client.connection().setReadChunk(request("GET a").size());
  client.sends({"GET a", "GET a", "GET a", "GET a", "GET a"});
  const Received first = node(1).expects("GET a");
  const Received second = node(1).expects("GET a");
  node(1).expectsNothing();
  first.replies("$1\r\n1\r\n");
  second.replies("$1\r\n2\r\n");
  for (const char* value : {"$1\r\n3\r\n", "$1\r\n4\r\n", "$1\r\n5\r\n"})
    node(1).expects("GET a").replies(value);
  client.receives("$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n");
}

TEST_CASE_METHOD(Stage, "held back: so does one that does not read its replies") {
  config.clientOutputSoftLimit = 1024;
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.connection().holdBack(true);
  client.connection().setReadChunk(64);
  client.stopsReading();
  constexpr std::size_t kMany = 2000;
  std::string requests;
  std::string replies;
  for (std::size_t i = 0; i < kMany; ++i) {
    requests += request("PING");
    replies += "+PONG\r\n";
  }
  client.sendsBytes(requests);
  CHECK_FALSE(client.isRead());
  client.readsAgain();
  CHECK(client.takes() == replies);
}

TEST_CASE_METHOD(Stage, "held back: a client that is to be closed gets what its stream has not sent yet") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.connection().setUnsent(100);
  SECTION("at its own wish") {
    client.sends("QUIT");
    client.receives("+OK\r\n");
  }
  SECTION("when its input ends") {
    client.connection().end();
    settle();
  }
  SECTION("when the worker ends") {
    worker().drain([] {});
    settle();
  }
  CHECK_FALSE(client.isClosed());
  CHECK(client.connection().watchesWritable());
  client.connection().setUnsent(0);
  settle();
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage,
                 "a client that speaks TLS where it is not served is closed, and nothing else happens") {
  client.sendsBytes(std::string("\x16\x03\x01\x02\x00", 5) + request("GET a"));
  CHECK(client.isClosed());
  client.receivesNothing();
  CHECK(metrics().protocolErrors.value() == 1);
  other.sends("PING");
  other.sendsBytes(std::string("\x16\x03\x01\r\n", 5));  // later on it is only an odd command
  CHECK(other.takes().starts_with("+PONG\r\n-ERR unknown command"));
}

}  // namespace slotless::test
