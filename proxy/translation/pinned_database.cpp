#include "proxy/translation/pinned_database.h"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "proxy/databases/pinned_scan.h"
#include "proxy/databases/plain_walk.h"
#include "proxy/databases/walk.h"
#include "proxy/databases/whole_database.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/scan_cursor.h"
#include "proxy/translation/alternatives.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using protocol::WholeDatabase;
using routing::Plan;
using telemetry::Deniable;

namespace {

// What a way needs after the command itself is gone.
struct Wanted {
  TranslationContext& context;
  const databases::Database& database;
  WholeDatabase what;
  std::vector<std::string> argv;
  std::uint32_t random;
  int protocol;

  protocol::Argv words(std::vector<std::string_view>& views) const {
    views.assign(argv.begin(), argv.end());
    return protocol::Argv(views);
  }
};

std::function<databases::Masters()> ownerOf(const Wanted& wanted) {
  return [&links = wanted.context.links, slot = wanted.database.slot] {
    return databases::Masters{{slot}, links.topology().version};
  };
}

// Large databases are counted and deleted step by step.
bool walks(WholeDatabase what) {
  return what == WholeDatabase::Count || what == WholeDatabase::Flush;
}

// Checked before by the caller: no error is left.
void planScript(const Wanted& wanted, std::string_view eval, Plan& plan) {
  std::vector<std::string_view> views;
  databases::Rewritten rewritten = databases::rewriteForPinned(
      wanted.what, wanted.words(views), wanted.database, wanted.protocol, wanted.random, eval);
  routing::askOwner(plan, wanted.database.routingKey,
                    std::vector<std::string_view>(rewritten.argv.begin(), rewritten.argv.end()), false);
  plan.composer = std::move(rewritten.composer);
}

void planScan(const Wanted& wanted, std::string_view eval, Plan& plan) {
  std::vector<std::string_view> views;
  databases::PageBy by;
  by.eval = eval;
  by.nodeId = [&links = wanted.context.links, slot = wanted.database.slot] {
    const cluster::Topology& topology = links.topology();
    const cluster::NodeIndex owner = topology.owners[slot];
    return owner == cluster::kNoNode ? std::string() : topology.nodes[owner].id;
  };
  databases::planPinnedScan(wanted.words(views), wanted.database, wanted.random, std::move(by), plan);
}

void planPlain(const Wanted& wanted, std::string_view deletes, Plan& plan) {
  if (wanted.what == WholeDatabase::Scan) return planScan(wanted, {}, plan);
  databases::PlainWalkOptions options;
  options.what = wanted.what;
  if (wanted.what == WholeDatabase::List) options.pattern = wanted.argv[1];
  options.random = wanted.random;
  options.protocol = wanted.protocol;
  options.deletes = deletes;
  databases::planPlainWalk(options, wanted.database, ownerOf(wanted), plan);
}

void planScripted(const Wanted& wanted, std::string_view eval, Plan& plan) {
  if (wanted.what == WholeDatabase::Scan) return planScan(wanted, eval, plan);
  if (!walks(wanted.what)) return planScript(wanted, eval, plan);
  // It notices by itself that the slot has gone to another node.
  const protocol::Slot slot = wanted.database.slot;
  databases::planWalk(
      wanted.what, wanted.database, [slot] { return databases::Masters{{slot}}; }, eval, plan);
}

void planWays(const Wanted& wanted, bool hasEvalRo, Plan& plan) {
  std::vector<Way> ways;
  const bool deletes = wanted.what == WholeDatabase::Flush;
  addScriptWays(ways, hasEvalRo && !deletes, Deniable::DatabaseScripts,
                [wanted](std::string_view eval, Plan& next) { planScripted(wanted, eval, next); });
  const auto plain = [wanted](std::string_view word) {
    return [wanted, word](Plan& next) { planPlain(wanted, word, next); };
  };
  ways.push_back({deletes ? Deniable::Unlink : Deniable::Scan, {}, plain("UNLINK")});
  if (deletes) ways.push_back({Deniable::Delete, {}, plain("DEL")});
  planAlternatives(wanted.context, wanted.argv.front(), std::move(ways), plan);
}

}  // namespace

bool translatePinned(TranslationContext& context, int protocol, bool queued, Command& command,
                     std::string& error) {
  const WholeDatabase what = command.spec->wholeDatabase;
  const bool hasEvalRo = context.commands->find("eval_ro") != nullptr;
  const std::string_view eval =
      hasEvalRo && !context.denialsAtHand->any(Deniable::EvalRo) ? "eval_ro" : "eval";
  const std::uint32_t random = context.host.random(1U << 30U);
  databases::Rewritten rewritten =
      databases::rewriteForPinned(what, command.argv, command.database, protocol, random, eval);
  error = rewritten.error;
  // A cursor may be too long for a transaction only.
  if (!queued && what == WholeDatabase::Scan) error = databases::objectionToScan(command.argv);
  if (what == WholeDatabase::Scan && routing::refusesCursor(context.manners.server, command.argv[1]))
    error = "ERR invalid cursor";
  command.wrongWhenRun = !error.empty();
  if (!error.empty()) return false;
  command.wantsWholeSlot = true;
  if (!queued) {
    command.steps = std::make_unique<Plan>();
    command.steps->protocol = protocol;
    planWays({context, command.database, what, {command.argv.begin(), command.argv.end()}, random, protocol},
             hasEvalRo, *command.steps);
    return true;
  }
  command.spec = context.commands->find(rewritten.command);
  if (command.spec == nullptr) {
    error = "ERR The servers have no " + std::string(rewritten.command) +
            ", which this needs in a pinned database";
    return false;
  }
  context.mapper.write(std::vector<std::string_view>(rewritten.argv.begin(), rewritten.argv.end()));
  replaceBy(context.mapper, command);
  command.composer = std::move(rewritten.composer);
  return true;
}

}  // namespace slotless::session
