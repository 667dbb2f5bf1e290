// Makes a cluster::Topology of what a node says: CLUSTER SLOTS, and the epochs of CLUSTER NODES.
//
// Errors: an answer that is no CLUSTER SLOTS reply, that names slots out of range, or that
// has more rows than there are slots or more nodes than a cluster can have, gives nullopt.
// Source: CLUSTER SLOTS (Redis 3 to 8, Valkey 7 to 9): an empty or NULL host means "the host you asked"; "?"
// is unknown, and then CLUSTER NODES or the metadata behind the id tell the node's numeric address. Announced
// addresses are translated by `map`.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/topology.h"

struct redisReply;

namespace slotless::discovery {

struct SlotRange {
  protocol::Slot first;
  protocol::Slot last;
};

// One line of CLUSTER NODES.
struct ListedNode {
  std::string id;
  net::Address address;
  bool master = false;
  bool reachable = false;  // none of: fail, fail?, handshake, noaddr
  std::uint64_t epoch = 0;
  bool myself = false;                      // the node that answers
  std::optional<net::Address> byName = {};  // its address with its host name, if it announces one
  bool replica = false;
  std::string masterId = {};  // of a replica; "-" or empty: not known
  std::vector<SlotRange> slots = {};
};

// `askedHost`: the host that was asked, for nodes that do not know their own address yet. Lines that make no
// sense are left out.
std::vector<ListedNode> parseNodes(std::string_view clusterNodes, const std::string& askedHost,
                                   const cluster::AddressMap& map = {});

// Nodes in `listed` add epochs, masters that have no slots yet (targets of ASK while a new node is being
// filled), and replicas that have received nothing yet: these are their masters' Node::joining, since what is
// read from them may be missing.
std::optional<cluster::Topology> parseSlots(const redisReply& clusterSlots, const std::string& askedHost,
                                            const std::vector<ListedNode>& listed,
                                            const cluster::AddressMap& map = {});

// A node keeps the address by which it is known, as long as it is still one of its own: nodes may prefer
// different ones (names, numbers), and links must not change with the node that answers.
void keepKnownAddresses(const cluster::Topology& known, cluster::Topology& fresh);

// Keeps, slot by slot, what `known` says where the claim in `fresh` has a lower epoch: a node that was left
// behind in a minority must not move us. The same where `fresh` has no owner, unless the owner says so
// itself: between the loss of a master's slots and its successor's claim, others take them for nobody's. An
// owner that the answering node has never heard of is not kept: then the cluster has been made anew. Returns
// how many slots were kept.
std::size_t keepHigherEpochs(const cluster::Topology& known, const std::vector<ListedNode>& listed,
                             cluster::Topology& fresh);

}  // namespace slotless::discovery
