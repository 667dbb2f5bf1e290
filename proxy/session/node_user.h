// One user of the nodes, as one worker knows it: links of its own, and what nodes have said about it.
//
// Ownership: NodeUsers'. Its clients refer to it, and to its links; it is destroyed when it has none and
// nothing is open.
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/pubsub/hub.h"
#include "proxy/telemetry/denials.h"
#include "proxy/upstream/link_set.h"

namespace slotless::session {

struct NodeUser {
  // A password that a node has taken.
  struct Verified {
    std::string digest;
    net::TimePoint at;
  };
  // What ACL DRYRUN has said of a command.
  struct Permission {
    net::TimePoint at;
    std::string refusal;  // the line for the client; empty: it may
  };

  NodeUser(upstream::LinkHost& host, std::string itsName, upstream::LinkSettings itsSettings,
           telemetry::WorkerMetrics& metrics, upstream::LeaseBudgets& budgets, upstream::OpenLinks open)
      : name(std::move(itsName)),
        settings(std::move(itsSettings)),
        links(host, settings, metrics, budgets, denials, open) {}

  const std::string name;
  telemetry::Denials denials{telemetry::Denials::Voice::Quiet};
  upstream::LinkSettings settings;
  upstream::LinkSet links;
  std::unique_ptr<pubsub::Hub> hub;  // once it has subscribed
  std::vector<Verified> verified;    // the latest first
  std::map<std::string, Permission, std::less<>> permissions;
  std::size_t clients = 0;
  net::TimePoint lastUsed{};
  bool rechecking = false;
  bool leaving = false;  // its links are to be closed
};

}  // namespace slotless::session
