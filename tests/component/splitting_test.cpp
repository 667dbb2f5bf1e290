// Commands over several slots: split, sent in parallel, merged; or refused.
#include <tuple>

#include "stage.h"

namespace slotless::test {

namespace {}  // namespace

TEST_CASE_METHOD(Stage, "MGET is split by slot and its values come back in the order of the keys") {
  client.sends("MGET a b {a}2 c b2 {b}3");
  const Received a = node(1).expects("MGET a {a}2");
  const Received b = node(2).expects("MGET b {b}3");
  const Received c = node(3).expects("MGET c");
  // b2 has a slot of its own, which may be any node's.
  std::size_t owner = 0;
  for (std::size_t i = 1; i <= kNodes; ++i) owner = node(i).unexpected() == 1 ? i : owner;
  REQUIRE(owner > 0);
  const Received b2 = node(owner).expects("MGET b2");
  b2.connection();
  c.replies("*1\r\n$1\r\nC\r\n");
  if (owner == 3) b2.replies("*1\r\n$2\r\nB2\r\n");
  client.receivesNothing();
  a.replies("*2\r\n$1\r\nA\r\n$-1\r\n");
  if (owner == 1) b2.replies("*1\r\n$2\r\nB2\r\n");
  b.replies("*2\r\n$1\r\nB\r\n$3\r\nB\r3\r\n");
  if (owner == 2) b2.replies("*1\r\n$2\r\nB2\r\n");
  client.receives("*6\r\n$1\r\nA\r\n$1\r\nB\r\n$-1\r\n$1\r\nC\r\n$2\r\nB2\r\n$3\r\nB\r3\r\n");
}

TEST_CASE_METHOD(Stage, "a key that stands twice in a split MGET is answered twice") {
  client.sends("MGET a b a");
  node(1).expects("MGET a a").replies("*2\r\n$1\r\nA\r\n$1\r\nA\r\n");
  node(2).expects("MGET b").replies("*1\r\n$-1\r\n");
  client.receives("*3\r\n$1\r\nA\r\n$-1\r\n$1\r\nA\r\n");
}

TEST_CASE_METHOD(Stage, "keys of one slot are not split") {
  client.sends({"MGET {a}1 {a}2", "DEL a"});
  node(1).expects("MGET {a}1 {a}2").replies("*2\r\n$-1\r\n$-1\r\n");
  node(1).expects("DEL a").replies(":1\r\n");
  client.receives("*2\r\n$-1\r\n$-1\r\n:1\r\n");
}

TEST_CASE_METHOD(Stage, "MSET is split with its values, and a later value of the same key comes later") {
  client.sends("MSET a 1 b 2 a 3");
  node(1).expects("MSET a 1 a 3").replies(kOk);
  client.receivesNothing();
  node(2).expects("MSET b 2").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "the counts of DEL, UNLINK, EXISTS and TOUCH are added up") {
  for (const std::string command : {"DEL", "UNLINK", "EXISTS", "TOUCH"}) {
    client.sends(command + " a b c a");
    node(1).expects(command + " a a").replies(":2\r\n");
    node(3).expects(command + " c").replies(":1\r\n");
    node(2).expects(command + " b").replies(":0\r\n");
    client.receives(":3\r\n");
  }
}

TEST_CASE_METHOD(Stage, "when parts fail the client gets the first real error, whole") {
  client.sends("MSET a 1 b 2 c 3");
  node(3).expects("MSET c 3").replies("-MISCONF disk\r\n");
  node(2).expects("MSET b 2").replies("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  node(1).expects("MSET a 1").replies(kOk);
  client.receives("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
}

TEST_CASE_METHOD(
    Stage, "a part that a node answers in another shape than the others gives an error, not a wrong reply") {
  client.sends({"DEL a b", "MGET a b"});
  const Received a = node(1).expects("DEL a");
  const Received b = node(2).expects("DEL b");
  node(1).expects("MGET a");
  node(2).expects("MGET b");
  a.replies(":1\r\n*2\r\n$-1\r\n$-1\r\n");
  b.replies("+OK\r\n*1\r\n$-1\r\n");
  client.receives(
      "-ERR The nodes gave replies that do not fit together\r\n"
      "-ERR The nodes gave replies that do not fit together\r\n");
}

TEST_CASE_METHOD(Stage, "the parts of a split command follow redirects one by one") {
  client.sends("MGET a b c");
  node(1).expects("MGET a").replies(moved("a", 2));
  node(2).expects("MGET b").replies(ask("b", 3));
  node(3).expects("MGET c").replies("*1\r\n$1\r\nC\r\n");
  node(3).expectsAsking("MGET b").replies("*1\r\n$1\r\nB\r\n");
  client.receivesNothing();
  node(2).expects("MGET a").replies("*1\r\n$1\r\nA\r\n");
  client.receives("*3\r\n$1\r\nA\r\n$1\r\nB\r\n$1\r\nC\r\n");
}

TEST_CASE_METHOD(Stage, "a part without a reachable master fails the whole command at its deadline") {
  giveSlot("a", 0);
  client.sends("MGET a b");
  node(2).expects("MGET b").replies("*1\r\n$-1\r\n");
  clock.advance(14'900ms);
  client.receivesNothing();
  clock.advance(200ms);
  client.receives(kNoMaster);
}

TEST_CASE_METHOD(Stage,
                 "the parts of a split command keep their places among other commands for their slots") {
  client.sends({"SET a 1", "MSET a 2 b 2", "SET b 3", "GET a"});
  const Received first = node(1).expects("SET a 1");
  node(1).expects("MSET a 2");
  node(1).expects("GET a");
  const Received second = node(2).expects("MSET b 2");
  node(2).expects("SET b 3");
  first.replies("+OK\r\n+OK\r\n$1\r\n2\r\n");
  second.replies("+OK\r\n+OK\r\n");
  client.receives("+OK\r\n+OK\r\n+OK\r\n$1\r\n2\r\n");
}

TEST_CASE_METHOD(Stage, "when a slot is half moved a command that may be split goes on key by key") {
  const std::tuple<std::string_view, std::string_view, std::string_view, std::string_view, std::string_view,
                   std::string>
      rows[] = {
          {"MGET {a}1 {a}2", "MGET {a}1", "*1\r\n$1\r\nx\r\n", "MGET {a}2", "*1\r\n$-1\r\n",
           "*2\r\n$1\r\nx\r\n$-1\r\n"},
          {"DEL {a}1 {a}2", "DEL {a}1", ":1\r\n", "DEL {a}2", ":0\r\n", ":1\r\n"},
          {"EXISTS {a}1 {a}2", "EXISTS {a}1", ":1\r\n", "EXISTS {a}2", ":1\r\n", ":2\r\n"},
          {"MSET {a}1 x {a}2 y", "MSET {a}1 x", "+OK\r\n", "MSET {a}2 y", "+OK\r\n", "+OK\r\n"},
      };
  for (const auto& [command, first, firstReply, second, secondReply, reply] : rows) {
    INFO(command);
    client.sends(command);
    node(1).expects(command).replies(kTryAgain);
    node(1).expects(first).replies(firstReply);
    node(1).expects(second).replies(ask("a", 2));
    node(2).expectsAsking(second).replies(secondReply);
    client.receives(reply);
    clock.advance(2s);
  }
}

TEST_CASE_METHOD(Stage, "a part of a split command goes on key by key, and keeps its places in the reply") {
  client.sends("MGET {a}1 b {a}2");
  node(1).expects("MGET {a}1 {a}2").replies(kTryAgain);
  node(2).expects("MGET b").replies("*1\r\n" + bulk("b"));
  node(1).expects("MGET {a}1").replies("*1\r\n" + bulk("1"));
  node(1).expects("MGET {a}2").replies("*1\r\n" + bulk("2"));
  client.receives("*3\r\n" + bulk("1") + bulk("b") + bulk("2"));
}

TEST_CASE_METHOD(Stage, "keys that may not be held fail the command once, as a whole") {
  config.holdMaxRequests = 0;
  client.sends({"MGET {a}1 {a}2 {a}3", "GET b"});
  node(2).expects("GET b").replies(bulk("b"));
  node(1).expects("MGET {a}1 {a}2 {a}3").replies(kTryAgain);
  client.receives(std::string(kTryAgain) + bulk("b"));
}

TEST_CASE_METHOD(Stage, "the keys of one request count as one that is held") {
  config.holdMaxRequests = 1;
  client.sends("MGET {a}1 {a}2 {a}3");
  node(1).expects("MGET {a}1 {a}2 {a}3").replies(kTryAgain);
  for (int i = 1; i <= 3; ++i) {
    const std::string n = std::to_string(i);
    node(1).expects("MGET {a}" + n).replies("*1\r\n" + bulk(n));
  }
  client.receives("*3\r\n" + bulk("1") + bulk("2") + bulk("3"));
}

TEST_CASE_METHOD(Stage, "MSET with a key and no value is refused before anything is sent") {
  client.sends({"MSET a 1 b", "MSET a"});
  client.receives(
      "-ERR wrong number of arguments for 'mset' command\r\n"
      "-ERR wrong number of arguments for 'mset' command\r\n");
}

TEST_CASE_METHOD(Stage, "other commands over several slots give CROSSSLOT in Redis's words") {
  client.sends({"EVAL x 2 a b", "WAITX a", "EVALSHA x 2 a b"});
  const std::string replies = client.takes();
  CHECK(replies.starts_with(std::string(kCrossSlot) + "-ERR unknown command"));
  CHECK(replies.ends_with(kCrossSlot));
}

TEST_CASE_METHOD(Stage, "commands that could be split give CROSSSLOT where that is configured") {
  config.crossSlot = config::CrossSlot::Error;
  client.sends({"MGET a b", "MGET {a}1 {a}2", "SINTER a b", "RENAME a b", "LMPOP 2 a b LEFT", "SMOVE a b x",
                "LMOVE a b LEFT LEFT", "MSETNX a 1 b 2", "XREAD STREAMS a b 0 0"});
  node(1).expects("MGET {a}1 {a}2").replies("*2\r\n$-1\r\n$-1\r\n");
  client.receives(std::string(kCrossSlot) + "*2\r\n$-1\r\n$-1\r\n" + std::string(kCrossSlot) +
                  std::string(kCrossSlot) + std::string(kCrossSlot) + std::string(kCrossSlot) +
                  std::string(kCrossSlot) + std::string(kCrossSlot) + std::string(kCrossSlot));
}

}  // namespace slotless::test
