// A topology refresher over the fake loop, and nodes that answer it when a test says so.
#pragma once
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "cluster_text.h"
#include "fake_loop.h"
#include "greeting.h"
#include "proxy/discovery/topology_refresher.h"

namespace slotless::test {

class Refreshing {
 public:
  Refreshing() {
    settings.seeds = {{"127.0.0.1", 7000}};
    loop.onConnect = [this](const std::shared_ptr<FakeConnection>& connection) {
      ++asked;
      if (down) return connection->refuse();
      acceptAndGreet(*connection);
    };
  }
  ~Refreshing() {
    refresher.reset();
    CHECK(loop.openConnections().empty());
  }

  void start(std::uint32_t randomSeed = 1) {
    refresher = std::make_unique<discovery::TopologyRefresher>(
        loop, settings,
        discovery::TopologyRefresher::Events{
            [this](cluster::TopologyPtr topology) { published.push_back(std::move(topology)); },
            [this] { ++confirmed; },
            [this](const net::Address& node, const std::string& error) {
              failures.push_back(node.text() + " " + error);
            }},
        randomSeed);
    refresher->start();
    loop.settle();
  }
  // Started, and the first round answered.
  void startKnowing(const std::vector<Shard>& shards, std::uint32_t randomSeed = 1) {
    start(randomSeed);
    REQUIRE(open().size() == 1);
    answers(open().front(), shards);
    REQUIRE(published.size() == 1);
  }

  // The queries that wait for an answer.
  std::vector<std::shared_ptr<FakeConnection>> open() const {
    auto connections = loop.openConnections();
    std::erase_if(connections, [this](const auto& connection) {
      const auto found = answered.find(connection);
      return found != answered.end() && found->second == connection->written().size();
    });
    return connections;
  }
  void answers(const std::shared_ptr<FakeConnection>& query, const std::vector<Shard>& shards,
               std::string_view version = "7.0.15") {
    answersText(query,
                slotsReply(shards) + bulk(nodesText(shards)) +
                    bulk("# Server\r\nredis_version:" + std::string(version) + "\r\nredis_mode:cluster\r\n"));
  }
  void answersText(const std::shared_ptr<FakeConnection>& query, std::string_view bytes) {
    answered[query] = query->written().size();
    query->push(bytes);
    loop.settle();
  }
  void breaks(const std::shared_ptr<FakeConnection>& query) {
    query->reset();
    loop.settle();
  }
  // To the next timer, at most.
  net::Millis timeToNextTimer() const {
    return std::chrono::duration_cast<net::Millis>(loop.nextTimer() - loop.now());
  }
  void advanceToNextTimer() { loop.advance(timeToNextTimer()); }
  std::uint16_t ownerPort(std::size_t slot) const {
    const cluster::Topology& now = refresher->current();
    return now.owners[slot] == cluster::kNoNode ? std::uint16_t{0} : now.nodes[now.owners[slot]].address.port;
  }

  FakeLoop loop;
  discovery::RefreshSettings settings;
  bool down = false;      // all nodes refuse connections
  std::size_t asked = 0;  // connections made
  // How much of what a connection was sent has been answered.
  std::map<std::shared_ptr<FakeConnection>, std::size_t> answered;
  std::vector<cluster::TopologyPtr> published;
  std::size_t confirmed = 0;
  std::vector<std::string> failures;
  std::unique_ptr<discovery::TopologyRefresher> refresher;
};

// Five masters with a fifth of the slots each.
inline std::vector<Shard> fiveShards() {
  std::vector<Shard> shards;
  for (int i = 0; i < 5; ++i) {
    shards.push_back({static_cast<std::uint16_t>(7000 + i), i * 3277, std::min(16383, i * 3277 + 3276), 10});
  }
  return shards;
}

}  // namespace slotless::test
