// Credentials that change while the worker serves: connections log in anew between requests, and what a node
// refuses because it does not know the proxy any more is sent again.
#include "batch.h"
#include "proxy/upstream/login.h"

namespace slotless::test {

namespace {

constexpr std::string_view kNoPerm = "-NOPERM this user has no permissions to run the 'get' command\r\n";

std::string subscribed(char type, std::string_view channel) {
  return std::string(1, type) + "3\r\n" + bulk("subscribe") + bulk(channel) + ":1\r\n";
}

struct Changing : Stage {
  Changing() {
    config.password = "one";
    config.clientAuth = config::ClientAuth::None;
    config.linkHeartbeat = 0ms;
    config.linkIdleTimeout = 0ms;
  }
  // The nodes are connected to, and from now on the test answers AUTH.
  void begin() {
    settle();
    for (const std::size_t number : {1U, 2U, 3U}) node(number).leavesToTest("AUTH");
  }
  void change(const std::string& password, const std::string& before = "one", const std::string& user = {}) {
    access = {user, password};
    access.generation = ++generation;
    if (!before.empty()) access.previous = upstream::Credentials{"", before};
    worker().setAccess(access);
    settle();
  }
  // Nodes 2 and 3, of which nothing is asked here.
  void othersTake(std::string_view auth) {
    for (const std::size_t number : {2U, 3U}) node(number).expects(auth).replies(kOk);
  }
  std::uint64_t logins(std::size_t number) {
    std::uint64_t sum = 0;
    metrics().forEachNode([&](const telemetry::NodeMetrics& each) {
      if (each.node == node(number).address().text()) sum += each.logins.value();
    });
    return sum;
  }

  upstream::Access access;
  std::uint64_t generation = 0;
};

}  // namespace

// --- shared links ---

TEST_CASE_METHOD(Changing, "a shared link says AUTH between its requests when the credentials change") {
  begin();
  const std::size_t connects = node(1).connects();
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  change("two");
  const Received auth = node(1).expects("AUTH two");
  CHECK(&auth.connection() == &first.connection());
  client.sends("SET a 1");
  const Received second = node(1).expects("SET a 1");
  CHECK(&second.connection() == &first.connection());
  first.replies(bulk("0"));
  auth.replies(kOk);
  second.replies(kOk);
  client.receives(bulk("0") + "+OK\r\n");
  othersTake("AUTH two");
  clock.advance(5min);
  node(1).expectsNothing();
  CHECK(node(1).connects() == connects);
  CHECK(logins(1) == 1);
  CHECK(access.verdicts->accepted);
  CHECK_FALSE(access.verdicts->refused);
}

TEST_CASE_METHOD(Changing, "a user is named where there is one, and the same access is not told twice") {
  begin();
  change("two", "one", "me");
  node(1).expects("AUTH me two").replies(kOk);
  othersTake("AUTH me two");
  worker().setAccess(access);
  worker().setConfig(config);
  clock.advance(1min);
  for (const std::size_t number : {1U, 2U, 3U}) node(number).expectsNothing();
}

TEST_CASE_METHOD(Changing, "with reauth-interval a link says AUTH again and again") {
  config.reauthInterval = 10s;
  begin();
  clock.advance(9900ms);
  node(1).expectsNothing();
  clock.advance(200ms);
  for (int times = 0; times < 3; ++times) {
    for (const std::size_t number : {1U, 2U, 3U}) node(number).expects("AUTH one").replies(kOk);
    clock.advance(9s);
    node(1).expectsNothing();
    clock.advance(1200ms);
  }
  for (const std::size_t number : {1U, 2U, 3U}) node(number).expects("AUTH one").replies(kOk);
}

TEST_CASE_METHOD(Changing, "a change during an AUTH is told after it") {
  begin();
  change("two");
  const Received first = node(1).expects("AUTH two");
  othersTake("AUTH two");
  change("three", "two");
  othersTake("AUTH three");
  node(1).expectsNothing();
  first.replies(kOk);
  clock.advance(100ms);
  node(1).expects("AUTH three").replies(kOk);
  clock.advance(1min);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Changing, "where the new password is refused the one before is said, and nothing is lost") {
  begin();
  change("two");
  const Received auth = node(1).expects("AUTH two");
  othersTake("AUTH two");
  client.sends("INCR a");
  const Received incr = node(1).expects("INCR a");
  auth.replies(kWrongPass);
  incr.replies(":1\r\n");
  client.receives(":1\r\n");
  node(1).expects("AUTH one").replies(kOk);
  CHECK(access.verdicts->refused);
  // Again after a pause, since the node may know it by now.
  clock.advance(900ms);
  node(1).expectsNothing();
  clock.advance(200ms);
  node(1).expects("AUTH two").replies(kOk);
  clock.advance(5min);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Changing,
                 "a link whose node takes no password goes on, and asks less and less, and then no more") {
  begin();
  const std::size_t connects = node(1).connects();
  change("two", "");
  othersTake("AUTH two");
  int asked = 0;
  for (int seconds = 0; seconds < 600; ++seconds) {
    while (auto next = node(1).next()) {
      CHECK(next->words() == Words{"AUTH", "two"});
      next->replies(kWrongPass);
      ++asked;
    }
    clock.advance(1s);
  }
  CHECK(asked == upstream::Login::kMostRefusals);
  CHECK(node(1).connects() == connects);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("0"));
  client.receives(bulk("0"));
  change("three", "");
  node(1).expects("AUTH three").replies(kOk);
  othersTake("AUTH three");
}

// --- greetings ---

TEST_CASE_METHOD(
    Changing, "a greeting that is refused is said again with the password before, on the same connection") {
  begin();
  change("two");
  node(1).expects("AUTH two").replies(kOk);
  othersTake("AUTH two");
  node(1).answersHandshake("AUTH two", std::string(kWrongPass));
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  const std::size_t connects = node(1).connects();
  const std::size_t said = node(1).handshakes().size();
  node(1).resets();
  clock.advance(10ms);
  CHECK(node(1).connects() == connects + 1);
  REQUIRE(node(1).handshakes().size() > said + 5);
  CHECK(node(1).handshakes()[said] == "AUTH two");
  CHECK(node(1).handshakes()[said + 5] == "AUTH one");
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("0"));
  client.receives(bulk("0"));
  // The next one begins with what was taken, so that refusals do not pile up …
  const std::size_t again = node(1).handshakes().size();
  node(1).resets();
  clock.advance(100ms);
  CHECK(node(1).handshakes()[again] == "AUTH one");
  // … until the new one is.
  node(1).answersHandshake("AUTH two", "+OK\r\n");
  clock.advance(2s);
  CHECK(node(1).handshakes().back() == "AUTH two");
  const std::size_t last = node(1).handshakes().size();
  node(1).resets();
  clock.advance(100ms);
  CHECK(node(1).handshakes()[last] == "AUTH two");
}

TEST_CASE_METHOD(
    Changing, "a node that takes no password is greeted more and more rarely, and at once with a new one") {
  begin();
  node(1).answersHandshake("AUTH one", std::string(kWrongPass));
  node(1).resets();
  client.sends("GET a");
  clock.advance(5s);
  const std::size_t before = node(1).connects();
  clock.advance(1min);
  CHECK(node(1).connects() - before <= 12);
  CHECK(node(1).connects() - before >= 5);
  client.receives(kNoMaster);
  client.sends("GET a");
  node(1).answersHandshake("AUTH two", "+OK\r\n");
  node(1).answersHandshake("AUTH one", std::string(kWrongPass));
  change("two");
  othersTake("AUTH two");
  clock.advance(100ms);
  node(1).expects("GET a").replies(bulk("0"));
  client.receives(bulk("0"));
}

// --- leases ---

TEST_CASE_METHOD(Changing,
                 "a lease that watches says AUTH before EXEC, and never inside of the transaction") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends("WATCH a");
  const Received watch = node(1).expects("WATCH a");
  change("two");
  node(1).expects("AUTH two").replies(kOk);  // the shared link's
  othersTake("AUTH two");
  node(1).expectsNothing();
  watch.replies(kOk);
  client.receives(kOk);
  clock.advance(100ms);
  const Received auth = node(1).expects("AUTH two");
  CHECK(&auth.connection() == &watch.connection());
  client.sends({"MULTI", "SET a 1", "EXEC"});
  const Batch batch(node(1), {"SET a 1"});
  CHECK(&batch.connection() == &watch.connection());
  auth.replies(kOk);
  batch.replies("*1\r\n+OK\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Changing, "a lease on which a client is blocked says AUTH when that is over") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  change("two");
  node(1).expects("AUTH two").replies(kOk);
  othersTake("AUTH two");
  clock.advance(5min);
  node(1).expectsNothing();
  const std::string popped = "*2\r\n" + bulk("a") + bulk("x");
  pop.replies(popped);
  client.receives(popped);
  clock.advance(100ms);
  const Received auth = node(1).expects("AUTH two");
  CHECK(&auth.connection() == &pop.connection());
  auth.replies(kOk);
  other.sends("BLPOP a 0");
  const Received next = node(1).expects("BLPOP a 0");
  CHECK(&next.connection() == &pop.connection());
  next.replies(popped);
  other.receives(popped);
}

// --- nodes that do not know the proxy any more ---

TEST_CASE_METHOD(Changing, "what a node refuses with NOAUTH is sent again in order, on another connection") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends({"INCR a", "GET a", "INCR a"});
  const Received first = node(1).expects("INCR a");
  const Received second = node(1).expects("GET a");
  const Received third = node(1).expects("INCR a");
  first.replies(":1\r\n");
  client.receives(":1\r\n");
  second.replies(kNoAuth);
  other.sends("SET d 1");  // of the same node
  node(1).expectsNothing();
  third.replies(kNoAuth);
  node(1).expects("SET d 1").replies(kOk);
  other.receives(kOk);
  clock.advance(60ms);
  const Received again = node(1).expects("GET a");
  const Received last = node(1).expects("INCR a");
  node(1).expectsNothing();
  CHECK(&again.connection() != &first.connection());
  CHECK(first.connection().closed());
  again.replies(bulk("1"));
  last.replies(":2\r\n");
  client.receives(bulk("1") + ":2\r\n");
}

TEST_CASE_METHOD(Changing, "NOAUTH does not reach clients before hold-timeout, and the node is not stormed") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  config.holdTimeout = 3s;
  worker().setConfig(config);
  const std::size_t connects = node(1).connects();
  client.sends("SET a 1");
  for (net::Millis waited{0}; waited < 4s; waited += 10ms) {
    settle();
    while (const auto next = node(1).next()) next->replies(kNoAuth);
    clock.advance(10ms);
  }
  CHECK(client.takes().starts_with("-"));
  CHECK(node(1).connects() - connects <= 12);
}

TEST_CASE_METHOD(Changing, "a transaction that is refused with NOAUTH as a whole is sent again as a whole") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends({"MULTI", "INCR a", "EXEC"});
  node(1).expects("MULTI").replies(kNoAuth);
  node(1).expects("INCR a").replies(kNoAuth);
  node(1).expects("EXEC").replies(kNoAuth);
  clock.advance(60ms);
  const Batch batch(node(1), {"INCR a"});
  batch.replies("*1\r\n:1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
}

TEST_CASE_METHOD(Changing, "a blocked command that is refused with NOAUTH is sent again on another lease") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  pop.replies(kNoAuth);
  clock.advance(200ms);
  const Received again = node(1).expects("BLPOP a 0");
  CHECK(&again.connection() != &pop.connection());
  again.replies("*2\r\n" + bulk("a") + bulk("x"));
  client.receives("*2\r\n" + bulk("a") + bulk("x"));
}

TEST_CASE_METHOD(Changing, "a script that may write is sent again once a plain read is refused as well") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends("EVAL x 1 a");
  node(1).expects("EVAL x 1 a").replies(kNoAuth);
  node(1).expects("EXISTS a").replies(kNoAuth);
  clock.advance(100ms);
  node(1).expects("EVAL x 1 a").replies(":1\r\n");
  client.receives(":1\r\n");
  // A script may say so itself.
  const std::size_t connects = node(1).connects();
  for (const std::string_view script : {"EVAL x 1 a", "EVAL_RO x 1 a"}) {
    client.sends(script);
    node(1).expects(script).replies(kNoAuth);
    node(1).expects("EXISTS a").replies(":1\r\n");
    client.receives(kNoAuth);
  }
  clock.advance(1s);
  CHECK(node(1).connects() == connects);
}

TEST_CASE_METHOD(Changing, "a script behind a command that was refused with NOAUTH has not been run either") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends({"GET a", "EVAL x 1 a"});
  const Received get = node(1).expects("GET a");
  const Received script = node(1).expects("EVAL x 1 a");
  get.replies(kNoAuth);
  script.replies(kNoAuth);
  clock.advance(100ms);
  node(1).expects("GET a").replies(bulk("0"));
  node(1).expects("EVAL x 1 a").replies(":1\r\n");
  client.receives(bulk("0") + ":1\r\n");
}

TEST_CASE_METHOD(Changing, "NOPERM is the client's, but not while the node may judge by the user before") {
  begin();
  client.sends("GET a");
  node(1).expects("GET a").replies(kNoPerm);
  client.receives(kNoPerm);
  client.sends("GET a");
  const Received early = node(1).expects("GET a");
  change("two", "one", "other");
  const Received auth = node(1).expects("AUTH other two");
  othersTake("AUTH other two");
  early.replies(kNoPerm);
  client.receivesNothing();
  auth.replies(kOk);
  clock.advance(60ms);
  node(1).expects("GET a").replies(kNoPerm);
  client.receives(kNoPerm);
}

// --- feeds ---

TEST_CASE_METHOD(Changing, "subscriptions log in anew on their connection, and miss nothing") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends("SUBSCRIBE a");
  const Received subscribe = node(1).expects("subscribe a");
  subscribe.replies(subscribed('>', "a"));
  client.receives(subscribed('*', "a"));
  change("two");
  node(1).expects("AUTH two").replies(kOk);  // the shared link's
  othersTake("AUTH two");
  clock.advance(250ms);
  const Received auth = node(1).expects("AUTH two");
  CHECK(&auth.connection() == &subscribe.connection());
  subscribe.replies(message("a", "before", '>'));
  auth.replies(kOk);
  subscribe.replies(message("a", "after", '>'));
  client.receives(message("a", "before", '*') + message("a", "after", '*'));
  clock.advance(10s);
  node(1).expectsNothing();
  CHECK_FALSE(subscribe.connection().closed());
  CHECK(metrics().pubsubGaps.value() == 0);
}

TEST_CASE_METHOD(Changing, "subscriptions stay where a node refuses the new password") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends("SUBSCRIBE a");
  const Received subscribe = node(1).expects("subscribe a");
  subscribe.replies(subscribed('>', "a"));
  client.receives(subscribed('*', "a"));
  node(1).answersHandshake("AUTH two", std::string(kWrongPass));
  change("two");
  othersTake("AUTH two");
  clock.advance(1s);
  subscribe.replies(message("a", "x", '>'));
  client.receives(message("a", "x", '*'));
  CHECK_FALSE(subscribe.connection().closed());
}

TEST_CASE_METHOD(Changing, "subscriptions at a node without RESP3 keep their connection as it is") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  node(1).answersHandshake("HELLO", "-ERR unknown command 'HELLO'\r\n");
  client.sends("SUBSCRIBE a");
  const Received subscribe = node(1).expects("subscribe a");
  subscribe.replies(subscribed('*', "a"));
  client.receives(subscribed('*', "a"));
  change("two");
  node(1).expects("AUTH two").replies(kOk);  // the shared link's
  othersTake("AUTH two");
  clock.advance(10s);
  node(1).expectsNothing();
  subscribe.replies(message("a", "x", '*'));
  client.receives(message("a", "x", '*'));
}

TEST_CASE_METHOD(Changing, "subscriptions that a node does not know any more are made again") {
  begin();
  node(1).answersHandshake("AUTH one", "+OK\r\n");
  client.sends("SUBSCRIBE a");
  const Received subscribe = node(1).expects("subscribe a");
  subscribe.replies(subscribed('>', "a"));
  client.receives(subscribed('*', "a"));
  clock.advance(5s);
  client.sends("SUBSCRIBE d");
  node(1).expects("subscribe d").replies(kNoAuth);
  clock.advance(100ms);
  for (int asked = 0; asked < 2; ++asked) {
    const Received again = node(1).expectsAny();
    again.replies(subscribed('>', again.words().back()));
  }
  client.receives("*3\r\n" + bulk("subscribe") + bulk("d") + ":2\r\n");
}

TEST_CASE_METHOD(Changing, "MONITOR's connections log in anew between two lines") {
  begin();
  for (const std::size_t number : {1U, 2U, 3U}) node(number).answersHandshake("AUTH one", "+OK\r\n");
  client.sends("MONITOR");
  const Received monitor = node(1).expects("MONITOR");
  monitor.replies(kOk);
  for (const std::size_t number : {2U, 3U}) node(number).expects("MONITOR").replies(kOk);
  client.receives(kOk);
  change("two");
  for (const std::size_t number : {1U, 2U, 3U}) node(number).expects("AUTH two").replies(kOk);
  clock.advance(250ms);
  const Received auth = node(1).expects("AUTH two");
  CHECK(&auth.connection() == &monitor.connection());
  auth.replies(kOk);
  for (const std::size_t number : {2U, 3U}) node(number).expects("AUTH two").replies(kOk);
  monitor.replies("+1.5 [0 9.9.9.9:1] \"get\" \"a\"\r\n");
  CHECK(client.takes().find("\"get\" \"a\"") != std::string::npos);
}

}  // namespace slotless::test
