// Options about who may connect, what may be sent and how much of it.
#include "config/listener.h"
#include "config/reload.h"
#include "loading.h"

using namespace slotless::config;

TEST_CASE("A listener's own limits are written as they are read") {
  const char* text = GENERATE(
      "127.0.0.1:1?allow=10.0.0.0/8+fd00::/8&deny=10.0.0.7",
      "127.0.0.1:1?proxy-protocol=yes&proxy-protocol-trusted=10.0.0.1+10.0.0.2",
      "127.0.0.1:1?deny-commands=@dangerous+keys+config|set&rename-commands=flushall=+config=secret-1",
      "127.0.0.1:1?max-clients-per-address=10&accept-rate-per-address=20",
      "127.0.0.1:1?requests-per-second-per-address=1000&bytes-per-second-per-address=1mb&limit-action=error",
      "127.0.0.1:1?max-in-flight-per-address=100&limit-action=delay", "127.0.0.1:1?client-idle-timeout=5m", "127.0.0.1:1?allow=");
  INFO(text);
  const auto parsed = parseListen(text);
  INFO(parsed.reason);
  REQUIRE(parsed.value);
  CHECK(formatListen(*parsed.value) == text);
}

TEST_CASE("Commands that are denied or renamed are names, in lower case") {
  const Config config =
      withArguments({"--deny-commands=@Dangerous,CONFIG|Set", "--rename-commands=FLUSHALL=,Config=abc"})
          .config();
  CHECK(config.denyCommands == std::vector<std::string>{"@dangerous", "config|set"});
  CHECK(config.renameCommands == std::vector<std::string>{"flushall=", "config=abc"});
}

TEST_CASE("What contradicts itself about limits is refused") {
  struct Case {
    std::vector<std::string> arguments;
    const char* problem;
  };
  const auto& c = GENERATE(values<Case>({
      {{"--deny-commands=a b"}, "\"a b\" (it is no name of a command or category)"},
      {{"--deny-commands=@a|b"}, "it is no name of a command or category"},
      {{"--rename-commands=flushall"}, "the = is missing"},
      {{"--rename-commands==x"}, "before the = there must be the name of a command"},
      {{"--rename-commands=config|set=x"}, "before the = there must be the name of a command"},
      {{"--rename-commands=a=x,b=x"}, "found rename-commands \"b=x\", and one of its names in another entry"},
      {{"--rename-commands=a=,a=x"}, "found rename-commands \"a=x\", and one of its names in another entry"},
      {{"--listen=127.0.0.1:1?rename-commands=a=b+b=c"}, "found rename-commands \"b=c\""},
      {{"--proxy-protocol=yes", "--password=x"}, "allowed: with proxy-protocol-trusted"},
      {{"--listen=127.0.0.1:1?proxy-protocol=yes", "--password=x"},
       "found proxy-protocol for \"127.0.0.1:1\""},
      // Whoever comes by a balancer on this machine comes from elsewhere.
      {{"--listen=127.0.0.1:1?proxy-protocol=yes&proxy-protocol-trusted=127.0.0.1"},
       "which other machines may reach"},
      {{"--tls-auth-clients-user=CN"}, "without users"},
      {{"--tls-auth-clients-user=URI", "--users=user a on", "--tls-auth-clients=no"},
       "while clients are not asked for certificates"},
  }));
  INFO(c.arguments.front());
  const auto errors = withArguments(c.arguments).errors();
  REQUIRE(errors.size() == 1);
  INFO(errors.front());
  CHECK(contains(errors.front(), c.problem));
}

TEST_CASE("A Unix socket's balancer need not be named") {
  CHECK(withArguments({"--listen=unix:/a?proxy-protocol=yes", "--password=x"}).errors().empty());
}

TEST_CASE("A reload takes over what listeners have of their own, as far as it needs no restart") {
  const auto loaded = [](const std::string& listen) {
    return withArguments({"--listen=" + listen}).config();
  };
  const Config before = loaded("127.0.0.1:1?deny=10.0.0.1&default-database=1,127.0.0.1:2");
  const Reload taken = planReload(
      before, loaded("127.0.0.1:1?default-database=2&limit-action=error,127.0.0.1:2?allow=10.0.0.2"));
  CHECK(taken.errors.empty());
  REQUIRE(taken.changes.size() == 1);
  CHECK(taken.changes[0].after ==
        "127.0.0.1:1?default-database=1&limit-action=error,127.0.0.1:2?allow=10.0.0.2");
  CHECK(formatListen(taken.config.listen[0]) == "127.0.0.1:1?default-database=1&limit-action=error");
  REQUIRE(taken.needRestart.size() == 1);
  // Other sockets are a matter of a restart, with all that belongs to them.
  const Reload moved = planReload(before, loaded("127.0.0.1:1?deny=10.0.0.3,127.0.0.1:3"));
  CHECK(moved.changes.empty());
  CHECK(moved.needRestart.size() == 1);
  CHECK(moved.config == before);
}
