// CONFIG SET and RESETSTAT on a whole worker: what goes to the servers, what stays here, what is remembered.
#include "proxy/telemetry/log.h"
#include "stage.h"

namespace slotless::test {

namespace {

using Pairs = session::SettingPairs;

struct Settings : Stage {
  explicit Settings(bool admin = true) { config.allowAdminCommands = admin; }
  ~Settings() { log::setLevel(level_); }

  // All masters and the replica answer that.
  void allAnswer(std::string_view request, std::string_view reply) {
    for (std::size_t number = 1; number <= kNodes; ++number) node(number).expects(request).replies(reply);
  }

 private:
  const log::Level level_ = log::level();
};

struct Guests : Settings {
  Guests() : Settings(false) {}
};

std::string pairReply(std::string_view name, std::string_view value) {
  return "*2\r\n" + bulk(name) + bulk(value);
}

}  // namespace

TEST_CASE_METHOD(Settings, "a setting that all servers have taken is remembered for those to come") {
  client.sends("CONFIG SET notify-keyspace-events KEA hz 5");
  allAnswer("CONFIG SET notify-keyspace-events KEA hz 5", kOk);
  client.receives(kOk);
  CHECK(control.remembered == Pairs{{"notify-keyspace-events", "KEA"}, {"hz", "5"}});
  CHECK(control.takenByAll);
}

TEST_CASE_METHOD(Settings, "a setting that one server refuses is not remembered") {
  client.sends("CONFIG SET nosuch 1");
  node(1).expects("CONFIG SET nosuch 1").replies(kOk);
  node(2).expects("CONFIG SET nosuch 1").replies("-ERR Unknown option\r\n");
  node(3).expects("CONFIG SET nosuch 1").replies(kOk);
  client.receives("-ERR Unknown option\r\n");
  CHECK(control.remembered.empty());
}

TEST_CASE_METHOD(Settings, "explaining a setting does not make it") {
  client.sends("PROXY EXPLAIN CONFIG SET loglevel debug slowlog-max-len 1");
  settle();
  CHECK(client.takes().find("every master and replica") != std::string::npos);
  CHECK(control.remembered.empty());
  client.sends("CONFIG GET slowlog-max-len");
  allAnswer("CONFIG GET slowlog-max-len", pairReply("slowlog-max-len", "7"));
  client.receives(pairReply("slowlog-max-len", "128"));
}

TEST_CASE_METHOD(Settings, "loglevel is the proxy's own: no server hears of it") {
  for (const auto& [word, level] : {std::pair{"debug", log::Level::Trace},
                                    {"verbose", log::Level::Debug},
                                    {"NOTICE", log::Level::Info},
                                    {"warning", log::Level::Warn},
                                    {"nothing", log::Level::Error}}) {
    client.sends(std::string("CONFIG SET LogLevel ") + word);
    client.receives(kOk);
    CHECK(log::level() == level);
  }
  client.sends("CONFIG SET loglevel warning");
  client.receives(kOk);
  client.sends("CONFIG GET loglevel");
  allAnswer("CONFIG GET loglevel", pairReply("loglevel", "notice"));
  client.receives(pairReply("loglevel", "warning"));
  CHECK(control.remembered.empty());
}

TEST_CASE_METHOD(Settings, "servers get what stands beside loglevel, and the level changes if they take it") {
  log::setLevel(log::Level::Info);
  client.sends("CONFIG SET hz 5 loglevel warning maxmemory 1");
  allAnswer("CONFIG SET hz 5 maxmemory 1", kOk);
  client.receives(kOk);
  CHECK(log::level() == log::Level::Warn);
  CHECK(control.remembered == Pairs{{"hz", "5"}, {"maxmemory", "1"}});
  client.sends("CONFIG SET hz x loglevel notice");
  allAnswer("CONFIG SET hz x", "-ERR no\r\n");
  client.receives("-ERR no\r\n");
  CHECK(log::level() == log::Level::Warn);
}

TEST_CASE_METHOD(Settings, "a level that there is not is refused, and nothing is set") {
  client.sends("CONFIG SET timeout 5 loglevel loud");
  client.receives(
      "-ERR CONFIG SET failed (possibly related to argument 'loglevel') - argument must be one of the "
      "following: debug, "
      "verbose, notice, warning, nothing\r\n");
}

TEST_CASE_METHOD(Guests, "the log level is for administrators") {
  client.sends("CONFIG SET loglevel debug");
  client.receives(
      "-ERR 'config|set' administers a server: Slotless refuses it unless allow-admin-commands is set\r\n");
}

TEST_CASE_METHOD(Guests,
                 "RESETSTAT is about the proxy's own numbers, and its counters for Prometheus go on") {
  client.sends("ECHO x");
  client.receives(bulk("x"));
  const auto echoes = [&] {
    client.sends("LATENCY HISTOGRAM echo");
    settle();
    return client.takes();
  };
  CHECK(echoes().find("calls\r\n:1\r\n") != std::string::npos);
  const auto counted = [&] {
    std::uint64_t sum = 0;
    for (const auto& command : metrics().commands()) sum += command.requests.value();
    return sum;
  };
  const std::uint64_t before = counted();
  client.sends("CONFIG RESETSTAT");
  client.receives(kOk);
  CHECK(counted() == before + 1);
  CHECK(echoes() == "*0\r\n");
  client.sends("ECHO x");
  client.receives(bulk("x"));
  CHECK(echoes().find("calls\r\n:1\r\n") != std::string::npos);
}

TEST_CASE_METHOD(Settings, "RESETSTAT of an administrator reaches replicas too") {
  node(4).answersHandshake("READONLY", std::string(kOk));
  addReplica(4, 1);
  client.sends("CONFIG RESETSTAT");
  allAnswer("CONFIG RESETSTAT", kOk);
  node(4).expects("CONFIG RESETSTAT").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Settings,
                 "what is the proxy's own takes effect here, is told back, and no node hears of it") {
  const auto told = [&](std::string_view name, std::string_view nodes) {
    client.sends("CONFIG GET " + std::string(name));
    allAnswer("CONFIG GET " + std::string(name), pairReply(name, nodes));
    return client.takes();
  };
  for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{"timeout", "70"},
                                    {"timeout", "0"},
                                    {"tcp-keepalive", "60"},
                                    {"maxclients", "77"}}) {
    INFO(name << " " << value);
    client.sends("CONFIG SET " + std::string(name) + " " + std::string(value));
    client.receives(kOk);
    CHECK(told(name, "1") == pairReply(name, value));
  }
  CHECK(control.kept == Pairs{{"client-idle-timeout", "70s"},
                              {"client-idle-timeout", "0"},
                              {"tcp-keepalive", "60s"},
                              {"max-clients", "77"}});
  CHECK(control.remembered.empty());
}

TEST_CASE_METHOD(Settings, "CONFIG SET timeout closes who is idle") {
  client.sends("CONFIG SET timeout 5");
  client.receives(kOk);
  other.sends("ECHO x");
  other.receives(bulk("x"));
  clock.advance(7s);
  CHECK(other.isClosed());
}

TEST_CASE_METHOD(Settings, "limits that nodes have as well are set at both") {
  client.sends("CONFIG SET client-query-buffer-limit 600mb hz 10 maxclients 99");
  allAnswer("CONFIG SET client-query-buffer-limit 600mb hz 10", kOk);
  client.receives(kOk);
  CHECK(control.kept == Pairs{{"client-query-buffer-limit", "600mb"}, {"max-clients", "99"}});
  client.sends("CONFIG GET client-query-buffer-limit");
  allAnswer("CONFIG GET client-query-buffer-limit", pairReply("client-query-buffer-limit", "1"));
  client.receives(pairReply("client-query-buffer-limit", "629145600"));
}

TEST_CASE_METHOD(Settings, "the limit of a request may be below that of an argument, and counts first") {
  client.sends("CONFIG SET client-query-buffer-limit 3mb");
  allAnswer("CONFIG SET client-query-buffer-limit 3mb", kOk);
  client.receives(kOk);
  client.sends("CONFIG GET client-query-buffer-limit");
  allAnswer("CONFIG GET client-query-buffer-limit", pairReply("client-query-buffer-limit", "1"));
  client.receives(pairReply("client-query-buffer-limit", "3145728"));
  other.sendsBytes("*2\r\n$4\r\nECHO\r\n$3145728\r\n");
  other.receives("-ERR Protocol error: request exceeds client-query-buffer-limit\r\n");
  CHECK(other.isClosed());
}

TEST_CASE_METHOD(Settings, "a hard limit of output below the soft one takes the soft one along") {
  client.sendsBytes(request(Words{"CONFIG", "SET", "client-output-buffer-limit", "normal 2mb 0 0"}));
  client.receives(kOk);
  CHECK(control.kept == Pairs{{"client-output-hard-limit", "2mb"}, {"client-output-soft-limit", "1048576"}});
  client.sendsBytes(request(Words{"CONFIG", "SET", "client-output-buffer-limit", "normal 1kb 0 0"}));
  client.receives(kOk);
  CHECK(control.kept.back() == std::pair<std::string, std::string>("client-output-soft-limit", "1024"));
  client.sendsBytes(request(Words{"CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0"}));
  client.receives(kOk);
  CHECK(control.kept.back() == std::pair<std::string, std::string>("client-output-hard-limit", "0"));
}

TEST_CASE_METHOD(Settings,
                 "limits of output are the proxy's for its clients, and the nodes' for their replicas") {
  const std::string limits = "normal 100000000 0 0 slave 1 2 3 pubsub 33554432 8388608 90";
  client.sendsBytes(request(Words{"CONFIG", "SET", "client-output-buffer-limit", limits}));
  for (std::size_t number = 1; number <= kNodes; ++number) {
    const Received set = node(number).expectsAny();
    CHECK(set.words() == Words{"CONFIG", "SET", "client-output-buffer-limit", "slave 1 2 3"});
    set.replies(kOk);
  }
  client.receives(kOk);
  client.sends("CONFIG GET client-output-buffer-limit");
  allAnswer("CONFIG GET client-output-buffer-limit",
            pairReply("client-output-buffer-limit", "normal 0 0 0 slave 1 2 3 pubsub 1 1 1"));
  client.receives(pairReply("client-output-buffer-limit", limits));
}

TEST_CASE_METHOD(Settings, "a class of output limits without any is taken") {
  client.sendsBytes(request(Words{"CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0"}));
  client.receives(kOk);
  CHECK(control.kept == Pairs{{"client-output-pubsub-hard-limit", "0"},
                              {"client-output-pubsub-soft-limit", "0"},
                              {"client-output-pubsub-soft-seconds", "0"}});
}

TEST_CASE_METHOD(Settings, "what would have no effect is refused, and nothing beside it is set") {
  for (const std::string_view setting :
       {"port 7", "databases 3", "tcp-backlog 9", "protected-mode no", "maxmemory-clients 5mb", "timeout x",
        "timeout -1", "maxclients 0", "tcp-keepalive 99999999", "proto-max-bulk-len 65gb",
        "client-query-buffer-limit 1kb"}) {
    INFO(setting);
    client.sends("CONFIG SET hz 5 " + std::string(setting));
    const std::string name(setting.substr(0, setting.find(' ')));
    CHECK(client.takes().starts_with("-ERR CONFIG SET failed (possibly related to argument '" + name +
                                     "') - "));
  }
  client.sends("CONFIG SET timeout 5 hz 5 TIMEOUT 6");
  client.receives(
      "-ERR CONFIG SET failed (possibly related to argument 'TIMEOUT') - duplicate parameter\r\n");
  client.sendsBytes(request(Words{"CONFIG", "SET", "client-output-buffer-limit", "normal 0 1 1"}));
  CHECK(client.takes().starts_with("-ERR CONFIG SET failed"));
  CHECK(control.kept.empty());
}

TEST_CASE_METHOD(Settings, "what the proxy tells itself may be said again, and no node hears of it") {
  client.sends("CONFIG SET maxmemory-clients 0 PROTECTED-MODE yes");
  client.receives(kOk);
  client.sends("CONFIG SET databases 1");
  CHECK(client.takes().starts_with("-ERR CONFIG SET failed"));
  CHECK(control.kept.empty());
  CHECK(control.remembered.empty());
}

TEST_CASE_METHOD(Settings, "what the nodes have already may be said again, and is not set") {
  const std::string_view get = "CONFIG GET cluster-announce-ip";
  client.sends("CONFIG SET cluster-announce-ip 10.0.0.9");
  allAnswer(get, pairReply("cluster-announce-ip", "10.0.0.9"));
  client.receives(kOk);
  client.sends("CONFIG SET cluster-announce-ip 10.0.0.9 hz 20 timeout 7");
  allAnswer(get, pairReply("cluster-announce-ip", "10.0.0.9"));
  allAnswer("CONFIG SET hz 20", kOk);
  client.receives(kOk);
  CHECK(control.remembered == Pairs{{"hz", "20"}});
  CHECK(control.kept == Pairs{{"client-idle-timeout", "7s"}});
}

TEST_CASE_METHOD(Settings, "another value than the nodes have is refused, and nothing beside it is set") {
  const std::string_view get = "CONFIG GET cluster-announce-ip";
  for (const auto& [told, answer] :
       {std::pair(pairReply("cluster-announce-ip", "10.0.0.8"),
                  std::string("-ERR CONFIG SET failed (possibly related to argument 'cluster-announce-ip') - "
                              "Slotless would lose the nodes\r\n")),
        std::pair(std::string("-ERR not now\r\n"), std::string("-ERR not now\r\n")),
        std::pair(std::string("*0\r\n"),
                  std::string("-ERR CONFIG SET failed (possibly related to argument 'cluster-announce-ip') - "
                              "Slotless would lose the nodes\r\n"))}) {
    client.sends("CONFIG SET hz 20 cluster-announce-ip 10.0.0.9 timeout 7");
    allAnswer(get, told);
    client.receives(answer);
  }
  CHECK(control.remembered.empty());
  CHECK(control.kept.empty());
}

TEST_CASE_METHOD(Settings,
                 "CONFIG SET slowlog-log-slower-than 0 is the first that it logs, and then no more") {
  client.sends("CONFIG SET slowlog-log-slower-than 0");
  allAnswer("CONFIG SET slowlog-log-slower-than 0", kOk);
  client.receives(kOk);
  client.sends("SLOWLOG GET");
  settle();
  const std::string log = client.takes();
  CHECK(log.starts_with("*1\r\n"));
  CHECK(log.find("slowlog-log-slower-than") != std::string::npos);
}

TEST_CASE_METHOD(Settings, "requirepass is what clients have to present, and no node hears of it") {
  client.sends("CONFIG SET requirepass first");
  client.receives(kOk);
  CHECK(control.kept == Pairs{{"client-auth", "same"}, {"client-password", "first"}});
  other.sends("ECHO x");
  other.receives("-NOAUTH Authentication required.\r\n");
  other.sends("AUTH wrong");
  other.receives("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  other.sends("AUTH first");
  clock.advance(1s);
  other.receives(kOk);
  client.sends("CONFIG GET requirepass");
  allAnswer("CONFIG GET requirepass", pairReply("requirepass", "nodes"));
  client.receives(pairReply("requirepass", "(redacted)"));
}

TEST_CASE_METHOD(Settings, "who came in without a password stays in, until it says RESET") {
  other.sends("ECHO x");
  other.receives(bulk("x"));
  client.sends("CONFIG SET requirepass first");
  client.receives(kOk);
  other.sends("ECHO x");
  other.receives(bulk("x"));
  other.sends("RESET");
  other.receives("+RESET\r\n");
  other.sends("ECHO x");
  other.receives("-NOAUTH Authentication required.\r\n");
}

TEST_CASE_METHOD(Settings, "an empty requirepass asks clients for nothing, whatever the nodes' password is") {
  config.password = "nodes";
  client.sends("AUTH nodes");
  client.receives(kOk);
  client.sendsBytes(request(Words{"CONFIG", "SET", "requirepass", ""}));
  client.receives(kOk);
  CHECK(control.kept == Pairs{{"client-auth", "none"}, {"client-password", ""}});
  other.sends("ECHO x");
  other.receives(bulk("x"));
  client.sends("CONFIG GET requirepass");
  allAnswer("CONFIG GET requirepass", pairReply("requirepass", "nodes"));
  client.receives(pairReply("requirepass", ""));
  client.sends("CONFIG SET requirepass other");
  client.receives(kOk);
  FakeClient& third = addClient();
  third.sends("AUTH nodes");
  third.receives("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  third.sends("AUTH other");
  clock.advance(1s);  // as after a wrong password
  third.receives(kOk);
}

TEST_CASE_METHOD(Settings, "with users requirepass is the default user's password") {
  config.users = {"user root on >root ~* &* +@all", "user default on nopass ~a* +@all"};
  client.sends("AUTH root root");
  client.receives(kOk);
  other.sends("ECHO x");
  other.receives(bulk("x"));
  client.sends("CONFIG SET requirepass first");
  client.receives(kOk);
  other.sends("ECHO x");
  other.receives(bulk("x"));
  FakeClient& third = addClient();
  third.sends("ECHO x");
  third.receives("-NOAUTH Authentication required.\r\n");
  third.sends("AUTH first");
  third.receives(kOk);
  third.sends("GET b");
  third.receives("-NOPERM this user has no permissions to access one of the keys used as arguments\r\n");
  client.sends("CONFIG GET requirepass");
  allAnswer("CONFIG GET requirepass", pairReply("requirepass", "nodes"));
  client.receives(pairReply("requirepass", "(redacted)"));
  client.sendsBytes(request(Words{"CONFIG", "SET", "requirepass", ""}));
  client.receives(kOk);
  FakeClient& fourth = addClient();
  fourth.sends("ECHO x");
  fourth.receives(bulk("x"));
  CHECK(control.kept.empty());
}

TEST_CASE_METHOD(Settings, "requirepass that would leave the door open is refused") {
  config.password = "nodes";
  config.listen = {config::Listener{config::Endpoint{"0.0.0.0", 6379}, {}}};
  client.sends("AUTH nodes");
  client.receives(kOk);
  client.sendsBytes(request(Words{"CONFIG", "SET", "requirepass", ""}));
  CHECK(client.takes().starts_with("-ERR CONFIG SET failed (possibly related to argument 'requirepass') - "));
  other.sends("ECHO x");
  other.receives("-NOAUTH Authentication required.\r\n");
}

TEST_CASE_METHOD(Guests, "whoever may not administer can have more keyspace events, and takes none away") {
  client.sends("CONFIG SET notify-keyspace-events gxE");
  const std::string_view ask = "CONFIG GET notify-keyspace-events";
  node(1).expects(ask).replies(pairReply("notify-keyspace-events", "xK"));
  node(2).expects(ask).replies(pairReply("notify-keyspace-events", ""));
  node(3).expects(ask).replies(pairReply("notify-keyspace-events", "El"));
  allAnswer("CONFIG SET notify-keyspace-events gxEKl", kOk);
  client.receives(kOk);
  CHECK(control.remembered == Pairs{{"notify-keyspace-events", "gxEKl"}});
  CHECK(control.takenByAll);
  client.sends("CONFIG SET notify-keyspace-events gxE hz 5");
  client.receives(
      "-ERR 'config|set' administers a server: Slotless refuses it unless allow-admin-commands is set\r\n");
}

TEST_CASE_METHOD(Guests,
                 "keyspace events are set at the nodes that live, and those that come back get them") {
  worker();
  node(2).refusesConnections();
  node(2).resets();
  settle();
  client.sends("CONFIG SET notify-keyspace-events x");
  for (const std::size_t i : {1U, 3U})
    node(i).expects("CONFIG GET notify-keyspace-events").replies(pairReply("notify-keyspace-events", ""));
  for (const std::size_t i : {1U, 3U}) node(i).expects("CONFIG SET notify-keyspace-events x").replies(kOk);
  client.receives(kOk);
  CHECK_FALSE(control.takenByAll);
}

}  // namespace slotless::test
