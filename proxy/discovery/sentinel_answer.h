// What a sentinel says: where the master is that it knows by a name, and which other sentinels there are.
//
// Errors: an answer that names no master gives nullopt.
// Source: SENTINEL GET-MASTER-ADDR-BY-NAME, MASTER and SENTINELS (Redis 2.8 to 8, Valkey), in RESP2. The
// first follows a failover a little sooner than the second; the epoch tells which of two answers is newer.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/address_map.h"
#include "proxy/net/address/address.h"

struct redisReply;

namespace slotless::discovery {

struct SentinelAnswer {
  net::Address master;
  std::uint64_t epoch = 0;  // of the master's configuration; 0: not told
  std::vector<net::Address> sentinels = {};
};

std::vector<std::vector<std::string_view>> sentinelQuestions(const std::string& name);

// `replies`: to those questions, in order. Addresses are translated by `map`.
std::optional<SentinelAnswer> parseSentinelAnswer(const redisReply& address, const redisReply& master,
                                                  const redisReply& sentinels,
                                                  const cluster::AddressMap& map = {});

}  // namespace slotless::discovery
