// MULTI to EXEC without WATCH: one contiguous batch on the shared link.
#include <tuple>

#include "batch.h"

namespace slotless::test {

namespace {
constexpr std::string_view kOom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

struct Transactions : Stage {
  // MULTI and SET a 1, both answered.
  void queueSet() {
    client.sends({"MULTI", "SET a 1"});
    client.receives(std::string(kOk) + std::string(kQueued));
  }
};
}  // namespace

TEST_CASE_METHOD(Transactions, "a transaction reaches its node in one piece, and only with EXEC") {
  client.sends({"MULTI", "SET a 1", "INCR {a}n"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  other.sends("GET a");
  const Received get = node(1).expects("GET a");
  client.sends("EXEC");
  other.sends("GET d");
  const Batch batch(node(1), {"SET a 1", "INCR {a}n"});
  CHECK(&batch.connection() == &get.connection());
  const Received getD = node(1).expects("GET d");
  get.replies(bulk("0"));
  other.receives(bulk("0"));
  batch.replies("*2\r\n+OK\r\n:1\r\n");
  client.receives("*2\r\n+OK\r\n:1\r\n");
  getD.replies(bulk("d"));
  other.receives(bulk("d"));
}

TEST_CASE_METHOD(Transactions, "a transaction in one pipeline with what is around it keeps its place") {
  client.sends({"SET a 0", "MULTI", "GET a", "EXEC", "SET a 2"});
  const Received before = node(1).expects("SET a 0");
  const Batch batch(node(1), {"GET a"});
  const Received after = node(1).expects("SET a 2");
  before.replies(kOk);
  client.receives("+OK\r\n+OK\r\n+QUEUED\r\n");
  batch.replies("*1\r\n" + bulk("0"));
  after.replies(kOk);
  client.receives("*1\r\n" + bulk("0") + "+OK\r\n");
}

TEST_CASE_METHOD(Transactions, "MULTI and EXEC keep their spelling, which MONITOR shows") {
  client.sends({"multi", "SET a 1", "exec"});
  const Received multi = node(1).expects("multi");
  node(1).expects("SET a 1");
  node(1).expects("exec");
  multi.replies("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Transactions, "EXEC's reply is passed on as it comes, in any pieces") {
  queueSet();
  client.sends("EXEC");
  const Batch batch(node(1), {"SET a 1"});
  batch.connection().push("+O");
  settle();
  batch.connection().push("K\r\n+QUE");
  settle();
  client.receivesNothing();
  batch.connection().push("UED\r\n*1\r");
  settle();
  batch.connection().push("\n+O");
  settle();
  batch.connection().push("K\r\n");
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Transactions, "a transaction without commands is empty, and no node hears of it") {
  client.sends({"MULTI", "EXEC", "MULTI", "DISCARD"});
  client.receives("+OK\r\n*0\r\n+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Transactions, "a transaction that was discarded leaves nothing") {
  queueSet();
  client.sends({"DISCARD", "EXEC", "DISCARD", "GET a"});
  node(1).expects("GET a").replies(bulk("0"));
  client.receives("+OK\r\n-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n" + bulk("0"));
}

TEST_CASE_METHOD(Transactions, "MULTI and WATCH inside MULTI are refused and do not spoil it") {
  queueSet();
  client.sends({"MULTI", "WATCH a", "EXEC"});
  client.receives("-ERR MULTI calls can not be nested\r\n-ERR WATCH inside MULTI is not allowed\r\n");
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE("what is refused while queueing spoils the transaction, and nothing of it runs") {
  const std::pair<std::string_view, std::string_view> refused[] = {
      {"NOSUCH x", "-ERR unknown command 'NOSUCH', with args beginning with: 'x' \r\n"},
      {"GET", "-ERR wrong number of arguments for 'get' command\r\n"},
      {"SET b 1", kOneSlot},
      {"SET d 1", kOneSlot},  // the same node, another slot
      {"SINTER a b", kOneSlot},
      {"DBSIZE", "-ERR 'dbsize' concerns several nodes and cannot be part of a transaction\r\n"},
  };
  for (const auto& [command, error] : refused) {
    INFO(command);
    Stage stage;
    stage.client.sends({"MULTI", "SET a 1", command, "SET a 2", "EXEC"});
    stage.client.receives("+OK\r\n+QUEUED\r\n" + std::string(error) + "+QUEUED\r\n" + aborted(error));
    stage.client.sends("EXEC");
    stage.client.receives("-ERR EXEC without MULTI\r\n");
    stage.node(1).expectsNothing();
  }
}

TEST_CASE_METHOD(Transactions, "a command for several nodes may be all of a transaction") {
  client.sends({"MULTI", "MSET a 1 b 2", "EXEC", "GET a"});
  node(1).expects("MSET a 1").replies(kOk);
  const Received second = node(2).expects("MSET b 2");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives("+OK\r\n+QUEUED\r\n");
  second.replies(kOk);
  client.receives("*1\r\n+OK\r\n" + bulk("1"));
  client.sends({"SET a 1", "MULTI", "FLUSHALL", "EXEC", "GET a"});
  const Received before = node(1).expects("SET a 1");
  client.receivesNothing();
  before.replies(kOk);
  client.receives("+OK\r\n+OK\r\n+QUEUED\r\n");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("FLUSHALL").replies(i == 2 ? "-NOPERM no\r\n" : "+OK\r\n");
  node(1).expects("GET a").replies("$-1\r\n");
  client.receives("*1\r\n-NOPERM no\r\n$-1\r\n");
}

TEST_CASE_METHOD(Transactions, "what an only command is refused for stands in EXEC's array") {
  config.allowAdminCommands = true;
  client.sends({"MULTI", "CONFIG SET port 1", "EXEC"});
  client.receives(
      "+OK\r\n+QUEUED\r\n*1\r\n-ERR CONFIG SET failed (possibly related to argument 'port') - Slotless "
      "would lose the nodes\r\n");
  client.sends({"MULTI", "FLUSHALL", "DISCARD"});
  client.receives("+OK\r\n+QUEUED\r\n+OK\r\n");
}

TEST_CASE("a command for several nodes and any other do not make a transaction") {
  const std::string severalNodes =
      "-ERR 'flushall' concerns several nodes and cannot be part of a transaction\r\n";
  const std::tuple<std::string_view, std::string_view, std::string> refused[] = {
      {"MSET a 1 b 2", "GET a", std::string(kOneSlot)},
      {"GET a", "MSET a 1 b 2", std::string(kOneSlot)},
      {"FLUSHALL", "PING", severalNodes},
      {"PING", "FLUSHALL", severalNodes},
      {"FLUSHALL", "FLUSHALL", severalNodes},
  };
  for (const auto& [first, second, error] : refused) {
    INFO(first << ", " << second);
    Stage stage;
    stage.client.sends({"MULTI", first, second, "EXEC"});
    stage.client.receives("+OK\r\n+QUEUED\r\n" + error + aborted(error));
  }
  Stage stage;
  stage.client.sends("WATCH a");
  stage.node(1).expects("WATCH a").replies(kOk);
  stage.client.sends({"MULTI", "FLUSHALL", "EXEC"});
  stage.client.receives("+OK\r\n+OK\r\n" + severalNodes + aborted(severalNodes));
}

TEST_CASE_METHOD(Transactions, "a malformed EXEC gives the transaction up") {
  const std::string aborted =
      "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n";
  client.sends({"MULTI", "SET a 1", "EXEC now", "EXEC", "EXEC now"});
  client.receives("+OK\r\n+QUEUED\r\n" + aborted + "-ERR EXEC without MULTI\r\n" + aborted);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Transactions, "a key without its value is an error in EXEC's reply, and the rest is done") {
  const std::string error = "-ERR wrong number of arguments for 'mset' command\r\n";
  client.sends({"MULTI", "SET a 1", "MSET a 1 a", "GET a", "EXEC"});
  const Batch batch(node(1), {"SET a 1", "GET a"});
  batch.replies("*2\r\n+OK\r\n" + bulk("1"));
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n" + error + bulk("1"));
  client.sends({"MULTI", "MSET a 1 a", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n" + error);
}

TEST_CASE_METHOD(Transactions,
                 "what a client wrote for its connection is answered in its place by the proxy") {
  client.sends(
      {"MULTI", "ECHO x", "SET a 1", "CLIENT SETNAME me", "CLIENT GETNAME", "GET a", "PING", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
  Batch(node(1), {"SET a 1", "GET a"}).replies("*2\r\n+OK\r\n" + bulk("1"));
  client.receives("*6\r\n" + bulk("x") + "+OK\r\n+OK\r\n" + bulk("me") + bulk("1") + "+PONG\r\n");
}

TEST_CASE_METHOD(Transactions, "connection commands alone need no node, and run only with EXEC") {
  client.sends({"MULTI", "CLIENT SETNAME me", "DISCARD", "CLIENT GETNAME"});
  client.receives("+OK\r\n+QUEUED\r\n+OK\r\n$-1\r\n");
  client.sends({"MULTI", "CLIENT SETNAME me", "EXEC", "CLIENT GETNAME"});
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n" + bulk("me"));
}

TEST_CASE_METHOD(Transactions, "connection commands do not run when EXEC has been refused") {
  client.sends({"MULTI", "CLIENT SETNAME me", "SET a 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  Batch(node(1), {"SET a 1"}).isAborted(kOom);
  client.receives("-EXECABORT Transaction discarded because of: " + std::string(kOom).substr(1));
  client.sends("CLIENT GETNAME");
  client.receives("$-1\r\n");
}

TEST_CASE_METHOD(Transactions, "a command that blocks does not block inside MULTI") {
  client.sends({"MULTI", "BLPOP a 0", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n");
  Batch(node(1), {"BLPOP a 0"}).replies("*1\r\n*-1\r\n");
  client.receives("*1\r\n*-1\r\n");
  CHECK(metrics().blockingLeases.value() == 0);
}

TEST_CASE_METHOD(Transactions, "a node that refuses a queued command gives EXECABORT with the cause, once") {
  client.sends({"MULTI", "SET a 1", "SET a 2", "EXEC"});
  Batch(node(1), {"SET a 1", "SET a 2"}).isAborted(kOom);
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: " +
                  std::string(kOom).substr(1));
  clock.advance(1s);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Transactions, "errors inside EXEC's reply are the client's, whatever they say") {
  queueSet();
  client.sends("EXEC");
  const std::string reply = "*1\r\n" + moved("a", 2);
  Batch(node(1), {"SET a 1"}).replies(reply);
  client.receives(reply);
}

TEST_CASE_METHOD(Transactions, "a slot that has moved takes the whole transaction along") {
  queueSet();
  client.sends("EXEC");
  Batch(node(1), {"SET a 1"}).isAborted(moved("a", 2));
  Batch(node(2), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Transactions, "a slot on the move gets ASKING once, in front of MULTI") {
  client.sends({"MULTI", "SET a 1", "SET a 2", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  Batch(node(1), {"SET a 1", "SET a 2"}).isAborted(ask("a", 2));
  node(2).expects("ASKING");
  const Batch batch(node(2), {"SET a 1", "SET a 2"});
  batch.connection().push("+OK\r\n");
  batch.replies("*2\r\n+OK\r\n+OK\r\n");
  client.receives("*2\r\n+OK\r\n+OK\r\n");
}

TEST_CASE("what passes is waited for, and then the whole transaction is sent again") {
  for (const std::string_view cause :
       {kTryAgain, std::string_view("-CLUSTERDOWN The cluster is down\r\n"),
        std::string_view("-LOADING Redis is loading the dataset in memory\r\n"),
        std::string_view("-READONLY You can't write against a read only replica.\r\n")}) {
    INFO(cause);
    Stage stage;
    stage.client.sends({"MULTI", "SET a 1", "EXEC"});
    stage.client.receives("+OK\r\n+QUEUED\r\n");
    Batch(stage.node(1), {"SET a 1"}).isAborted(cause);
    stage.client.receivesNothing();
    stage.clock.advance(200ms);
    Batch(stage.node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
    stage.client.receives("*1\r\n+OK\r\n");
  }
}

TEST_CASE_METHOD(Transactions, "a transaction that was not sent yet when its link broke is sent again") {
  queueSet();
  node(1).takesOnly(10);
  client.sends("EXEC");
  node(1).resets();
  client.receivesNothing();
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Transactions, "a transaction that may have run when its link broke is ambiguous") {
  queueSet();
  client.sends("EXEC");
  const Batch batch(node(1), {"SET a 1"});
  batch.connection().push("+OK\r\n+QUEUED\r\n");
  settle();
  node(1).resets();
  client.receives(kAmbiguous);
  CHECK(metrics().ambiguousWrites.value() == 1);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("0"));
  client.receives(bulk("0"));
}

TEST_CASE_METHOD(Transactions, "a transaction that only reads is repeated after its link broke") {
  client.sends({"MULTI", "GET a", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n");
  const Batch batch(node(1), {"GET a"});
  batch.connection().push("+OK\r\n");
  settle();
  node(1).resets();
  Batch(node(1), {"GET a"}).replies("*1\r\n" + bulk("1"));
  client.receives("*1\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Transactions, "a transaction waits for a node that cannot be reached") {
  settle();
  node(1).refusesConnections();
  node(1).resets();
  queueSet();
  client.sends("EXEC");
  clock.advance(5s);
  client.receivesNothing();
  node(1).acceptsConnections();
  clock.advance(3s);
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Transactions, "a client that leaves inside MULTI leaves nothing") {
  queueSet();
  client.leaves();
  CHECK(client.isClosed());
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Transactions, "a client that leaves after EXEC gets no reply, and others get theirs") {
  queueSet();
  client.sends("EXEC");
  const Batch batch(node(1), {"SET a 1"});
  client.resets();
  other.sends("GET a");
  batch.replies("*1\r\n+OK\r\n");
  node(1).expects("GET a").replies(bulk("1"));
  other.receives(bulk("1"));
}

TEST_CASE_METHOD(Transactions, "inline commands become part of a transaction, too") {
  client.sendsBytes("MULTI\r\nSET a 1\r\nEXEC\r\n");
  client.receives("+OK\r\n+QUEUED\r\n");
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Transactions, "a transaction larger than the query buffer's limit closes the client") {
  config.clientQueryBufferLimit = config::kMiB;
  client.sends("MULTI");
  client.receives(kOk);
  const std::string set = request(Words{"SET", "a", std::string(400 * 1024, 'x')});
  client.sendsBytes(set);
  client.sendsBytes(set);
  client.receives("+QUEUED\r\n+QUEUED\r\n");
  client.sendsBytes(set);
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Transactions, "RESET ends a transaction") {
  queueSet();
  client.sends({"RESET", "EXEC"});
  client.receives("+RESET\r\n-ERR EXEC without MULTI\r\n");
}

}  // namespace slotless::test
