#include "proxy/emulation/whole_database_plans.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/upstream.h"
#include "protocol/encoder.h"
#include "proxy/databases/masters.h"
#include "proxy/databases/plain_walk.h"
#include "proxy/databases/reply_names.h"
#include "proxy/databases/scripts.h"
#include "proxy/databases/walk.h"
#include "proxy/databases/whole_database.h"
#include "proxy/emulation/plan_context.h"
#include "proxy/emulation/scan.h"
#include "proxy/translation/alternatives.h"

namespace slotless::session {

using databases::Database;
using protocol::Argv;
using protocol::WholeDatabase;
using routing::Merge;
using routing::Plan;
using telemetry::Deniable;

namespace {

void refuse(Plan& plan, std::string_view error) {
  plan.kind = Plan::Kind::Refused;
  plan.error = error;
}

// In a slot with more keys than that, pinned databases' keys are not told from others.
constexpr std::string_view kToldApart = "10000";

// `words`: of the request to every master.
void askAll(const std::vector<std::string_view>& words, Merge merge, Plan& plan) {
  plan.kind = Plan::Kind::EachNode;
  plan.merge = merge;
  protocol::appendRequest(plan.rewritten, words);
}

void planCount(const PlanContext& context, std::string_view eval, Plan& plan) {
  std::set<std::string> slots;  // each of them once: databases may share one
  for (const Database& each : context.databases.all()) {
    if (each.pinned()) slots.insert(std::to_string(each.slot));
  }
  std::vector<std::string_view> words = {eval, databases::scripts::kNodeCount, "0", "", kToldApart};
  words.insert(words.end(), slots.begin(), slots.end());
  askAll(words, Merge::Sum, plan);
}

// Then what is not theirs is the database's, and can be counted by subtraction.
bool othersArePinned(const PlanContext& context, const Database& database) {
  const auto& all = context.databases.all();
  return !database.mapped() && std::none_of(all.begin(), all.end(), [](const Database& each) {
    return each.mapped() && !each.pinned();
  });
}

void planList(const Database& database, std::string_view wanted, Plan& plan) {
  const std::string pattern = database.physicalPattern(wanted);
  askAll({"KEYS", pattern}, Merge::Concatenate, plan);
}

void planRandom(const Database& database, int protocol, std::string_view eval, Plan& plan) {
  askAll({eval, databases::scripts::kNodeRandom, "0", database.prefix}, Merge::FirstNonNull, plan);
  plan.composer = databases::firstKeyComposer(database, protocol);
}

// What the ways of one request are made of; it outlives the request's arguments.
struct Wanted {
  PlanContext& context;
  const Database& database;
  WholeDatabase what;
  std::string pattern;  // of KEYS
  std::uint32_t random;
  int protocol;
  bool tellsApart;  // other databases' keys from this one's

  std::function<databases::Masters()> masters() const {
    return [&links = context.links] { return databases::mastersOf(links.topology()); };
  }
};

// As the nodes do it for all of their keys.
std::optional<Way> nodesOwnWay(const Wanted& wanted) {
  if (wanted.what == WholeDatabase::List) {
    return Way{Deniable::Keys, {}, [wanted](Plan& plan) {
                 planList(wanted.database, wanted.pattern, plan);
                 if (wanted.tellsApart) plan.composer = databases::listComposer(wanted.database, "*");
               }};
  }
  if (wanted.tellsApart) return std::nullopt;
  if (wanted.what == WholeDatabase::Count)
    return Way{Deniable::DbSize, {}, [](Plan& plan) { askAll({"DBSIZE"}, Merge::Sum, plan); }};
  if (wanted.what == WholeDatabase::Random)
    return Way{Deniable::RandomKey, {}, [](Plan& plan) { askAll({"RANDOMKEY"}, Merge::FirstNonNull, plan); }};
  return std::nullopt;
}

void planScripted(const Wanted& wanted, std::string_view eval, Plan& plan) {
  if (wanted.what == WholeDatabase::Random) return planRandom(wanted.database, wanted.protocol, eval, plan);
  if (wanted.what == WholeDatabase::Count && othersArePinned(wanted.context, wanted.database))
    return planCount(wanted.context, eval, plan);
  databases::planWalk(wanted.what, wanted.database, wanted.masters(), eval, plan);
}

void planPlain(const Wanted& wanted, std::string_view deletes, Plan& plan) {
  databases::PlainWalkOptions options;
  options.what = wanted.what;
  options.ownsAll = !wanted.tellsApart;
  if (wanted.what == WholeDatabase::List) options.pattern = wanted.pattern;
  options.random = wanted.random;
  options.protocol = wanted.protocol;
  options.deletes = deletes;
  databases::planPlainWalk(options, wanted.database, wanted.masters(), plan);
}

void planWays(const Wanted& wanted, std::string_view command, Plan& plan) {
  std::vector<Way> ways;
  const bool deletes = wanted.what == WholeDatabase::Flush;
  const bool hasEvalRo = wanted.context.commands->find("eval_ro") != nullptr;
  if (auto own = nodesOwnWay(wanted)) {
    ways.push_back(std::move(*own));
  } else {
    addScriptWays(ways, hasEvalRo && !deletes, Deniable::DatabaseScripts,
                  [wanted](std::string_view eval, Plan& next) { planScripted(wanted, eval, next); });
  }
  const auto plain = [wanted](std::string_view word) {
    return [wanted, word](Plan& next) { planPlain(wanted, word, next); };
  };
  ways.push_back({deletes ? Deniable::Unlink : Deniable::Scan, {}, plain("UNLINK")});
  if (deletes) ways.push_back({Deniable::Delete, {}, plain("DEL")});
  planAlternatives(wanted.context, command, std::move(ways), plan);
}

}  // namespace

bool planWholeDatabase(PlanContext& context, const protocol::CommandSpec& spec, Argv argv,
                       const Database& database, Plan& plan) {
  const WholeDatabase what = spec.wholeDatabase;
  if (config::servesOneServer(context.config))
    return what == WholeDatabase::Scan && context.config.upstream == config::Upstream::Migrating &&
           planScanAnew(argv, plan);
  // A native database has no keys of others.
  const bool tellsApart = context.databases.anyMapped() && !database.native();
  // Who may not empty the nodes is not helped to do so key by key.
  if (what == WholeDatabase::None || (!tellsApart && what == WholeDatabase::Flush)) return false;
  plan.clear();
  if (what == WholeDatabase::Scan) return planScan(context, argv, database, plan);
  if (what == WholeDatabase::Flush && !databases::isFlush(argv)) {
    refuse(plan, "ERR syntax error");
    return true;
  }
  Wanted wanted{context,
                database,
                what,
                what == WholeDatabase::List ? std::string(argv[1]) : "",
                context.host.random(1U << 30U),
                plan.protocol,
                tellsApart};
  planWays(wanted, argv[0], plan);
  return true;
}

}  // namespace slotless::session
