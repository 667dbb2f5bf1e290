#include "proxy/cluster/learned_facts.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/command_facts.h"
#include "protocol/command_overrides.h"

namespace slotless::cluster {

using protocol::CommandSpec;

namespace {

using Facts = std::vector<CommandSpec>;
using ByName = std::map<std::string_view, const CommandSpec*>;

const Facts& builtIn() {
  static const Facts facts = protocol::builtInFacts();
  return facts;
}

ByName indexed(const Facts& facts) {
  ByName index;
  for (const CommandSpec& spec : facts) index.emplace(spec.name, &spec);
  return index;
}

void addMissing(std::vector<std::string>& words, const std::vector<std::string>& others) {
  for (const std::string& word : others) {
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
}

// Negative: at least that many. What both take, or the first if there is none.
int stricterArity(int a, int b) {
  if (a < 0 && b < 0) return std::min(a, b);
  if (a >= 0 && b >= 0) return a;
  const int exact = std::max(a, b);
  return exact >= -std::min(a, b) ? exact : a;
}

void mergeFacts(CommandSpec& spec, const CommandSpec& other);

// Keeps of `facts` what `others` has, too.
void keepCommon(Facts& facts, const Facts& others) {
  const ByName index = indexed(others);
  std::erase_if(facts, [&](const CommandSpec& spec) { return !index.contains(spec.name); });
  for (CommandSpec& spec : facts) mergeFacts(spec, *index.at(spec.name));
}

void mergeFacts(CommandSpec& spec, const CommandSpec& other) {
  spec.arity = stricterArity(spec.arity, other.arity);
  addMissing(spec.flagNames, other.flagNames);
  addMissing(spec.categoryNames, other.categoryNames);
  spec.slotUnchecked = spec.slotUnchecked || other.slotUnchecked;
  if (spec.group.empty()) spec.group = other.group;
  keepCommon(spec.subcommands, other.subcommands);
}

}  // namespace

void completeByBuiltIn(CommandSpec& spec) {
  static const ByName known = indexed(builtIn());
  const auto found = known.find(spec.name);
  if (found == known.end()) return;
  const CommandSpec& facts = *found->second;
  addMissing(spec.flagNames, facts.flagNames);
  if (spec.categoryNames.empty()) spec.categoryNames = facts.categoryNames;
  spec.tips = facts.tips;
  spec.keySpecs = facts.keySpecs;
  spec.subcommands = facts.subcommands;
}

Facts intersectFacts(std::vector<Facts> servers) {
  Facts common = std::move(servers.front());
  for (std::size_t i = 1; i < servers.size(); ++i) keepCommon(common, servers[i]);
  return common;
}

void addOwnCommands(Facts& facts) {
  const ByName known = indexed(facts);
  Facts added;
  for (const CommandSpec& spec : builtIn()) {
    const protocol::CommandOverride* override = protocol::findOverride(spec.name);
    const bool own = override != nullptr && override->handling == protocol::Handling::Local;
    if (own && !known.contains(spec.name)) added.push_back(spec);
  }
  // Only now: `known` refers to the old elements.
  facts.insert(facts.end(), std::make_move_iterator(added.begin()), std::make_move_iterator(added.end()));
}

}  // namespace slotless::cluster
