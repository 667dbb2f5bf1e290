// Each check: finds what is planted, and nothing else.
#include "proxy/doctor/checks.h"

#include "catch.h"
#include "clusters.h"

namespace slotless::doctor {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("In a healthy cluster nothing is found") {
  CHECK(found(healthy()) == Names{});
}

TEST_CASE("Every check has a name of its own, and says why and what to do") {
  std::vector<std::string_view> names;
  for (const Check* check : allChecks()) {
    CHECK(std::find(names.begin(), names.end(), check->name) == names.end());
    CHECK_FALSE(check->why.empty());
    names.push_back(check->name);
  }
  CHECK(names.size() > 30);
}

TEST_CASE("A check that is skipped finds nothing") {
  Facts facts = healthy();
  facts.machine.overcommit = 0;
  CHECK(examine(facts, {"overcommit"}).empty());
  CHECK(found(facts) == Names{"overcommit"});
}

TEST_CASE("The worst is told first") {
  Facts facts = healthy();
  facts.machine.overcommit = 0;
  facts.nodes[1].info["rdb_last_bgsave_status"] = "err";
  for (Node& node : facts.nodes) node.settings["cluster-require-full-coverage"] = "yes";
  const auto findings = examine(facts);
  REQUIRE(findings.size() == 3);
  CHECK(findings[0].severity == Severity::Critical);
  CHECK(findings[1].severity == Severity::Warning);
  CHECK(findings[2].severity == Severity::Note);
}

TEST_CASE("A master that is gone is unreachable, and its slots are stuck") {
  Facts facts = healthy();
  silence(facts.nodes[0], Contact::NoConnection, "Connection refused");
  sayOf(facts, 0, [](Peer& peer) {
    peer.failed = true;
    peer.linkUp = false;
  });
  CHECK(found(facts) == Names{"unreachable@10.0.0.1:6379", "stuck@slots 0-5460", "bus-link@10.0.0.2:6379",
                              "bus-link@10.0.0.3:6379", "bus-link@10.0.0.4:6379", "bus-link@10.0.0.5:6379",
                              "bus-link@10.0.0.6:6379", "failed-node@10.0.0.1:6379"});
}

TEST_CASE("A replica that is gone is a warning only") {
  Facts facts = healthy();
  silence(facts.nodes[3], Contact::NoAnswer, "no answer in time");
  sayOf(facts, 3, [](Peer& peer) { peer.failed = true; });
  for (const Finding& finding : examine(facts)) CHECK(finding.severity == Severity::Warning);
}

TEST_CASE("A node that only this machine does not reach has an address of elsewhere") {
  Facts facts = healthy();
  silence(facts.nodes[1], Contact::NoConnection, "Connection refused");
  const auto findings = examine(facts);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].check == "address-map");
  CHECK(findings[0].todo.find("--address-map 10.0.0.2:6379=HOST:PORT") != std::string::npos);
}

TEST_CASE("The rule for a node that is reached by another address is told") {
  Facts facts = healthy();
  facts.nodes[0].dialled = {"127.0.0.1", 7001};
  facts.nodes[0].announcedContact = Contact::NoAnswer;
  auto findings = examine(facts);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].todo == "Set address-map: --address-map 10.0.0.1:6379=127.0.0.1:7001");
  facts.nodes[0].announcedContact = Contact::Good;
  CHECK(found(facts).empty());
}

TEST_CASE("Names, logins, TLS, scripts and servers without cluster mode are told apart") {
  Facts facts = healthy();
  facts.unknownNames = {{"nowhere.invalid", "Name or service not known", true}};
  CHECK(found(facts) == Names{"name@nowhere.invalid"});
  const std::pair<Contact, std::string> kinds[] = {
      {Contact::LoginRefused, "login"},  {Contact::LoginMissing, "login"}, {Contact::LoginUnwanted, "login"},
      {Contact::NoTls, "tls"},           {Contact::Busy, "busy"},          {Contact::Loading, "busy"},
      {Contact::NoCluster, "no-cluster"}};
  for (const auto& [contact, check] : kinds) {
    Facts planted = healthy();
    silence(planted.nodes[4], contact, "x");
    CHECK(found(planted) == Names{check + "@10.0.0.5:6379"});
  }
}

TEST_CASE("A bus port that only this machine does not reach is a note") {
  Facts facts = healthy();
  facts.nodes[2].bus = Port::Closed;
  REQUIRE(examine(facts).size() == 1);
  CHECK(examine(facts)[0].severity == Severity::Note);
  lineOf(facts.nodes[0], 2).linkUp = false;
  const auto findings = examine(facts);
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].check == "bus-port");
  CHECK(findings[0].severity == Severity::Warning);
  CHECK(findings[1].check == "bus-link");
}

TEST_CASE("Slots that nobody has, and slots that nodes give to different masters") {
  Facts facts = healthy();
  sayOf(facts, 2, [](Peer& peer) { peer.slots = {{10923, 16000}}; });
  CHECK(found(facts) == Names{"uncovered@slots 16001-16383"});
  facts = healthy();
  lineOf(facts.nodes[5], 0).slots = {{1, 5460}};
  lineOf(facts.nodes[5], 1).slots = {{0, 0}, {5461, 10922}};
  const auto findings = examine(facts);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].subject == "slot 0");
  CHECK(
      findings[0].seen ==
      "the nodes disagree on who has them: slot 0 belongs to 10.0.0.1:6379, but for 10.0.0.6:6379 to 10.0.0.2:6379");
}

TEST_CASE("A node that the others do not know") {
  Facts facts = healthy();
  facts.nodes[5].peers = {facts.nodes[5].peers[5]};
  CHECK(found(facts) == Names{"disagreement@slots 0-16383", "unknown-node@10.0.0.6:6379"});
}

TEST_CASE("A cluster that is down says so") {
  Facts facts = healthy();
  facts.nodes[1].cluster["cluster_state"] = "fail";
  CHECK(found(facts) == Names{"cluster-state@10.0.0.2:6379"});
}

TEST_CASE("A move that both ends know is a note, and one that is half open is not") {
  Facts facts = healthy();
  lineOf(facts.nodes[0], 0).open = {{93, false, idOf(1)}};
  CHECK(found(facts) == Names{"half-open-slot@slot 93"});
  lineOf(facts.nodes[1], 1).open = {{93, true, idOf(0)}};
  CHECK(found(facts) == Names{"moving-slot@slot 93"});
}

TEST_CASE("Copies: none, beside their master, broken, late") {
  Facts facts = healthy();
  sayOf(facts, 3, [](Peer& peer) { peer.masterId = idOf(2); });
  CHECK(found(facts) == Names{"no-replica@10.0.0.2:6379"});

  facts = healthy();
  sayOf(facts, 3, [](Peer& peer) { peer.address.host = "10.0.0.2"; });
  CHECK(found(facts) == Names{"replica-beside@10.0.0.2"});

  facts = healthy();
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
    sayOf(facts, i, [](Peer& peer) { peer.address.host = "10.0.0.9"; });
  CHECK(found(facts) == Names{"masters-together@10.0.0.9"});

  facts = healthy();
  facts.nodes[3].info["master_link_status"] = "down";
  CHECK(found(facts) == Names{"replication@10.0.0.4:6379"});

  facts = healthy();
  facts.nodes[3].info["master_last_io_seconds_ago"] = "30";
  facts.nodes[2].info["master_repl_offset"] = "99000000";  // whose replica is the second one
  CHECK(found(facts) == Names{"lag@10.0.0.4:6379", "lag@10.0.0.5:6379"});
}

TEST_CASE("Two masters are too few for votes") {
  Facts facts = healthy();
  for (Node& node : facts.nodes) {
    node.peers.erase(node.peers.begin() + 2);
    node.peers[1].slots = {{5461, 16383}};
  }
  facts.nodes.erase(facts.nodes.begin() + 2);
  const Names names = found(facts);
  CHECK(std::find(names.begin(), names.end(), "few-masters") != names.end());
}

TEST_CASE("What is not saved, or could not be") {
  Facts facts = healthy();
  facts.nodes[0].info["aof_enabled"] = "0";
  CHECK(found(facts) == Names{"persistence@10.0.0.1:6379"});
  facts.nodes[0].settings["save"] = "3600 1";
  CHECK(found(facts) == Names{});
  facts.nodes[0].info["rdb_changes_since_last_save"] = "5";
  facts.nodes[0].info["rdb_last_save_time"] = "1699800000";
  CHECK(found(facts) == Names{"old-save@10.0.0.1:6379"});
  facts = healthy();
  facts.nodes[0].info["aof_last_write_status"] = "err";
  CHECK(found(facts) == Names{"failed-save@10.0.0.1:6379"});
}

TEST_CASE("Settings that differ, or do not go together with the proxy's") {
  const auto withSetting = [](std::size_t first, std::size_t count, const std::string& name,
                              const std::string& value) {
    Facts facts = healthy();
    for (std::size_t i = first; i < first + count; ++i) facts.nodes[i].settings[name] = value;
    return found(facts);
  };
  CHECK(withSetting(2, 1, "notify-keyspace-events", "KEA") == Names{"notifications@notify-keyspace-events"});
  CHECK(withSetting(2, 1, "maxmemory-policy", "allkeys-lru") == Names{"settings@maxmemory-policy"});
  CHECK(withSetting(0, 6, "maxmemory", "0") == Names{"maxmemory"});
  CHECK(withSetting(0, 6, "cluster-require-full-coverage", "yes") == Names{"full-coverage"});
  CHECK(withSetting(0, 6, "cluster-node-timeout", "15000") == Names{"node-timeout"});
  CHECK(withSetting(0, 6, "cluster-node-timeout", "60000") == Names{"node-timeout"});
  CHECK(withSetting(0, 6, "cluster-node-timeout", "100") == Names{"node-timeout"});
  Facts facts = healthy();
  facts.nodes[4].info["redis_version"] = "6.2.0";
  CHECK(found(facts) == Names{"versions"});
}

TEST_CASE("Rights are told once for all nodes that deny them") {
  Facts facts = healthy();
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
    facts.nodes[i].denied = {{"eval", "NOPERM x", "MOVE is refused", false}};
  facts.nodes[2].denied = {{"get", "NOPERM y", "clients cannot read", true}};
  const auto findings = examine(facts);
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].subject == "get");
  CHECK(findings[0].severity == Severity::Critical);
  CHECK(findings[1].seen == "denied by 10.0.0.1:6379, 10.0.0.2:6379: NOPERM x; without it: MOVE is refused");
}

TEST_CASE("Connections are compared with what a proxy may come to have") {
  Facts facts = healthy();
  for (Node& node : facts.nodes) node.settings["maxclients"] = "5000";
  REQUIRE(examine(facts).size() == 1);
  CHECK(examine(facts)[0].severity == Severity::Note);
  facts.nodes[1].info["connected_clients"] = "4500";
  CHECK(found(facts) == Names{"connections@10.0.0.2:6379", "connections"});
  facts = healthy();
  facts.config.workers = 64;
  for (Node& node : facts.nodes) node.settings["maxclients"] = "200";
  CHECK(examine(facts).size() == 6);
}

TEST_CASE("Memory that is used up is critical only where writes are refused") {
  Facts facts = healthy();
  facts.nodes[0].info["used_memory"] = "950000";
  REQUIRE(examine(facts).size() == 1);
  CHECK(examine(facts)[0].severity == Severity::Critical);
  facts.nodes[0].info["maxmemory_policy"] = "allkeys-lru";
  CHECK(examine(facts)[0].severity == Severity::Warning);
}

TEST_CASE("Times: slow answers, unanswered pings between nodes, clocks") {
  Facts facts = healthy();
  facts.nodes[0].pingMicros = {9000, 100, 9000};
  facts.nodes[1].clockAheadMillis = -5000;
  lineOf(facts.nodes[2], 4).pingSentUnixMillis = 1'700'000'000'000 - 4000;
  CHECK(found(facts) ==
        Names{"latency@10.0.0.1:6379", "bus-latency@10.0.0.3:6379 → 10.0.0.5:6379", "clock@10.0.0.2:6379"});
  facts = healthy();
  facts.nodes[1].clockAheadMillis = 5000;
  facts.nodes[1].clockDoubtMillis = 4500;
  CHECK(found(facts) == Names{});
}

TEST_CASE("Shares that are uneven") {
  Facts facts = healthy();
  sayOf(facts, 0, [](Peer& peer) { peer.slots = {{0, 10922}}; });
  sayOf(facts, 1, [](Peer& peer) { peer.slots = {}; });
  CHECK(found(facts) == Names{"few-masters", "idle-master@10.0.0.2:6379"});
  facts = healthy();
  sayOf(facts, 0, [](Peer& peer) { peer.slots = {{0, 9000}}; });
  sayOf(facts, 1, [](Peer& peer) { peer.slots = {{9001, 10922}}; });
  CHECK(found(facts) == Names{"slots-uneven@10.0.0.1:6379"});
  facts = healthy();
  facts.nodes[2].info["db0"] = "keys=100000,expires=0,avg_ttl=0";
  facts.nodes[0].info["instantaneous_ops_per_sec"] = "9000";
  CHECK(found(facts) == Names{"keys-uneven@10.0.0.3:6379", "requests-uneven@10.0.0.1:6379"});
}

TEST_CASE("Keys: of another layout, big, hot") {
  Facts facts = healthy();
  facts.nodes[0].keys = {100, {{"big\n", 20 << 20}, {"small", 10}}, {{"hot", 230}, {"cold", 3}}, 7, {"~1:a"}};
  const auto findings = examine(facts);
  REQUIRE(findings.size() == 3);
  CHECK(findings[0].check == "layout");
  CHECK(findings[1].subject == "big\\x0a");
  CHECK(findings[1].seen == "20 MiB on 10.0.0.1:6379");
  CHECK(findings[2].subject == "hot");
}

TEST_CASE("What the kernel allows") {
  Facts facts = healthy();
  facts.machine.mostBacklog = 128;
  facts.machine.overcommit = 0;
  facts.machine.clientsThatFit = 100;
  CHECK(found(facts) == Names{"descriptors", "backlog", "overcommit"});
  facts.machine.nodesRunHere = false;
  CHECK(found(facts) == Names{"descriptors", "backlog"});
}

}  // namespace
}  // namespace slotless::doctor
