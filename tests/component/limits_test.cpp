// Limits: how many clients an address or a user may have, how much they may ask for, and what becomes of what
// is too much.
#include <functional>
#include <string>
#include <vector>

#include "config/listener.h"
#include "stage.h"

namespace slotless::test {

namespace {

using telemetry::Limit;

constexpr std::string_view kTooManyOfUser = "-ERR max number of clients of this user reached\r\n";
constexpr std::string_view kExceeded = "-ERR rate limit exceeded: ";

struct Limits : Stage {
  // A user "app" with these words, beside one that may do everything.
  void limitUser(const std::string& words) {
    config.users = {"user default off", "user root on >root ~* &* +@all",
                    "user app on >app ~* &* +@all " + words};
  }
  void enters(FakeClient& who, const std::string& name = "app") {
    who.sends("AUTH " + name + " " + name);
    who.receives(kOk);
  }
  access::Budget& budgetOf(const std::string& user) { return *control.budgets().ofUser(user, loop.now()); }
};

}  // namespace

// --- requests that are too many: limit × every way to hit it × action ---

namespace {

// A way to ask for something, and what has to be done for its answer.
struct Way {
  const char* name;
  std::string bytes;
  std::string reply;
  std::function<void(Stage&)> serve = [](Stage&) {};
};

const std::vector<Way>& ways() {
  static const auto served = [](const char* text, const char* reply) {
    return [=](Stage& stage) { stage.node(1).expects(text).replies(reply); };
  };
  static const std::vector<Way> all = {
      {"a plain command", request("GET a"), bulk("1"), served("GET a", "$1\r\n1\r\n")},
      {"a command that takes the long way", request("SINTERCARD 1 a"), ":0\r\n",
       served("SINTERCARD 1 a", ":0\r\n")},
      {"inline", "GET a\r\n", bulk("1"), served("GET a", "$1\r\n1\r\n")},
      {"a command that the proxy answers", request("PING"), std::string(kPong)},
      {"a command that is not known", request("BOGUS"),
       "-ERR unknown command 'BOGUS', with args beginning with: \r\n"},
      {"a command with too few arguments", request("GET"),
       "-ERR wrong number of arguments for 'get' command\r\n"},
      {"a script", request("EVAL x 1 a"), ":1\r\n", served("EVAL x 1 a", ":1\r\n")},
      {"the beginning of a transaction", request("MULTI"), std::string(kOk)},
      {"a subscription", request("SUBSCRIBE a"), "*3\r\n" + bulk("subscribe") + bulk("a") + ":1\r\n",
       served("subscribe a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")},
      {"what blocks", request("BLPOP a 0"), "*-1\r\n", served("BLPOP a 0", "*-1\r\n")},
  };
  return all;
}

// A limit that lets one request through, and the next one after a second.
struct RateLimit {
  const char* name;
  std::function<void(Limits&)> set;
  Limit counted;
  bool ofUser;
  std::string error;
};

const std::vector<RateLimit>& rateLimits() {
  static const std::vector<RateLimit> all = {
      {"requests of a user", [](Limits& stage) { stage.limitUser("requests-per-second=1"); },
       Limit::RequestRate, true, "this user may make 1 requests a second\r\n"},
      {"bytes of a user", [](Limits& stage) { stage.limitUser("bytes-per-second=1kb"); }, Limit::ByteRate,
       true, "this user may use 1kb a second\r\n"},
      {"requests of an address", [](Limits& stage) { stage.config.requestRatePerAddress = 1; },
       Limit::RequestRate, false, "this address may make 1 requests a second\r\n"},
      {"requests of an address at one listener",
       [](Limits& stage) { stage.config.listen[0].options.requestRatePerAddress = 1; }, Limit::RequestRate,
       false, "this address may make 1 requests a second\r\n"},
      {"bytes of an address", [](Limits& stage) { stage.config.byteRatePerAddress = 1024; }, Limit::ByteRate,
       false, "this address may use 1kb a second\r\n"},
  };
  return all;
}

// Spends what is there.
void spend(Limits& stage, const RateLimit& limit) {
  if (limit.ofUser) stage.enters(stage.other);
  const std::string much(5000, 'x');
  stage.other.sends("ECHO " + much);
  stage.other.receives(bulk(much));
  if (limit.ofUser) stage.enters(stage.client);
}

}  // namespace

TEST_CASE("every request beyond a rate waits for its turn, whatever it is and whichever rate") {
  for (const RateLimit& limit : rateLimits()) {
    for (const Way& way : ways()) {
      INFO(limit.name << ", " << way.name);
      Limits stage;
      limit.set(stage);
      spend(stage, limit);
      const std::uint64_t before = stage.limitHits(limit.counted);
      stage.client.sendsBytes(way.bytes);
      stage.client.receivesNothing();
      // Asked once more, it does not pay once more.
      stage.settle();
      CHECK(stage.metrics().delayedClients.value() == 1);
      CHECK(stage.limitHits(limit.counted) == before + 1);
      stage.clock.advance(999ms);
      stage.client.receivesNothing();
      // Of bytes there are some for longer.
      for (int i = 0; i < 300 && stage.metrics().delayedClients.value() > 0; ++i) stage.clock.advance(50ms);
      way.serve(stage);
      stage.client.receives(way.reply);
    }
  }
}

TEST_CASE("every request beyond a rate gets an error, if that is what is wanted") {
  for (const RateLimit& limit : rateLimits()) {
    for (const Way& way : ways()) {
      INFO(limit.name << ", " << way.name);
      Limits stage;
      limit.set(stage);
      spend(stage, limit);
      stage.config.limitAction = config::LimitAction::Error;
      stage.worker().setConfig(stage.config);
      stage.client.sendsBytes(way.bytes);
      stage.client.receives(std::string(kExceeded) + limit.error);
      CHECK(stage.limitHits(limit.counted) > 0);
      CHECK(stage.metrics().delayedClients.value() == 0);
      stage.clock.advance(30s);
      stage.client.sendsBytes(way.bytes);
      way.serve(stage);
      stage.client.receives(way.reply);
    }
  }
}

TEST_CASE_METHOD(Limits, "a second's worth goes through at once, and the rest at the rate, in its order") {
  limitUser("requests-per-second=10");
  enters(client);  // which is none of the user's
  std::string expected;
  std::string pipeline;
  for (int i = 0; i < 15; ++i) {
    pipeline += request("ECHO " + std::to_string(i));
    if (i < 10) expected += bulk(std::to_string(i));
  }
  client.sendsBytes(pipeline);
  client.receives(expected);
  CHECK_FALSE(client.isRead());
  for (int i = 10; i < 15; ++i) {
    clock.advance(99ms);
    client.receivesNothing();
    clock.advance(1ms);
    client.receives(bulk(std::to_string(i)));
  }
  CHECK(client.isRead());
}

TEST_CASE_METHOD(Limits, "all clients of a user share its rate, on all workers, and others notice nothing") {
  workers = 2;
  limitUser("requests-per-second=2");
  FakeClient& elsewhere = addClient(1);
  enters(client);
  enters(elsewhere);
  enters(other, "root");
  client.sends("PING");
  elsewhere.sends("PING");
  client.receives(kPong);
  elsewhere.receives(kPong);
  client.sends("PING");
  elsewhere.sends("PING");
  client.receivesNothing();
  elsewhere.receivesNothing();
  for (int i = 0; i < 100; ++i) other.sends("PING");
  CHECK(other.takes().size() == 100 * kPong.size());
  clock.advance(500ms);
  client.receives(kPong);
  elsewhere.receivesNothing();
  clock.advance(500ms);
  elsewhere.receives(kPong);
}

TEST_CASE_METHOD(Limits, "nobody gets round a rate by connecting anew") {
  limitUser("requests-per-second=1");
  enters(client);
  client.sends({"PING", "PING"});
  client.receives(kPong);
  client.resets();
  enters(other);
  other.sends("PING");
  clock.advance(1s);  // the turn of who has left
  other.receivesNothing();
  clock.advance(1s);
  other.receives(kPong);
}

TEST_CASE_METHOD(Limits, "to leave is no request, but what has been sent is paid for") {
  limitUser("requests-per-second=1 bytes-per-second=1000");
  enters(client);
  client.sends("PING");
  client.receives(kPong);
  client.leaves();
  clock.advance(1s);
  enters(other);
  other.sends("GET a");
  const std::string large(3000, 'x');
  node(1).expects("GET a").replies(bulk(large));
  other.receives(bulk(large));
  other.leaves();
  FakeClient& next = addClient();
  enters(next);
  next.sends("PING");
  clock.advance(1900ms);
  next.receivesNothing();
  clock.advance(300ms);
  next.receives(kPong);
}

TEST_CASE_METHOD(Limits, "bytes are counted both ways") {
  limitUser("bytes-per-second=1000");
  enters(client);
  const std::string large(3000, 'x');
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk(large));
  client.receives(bulk(large));
  client.sends("PING");
  clock.advance(2s);
  client.receivesNothing();
  clock.advance(200ms);
  client.receives(kPong);
}

TEST_CASE_METHOD(Limits, "a transaction of which a command is beyond the rate is not carried out") {
  limitUser("requests-per-second=2 limit-action=error");
  enters(client);
  client.sends({"MULTI", "SET a 1", "SET a 2"});
  const std::string error = std::string(kExceeded) + "this user may make 2 requests a second\r\n";
  client.receives("+OK\r\n+QUEUED\r\n" + error);
  clock.advance(1s);
  client.sends("EXEC");
  client.receives(aborted(error));
}

TEST_CASE_METHOD(Limits, "a rate can be changed for clients that are there") {
  limitUser("requests-per-second=1");
  enters(client);
  enters(other, "root");
  client.sends({"PING", "PING"});
  client.receives(kPong);
  other.sends("ACL SETUSER app requests-per-second=any");
  other.receives(kOk);
  clock.advance(1s);
  client.receives(kPong);
  client.sends({"PING", "PING", "PING"});
  CHECK(client.takes().size() == 3 * kPong.size());
  config.requestRatePerAddress = 1;
  worker().setConfig(config);
  client.sends({"PING", "PING"});
  client.receives(kPong);
  clock.advance(1s);
  client.receives(kPong);
}

TEST_CASE_METHOD(Limits, "who waits costs nothing meanwhile") {
  limitUser("requests-per-second=1");
  enters(client);
  client.sends({"PING", "PING"});
  client.receives(kPong);
  const std::size_t reads = client.connection().readCalls();
  clock.advance(900ms);
  CHECK(client.connection().readCalls() == reads);
  clock.advance(100ms);
  client.receives(kPong);
}

// --- in flight ---

TEST_CASE_METHOD(Limits, "so many requests of a user are in flight, over all its clients and workers") {
  workers = 2;
  limitUser("in-flight=2");
  FakeClient& elsewhere = addClient(1);
  enters(client);
  enters(elsewhere);
  enters(other);
  client.sends("GET a");
  elsewhere.sends("GET a");
  other.sends("GET a");
  const Received first = node(1).expects("GET a");
  const Received second = node(1).expects("GET a");
  node(1).expectsNothing();
  CHECK(budgetOf("app").inFlight.load() == 2);
  CHECK(limitHits(Limit::InFlightPerUser) == 1);
  second.replies(bulk("1"));
  const Received third = node(1).expects("GET a");
  first.replies(bulk("1"));
  third.replies(bulk("1"));
  client.receives(bulk("1"));
  elsewhere.receives(bulk("1"));
  other.receives(bulk("1"));
  CHECK(budgetOf("app").inFlight.load() == 0);
}

TEST_CASE_METHOD(Limits, "a pipeline counts by what is not answered") {
  limitUser("in-flight=2");
  enters(client);
  client.sends({"GET a", "GET a", "GET a"});
  const Received first = node(1).expects("GET a");
  const Received second = node(1).expects("GET a");
  node(1).expectsNothing();
  first.replies(bulk("1"));
  const Received third = node(1).expects("GET a");
  second.replies(bulk("2"));
  third.replies(bulk("3"));
  client.receives(bulk("1") + bulk("2") + bulk("3"));
}

TEST_CASE_METHOD(Limits, "too many in flight is an error, if that is what is wanted") {
  limitUser("in-flight=1 limit-action=error");
  enters(client);
  enters(other);
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  other.sends("GET a");
  other.receives(std::string(kExceeded) +
                 "this user has 1 requests in flight, which are all that it may have\r\n");
  first.replies(bulk("1"));
  client.receives(bulk("1"));
  other.sends("PING");
  other.receives(kPong);
}

TEST_CASE_METHOD(Limits, "who blocks is waiting and not in flight, so that its own user can wake it") {
  limitUser("in-flight=1");
  enters(client);
  enters(other);
  client.sends("BLPOP a 0");
  const Received blocked = node(1).expects("BLPOP a 0");
  other.sends("RPUSH a x");
  node(1).expects("RPUSH a x").replies(":1\r\n");
  other.receives(":1\r\n");
  blocked.replies("*2\r\n" + bulk("a") + bulk("x"));
  client.receives("*2\r\n" + bulk("a") + bulk("x"));
}

TEST_CASE_METHOD(Limits,
                 "who leaves makes room for those who wait, and who waits and leaves is not waited for") {
  limitUser("in-flight=1");
  enters(client);
  enters(other);
  FakeClient& third = addClient();
  enters(third);
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  other.sends("GET a");
  third.sends("GET a");
  node(1).expectsNothing();
  other.resets();
  client.resets();
  first.replies(bulk("0"));
  // Nobody has noticed yet that this one has left.
  node(1).expects("GET a").replies(bulk("1"));
  node(1).expects("GET a").replies(bulk("2"));
  third.receives(bulk("2"));
}

// A limit of requests in flight, and what is said of it.
struct InFlight {
  const char* name;
  std::function<void(Limits&, std::uint64_t)> set;
  Limit counted;
  std::string error;

  static access::Budget& budgetIn(Limits& stage, Limit counted) {
    if (counted == Limit::InFlightPerUser) return stage.budgetOf("app");
    return *stage.control.budgets().ofAddress("127.0.0.1", stage.loop.now());
  }
};

const std::vector<InFlight>& inFlightLimits() {
  static const std::vector<InFlight> all = {
      {"of a user",
       [](Limits& stage, std::uint64_t most) { stage.limitUser("in-flight=" + std::to_string(most)); },
       Limit::InFlightPerUser, "this user has "},
      {"of an address",
       [](Limits& stage, std::uint64_t most) {
         stage.limitUser("");
         stage.config.maxInFlightPerAddress = most;
       },
       Limit::InFlightPerAddress, "this address has "},
      {"of an address at one listener",
       [](Limits& stage, std::uint64_t most) {
         stage.limitUser("");
         stage.config.maxInFlightPerAddress = 1000;
         stage.config.listen[0].options.maxInFlightPerAddress = most;
       },
       Limit::InFlightPerAddress, "this address has "},
  };
  return all;
}

TEST_CASE("so many requests are in flight, over all clients and workers, of a user or of an address") {
  for (const InFlight& limit : inFlightLimits()) {
    INFO(limit.name);
    Limits stage;
    stage.workers = 2;
    limit.set(stage, 2);
    FakeClient& elsewhere = stage.addClient(1);
    for (FakeClient* each : {&stage.client, &elsewhere, &stage.other}) stage.enters(*each);
    for (FakeClient* each : {&stage.client, &elsewhere, &stage.other}) each->sends("GET a");
    const Received first = stage.node(1).expects("GET a");
    const Received second = stage.node(1).expects("GET a");
    stage.node(1).expectsNothing();
    CHECK(stage.limitHits(limit.counted) == 1);
    CHECK(stage.metrics().delayedClients.value() == 1);
    CHECK_FALSE(stage.other.isRead());
    access::Budget& budget = InFlight::budgetIn(stage, limit.counted);
    CHECK(budget.inFlight.load() == 2);
    second.replies(bulk("2"));
    const Received third = stage.node(1).expects("GET a");
    first.replies(bulk("1"));
    third.replies(bulk("3"));
    for (FakeClient* each : {&stage.client, &elsewhere, &stage.other}) CHECK_FALSE(each->takes().empty());
    CHECK(budget.inFlight.load() == 0);
    CHECK(stage.metrics().delayedClients.value() == 0);
    CHECK(stage.other.isRead());
  }
}

TEST_CASE("what is beyond a limit in flight gets an error, if that is what is wanted, whatever it is") {
  for (const InFlight& limit : inFlightLimits()) {
    for (const Way& way : ways()) {
      INFO(limit.name << ", " << way.name);
      if (std::string(way.name) == "what blocks") continue;  // which is not counted
      Limits stage;
      limit.set(stage, 1);
      stage.config.limitAction = config::LimitAction::Error;
      stage.enters(stage.client);
      stage.enters(stage.other);
      stage.client.sends("GET b");
      const Received first = stage.node(2).expects("GET b");
      stage.other.sendsBytes(way.bytes);
      stage.other.receives(std::string(kExceeded) + limit.error +
                           "1 requests in flight, which are all that it may have\r\n");
      CHECK(stage.limitHits(limit.counted) == 1);
      CHECK(stage.metrics().delayedClients.value() == 0);
      first.replies(bulk("1"));
      stage.client.receives(bulk("1"));
      stage.other.sendsBytes(way.bytes);
      way.serve(stage);
      stage.other.receives(way.reply);
    }
  }
}

TEST_CASE("what is beyond a limit in flight waits for its turn, whatever it is") {
  for (const InFlight& limit : inFlightLimits()) {
    for (const Way& way : ways()) {
      INFO(limit.name << ", " << way.name);
      const bool counts = std::string(way.name) != "what blocks";
      Limits stage;
      limit.set(stage, 1);
      stage.enters(stage.client);
      stage.enters(stage.other);
      stage.client.sends("GET b");
      const Received first = stage.node(2).expects("GET b");
      stage.other.sendsBytes(way.bytes);
      if (counts) {
        stage.other.receivesNothing();
        stage.node(1).expectsNothing();
        first.replies(bulk("1"));
      }
      way.serve(stage);
      stage.other.receives(way.reply);
      if (!counts) first.replies(bulk("1"));
      stage.client.receives(bulk("1"));
    }
  }
}

TEST_CASE_METHOD(Limits,
                 "other addresses have requests in flight of their own, and Unix sockets any number") {
  config.maxInFlightPerAddress = 1;
  clientHost = "10.0.0.1";
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  for (const char* host : {"10.0.0.2", "fd00::1", "/run/a.sock", "/run/a.sock"}) {
    INFO(host);
    clientHost = host;
    FakeClient& each = addClient();
    each.sends("GET b");
    node(2).expects("GET b").replies(bulk("2"));
    each.receives(bulk("2"));
  }
  clientHost = "fd00::2";  // in the same /64 as one that has none
  FakeClient& neighbour = addClient();
  neighbour.sends("GET b");
  const Received second = node(2).expects("GET b");
  clientHost = "fd00::3";
  FakeClient& next = addClient();
  next.sends("GET a");
  node(1).expectsNothing();
  second.replies(bulk("2"));
  neighbour.receives(bulk("2"));
  node(1).expects("GET a");
  first.replies(bulk("1") + bulk("3"));
  client.receives(bulk("1"));
  next.receives(bulk("3"));
}

TEST_CASE_METHOD(Limits, "who waits for its user keeps no place of its address, and the other way round") {
  limitUser("in-flight=1");
  config.maxInFlightPerAddress = 2;
  FakeClient& third = addClient();
  FakeClient& fourth = addClient();
  enters(client);
  enters(other);
  enters(third, "root");
  enters(fourth, "root");
  const access::Budget& address = *control.budgets().ofAddress("127.0.0.1", loop.now());
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  other.sends("GET a");
  node(1).expectsNothing();
  CHECK(limitHits(Limit::InFlightPerUser) == 1);
  CHECK(address.inFlight.load() == 1);
  third.sends("GET b");
  const Received second = node(2).expects("GET b");
  // Now both are spent.
  CHECK(address.inFlight.load() == 2);
  fourth.sends("GET b");
  node(2).expectsNothing();
  CHECK(limitHits(Limit::InFlightPerAddress) == 1);
  second.replies(bulk("2"));
  third.receives(bulk("2"));
  node(2).expects("GET b").replies(bulk("3"));
  fourth.receives(bulk("3"));
  first.replies(bulk("1"));
  client.receives(bulk("1"));
  node(1).expects("GET a").replies(bulk("4"));
  other.receives(bulk("4"));
}

TEST_CASE_METHOD(Limits, "of two listeners each waits for its own number of requests in flight") {
  config.maxInFlightPerAddress = 2;
  config.listen.push_back(*config::parseListen("127.0.0.1:2?max-in-flight-per-address=1").value);
  client.sends("GET a");
  const Received one = node(1).expects("GET a");
  FakeClient& second = addClient();
  second.sends("GET a");
  const Received two = node(1).expects("GET a");
  FakeClient& last = addClient();
  last.receivesNothing();  // it has come to the first listener
  listener = 1;
  FakeClient& strict = addClient();
  strict.sends("GET c");
  last.sends("GET b");
  node(2).expectsNothing();
  node(3).expectsNothing();
  one.replies(bulk("1"));
  client.receives(bulk("1"));
  // Who came first and may not go on yet is in nobody's way.
  const Received three = node(2).expects("GET b");
  node(3).expectsNothing();
  two.replies(bulk("2"));
  second.receives(bulk("2"));
  node(3).expectsNothing();
  three.replies(bulk("3"));
  last.receives(bulk("3"));
  node(3).expects("GET c").replies(bulk("4"));
  strict.receives(bulk("4"));
}

TEST_CASE_METHOD(Limits, "a limit of requests in flight that is raised lets those go on at once who wait") {
  config.maxInFlightPerAddress = 1;
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  other.sends("GET b");
  node(2).expectsNothing();
  SECTION("to more") {
    config.maxInFlightPerAddress = 2;
  }
  SECTION("to any number") {
    config.maxInFlightPerAddress = 0;
  }
  worker().setConfig(config);
  node(2).expects("GET b").replies(bulk("2"));
  other.receives(bulk("2"));
  first.replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(metrics().delayedClients.value() == 0);
}

TEST_CASE_METHOD(Limits, "who logs in as somebody else waits for that user's room only") {
  limitUser("in-flight=1");
  config.users.push_back("user next on >next ~* &* +@all in-flight=1");
  FakeClient& third = addClient();
  enters(client);
  enters(other);
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  other.sends("GET b");
  node(2).expectsNothing();
  first.replies(bulk("1"));
  client.receives(bulk("1"));
  node(2).expects("GET b").replies(bulk("2"));
  other.receives(bulk("2"));
  client.sends("GET a");
  const Received again = node(1).expects("GET a");
  enters(third, "next");
  third.sends("GET b");
  const Received theirs = node(2).expects("GET b");
  other.sends("AUTH next next");  // which waits for the one before
  other.receivesNothing();
  again.replies(bulk("1"));
  client.receives(bulk("1"));
  other.receives(kOk);
  other.sends("GET b");
  node(2).expectsNothing();
  theirs.replies(bulk("3"));
  third.receives(bulk("3"));
  node(2).expects("GET b").replies(bulk("4"));
  other.receives(bulk("4"));
}

TEST_CASE_METHOD(Limits, "what is answered at once is not in flight any more") {
  limitUser("in-flight=1");
  enters(client);
  enters(other);
  for (const char* text : {"PING", "BOGUS", "GET", "MULTI", "DISCARD"}) {
    client.sends(text);
    client.takes();
    CHECK(budgetOf("app").inFlight.load() == 0);
    other.sends("PING");
    other.receives(kPong);
  }
}

// --- how many they are ---

TEST_CASE_METHOD(Limits, "a user has so many clients, and gets a place back when one leaves") {
  workers = 2;
  limitUser("max-clients=2");
  FakeClient& elsewhere = addClient(1);
  enters(client);
  enters(elsewhere);
  other.sends("AUTH app app");
  other.receives(kTooManyOfUser);
  CHECK(limitHits(Limit::ClientsPerUser) == 1);
  // It is nobody.
  other.sends("GET a");
  other.receives("-NOAUTH Authentication required.\r\n");
  other.sends("HELLO 2 AUTH app app");
  other.receives(kTooManyOfUser);
  // Again as the same is no other client.
  enters(client);
  elsewhere.resets();
  enters(other);
  // Another user is another one's place.
  enters(other, "root");
  FakeClient& last = addClient();
  enters(last);
  CHECK(budgetOf("app").clients.load() == 2);
  last.sends("RESET");
  last.receives("+RESET\r\n");
  CHECK(budgetOf("app").clients.load() == 1);
}

TEST_CASE_METHOD(Limits, "a default user without a password has so many clients, too") {
  config.users = {"user default on nopass ~* +@all max-clients=1"};
  client.sends("PING");
  client.receives(kPong);
  other.sends("PING");
  other.receives(kTooManyOfUser);
  CHECK(other.isClosed());
  client.resets();
  FakeClient& next = addClient();
  next.sends("PING");
  next.receives(kPong);
}

TEST_CASE_METHOD(Limits, "an address has so many clients, whatever its users") {
  workers = 2;
  config.maxClientsPerAddress = 2;
  config.listen.push_back(*config::parseListen("127.0.0.1:2?max-clients-per-address=3").value);
  clientHost = "10.0.0.1";
  client.sends("PING");
  client.receives(kPong);
  FakeClient& elsewhere = addClient(1);
  elsewhere.sends("PING");
  elsewhere.receives(kPong);
  other.sends("PING");
  other.receives("-ERR max number of clients of this address reached\r\n");
  CHECK(other.isClosed());
  CHECK(limitHits(Limit::ClientsPerAddress) == 1);
  listener = 1;
  FakeClient& third = addClient();
  third.sends("PING");
  third.receives(kPong);
  listener = 0;
  for (const char* host : {"10.0.0.2", "/run/a.sock", "fd00::1"}) {
    clientHost = host;
    FakeClient& fromThere = addClient();
    fromThere.sends("PING");
    fromThere.receives(kPong);
  }
  clientHost = "10.0.0.1";
  client.resets();
  elsewhere.resets();
  FakeClient& again = addClient();
  again.sends("PING");
  again.receives(kPong);
}

TEST_CASE_METHOD(Limits, "connections of an address are accepted at a rate") {
  config.acceptRatePerAddress = 2;
  for (int i = 0; i < 2; ++i) {
    FakeClient& each = addClient();
    each.sends("PING");
    each.receives(kPong);
    each.resets();
  }
  client.sends("PING");
  client.receives("-ERR too many new connections from this address\r\n");
  CHECK(client.isClosed());
  CHECK(limitHits(Limit::AcceptRate) == 1);
  clock.advance(500ms);
  other.sends("PING");
  other.receives(kPong);
}

TEST_CASE_METHOD(Limits, "clients that were there before there was a limit count") {
  client.sends("PING");
  client.receives(kPong);
  config.maxClientsPerAddress = 1;
  worker().setConfig(config);
  other.sends("PING");
  other.receives("-ERR max number of clients of this address reached\r\n");
  client.sends("PING");
  client.receives(kPong);
}

// --- addresses ---

TEST_CASE("who may connect is decided by its address, for each listener") {
  struct Case {
    const char* listen;
    const char* host;
    bool enters;
  };
  const auto& c = GENERATE(values<Case>({
      {"127.0.0.1:1", "10.0.0.1", true},
      {"127.0.0.1:1?allow=10.0.0.0/8", "10.0.0.1", true},
      {"127.0.0.1:1?allow=10.0.0.0/8", "11.0.0.1", false},
      {"127.0.0.1:1?allow=10.0.0.0/8", "fd00::1", false},
      {"127.0.0.1:1?allow=10.0.0.0/8+fd00::/8", "fd00::1", true},
      {"127.0.0.1:1?allow=10.0.0.0/8", "::ffff:10.0.0.1", true},
      {"127.0.0.1:1?allow=10.0.0.0/8&deny=10.0.0.1", "10.0.0.1", false},
      {"127.0.0.1:1?allow=10.0.0.0/8&deny=10.0.0.1", "10.0.0.2", true},
      {"127.0.0.1:1?deny=0.0.0.0/0", "10.0.0.1", false},
      {"127.0.0.1:1?deny=0.0.0.0/0", "fd00::1", true},
      {"127.0.0.1:1?deny=0.0.0.0/0+::/0", "/run/a.sock", true},
  }));
  INFO(c.listen << " " << c.host);
  Stage stage;
  stage.config.listen = {*config::parseListen(c.listen).value};
  stage.clientHost = c.host;
  stage.client.sends("PING");
  stage.client.receives(c.enters ? kPong : "");
  CHECK(stage.client.isClosed() != c.enters);
  CHECK(stage.limitHits(Limit::Address) == (c.enters ? 0 : 1));
}

TEST_CASE_METHOD(Limits, "what a reload says of addresses is for connections from then on") {
  client.sends("PING");
  client.receives(kPong);
  config.deny = *config::parseListen("127.0.0.1:1?deny=127.0.0.1").value->options.deny;
  worker().setConfig(config);
  other.sends("PING");
  other.receivesNothing();
  CHECK(other.isClosed());
  client.sends("PING");
  client.receives(kPong);
}

// --- silence ---

TEST_CASE_METHOD(Limits,
                 "how long a client may be silent is its user's, its listener's, or everybody's affair") {
  config.clientIdleTimeout = 100s;
  config.listen.push_back(*config::parseListen("127.0.0.1:2?client-idle-timeout=10s").value);
  config.users = {"user default on nopass ~* +@all", "user app on >app ~* +@all client-idle-timeout=50s"};
  client.sends("PING");
  client.receives(kPong);
  enters(other);
  listener = 1;
  FakeClient& third = addClient();
  third.sends("PING");
  third.receives(kPong);
  clock.advance(12s);
  CHECK(third.isClosed());
  CHECK_FALSE(other.isClosed());
  clock.advance(40s);
  CHECK(other.isClosed());
  CHECK_FALSE(client.isClosed());
  clock.advance(50s);
  CHECK(client.isClosed());
  CHECK(limitHits(Limit::Idle) == 3);
}

// --- where users may be ---

TEST_CASE_METHOD(Limits, "a user logs in at its listeners only") {
  config.listen.push_back(*config::parseListen("127.0.0.1:2").value);
  config.users = {"user default on nopass ~* +@all listeners=127.0.0.1:7379",
                  "user root on >root ~* &* +@all", "user app on >app ~* +@all listeners=127.0.0.1:2"};
  client.sends({"AUTH app app", "PING"});
  client.receives("-WRONGPASS invalid username-password pair or user is disabled.\r\n" + std::string(kPong));
  listener = 1;
  // Nor is the default user let in without being asked.
  other.sends("GET a");
  other.receives("-NOAUTH Authentication required.\r\n");
  const auto entersLate = [&](FakeClient& who, const char* words) {
    who.sends(words);
    clock.advance(1s);  // as after a wrong password
    who.receives(kOk);
  };
  entersLate(other, "AUTH app app");
  FakeClient& root = addClient();
  entersLate(root, "AUTH root root");
  root.sends("ACL SETUSER app listeners=127.0.0.1:7379");
  root.receives(kOk);
  CHECK(other.isClosed());
  CHECK_FALSE(client.isClosed());
}

}  // namespace slotless::test
