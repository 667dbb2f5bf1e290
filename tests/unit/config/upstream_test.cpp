// Which upstream is in force, and why: by a word, or by what is set.
#include "config/upstream.h"

#include "loading.h"

namespace slotless::config {
namespace {

std::string rowOf(const std::string& page, std::string_view option) {
  const std::size_t at = page.find("\n" + std::string(option) + ":");
  return at == std::string::npos ? "" : page.substr(at + 1, page.find('\n', at + 1) - at - 1);
}

std::string upstreamRow(Loading loading) {
  loading.arguments.push_back("--check-config");
  return rowOf(loading.printout(), "upstream");
}

TEST_CASE("without a word the cluster is in force, if its nodes are set") {
  CHECK(upstreamRow({{"--cluster-nodes", "a:1"}, {}, {}}) == "upstream: cluster  # default");
  CHECK(upstreamRow({{}, {{"REDIS_CLUSTER_NODES", "a:1"}, {"REDIS_URL", "redis://b:2"}}, {}}) ==
        "upstream: cluster  # default, since cluster-nodes is set, though REDIS_URL is as well");
}

TEST_CASE("without nodes of a cluster the server is in force, if it is set") {
  CHECK(upstreamRow({{"--server", "a:1"}, {}, {}}) ==
        "upstream: single  # since server is set and cluster-nodes is not");
  const Loading byUrl{{}, {{"REDIS_URL", "redis://b:2"}}, {}};
  CHECK(upstreamRow(byUrl) == "upstream: single  # since REDIS_URL is set and cluster-nodes is not");
  CHECK(servesOneServer(byUrl.config()));
  CHECK(byUrl.config().server == std::vector<Endpoint>{{"b", 2}});
}

TEST_CASE("REDIS_CLUSTER_ENABLED is a word") {
  const Environment both{{"REDIS_CLUSTER_NODES", "a:1"}, {"REDIS_URL", "redis://b:2"}};
  const auto with = [&](const std::string& word) {
    Loading loading{{}, both, {}};
    loading.environment["REDIS_CLUSTER_ENABLED"] = word;
    return loading;
  };
  CHECK(upstreamRow(with("false")) == "upstream: single  # environment variable REDIS_CLUSTER_ENABLED");
  CHECK(upstreamRow(with("TRUE")) == "upstream: cluster  # environment variable REDIS_CLUSTER_ENABLED");
  CHECK(with("true").config().server.empty());
  CHECK(with("maybe").errors() ==
        std::vector<std::string>{"environment variable REDIS_CLUSTER_ENABLED: upstream: found \"maybe\"; "
                                 "allowed: true or false"});
  Loading stronger = with("true");
  stronger.arguments = {"--upstream", "single"};
  CHECK(servesOneServer(stronger.config()));
}

TEST_CASE("an application's own REDIS_URL does no harm where the cluster is in force") {
  const Loading loading{{"--cluster-nodes", "a:1"}, {{"REDIS_URL", "unix:///tmp/socket?db=3"}}, {}};
  CHECK(loading.config().server.empty());
}

TEST_CASE("the server's URL says as whom, and whether by TLS") {
  const Config config = Loading{{}, {{"REDIS_URL", "rediss://app:p%40ss@redis.example"}}, {}}.config();
  CHECK(config.server == std::vector<Endpoint>{{"redis.example", 6379}});
  CHECK(config.serverTls);
  CHECK(config.serverUsername == "app");
  CHECK(config.serverPassword == "p@ss");
  // These are what is presented to servers, whichever they are.
  CHECK(config.clusterTls);
  CHECK(config.username == "app");
  CHECK(config.password == "p@ss");
}

TEST_CASE("without credentials of its own the server gets those for nodes") {
  const Config config = Loading{{"--server", "a:1"}, {{"REDIS_PASSWORD", "common"}}, {}}.config();
  CHECK(config.password == "common");
  CHECK(config.username.empty());
}

TEST_CASE("a URL of sentinels names them and the server") {
  const Config config = Loading{{"--server", "redis+sentinel://u:p@a:1,b,c:3/my-name"}, {}, {}}.config();
  CHECK(config.server == std::vector<Endpoint>{{"a", 1}, {"b", 26379}, {"c", 3}});
  CHECK(config.sentinelName == "my-name");
  CHECK(config.password == "p");
  CHECK(!config.serverTls);
  CHECK(Loading{{"--server", "rediss+sentinel://a:1/n"}, {}, {}}.config().serverTls);
  for (const std::string text :
       {"redis+sentinel://a:1", "redis+sentinel://secret@a:1/", "http+sentinel://a/n"}) {
    const auto errors = Loading{{"--server", text}, {}, {}}.errors();
    REQUIRE(!errors.empty());
    CHECK(errors.front().find("secret@") == std::string::npos);
  }
}

TEST_CASE("what does not go together with one server is refused") {
  const auto errorsOf = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"--upstream", "single", "--server", "a:1"});
    return Loading{more, {}, {}}.errors();
  };
  CHECK(errorsOf({}).empty());
  CHECK(errorsOf({"--database-layout", "1=denied"}).empty());
  CHECK(errorsOf({"--database-layout", "1=pinned"}).size() == 1);
  CHECK(errorsOf({"--database-map", "0"}).size() == 1);
  const auto missing = Loading{{"--upstream", "single"}, {}, {}}.errors();
  REQUIRE(missing.size() == 1);
  CHECK(missing.front().find("--server HOST:PORT") != std::string::npos);
}

TEST_CASE(
    "migrating has two sides, each with its own credentials, and clients go on to present the server's") {
  Loading loading{{"--upstream", "migrating", "--server", "redis://old:p1@b:2", "--cluster-nodes",
                   "rediss://new:p2@a:1", "--database-layout", "1=pinned,4=denied"},
                  {},
                  {}};
  const Config config = loading.config();
  CHECK(config.upstream == Upstream::Migrating);
  CHECK_FALSE(config.side);
  const Config server = forSide(config, Upstream::Single);
  CHECK(servesOneServer(server));
  CHECK(server.username == "old");
  CHECK(server.password == "p1");
  CHECK_FALSE(server.clusterTls);
  CHECK(server.databaseLayout == std::vector<DatabaseRule>{{4, 4, DatabaseLayout::Denied, {}, {}}});
  CHECK(clientSecret(server) == "p1");
  const Config cluster = forSide(config, Upstream::Cluster);
  CHECK_FALSE(servesOneServer(cluster));
  CHECK(cluster.username == "new");
  CHECK(cluster.password == "p2");
  CHECK(cluster.clusterTls);
  CHECK(cluster.databaseLayout.size() == 2);
  CHECK(clientSecret(cluster) == "p1");
  CHECK(forBothSides(config).clusterTls);
  loading.arguments.insert(loading.arguments.end(), {"--client-password", "own"});
  CHECK(clientSecret(forSide(loading.config(), Upstream::Single)) == "own");
  CHECK(clientSecret(forSide(loading.config(), Upstream::Cluster)) == "own");
}

TEST_CASE("where the server asks for nothing, clients are asked for nothing after the cut-over") {
  const Config config = Loading{
      {"--upstream", "migrating", "--server", "b:2", "--cluster-nodes", "redis://:p2@a:1"},
      {},
      {}}.config();
  CHECK(forSide(config, Upstream::Cluster).clientAuth == ClientAuth::None);
  CHECK(clientSecret(forSide(config, Upstream::Single)).empty());
}

TEST_CASE("migrating wants the server and the cluster, and what both can have") {
  const auto errorsOf = [](std::vector<std::string> more) {
    std::vector<std::string> arguments{"--upstream", "migrating"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Loading{arguments, {}, {}}.errors();
  };
  const auto has = [](const std::vector<std::string>& errors, std::string_view text) {
    return errors.size() == 1 && errors.front().find(text) != std::string::npos;
  };
  CHECK(has(errorsOf({"--cluster-nodes", "a:1"}), "upstream is migrating"));
  CHECK(has(errorsOf({"--server", "b:2"}), "cluster-nodes: not set"));
  CHECK(
      has(errorsOf({"--server", "b:2", "--cluster-nodes", "a:1", "--database-map", "1+0"}), "database-map"));
  CHECK(
      has(errorsOf({"--server", "redis://:p@b:2", "--cluster-nodes", "a:1", "--client-auth", "passthrough"}),
          "passthrough"));
  CHECK(has(
      errorsOf({"--server", "redis://:p@b:2", "--cluster-nodes", "a:1", "--password-command", "/bin/true"}),
      "password-command"));
  CHECK(has(errorsOf({"--server", "b:2", "--cluster-nodes", "redis://:p@a:1", "--listen", "0.0.0.0:1"}),
            "neither server-password nor client-password"));
}

TEST_CASE("reads are asked again on both sides only where both sides are named") {
  const auto errorsOf = [](const std::vector<std::string>& arguments) {
    return Loading{arguments, {}, {}}.errors();
  };
  const auto has = [](const std::vector<std::string>& errors, std::string_view text) {
    return errors.size() == 1 && errors.front().find(text) != std::string::npos;
  };
  CHECK(has(errorsOf({"--cluster-nodes", "a:1", "--shadow-sample", "100"}), "upstream is not migrating"));
  CHECK(has(errorsOf({"--upstream", "migrating", "--server", "redis+sentinel://b:2/name", "--cluster-nodes",
                      "a:1", "--shadow-sample", "100"}),
            "sentinel-name"));
  const Config both = Loading{
      {"--upstream", "migrating", "--server", "b:2", "--cluster-nodes", "a:1", "--shadow-sample", "100"},
      {},
      {}}.config();
  CHECK(both.shadowSample == 100);
  CHECK(Loading{{"--cluster-nodes", "a:1", "--shadow-sample", "0"}, {}, {}}.config().shadowSample == 0);
}

TEST_CASE("the files for TLS may be those of the server alone") {
  Loading loading{{"--upstream", "migrating", "--server", "b:2", "--cluster-nodes", "a:1",
                   "--cluster-tls-ca-cert-file", "ca.crt"},
                  {},
                  {}};
  REQUIRE(loading.errors().size() == 1);
  CHECK(loading.errors().front().find("nodes are reached without TLS") != std::string::npos);
  loading.arguments.insert(loading.arguments.end(), {"--server-tls", "yes"});
  const Config config = loading.config();
  CHECK_FALSE(config.clusterTls);
  CHECK(config.serverTls);
}

}  // namespace
}  // namespace slotless::config
