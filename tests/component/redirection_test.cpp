// CLIENT TRACKING ... REDIRECT: what nodes tell the ears beside a client's leases goes to another client.
#include <array>

#include "stage.h"

namespace slotless::test {

namespace {
// What every node says the number of every connection is.
constexpr std::string_view kEar = "7";
constexpr std::string_view kToEar = "CLIENT TRACKING ON REDIRECT 7";
constexpr std::string_view kMessage = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";

std::string keyList(std::string_view key) {
  return "*1\r\n" + bulk(key);
}
// `client` tracks, `other` is told.
struct Redirected : Stage {
  Redirected() {
    for (std::size_t i = 1; i <= kNodes; ++i) {
      node(i).answersHandshake("HELLO", "%1\r\n+proto\r\n:3\r\n");
      node(i).answersHandshake("CLIENT", ":" + std::string(kEar) + "\r\n");
    }
  }
  void hello(FakeClient& who) {
    who.sends("HELLO 3");
    who.takes();
  }
  std::string idOf(FakeClient& who) {
    who.sends("CLIENT ID");
    const std::string reply = who.takes();
    return reply.substr(1, reply.size() - 3);
  }
  void confirms(std::size_t number, std::string_view command = kToEar) {
    const Received asked = node(number).expects(command);
    voices[number] = &asked.connection();
    ears[number] = &node(number).connection();  // the newest
    asked.replies(kOk);
  }
  void redirect() {
    client.sends("CLIENT TRACKING ON REDIRECT " + idOf(other));
    for (std::size_t i = 1; i <= kNodes; ++i) confirms(i);
    client.receives(kOk);
    CHECK(metrics().trackingLeases.value() == static_cast<std::int64_t>(2 * kNodes));
  }
  void hears(std::size_t number, std::string_view push) {
    ears.at(number)->push(push);
    settle();
  }
  void reads(std::string_view key, std::size_t number) {
    client.sends("GET " + std::string(key));
    const Received get = node(number).expects("GET " + std::string(key));
    CHECK(&get.connection() == voices.at(number));
    get.replies(bulk("1"));
    client.receives(bulk("1"));
  }
  std::array<FakeConnection*, kNodes + 1> voices{};
  std::array<FakeConnection*, kNodes + 1> ears{};
};
}  // namespace

TEST_CASE_METHOD(Redirected, "redirection: the other client is told of what a RESP2 client has read") {
  hello(other);
  redirect();
  CHECK(voices[1] != ears[1]);
  reads("a", 1);
  hears(1, invalidation("a"));
  other.receives(invalidation("a"));
  hears(2, invalidation("b"));
  other.receives(invalidation("b"));
  client.receivesNothing();
  client.sends({"CLIENT GETREDIR", "CLIENT INFO"});
  const std::string info = client.takes();
  CHECK(info.starts_with(":" + idOf(other) + "\r\n"));
  CHECK(info.find(" flags=t ") != std::string::npos);
  CHECK(info.find(" redir=" + idOf(other) + " ") != std::string::npos);
}

TEST_CASE_METHOD(Redirected, "redirection: a RESP2 client is told if it has subscribed, by a message") {
  redirect();
  hears(1, invalidation("a"));
  other.receivesNothing();
  other.sends("SUBSCRIBE x");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    if (node(i).unexpected() > 0)
      node(i).expects("subscribe x").replies("*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
  }
  other.receives("*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
  hears(1, invalidation("a"));
  other.receives(std::string(kMessage) + keyList("a"));
  for (std::size_t i = 1; i <= kNodes; ++i) hears(i, kFlush);
  other.receives(std::string(kMessage) + "$-1\r\n");
}

TEST_CASE_METHOD(Redirected, "redirection: several clients may redirect to the same one, or to themselves") {
  hello(other);
  redirect();
  FakeClient& third = addClient();
  third.sends("CLIENT TRACKING ON REDIRECT " + idOf(other));
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i);
  third.receives(kOk);
  hears(1, invalidation("a"));
  other.receives(invalidation("a"));
  hello(third);
  third.sends("CLIENT TRACKING ON REDIRECT " + idOf(third));
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects(kToEar).replies(kOk);
  third.receives(kOk);
  hears(1, invalidation("d"));
  third.receives(invalidation("d"));
}

TEST_CASE_METHOD(Redirected, "redirection: nobody by that number is an error, also to turn it off") {
  client.sends({"CLIENT TRACKING ON REDIRECT 4711", "CLIENT TRACKING OFF REDIRECT 4711",
                "CLIENT TRACKING ON REDIRECT 0", "CLIENT GETREDIR"});
  const std::string error = "-ERR The client ID you want redirect to does not exist\r\n";
  client.receives(error + error + error + ":-1\r\n");
}

TEST_CASE_METHOD(Redirected, "redirection: a RESP3 client is told when the other one has left, each time") {
  hello(client);
  redirect();
  const std::string id = idOf(other);
  other.leaves();
  client.receivesNothing();
  for (int i = 0; i < 2; ++i) {
    hears(1, invalidation("a"));
    client.receives(">2\r\n$21\r\ntracking-redir-broken\r\n:" + id + "\r\n");
  }
  client.sends("CLIENT TRACKINGINFO");
  CHECK(client.takes().find("broken_redirect") != std::string::npos);
  client.sends("CLIENT TRACKING OFF");
  client.receives(kOk);
  client.sends("CLIENT TRACKINGINFO");
  CHECK(client.takes().find("broken_redirect") == std::string::npos);
}

TEST_CASE_METHOD(Redirected, "redirection: a RESP2 client hears nothing of the other one's end") {
  redirect();
  other.leaves();
  hears(1, invalidation("a"));
  client.receivesNothing();
  client.sends("CLIENT INFO");
  CHECK(client.takes().find(" flags=tR ") != std::string::npos);
}

TEST_CASE_METHOD(Redirected, "redirection: HELLO 3 goes on by the same leases, and forgets nothing") {
  hello(other);
  redirect();
  reads("a", 1);
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).answersHandshake("HELLO", "");  // the test answers
  client.sends({"HELLO 3", "GET a"});
  client.takes();
  for (std::size_t i = 1; i <= kNodes; ++i) CHECK(node(i).handshakes().back() == "HELLO 3");
  node(1).expectsNothing();  // a reply of the other protocol must not come
  voices[1]->push("%1\r\n+proto\r\n:3\r\n");
  settle();
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == voices[1]);
  get.replies("_\r\n");
  client.receives("_\r\n");
  hears(1, invalidation("a"));
  other.receives(invalidation("a"));
  CHECK(metrics().trackingFlushes.value() == 0);
}

TEST_CASE_METHOD(Redirected, "redirection: a RESP3 client that begins to redirect keeps its leases") {
  hello(other);
  hello(client);
  client.sends("CLIENT TRACKING ON");
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i, "CLIENT TRACKING ON");
  client.receives(kOk);
  reads("a", 1);
  client.sends("CLIENT TRACKING ON REDIRECT " + idOf(other));
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received told = node(i).expects("CLIENT TRACKING ON");
    CHECK(&told.connection() == voices[i]);
    told.replies(kOk);
  }
  client.receives(kOk);
  voices[1]->push(invalidation("a"));
  settle();
  other.receives(invalidation("a"));
  client.receivesNothing();
  // Back in RESP2 those push nothing: others with ears take their place, which have to forget.
  client.sends("HELLO 2");
  client.takes();
  clock.advance(100ms);
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i);
  other.receives(kFlush);
  reads("a", 1);
}

TEST_CASE_METHOD(Redirected,
                 "redirection: without its ear a lease ends when its replies are in, and all is void") {
  hello(other);
  redirect();
  client.sends({"SET a 1", "GET a"});
  const Received set = node(1).expects("SET a 1");
  const Received get = node(1).expects("GET a");
  ears[1]->reset();
  settle();
  other.receives(kFlush);
  set.replies(kOk);
  get.replies(bulk("1"));
  client.receives(std::string(kOk) + bulk("1"));
  FakeConnection* before = voices[1];
  clock.advance(100ms);
  CHECK(before->closed());
  confirms(1);
  other.receives(kFlush);  // for what was read at last
  reads("a", 1);
  CHECK(metrics().trackingLeases.value() == static_cast<std::int64_t>(2 * kNodes));
}

// --- with users ---

namespace {
constexpr std::string_view kNoSuchClient = "-ERR The client ID you want redirect to does not exist\r\n";

struct OfUsers : Redirected {
  OfUsers() {
    config.users = {"user default off", "user root on >root ~* &* +@all",
                    "user one on >one ~* &* +@all -@admin -@dangerous",
                    "user two on >two ~* &* +@all -@admin -@dangerous"};
  }
  void enters(FakeClient& who, const std::string& name, int protocol = 3) {
    who.sends("HELLO " + std::to_string(protocol) + " AUTH " + name + " " + name);
    CHECK(who.takes().find("proto") != std::string::npos);
  }
};
}  // namespace

TEST_CASE_METHOD(OfUsers, "redirection: with users only to clients of the same one, or by an administrator") {
  workers = 2;
  FakeClient& near = addClient();
  FakeClient& far = addClient(1);
  enters(client, "one", 2);
  for (FakeClient* target : {&near, &far}) {
    enters(*target, "two");
    client.sends("CLIENT TRACKING ON REDIRECT " + idOf(*target));
    client.receives(kNoSuchClient);
    client.sends("CLIENT TRACKING ON REDIRECT 999999");
    client.receives(kNoSuchClient);
  }
  enters(far, "one");
  client.sends("CLIENT TRACKING ON REDIRECT " + idOf(far));
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i);
  client.receives(kOk);
  hears(1, invalidation("a"));
  far.receives(invalidation("a"));
  enters(other, "root", 2);
  other.sends("CLIENT TRACKING ON REDIRECT " + idOf(near));
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i);
  other.receives(kOk);
  hears(1, invalidation("b"));
  near.receives(invalidation("b"));
}

TEST_CASE_METHOD(OfUsers, "redirection: who logs in as somebody else is told no more, and counts as gone") {
  enters(client, "one");
  enters(other, "one");
  redirect();
  hears(1, invalidation("a"));
  other.receives(invalidation("a"));
  enters(other, "two");
  hears(1, invalidation("b"));
  other.receivesNothing();
  client.receives(">2\r\n$21\r\ntracking-redir-broken\r\n:" + idOf(other) + "\r\n");
  enters(other, "one");
  hears(1, invalidation("c"));
  other.receives(invalidation("c"));
}

TEST_CASE_METHOD(OfUsers, "redirection: who has asked for it and logs in as somebody else tells its own") {
  enters(client, "one", 2);
  enters(other, "one");
  redirect();
  enters(client, "two", 2);
  hears(1, invalidation("a"));
  other.receivesNothing();
}

TEST_CASE_METHOD(Redirected, "redirection: an idle lease goes with its ear, and the ear with its lease") {
  hello(other);
  redirect();
  for (auto* each : {ears[1], voices[2]}) {
    each->reset();
    settle();
    other.receives(kFlush);
  }
  CHECK(voices[1]->closed());
  CHECK(ears[2]->closed());
  clock.advance(100ms);
  confirms(1);
  confirms(2);
  reads("a", 1);
  reads("b", 2);
}

TEST_CASE_METHOD(Redirected, "redirection: FLUSHDB of a pinned database is told once") {
  config.databases = 2;
  config.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a"}};
  hello(other);
  redirect();
  client.sends({"SELECT 1", "MULTI", "FLUSHDB", "EXEC"});
  node(1).expects("MULTI");
  node(1).expectsAny();
  node(1).expects("EXEC").replies("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
  client.receives("+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
  other.receives(kFlush);
  hears(1, invalidation("~1{a}x"));
  other.receivesNothing();
}

TEST_CASE_METHOD(Redirected, "redirection: both connections count for the budget") {
  config.leaseMaxTracking = 5;
  hello(other);
  client.sends("CLIENT TRACKING ON REDIRECT " + idOf(other));
  clock.advance(20s);
  CHECK(client.takes().starts_with("-ERR max number of leased connections reached"));
  CHECK(metrics().trackingLeases.value() == 0);
}

TEST_CASE_METHOD(Redirected, "redirection: what was read in RESP2 before it was asked for is void") {
  hello(other);
  client.sends({"CLIENT TRACKING ON", "GET a"});
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(std::string(kOk) + bulk("1"));
  redirect();
  other.receives(kFlush);
  client.sends("CLIENT TRACKING ON");
  client.receives(kOk);
  clock.advance(100ms);
  CHECK(metrics().trackingLeases.value() == 0);
  hello(client);
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i, "CLIENT TRACKING ON");
  clock.advance(1s);
  client.receivesNothing();
}

}  // namespace slotless::test
