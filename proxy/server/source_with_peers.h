// What is learned of the cluster, with what is heard of its other proxies: these are looked for where the
// topology is from, and go over with it.
#pragma once
#include <functional>
#include <memory>

#include "proxy/discovery/topology_source.h"
#include "proxy/peers/peers.h"

namespace slotless::server {

class SourceWithPeers final : public discovery::TopologySource {
 public:
  using Make = std::function<std::unique_ptr<discovery::TopologySource>(discovery::RefreshSettings,
                                                                        discovery::TopologyEvents)>;

  SourceWithPeers(std::unique_ptr<peers::Peers> peers, discovery::RefreshSettings settings,
                  discovery::TopologyEvents events, const Make& make);

  void start() override { source_->start(); }
  void setSettings(discovery::RefreshSettings settings) override;
  void request(bool urgent) override { source_->request(urgent); }

 private:
  std::unique_ptr<peers::Peers> peers_;
  std::unique_ptr<discovery::TopologySource> source_;
};

}  // namespace slotless::server
