// Bytes that a stream holds back itself, as TLS does when it has decrypted more than was asked for: no poll
// tells of them, and still nobody waits for them.
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

}  // namespace slotless::test
