// Who has lost its slots, and when.
#include "proxy/cluster/slot_losses.h"

#include "catch.h"

namespace slotless::cluster {
namespace {

const net::Address kFirst{"10.0.0.1", 7000};
const net::Address kSecond{"10.0.0.2", 7000};

// Two masters, of which that one has all slots.
Topology ownedBy(NodeIndex owner, std::uint64_t version) {
  Topology topology;
  topology.version = version;
  topology.nodes = {{"first", kFirst, true, 1, {}}, {"second", kSecond, true, 1, {}}};
  topology.owners.fill(owner);
  return topology;
}

TEST_CASE("a node that keeps a slot has lost none of what it has acknowledged", "[slot_losses]") {
  SlotLosses losses;
  Topology after = ownedBy(1, 2);
  after.owners[7] = 0;
  losses.note(ownedBy(0, 1), after);
  CHECK_FALSE(losses.lostAfter(0, kFirst));
  CHECK_FALSE(losses.lostAfter(0, kSecond));
}

TEST_CASE("the loss of all slots is known after they have come back", "[slot_losses]") {
  SlotLosses losses;
  losses.note(ownedBy(0, 1), ownedBy(1, 2));
  losses.note(ownedBy(1, 2), ownedBy(0, 3));
  CHECK(losses.lostAfter(1, kFirst));
  CHECK_FALSE(losses.lostAfter(2, kFirst));  // seen with that snapshot or later: after the loss
  CHECK(losses.lostAfter(2, kSecond));
  CHECK_FALSE(losses.lostAfter(3, kSecond));
}

TEST_CASE("a node that leaves the cluster has lost its slots", "[slot_losses]") {
  SlotLosses losses;
  Topology after = ownedBy(0, 2);
  after.nodes[0].address = {"10.0.0.9", 7000};
  losses.note(ownedBy(0, 1), after);
  CHECK(losses.lostAfter(1, kFirst));
}

}  // namespace
}  // namespace slotless::cluster
