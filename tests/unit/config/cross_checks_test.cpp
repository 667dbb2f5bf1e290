#include "config/cross_checks.h"

#include "loading.h"

using namespace slotless::config;

namespace {

using Texts = std::vector<std::string>;

const std::string kAdvice =
    ", or listen on 127.0.0.1 only, or set protected-mode no if the network itself keeps strangers out";
const std::string kNoPassword =
    ", which other machines may reach, while no password is set, so that anybody would be let in; set "
    "password "
    "(clients must then present it)" +
    kAdvice;
const std::string kNoAuth =
    ", which other machines may reach, while client-auth is none, so that anybody would be let in with the "
    "password "
    "that is set for the nodes; set client-auth same" +
    kAdvice;

}  // namespace

TEST_CASE("The nodes of the cluster must be named, and the error says how") {
  CHECK(Loading{}.errors() ==
        Texts{"cluster-nodes: not set; name at least one node of the cluster in one of three ways: "
              "--cluster-nodes "
              "HOST:PORT,... on the command line, REDIS_CLUSTER_NODES=HOST:PORT,... in the environment, or "
              "cluster-nodes: [\"HOST:PORT\", ...] in the file given by --config"});
}

TEST_CASE("Contradictions between options are refused") {
  struct Case {
    Texts arguments;
    std::string error;
  };
  const auto& c = GENERATE(values<Case>({
      {{"--listen=:1"}, "command-line argument 2 (--listen): listen: found \"*:1\"" + kNoPassword},
      {{"--listen=127.0.0.1:1,[::]:1"},
       "command-line argument 2 (--listen): listen: found \"[::]:1\"" + kNoPassword},
      {{"--listen=redis:1", "--client-auth=none"},
       "command-line argument 2 (--listen): listen: found \"redis:1\"" + kNoPassword},
      {{"--listen=:1", "--password=pw", "--client-auth=none"},
       "command-line argument 2 (--listen): listen: found \"*:1\"" + kNoAuth},
      {{"--username=me"},
       "command-line argument 2 (--username): username: found a username without a password; allowed: both, "
       "or "
       "neither"},
      {{"--password-command=token"},
       "command-line argument 2 (--password-command): password-command: found without a password for clients, "
       "which cannot present what the command prints; set client-password or client-password-file, or "
       "client-auth none"},
      {{"--client-auth=passthrough", "--users=user a on"},
       "command-line argument 2 (--client-auth): client-auth: found passthrough together with users or a "
       "password of the proxy's own; allowed: one of the two, since the nodes judge the credentials of "
       "clients"},
      {{"--password-command=token", "--client-password=pw", "--password=pw"},
       "command-line argument 2 (--password-command): password-command: found together with password or "
       "password-file; allowed: one of the three"},
      {{"--listen=127.0.0.1:1", "--listen=127.0.0.1:1"},
       "command-line argument 2 (--listen): listen: found \"127.0.0.1:1\" a second time; allowed: once"},
      {{"--listen=unix:/a,unix:/a"},
       "command-line argument 2 (--listen): listen: found \"unix:/a\" a second time; allowed: once"},
      {{"--listen=unix:/a,:1"}, "command-line argument 2 (--listen): listen: found \"*:1\"" + kNoPassword},
      {{"--listen=127.0.0.1:9379"},
       "command-line argument 2 (--listen): admin-listen: found \"127.0.0.1:9379\", which listen has too; "
       "allowed: "
       "another address"},
      {{"--client-output-soft-limit=1gb"},
       "command-line argument 2 (--client-output-soft-limit): client-output-soft-limit: found \"1gb\"; "
       "allowed: at "
       "most client-output-hard-limit, which is 256mb"},
      {{"--client-output-hard-limit=1kb"},
       "command-line argument 2 (--client-output-hard-limit): client-output-soft-limit: found \"8mb\"; "
       "allowed: at "
       "most client-output-hard-limit, which is 1kb"},
      {{"--reconnect-backoff-min=3s"},
       "command-line argument 2 (--reconnect-backoff-min): reconnect-backoff-min: found \"3s\"; allowed: at "
       "most "
       "reconnect-backoff-max, which is 2s"},
      {{"--topology-min-interval=1m"},
       "command-line argument 2 (--topology-min-interval): topology-min-interval: found \"1m\"; allowed: at "
       "most "
       "topology-refresh-interval, which is 30s"},
  }));
  CHECK(withArguments(c.arguments).errors() == Texts{c.error});
}

TEST_CASE("What is no contradiction is accepted") {
  const std::vector<Texts> lines{
      {"--listen=:1", "--password=pw"},
      {"--listen=:1", "--protected-mode=no"},
      {"--listen=:1", "--password=pw", "--client-auth=none", "--protected-mode=no"},
      {"--client-auth=none", "--password=pw"},
      {"--listen=:1", "--client-auth=passthrough", "--password-command=token"},
      {"--client-auth=none", "--password-command=token", "--username=me"},
      {"--listen=:1", "--client-password=pw", "--password-command=token"},
      {"--listen=:1", "--client-password=pw"},
      {"--listen=127.0.0.1:0,127.0.0.1:0", "--admin-listen=127.0.0.1:0"},
      {"--listen=127.0.0.1:9379", "--admin-listen=off"},
      {"--admin-listen=:9379"},
      {"--listen=unix:/run/a.sock", "--client-auth=none"},
      {"--listen=unix:/run/a.sock,unix:/run/b.sock,127.0.0.1:1,[::1]:1"},
      {"--client-output-soft-limit=1gb", "--client-output-hard-limit=0"},
      // Either limit ends a request, as in Redis.
      {"--proto-max-bulk-len=2gb"},
      {"--client-query-buffer-limit=1mb"},
      {"--reconnect-backoff-min=2s"}};
  for (const auto& line : lines) {
    INFO(line[0]);
    CHECK(withArguments(line).errors().empty());
  }
}

TEST_CASE("A configuration made by hand must have a listener too") {
  Config config;
  config.clusterNodes = {{"a", 1}};
  CHECK(conflicts(config).empty());
  config.listen.clear();
  REQUIRE(conflicts(config).size() == 1);
  CHECK(contains(conflicts(config)[0].problem, "found no address; allowed: host:port"));
}

TEST_CASE("An option that is wrong by itself causes no further error") {
  CHECK(withArguments({"--cluster-nodes=x"}).errors().size() == 1);
  CHECK(Loading{{"--cluster-nodes=x"}, {}, {}}.errors().size() == 1);
  CHECK(Loading{{"--cluster-node=a:1"}, {}, {}}.errors().size() == 1);
  CHECK(Loading{{"--cluster-nodes"}, {}, {}}.errors().size() == 1);
  CHECK(withArguments({"--listen=:1", "--pasword=pw"}).errors().size() == 1);
  CHECK(Loading{{"--config=none.yaml"}, {}, {}}.errors().size() == 1);
}

TEST_CASE("Doors that stand open are worth a warning") {
  Config config;
  CHECK(warnings(config).empty());
  config.listen = {{{"127.0.0.1", 1}}, {{"", 2}}};
  config.adminListen = AdminAddress{{"10.0.0.1", 3}};
  CHECK(warnings(config) == Texts{"clients on *:2 need no password, and other machines may reach it",
                                  "metrics on 10.0.0.1:3 need no password, and other machines may reach it"});
  config.password = "pw";
  config.adminListen.reset();
  CHECK(warnings(config).empty());
  config.clientAuth = ClientAuth::None;
  CHECK(warnings(config).size() == 1);
}

TEST_CASE("A map of databases names different ones that are there") {
  Config config;
  config.clusterNodes = {{"a", 1}};
  config.databaseLayout = {{4, 4, DatabaseLayout::Denied, ""}};
  for (const std::string map : {"", "0", "1", "1+3", "15+0"}) {
    INFO(map);
    config.databaseMap = map;
    CHECK(conflicts(config).empty());
    config.databaseMap.clear();
    config.listen = {{{"127.0.0.1", 1}, {.databaseMap = map}}};
    CHECK(conflicts(config).empty());
    config.listen = {{{"127.0.0.1", 1}}};
  }
  for (const std::string map : {"x", "1+", "+1", "1++2", "1+1", "16", "4", "1,2", "-1", "0=1"}) {
    INFO(map);
    config.databaseMap = map;
    CHECK(conflicts(config).size() == 1);
    config.databaseMap.clear();
    config.listen = {{{"127.0.0.1", 1}, {.databaseMap = map}}};
    CHECK(conflicts(config).size() == 1);
    config.listen = {{{"127.0.0.1", 1}}};
  }
}
