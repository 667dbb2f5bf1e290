#include "proxy/doctor/gather.h"

#include <algorithm>
#include <future>
#include <set>
#include <utility>

#include "config/upstream.h"
#include "proxy/cluster/address_map.h"
#include "proxy/databases/database.h"
#include "proxy/doctor/clusters_apart.h"
#include "proxy/doctor/machine_probe.h"
#include "proxy/doctor/node_probe.h"
#include "proxy/doctor/sentinel_probe.h"

namespace slotless::doctor {

namespace {

constexpr std::size_t kSideBySide = 16;

template <typename Items, typename Work>
void forEachSideBySide(Items& items, std::size_t from, Work work) {
  for (std::size_t begin = from; begin < items.size(); begin += kSideBySide) {
    std::vector<std::future<void>> running;
    for (std::size_t i = begin; i < std::min(items.size(), begin + kSideBySide); ++i)
      running.push_back(std::async(std::launch::async, [&, i] { work(items[i]); }));
    for (auto& each : running) each.get();
  }
}

cluster::AddressMap addressMap(const config::Config& config) {
  std::vector<cluster::AddressRule> rules;
  for (const config::AddressRule& rule : config.addressMap)
    rules.push_back({{rule.from.host, rule.from.port}, {rule.to.host, rule.to.port}});
  return cluster::AddressMap(std::move(rules));
}

class Gatherer {
 public:
  Gatherer(const config::Config& config, const GatherOptions& options)
      : databases_(config), map_(addressMap(config)), asking_{config, databases_, options} {
    facts_.config = config;
  }

  Facts gather() {
    if (config::servesOneServer(asking_.config)) {
      askServers();
    } else {
      askSeeds();
      // What new nodes know, too: a seed may be of a part that was left behind.
      while (askOthers()) {
      }
      setOthersAside(facts_);
    }
    forEachSideBySide(facts_.nodes, 0, [&](Node& node) {
      if (node.good() && node.announced != node.dialled && map_.translate(node.announced) != node.dialled)
        node.announcedContact = tryContact(map_.translate(node.announced), asking_);
    });
    lookAtNames();
    facts_.machine = lookAtMachine(asking_.options.procFolder);
    facts_.machine.nodesRunHere = std::any_of(facts_.nodes.begin(), facts_.nodes.end(), [](const Node& node) {
      std::string error;
      return node.good() && isOwnAddress(resolve(node.dialled.host, error));
    });
    return std::move(facts_);
  }

 private:
  void askSeeds() {
    std::vector<Node>& nodes = facts_.nodes;
    for (const config::Endpoint& seed : asking_.config.clusterNodes) {
      Node node;
      node.seed = true;
      node.dialled = node.announced = {seed.host, seed.port};
      nodes.push_back(std::move(node));
    }
    forEachSideBySide(nodes, 0, [&](Node& node) { ask(node, asking_); });
    for (Node& node : nodes) {
      if (const Peer* self = node.self(); self != nullptr)
        node.announced = announcedBy(*self, node, node.dialled);
    }
    // Two names of one node. The second one is as good.
    std::set<std::string> known;
    std::erase_if(nodes, [&](const Node& node) { return !node.id.empty() && !known.insert(node.id).second; });
  }

  // --- one server ---

  void askServers() {
    const config::Config& config = asking_.config;
    if (config.sentinelName.empty()) {
      for (const config::Endpoint& seed : config.server) addServer({seed.host, seed.port}, true);
    } else {
      for (const config::Endpoint& seed : config.server) {
        Node sentinel;
        sentinel.seed = true;
        sentinel.dialled = sentinel.announced = {seed.host, seed.port};
        facts_.sentinels.push_back(std::move(sentinel));
      }
      forEachSideBySide(facts_.sentinels, 0, [&](Node& sentinel) { askSentinel(sentinel, asking_); });
      for (const Node& sentinel : facts_.sentinels) {
        for (const Watched& watched : sentinel.watched) {
          if (sentinel.good()) addServer(map_.translate(watched.master), false);
        }
      }
    }
    for (std::size_t asked = 0; asked < facts_.nodes.size();) {
      const std::size_t begin = std::exchange(asked, facts_.nodes.size());
      forEachSideBySide(facts_.nodes, begin, [&](Node& node) { ask(node, asking_); });
      for (std::size_t i = begin; i < asked; ++i) addMasterOf(facts_.nodes[i]);
    }
  }

  void addServer(const net::Address& address, bool seed) {
    const auto isThat = [&](const Node& node) { return node.dialled == address; };
    if (std::any_of(facts_.nodes.begin(), facts_.nodes.end(), isThat)) return;
    Node node;
    node.seed = seed;
    node.dialled = node.announced = address;
    facts_.nodes.push_back(std::move(node));
  }

  // The proxy goes where a replica says that its master is, if it knows of no master.
  void addMasterOf(const Node& node) {
    const auto port = node.number(node.info, "master_port");
    const bool served = std::any_of(facts_.nodes.begin(), facts_.nodes.end(),
                                    [](const Node& each) { return each.good() && each.isMaster(); });
    if (!node.good() || served || !port || *port <= 0) return;
    const std::string host(node.text(node.info, "master_host"));
    addServer(map_.translate({host, static_cast<std::uint16_t>(*port)}), false);
  }

  // --- a cluster ---

  // Where clients are to go, as CLUSTER SLOTS has it.
  static net::Address announcedBy(const Peer& peer, const Node& sayer, const net::Address& otherwise) {
    const bool byName = sayer.text(sayer.settings, "cluster-preferred-endpoint-type") == "hostname";
    if (!peer.hostname.empty() && (byName || peer.address.host.empty()))
      return {peer.hostname, peer.address.port};
    return peer.address.host.empty() || peer.address.port == 0 ? otherwise : peer.address;
  }

  bool askOthers() {
    std::vector<Node>& nodes = facts_.nodes;
    const std::size_t before = nodes.size();
    for (std::size_t i = 0; i < before; ++i) {
      const std::vector<Peer> peers = nodes[i].peers;
      for (const Peer& peer : peers) {
        if (peer.handshake || facts_.node(peer.id) != nullptr) continue;
        Node node;
        node.id = peer.id;
        node.busPort = peer.busPort;
        node.announced = announcedBy(peer, nodes[i], {});
        node.dialled = map_.translate(node.announced);
        if (node.announced.host.empty() || tellsOfSeed(node)) continue;
        nodes.push_back(std::move(node));
      }
    }
    forEachSideBySide(nodes, before, [&](Node& node) { ask(node, asking_); });
    return nodes.size() > before;
  }

  // A seed that did not tell its id is known now by its address.
  bool tellsOfSeed(const Node& node) {
    const auto seed = std::find_if(facts_.nodes.begin(), facts_.nodes.end(), [&](const Node& each) {
      return each.id.empty() && each.dialled == node.dialled;
    });
    if (seed == facts_.nodes.end()) return false;
    seed->id = node.id;
    seed->busPort = node.busPort;
    return true;
  }

  void lookAtNames() {
    std::set<std::string> looked;
    const auto look = [&](const std::string& name, bool seed) {
      std::string error;
      if (name.empty() || !looked.insert(name).second || !resolve(name, error).empty()) return;
      facts_.unknownNames.push_back({name, error, seed});
    };
    for (const config::Endpoint& seed : asking_.config.clusterNodes) look(seed.host, true);
    for (const Node& node : facts_.nodes) {
      look(node.dialled.host, node.seed);
      if (const Peer* self = node.self())
        look(map_.translate({self->hostname, self->address.port}).host, false);
    }
  }

  const databases::Databases databases_;
  const cluster::AddressMap map_;
  const Asking asking_;
  Facts facts_;
};

}  // namespace

Facts gather(const config::Config& config, const GatherOptions& options) {
  return Gatherer(config, options).gather();
}

}  // namespace slotless::doctor
