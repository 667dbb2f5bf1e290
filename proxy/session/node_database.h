// One of the nodes' own databases, as one worker knows it: its links, and what has been found out about it.
//
// Ownership: NodeDatabases'. Questions to nodes are its own, since links refer to them; it lives as long as
// the links do.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/databases/database.h"
#include "proxy/net/loop.h"
#include "proxy/session/node_databases.h"
#include "proxy/upstream/exchange.h"
#include "proxy/upstream/link_set.h"

namespace slotless::session {

// Whether a node has keys of a pinned database with the number of a native one.
class LeftoverQuestion final : public upstream::Exchange {
 public:
  enum class State : std::uint8_t { Unasked, Asked, Clean, Found };

  explicit LeftoverQuestion(std::uint32_t database);

  State state() const noexcept { return state_; }
  const std::string& name() const noexcept { return name_; }  // of such a key
  protocol::Slot slot() const noexcept { return slot_; }
  void ask(upstream::Link& link);
  void forget() noexcept;

 private:
  void onReply(std::string_view bytes, bool last) override;
  void onErrorReply(std::string_view line, const upstream::SentRequest& sent) override;
  void onLost(upstream::Loss loss, const upstream::SentRequest& sent) override;

  protocol::Slot slot_;
  std::string prefix_;
  std::string request_;
  std::string reply_;
  std::string name_;
  State state_ = State::Unasked;
};

class NodeDatabase {
 public:
  using Standing = NodeDatabases::Standing;

  NodeDatabase(upstream::LinkHost& host, upstream::LinkSettings itsSettings,
               telemetry::WorkerMetrics& metrics, upstream::LeaseBudgets& budgets,
               telemetry::Denials& denials, upstream::OpenLinks open);

  std::uint32_t index() const noexcept { return settings_.access.database; }
  upstream::LinkSet& links() noexcept { return links_; }
  const upstream::LinkSet& links() const noexcept { return links_; }
  void setSettings(upstream::LinkSettings settings);
  Standing standing() const noexcept { return standing_; }
  const std::string& refusal() const noexcept { return refusal_; }

  // Begins to find out, unless that is under way. `patience`: after that long what nodes have not said does
  // not count against it.
  void look(net::TimePoint now, net::Millis patience);
  bool looks() const noexcept { return looking_; }
  // One step further, if it looks. `own`: the proxy's own links, in the nodes' database 0. True: it is known
  // now.
  bool goOn(net::TimePoint now, upstream::LinkPool& own);
  void refuse(std::string line);
  // Who waits for that, by number.
  void await(std::uint64_t client);
  std::vector<std::uint64_t> takeWaiting() noexcept;

 private:
  bool allGreeted();

  upstream::LinkSettings settings_;
  upstream::LinkSet links_;
  LeftoverQuestion leftovers_;
  Standing standing_ = Standing::Unknown;
  bool looking_ = false;
  net::TimePoint until_{};
  std::string refusal_;
  std::vector<std::uint64_t> waiting_;
};

}  // namespace slotless::session
