#include "proxy/discovery/slot_counter.h"

#include <hiredis/hiredis.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/discovery/reply_denials.h"

namespace slotless::discovery {

SlotCounter::SlotCounter(net::Loop& loop, CounterSettings settings, std::set<protocol::Slot> slots,
                         Counted counted)
    : loop_(loop),
      settings_(std::move(settings)),
      slots_(std::move(slots)),
      counted_(std::move(counted)),
      timer_(loop.makeTimer([this] { ask(); })) {}

SlotCounter::~SlotCounter() = default;

void SlotCounter::setTopology(cluster::TopologyPtr topology) {
  const bool first = topology_ == nullptr;
  topology_ = std::move(topology);
  if (first) ask();
}

void SlotCounter::ask() {
  std::map<net::Address, std::vector<protocol::Slot>> byNode;
  for (const protocol::Slot slot : slots_) {
    const cluster::NodeIndex owner = topology_->owners[slot];
    if (owner != cluster::kNoNode) byNode[topology_->nodes[owner].address].push_back(slot);
  }
  for (const auto& [node, slots] : byNode) askNode(node, slots);
  timer_->start(settings_.interval);
}

void SlotCounter::askNode(const net::Address& node, const std::vector<protocol::Slot>& slots) {
  std::vector<std::string> numbers;
  numbers.reserve(slots.size());
  std::vector<std::vector<std::string_view>> commands;
  for (const protocol::Slot slot : slots) {
    numbers.push_back(std::to_string(slot));
    commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", numbers.back()});
  }
  std::unique_ptr<NodeQuery>& query = queries_[node];
  query = std::make_unique<NodeQuery>(
      loop_, node, settings_.access, commands, settings_.queryTimeout,
      [this, node, slots](const QueryResult& result) {
        const auto done = queries_.extract(node);  // destroyed at the end of this function
        if (!result.error.empty()) return;
        for (std::size_t i = 0; i < slots.size(); ++i) {
          const redisReply& reply = *result.replies[i];
          noteIfDenied(settings_.access.denials, telemetry::Deniable::CountKeysInSlot, node, reply,
                       loop_.now());
          if (reply.type == REDIS_REPLY_INTEGER)
            counts_[slots[i]] = static_cast<std::uint64_t>(reply.integer);
        }
        counted_(counts_);
      });
}

}  // namespace slotless::discovery
