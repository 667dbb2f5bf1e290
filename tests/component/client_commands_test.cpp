// What one client asks of others, on whatever worker they are: CLIENT LIST, KILL, UNBLOCK, PAUSE, REPLY.
#include <algorithm>
#include <optional>

#include "batch.h"

namespace slotless::test {

namespace {
// What a pause holds back.

std::ptrdiff_t lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') - 2;  // without those of the reply itself
}

// A lease's handshake asks for the node's number of the connection.
void numberConnections(Stage& stage) {
  for (std::size_t i = 1; i <= kNodes; ++i) stage.node(i).answersHandshake("CLIENT", ":77\r\n");
}

// The client is blocked in node 1, which knows it as 77.
struct BlockedInNode : Stage {
  BlockedInNode() {
    numberConnections(*this);
    client.sends("BLPOP a 0");
    pop.emplace(node(1).expects("BLPOP a 0"));
  }
  std::optional<Received> pop;
};

}  // namespace

TEST_CASE_METHOD(Stage, "CLIENT LIST has one line per client, in the order of their ids") {
  client.sends("CLIENT SETNAME first");
  client.receives(kOk);
  other.sends({"CLIENT SETINFO LIB-NAME lib", "CLIENT LIST"});
  const std::string list = other.takes();
  CHECK(lines(list) == 3);  // one of them is +OK's
  const auto first = list.find("id=1 addr=127.0.0.1:40001 laddr=127.0.0.1:7379 fd=");
  const auto second = list.find("id=2 addr=127.0.0.1:40002 laddr=127.0.0.1:7379 fd=");
  REQUIRE(first != std::string::npos);
  REQUIRE(second != std::string::npos);
  CHECK(first < second);
  CHECK(contains(list, "name=first age=0 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 "));
  CHECK(contains(list, "cmd=client|setname user=default redir=-1 resp=2 lib-name= lib-ver=\n"));
  CHECK(contains(list, "cmd=client|list user=default redir=-1 resp=2 lib-name=lib lib-ver=\n"));
}

TEST_CASE_METHOD(Stage, "CLIENT LIST shows those that are asked for, in the order asked") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  other.sends("CLIENT LIST ID 2 99 1");
  const std::string list = other.takes();
  CHECK(lines(list) == 2);
  CHECK(list.find("id=2 ") < list.find("id=1 "));
  other.sends({"CLIENT LIST TYPE pubsub", "CLIENT LIST TYPE replica"});
  other.receives("$0\r\n\r\n$0\r\n\r\n");
  other.sends("CLIENT LIST TYPE normal");
  CHECK(lines(other.takes()) == 2);
}

TEST_CASE_METHOD(Stage, "what CLIENT LIST and INFO show of a client follows its session") {
  client.sends({"MULTI", "SET a 1", "SET a 2", "CLIENT NO-EVICT on"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
  clock.advance(5s);
  other.sends("CLIENT LIST ID 1");
  CHECK(contains(other.takes(), "age=5 idle=5 flags=x db=0 sub=0 psub=0 ssub=0 multi=3 "));
  client.sends("DISCARD");
  client.receives(kOk);
  client.sends({"HELLO 3", "CLIENT NO-EVICT on", "CLIENT NO-TOUCH on", "CLIENT INFO"});
  const std::string info = client.takes();
  CHECK(contains(info, "+OK\r\n+OK\r\n="));
  CHECK(contains(info, "\r\ntxt:id=1 "));
  CHECK(contains(info, " flags=eT "));
  CHECK(contains(info, " resp=3 "));
}

TEST_CASE_METHOD(Stage, "the reply to CLIENT LIST keeps its place among the client's replies") {
  client.sends({"GET a", "CLIENT LIST", "PING"});
  const Received a = node(1).expects("GET a");
  client.receivesNothing();
  a.replies(bulk("1"));
  const std::string replies = client.takes();
  CHECK(replies.starts_with(bulk("1") + "$"));
  CHECK(replies.ends_with("\r\n+PONG\r\n"));
}

TEST_CASE_METHOD(Stage, "a client that leaves before all workers have answered leaves nothing") {
  config.allowAdminCommands = true;
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.connection().push(request("CLIENT LIST") + request("SLOWLOG LEN") + request("PROXY PAUSE"));
  while (worker().requestsInUse() == 0 && loop.turn()) {
  }
  CHECK(worker().requestsInUse() == 3);
  client.resets();
  CHECK(worker().requestsInUse() == 0);
  other.sends("PROXY RESUME");
  other.receives(kOk);
}

TEST_CASE_METHOD(Stage, "CLIENT KILL closes the clients that are meant, and only those") {
  FakeClient& third = addClient();
  client.sends("PING");
  other.sends("PING");
  third.sends("CLIENT SETNAME x");
  client.receives("+PONG\r\n");
  other.receives("+PONG\r\n");
  third.receives(kOk);
  client.sends("CLIENT KILL ID 2");
  client.receives(":1\r\n");
  CHECK(other.isClosed());
  CHECK_FALSE(third.isClosed());
  client.sends({"CLIENT KILL 127.0.0.1:1", "CLIENT KILL 127.0.0.1:40003"});
  client.receives("-ERR No such client\r\n+OK\r\n");
  CHECK(third.isClosed());
  client.sends({"CLIENT KILL LADDR 127.0.0.1:1", "CLIENT KILL TYPE normal"});
  client.receives(":0\r\n:0\r\n");
  client.sends({"CLIENT KILL USER default LADDR 127.0.0.1:7379 SKIPME no", "PING"});
  client.receives(":1\r\n");
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "CLIENT KILL releases a blocked client's lease at once") {
  client.sends("BLPOP a 0");
  node(1).expects("BLPOP a 0");
  CHECK(metrics().blockingLeases.value() == 1);
  other.sends("CLIENT KILL TYPE normal");
  other.receives(":1\r\n");
  CHECK(client.isClosed());
  CHECK(metrics().blockingLeases.value() == 0);
  CHECK(metrics().blockedClients.value() == 0);
}

TEST_CASE_METHOD(BlockedInNode,
                 "CLIENT UNBLOCK has the node unblock the lease, which nobody gets afterwards") {
  const std::size_t connects = node(1).connects();
  other.sends("CLIENT UNBLOCK 1");
  const Batch unblock(node(1), {"CLIENT UNBLOCK 77 TIMEOUT", kPaused});
  CHECK(&unblock.connection() != &pop->connection());
  pop->replies("*-1\r\n");
  client.receives("*-1\r\n");
  unblock.replies("*2\r\n:1\r\n:0\r\n");
  other.receives(":1\r\n");
  CHECK(pop->connection().closed());
  client.sends("BLPOP a 0");
  const Received again = node(1).expects("BLPOP a 0");
  CHECK(node(1).connects() == connects + 1);
  again.replies("*-1\r\n");
  client.receives("*-1\r\n");
}

TEST_CASE_METHOD(BlockedInNode, "CLIENT UNBLOCK ERROR passes the node's error on") {
  other.sends("CLIENT UNBLOCK 1 error");
  Batch(node(1), {"CLIENT UNBLOCK 77 ERROR", kPaused}).replies("*2\r\n:1\r\n:0\r\n");
  pop->replies("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  client.receives("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  other.receives(":1\r\n");
}

TEST_CASE_METHOD(BlockedInNode, "CLIENT UNBLOCK gives what keeps the node from it") {
  other.sends("CLIENT UNBLOCK 1");
  Batch(node(1), {"CLIENT UNBLOCK 77 TIMEOUT", kPaused}).isAborted("-NOPERM no\r\n");
  const std::string got = other.takes();
  CHECK(got.starts_with("-EXECABORT "));
  CHECK(got.find("NOPERM no") != std::string::npos);
  pop->replies("*-1\r\n");
  client.receives("*-1\r\n");
}

TEST_CASE_METHOD(Stage, "CLIENT UNBLOCK answers a client that still waits for a lease") {
  config.leaseMaxBlocking = 1;
  FakeClient& third = addClient();
  client.sends("BLPOP a 0");
  node(1).expects("BLPOP a 0");
  other.sends("BLPOP a 0");
  node(1).expectsNothing();
  third.sends("CLIENT UNBLOCK 2 ERROR");
  third.receives(":1\r\n");
  other.receives("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  other.sends("BLPOP a 0");
  third.sends("CLIENT UNBLOCK 2");
  third.receives(":1\r\n");
  other.receives("*-1\r\n");
}

TEST_CASE_METHOD(Stage, "nobody is unblocked who is not blocked") {
  client.sends("GET a");
  const Received a = node(1).expects("GET a");
  other.sends({"CLIENT UNBLOCK 1", "CLIENT UNBLOCK 99", "CLIENT UNBLOCK -1"});
  other.receives(":0\r\n:0\r\n:0\r\n");
  a.replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "CLIENT PAUSE WRITE keeps writes back until its time is over") {
  other.sends("CLIENT PAUSE 1000 WRITE");
  other.receives(kOk);
  client.sends({"GET a", "SET a 1", "GET a"});
  node(1).expects("GET a").replies(bulk("0"));
  client.receives(bulk("0"));
  CHECK(metrics().blockedClients.value() == 1);
  clock.advance(999ms);
  node(1).expectsNothing();
  clock.advance(2ms);
  node(1).expects("SET a 1").replies(kOk);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives("+OK\r\n" + bulk("1"));
  CHECK(metrics().blockedClients.value() == 0);
}

TEST_CASE_METHOD(Stage, "CLIENT UNPAUSE ends a pause, and the longest and strictest pause counts") {
  other.sends({"CLIENT PAUSE 100000 WRITE", "CLIENT PAUSE 10 WRITE"});
  other.receives("+OK\r\n+OK\r\n");
  client.sends({"MULTI", "GET a", "EXEC", "PUBLISH c m"});
  const Received exec = node(1).expects("MULTI");
  node(1).expects("GET a");
  node(1).expects("EXEC");
  exec.replies("+OK\r\n+QUEUED\r\n*1\r\n" + bulk("0"));
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n" + bulk("0"));
  clock.advance(1s);
  CHECK(metrics().blockedClients.value() == 1);  // PUBLISH
  other.sends("CLIENT UNPAUSE");
  other.receives(kOk);
  CHECK(metrics().blockedClients.value() == 0);
  node(3).expects("PUBLISH c m").replies(":0\r\n");
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(Stage, "a transaction that writes waits for the end of a pause with its EXEC") {
  client.sends({"MULTI", "SET a 1"});
  client.receives("+OK\r\n+QUEUED\r\n");
  other.sends("CLIENT PAUSE 100000 WRITE");
  other.receives(kOk);
  client.sends("EXEC");
  node(1).expectsNothing();
  client.receivesNothing();
  other.sends("CLIENT UNPAUSE");
  other.receives(kOk);
  const Received multi = node(1).expects("MULTI");
  node(1).expects("SET a 1");
  node(1).expects("EXEC");
  multi.replies("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage, "scripts that say that they write nothing go on while writes are paused") {
  other.sends("CLIENT PAUSE 1000 WRITE");
  other.receives(kOk);
  const Words reading = {"EVAL", "#!lua flags=no-writes\nreturn 1", "1", "a"};
  client.sendsBytes(request(reading) + request(Words{"EVAL", "return 'flags=no-writes'", "1", "a"}));
  node(1).expects(textOf(reading)).replies(":1\r\n");
  node(1).expectsNothing();
  client.receives(":1\r\n");
  clock.advance(1s);
  node(1).expects("EVAL return 'flags=no-writes' 1 a").replies(":2\r\n");
  client.receives(":2\r\n");
}

TEST_CASE_METHOD(Stage, "functions that have declared to write nothing go on while writes are paused") {
  const std::string library = "*6\r\n" + bulk("library_name") + bulk("l") + bulk("engine") + bulk("LUA") +
                              bulk("functions") + "*2\r\n*6\r\n" + bulk("name") + bulk("reading") +
                              bulk("description") + "$-1\r\n" + bulk("flags") + "*1\r\n" + bulk("no-writes") +
                              "*6\r\n" + bulk("name") + bulk("writing") + bulk("description") + "$-1\r\n" +
                              bulk("flags") + "*0\r\n";
  other.sends("CLIENT PAUSE 1000 WRITE");
  other.receives(kOk);
  client.sends({"FCALL reading 1 a", "FCALL_RO reading 1 a", "FCALL writing 1 a"});
  const auto answers = [&](std::string_view reply) {
    for (std::size_t i = 1; i <= kNodes; ++i) {
      if (node(i).unexpected() > 0) return node(i).expects("FUNCTION LIST").replies(reply);
    }
    FAIL("no node has been asked");
  };
  answers("*1\r\n" + library);
  node(1).expects("FCALL reading 1 a").replies(":1\r\n");
  node(1).expects("FCALL_RO reading 1 a").replies(":2\r\n");
  node(1).expectsNothing();
  client.receives(":1\r\n:2\r\n");
  clock.advance(1s);
  node(1).expects("FCALL writing 1 a").replies(":3\r\n");
  client.receives(":3\r\n");
  // What is in force in the next pause is asked anew; without an answer nothing is known.
  other.sends("CLIENT PAUSE 1000 WRITE");
  other.receives(kOk);
  client.sends("FCALL reading 1 a");
  answers("-NOPERM no\r\n");
  node(1).expectsNothing();
  other.sends("CLIENT UNPAUSE");
  other.receives(kOk);
  node(1).expects("FCALL reading 1 a").replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(
    Stage, "CLIENT PAUSE without a mode stops everything, and a client that is reset meanwhile is gone") {
  client.sends({"CLIENT PAUSE 1000", "PING"});
  client.receives(kOk);
  other.sends("SET a 1");
  other.resets();
  CHECK(other.isClosed());
  clock.advance(1s);
  client.receives("+PONG\r\n");
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Stage, "CLIENT PAUSE inside a transaction takes effect with EXEC") {
  client.sends({"MULTI", "CLIENT PAUSE 1000 WRITE", "EXEC", "SET a 1"});
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
  other.sends("SET a 2");
  other.receivesNothing();
  clock.advance(1s);
  node(1).expects("SET a 1").replies(kOk);
  node(1).expects("SET a 2").replies(kOk);
  client.receives(kOk);
  other.receives(kOk);
}

TEST_CASE_METHOD(Stage, "what asks nodes by itself is refused inside a transaction") {
  client.sends({"MULTI", "CLIENT UNBLOCK 1", "EXEC"});
  const std::string error =
      "-ERR 'client|unblock' concerns all workers and cannot be part of a transaction\r\n";
  client.receives("+OK\r\n" + error + aborted(error));
}

TEST_CASE_METHOD(Stage, "CLIENT REPLY OFF silences what follows, and not what came before") {
  client.sends({"GET a", "CLIENT REPLY OFF", "GET d", "PING", "NONSENSE", "CLIENT REPLY ON", "PING"});
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  a.replies(bulk("1") + bulk("2"));
  client.receives(bulk("1") + "+OK\r\n+PONG\r\n");
}

TEST_CASE_METHOD(Stage, "CLIENT REPLY SKIP silences the next command only") {
  client.sends({"CLIENT REPLY SKIP", "GET a", "GET d", "CLIENT REPLY SKIP", "PING", "ECHO x"});
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  a.replies("-ERR bad\r\n" + bulk("2"));
  client.receives(bulk("2") + bulk("x"));
}

TEST_CASE_METHOD(Stage, "CLIENT REPLY OFF inside a transaction leaves EXEC without a reply") {
  client.sends({"MULTI", "CLIENT REPLY OFF", "EXEC", "PING", "CLIENT REPLY ON"});
  client.receives("+OK\r\n+QUEUED\r\n+OK\r\n");
  client.sends({"MULTI", "GET a", "CLIENT REPLY OFF", "EXEC"});
  const Received multi = node(1).expects("MULTI");
  node(1).expects("GET a");
  node(1).expects("EXEC");
  multi.replies("+OK\r\n+QUEUED\r\n*1\r\n" + bulk("1"));
  client.sends({"PING", "CLIENT REPLY ON"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage, "RESET makes a client as it was at first") {
  client.sends({"CLIENT SETNAME x", "CLIENT NO-EVICT on", "CLIENT REPLY OFF", "RESET"});
  client.receives("+OK\r\n+OK\r\n+RESET\r\n");
  client.sends("CLIENT INFO");
  const std::string info = client.takes();
  CHECK(contains(info, " name= "));
  CHECK(contains(info, " flags=N "));
}

}  // namespace slotless::test
