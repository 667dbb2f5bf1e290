#include "proxy/server/source_with_peers.h"

#include <utility>

namespace slotless::server {

SourceWithPeers::SourceWithPeers(std::unique_ptr<peers::Peers> peers, discovery::RefreshSettings settings,
                                 discovery::TopologyEvents events, const Make& make)
    : peers_(std::move(peers)) {
  peers_->setAccess(settings.access, settings.queryTimeout);
  events.changed = [this, tell = std::move(events.changed)](cluster::TopologyPtr topology) {
    tell(topology);
    peers_->setTopology(std::move(topology));
  };
  source_ = make(std::move(settings), std::move(events));
}

void SourceWithPeers::setSettings(discovery::RefreshSettings settings) {
  peers_->setAccess(settings.access, settings.queryTimeout);
  source_->setSettings(std::move(settings));
}

}  // namespace slotless::server
