#include "config/environment.h"

#include "loading.h"

using namespace slotless::config;

TEST_CASE("Every option has its environment variable") {
  Environment environment;
  for (const auto& option : schema()) environment[environmentName(option.name)] = "x";
  const auto read = readEnvironment(environment);
  CHECK(read.settings.errors.empty());
  CHECK(read.settings.settings.size() == schema().size());
}

TEST_CASE("The names that other Redis tools use are understood") {
  const auto config = Loading{
      {},
      {{"REDIS_CLUSTER_NODES", "a:1,b:2"}, {"REDIS_USERNAME", "me"}, {"REDIS_PASSWORD", "pw"}},
      {}}.config();
  CHECK(config.clusterNodes == std::vector<Endpoint>{{"a", 1}, {"b", 2}});
  CHECK(config.username == "me");
  CHECK(config.password == "pw");
}

TEST_CASE("An empty variable counts as not set") {
  const auto config = Loading{
      {},
      {{"REDIS_CLUSTER_NODES", "a:1"},
       {"SLOTLESS_CLUSTER_NODES", ""},
       {"SLOTLESS_WORKERS", ""},
       {"SLOTLESS_CONFIG", ""}},
      {}}.config();
  CHECK(config.clusterNodes == std::vector<Endpoint>{{"a", 1}});
}

TEST_CASE("An unknown variable of ours is an error that does not show its value") {
  const Loading loading{
      {}, {{"REDIS_CLUSTER_NODES", "a:1"}, {"SLOTLESS_PASWORD", "hunter2"}, {"SLOTLESS_ZZZZZZ", "1"}}, {}};
  CHECK(loading.errors() ==
        std::vector<std::string>{
            "unknown environment variable \"SLOTLESS_PASWORD\"; did you mean \"SLOTLESS_PASSWORD\"?",
            "unknown environment variable \"SLOTLESS_ZZZZZZ\"; --help lists what is known"});
}

TEST_CASE("What Kubernetes sets for a service called slotless is let pass") {
  Loading loading{{}, {{"REDIS_CLUSTER_NODES", "a:1"}, {"PATH", "/bin"}}, {}};
  for (const auto* name :
       {"SLOTLESS_SERVICE_HOST", "SLOTLESS_SERVICE_PORT", "SLOTLESS_SERVICE_PORT_REDIS", "SLOTLESS_PORT",
        "SLOTLESS_PORT_7379_TCP", "SLOTLESS_PORT_7379_TCP_ADDR", "SLOTLESS_ADMIN_PORT_9379_TCP_PROTO"}) {
    loading.environment[name] = "tcp://10.0.0.1:7379";
  }
  CHECK(loading.errors().empty());
}

TEST_CASE("A wrong value names its variable") {
  const Loading loading{{}, {{"REDIS_CLUSTER_NODES", "a"}, {"SLOTLESS_WORKERS", "0"}}, {}};
  CHECK(loading.errors() ==
        std::vector<std::string>{"environment variable REDIS_CLUSTER_NODES: cluster-nodes: found \"a\" (the "
                                 "port is missing); allowed: "
                                 "host:port or [IPv6]:port, separated by commas",
                                 "environment variable SLOTLESS_WORKERS: workers: found \"0\" (out of "
                                 "range); allowed: auto or 1 to 256"});
}
