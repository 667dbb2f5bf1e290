// Links that break at every moment of a request's life.
#include "stage.h"

namespace slotless::test {

namespace {}

TEST_CASE_METHOD(Stage, "a write of which not all bytes left is sent again, whole, and only once in full") {
  settle();
  node(1).takesOnly(10);
  client.sends({"SET a 1", "SET d 2"});
  client.receivesNothing();
  node(1).resets();
  const Received a = node(1).expects("SET a 1");
  const Received d = node(1).expects("SET d 2");
  a.replies(kOk);
  d.replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
  CHECK(metrics().ambiguousWrites.value() == 0);
}

TEST_CASE_METHOD(Stage, "of two writes in one piece only the one that left whole is ambiguous") {
  settle();
  node(1).takesOnly(request("SET a 1").size() + 5);
  client.sends({"SET a 1", "SET d 2"});
  node(1).expects("SET a 1");
  node(1).resets();
  node(1).expects("SET d 2").replies(kOk);
  client.receives(std::string(kAmbiguous) + "+OK\r\n");
}

TEST_CASE_METHOD(Stage, "a write that failed while it was written was not run") {
  settle();
  node(1).connection().reset(EPIPE);
  client.sends("SET a 1");
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "a write that was answered is done, whatever becomes of the link") {
  client.sends({"SET a 1", "SET d 2"});
  const Received a = node(1).expects("SET a 1");
  node(1).expects("SET d 2");
  a.connection().push(kOk);
  a.connection().end();
  settle();
  client.receives(std::string(kOk) + std::string(kAmbiguous));
  clock.advance(30s);
  node(1).expectsNothing();
}

TEST_CASE(
    "a client is told by a closed connection of a write that is ambiguous, unless configured otherwise") {
  for (const std::string_view text : {"SET a 1", "BLPOP a 0", "EVAL x 1 a"}) {
    INFO(text);
    Stage stage;
    stage.config.writeOnLostLink = config::Config().writeOnLostLink;  // the default
    stage.client.sends({"PING", text});
    const Received sent = stage.node(1).expects(text);
    sent.connection().reset();
    stage.settle();
    CHECK(stage.client.takes() == "+PONG\r\n");
    CHECK(stage.client.isClosed());
    CHECK(stage.metrics().ambiguousWrites.value() == 1);
    stage.other.sends("GET a");
    stage.node(1).expects("GET a").replies(bulk("1"));
    stage.other.receives(bulk("1"));
  }
}

TEST_CASE("a command in parts, of which one is ambiguous, closes the connection as well") {
  Stage stage;
  stage.config.writeOnLostLink = config::WriteOnLostLink::Close;
  stage.client.sends("DEL a b");
  stage.node(1).expects("DEL a");
  stage.node(2).expects("DEL b");
  stage.node(1).resets();
  stage.settle();
  CHECK(stage.client.isClosed());
  stage.node(2).resets();
}

TEST_CASE("a client that asks for nothing is not closed by a lost link") {
  Stage stage;
  stage.config.writeOnLostLink = config::WriteOnLostLink::Close;
  stage.client.sends("SET a 1");
  stage.node(1).expects("SET a 1").replies(kOk);
  stage.client.receives(kOk);
  stage.node(1).resets();
  CHECK_FALSE(stage.client.isClosed());
  stage.client.sends("SET a 2");
  stage.node(1).expects("SET a 2").replies(kOk);
  stage.client.receives(kOk);
  CHECK(stage.metrics().ambiguousWrites.value() == 0);
}

TEST_CASE("what was answered in the same moment reaches a client that is closed for an ambiguous write") {
  Stage stage;
  stage.config.writeOnLostLink = config::WriteOnLostLink::Close;
  stage.client.sends({"SET a 1", "SET d 2"});
  const Received a = stage.node(1).expects("SET a 1");
  stage.node(1).expects("SET d 2");
  a.connection().push(kOk);
  a.connection().end();
  stage.settle();
  CHECK(stage.client.takes() == kOk);
  CHECK(stage.client.isClosed());
}

TEST_CASE("a client is closed for an ambiguous write when all that it had asked before is answered") {
  Stage stage;
  stage.config.writeOnLostLink = config::WriteOnLostLink::Close;
  stage.client.sends({"SET b 1", "GET d", "SET a 1", "SET a 2", "SET c 3"});
  const Received b = stage.node(2).expects("SET b 1");
  stage.node(1).expects("GET d");
  stage.node(1).expects("SET a 1");
  stage.node(1).expects("SET a 2");
  stage.node(3).expects("SET c 3").replies(kOk);
  stage.node(1).resets();
  CHECK_FALSE(stage.client.isClosed());
  // A read of another slot before it is repeated; of what follows nothing.
  stage.node(1).expects("GET d").replies(bulk("0"));
  stage.client.sends("SET a 3");
  stage.node(1).expectsNothing();
  CHECK_FALSE(stage.client.isClosed());
  b.replies(kOk);
  CHECK(stage.client.takes() == std::string(kOk) + bulk("0"));
  CHECK(stage.client.isClosed());
  CHECK(stage.metrics().ambiguousWrites.value() == 2);
}

// Repeated, it would see what the write behind it may have done.
TEST_CASE("a read is not repeated behind an ambiguous write to its slot") {
  for (const auto way : {config::WriteOnLostLink::Close, config::WriteOnLostLink::Error}) {
    Stage stage;
    stage.config.writeOnLostLink = way;
    stage.client.sends({"GET a", "MGET a d b", "SET a 1", "GET a"});
    stage.node(1).expects("GET a");
    stage.node(1).expects("MGET a");
    stage.node(1).expects("MGET d");
    const Received b = stage.node(2).expects("MGET b");
    stage.node(1).expects("SET a 1");
    stage.node(1).expects("GET a");
    stage.node(1).resets();
    if (way == config::WriteOnLostLink::Close) {
      CHECK(stage.client.takes().empty());
      CHECK(stage.client.isClosed());
      b.replies("*1\r\n$-1\r\n");
    } else {
      stage.node(1).expects("MGET d").replies("*1\r\n$-1\r\n");
      stage.node(1).expects("GET a").replies(bulk("1"));  // what came behind the write
      b.replies("*1\r\n$-1\r\n");
      stage.client.receives(std::string(kAmbiguous) + std::string(kAmbiguous) + std::string(kAmbiguous) +
                            bulk("1"));
    }
  }
}

TEST_CASE_METHOD(Stage, "a read in front of a write that has not left is repeated, and the write behind it") {
  settle();
  node(1).takesOnly(request("GET a").size() + 5);
  client.sends({"GET a", "SET a 1"});
  node(1).expects("GET a");
  node(1).resets();
  clock.advance(1s);
  node(1).expects("GET a").replies(bulk("0"));
  node(1).expects("SET a 1").replies(kOk);
  client.receives(bulk("0") + std::string(kOk));
}

TEST_CASE("of two ambiguous writes the first one is the last word, whichever link is lost first") {
  Stage stage;
  stage.config.writeOnLostLink = config::WriteOnLostLink::Close;
  stage.client.sends({"GET c", "SET b 1", "GET c", "SET a 1"});
  const Received c = stage.node(3).expects("GET c");
  const Received later = stage.node(3).expects("GET c");
  stage.node(2).expects("SET b 1");
  stage.node(1).expects("SET a 1");
  stage.node(1).resets();
  stage.node(2).resets();
  CHECK_FALSE(stage.client.isClosed());
  c.replies(bulk("1"));
  CHECK(stage.client.takes() == bulk("1"));
  CHECK(stage.client.isClosed());
  later.replies(bulk("1"));
}

TEST_CASE("what waits behind an ambiguous write is not sent any more") {
  Stage stage;
  stage.config.writeOnLostLink = config::WriteOnLostLink::Close;
  stage.settle();
  stage.node(1).takesOnly(request("SET a 1").size());
  stage.client.sends({"GET b", "SET a 1", "SET d 2"});
  const Received b = stage.node(2).expects("GET b");
  stage.node(1).expects("SET a 1");
  stage.node(1).resets();  // SET d had not left
  stage.clock.advance(1s);
  stage.node(1).expectsNothing();
  b.replies(bulk("1"));
  CHECK(stage.client.takes() == bulk("1"));
  CHECK(stage.client.isClosed());
}

TEST_CASE("a client that only reads is not closed by a lost link") {
  Stage stage;
  stage.config.writeOnLostLink = config::WriteOnLostLink::Close;
  stage.client.sends("GET a");
  stage.node(1).expects("GET a");
  stage.node(1).resets();
  stage.node(1).expects("GET a").replies(bulk("1"));
  stage.client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a closed link is found as a lost one") {
  client.sends({"GET a", "SET d 1"});
  node(1).expects("GET a");
  node(1).expects("SET d 1");
  node(1).ends();
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1") + std::string(kAmbiguous));
}

TEST_CASE_METHOD(Stage, "reads behind an ambiguous write are repeated and keep their place") {
  client.sends({"GET a", "SET a 2", "GET a", "GET b"});
  for (const std::string_view text : {"GET a", "SET a 2", "GET a"}) node(1).expects(text);
  node(2).expects("GET b").replies(bulk("b"));
  node(1).resets();
  node(1).expects("GET a").replies(bulk("2"));
  client.receives(std::string(kAmbiguous) + std::string(kAmbiguous) + bulk("2") + bulk("b"));
}

TEST_CASE_METHOD(
    Stage, "a link that breaks in the middle of a reply whose beginning was forwarded closes the client") {
  client.sends({"GET a", "GET b"});
  node(1).expects("GET a").replies("$10\r\n12345");
  const Received b = node(2).expects("GET b");
  client.receives("$10\r\n12345");
  node(1).resets();
  CHECK(client.isClosed());
  node(1).expectsNothing();
  b.replies(bulk("b"));
}

TEST_CASE_METHOD(Stage, "a link that breaks in the middle of a reply that still waited repeats the read") {
  client.sends({"GET b", "GET a", "SET d 1"});
  const Received b = node(2).expects("GET b");
  node(1).expects("GET a").replies("$10\r\n12345");
  node(1).expects("SET d 1");
  node(1).resets();
  node(1).expects("GET a").replies(bulk("0123456789"));
  client.receivesNothing();
  b.replies(bulk("b"));
  client.receives(bulk("b") + bulk("0123456789") + std::string(kAmbiguous));
}

TEST_CASE_METHOD(Stage, "a link that breaks in the middle of a waiting reply to a write is ambiguous") {
  client.sends({"GET b", "GETSET a 1"});
  const Received b = node(2).expects("GET b");
  node(1).expects("GETSET a 1").replies("$10\r\n12345");
  node(1).resets();
  b.replies(bulk("b"));
  client.receives(bulk("b") + std::string(kAmbiguous));
}

TEST_CASE_METHOD(Stage, "a link that breaks in the middle of an error reply has not answered") {
  client.sends({"GET a", "SET d 1"});
  node(1).expects("GET a").replies("-ERR some");
  node(1).expects("SET d 1");
  node(1).resets();
  node(1).expects("GET a").replies("-ERR something else\r\n");
  client.receives("-ERR something else\r\n" + std::string(kAmbiguous));
}

TEST_CASE_METHOD(Stage, "a split read repeats only the part that was lost") {
  client.sends("MGET a b");
  node(1).expects("MGET a");
  node(2).expects("MGET b").replies("*1\r\n$1\r\nb\r\n");
  node(1).resets();
  node(1).expects("MGET a").replies("*1\r\n$1\r\na\r\n");
  client.receives("*2\r\n$1\r\na\r\n$1\r\nb\r\n");
}

TEST_CASE_METHOD(Stage, "a split read whose part broke off in the middle forgets what had come of it") {
  client.sends("MGET a b");
  node(1).expects("MGET a").replies("*1\r\n$5\r\n12");
  node(2).expects("MGET b").replies("*1\r\n$1\r\nb\r\n");
  node(1).resets();
  node(1).expects("MGET a").replies("*1\r\n$1\r\na\r\n");
  client.receives("*2\r\n$1\r\na\r\n$1\r\nb\r\n");
}

TEST_CASE_METHOD(Stage, "a split write is ambiguous when one of its parts is") {
  client.sends("MSET a 1 b 2");
  node(1).expects("MSET a 1");
  node(2).expects("MSET b 2").replies(kOk);
  node(1).resets();
  client.receives(kAmbiguous);
  clock.advance(30s);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Stage, "a redirected write that is lost on its way is ambiguous as well") {
  client.sends("SET a 1");
  node(1).expects("SET a 1").replies(ask("a", 2));
  node(2).expectsAsking("SET a 1");
  node(2).resets();
  client.receives(kAmbiguous);
}

TEST_CASE_METHOD(Stage, "a redirected read that is lost starts from the slot's owner again") {
  client.sends("GET a");
  node(1).expects("GET a").replies(ask("a", 2));
  node(2).expectsAsking("GET a");
  node(2).resets();
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a node that answers garbage loses its link, and nobody gets the garbage") {
  for (const std::string_view garbage : {"hello\r\n", "$x\r\n", "*-7\r\n", ":12a\r\n", "\r\n"}) {
    INFO(garbage);
    client.sends({"GET a", "SET d 1"});
    node(1).expects("GET a").replies(garbage);
    node(1).expects("SET d 1");
    node(1).expects("GET a").replies(bulk("1"));
    client.receives(bulk("1") + std::string(kAmbiguous));
  }
}

TEST_CASE_METHOD(
    Stage, "a node that gives one reply too many loses its link, and later requests get their own replies") {
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1") + bulk("too many"));
  client.receives(bulk("1"));
  CHECK(node(1).connects() == 2);
  client.sends("GET d");
  node(1).expects("GET d").replies(bulk("2"));
  client.receives(bulk("2"));
}

TEST_CASE_METHOD(Stage, "a node that speaks without being asked loses its link") {
  settle();
  node(1).pushes("+OK\r\n");
  CHECK(node(1).connects() == 2);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a reply to a request that has not been sent whole is none") {
  settle();
  node(1).takesOnly(10);
  client.sends("SET a 1");
  node(1).pushes(kOk);
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
  CHECK(node(1).connects() == 2);
}

TEST_CASE_METHOD(Stage,
                 "a node may refuse a request before it has all of it; the next one goes over a new link") {
  settle();
  node(1).takesOnly(10);
  client.sends({"SET a 1", "SET d 2"});
  node(1).pushes("-ERR Protocol error: invalid bulk length\r\n");
  node(1).expects("SET d 2").replies(kOk);
  client.receives("-ERR Protocol error: invalid bulk length\r\n+OK\r\n");
  CHECK(node(1).connects() == 2);
}

TEST_CASE_METHOD(Stage, "the answer to ASKING may come before the redirected request has been sent whole") {
  client.sends("SET a 12345678");
  const Received first = node(1).expects("SET a 12345678");
  node(2).takesOnly(request("ASKING").size() + 10);
  first.replies(ask("a", 2));
  node(2).expects("ASKING").replies(kOk);
  node(2).takesAll();
  node(2).expects("SET a 12345678").replies(kOk);
  client.receives(kOk);
  CHECK(node(2).connects() == 1);
}

}  // namespace slotless::test
