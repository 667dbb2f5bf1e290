// Makes a cluster::Topology where CLUSTER SLOTS is denied: of the lines of CLUSTER NODES, or of CLUSTER
// SHARDS.
//
// Errors: an answer of another shape, or with more nodes than a cluster can have, gives nullopt.
// Source: CLUSTER NODES (Redis 3 and later), CLUSTER SHARDS (Redis 7 and later).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/discovery/topology_parser.h"

namespace slotless::discovery {

// nullopt: nobody in it has any slot.
std::optional<cluster::Topology> topologyOf(const std::vector<ListedNode>& listed,
                                            const cluster::AddressMap& map = {});

// Which of a node's ports are wanted, where it tells both, whoever asks.
enum class Ports : std::uint8_t { Plain, Tls };

// CLUSTER SHARDS in RESP2 as such lines; it tells no epochs. `askedHost`: as for parseNodes().
std::vector<ListedNode> parseShards(const redisReply& shards, const std::string& askedHost,
                                    const cluster::AddressMap& map = {}, Ports ports = Ports::Plain);

}  // namespace slotless::discovery
