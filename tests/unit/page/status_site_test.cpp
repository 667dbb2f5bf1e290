// What the status page answers, over facts that are made by hand.
#include "proxy/page/status_site.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>

#include "catch.h"

using namespace slotless;
using telemetry::AdminRequest;
using telemetry::AdminResponse;
using Json = nlohmann::json;

namespace {

class Facts final : public page::PageSources {
 public:
  std::shared_ptr<config::Config> options = std::make_shared<config::Config>();
  std::shared_ptr<cluster::Topology> slots = std::make_shared<cluster::Topology>();
  observe::Present known;
  std::map<std::string, cluster::NodeReport> reports;
  page::ClientList list;
  page::ProxyList others;
  std::vector<std::string> done;
  std::string matched;

  std::string version() const override { return "1.2.3"; }
  std::shared_ptr<const config::Config> config() const override { return options; }
  config::Origins origins() const override {
    return {{"max-clients", {config::Layer::File, "slotless.yaml:3"}}};
  }
  access::Roster::SnapshotPtr users() const override { return nullptr; }
  session::ProcessFacts process() const override { return {}; }
  std::optional<std::string> whyNotReady() const override { return std::nullopt; }
  std::optional<std::string> whyNotAlive() const override { return std::nullopt; }
  cluster::TopologyPtr topology() const override { return slots; }
  std::chrono::milliseconds topologyAge() const override { return std::chrono::milliseconds(5); }
  observe::Present present() const override { return known; }
  std::deque<observe::TrafficPoint> traffic() const override { return {observe::TrafficPoint{}}; }
  std::deque<observe::Happening> happenings() const override {
    return {{1, 1000, 2000, 3, "limit", observe::Weight::Warning, "acted"}};
  }
  std::vector<page::DatabaseRow> databases() const override { return {{1, "pinned", 77, 5, 6}}; }
  std::vector<telemetry::CertificateFacts> certificates() const override {
    return {{"clients", "server.crt", 123}};
  }
  std::map<std::string, cluster::NodeReport> nodeReports() override { return reports; }
  page::ClientList clients(const std::string& match) override {
    matched = match;
    return list;
  }
  page::SlowList slowLog() override {
    session::SlowEntry entry;
    entry.arguments = {"GET", "\xff\xfe"};
    return {{entry}, true};
  }
  telemetry::HotKeyList hotKeys() const override {
    return {{{1, 5, "a", 1, 10, 4, 300, 0.5}, {2, 6, std::string(128, 'b'), 900, 1.26, 0, 20, 0}}, 12};
  }
  std::optional<telemetry::MigrationProgress> migrating;
  std::optional<telemetry::MigrationProgress> migration() const override { return migrating; }
  page::ProxyList proxies() const override { return others; }
  void pause(std::chrono::milliseconds duration, const std::string& who) override {
    done.push_back("pause " + std::to_string(duration.count()) + " " + who);
  }
  void resume(const std::string& who) override { done.push_back("resume " + who); }
  bool killClient(std::uint64_t id, const std::string&) override {
    done.push_back("kill " + std::to_string(id));
    return id == 7;
  }
  void resetStatistics() override { done.emplace_back("reset"); }
  void reload() override { done.emplace_back("reload"); }
};

struct Scene {
  Facts* facts;
  page::StatusSite site;

  Scene() : Scene(std::make_unique<Facts>()) {}
  explicit Scene(std::unique_ptr<Facts> made) : facts(made.get()), site(std::move(made)) {
    facts->options->adminUsers = {"user ann on >secret"};
    facts->slots->version = 4;
    facts->slots->nodes = {{"aa", {"10.0.0.1", 1}, true, 1, {1}}, {"bb", {"10.0.0.2", 2}, false, 1, {}}};
    facts->slots->owners.fill(0);
    facts->slots->owners[5] = cluster::kNoNode;
  }

  AdminResponse get(const std::string& path, const std::string& query = "",
                    const std::string& peer = "127.0.0.1") {
    AdminRequest request{"GET", path, query, "Host: localhost\r\n", "", peer, false};
    return site.answer(request);
  }
  Json json(const std::string& name) {
    const AdminResponse response = get("/api/v1/" + name);
    INFO(name << ": " << response.body);
    CHECK(response.status == 200);
    return Json::parse(response.body);
  }
  AdminResponse post(const std::string& path, const std::string& body, const std::string& headers = "") {
    return site.answer({"POST", path, "", "Host: localhost\r\nContent-Type: application/json\r\n" + headers,
                        body, "127.0.0.1", false});
  }
  // The headers of somebody who has logged in.
  std::string login() {
    const AdminResponse response = post("/api/v1/login", R"({"user":"ann","password":"secret"})");
    REQUIRE(response.status == 200);
    REQUIRE(response.headers.front().starts_with("Set-Cookie: "));
    const std::string cookie =
        "Cookie: " + response.headers.front().substr(12, response.headers.front().find(';') - 12) + "\r\n";
    const AdminResponse session =
        site.answer({"GET", "/api/v1/session.json", "", cookie, "", "127.0.0.1", false});
    return cookie + "X-CSRF-Token: " + Json::parse(session.body)["token"].get<std::string>() + "\r\n";
  }
};

bool hasHeader(const AdminResponse& response, const std::string& begin) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const std::string& header) { return header.starts_with(begin); });
}

}  // namespace

TEST_CASE("the page and all else come with a strict policy") {
  Scene scene;
  for (const char* path :
       {"/", "/page.js", "/page.css", "/charts.js", "/icon.svg", "/api/v1/health.json", "/nothing"}) {
    INFO(path);
    const AdminResponse response = scene.get(path);
    CHECK(hasHeader(response, "Content-Security-Policy: default-src 'none'"));
    CHECK(hasHeader(response, "X-Frame-Options: DENY"));
    CHECK(response.body.find("http://") == response.body.find("http://www.w3.org/2000/svg"));
  }
  CHECK(scene.get("/").body.find("<script>") == std::string::npos);
  CHECK(scene.get("/").body.find("style=") == std::string::npos);
  CHECK(scene.get("/nothing").status == 404);
  CHECK(scene.get("/api/v1/nothing.json").status == 404);
}

TEST_CASE("all documents that are named are there, and are JSON of the first version") {
  Scene scene;
  const Json names = scene.json("")["documents"];
  CHECK(names.size() == 17);
  for (const Json& name : names) {
    if (name == "stream") continue;
    CHECK(scene.json(name.get<std::string>())["api"] == 1);
  }
}

// The paths as the sources spell them, so that none can be added without the document that tells what it
// shows.
TEST_CASE("SECURITY.md names every path of the admin port") {
  const std::string root = SLOTLESS_SOURCE;
  const auto text = [&root](const std::string& file) {
    std::ifstream stream(root + "/" + file);
    INFO(file);
    REQUIRE(stream);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  const std::string told = text("SECURITY.md");
  std::vector<std::string> paths;
  const auto collect = [&paths](const std::string& source, const std::string& pattern,
                                const std::string& before) {
    const std::regex spelled(pattern);
    std::size_t found = 0;
    for (std::sregex_iterator each(source.begin(), source.end(), spelled), end; each != end; ++each, ++found)
      paths.push_back(before + (*each)[1].str());
    return found;
  };
  const std::string site = text("proxy/page/status_site.cpp");
  CHECK(collect(site, R"re(Asset\{"([^"]+)")re", "") >= 5);
  CHECK(collect(site, R"re(Document\{"([^"]+)")re", "/api/v1/") >= 12);
  CHECK(collect(site, R"re(path == "([^"]+)")re", "") >= 2);
  CHECK(collect(text("proxy/page/actions.cpp"), R"re(Row\{"([^"]+)")re", "/api/v1/actions/") >= 5);
  CHECK(collect(text("proxy/telemetry/admin_response.cpp"), R"re(PageRow\{"([^"]+)")re", "") >= 3);
  Scene scene;
  const Json names = scene.json("")["documents"];
  for (const Json& name : names) paths.push_back("/api/v1/" + name.get<std::string>());
  for (const std::string& path : paths) {
    INFO(path);
    CHECK(told.find("`" + path + "`") != std::string::npos);
  }
}

TEST_CASE("the topology is told by ranges, uncovered slots and open slots among them") {
  Scene scene;
  scene.facts->reports["[10.0.0.1]:1"] = {};
  cluster::NodeReport report;
  report.openSlots = {{9, true, "bb"}};
  report.keys = 12;
  scene.facts->reports["10.0.0.1:1"] = report;
  const Json topology = scene.json("topology.json");
  CHECK(topology["slots_covered"] == 16383);
  REQUIRE(topology["ranges"].size() == 3);
  CHECK(topology["ranges"][1] == Json{{"from", 5}, {"to", 5}, {"node", nullptr}});
  CHECK(topology["ranges"][2]["node"] == "10.0.0.1:1");
  CHECK(topology["open_slots"] == Json::array({{{"slot", 9}, {"from", "10.0.0.1:1"}, {"to", "10.0.0.2:2"}}}));
  CHECK(topology["masters"][0]["replicas"] == Json::array({"10.0.0.2:2"}));
  CHECK(topology["imbalance"]["keys"]["most"] == 12);
}

TEST_CASE("hot keys are told with the nodes that have them, long ones by their beginnings") {
  Scene scene;
  scene.facts->slots->owners[5] = 0;
  scene.facts->slots->owners[6] = cluster::kNoNode;
  const Json told = scene.json("hotkeys.json");
  CHECK(told["sample"] == 100);
  CHECK(told["uses_per_s"] == 12);
  CHECK(told["keys"][0] == Json({{"key", "a"},
                                 {"key_bytes", 1},
                                 {"database", 1},
                                 {"slot", 5},
                                 {"node", "10.0.0.1:1"},
                                 {"uses_per_s", 10.0},
                                 {"writes_per_s", 4.0},
                                 {"request_bytes_per_s", 300.0},
                                 {"excess_per_s", 0.5}}));
  CHECK(told["keys"][1]["node"] == nullptr);
  CHECK(told["keys"][1]["key_bytes"] == 900);
  CHECK(told["keys"][1]["uses_per_s"] == 1.3);
}

TEST_CASE("where a migration stands is told while there is one") {
  Scene scene;
  CHECK(scene.json("migration.json")["migration"].is_null());
  telemetry::MigrationProgress progress;
  progress.atWork = true;
  progress.phase = "walking";
  progress.source = "redis://old:6379";
  progress.walkedKeys = 10;
  progress.expectedKeys = 40;
  progress.lagMillis = 7;
  scene.facts->migrating = progress;
  Json told = scene.json("migration.json")["migration"];
  CHECK(told["at_work"] == true);
  CHECK(told["direction"] == "to_cluster");
  CHECK(told["phase"] == "walking");
  CHECK(told["source"] == "redis://old:6379");
  CHECK(told["walked_keys"] == 10);
  CHECK(told["expected_keys"] == 40);
  CHECK(told["lag_ms"] == 7);
  CHECK(told["eta_s"].is_null());
  scene.facts->migrating->etaSeconds = 5;
  scene.facts->migrating->toCluster = false;
  told = scene.json("migration.json")["migration"];
  CHECK(told["eta_s"] == 5);
  CHECK(told["direction"] == "to_server");
}

TEST_CASE("other proxies are told, this one first, and whether they are heard at all") {
  Scene scene;
  scene.facts->others.channel = "unheard";
  scene.facts->others.trouble = "10.0.0.1:7001: no answer";
  Json told = scene.json("peers.json");
  CHECK(told["channel"] == "unheard");
  CHECK(told["trouble"] == "10.0.0.1:7001: no answer");
  CHECK(told["node"].is_null());
  CHECK(told["proxies"].empty());
  scene.facts->others = {"on", "", "10.0.0.1:7001", 4, 3, 2, 1, {}};
  scene.facts->others.proxies = {{"own", "here", "1.2.3", 5, std::chrono::milliseconds(0), "told"},
                                 {"a\xff", "there", "1.2.4", 6, std::chrono::milliseconds(700), "unknown"}};
  told = scene.json("peers.json");
  CHECK(told["trouble"].is_null());
  CHECK(told["node"] == "10.0.0.1:7001");
  CHECK(told["messages"] == Json{{"said_total", 4}, {"heard_total", 3}, {"unread_total", 2}});
  CHECK(told["vanished_total"] == 1);
  REQUIRE(told["proxies"].size() == 2);
  CHECK(told["proxies"][0] == Json{{"id", "own"},
                                   {"self", true},
                                   {"place", "here"},
                                   {"version", "1.2.3"},
                                   {"clients", 5},
                                   {"heard_ago_ms", 0},
                                   {"subscribers", "told"}});
  CHECK(told["proxies"][1]["self"] == false);
  CHECK(told["proxies"][1]["id"] == "a\uFFFD");
  CHECK(told["proxies"][1]["heard_ago_ms"] == 700);
}

TEST_CASE("a replica's lag is what its master has sent and it has not received") {
  Scene scene;
  scene.facts->reports["10.0.0.1:1"].replicationOffset = 100;
  scene.facts->reports["10.0.0.2:2"].replicationOffset = 70;
  scene.facts->known.nodes["10.0.0.1:1"].requests = 12.34;
  const Json nodes = scene.json("nodes.json")["nodes"];
  CHECK(nodes[0]["requests_per_s"] == 12.3);
  CHECK(nodes[0]["replication"].is_null());
  CHECK(nodes[1]["replication"]["behind_bytes"] == 30);
  CHECK(nodes[1]["master"] == "10.0.0.1:1");
}

TEST_CASE("health says the worst first, and notes do not make it unwell") {
  Scene scene;
  CHECK(scene.json("health.json")["well"] == true);
  scene.facts->known.problems = {{"a", observe::Weight::Note, "only a note", "", 1}};
  CHECK(scene.json("health.json")["well"] == true);
  scene.facts->known.problems = {{"a", observe::Weight::Trouble, "it burns", "run", 1000}};
  const Json health = scene.json("health.json");
  CHECK(health["well"] == false);
  CHECK(health["weight"] == "trouble");
  CHECK(health["line"] == "it burns");
  CHECK(health["problems"][0]["since_ms"] == 1000);
}

TEST_CASE("clients say what they wait for and hold, and are searched for") {
  Scene scene;
  session::ClientFacts client;
  client.id = 7;
  client.name = "caf\xe9";
  client.held = 2;
  client.pending = 3;
  client.watchedKeys = 1;
  scene.facts->list.clients = {client};
  scene.facts->list.connected = 9;
  const Json json = Json::parse(scene.get("/api/v1/clients.json", "x=1&match=a%20b%2").body);
  CHECK(scene.facts->matched == "a b%2");
  CHECK(json["connected"] == 9);
  CHECK(json["clients"][0]["waits_for"] ==
        Json::array({"a node that can take 2 requests", "answers to 1 request"}));
  CHECK(json["clients"][0]["holds"] == Json::array({"a watch on 1 key"}));
}

TEST_CASE("the configuration is told with the source of each value, and without secrets") {
  Scene scene;
  scene.facts->options->password = "hunter2";
  const AdminResponse response = scene.get("/api/v1/configuration.json");
  CHECK(response.body.find("hunter2") == std::string::npos);
  CHECK(response.body.find("secret\"}") == std::string::npos);
  const Json document = Json::parse(response.body);
  for (const Json& option : document["options"]) {
    if (option["name"] == "max-clients") CHECK(option["source"] == "slotless.yaml:3");
    if (option["name"] == "password") CHECK(option["value"] == "********");
    if (option["name"] == "admin-users") CHECK(option["value"] == "********");
  }
}

TEST_CASE("who may not read sees the page, but no document") {
  Scene scene;
  CHECK(scene.get("/", "", "10.0.0.9").status == 200);
  for (const char* name : {"", "health.json", "stream", "configuration.json"})
    CHECK(scene.get("/api/v1/" + std::string(name), "", "10.0.0.9").status == 401);
  const Json session = Json::parse(scene.get("/api/v1/session.json", "", "10.0.0.9").body);
  CHECK(session["reads"] == false);
  CHECK(session["has_users"] == true);
  CHECK(
      scene.site.answer({"GET", "/api/v1/health.json", "", "Host: evil.example\r\n", "", "127.0.0.1", false})
          .status == 421);
}

TEST_CASE("the stream begins with what is known, and goes on with events of one line") {
  Scene scene;
  const AdminResponse response = scene.get("/api/v1/stream");
  CHECK(response.streams);
  CHECK(response.contentType == "text/event-stream");
  const std::string event = scene.site.nextEvent();
  CHECK(event.starts_with("event: overview\ndata: {"));
  CHECK(event.ends_with("}\n\n"));
  CHECK(std::count(event.begin(), event.end(), '\n') == 3);
}

TEST_CASE("actions want to be on, a session, its token, the page's own origin, and JSON") {
  Scene scene;
  const std::string user = scene.login();
  const std::string cookie = user.substr(0, user.find("X-CSRF"));
  const std::string path = "/api/v1/actions/reload";
  CHECK(scene.post(path, "{}", user).status == 403);
  scene.facts->options->adminActions = true;
  CHECK(scene.post(path, "{}").status == 401);
  CHECK(scene.post(path, "{}", cookie).status == 403);
  CHECK(scene.post(path, "{}", cookie + "X-CSRF-Token: 0\r\n").status == 403);
  CHECK(scene.post(path, "{}", user + "Origin: http://evil.example\r\n").status == 403);
  CHECK(scene.get(path).status == 405);
  CHECK(
      scene.site.answer({"POST", path, "", "Host: localhost\r\n" + user, "{}", "127.0.0.1", false}).status ==
      415);
  CHECK(scene.facts->done.empty());
  CHECK(scene.post(path, "{}", user).status == 200);
  CHECK(scene.post("/api/v1/actions/destroy", "{}", user).status == 404);
  CHECK(scene.facts->done == std::vector<std::string>{"reload"});
}

TEST_CASE("each action checks what it is given") {
  Scene scene;
  scene.facts->options->adminActions = true;
  const std::string user = scene.login();
  const auto act = [&](const std::string& name, const std::string& body) {
    return scene.post("/api/v1/actions/" + name, body, user).status;
  };
  for (const char* body :
       {"", "{}", "[]", "{\"argument\":0}", "{\"argument\":\"5\"}", "{\"argument\":3600001}"}) {
    INFO(body);
    CHECK(act("pause", body) == 400);
  }
  CHECK(act("pause", "{\"argument\":5000}") == 200);
  CHECK(act("resume", "{}") == 200);
  CHECK(act("kill-client", "{\"argument\":7}") == 200);
  CHECK(act("kill-client", "{\"argument\":8}") == 409);
  CHECK(act("kill-client", "{\"argument\":-1}") == 400);
  CHECK(act("reset-statistics", "") == 200);
  CHECK(scene.facts->done == std::vector<std::string>{"pause 5000 ann at 127.0.0.1",
                                                      "resume ann at 127.0.0.1", "kill 7", "kill 8",
                                                      "reset"});
}

TEST_CASE("a wrong password says so, and after some of them one has to wait") {
  Scene scene;
  for (unsigned i = 0; i < page::Door::kFreeFailures; ++i)
    CHECK(scene.post("/api/v1/login", R"({"user":"ann","password":"x"})").status == 401);
  const AdminResponse response = scene.post("/api/v1/login", R"({"user":"ann","password":"secret"})");
  CHECK(response.status == 429);
  CHECK(hasHeader(response, "Retry-After: 1"));
}
