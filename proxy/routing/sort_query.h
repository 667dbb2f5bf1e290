// SORT and SORT_RO as one Redis understands them: what a cluster's nodes refuse (BY, GET) or cannot do (STORE
// into another slot) is put together in the proxy. Pure.
//
// Source: Redis 7.0 sort.c (sortCommandGeneric(), lookupKeyByPattern()).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"

namespace slotless::routing {

enum class SortStore : std::uint8_t { Allowed, Refused };

struct SortQuery {
  std::string key;
  bool alpha = false;
  bool descending = false;
  std::int64_t offset = 0;
  std::int64_t count = -1;  // negative: all
  std::string by;           // empty: none
  std::vector<std::string> get;
  std::optional<std::string> store;
  bool readOnly = false;        // SORT_RO, which a node that takes no writes carries out, too
  bool keepsOrder = false;      // one BY was without '*': "do not sort", whatever the others are
  bool namesByPattern = false;  // what a cluster's nodes refuse, also where it does not matter

  bool hasWeights() const { return !by.empty() && !keepsOrder; }
};

// nullopt: no server would take it, and each would say `error`, whatever the key is.
std::optional<SortQuery> parseSort(protocol::Argv argv, SortStore store, std::string_view& error);

// The key and the hash field (empty: none) that a pattern names for an element; nullopt: nothing (no '*').
struct SortLookUp {
  std::string key;
  std::string field;
};
std::optional<SortLookUp> sortLookUp(std::string_view pattern, std::string_view element);

// What SORT works on.
struct SortElement {
  std::string text;
  std::optional<std::string> weight;  // with hasWeights(): what BY has found
};
// What LIMIT wants of so many elements in their order: from `begin` on, not `end` any more.
struct SortRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};
SortRange limitedRange(std::size_t count, const SortQuery& query);

}  // namespace slotless::routing
