// What a server that is in no cluster says of itself: is it a master, and who follows it; or whom does it
// follow.
//
// Errors: answers that say nothing of it (an ACL forbids both, or it is a sentinel) give nullopt.
// Source: INFO replication (Redis 2.4 and later), ROLE (Redis 2.8.12 and later).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/address_map.h"
#include "proxy/net/address/address.h"

struct redisReply;

namespace slotless::discovery {

struct Follower {
  net::Address address;
  bool online = false;  // it has got a copy of the data

  bool operator==(const Follower&) const = default;
};

struct ServerRole {
  bool master = false;
  std::vector<Follower> followers = {};       // of a master
  std::optional<net::Address> followed = {};  // of a replica: its master
};

// What stands behind "name:" in the text of INFO; empty: nothing.
std::string_view infoField(std::string_view text, std::string_view name);

// The address that a server tells of another one, translated; nullopt: it knows none, or says what is none.
std::optional<net::Address> toldAddress(std::string_view host, std::string_view port,
                                        const cluster::AddressMap& map);

// INFO counts, or, where that is denied, ROLE. Addresses are translated by `map`.
std::optional<ServerRole> parseServerRole(const redisReply& infoReplication, const redisReply& role,
                                          const cluster::AddressMap& map = {});

}  // namespace slotless::discovery
