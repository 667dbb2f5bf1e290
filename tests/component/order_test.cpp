// Commands that wait for the replies of others.
#include "batch.h"

namespace slotless::test {

namespace {}

TEST_CASE_METHOD(Stage,
                 "PUBLISH waits for all earlier replies of its client, and later commands wait for it") {
  // The channel b lives where the key b does.
  client.sends({"SET a 1", "SET c 1", "PUBLISH b news", "SET a 2"});
  other.sends("GET b");
  node(2).expects("GET b").replies(bulk("b"));
  other.receives(bulk("b"));
  const Received a = node(1).expects("SET a 1");
  const Received c = node(3).expects("SET c 1");
  c.replies(kOk);
  node(2).expectsNothing();
  a.replies(kOk);
  const Received publish = node(2).expects("PUBLISH b news");
  node(1).expectsNothing();
  publish.replies(":1\r\n");
  node(1).expects("SET a 2").replies(kOk);
  client.receives("+OK\r\n+OK\r\n:1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage,
                 "FLUSHALL waits for earlier replies, goes to all masters, and later commands wait for it") {
  client.sends({"SET a 1", "FLUSHALL", "SET b 2", "PING"});
  const Received a = node(1).expects("SET a 1");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
  a.replies(kOk);
  const Received first = node(1).expects("FLUSHALL");
  const Received second = node(2).expects("FLUSHALL");
  const Received third = node(3).expects("FLUSHALL");
  second.replies(kOk);
  first.replies(kOk);
  node(2).expectsNothing();
  client.receives(kOk);
  third.replies(kOk);
  node(2).expects("SET b 2").replies(kOk);
  client.receives("+OK\r\n+OK\r\n+PONG\r\n");
}

TEST_CASE_METHOD(
    Stage, "a FLUSHALL that one node refuses for a while is not overtaken by a later write to that node") {
  client.sends({"FLUSHALL", "SET a 1"});
  node(1).expects("FLUSHALL").replies("-LOADING Redis is loading the dataset in memory\r\n");
  node(2).expects("FLUSHALL").replies(kOk);
  node(3).expects("FLUSHALL").replies(kOk);
  node(1).expectsNothing();
  clock.advance(50ms);
  node(1).expects("FLUSHALL").replies(kOk);
  node(1).expects("SET a 1").replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage,
                 "what a node refused is not carried out after a later command of its client and slot") {
  client.sends({"SET a 1", "SET a 2", "GET b"});
  node(1).expects("SET a 1").replies("-CLUSTERDOWN The cluster is down\r\n");
  node(1).expects("SET a 2").replies(kOk);
  node(2).expects("GET b").replies(bulk("b"));
  client.receives(
      "-CLUSTERDOWN The slot was not served when this command came, and a later one has been carried out\r\n"
      "+OK\r\n" +
      bulk("b"));
  clock.advance(1s);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Stage, "what a node refused is carried out before a later command that it refused as well") {
  client.sends({"SET a 1", "SET a 2"});
  node(1).expects("SET a 1").replies("-CLUSTERDOWN The cluster is down\r\n");
  node(1).expects("SET a 2").replies("-CLUSTERDOWN The cluster is down\r\n");
  clock.advance(100ms);
  node(1).expects("SET a 1").replies(kOk);
  node(1).expects("SET a 2").replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
}

// A transaction about a key that is there still and one that is not, and a later request about the first.
struct HalfMoved : Stage {
  void sendBoth() {
    client.sends({"MULTI", "APPEND {a}x 1", "DEL {a}y", "EXEC", "GET {a}x"});
    const Batch batch(node(1), {"APPEND {a}x 1", "DEL {a}y"});
    later.emplace(node(1).expects("GET {a}x"));
    batch.connection().push("+OK\r\n+QUEUED\r\n" + ask("a", 2) + std::string(kAborted));
    node(2).expectsNothing();
  }
  static constexpr std::string_view kAborted =
      "-EXECABORT Transaction discarded because of previous errors.\r\n";
  static constexpr std::string_view kQueued = "+OK\r\n+QUEUED\r\n+QUEUED\r\n";
  std::optional<Received> later;
};

TEST_CASE_METHOD(HalfMoved, "what a node has refused for one key is not carried out behind what it served") {
  sendBoth();
  later->replies(bulk("0"));
  node(2).expectsNothing();
  client.receives(std::string(kQueued) + std::string(kTryAgain) + bulk("0"));
}

TEST_CASE_METHOD(HalfMoved, "what a node has refused for one key goes on before what it refused as well") {
  sendBoth();
  later->replies(ask("a", 2));
  node(2).expects("ASKING");
  const Batch batch(node(2), {"APPEND {a}x 1", "DEL {a}y"});
  batch.connection().push(kOk);
  batch.replies("*2\r\n:1\r\n:0\r\n");
  node(2).expectsAsking("GET {a}x").replies(bulk("1"));
  client.receives(std::string(kQueued) + "*2\r\n:1\r\n:0\r\n" + bulk("1"));
}

TEST_CASE_METHOD(HalfMoved, "a connection that breaks tells nothing: what was refused goes on") {
  sendBoth();
  node(1).resets();
  node(2).expects("ASKING");
  const Batch batch(node(2), {"APPEND {a}x 1", "DEL {a}y"});
  batch.connection().push(kOk);
  batch.replies("*2\r\n:1\r\n:0\r\n");
  node(1).expects("GET {a}x").replies(bulk("1"));
  client.receives(std::string(kQueued) + "*2\r\n:1\r\n:0\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Stage, "a command for all masters gives the first error of any of them") {
  client.sends("FLUSHALL");
  node(1).expects("FLUSHALL").replies(kOk);
  node(2).expects("FLUSHALL").replies("-ERR no\r\n");
  node(3).expects("FLUSHALL").replies(kOk);
  client.receives("-ERR no\r\n");
}

TEST_CASE_METHOD(Stage, "a command for all masters counts all of them") {
  client.sends("DBSIZE");
  node(1).expects("DBSIZE").replies(":10\r\n");
  node(2).expects("DBSIZE").replies(":20\r\n");
  node(3).expects("DBSIZE").replies(":12\r\n");
  client.receives(":42\r\n");
}

TEST_CASE_METHOD(Stage, "with strict order a command waits when the node changes, and only then") {
  config.strictOrder = true;
  client.sends({"SET a 1", "SET d 2", "SET b 3", "SET a 4"});
  const Received a = node(1).expects("SET a 1");
  const Received d = node(1).expects("SET d 2");
  node(2).expectsNothing();
  a.replies(kOk);
  node(2).expectsNothing();
  d.replies(kOk);
  const Received b = node(2).expects("SET b 3");
  node(1).expectsNothing();
  b.replies(kOk);
  node(1).expects("SET a 4").replies(kOk);
  client.receives("+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage, "with strict order a command over several nodes waits, and is waited for") {
  config.strictOrder = true;
  client.sends({"SET a 1", "MSET a 2 b 2", "SET b 3"});
  const Received a = node(1).expects("SET a 1");
  node(1).expectsNothing();
  node(2).expectsNothing();
  a.replies(kOk);
  node(1).expects("MSET a 2").replies(kOk);
  const Received part = node(2).expects("MSET b 2");
  node(2).expectsNothing();
  part.replies(kOk);
  node(2).expects("SET b 3").replies(kOk);
  client.receives("+OK\r\n+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage, "with strict order other clients are not waited for") {
  config.strictOrder = true;
  client.sends("SET a 1");
  other.sends("SET b 2");
  node(2).expects("SET b 2").replies(kOk);
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
  other.receives(kOk);
}

}  // namespace slotless::test
