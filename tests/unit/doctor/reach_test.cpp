// Who cannot be spoken with, and what is said of it: one thing that is true.
#include "catch.h"
#include "clusters.h"
#include "proxy/doctor/clusters_apart.h"

namespace slotless::doctor {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("Where nobody answers one finding says so") {
  Facts facts;
  for (std::size_t i = 0; i < 3; ++i) {
    facts.nodes.push_back(nodeOf(i));
    silence(facts.nodes.back(), Contact::NoConnection, "Connection refused");
    facts.nodes.back().seed = true;
  }
  CHECK(found(facts) == Names{"unreachable@10.0.0.1:6379, 10.0.0.2:6379, 10.0.0.3:6379"});
  CHECK(examine(facts).front().severity == Severity::Critical);
  silence(facts.nodes[1], Contact::LoginRefused, "WRONGPASS");
  CHECK(found(facts).size() == 1);
  facts.nodes[0].contact = facts.nodes[2].contact = Contact::LoginRefused;
  CHECK(found(facts) == Names{"login@10.0.0.1:6379, 10.0.0.2:6379, 10.0.0.3:6379"});
}

TEST_CASE("A node that is frozen has no wrong address") {
  Facts facts = healthy();
  silence(facts.nodes[1], Contact::NoAnswer, "no answer for 3000 ms");
  CHECK(found(facts) == Names{"unreachable@10.0.0.2:6379"});
}

TEST_CASE("A node of which the others have not heard for a while has no wrong address") {
  Facts facts = healthy();
  silence(facts.nodes[1], Contact::NoConnection, "no answer in time");
  sayOf(facts, 1, [](Peer& peer) { peer.pingSentUnixMillis = 1'700'000'000'000 - 1500; });
  CHECK(found(facts).front() == "unreachable@10.0.0.2:6379");
}

TEST_CASE("What is no node is told as what it is") {
  Facts facts = healthy();
  for (const Contact contact : {Contact::NoServer, Contact::Sentinel}) {
    facts.nodes[3] = nodeOf(3);
    silence(facts.nodes[3], contact, "what it is");
    CHECK(found(facts) == Names{"not-a-node@10.0.0.4:6379"});
  }
  silence(facts.nodes[3], Contact::WantsTls, "it speaks TLS only");
  CHECK(found(facts) == Names{"tls@10.0.0.4:6379"});
}

TEST_CASE("The nodes of another cluster are one finding") {
  Facts facts = healthy();
  for (std::size_t i = 0; i < 2; ++i) {
    Node node;
    node.id = "other-" + std::to_string(i);
    node.dialled = node.announced = {"10.0.1.1", static_cast<std::uint16_t>(6379 + i)};
    node.seed = true;
    node.contact = Contact::Good;
    for (std::size_t other = 0; other < 2; ++other) {
      Peer peer;
      peer.id = "other-" + std::to_string(other);
      peer.myself = other == i;
      peer.master = peer.linkUp = true;
      node.peers.push_back(peer);
    }
    facts.nodes.insert(facts.nodes.begin(), node);
  }
  setOthersAside(facts);
  CHECK(found(facts) == Names{"unknown-node@10.0.1.1:6380"});
}

TEST_CASE("A cluster that has not been made yet is one finding") {
  Facts facts = healthy();
  facts.nodes.resize(1);
  facts.nodes[0].peers.resize(1);
  facts.nodes[0].peers[0].slots.clear();
  facts.nodes[0].cluster["cluster_state"] = "fail";
  CHECK(found(facts) == Names{"uncovered"});
}

Facts oneServer() {
  Facts facts;
  facts.config.upstream = config::Upstream::Single;
  facts.nodes.push_back(nodeOf(0));
  facts.nodes[0].peers.clear();
  facts.nodes[0].cluster.clear();
  return facts;
}

TEST_CASE("One server that is well is no finding, and one that is not is one") {
  CHECK(found(oneServer()) == Names{});
  for (const Contact contact :
       {Contact::NoSuchName, Contact::NoConnection, Contact::NoAnswer, Contact::NoTls, Contact::WantsTls,
        Contact::LoginRefused, Contact::LoginMissing, Contact::LoginUnwanted, Contact::Busy, Contact::Loading,
        Contact::OfCluster, Contact::Sentinel, Contact::NoServer, Contact::Odd}) {
    Facts facts = oneServer();
    silence(facts.nodes[0], contact, "why");
    const auto findings = examine(facts);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].check == "server");
    CHECK(findings[0].severity == Severity::Critical);
    CHECK_FALSE(findings[0].todo.empty());
  }
}

TEST_CASE("Replicas without a master, and sentinels that know nothing") {
  Facts facts = oneServer();
  facts.nodes[0].info["role"] = "slave";
  CHECK(found(facts) == Names{"server@10.0.0.1:6379"});
  facts = oneServer();
  facts.sentinels = {nodeOf(1), nodeOf(2)};
  CHECK(found(facts) == Names{});
  silence(facts.sentinels[0], Contact::NoConnection, "Connection refused");
  CHECK(found(facts) == Names{"sentinels@10.0.0.2:6379"});
  silence(facts.sentinels[1], Contact::NoConnection, "Connection refused");
  CHECK(found(facts) == Names{"sentinels@10.0.0.2:6379, 10.0.0.3:6379"});
}

TEST_CASE("Administrators without a password are told") {
  Facts facts = healthy();
  facts.config.password = "secret";
  facts.config.adminUsers = {"user page on nopass", "user other on >secret", "user off off nopass"};
  facts.config.users = {"user default off", "user boss on nopass +@all ~*",
                        "user console on nopass +proxy|kill", "user reader on nopass +get ~*",
                        "user closed on >secret +@all ~*"};
  CHECK(found(facts) ==
        Names{"open-administrator@page", "open-administrator@boss", "open-administrator@console"});
  facts.config = {};
  CHECK(found(facts) == Names{});
  facts.config.allowAdminCommands = true;
  CHECK(found(facts) == Names{"open-administrator@default"});
  facts.config.password = "secret";
  CHECK(found(facts) == Names{});
}

}  // namespace
}  // namespace slotless::doctor
