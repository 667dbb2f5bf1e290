#include "proxy/translation/script_on_masters.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/upstream.h"
#include "protocol/denial.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/databases/masters.h"
#include "proxy/databases/reply_names.h"
#include "proxy/databases/script_yield.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/node_view.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using databases::Masters;
using databases::ScriptYield;
using protocol::CommandSpec;
using routing::Merge;
using routing::PartReply;
using routing::Plan;

namespace {

constexpr std::string_view kMoving =
    "TRYAGAIN Slots are being moved: a script that all masters run has to wait until that is over";
// A cluster that changes more often is being rebuilt.
constexpr int kMostRounds = 5;

constexpr Merge mergeOf(ScriptYield yield) {
  switch (yield) {
    case ScriptYield::Count: return Merge::Sum;
    case ScriptYield::Names: return Merge::Concatenate;
    case ScriptYield::AnyName: return Merge::FirstNonNull;
    case ScriptYield::Same:
    case ScriptYield::Untold: break;
  }
  return Merge::First;
}

// First each master is asked whether slots are on their way, so that nothing has run if one cannot be
// reached.
class OnMasters final : public routing::Composer {
 public:
  // `shas`: of the script as nodes get it, and as the client knows it.
  OnMasters(std::pair<std::string, std::string> shas, const databases::Database& database,
            std::function<Masters()> masters, databases::WholeScript script, std::vector<std::string> words)
      : shas_(std::move(shas)),
        database_(database),
        masters_(std::move(masters)),
        script_(script),
        words_(std::move(words)) {}

  void look(Plan& plan) {
    const Masters masters = masters_();
    version_ = masters.version;
    slots_ = masters.slots;
    // A cluster that is not known yet: the request waits for it.
    if (slots_.empty()) slots_.push_back(protocol::kNoSlot);
    ask(plan, {"CLUSTER", "NODES"});
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (running_) return false;
    for (const PartReply& part : parts) {
      if (objects(part.bytes)) return false;
    }
    if (masters_().version != version_ && ++rounds_ < kMostRounds) {
      look(plan);
      return true;
    }
    running_ = true;
    ask(plan, {words_.begin(), words_.end()});
    plan.writes = script_.writes;
    return true;
  }

  bool isLastStage() const override { return running_; }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    if (!error_.empty()) {
      out += error_;
      return false;
    }
    std::string merged;
    const bool good = routing::mergeReplies(mergeOf(script_.yield), parts, merged);
    out += good ? merged : asSaid(databases::withoutPrefix(merged, database_));
    return good;
  }

 private:
  std::string asSaid(std::string error) const {
    const std::size_t at = error.find(shas_.first);
    if (at != std::string::npos) error.replace(at, shas_.first.size(), shas_.second);
    return error;
  }

  void ask(Plan& plan, const std::vector<std::string_view>& words) const {
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = true;
    plan.reads = true;
    plan.fromMasters = true;
    for (const protocol::Slot slot : slots_) routing::addPart(plan, slot, words);
  }

  // Who may not be asked is not known to be moving anything.
  bool objects(std::string_view reply) {
    const auto text = routing::textOf(reply);
    const auto view = text ? routing::parseNodeView(*text) : std::nullopt;
    if (view && !(view->migrating.empty() && view->importing.empty())) {
      protocol::appendError(error_, kMoving);
    } else if (routing::isErrorReply(reply) && !protocol::isDenial(reply)) {
      error_ = reply;
    }
    return !error_.empty();
  }

  const std::pair<std::string, std::string> shas_;
  const databases::Database& database_;
  const std::function<Masters()> masters_;
  const databases::WholeScript script_;
  const std::vector<std::string> words_;  // of the request to each master
  std::vector<protocol::Slot> slots_;
  std::uint64_t version_ = 0;
  int rounds_ = 0;
  bool running_ = false;
  std::string error_;
};

// Nearly all scripts are told by what is known of them already.
bool looksAround(const databases::ScriptCalls& calls, const protocol::CommandTable& commands) {
  return !calls.unclear && std::any_of(calls.commands.begin(), calls.commands.end(), [&](const auto& name) {
    const CommandSpec* spec = commands.find(name);
    return spec != nullptr && spec->wholeDatabase != protocol::WholeDatabase::None;
  });
}

ScriptRef scriptOf(TranslationContext& context, const Command& command) {
  const CommandSpec& spec = *command.spec;
  if (spec.scriptText > 0)
    return context.scripts.remember(command.argv[static_cast<std::size_t>(spec.scriptText)]);
  return context.scripts.find(command.argv[static_cast<std::size_t>(spec.scriptSha)]);
}

}  // namespace

bool planOnMasters(TranslationContext& context, int protocol, Command& command) {
  const bool severalHaveIt = !config::servesOneServer(context.config) && !command.database.pinned() &&
                             context.config.crossSlot == config::CrossSlot::Emulate;
  if (!severalHaveIt) return false;
  const auto count = static_cast<std::size_t>(command.spec->keySpecs.front().index);
  if (protocol::strictInteger(command.argv[count]) != 0) return false;
  const ScriptRef script = scriptOf(context, command);
  if (script == nullptr || !looksAround(script->calls, *context.commands)) return false;
  const ForMasters& known = context.wrappedScripts.forMasters(*script, context.commands);
  const databases::WholeScript whole = known.whole;
  // By its text, whatever the client has said: no node needs to have it.
  const bool readOnly = command.spec->has(protocol::kReadOnly);
  const CommandSpec* eval = context.commands->find(readOnly ? "eval_ro" : "eval");
  if (whole.yield == ScriptYield::Untold || eval == nullptr) return false;

  const bool apart = context.databases.anyMapped() && !command.database.native();
  const std::string text = context.wrappedScripts.textForMasters(*script);
  std::vector<std::string> words = {eval->name, text, "0"};
  words.insert(words.end(), command.argv.begin() + static_cast<std::ptrdiff_t>(count + 1),
               command.argv.end());
  words.emplace_back(apart ? "1" : "0");
  words.push_back(command.database.prefix);
  auto composer = std::make_unique<OnMasters>(
      std::pair(known.sha, script->sha), command.database,
      [&links = context.links] { return databases::mastersOf(links.topology()); }, whole, std::move(words));
  command.steps = std::make_unique<Plan>();
  command.steps->protocol = protocol;
  composer->look(*command.steps);
  command.steps->composer = std::move(composer);
  command.spec = command.said = eval;
  return true;
}

}  // namespace slotless::session
