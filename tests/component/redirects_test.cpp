// MOVED and ASK: followed inside, and never at the cost of the order of one client's commands for one slot.
#include <algorithm>
#include <string>

#include "captured_log.h"
#include "proxy/dispatch/reply_texts.h"
#include "stage.h"

namespace slotless::test {

namespace {
constexpr std::string_view kElsewhere = "-MOVED 15495 6.6.6.6:6666\r\n";  // the slot of a
}  // namespace

TEST_CASE_METHOD(Stage, "a redirect asks for the topology and is followed at once") {
  client.sends("GET a");
  const std::size_t before = control.refreshes;
  node(1).expects("GET a").replies(moved("a", 2));
  CHECK(control.refreshes == before + 1);
  node(2).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(metrics().retries.value() == 1);
}

TEST_CASE_METHOD(Stage, "a redirected command is not overtaken by a later one for its slot") {
  client.sends({"SET a 1", "SET a 2", "SET a 3"});
  const Received first = node(1).expects("SET a 1");
  const Received second = node(1).expects("SET a 2");
  const Received third = node(1).expects("SET a 3");
  first.replies(moved("a", 2));
  const Received again = node(2).expects("SET a 1");
  client.sends("SET a 4");
  // Node 1 still owes answers that may be anything: nothing may pass them.
  node(2).expectsNothing();
  second.replies(moved("a", 2));
  const Received secondAgain = node(2).expects("SET a 2");
  node(2).expectsNothing();
  third.replies(moved("a", 2));
  node(2).expects("SET a 3");
  again.replies(kOk);
  secondAgain.replies(std::string(kOk) + std::string(kOk));
  client.receives(std::string(kOk) + std::string(kOk) + std::string(kOk));
  // The topology is not known to have changed: the fourth goes the usual way.
  node(1).expects("SET a 4").replies(moved("a", 2));
  node(2).expects("SET a 4").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "commands for other slots go on while one slot waits") {
  client.sends({"SET a 1", "SET b 1"});
  node(1).expects("SET a 1").replies("-CLUSTERDOWN The cluster is down\r\n");
  client.sends({"SET a 2", "SET b 2", "SET d 1"});
  node(1).expects("SET d 1").replies(kOk);
  const Received b1 = node(2).expects("SET b 1");
  const Received b2 = node(2).expects("SET b 2");
  b1.replies(kOk);
  b2.replies(kOk);
  node(1).expectsNothing();
  clock.advance(50ms);
  const Received a1 = node(1).expects("SET a 1");
  const Received a2 = node(1).expects("SET a 2");
  client.receivesNothing();
  a1.replies(kOk);
  a2.replies(kOk);
  client.receives("+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage, "held commands of one slot go out in the order in which they were sent") {
  settle();
  node(1).refusesConnections();
  node(1).resets();
  client.sends({"SET a 1", "SET a 2"});
  client.sends("SET a 3");
  other.sends("SET a 4");
  node(1).acceptsConnections();
  clock.advance(3s);
  for (const std::string_view text : {"SET a 1", "SET a 2", "SET a 3", "SET a 4"}) {
    node(1).expects(text).replies(kOk);
  }
  client.receives("+OK\r\n+OK\r\n+OK\r\n");
  other.receives(kOk);
}

TEST_CASE_METHOD(
    Stage, "after a change of the topology a slot's next command waits for the replies of the old owner") {
  client.sends("SET a 1");
  const Received first = node(1).expects("SET a 1");
  giveSlot("a", 2);
  client.sends({"SET a 2", "SET d 2"});
  node(2).expectsNothing();
  node(1).expects("SET d 2");
  first.replies(kOk);
  node(2).expects("SET a 2").replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
  first.replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "the old owner's late redirect is still followed after the topology has changed") {
  client.sends({"SET a 1", "SET a 2"});
  const Received first = node(1).expects("SET a 1");
  const Received second = node(1).expects("SET a 2");
  giveSlot("a", 2);
  first.replies(moved("a", 2));
  node(2).expects("SET a 1").replies(kOk);
  second.replies(moved("a", 2));
  node(2).expects("SET a 2").replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage, "each redirected command has an ASKING of its own and the map stays") {
  client.sends({"GET {a}1", "GET {a}2"});
  const Received first = node(1).expects("GET {a}1");
  const Received second = node(1).expects("GET {a}2");
  first.replies(ask("a", 2));
  const Received asked = node(2).expectsAsking("GET {a}1");
  second.replies(ask("a", 2));
  asked.replies(bulk("1"));
  node(2).expectsAsking("GET {a}2").replies(bulk("2"));
  client.receives(bulk("1") + bulk("2"));
  client.sends("GET {a}3");
  node(1).expects("GET {a}3").replies(bulk("3"));
  client.receives(bulk("3"));
}

TEST_CASE_METHOD(Stage, "the answer to ASKING never reaches the client, whatever it is") {
  client.sends("GET a");
  node(1).expects("GET a").replies(ask("a", 2));
  const Received asking = node(2).expects("ASKING");
  const Received get = node(2).expects("GET a");
  asking.replies("-ERR This instance has cluster support disabled\r\n");
  client.receivesNothing();
  get.replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "commands for a slot that is being moved go one at a time, each from the source on") {
  client.sends("SET {a}1 x");
  node(1).expects("SET {a}1 x").replies(ask("a", 2));
  const Received asked = node(2).expectsAsking("SET {a}1 x");
  client.sends({"SET {a}1 y", "SET {a}2 z"});
  node(1).expectsNothing();
  node(2).expectsNothing();
  asked.replies(kOk);
  const Received source = node(1).expects("SET {a}1 y");
  node(1).expectsNothing();
  source.replies(ask("a", 2));
  node(2).expectsAsking("SET {a}1 y").replies(kOk);
  node(1).expects("SET {a}2 z").replies(kOk);
  client.receives("+OK\r\n+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(
    Stage, "other clients' commands for a moving slot go one at a time too, until it is quiet for a while") {
  client.sends("GET a");
  node(1).expects("GET a").replies(ask("a", 2));
  node(2).expectsAsking("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  other.sends({"SET a 1", "SET a 2"});
  const Received first = node(1).expects("SET a 1");
  node(1).expectsNothing();
  first.replies(kOk);
  node(1).expects("SET a 2").replies(kOk);
  other.receives("+OK\r\n+OK\r\n");
  clock.advance(1s);
  other.sends({"SET a 3", "SET a 4"});
  const Received third = node(1).expects("SET a 3");
  node(1).expects("SET a 4");
  third.replies("+OK\r\n+OK\r\n");
  other.receives("+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage, "TRYAGAIN on the way of an ASK is repeated there, with ASKING again") {
  client.sends("SINTER {a}1 {a}2");
  node(1).expects("SINTER {a}1 {a}2").replies(ask("a", 2));
  node(2).expectsAsking("SINTER {a}1 {a}2").replies(kTryAgain);
  clock.advance(50ms);
  node(2).expectsAsking("SINTER {a}1 {a}2").replies("*0\r\n");
  client.receives("*0\r\n");
}

TEST_CASE_METHOD(
    Stage, "two nodes that send a command to and fro get it again only after pauses, until the deadline") {
  client.sends("GET a");
  std::size_t sent = 0;
  const auto bounce = [&] {
    for (bool more = true; more;) {
      more = false;
      settle();
      for (const std::size_t number : {1UL, 2UL}) {
        if (node(number).unexpected() == 0) continue;
        node(number).expects("GET a").replies(moved("a", 3 - number));
        ++sent;
        more = true;
      }
    }
  };
  bounce();
  CHECK(sent <= 6);
  for (net::Millis waited{0}; waited < 14'900ms; waited += 50ms) {
    clock.advance(50ms);
    bounce();
    client.receivesNothing();
  }
  CHECK(sent <= 310);
  for (int round = 0; round < 4; ++round) {
    clock.advance(50ms);
    bounce();
  }
  client.receives(session::reply_texts::kRedirectLoop);
}

TEST_CASE_METHOD(Stage, "an empty host in a redirect means the node that was asked") {
  addNode(4);
  client.sends("GET a");
  node(1).expects("GET a").replies("-MOVED 15495 :7004\r\n");
  node(4).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a redirect to a node without a name is followed when the topology knows better") {
  client.sends("SET a 1");
  node(1).expects("SET a 1").replies("-MOVED 15495 ?:7009\r\n");
  CHECK(control.urgentRefreshes > 0);
  node(1).expectsNothing();
  giveSlot("a", 2);
  clock.advance(100ms);
  node(2).expects("SET a 1").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage,
                 "a redirect to a node without a name is followed at once when its port is the only one") {
  client.sends("SET a 1");
  node(1).expects("SET a 1").replies("-ASK 15495 ?:7002\r\n");
  node(2).expects("ASKING").replies(kOk);
  node(2).expects("SET a 1").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "a script that speaks of a node without a name is passed on") {
  client.sends("EVAL x 1 a");
  node(1).expects("EVAL x 1 a").replies("-MOVED 15495 ?:7009\r\n");
  client.receives("-MOVED 15495 ?:7009\r\n");
}

TEST_CASE_METHOD(Stage, "a redirect for another slot is no redirect of a node and is passed on") {
  client.sends({"GET a", "EVAL x 1 a"});
  const Received get = node(1).expects("GET a");
  const Received eval = node(1).expects("EVAL x 1 a");
  get.replies(moved("b", 2));
  eval.replies("-ASK 3300 10.0.0.1:7002\r\n");
  client.receives(moved("b", 2) + "-ASK 3300 10.0.0.1:7002\r\n");
  CHECK(metrics().retries.value() == 0);
}

TEST_CASE_METHOD(Stage, "a malformed redirect is passed on") {
  client.sends({"GET a", "GET d", "GET e"});
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  node(1).expects("GET e");
  const std::string replies = "-MOVED\r\n-MOVED x y\r\n-ASK 99999 10.0.0.1:7002\r\n";
  a.replies(replies);
  client.receives(replies);
}

TEST_CASE_METHOD(Stage, "a command that was redirected to an unknown node waits until the topology has it") {
  client.sends("GET a");
  const std::size_t before = control.urgentRefreshes;
  node(1).expects("GET a").replies(moved("a", 4));
  CHECK(control.urgentRefreshes > before);
  confirmTopology();
  clock.advance(5s);
  client.receivesNothing();
  CHECK(node(4).connects() == 0);
  addNode(4);
  node(4).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a plain command that was redirected to an unknown node fails at its deadline") {
  client.sends("GET a");
  node(1).expects("GET a").replies(kElsewhere);
  for (int i = 0; i < 10; ++i) confirmTopology();
  clock.advance(14'900ms);
  client.receivesNothing();
  clock.advance(200ms);
  client.receives(session::reply_texts::kUnknownNode);
}

TEST_CASE_METHOD(
    Stage, "a new topology that still lacks the redirect's target sends the command to the slot's owner") {
  client.sends("GET a");
  node(1).expects("GET a").replies(kElsewhere);
  giveSlot("a", 2);
  clock.advance(50ms);
  node(2).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage,
                 "a script's forged redirect is passed on once the topology has been looked up twice") {
  client.sends({"EVAL x 1 a", "GET d"});
  const Received eval = node(1).expects("EVAL x 1 a");
  node(1).expects("GET d");
  eval.replies(std::string(kElsewhere) + bulk("d"));
  clock.advance(100ms);
  client.receivesNothing();
  confirmTopology();
  clock.advance(100ms);
  client.receivesNothing();
  confirmTopology();
  clock.advance(100ms);
  client.receives(std::string(kElsewhere) + bulk("d"));
  CHECK(loop.connectCalls() == kNodes);
}

TEST_CASE_METHOD(Stage, "a request that two nodes send to and fro for too long is told of once", "[log]") {
  client.sends("GET a");
  const CapturedLog log(log::Level::Warn);
  const auto sendToAndFro = [&](int times) {
    for (int i = 0; i < times; ++i) {
      node(1).expects("GET a").replies(moved("a", 2));
      clock.advance(100ms);
      node(2).expects("GET a").replies(moved("a", 1));
      clock.advance(100ms);
    }
  };
  sendToAndFro(10);
  CHECK(log.text().empty());
  sendToAndFro(30);
  const std::string text = log.text();
  CHECK(text.find("a request is redirected again and again  command=get slot=15495") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

}  // namespace slotless::test
