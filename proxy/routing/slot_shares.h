// Which slots each of several masters deals with, so that each slot is dealt with once however slots move
// meanwhile.
//
// In rounds: each master says what it has (CLUSTER NODES), and its share is what nobody has dealt with and
// what is not on its way. A slot on its way is left for a later round, and for whoever has it then.
#pragma once
#include <bitset>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/slot.h"
#include "proxy/cluster/topology.h"

namespace slotless::routing {

using SlotBits = std::bitset<protocol::kSlotCount>;

struct SlotShare {
  SlotBits slots;
  // Word for word what the node says of its slots; empty: nothing is known of them but `slots`.
  std::string said;
  // There is nothing else on the node.
  bool whole = true;

  // "0-5 7-7"
  std::string ranges() const;
};

class SlotShares {
 public:
  void beginRound() noexcept { given_ = done_; }
  // `clusterNodes`: what a master has answered. What it is given no other one gets in this round. nullopt: it
  // says nothing of itself.
  std::optional<SlotShare> give(std::string_view clusterNodes);
  // Where that may not be asked: what the topology knows of the owner of `slot`.
  SlotShare giveKnown(const cluster::Topology& topology, protocol::Slot slot);
  void done(const SlotShare& share) noexcept { done_ |= share.slots; }
  // Whether any slot that has an owner has not been dealt with.
  bool anyLeft(const cluster::Topology& topology) const noexcept;

 private:
  void keepOwn(SlotShare& share) noexcept;

  SlotBits done_;
  SlotBits given_;
};

}  // namespace slotless::routing
