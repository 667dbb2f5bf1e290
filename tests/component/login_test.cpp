// What a client can make the proxy hold before it has logged in, and for how long.
#include "captured_log.h"
#include "stage.h"

namespace slotless::test {

namespace {

constexpr std::size_t kFewKilobytes = std::size_t{40} * 1024;

struct Locked : Stage {
  Locked() { config.password = "secret"; }
};

}  // namespace

TEST_CASE_METHOD(Locked, "who has not logged in and does not read is closed after a few KB") {
  client.stopsReading();
  client.sendsBytes(repeated("HELLO 3\r\n", 5000));
  CHECK(client.isClosed());
  CHECK(limitHits(telemetry::Limit::BeforeLogin) == 1);
  CHECK(worker().heldBytes() < kFewKilobytes);
}

TEST_CASE_METHOD(Locked, "who has not logged in is read from in small pieces, and answered as it reads") {
  client.readsOnly(3000);
  client.sendsBytes(repeated("PING\r\n", 50));
  CHECK_FALSE(client.isClosed());
  client.readsAgain();
  client.sendsBytes(repeated("PING\r\n", 1000));
  client.receives(repeated(kNoAuth, 1050));
  CHECK_FALSE(client.isClosed());
  CHECK(limitHits(telemetry::Limit::BeforeLogin) == 0);
}

TEST_CASE_METHOD(Locked, "forty clients that ask and never read hold no more than a few KB each") {
  for (int i = 0; i < 40; ++i) {
    FakeClient& each = addClient();
    each.stopsReading();
    each.connection().push(repeated("HELLO 3\r\n", 10'000));
  }
  while (loop.turn()) CHECK(worker().heldBytes() < 40 * kFewKilobytes);
  CHECK(limitHits(telemetry::Limit::BeforeLogin) == 40);
  CHECK(worker().clientCount() == 0);
}

TEST_CASE_METHOD(Locked, "what the stall of a client gives to others is not for who has not logged in") {
  client.stopsReading();
  client.sendsBytes(repeated("PING\r\n", 20));  // less than a few KB of refusals
  clock.advance(10s);
  CHECK_FALSE(client.isClosed());
  client.sendsBytes(repeated("PING\r\n", 200));
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Locked, "a stranger that asks for much is closed, however fast it reads") {
  std::string hellos;
  for (int i = 0; i < 2000; ++i) hellos += "HELLO 3\r\n";
  client.sendsBytes(hellos);
  settle();
  CHECK(client.takes().size() < 80'000);
  CHECK(client.isClosed());
  CHECK(limitHits(telemetry::Limit::BeforeLogin) == 1);
}

TEST_CASE_METHOD(Locked, "before login a request is refused that is longer than a few KB") {
  const std::string argument(16'000, 'x');
  FakeClient* many = &addClient();
  many->sendsBytes(request(Words{"AUTH", argument}));
  many->receives("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  many->sendsBytes("*3\r\n$4\r\nAUTH\r\n" + bulk(argument) + "$16000\r\n");
  many->receives("-ERR Protocol error: unauthenticated request too large\r\n");
  CHECK(many->isClosed());
  FakeClient* endless = &addClient();
  for (int i = 0; i < 10; ++i) endless->sendsBytes(std::string(5000, 'x'));
  endless->receives("-ERR Protocol error: unauthenticated request too large\r\n");
  CHECK(endless->isClosed());
  CHECK(worker().heldBytes() < kFewKilobytes);
}

TEST_CASE_METHOD(Locked, "with its login a client gets the usual limits, with RESET it loses them") {
  client.stopsReading();
  client.sendsBytes(request("AUTH secret") + repeated("PING\r\n", 2000));
  CHECK_FALSE(client.isClosed());
  client.sendsBytes(request(Words{"ECHO", std::string(100'000, 'x')}));
  CHECK_FALSE(client.isClosed());
  client.readsAgain();
  client.receives(std::string(kOk) + repeated("+PONG\r\n", 2000) + bulk(std::string(100'000, 'x')));
  client.sends("RESET");
  client.receives("+RESET\r\n");
  client.stopsReading();
  client.sendsBytes(repeated("PING\r\n", 2000));
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "where no login is asked for none is waited for") {
  client.stopsReading();
  client.sendsBytes(repeated("PING\r\n", 5000));
  clock.advance(10min);
  CHECK_FALSE(client.isClosed());
  client.readsAgain();
  client.receives(repeated("+PONG\r\n", 5000));
}

TEST_CASE_METHOD(Locked, "who does not log in within client-login-timeout is closed, whatever it sends") {
  client.sends("PING");
  other.sends("AUTH secret");
  other.receives(kOk);
  FakeClient& third = addClient();
  third.sendsBytes("*2\r\n$4\r\nAU");
  client.receives(kNoAuth);
  clock.advance(50s);
  client.sends({"AUTH wrong", "PING"});
  CHECK(client.takes().size() > 0);
  CHECK_FALSE(client.isClosed());
  clock.advance(12s);
  CHECK(client.isClosed());
  CHECK(third.isClosed());
  CHECK_FALSE(other.isClosed());
  CHECK(limitHits(telemetry::Limit::LoginTimeout) == 2);
}

TEST_CASE_METHOD(Locked, "client-login-timeout 0 waits for ever") {
  config.clientLoginTimeout = 0s;
  client.sends("PING");
  client.receives(kNoAuth);
  clock.advance(10min);
  CHECK_FALSE(client.isClosed());
}

TEST_CASE_METHOD(Locked, "after RESET the time to log in begins anew") {
  client.sends("AUTH secret");
  client.receives(kOk);
  clock.advance(10min);
  client.sends("RESET");
  client.receives("+RESET\r\n");
  clock.advance(50s);
  CHECK_FALSE(client.isClosed());
  clock.advance(12s);
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Locked, "a client that CLIENT PAUSE keeps from logging in is not closed for that") {
  other.sends({"AUTH secret", "CLIENT PAUSE 300000"});
  other.receives("+OK\r\n+OK\r\n");
  client.sends("AUTH secret");
  clock.advance(2min);
  CHECK_FALSE(client.isClosed());
  other.resets();
  clock.advance(4min);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "when a reload asks for a login, all who have none get their time") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  clock.advance(10min);
  config.password = "secret";
  worker().setConfig(config);
  clock.advance(50s);
  CHECK_FALSE(client.isClosed());
  client.sends("PING");
  client.receives(kNoAuth);
  clock.advance(12s);
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Locked, "names that clients give themselves end at 1 KB") {
  const std::string longest(1024, 'n');
  const std::string longer(1025, 'n');
  client.sends("AUTH secret");
  client.receives(kOk);
  const auto tooLong = [](const std::string& what) {
    return "-ERR " + what + " cannot be longer than 1024 bytes.\r\n";
  };
  client.sends({"CLIENT SETNAME " + longest, "CLIENT SETNAME " + longer, "CLIENT GETNAME"});
  client.receives(std::string(kOk) + tooLong("Client names") + bulk(longest));
  client.sends({"CLIENT SETINFO lib-name " + longest, "CLIENT SETINFO lib-name " + longer,
                "CLIENT SETINFO LIB-VER " + longest, "CLIENT SETINFO LIB-VER " + longer});
  client.receives(std::string(kOk) + tooLong("lib-name") + std::string(kOk) + tooLong("lib-ver"));
  client.sends("HELLO 2 SETNAME " + longer);
  client.receives(tooLong("Client names"));
  client.sends({"HELLO 2 SETNAME short", "CLIENT GETNAME"});
  CHECK(client.takes().ends_with(bulk("short")));
}

TEST_CASE_METHOD(
    Stage, "who watches more keys than client-max-watched-keys gets an error, and watches none of them") {
  config.clientMaxWatchedKeys = 3;
  client.sends("WATCH {a}1 {a}2");
  node(1).expects("WATCH {a}1 {a}2").replies(kOk);
  client.receives(kOk);
  client.sends("WATCH {a}3 {a}4");
  const std::string error = "-ERR A client cannot watch more than 3 keys (client-max-watched-keys)\r\n";
  client.receives(error);
  client.sends("WATCH {a}3");
  node(1).expects("WATCH {a}3").replies(kOk);
  client.receives(kOk);
  client.sends("WATCH {a}4");
  client.receives(error);
  node(1).expectsNothing();
  client.sends("UNWATCH");
  node(1).expects("UNWATCH").replies(kOk);
  client.receives(kOk);
  client.sends("WATCH {a}4 {a}5 {a}6");
  node(1).expects("WATCH {a}4 {a}5 {a}6").replies(kOk);
  client.receives(kOk);
  CHECK(limitHits(telemetry::Limit::WatchedKeys) == 2);
}

TEST_CASE_METHOD(Stage, "client-max-watched-keys 0 is no limit") {
  config.clientMaxWatchedKeys = 0;
  std::string watch = "WATCH";
  for (int i = 0; i < 6000; ++i) watch += " {a}" + std::to_string(i);
  client.sends(watch);
  node(1).expects(watch).replies(kOk);
  client.receives(kOk);
}

TEST_CASE("after a wrong password the next attempt from that address waits, whoever judges it") {
  struct LoginWay {
    const char* name;
    void (*set)(config::Config&);
  };
  constexpr LoginWay kWays[] = {
      {"the nodes' password", [](config::Config& config) { config.password = "secret"; }},
      {"a password of the clients'",
       [](config::Config& config) {
         config.password = "nodes";
         config.clientPassword = "secret";
       }},
      {"a user", [](config::Config& config) { config.users = {"user default on >secret ~* &* +@all"}; }},
  };
  constexpr std::string_view kWrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  for (const LoginWay& way : kWays) {
    for (const std::string login : {"AUTH ", "AUTH default ", "HELLO 2 AUTH default "}) {
      INFO(way.name << ", " << login);
      Stage stage;
      way.set(stage.config);
      stage.client.sends(login + "wrong");
      stage.client.receives(kWrong);
      // Also of others who come from there, and not what needs no login.
      stage.other.sends({"GET a", login + "secret"});
      stage.other.receives(kNoAuth);
      stage.clock.advance(49ms);
      stage.other.receivesNothing();
      stage.clock.advance(2ms);
      CHECK_FALSE(stage.other.takes().empty());
      stage.other.sends("PING");
      stage.other.receives("+PONG\r\n");
      stage.clientHost = "10.0.0.9";
      FakeClient& elsewhere = stage.addClient();
      elsewhere.sends(login + "secret");
      CHECK_FALSE(elsewhere.takes().empty());
      // Each failure makes it longer, up to a second.
      for (const net::Millis wait : {50ms, 100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
        stage.client.sends(login + "wrong");
        stage.clock.advance(wait - 1ms);
        stage.client.receivesNothing();
        stage.clock.advance(2ms);
        stage.client.receives(kWrong);
      }
      CHECK(stage.metrics().loginsRefused.value() == 8);
      // A minute without a failure, and it is forgotten.
      stage.clock.advance(61s);
      stage.clientHost = "127.0.0.1";
      FakeClient& late = stage.addClient();
      late.sends(login + "wrong");
      late.receives(kWrong);
    }
  }
}

TEST_CASE_METHOD(Locked, "of a burst of wrong passwords the log has one line, and none of the passwords") {
  const CapturedLog log(log::Level::Warn);
  for (int i = 0; i < 5; ++i) {
    client.sends("AUTH wrong");
    clock.advance(1s);
  }
  CHECK_FALSE(client.takes().empty());
  const std::string text = log.text();
  const std::size_t first = text.find("authentication failed");
  REQUIRE(first != std::string::npos);
  CHECK(text.find("authentication failed", first + 1) == std::string::npos);
  CHECK(text.find("wrong") == std::string::npos);
}

TEST_CASE("where nobody has to log in, nobody who calls itself somebody else waits") {
  Stage stage;
  if (GENERATE(false, true)) {
    stage.config.password = "secret";
    stage.config.clientAuth = config::ClientAuth::None;
  }
  constexpr std::string_view kWrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  stage.client.sends({"AUTH somebody x", "AUTH somebody x", "HELLO 2 AUTH somebody x", "AUTH default x"});
  stage.client.receives(std::string(kWrong) + std::string(kWrong) + std::string(kWrong) + std::string(kOk));
  CHECK(stage.metrics().loginsRefused.value() == 3);
}

TEST_CASE_METHOD(Locked, "an attempt that waits is over with its client") {
  client.sends("AUTH wrong");
  CHECK_FALSE(client.takes().empty());
  other.sends("AUTH secret");
  FakeClient& third = addClient();
  third.sends("AUTH secret");
  other.resets();
  clock.advance(2s);
  third.receives(kOk);
  CHECK(worker().clientCount() == 2);
}

TEST_CASE("whoever knows the password may call itself default, whatever the nodes' user is called") {
  for (const std::string_view login : {"AUTH secret", "AUTH default secret", "AUTH app secret"}) {
    INFO(login);
    Locked stage;
    stage.config.username = "app";
    stage.client.sends({login, "AUTH other secret", "AUTH default wrong"});
    stage.clock.advance(1s);
    constexpr std::string_view kWrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    stage.client.receives(std::string(kOk) + std::string(kWrong) + std::string(kWrong));
    stage.other.sends("HELLO 3 AUTH default secret");
    stage.clock.advance(1s);
    CHECK(stage.other.takes().starts_with("%7\r\n"));
  }
}

}  // namespace slotless::test
