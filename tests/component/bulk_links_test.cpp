// Clients whose values are large: they do not keep the small ones of others waiting on the same connection.
#include "stage.h"

namespace slotless::test {

namespace {

constexpr std::size_t kBulkBytes = std::size_t{64} * 1024;
constexpr int kUntilSmall = 64;

struct BulkLinks : Stage {
  const FakeConnection& answers(FakeClient& from, std::string_view request, const std::string& reply) {
    from.sends(request);
    const Received received = node(1).expects(request);
    received.replies(reply);
    from.receives(reply);
    return received.connection();
  }

  const std::string large = bulk(std::string(kBulkBytes, 'x'));
  const std::string small = bulk("x");
};

}  // namespace

TEST_CASE_METHOD(BulkLinks, "who has had a large reply goes by another connection, until replies are small") {
  const FakeConnection& shared = answers(client, "GET a", large);
  const FakeConnection& apart = answers(client, "GET a", small);
  CHECK(&apart != &shared);
  CHECK(&answers(other, "GET d", small) == &shared);
  for (int i = 1; i < kUntilSmall; ++i) CHECK(&answers(client, "GET a", small) == &apart);
  CHECK(&answers(client, "GET a", small) == &shared);
}

TEST_CASE_METHOD(BulkLinks, "a large request counts as a large reply does") {
  const std::string request = "SET a " + std::string(kBulkBytes, 'x');
  const FakeConnection& shared = answers(client, request, "+OK\r\n");
  CHECK(&answers(client, "GET a", small) != &shared);
}

TEST_CASE_METHOD(BulkLinks, "two clients with large values share the connection for these") {
  answers(client, "GET a", large);
  answers(other, "GET d", large);
  CHECK(&answers(client, "GET a", small) == &answers(other, "GET d", small));
}

TEST_CASE_METHOD(BulkLinks, "what is pending keeps later requests of the same client on its connection") {
  client.sends({"GET a", "GET a"});
  const Received first = node(1).expects("GET a");
  const Received second = node(1).expects("GET a");
  first.replies(large);
  client.receives(large);
  client.sends("SET a 1");
  const Received third = node(1).expects("SET a 1");
  CHECK(&third.connection() == &first.connection());
  second.replies(small);
  third.replies("+OK\r\n");
  client.receives(small + "+OK\r\n");
  CHECK(&answers(client, "GET a", small) != &first.connection());
}

TEST_CASE_METHOD(BulkLinks, "RESP3 has such connections of its own") {
  node(1).answersHandshake("HELLO", "%1\r\n+proto\r\n:3\r\n");
  client.sends("HELLO 3");
  client.takes();
  const FakeConnection& shared = answers(client, "GET a", large);
  CHECK(&answers(client, "GET a", small) != &shared);
}

TEST_CASE_METHOD(BulkLinks, "a read that is lost on it is repeated, a redirect is followed") {
  answers(client, "GET a", large);
  client.sends("GET a");
  node(1).expects("GET a");
  node(1).resets();
  node(1).expects("GET a").replies(moved("a", 2));
  node(2).expects("GET a").replies(small);
  client.receives(small);
  giveSlot("a", 1);
}

}  // namespace slotless::test
