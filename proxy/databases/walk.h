// Counts or deletes all keys of a database step by step, on one node or on all masters at once, so that no
// node is busy for long. Not at one moment: keys that come or go meanwhile may count or not. Pure.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"

namespace slotless::databases {

// A slot of each master; changes when the cluster does.
struct Masters {
  std::vector<protocol::Slot> slots;
  std::uint64_t version = 0;
};

// `masters` is asked again at the end: if the cluster has changed meanwhile, the walk begins anew. `eval`:
// EVAL, or EVAL_RO where nothing is deleted.
void planWalk(protocol::WholeDatabase what, const Database& database, std::function<Masters()> masters,
              std::string_view eval, routing::Plan& plan);

}  // namespace slotless::databases
