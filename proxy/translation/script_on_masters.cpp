#include "proxy/translation/script_on_masters.h"

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
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
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/pausing.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/routing/slot_shares.h"
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
constexpr std::string_view kHalfDone =
    "TRYAGAIN Slots are being moved: the script has been run, but not about the keys in them";
// Of script_nodes.lua: it has not begun.
constexpr std::string_view kHasChanged = "-SLOTSCHANGED";
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

// In rounds: each master is asked what slots it has, and then runs the script about its share of them. As a
// rule there is one round. Nothing has run if a master cannot be reached.
class OnMasters final : public Pausing {
 public:
  // `shas`: of the script as nodes get it, and as the client knows it.
  OnMasters(const Context& context, std::pair<std::string, std::string> shas,
            const databases::Database& database, databases::WholeScript script,
            std::vector<std::string> words)
      : Pausing(context.host),
        context_(context),
        links_(context.links),
        shas_(std::move(shas)),
        database_(database),
        script_(script),
        words_(std::move(words)) {}

  void look(Plan& plan) {
    const Masters masters = databases::mastersOf(links_.topology());
    version_ = masters.version;
    slots_ = masters.slots;
    // A cluster that is not known yet: the request waits for it.
    if (slots_.empty()) slots_.push_back(protocol::kNoSlot);
    begin(plan);
    for (const protocol::Slot slot : slots_) routing::addPart(plan, slot, {"CLUSTER", "NODES"});
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (running_) return !haveAllRun(parts) && wait(plan);
    for (const PartReply& part : parts) {
      if (!routing::isErrorReply(part.bytes) || protocol::isDenial(part.bytes)) continue;
      error_ = part.bytes;
      return false;
    }
    if (links_.topology().version != version_ && ++rounds_ < kMostRounds) {
      look(plan);
      return true;
    }
    giveShares(parts);
    if (given_.empty()) return (answers_.empty() || shares_.anyLeft(links_.topology())) && wait(plan);
    running_ = true;
    run(plan);
    return true;
  }

  bool isLastStage() const override { return running_; }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    if (!error_.empty()) {
      out += error_;
      return false;
    }
    std::vector<PartReply> all;
    for (const std::string& answer : answers_) all.push_back({answer, {}});
    for (const PartReply& part : parts) {
      if (running_ && !hasChanged(part)) all.push_back(part);
    }
    std::string merged;
    const bool good = routing::mergeReplies(mergeOf(script_.yield), all, merged);
    out += good ? merged : asSaid(databases::withoutPrefix(merged, database_));
    return good;
  }

 private:
  static bool hasChanged(const PartReply& part) { return part.bytes.starts_with(kHasChanged); }

  std::string asSaid(std::string error) const {
    const std::size_t at = error.find(shas_.first);
    if (at != std::string::npos) error.replace(at, shas_.first.size(), shas_.second);
    return error;
  }

  static void begin(Plan& plan) {
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = true;
    plan.reads = true;
    plan.fromMasters = true;
  }

  // Who may not be asked is not known to be moving anything.
  void giveShares(std::span<const PartReply> parts) {
    shares_.beginRound();
    given_.clear();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto text = routing::textOf(parts[i].bytes);
      auto share = text ? shares_.give(*text) : std::nullopt;
      if (!share) share = shares_.giveKnown(links_.topology(), slots_[i]);
      if (share->slots.any()) given_.emplace_back(slots_[i], *std::move(share));
    }
  }

  void run(Plan& plan) const {
    begin(plan);
    for (const auto& [slot, share] : given_) {
      const std::string ranges = share.whole ? std::string() : share.ranges();
      std::vector<std::string_view> words(words_.begin(), words_.end());
      const std::initializer_list<std::string_view> shared = {ranges, share.said};
      words.insert(words.end() - kWordsBehindShare, shared);
      routing::addPart(plan, slot, words);
    }
    plan.writes = script_.writes;
  }

  // Or one of them has ended it by an error.
  bool haveAllRun(std::span<const PartReply> parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (hasChanged(parts[i])) continue;
      if (routing::isErrorReply(parts[i].bytes)) return true;
      shares_.done(given_[i].second);
    }
    if (!shares_.anyLeft(links_.topology())) return true;
    for (const PartReply& part : parts) {
      if (!hasChanged(part)) answers_.emplace_back(part.bytes);
    }
    running_ = false;
    return false;
  }

  // False: it has waited for long enough.
  bool wait(Plan& plan) {
    if (!context_.holding.off() && pauseWithin(context_.config.holdTimeout)) {
      plan.clear();
      return true;
    }
    protocol::appendError(error_, answers_.empty() ? kMoving : kHalfDone);
    return false;
  }

  bool resume(Plan& plan) override {
    look(plan);
    return true;
  }

  // The last two: see node_scripts.h.
  static constexpr std::ptrdiff_t kWordsBehindShare = 2;

  const Context& context_;
  const upstream::LinkPool& links_;
  const std::pair<std::string, std::string> shas_;
  const databases::Database& database_;
  const databases::WholeScript script_;
  const std::vector<std::string> words_;  // of the request to each master, but for what is its share
  std::vector<protocol::Slot> slots_;     // one of each master that is asked
  std::uint64_t version_ = 0;
  int rounds_ = 0;
  routing::SlotShares shares_;
  std::vector<std::pair<protocol::Slot, routing::SlotShare>>
      given_;  // in this round: by a slot of the master
  bool running_ = false;
  std::vector<std::string> answers_;  // of earlier rounds
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
  auto composer = std::make_unique<OnMasters>(context, std::pair(known.sha, script->sha), command.database,
                                              whole, std::move(words));
  command.steps = std::make_unique<Plan>();
  command.steps->protocol = protocol;
  composer->look(*command.steps);
  command.steps->composer = std::move(composer);
  command.spec = command.said = eval;
  return true;
}

}  // namespace slotless::session
