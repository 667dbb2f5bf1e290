// WAIT: a lease to each master that the client has written to, a tiny write there, and the smallest number.
#include <string>

#include "protocol/key_scheme.h"
#include "stage.h"

namespace slotless::test {

namespace {
constexpr std::string_view kWritten = "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:1\r\n";

struct Waiting : Stage {
  // SET of a key of that node, acknowledged.
  void write(const std::string& key, std::size_t number) {
    client.sends("SET " + key + " 1");
    node(number).expects("SET " + key + " 1").replies(kOk);
    client.receives(kOk);
  }
  // What WAIT sends to a node, up to WAIT itself.
  Received expectsWait(std::size_t number, std::string_view text = "WAIT 1 500") {
    node(number).expects("MULTI");
    node(number).expectsAny();
    node(number).expectsAny();
    node(number).expects("EXEC");
    return node(number).expects(text);
  }
  std::string answered(int replicas) {
    return std::string(kWritten) + ":" + std::to_string(replicas) + "\r\n";
  }
};
}  // namespace

TEST_CASE_METHOD(Waiting, "WAIT asks the masters that were written to and gives the smallest number") {
  write("a", 1);
  write("b", 2);
  client.sends("WAIT 1 500");
  const Received first = expectsWait(1);
  const Received second = expectsWait(2);
  first.replies(answered(2));
  client.receivesNothing();
  second.replies(answered(1));
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Waiting, "WAIT writes to a key that no client can have") {
  write("a", 1);
  client.sends("WAIT 1 500");
  node(1).expects("MULTI");
  for (const std::string word : {"SET", "DEL"}) {
    const Received written = node(1).expectsAny();
    CHECK(written.words()[0] == word);
    CHECK(protocol::isReservedKey(written.words()[1]));
  }
  node(1).expects("EXEC");
  node(1).expects("WAIT 1 500").replies(answered(1));
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(
    Waiting, "what a master that has been replaced had acknowledged nobody confirms, which is told once") {
  write("a", 1);
  write("b", 2);
  replaceNode(1, 4);
  client.sends("WAIT 1 500");
  client.receives(":0\r\n");
  client.sends("WAIT 1 500");
  expectsWait(2).replies(answered(1));
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Waiting,
                 "a master that has lost its slots and is still called one has been replaced for WAIT") {
  write("a", 1);
  write("b", 2);
  addNode(4);
  giveAllSlots(1, 4);
  client.sends("WAIT 1 500");
  client.receives(":0\r\n");
  client.sends("WAIT 1 500");
  expectsWait(2).replies(answered(1));
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Waiting,
                 "what a master had acknowledged before its place was taken it does not confirm later") {
  write("a", 1);
  addNode(4);
  giveAllSlots(1, 4);
  giveAllSlots(4, 1);
  client.sends("WAIT 1 500");
  client.receives(":0\r\n");
  write("a", 1);
  client.sends("WAIT 1 500");
  expectsWait(1).replies(answered(1));
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Waiting, "WAIT that meets a master that is none any more counts no replica, and no error") {
  write("a", 1);
  client.sends("WAIT 1 500");
  const Received wait = expectsWait(1);
  wait.replies("+OK\r\n" + moved("a", 2) + moved("a", 2) +
               "-EXECABORT Transaction discarded because of previous errors.\r\n"
               "-ERR WAIT cannot be used with replica instances.\r\n");
  client.receives(":0\r\n");
  node(2).expectsNothing();
}

TEST_CASE_METHOD(Waiting, "WAIT whose write was refused for another reason says so") {
  write("a", 1);
  client.sends("WAIT 1 500");
  expectsWait(1).replies(
      "+OK\r\n-OOM command not allowed\r\n+QUEUED\r\n"
      "-EXECABORT Transaction discarded because of previous errors.\r\n:1\r\n");
  client.receives("-OOM command not allowed\r\n");
}

TEST_CASE_METHOD(Waiting, "WAIT whose link is lost counts no replica") {
  write("a", 1);
  client.sends("WAIT 1 500");
  const Received wait = expectsWait(1);
  wait.connection().reset();
  settle();
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(Waiting, "WAIT for a master that cannot be reached ends in time") {
  write("a", 1);
  node(1).refusesConnections();
  node(1).resets();
  client.sends("WAIT 1 500");
  clock.advance(400ms);
  client.receivesNothing();
  clock.advance(200ms);
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(Waiting, "WAIT without end for a master that cannot be reached ends when it is replaced") {
  write("a", 1);
  node(1).refusesConnections();
  node(1).resets();
  client.sends("WAIT 1 0");
  clock.advance(3s);
  client.receivesNothing();
  replaceNode(1, 4);
  clock.advance(100ms);
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(Waiting,
                 "WAIT without end for a master that cannot be reached ends when it has lost its slots") {
  write("a", 1);
  node(1).refusesConnections();
  node(1).resets();
  client.sends("WAIT 1 0");
  clock.advance(3s);
  client.receivesNothing();
  addNode(4);
  giveAllSlots(1, 4);
  clock.advance(100ms);
  client.receives(":0\r\n");
}

}  // namespace slotless::test
