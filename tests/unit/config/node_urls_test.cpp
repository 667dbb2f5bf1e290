// rediss://USER:PASSWORD@HOST:PORT among the nodes: what it sets, and what is wrong with it.
#include "config/node_urls.h"

#include "config/process_inputs.h"
#include "loading.h"

using namespace slotless::config;

namespace {

Loading withNodes(const std::string& nodes, std::vector<std::string> arguments = {}) {
  return {std::move(arguments), {{"REDIS_CLUSTER_NODES", nodes}}, {}};
}

const std::string kVariable = "environment variable REDIS_CLUSTER_NODES: cluster-nodes: ";

}  // namespace

TEST_CASE("A URL among the nodes sets TLS, user and password for all of them") {
  const Config config = withNodes("rediss://me:s%40cr%2Ct@a:1,b:2, [::1]:3").config();
  CHECK(config.clusterNodes == std::vector<Endpoint>{{"a", 1}, {"b", 2}, {"::1", 3}});
  CHECK(config.clusterTls);
  CHECK(config.username == "me");
  CHECK(config.password == "s@cr,t");
}

TEST_CASE("What a URL may leave out, and what it may have") {
  struct Case {
    const char* nodes;
    std::vector<Endpoint> endpoints;
    bool tls;
    std::string username;
    std::string password;
  };
  const auto& c = GENERATE(values<Case>({
      {"redis://a:1", {{"a", 1}}, false, "", ""},
      {"rediss://a", {{"a", 6379}}, true, "", ""},
      {"rediss://[::1]", {{"::1", 6379}}, true, "", ""},
      {"rediss://[::1]:2/", {{"::1", 2}}, true, "", ""},
      {"REDISS://a:1/0", {{"a", 1}}, true, "", ""},
      {"rediss://:pw@a:1", {{"a", 1}}, true, "", "pw"},
      {"redis://u:p:w/@a:1", {{"a", 1}}, false, "u", "p:w/"},
      {"a:1,rediss://u:pw@b:2", {{"a", 1}, {"b", 2}}, true, "u", "pw"},
      {"rediss://u:pw@a:1,rediss://u:pw@b:2,rediss://c:3", {{"a", 1}, {"b", 2}, {"c", 3}}, true, "u", "pw"},
  }));
  INFO(c.nodes);
  const Config config = withNodes(c.nodes).config();
  CHECK(config.clusterNodes == c.endpoints);
  CHECK(config.clusterTls == c.tls);
  CHECK(config.username == c.username);
  CHECK(config.password == c.password);
}

TEST_CASE("URLs may stand in all sources, in pieces as well") {
  for (const auto& loading :
       {Loading{{"--cluster-nodes=rediss://u:pw@a:1", "--cluster-nodes", "b:2"}, {}, {}},
        Loading{{"--config=f"}, {}, {{"f", "cluster-nodes: [\"rediss://u:pw@a:1\", \"rediss://b:2\"]"}}}}) {
    const Config config = loading.config();
    CHECK(config.clusterNodes == std::vector<Endpoint>{{"a", 1}, {"b", 2}});
    CHECK(config.clusterTls);
    CHECK(config.password == "pw");
  }
}

TEST_CASE("What is wrong with a URL is said without any of it") {
  struct Case {
    const char* nodes;
    const char* reason;
  };
  const auto& c = GENERATE(values<Case>({
      {"http://a:1", "the scheme of a URL is neither redis nor rediss"},
      {"redis://a:1,rediss://b:1", "some URLs begin with redis:// and others with rediss://"},
      {"rediss://u:hunter1@a:1,rediss://u:hunter2@b:1", "two URLs have different users or passwords"},
      {"rediss://v:hunter2@a:1,rediss://u:hunter2@b:1", "two URLs have different users or passwords"},
      {"rediss://u:hunter2%4@a:1", "behind % in a URL there must be two hexadecimal digits"},
      {"rediss://u:hunter2%zz@a:1", "behind % in a URL there must be two hexadecimal digits"},
      {"rediss://u:hunter2@a:1/3",
       "a URL of a node has nothing behind its port; see default-database for another database"},
      {"rediss://u:hunter2@a:1?x=y",
       "a URL of a node has nothing behind its port; see default-database for another database"},
  }));
  INFO(c.nodes);
  const auto errors = withNodes(c.nodes).errors();
  REQUIRE(errors.size() == 1);
  CHECK(contains(errors[0], std::string("(") + c.reason + ")"));
  CHECK(contains(errors[0], kVariable + "found a text that is not shown because it may hold a secret"));
  CHECK_FALSE(contains(errors[0], "hunter"));
}

TEST_CASE("A password with a comma that is not encoded is not shown") {
  for (const auto* nodes : {"rediss://u:hunter2,hunter3,x@a:1", "rediss://u:hunter2@a:1,hunter3"}) {
    const auto errors = withNodes(nodes).errors();
    REQUIRE_FALSE(errors.empty());
    for (const auto& error : errors) CHECK_FALSE(contains(error, "hunter2"));
  }
}

TEST_CASE("A URL and another setting of the same source must agree") {
  const std::string url = "rediss://u:hunter2@a:1";
  SECTION("they do") {
    const Loading same{
        {"--cluster-nodes", url, "--username=u", "--password=hunter2", "--cluster-tls=yes"}, {}, {}};
    CHECK(same.config().clusterTls);
  }
  SECTION("they do not") {
    for (const std::string other : {"--username=v", "--password=hunter3", "--cluster-tls=no"}) {
      INFO(other);
      const auto errors = Loading{{"--cluster-nodes", url, other}, {}, {}}.errors();
      REQUIRE(errors.size() == 1);
      CHECK(contains(errors[0],
                     "found a URL that says something else than " + other.substr(2, other.find('=') - 2)));
      CHECK_FALSE(contains(errors[0], "hunter"));
    }
  }
  SECTION("and REDIS_PASSWORD beside REDIS_CLUSTER_NODES is such a one") {
    Loading loading = withNodes(url);
    loading.environment["REDIS_PASSWORD"] = "hunter3";
    CHECK(loading.errors().size() == 1);
  }
}

TEST_CASE("Between a URL and a setting of another source the stronger source counts") {
  const std::string url = "rediss://u:pw@a:1";
  CHECK(withNodes(url, {"--password=other"}).config().password == "other");
  CHECK_FALSE(withNodes(url, {"--cluster-tls=no"}).config().clusterTls);
  Loading loading = withNodes(url, {"--config=f"});
  loading.files["f"] = "password: weaker\ncluster-tls: no\ncluster-nodes: rediss://x:y@z:9";
  CHECK(loading.config().password == "pw");
  CHECK(loading.config().username == "u");
  CHECK(loading.config().clusterTls);
}

TEST_CASE("A URL that another source replaces says nothing") {
  const Config config = withNodes("rediss://u:pw@a:1", {"--cluster-nodes=b:2"}).config();
  CHECK_FALSE(config.clusterTls);
  CHECK(config.password.empty());
}

TEST_CASE("The page of --check-config shows no URL, and where its parts come from") {
  const auto page = withNodes("rediss://u:hunter2@a:1", {"--check-config"}).printout();
  CHECK_FALSE(contains(page, "hunter2"));
  CHECK(contains(page, "cluster-nodes: [\"a:1\"]"));
  CHECK(contains(page, "cluster-tls: yes  # environment variable REDIS_CLUSTER_NODES, URL\n"));
}
