// INFO's section Keyspace, as of one Redis with several databases. Pure.
//
// Keys of a pinned database are what its slot has; in a slot with more than 1,000 keys that may be a few
// more, since keys of database 0 with that slot are not told apart. Keys of a spread database are counted as
// database 0's. How many of them expire only a node knows, and of all its keys together: shown for database 0
// while it is alone.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/databases/database.h"

namespace slotless::databases {

// INFO with these sections, as a script that tells the keys of each pinned database besides. `eval`: EVAL or
// EVAL_RO.
std::vector<std::string> infoRequest(const std::vector<std::string>& sections, const Databases& databases,
                                     std::string_view eval);

// What one node has answered to that.
struct NodeInfo {
  std::string_view text;
  std::vector<std::uint64_t> keys;  // of each pinned database, in their order
  bool valid = false;
};
NodeInfo parseNodeInfo(std::string_view reply);

// `info` has all nodes' keys in the lines of their databases, 0 and those that are native. The databases get
// the numbers that the client has for them; those it does not see are left out.
std::string withDatabases(const std::string& info, const Databases& databases, const Numbering& numbering,
                          const std::vector<std::uint64_t>& keys);

}  // namespace slotless::databases
