// Commands that a listener denies, or knows by other names, in every context.
#include <string>

#include "batch.h"
#include "config/listener.h"

namespace slotless::test {

namespace {

std::string denied(const std::string& name) {
  return "-NOPERM the '" + name + "' command is denied to all who connect here\r\n";
}

std::string unknown(const std::string& name, const std::string& arguments = {}) {
  return "-ERR unknown command '" + name + "', with args beginning with: " + arguments + "\r\n";
}

// The second listener is free of rules.
struct Rules : Stage {
  explicit Rules(const std::string& options =
                     "deny-commands=@dangerous+set+proxy|stats&"
                     "rename-commands=get=fetch+echo=+config=secret-config") {
    config.listen = {*config::parseListen("127.0.0.1:1?" + options).value,
                     *config::parseListen("127.0.0.1:2").value};
  }
  std::uint64_t forbidden() {
    return metrics().forbidden[static_cast<std::size_t>(telemetry::Forbidden::Listener)].value();
  }
};

}  // namespace

TEST_CASE_METHOD(Rules, "what a listener denies is denied to all, by name, category and subcommand") {
  client.sends({"SET a 1", "KEYS *", "set a 1", "PROXY STATS", "EXISTS a", "INFO"});
  node(1).expects("EXISTS a").replies(":0\r\n");
  client.receives(denied("set") + denied("keys") + denied("set") + denied("proxy|stats") + ":0\r\n" +
                  denied("info"));
  CHECK(forbidden() == 5);
  listener = 1;
  other.sends("SET a 1");
  node(1).expects("SET a 1").replies(kOk);
  other.receives(kOk);
}

TEST_CASE_METHOD(Rules, "a user that may do everything may not do that") {
  config.users = {"user default on nopass ~* &* +@all"};
  client.sends({"SET a 1", "MULTI", "SET a 1", "EXEC"});
  client.receives(denied("set") + std::string(kOk) + denied("set") + aborted(denied("set")));
}

TEST_CASE_METHOD(Stage, "what must be possible before a login can be denied, too") {
  config.listen = {*config::parseListen("127.0.0.1:1?deny-commands=hello+reset").value};
  client.sends({"HELLO 3", "RESET", "PING"});
  client.receives(denied("hello") + denied("reset") + "+PONG\r\n");
}

TEST_CASE_METHOD(Rules, "a renamed command is known by its new name only, as by Redis") {
  client.sends({"GET a", "fetch a", "FETCH b"});
  node(1).expects("get a").replies(bulk("1"));
  node(2).expects("get b").replies(bulk("2"));
  client.receives(unknown("GET", "'a' ") + bulk("1") + bulk("2"));
  client.sendsBytes("fetch a\r\n");
  node(1).expects("get a").replies(bulk("1"));
  client.receives(bulk("1"));
  client.sends({"fetch", "fetch a b"});
  const std::string arity = "-ERR wrong number of arguments for 'get' command\r\n";
  client.receives(arity + arity);
}

TEST_CASE_METHOD(Rules, "a command without a name is not there") {
  client.sends({"ECHO x", "MULTI", "ECHO x", "EXEC"});
  client.receives(unknown("ECHO", "'x' ") + std::string(kOk) + unknown("ECHO", "'x' ") +
                  aborted(unknown("ECHO", "'x' ")));
}

TEST_CASE_METHOD(Rules, "the new name is good for subcommands, and in a transaction") {
  // CONFIG is @dangerous.
  client.sends({"CONFIG GET x", "secret-config GET x"});
  client.receives(unknown("CONFIG", "'GET' 'x' ") + denied("config|get"));
  client.sends({"MULTI", "fetch a", "EXEC"});
  const Batch batch(node(1), {"get a"});
  batch.replies("*1\r\n" + bulk("1"));
  client.receives(std::string(kOk) + std::string(kQueued) + "*1\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Rules, "who looks on sees a renamed command by its own name") {
  config.slowlogLogSlowerThan = 0;
  listener = 1;
  other.sends("MONITOR");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("MONITOR").replies(kOk);
  other.receives(kOk);
  listener = 0;
  client.sends("fetch a");
  node(1).expects("get a").replies(bulk("1"));
  client.receives(bulk("1"));
  const std::string line = other.takes();
  CHECK(line.find("\"get\" \"a\"") != std::string::npos);
  CHECK(line.find("fetch") == std::string::npos);
  listener = 1;
  FakeClient& third = addClient();
  third.sends("SLOWLOG GET");
  const std::string log = third.takes();
  CHECK(log.find(bulk("get") + bulk("a")) != std::string::npos);
  CHECK(log.find("fetch") == std::string::npos);
}

TEST_CASE_METHOD(Rules, "rules are about names, before those of users") {
  config.users = {"user default on nopass ~* &* +@all -get"};
  client.sends("fetch a");
  client.receives("-NOPERM this user has no permissions to run the 'get' command\r\n");
}

TEST_CASE_METHOD(Rules, "what a reload says of commands holds at once") {
  client.sends("SET a 1");
  client.receives(denied("set"));
  config.listen[0].options = {};
  worker().setConfig(config);
  client.sends({"SET a 1", "GET a"});
  node(1).expects("SET a 1").replies(kOk);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(std::string(kOk) + bulk("1"));
  config.denyCommands = {"get"};
  worker().setConfig(config);
  client.sends("GET a");
  client.receives(denied("get"));
}

}  // namespace slotless::test
