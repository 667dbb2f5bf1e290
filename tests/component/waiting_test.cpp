// Commands that wait for something in several slots: they look again and again, take from one key only, and
// keep their time.
#include "batch.h"
#include "protocol/command_facts.h"
#include "protocol/command_table.h"

namespace slotless::test {

namespace {
constexpr std::string_view kNone = "$-1\r\n";
constexpr std::string_view kUnblocked = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
const std::string kFromB = "*2\r\n" + bulk("b") + bulk("x");

// Without a lease for it no node tells of a key.
struct WaitingClients : Stage {
  WaitingClients() { config.leaseMaxTracking = 0; }
  std::int64_t blocked() { return metrics().blockedClients.value(); }
  // The first look, which finds nothing.
  void waits(const std::string& request = "BLPOP a b 0") {
    client.sends(request);
    node(1).expects("LPOP a").replies(kNone);
    looks();
    CHECK(blocked() == 1);
  }
  void looks(std::string_view a = ":0\r\n", std::string_view b = ":0\r\n") {
    const Received first = node(1).expects("EXISTS a");
    const Received second = node(2).expects("EXISTS b");
    second.replies(b);
    first.replies(a);
  }
  void serversAre(std::string product, std::vector<std::uint32_t> version) {
    cluster::ServerIdentity servers;
    servers.product = std::move(product);
    servers.version = std::move(version);
    worker().setCommands(std::make_shared<const protocol::CommandTable>(protocol::builtInFacts()), servers);
    settle();
  }
  // Both streams have the group g.
  void hasGroups() {
    node(1).expects("XPENDING a g - + 1").replies("*0\r\n");
    node(2).expects("XPENDING b g - + 1").replies("*0\r\n");
  }
  // Time passes, and there is nothing. How often that was looked at.
  std::size_t finds(net::Millis duration, std::string_view nothing = ":0\r\n") {
    std::size_t count = 0;
    for (net::Millis passed{0}; passed < duration; passed += 1ms) {
      clock.advance(1ms);
      while (node(1).unexpected() > 0) {
        node(1).expectsAny().replies(nothing);
        ++count;
      }
      while (node(2).unexpected() > 0) node(2).expectsAny().replies(nothing);
    }
    return count;
  }
};
}  // namespace

TEST_CASE_METHOD(WaitingClients, "a pop over slots looks until a key is there, and takes from it only") {
  waits();
  CHECK(metrics().blockingLeases.value() == 0);
  client.receivesNothing();
  clock.advance(1ms);
  looks();
  clock.advance(2ms);
  looks(":0\r\n", ":1\r\n");
  node(1).expectsNothing();
  node(2).expects("LPOP b").replies(bulk("x"));
  client.receives(kFromB);
  CHECK(blocked() == 0);
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(WaitingClients, "of several keys that are there the first gives something") {
  waits();
  clock.advance(1ms);
  looks(":1\r\n", ":1\r\n");
  const Received pop = node(1).expects("LPOP a");
  node(2).expectsNothing();
  pop.replies(bulk("x"));
  client.receives("*2\r\n" + bulk("a") + bulk("x"));
}

TEST_CASE_METHOD(WaitingClients, "what somebody else has taken meanwhile is waited for again") {
  waits();
  clock.advance(1ms);
  looks(":1\r\n", ":1\r\n");
  node(1).expects("LPOP a").replies(kNone);
  node(2).expects("LPOP b").replies(kNone);
  client.receivesNothing();
  clock.advance(2ms);
  looks(":0\r\n", ":1\r\n");
  node(2).expects("LPOP b").replies(bulk("x"));
  client.receives(kFromB);
}

TEST_CASE_METHOD(WaitingClients, "its time is over to the millisecond") {
  for (const auto& [timeout, millis] :
       {std::pair("1", 1000), std::pair("0.25", 250), std::pair("2.125", 2125)}) {
    waits("BLPOP a b " + std::string(timeout));
    finds(net::Millis(millis - 1));
    client.receivesNothing();
    finds(1ms);
    client.receives(kNil);
    CHECK(blocked() == 0);
  }
}

TEST_CASE_METHOD(WaitingClients,
                 "it looks at once, then less and less often, and every fifty milliseconds at last") {
  waits();
  CHECK(finds(63ms) == 6);
  CHECK(finds(1000ms) == 20);
  client.receivesNothing();
  client.resets();
  settle();
}

TEST_CASE_METHOD(WaitingClients, "its time is over, too, while a node is missing or does not answer") {
  waits("BLPOP a b 1");
  giveSlot("b", 0);
  finds(999ms);
  client.receivesNothing();
  clock.advance(60ms);  // held requests are looked at now and then
  client.receives(kNil);
}

TEST_CASE_METHOD(WaitingClients, "it looks once, however short its time is, also where that takes a while") {
  giveSlot("b", 0);
  client.sends("BLPOP a b 0.01");
  node(1).expects("LPOP a").replies(kNone);
  node(1).expects("EXISTS a").replies(":0\r\n");
  clock.advance(2s);
  client.receivesNothing();
  giveSlot("b", 2);
  clock.advance(100ms);
  node(2).expects("EXISTS b").replies(":1\r\n");
  node(2).expects("LPOP b").replies(bulk("x"));
  client.receives(kFromB);
}

TEST_CASE_METHOD(WaitingClients,
                 "a slot that changes its master is looked at there, and a lost look is repeated") {
  waits();
  clock.advance(1ms);
  node(1).expects("EXISTS a").replies(":0\r\n");
  const Received look = node(2).expects("EXISTS b");
  giveSlot("b", 3);
  look.connection().reset();
  settle();
  clock.advance(100ms);
  node(3).expects("EXISTS b").replies(":1\r\n");
  node(3).expects("LPOP b").replies(bulk("x"));
  client.receives(kFromB);
}

TEST_CASE_METHOD(WaitingClients,
                 "what may have been popped on a connection that is lost is not popped again") {
  client.sends("BLPOP a b 0");
  node(1).expects("LPOP a").connection().reset();
  settle();
  clock.advance(100ms);
  node(1).expectsNothing();
  CHECK(client.takes().starts_with("-AMBIGUOUS "));
  client.sends("LMPOP 2 a b LEFT");
  node(1).expects("LMPOP 1 a LEFT").connection().reset();
  settle();
  clock.advance(100ms);
  node(1).expectsNothing();
  CHECK(client.takes().starts_with("-AMBIGUOUS "));
}

TEST_CASE_METHOD(WaitingClients, "CLIENT UNBLOCK ends it at once, or when what is under way is over") {
  waits();
  other.sends("CLIENT UNBLOCK 1");
  other.receives(":1\r\n");
  client.receives(kNil);
  waits();
  other.sends("CLIENT UNBLOCK 1 ERROR");
  other.receives(":1\r\n");
  client.receives(kUnblocked);
  waits();
  clock.advance(1ms);
  other.sends("CLIENT UNBLOCK 1");
  other.receives(":1\r\n");
  client.receivesNothing();
  looks(":0\r\n", ":0\r\n");
  client.receives(kNil);
  waits();
  clock.advance(1ms);
  other.sends("CLIENT UNBLOCK 1");
  other.receives(":1\r\n");
  looks(":0\r\n", ":1\r\n");
  node(2).expects("LPOP b").replies(bulk("x"));
  client.receives(kFromB);
  other.sends("CLIENT UNBLOCK 1");
  other.receives(":0\r\n");
}

TEST_CASE_METHOD(WaitingClients, "of who has left nothing is taken") {
  waits();
  client.resets();
  clock.advance(1s);
  node(1).expectsNothing();
  node(2).expectsNothing();
  CHECK(blocked() == 0);
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(WaitingClients, "CLIENT KILL ends it") {
  waits();
  other.sends("CLIENT KILL ID 1");
  other.receives(":1\r\n");
  CHECK(client.isClosed());
  clock.advance(1s);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(WaitingClients,
                 "who ends his input gets what is there, and who has waited for a while is given up") {
  client.sends("BLPOP a b 0");
  client.leaves();
  node(1).expects("LPOP a").replies(kNone);
  looks(":0\r\n", ":1\r\n");
  node(2).expects("LPOP b").replies(bulk("x"));
  client.receives(kFromB);
  CHECK(client.isClosed());
  FakeClient& second = addClient();
  second.sends("BLPOP a b 0");
  node(1).expects("LPOP a").replies(kNone);
  looks();
  finds(200ms);
  second.leaves();
  CHECK(second.isClosed());
  second.receivesNothing();
}

TEST_CASE_METHOD(WaitingClients, "while writes are paused nothing is looked for, and its time goes on") {
  waits("BLPOP a b 5");
  other.sends("CLIENT PAUSE 1000 WRITE");
  other.receives(kOk);
  CHECK(finds(990ms) == 0);
  CHECK(finds(200ms) > 0);
  other.sends("CLIENT PAUSE 10000 WRITE");
  other.receives(kOk);
  CHECK(finds(3809ms) == 0);
  client.receivesNothing();
  clock.advance(1ms);
  client.receives(kNil);
}

TEST_CASE_METHOD(WaitingClients, "what comes behind it waits for it") {
  client.sends({"BLPOP a b 0", "GET c"});
  node(1).expects("LPOP a").replies(kNone);
  looks();
  node(3).expectsNothing();
  clock.advance(1ms);
  looks(":0\r\n", ":1\r\n");
  node(2).expects("LPOP b").replies(bulk("x"));
  const Received get = node(3).expects("GET c");
  client.receives(kFromB);
  get.replies(bulk("c"));
  client.receives(bulk("c"));
}

TEST_CASE_METHOD(WaitingClients,
                 "a key of another type is an error at first, and does not matter while it waits") {
  constexpr std::string_view kWrong =
      "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
  client.sends("BLPOP a b 0");
  node(1).expects("LPOP a").replies(kNone);
  looks(":0\r\n", ":1\r\n");
  node(2).expects("LPOP b").replies(kWrong);
  client.receives(kWrong);
  waits();
  clock.advance(1ms);
  looks(":1\r\n", ":1\r\n");
  node(1).expects("LPOP a").replies(kWrong);
  node(2).expects("LPOP b").replies(bulk("x"));
  client.receives(kFromB);
}

TEST_CASE_METHOD(WaitingClients, "every command that pops has its reply") {
  struct Case {
    std::string_view command;
    std::string_view pop;
    std::string popped;
    std::string reply;
  };
  const std::string member = bulk("m") + bulk("1");
  for (const Case& each : {
           Case{"BRPOP a b 0", "RPOP a", bulk("x"), "*2\r\n" + bulk("a") + bulk("x")},
           Case{"BZPOPMIN a b 0", "ZPOPMIN a", "*2\r\n" + member, "*3\r\n" + bulk("a") + member},
           Case{"BZPOPMAX a b 0", "ZPOPMAX a", "*2\r\n" + member, "*3\r\n" + bulk("a") + member},
           Case{"BLMPOP 0 2 a b LEFT COUNT 3", "LMPOP 1 a LEFT COUNT 3",
                "*2\r\n" + bulk("a") + "*1\r\n" + bulk("x"), "*2\r\n" + bulk("a") + "*1\r\n" + bulk("x")},
           Case{"BZMPOP 0 2 a b MIN", "ZMPOP 1 a MIN", "*2\r\n" + bulk("a") + "*1\r\n*2\r\n" + member,
                "*2\r\n" + bulk("a") + "*1\r\n*2\r\n" + member},
       }) {
    INFO(each.command);
    client.sends(each.command);
    node(1).expects(each.pop).replies(each.popped);
    client.receives(each.reply);
  }
}

TEST_CASE_METHOD(WaitingClients, "a timeout that is none is refused in Redis's words") {
  client.sends({"BLPOP a b soon", "BLPOP a b -1", "BLMPOP x 2 a b LEFT", "XREAD BLOCK 1.5 STREAMS a b 0 0",
                "BLMOVE a b LEFT UP 0"});
  client.receives(
      "-ERR timeout is not a float or out of range\r\n-ERR timeout is negative\r\n"
      "-ERR timeout is not a float or out of range\r\n-ERR timeout is not an integer or out of range\r\n"
      "-ERR syntax error\r\n");
}

TEST_CASE_METHOD(WaitingClients, "nothing waits over slots where that is configured") {
  config.crossSlot = config::CrossSlot::Error;
  client.sends({"BLPOP a b 0", "XREAD BLOCK 0 STREAMS a b 0 0"});
  const std::string refusals = client.takes();
  CHECK(refusals.starts_with("-CROSSSLOT "));
  CHECK(refusals.rfind("-CROSSSLOT ") > 0);
}

// --- lists ---

TEST_CASE_METHOD(WaitingClients, "an element is pushed, then popped if it is still there, else taken back") {
  client.sends("LMOVE a b LEFT RIGHT");
  const Received look = node(1).expectsAny();
  CHECK(look.words()[0] == "EVAL");
  node(2).expects("TYPE b").replies("+none\r\n");
  look.replies(bulk("x"));
  node(2).expects("RPUSH b x").replies(":1\r\n");
  node(1).expectsAny().replies(":0\r\n");
  node(2).expects("LREM b -1 x").replies(":1\r\n");
  node(1).expectsAny().replies(bulk("y"));
  node(2).expects("TYPE b").replies("+list\r\n");
  node(2).expects("RPUSH b y").replies(":1\r\n");
  const Received pop = node(1).expectsAny();
  client.receivesNothing();
  CHECK(std::vector<std::string>(pop.words().begin() + 2, pop.words().end()) ==
        std::vector<std::string>{"1", "a", "y", "0", "lpop"});
  pop.replies(":1\r\n");
  client.receives(bulk("y"));
}

TEST_CASE_METHOD(WaitingClients,
                 "an element that could not be popped is taken back, but not where that is not known") {
  const auto push = [this] {
    client.sends("RPOPLPUSH a b");
    node(1).expectsAny().replies(bulk("x"));
    node(2).expects("TYPE b").replies("+list\r\n");
    node(2).expects("LPUSH b x").replies(":1\r\n");
  };
  push();
  node(1).expectsAny().replies("-NOPERM no\r\n");
  node(2).expects("LREM b 1 x").replies(":1\r\n");
  client.receives("-NOPERM no\r\n");
  push();
  node(1).expectsAny().connection().reset();
  settle();
  node(2).expectsNothing();
  CHECK(client.takes().starts_with("-AMBIGUOUS "));
}

TEST_CASE_METHOD(WaitingClients, "BLMOVE waits for an element") {
  client.sends("BLMOVE a b LEFT LEFT 1");
  const auto finds = [this](std::string_view element) {
    node(1).expectsAny().replies(element);
    node(2).expects("TYPE b").replies("+none\r\n");
  };
  finds(kNone);
  CHECK(blocked() == 1);
  client.receivesNothing();
  clock.advance(1ms);
  finds(bulk("x"));
  node(2).expects("LPUSH b x").replies(":1\r\n");
  node(1).expectsAny().replies(":1\r\n");
  client.receives(bulk("x"));
  client.sends("BRPOPLPUSH a b 0.001");
  finds(kNone);
  clock.advance(1ms);
  client.receives(kNil);
}

// --- values ---

TEST_CASE_METHOD(WaitingClients,
                 "MSETNX sets one slot first, then the others, and takes back what must not be") {
  const auto absent = [this] {
    client.sends("MSETNX a 1 b 2 c 3 {a}2 4");
    node(3).expects("EXISTS c").replies(":0\r\n");
    node(1).expects("EXISTS a {a}2").replies(":0\r\n");
    node(2).expects("EXISTS b").replies(":0\r\n");
    // b is in the lowest slot
    node(1).expectsNothing();
    node(2).expects("MSETNX b 2").replies(":1\r\n");
  };
  absent();
  const Received c = node(3).expects("MSETNX c 3");
  node(1).expects("MSETNX a 1 {a}2 4").replies(":1\r\n");
  client.receivesNothing();
  c.replies(":1\r\n");
  client.receives(":1\r\n");
  absent();
  node(1).expects("MSETNX a 1 {a}2 4").replies(":0\r\n");
  node(3).expects("MSETNX c 3").replies(":1\r\n");
  const Received b = node(2).expectsAny();
  CHECK(std::vector<std::string>(b.words().begin() + 2, b.words().end()) ==
        std::vector<std::string>{"1", "b", "2"});
  b.replies(":1\r\n");
  node(3).expectsAny().replies(":1\r\n");
  client.receives(":0\r\n");
  client.sends("MSETNX a 1 b 2");
  node(1).expects("EXISTS a").replies(":1\r\n");
  node(2).expects("EXISTS b").replies(":0\r\n");
  client.receives(":0\r\n");
}

// --- streams ---

namespace {
std::string entries(const std::string& key, const std::string& id) {
  return "*2\r\n" + bulk(key) + "*1\r\n*2\r\n" + bulk(id) + "*2\r\n" + bulk("f") + bulk("v");
}
}  // namespace

TEST_CASE_METHOD(WaitingClients,
                 "streams of several slots are read at once, and told in the order of their names") {
  client.sends("XREAD COUNT 2 STREAMS b a {b}2 c 1 2 3 4");
  const Received b = node(2).expects("XREAD COUNT 2 STREAMS b {b}2 1 3");
  const Received a = node(1).expects("XREAD COUNT 2 STREAMS a 2");
  node(3).expects("XREAD COUNT 2 STREAMS c 4").replies(kNil);
  a.replies("*1\r\n" + entries("a", "5-0"));
  b.replies("*2\r\n" + entries("b", "5-1") + entries("{b}2", "5-2"));
  client.receives("*3\r\n" + entries("b", "5-1") + entries("a", "5-0") + entries("{b}2", "5-2"));
  client.sends("XREAD STREAMS a b 1 1");
  node(1).expects("XREAD STREAMS a 1").replies(kNil);
  node(2).expects("XREAD STREAMS b 1").replies(kNil);
  client.receives(kNil);
}

TEST_CASE_METHOD(WaitingClients, "a group delivers nothing where one of the streams has an error") {
  const std::string head = "XREADGROUP GROUP g c STREAMS ";
  client.sends(head + "a b {b}2 > 5 >");
  node(1).expects("XPENDING a g - + 1").replies("*0\r\n");
  const Received second = node(2).expects("XPENDING b g - + 1");
  const Received third = node(2).expects("XPENDING {b}2 g - + 1");
  second.replies("-NOGROUP No such key 'b' or consumer group 'g'\r\n");
  third.replies("-WRONGTYPE\r\n");
  client.receives("-NOGROUP No such key 'b' or consumer group 'g' in XREADGROUP with GROUP option\r\n");
  for (const std::string id : {"x", "99999999999999999999", "1-", "1-2-3", "$"}) {
    client.sends(head + "a b > " + id);
    node(1).expects("XPENDING a g - + 1").replies("*0\r\n");
    node(2).expects(head + "b " + id).replies("-ERR Invalid stream ID\r\n");
    client.receives("-ERR Invalid stream ID\r\n");
  }
  client.sends(head + "a b > >");
  hasGroups();
  node(1).expects(head + "a >").replies("*1\r\n" + entries("a", "1-0"));
  node(2).expects(head + "b >").replies("-NOGROUP gone\r\n");
  client.receives("*1\r\n" + entries("a", "1-0"));
}

TEST_CASE_METHOD(WaitingClients, "what is wrong with XREADGROUP a server says") {
  client.sends("XREADGROUP COUNT 1 STREAMS a b > >");
  for (const std::size_t each : {1U, 2U})
    node(each)
        .expects("XREADGROUP COUNT 1 STREAMS " + std::string(each == 1 ? "a >" : "b >"))
        .replies("-ERR Missing GROUP\r\n");
  client.receives("-ERR Missing GROUP\r\n");
}

namespace {
const std::string kWrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
const std::string kNoGroup =
    "-NOGROUP No such key 'a' or consumer group 'g' in XREADGROUP with GROUP option\r\n";
}  // namespace

TEST_CASE_METHOD(WaitingClients, "XREAD minds a key of another type at once, but not while it waits") {
  client.sends("XREAD BLOCK 0 STREAMS a b 0 0");
  const auto reads = [this](std::string_view fromA, std::string_view fromB) {
    node(1).expects("XREAD STREAMS a 0").replies(fromA);
    node(2).expects("XREAD STREAMS b 0").replies(fromB);
  };
  reads(kWrongType, kNil);
  client.receives(kWrongType);
  client.sends("XREAD BLOCK 0 STREAMS a b 0 0");
  reads(kNil, kNil);
  clock.advance(1ms);
  reads(kWrongType, kNil);
  client.receivesNothing();
  clock.advance(2ms);
  reads(kWrongType, "*1\r\n" + entries("b", "1-0"));
  client.receives("*1\r\n" + entries("b", "1-0"));
  client.sends("XREAD BLOCK 0 STREAMS a b 0 0");
  reads(kNil, kNil);
  clock.advance(1ms);
  reads(kWrongType, "-ERR other\r\n");
  client.receives("-ERR other\r\n");
}

TEST_CASE("servers that run a blocked XREAD again mind the other key when there is something to be had") {
  for (const std::string product : {"redis", "valkey"}) {
    WaitingClients stage;
    stage.serversAre(product, {7, 2});
    stage.client.sends("XREAD BLOCK 0 STREAMS a b 0 0");
    const auto reads = [&](std::string_view fromA, std::string_view fromB) {
      stage.node(1).expects("XREAD STREAMS a 0").replies(fromA);
      stage.node(2).expects("XREAD STREAMS b 0").replies(fromB);
    };
    reads(kNil, kNil);
    stage.clock.advance(1ms);
    reads(kWrongType, kNil);
    stage.client.receivesNothing();
    stage.clock.advance(2ms);
    reads(kWrongType, "*1\r\n" + entries("b", "1-0"));
    stage.client.receives(kWrongType);
  }
}

TEST_CASE("a group's reader who waits is told of a stream that goes as the servers tell it") {
  struct Told {
    std::string_view product;
    std::string error;
    std::string_view exists;  // what EXISTS says then; empty: it is not asked
    std::string_view reply;
  };
  constexpr std::string_view kStreamGone = "-UNBLOCKED the stream key no longer exists\r\n";
  const Told all[] = {
      {"redis", kWrongType, "", kStreamGone},
      {"redis", kNoGroup, ":0\r\n", kStreamGone},
      {"redis", kNoGroup, ":1\r\n",
       "-NOGROUP the consumer group this client was blocked on no longer exists\r\n"},
      {"redis", "-ERR other\r\n", "", "-ERR other\r\n"},
      {"valkey", kWrongType, "", kWrongType},
      {"valkey", kNoGroup, "", kNoGroup},
  };
  for (const Told& told : all) {
    INFO(told.product << ' ' << told.error);
    WaitingClients stage;
    stage.serversAre(std::string(told.product), {7, told.product == "redis" ? 0U : 2U});
    stage.client.sends("XREADGROUP GROUP g c BLOCK 0 STREAMS a b > >");
    stage.hasGroups();
    const auto reads = [&](std::string_view fromA) {
      stage.node(1).expects("XREADGROUP GROUP g c STREAMS a >").replies(fromA);
      stage.node(2).expects("XREADGROUP GROUP g c STREAMS b >").replies(kNil);
    };
    reads(kNil);
    stage.clock.advance(1ms);
    reads(told.error);
    if (!told.exists.empty()) stage.node(1).expects("EXISTS a").replies(told.exists);
    stage.client.receives(told.reply);
    CHECK(stage.worker().requestsInUse() == 0);
  }
}

TEST_CASE_METHOD(WaitingClients, "XREAD BLOCK waits for what comes behind the end that it has found") {
  client.sends("XREAD BLOCK 100 COUNT 1 STREAMS a b {b}2 $ $ 7");
  node(1).expects("XREVRANGE a + - COUNT 1").replies("*1\r\n*2\r\n" + bulk("3-1") + "*0\r\n");
  node(2).expects("XREVRANGE b + - COUNT 1").replies("*0\r\n");
  const auto reads = [this](std::string_view fromB) {
    node(1).expects("XREAD COUNT 1 STREAMS a 3-1").replies(kNil);
    node(2).expects("XREAD COUNT 1 STREAMS b {b}2 0-0 7").replies(fromB);
  };
  reads(kNil);
  client.receivesNothing();
  clock.advance(1ms);
  reads("*1\r\n" + entries("b", "1-0"));
  client.receives("*1\r\n" + entries("b", "1-0"));
  client.sends("XREAD BLOCK 100 STREAMS a b 0 0");
  node(1).expects("XREAD STREAMS a 0").replies(kNil);
  node(2).expects("XREAD STREAMS b 0").replies(kNil);
  finds(99ms, kNil);
  client.receivesNothing();
  finds(1ms, kNil);
  client.receives(kNil);
}

TEST_CASE_METHOD(WaitingClients, "in RESP3 streams are a map, and nothing is null") {
  client.sends("HELLO 3");
  client.takes();
  client.sends("XREAD STREAMS a b 1 1");
  const std::string some = "*1\r\n*2\r\n" + bulk("1-0") + "*0\r\n";
  node(1).expects("XREAD STREAMS a 1").replies("%1\r\n" + bulk("a") + some);
  node(2).expects("XREAD STREAMS b 1").replies("%1\r\n" + bulk("b") + some);
  client.receives("%2\r\n" + bulk("a") + some + bulk("b") + some);
  client.sends("BLPOP a b 0.002");
  node(1).expects("LPOP a").replies("_\r\n");
  looks();
  finds(2ms);
  client.receives("_\r\n");
}

}  // namespace slotless::test
