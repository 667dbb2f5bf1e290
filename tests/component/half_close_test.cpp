// A client that closes its sending side: all that it has asked before is answered.
#include "batch.h"

namespace slotless::test {

namespace {}  // namespace

TEST_CASE_METHOD(Stage, "half-closed: what is held goes on when there is a master, in order") {
  giveSlot("a", 0);
  client.sends({"SET a 1", "GET a"});
  client.leaves();
  CHECK_FALSE(client.isClosed());
  giveSlot("a", 2);
  clock.advance(100ms);
  node(2).expects("SET a 1").replies(kOk);
  node(2).expects("GET a").replies(bulk("1"));
  client.receives(std::string(kOk) + bulk("1"));
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "half-closed: what is redirected, refused for a moment or lost on its way goes on") {
  client.sends({"GET a", "GET b", "GET c"});
  const Received a = node(1).expects("GET a");
  const Received b = node(2).expects("GET b");
  const Received c = node(3).expects("GET c");
  client.leaves();
  b.replies("-LOADING Redis is loading the dataset in memory\r\n");
  a.replies(moved("a", 2));
  c.connection().reset();
  clock.advance(200ms);
  for (int i = 0; i < 2; ++i) {
    const Received again = node(2).expectsAny();
    again.replies(bulk(again.words()[1]));
  }
  node(3).expects("GET c").replies(bulk("c"));
  client.receives(bulk("a") + bulk("b") + bulk("c"));
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "half-closed: what takes several stages goes on, and so does what waits behind it") {
  client.sends({"SORT a BY w_* STORE b", "PUBLISH c x", "MULTI", "SET a 1", "EXEC", "DBSIZE", "GET a"});
  client.leaves();
  CHECK_FALSE(client.isClosed());
  // Whatever it asks for, there is nothing to be had.
  for (int i = 0; i < 40 && !client.connection().closed(); ++i) {
    for (std::size_t number = 1; number <= kNodes; ++number) {
      settle();
      while (node(number).unexpected() > 0) {
        const Received got = node(number).expectsAny();
        const std::string& word = got.words()[0];
        if (word == "MULTI" || word == "SET") continue;
        if (word == "EXEC")
          got.replies("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
        else if (word == "SORT" || word == "MGET" || word == "SMEMBERS")
          got.replies("*0\r\n");
        else
          got.replies(":0\r\n");
      }
    }
  }
  const std::string got = client.takes();
  CHECK(got.find("+QUEUED\r\n*1\r\n+OK\r\n:0\r\n:0\r\n") != std::string::npos);
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "half-closed: what waits for CLIENT PAUSE is carried out afterwards") {
  other.sends("CLIENT PAUSE 1000 ALL");
  other.receives(kOk);
  client.sends({"SET a 1", "GET a"});
  client.leaves();
  CHECK_FALSE(client.isClosed());
  clock.advance(1100ms);
  node(1).expects("SET a 1").replies(kOk);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(std::string(kOk) + bulk("1"));
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "half-closed: a command that blocks takes what is there, and does not wait") {
  client.sends({"GET a", "BLPOP a 0", "PING"});
  const Received get = node(1).expects("GET a");
  client.leaves();
  get.replies(bulk("1"));
  Batch(node(1), {"BLPOP a 0"}).connection().push("+OK\r\n+QUEUED\r\n*1\r\n*2\r\n" + bulk("a") + bulk("x"));
  settle();
  client.receives(bulk("1") + "*2\r\n" + bulk("a") + bulk("x") + "+PONG\r\n");
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "half-closed: so does one that has not got a connection of its own yet") {
  config.leaseMaxBlocking = 1;
  other.sends("BLPOP d 0");
  const Received first = node(1).expects("BLPOP d 0");
  client.sends("BLPOP a 0");
  client.leaves();
  Batch(node(1), {"BLPOP a 0"}).connection().push("+OK\r\n+QUEUED\r\n*1\r\n*-1\r\n");
  settle();
  client.receives("*-1\r\n");
  CHECK(client.isClosed());
  first.replies("*-1\r\n");
  other.receives("*-1\r\n");
}

TEST_CASE_METHOD(Stage, "half-closed: WAIT is answered") {
  client.sends("SET a 1");
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
  client.sends("WAIT 1 500");
  client.leaves();
  CHECK_FALSE(client.isClosed());
  for (int i = 0; i < 4; ++i) node(1).expectsAny();
  node(1).expects("WAIT 1 500").replies("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:1\r\n:1\r\n");
  client.receives(":1\r\n");
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "half-closed: WAIT without a time is dropped") {
  client.sends("SET a 1");
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
  client.sends("WAIT 9 0");
  for (int i = 0; i < 4; ++i) node(1).expectsAny();
  node(1).expects("WAIT 9 0");
  client.leaves();
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(
    Stage, "half-closed: WAIT without a time is dropped, too, where something before it was under way") {
  client.sends({"SET a 1", "WAIT 9 0"});
  const Received set = node(1).expects("SET a 1");
  client.leaves();
  CHECK_FALSE(client.isClosed());
  set.replies(kOk);
  client.receives(kOk);
  CHECK(client.isClosed());
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Stage, "half-closed: half a request is none, and an unfinished transaction is nothing") {
  client.sendsBytes(request("GET a") + request("MULTI") + request("SET a 1") + "*2\r\n$3\r\nGE");
  client.leaves();
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1") + "+OK\r\n+QUEUED\r\n");
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "half-closed: a connection that is reset drops what is held, unsent") {
  giveSlot("a", 0);
  client.sends("SET a 1");
  client.resets();
  CHECK(client.isClosed());
  giveSlot("a", 2);
  clock.advance(1s);
  node(2).expectsNothing();
}

}  // namespace slotless::test
