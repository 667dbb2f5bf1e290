// Writes to the cluster, for one thread: each command to the master of its slot, many at once, again and
// again until it has been carried out.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/slot.h"
#include "proxy/migrate/nodes.h"
#include "proxy/subcommand/node_client.h"
#include "proxy/subcommand/reply.h"

namespace slotless::migrate {

struct NodeOp {
  protocol::Slot slot = 0;
  std::uint32_t database = 0;  // of the node; others than 0 only where its databases are native
  std::vector<std::string> words;
  subcommand::Reply reply = {};
  bool answered = false;
};

// What a reply says about trying again.
enum class Verdict { Final, Redirected, Later };
Verdict verdictOf(const subcommand::Reply& reply) noexcept;

class NodeWriter {
 public:
  // `name`: of its connections. One that was lost is ended on the server before another one is used, so that
  // nothing sent on it takes effect late. `stopped`: nobody waits any more.
  NodeWriter(Nodes& target, std::string name, std::function<bool()> stopped);

  // Until all are answered, also by errors that are the server's last word. For commands that may be carried
  // out twice. False: stopped.
  bool carryOut(std::span<NodeOp> ops);
  // Each is sent once. False: not all have been answered by other than an error.
  bool tryOnce(std::span<NodeOp> ops);
  // Before another attempt: a little while, and another look at the cluster. False: stopped.
  bool waitForBetter();

  // Why it waits; empty: it does not.
  const std::string& trouble() const noexcept { return trouble_; }

 private:
  struct Link {
    std::unique_ptr<subcommand::NodeClient> client;
    std::uint32_t database = 0;
    bool lost = false;
  };

  Link* linkTo(const subcommand::ServerUrl& url, const std::string& nodeId);
  bool endFormer(subcommand::NodeClient& client) const;
  void round(std::span<NodeOp> ops);
  void append(Link& link, const NodeOp& op);
  void follow(NodeOp& op);
  void note(const subcommand::Reply& reply);

  Nodes& target_;
  const std::string name_;
  const std::function<bool()> stopped_;
  std::map<std::string, Link> links_;
  std::string trouble_;
  bool mustLook_ = false;
};

// Ends connections whose name begins so. What they have sent and nobody has read is dropped then. False: the
// server does not allow it.
bool endConnections(subcommand::NodeClient& client, std::string_view namesBegin);

}  // namespace slotless::migrate
