// Counts, lists, deletes or chooses among the keys of a database by SCAN and UNLINK alone: where nodes deny
// scripts, or what these need.
//
// Page by page on one node or on all masters at once. Not at one moment: keys that come or go meanwhile may
// count or not, and one that is moved to another node may be seen twice. Pure.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/databases/walk.h"
#include "proxy/routing/plan.h"

namespace slotless::databases {

struct PlainWalkOptions {
  protocol::WholeDatabase what = protocol::WholeDatabase::Count;  // any but Scan
  // All keys of the cluster are the database's.
  bool ownsAll = false;
  std::string pattern = "*";            // List, by the names in the database
  std::uint32_t random = 0;             // Random: any number
  int protocol = 2;                     // Random: the client's
  std::string_view deletes = "UNLINK";  // Flush: or DEL
};

// `masters` is asked again at each step: if the cluster has changed meanwhile, the walk begins anew.
void planPlainWalk(const PlainWalkOptions& options, const Database& database,
                   std::function<Masters()> masters, routing::Plan& plan);

}  // namespace slotless::databases
