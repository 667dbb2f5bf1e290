#include "proxy/emulation/whole_database_plans.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "protocol/encoder.h"
#include "proxy/databases/reply_names.h"
#include "proxy/databases/scripts.h"
#include "proxy/databases/walk.h"
#include "proxy/databases/whole_database.h"
#include "proxy/emulation/plan_context.h"
#include "proxy/emulation/scan.h"

namespace slotless::session {

using databases::Database;
using protocol::Argv;
using protocol::WholeDatabase;
using routing::Merge;
using routing::Plan;

namespace {

void refuse(Plan& plan, std::string_view error) {
  plan.kind = Plan::Kind::Refused;
  plan.error = error;
}

// In a slot with more keys than that, pinned databases' keys are not told from others.
constexpr std::string_view kToldApart = "10000";

// `arguments`: the script and what it is given.
void planScript(std::vector<std::string_view> arguments, Merge merge, Plan& plan) {
  std::vector<std::string_view> words = {"eval_ro", arguments.front(), "0"};
  words.insert(words.end(), arguments.begin() + 1, arguments.end());
  plan.kind = Plan::Kind::EachNode;
  plan.merge = merge;
  protocol::appendRequest(plan.rewritten, words);
}

void planCount(const PlanContext& context, Plan& plan) {
  std::set<std::string> slots;  // each of them once: databases may share one
  for (const Database& each : context.databases.all()) {
    if (each.pinned()) slots.insert(std::to_string(each.slot));
  }
  std::vector<std::string_view> arguments = {databases::scripts::kNodeCount, "", kToldApart};
  arguments.insert(arguments.end(), slots.begin(), slots.end());
  planScript(std::move(arguments), Merge::Sum, plan);
}

databases::Masters mastersOf(const cluster::Topology& topology) {
  databases::Masters masters;
  masters.version = topology.version;
  std::vector<bool> seen(topology.nodes.size());
  for (std::size_t slot = 0; slot < topology.owners.size(); ++slot) {
    const cluster::NodeIndex owner = topology.owners[slot];
    if (owner == cluster::kNoNode || seen[owner]) continue;
    seen[owner] = true;
    masters.slots.push_back(static_cast<protocol::Slot>(slot));
  }
  return masters;
}

// Then what is not theirs is the database's, and can be counted by subtraction.
bool othersArePinned(const PlanContext& context, const Database& database) {
  const auto& all = context.databases.all();
  return !database.mapped() && std::none_of(all.begin(), all.end(), [](const Database& each) {
    return each.mapped() && !each.pinned();
  });
}

void planList(const Database& database, Argv argv, Plan& plan) {
  plan.kind = Plan::Kind::EachNode;
  plan.composer = databases::listComposer(database, "*");  // the nodes have matched
  const std::string pattern = database.prefix + std::string(argv[1]);
  const std::string_view words[] = {argv[0], pattern};
  protocol::appendRequest(plan.rewritten, words);
}

}  // namespace

bool planWholeDatabase(PlanContext& context, const protocol::CommandSpec& spec, Argv argv,
                       const Database& database, Plan& plan) {
  const WholeDatabase what = spec.wholeDatabase;
  if (what == WholeDatabase::None || (!context.databases.anyMapped() && what != WholeDatabase::Scan))
    return false;
  plan.clear();
  const auto walk = [&] {
    databases::planWalk(
        what, database, [&context] { return mastersOf(context.links.topology()); }, plan);
  };
  switch (what) {
    case WholeDatabase::Count:
      if (othersArePinned(context, database)) {
        planCount(context, plan);
      } else {
        walk();
      }
      break;
    case WholeDatabase::Flush:
      if (databases::isFlush(argv)) {
        walk();
      } else {
        refuse(plan, "ERR syntax error");
      }
      break;
    case WholeDatabase::List: planList(database, argv, plan); break;
    case WholeDatabase::Random:
      planScript({databases::scripts::kNodeRandom, database.prefix}, Merge::FirstNonNull, plan);
      plan.composer = databases::firstKeyComposer(database, plan.protocol);
      break;
    case WholeDatabase::Scan: return planScan(context, argv, database, plan);
    case WholeDatabase::None: break;
  }
  return true;
}

}  // namespace slotless::session
