#include "proxy/server/standby.h"

#include <unistd.h>

#include <utility>

#include "proxy/discovery/single_server_source.h"
#include "proxy/discovery/topology_refresher.h"

namespace slotless::server {

Standby::Standby(net::Loop& loop, discovery::RefreshSettings refresh, discovery::LearnSettings learn,
                 bool oneServer)
    : oneServer_(oneServer),
      learner_(loop, std::move(learn),
               {[this](const auto& commands, const auto& builds) { take(commands, builds); },
                [this](const auto& builds) { take(protocol::CommandTable::builtIn(), builds); },
                [this](const net::Address&, const discovery::ServerBuild& build, const std::string&) {
                  take(protocol::CommandTable::builtIn(), {build});
                },
                [this](const net::Address& node, const std::string& error) {
                  const std::lock_guard guard(mutex_);
                  trouble_ = node.text() + ": " + error;
                }}) {
  discovery::TopologyEvents events;
  events.changed = [this](const cluster::TopologyPtr& topology) {
    learner_.setTopology(*topology);
    const std::lock_guard guard(mutex_);
    known_.topology = topology;
  };
  events.confirmed = [] {};
  events.failed = [this](const net::Address& node, const std::string& error) {
    const std::lock_guard guard(mutex_);
    trouble_ = node.text() + ": " + error;
  };
  const auto seed = static_cast<std::uint32_t>(getpid());
  if (oneServer) {
    source_ =
        std::make_unique<discovery::SingleServerSource>(loop, std::move(refresh), std::move(events), seed);
  } else {
    source_ =
        std::make_unique<discovery::TopologyRefresher>(loop, std::move(refresh), std::move(events), seed);
  }
  source_->start();
}

void Standby::take(const discovery::CommandTablePtr& commands,
                   const std::set<discovery::ServerBuild>& builds) {
  const std::lock_guard guard(mutex_);
  known_.commands = commands;
  known_.builds = builds;
}

Standby::Known Standby::known() const {
  const std::lock_guard guard(mutex_);
  return known_;
}

std::string Standby::objection() const {
  const std::lock_guard guard(mutex_);
  const std::string why = trouble_.empty() ? std::string() : " (" + trouble_ + ")";
  if (known_.topology == nullptr)
    return (oneServer_ ? "the server is not known yet" : "the cluster is not known yet") + why;
  if (!known_.topology->complete())
    return (oneServer_ ? "the server is not there"
                       : "only " + std::to_string(known_.topology->slotsCovered()) +
                             " slots of the cluster are served") +
           why;
  if (known_.commands == nullptr) return "the commands of its nodes are not known yet" + why;
  return {};
}

}  // namespace slotless::server
