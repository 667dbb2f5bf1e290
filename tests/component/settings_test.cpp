// CONFIG SET and RESETSTAT on a whole worker: what goes to the servers, what stays here, what is remembered.
#include "proxy/telemetry/log.h"
#include "stage.h"

namespace slotless::test {

namespace {

constexpr std::string_view kOk = "+OK\r\n";
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
  client.sends("CONFIG SET notify-keyspace-events KEA timeout 5");
  allAnswer("CONFIG SET notify-keyspace-events KEA timeout 5", kOk);
  client.receives(kOk);
  CHECK(control.remembered == Pairs{{"notify-keyspace-events", "KEA"}, {"timeout", "5"}});
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
  client.sends("CONFIG SET timeout 5 loglevel warning maxmemory 1");
  allAnswer("CONFIG SET timeout 5 maxmemory 1", kOk);
  client.receives(kOk);
  CHECK(log::level() == log::Level::Warn);
  CHECK(control.remembered == Pairs{{"timeout", "5"}, {"maxmemory", "1"}});
  client.sends("CONFIG SET timeout x loglevel notice");
  allAnswer("CONFIG SET timeout x", "-ERR no\r\n");
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

}  // namespace slotless::test
