#include "protocol/command_derivation.h"

#include <algorithm>
#include <cstdlib>

#include "protocol/ascii.h"
#include "protocol/command_names.h"

namespace slotless::protocol {
namespace {

template <typename Table>
std::uint32_t bitsOf(const std::vector<std::string>& words, const Table& table) {
  std::uint32_t bits = 0;
  for (const std::string& word : words) {
    for (const auto& [name, bit] : table) {
      if (word == name) bits |= bit;
    }
  }
  return bits;
}

template <typename Policy, typename Table>
Policy policyOf(const std::vector<std::string>& tips, const Table& table) {
  for (const std::string& tip : tips) {
    for (const auto& [prefix, policy] : table) {
      if (tip == prefix || (prefix.back() == ':' && tip.starts_with(prefix))) return policy;
    }
  }
  return Policy::None;
}

bool hasKeys(const CommandSpec& spec) {
  return !spec.keySpecs.empty() || spec.firstKey != 0;
}

// The first rule that fits decides. Each keeps the next ones safe: what changes a connection or waits on it
// must never get onto a link that clients share, whatever its keys and tips are.
struct Rule {
  bool (*fits)(const CommandSpec&);
  Handling handling;
};
constexpr Rule kRules[] = {
    {[](const CommandSpec& s) { return s.has(kAdmin); }, Handling::Admin},
    {[](const CommandSpec& s) { return s.has(kPubSub) || s.in(kCategoryPubSub); }, Handling::Session},
    {[](const CommandSpec& s) { return s.has(kBlocking) || s.in(kCategoryBlocking); }, Handling::Session},
    {[](const CommandSpec& s) { return s.in(kCategoryTransaction); }, Handling::Session},
    {[](const CommandSpec& s) { return s.in(kCategoryConnection); }, Handling::Never},
    {[](const CommandSpec& s) { return hasKeys(s) && s.requestPolicy == RequestPolicy::MultiShard; },
     Handling::Split},
    {[](const CommandSpec& s) { return hasKeys(s); }, Handling::Keyed},
    {[](const CommandSpec& s) { return s.requestPolicy != RequestPolicy::None; }, Handling::FanOut},
    // Also what has movable keys and no key specifications (a module's): a server is asked for the keys
    // first.
    {[](const CommandSpec&) { return true; }, Handling::AnyNode},
};

bool waitsForEarlierReplies(Handling handling) {
  return handling == Handling::FanOut || handling == Handling::Admin;
}

// Does COMMAND leave open where the keys are? A module that finds its keys by itself ("getkeys-api") has at
// most a range made up for it, marked with variable flags. Source: Redis 7.0 db.c
// getKeysFromCommandWithSpecs().
bool leavesKeysOpen(const CommandSpec& spec) {
  if (!spec.has(kMovableKeys)) return false;
  const auto open = [&](const KeySpec& keySpec) {
    return keySpec.begin == KeySpec::Begin::Unknown || keySpec.find == KeySpec::Find::Unknown ||
           (keySpec.flags & kKeyIncomplete) != 0 ||
           (spec.has(kModule) && (keySpec.flags & kKeyVariableFlags) != 0);
  };
  return spec.keySpecs.empty() || std::any_of(spec.keySpecs.begin(), spec.keySpecs.end(), open);
}

// Nothing but keys, each with what belongs to it, up to the end: only then can some of them be a command by
// themselves. MSETEX has the number of its keys in front and options behind.
bool isPlainRangeOfKeys(const CommandSpec& spec) {
  if (spec.keyProcedure != KeyProcedure::BySpecs || spec.has(kMovableKeys) || spec.keySpecs.size() > 1)
    return false;
  if (spec.keySpecs.empty()) return spec.firstKey == 1 && spec.lastKey == -1 && spec.keyStep >= 1;
  const KeySpec& only = spec.keySpecs.front();
  return only.begin == KeySpec::Begin::Index && only.index == 1 && only.find == KeySpec::Find::Range &&
         only.lastKey == -1 && only.limit <= 1 && only.keyStep >= 1 && only.keyStep == spec.keyStep &&
         (only.flags & (kKeyNotKey | kKeyIncomplete)) == 0;
}

int singleKeyOf(const CommandSpec& spec) {
  if (spec.keyProcedure != KeyProcedure::BySpecs || spec.keySpecs.size() > 1) return 0;
  const int minimumArguments = std::abs(spec.arity);
  int position = 0;
  if (spec.keySpecs.empty()) {
    if (spec.lastKey == spec.firstKey) position = spec.firstKey;
  } else {
    const KeySpec& only = spec.keySpecs.front();
    const bool one =
        only.begin == KeySpec::Begin::Index && only.find == KeySpec::Find::Range && only.lastKey == 0;
    if (one && (only.flags & kKeyIncomplete) == 0) position = only.index;
  }
  return position > 0 && position < minimumArguments ? position : 0;
}

bool isPlain(const CommandSpec& spec) {
  const bool ordinary = spec.handling == Handling::Keyed && spec.role == SessionRole::None &&
                        spec.sessionKeyword.empty() && !spec.barrier;
  const bool scripts = spec.scriptText > 0 || spec.scriptSha > 0 || spec.forgetsScripts ||
                       spec.in(kCategoryScripting) || spec.has(kModule);
  return spec.singleKey > 0 && spec.keyProcedure == KeyProcedure::BySpecs && ordinary && !scripts &&
         !spec.slotUnchecked && spec.wholeDatabase == WholeDatabase::None &&
         spec.transfer == Transfer::None && spec.replyNames == ReplyNames::None && !spec.namesKeysByPattern &&
         !spec.has(kPubSub) && !spec.has(kNoAuth);
}

}  // namespace

void derive(CommandSpec& spec, const CommandOverride* override) {
  std::transform(spec.name.begin(), spec.name.end(), spec.name.begin(), lowerAscii);
  spec.flags = bitsOf(spec.flagNames, kCommandFlagNames);
  spec.categories = bitsOf(spec.categoryNames, kCategoryNames);
  spec.requestPolicy = policyOf<RequestPolicy>(spec.tips, kRequestPolicyTips);
  spec.responsePolicy = policyOf<ResponsePolicy>(spec.tips, kResponsePolicyTips);
  spec.handling = std::find_if(std::begin(kRules), std::end(kRules), [&](const Rule& r) {
                    return r.fits(spec);
                  })->handling;
  spec.retryAfterLoss =
      spec.has(kReadOnly) && !spec.has(kWrite) && !spec.has(kMayReplicate) && !spec.has(kBlocking);
  static constexpr CommandOverride kNone{.name = {}, .handling = Handling::Never, .reason = {}};
  const CommandOverride& wanted = override == nullptr ? kNone : *override;
  if (override != nullptr) {
    spec.handling = override->handling;
  } else if (spec.aboutCluster()) {
    spec.handling = Handling::Local;  // new ones, too, are answered as by a server without a cluster
  }
  spec.requestPolicy = wanted.requestPolicy.value_or(spec.requestPolicy);
  spec.responsePolicy = wanted.responsePolicy.value_or(spec.responsePolicy);
  spec.retryAfterLoss = wanted.retryAfterLoss.value_or(spec.retryAfterLoss);
  spec.sessionKeyword = wanted.sessionKeyword;
  spec.hashedArgument = wanted.hashedArgument;
  spec.keyProcedure =
      wanted.keyProcedure.value_or(leavesKeysOpen(spec) ? KeyProcedure::AskServer : KeyProcedure::BySpecs);
  if (spec.handling == Handling::Split && !isPlainRangeOfKeys(spec)) spec.handling = Handling::Keyed;
  spec.barrier = wanted.barrier || waitsForEarlierReplies(spec.handling);
  spec.singleKey = singleKeyOf(spec);
  if (const AbsenceFact* fact = findAbsenceFact(spec.name)) {
    spec.forgoesAbsent = true;
    spec.retryAfterLoss = spec.retryAfterLoss || !fact->once;
  }
  if (const ScriptFact* fact = findScriptFact(spec.name)) {
    spec.scriptText = fact->text;
    spec.scriptSha = fact->sha;
    spec.forgetsScripts = fact->forgets;
    spec.loadsLibrary = fact->isLibrary;
    spec.showsScripts = fact->shows;
  }
  if (const NameFact* fact = findNameFact(spec.name)) {
    spec.replyNames = fact->replyNames;
    spec.wholeDatabase = fact->wholeDatabase;
    spec.namesKeysByPattern = fact->namesKeysByPattern;
    spec.transfer = fact->transfer;
    spec.otherDatabase = fact->otherDatabase;
    spec.emptiesAllDatabases = fact->emptiesAllDatabases;
  }
  spec.channelUse = channelUseOf(spec.name);
  if (const SessionFact* fact = findSessionFact(spec.name)) {
    spec.role = fact->role;
    spec.blockTimeout = fact->blockTimeout;
  } else if (spec.has(kBlocking) && spec.sessionKeyword.empty() && hasKeys(spec)) {
    spec.role = SessionRole::Blocking;  // a module's: where its timeout stands is not known
  }
  spec.plain = isPlain(spec);
}

}  // namespace slotless::protocol
