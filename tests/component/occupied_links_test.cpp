// A large reply that nobody has expected comes on a shared link: others do not wait for its end.
#include "stage.h"

namespace slotless::test {

namespace {

struct OccupiedLinks : Stage {
  OccupiedLinks() { config.clientOutputHardLimit = 0; }

  // The client's GET of `key`, whose reply has only begun.
  Received begins(const std::string& key = "a") {
    client.sends("GET " + key);
    Received received = node(1).expects("GET " + key);
    received.replies(large.substr(0, 1000));
    return received;
  }
  void ends(const Received& received) {
    received.replies(std::string_view(large).substr(1000));
    const bool same = client.takes() == large;
    CHECK(same);
  }

  const std::string large = bulk(std::string(2 * kMiB, 'x'));
  const std::string small = bulk("x");
};

}  // namespace

TEST_CASE_METHOD(OccupiedLinks, "who has nothing under way goes round a link on which a large reply comes") {
  const Received slow = begins();
  for (int i = 0; i < 3; ++i) {
    other.sends("GET d");
    const Received quick = node(1).expects("GET d");
    CHECK(&quick.connection() != &slow.connection());
    quick.replies(small);
    other.receives(small);
  }
  ends(slow);
  other.sends("GET d");
  const Received after = node(1).expects("GET d");
  CHECK(&after.connection() == &slow.connection());
  after.replies(small);
  other.receives(small);
}

TEST_CASE_METHOD(OccupiedLinks, "a list counts by what of it has come") {
  const std::string element = bulk(std::string(1000, 'x'));
  client.sends("LRANGE a 0 -1");
  const Received list = node(1).expects("LRANGE a 0 -1");
  list.replies("*2000\r\n");
  other.sends("GET d");
  const Received before = node(1).expects("GET d");
  CHECK(&before.connection() == &list.connection());
  std::string reply = "*2000\r\n";
  for (int i = 0; i < 1500; ++i) {
    list.replies(element);
    reply += element;
  }
  FakeClient& third = addClient();
  third.sends("GET e");
  const Received beside = node(1).expects("GET e");
  CHECK(&beside.connection() != &list.connection());
  beside.replies(small);
  third.receives(small);
  for (int i = 1500; i < 2000; ++i) {
    list.replies(element);
    reply += element;
  }
  const bool same = client.takes() == reply;
  CHECK(same);
  before.replies(small);
  other.receives(small);
}

TEST_CASE_METHOD(OccupiedLinks, "what has something under way on the link stays, so that its order is kept") {
  other.sends("SET d 1");
  const Received before = node(1).expects("SET d 1");
  const FakeConnection& shared = before.connection();
  before.replies("+OK\r\n");
  other.receives("+OK\r\n");
  client.sends("GET a");
  const Received slow = node(1).expects("GET a");
  other.sends("SET d 2");
  const Received first = node(1).expects("SET d 2");
  slow.replies(large.substr(0, 1000));
  other.sends("SET d 3");
  const Received second = node(1).expects("SET d 3");
  CHECK(&first.connection() == &shared);
  CHECK(&second.connection() == &shared);
  ends(slow);
  first.replies("+OK\r\n");
  second.replies("+OK\r\n");
  other.receives("+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(OccupiedLinks, "who has gone round stays there until nothing of it is under way") {
  const Received slow = begins();
  other.sends("SET d 1");
  const Received first = node(1).expects("SET d 1");
  ends(slow);
  other.sends("SET d 2");
  const Received second = node(1).expects("SET d 2");
  CHECK(&first.connection() != &slow.connection());
  CHECK(&second.connection() == &first.connection());
  first.replies("+OK\r\n");
  second.replies("+OK\r\n");
  other.receives("+OK\r\n+OK\r\n");
  other.sends("SET d 3");
  const Received third = node(1).expects("SET d 3");
  CHECK(&third.connection() == &slow.connection());
  third.replies("+OK\r\n");
  other.receives("+OK\r\n");
}

TEST_CASE_METHOD(OccupiedLinks, "a command over several nodes goes round with all its parts") {
  const Received slow = begins();
  other.sends("MGET b a");
  const Received b = node(2).expects("MGET b");
  const Received a = node(1).expects("MGET a");
  CHECK(&a.connection() != &slow.connection());
  other.sends("SET b 1");
  const Received set = node(2).expects("SET b 1");
  CHECK(&set.connection() == &b.connection());
  b.replies("*1\r\n" + small);
  a.replies("*1\r\n" + small);
  set.replies("+OK\r\n");
  other.receives("*2\r\n" + small + small + "+OK\r\n");
  ends(slow);
}

TEST_CASE_METHOD(OccupiedLinks, "requests for other nodes are not concerned") {
  other.sends("GET b");
  const Received before = node(2).expects("GET b");
  before.replies(small);
  other.receives(small);
  const Received slow = begins();
  other.sends("GET b");
  const Received beside = node(2).expects("GET b");
  CHECK(&beside.connection() == &before.connection());
  beside.replies(small);
  other.receives(small);
  ends(slow);
}

TEST_CASE_METHOD(OccupiedLinks, "where both links are occupied everybody stays") {
  const Received slow = begins();
  other.sends("GET d");
  const Received second = node(1).expects("GET d");
  second.replies(large.substr(0, 1000));
  FakeClient& third = addClient();
  third.sends("GET e");
  const Received waits = node(1).expects("GET e");
  CHECK(&waits.connection() == &slow.connection());
  ends(slow);
  waits.replies(small);
  third.receives(small);
  second.replies(std::string_view(large).substr(1000));
  const bool same = other.takes() == large;
  CHECK(same);
}

TEST_CASE_METHOD(OccupiedLinks, "a link that breaks in the midst of a large reply is not occupied any more") {
  const Received slow = begins();
  node(1).resets();
  CHECK(client.isClosed());
  client.takes();
  other.sends("GET d");
  const Received after = node(1).expects("GET d");
  after.replies(small);
  other.receives(small);
  FakeClient& third = addClient();
  third.sends("GET d");
  const Received again = node(1).expects("GET d");
  CHECK(&again.connection() == &after.connection());
  again.replies(small);
  third.receives(small);
}

TEST_CASE_METHOD(OccupiedLinks, "a large reply that nobody waits for any more occupies its link to its end") {
  const Received slow = begins();
  client.takes();
  client.resets();
  other.sends("GET d");
  const Received quick = node(1).expects("GET d");
  CHECK(&quick.connection() != &slow.connection());
  quick.replies(small);
  other.receives(small);
  slow.replies(std::string_view(large).substr(1000));
  other.sends("GET d");
  const Received after = node(1).expects("GET d");
  CHECK(&after.connection() == &slow.connection());
  after.replies(small);
  other.receives(small);
}

TEST_CASE_METHOD(OccupiedLinks, "where nothing may be held everybody stays") {
  config.holdMaxRequests = 0;
  const Received slow = begins();
  other.sends("GET d");
  const Received waits = node(1).expects("GET d");
  CHECK(&waits.connection() == &slow.connection());
  ends(slow);
  waits.replies(small);
  other.receives(small);
}

}  // namespace slotless::test
