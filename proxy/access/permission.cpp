#include "proxy/access/permission.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "protocol/ascii.h"
#include "protocol/glob.h"
#include "protocol/key_extraction.h"
#include "proxy/access/sort_options.h"

namespace slotless::access {

using protocol::Argv;
using protocol::CommandSpec;
using protocol::KeyUse;

namespace {

// What only loads, lists or forgets scripts has no keys.
bool runsScripts(const CommandSpec& spec) {
  return spec.scriptSha > 0 || (spec.in(protocol::kCategoryScripting) && spec.has(protocol::kMovableKeys));
}

bool covers(const CommandRule& rule, const CommandSpec& spec, const CommandSpec* container) {
  if (rule.kind == CommandRule::Kind::Category)
    return isInCategory(spec, rule.name) || (container != nullptr && isInCategory(*container, rule.name));
  return rule.name == spec.name || (container != nullptr && rule.name == container->name);
}

std::uint8_t permissionsFor(std::uint32_t flags) {
  std::uint8_t needed = 0;
  if ((flags & protocol::kKeyAccess) != 0) needed |= kRead;
  if ((flags & (protocol::kKeyInsert | protocol::kKeyDelete | protocol::kKeyUpdate)) != 0) needed |= kWrite;
  return needed;
}

bool allowsKey(const Selector& selector, std::string_view key, std::uint32_t flags) {
  const std::uint8_t needed = permissionsFor(flags);
  return std::any_of(selector.keys.begin(), selector.keys.end(), [&](const KeyPattern& each) {
    return (each.permissions & needed) == needed && protocol::matchesGlob(each.pattern, key);
  });
}

// The arguments that are channels: from the first one to before the second.
std::pair<std::size_t, std::size_t> channelRange(const CommandSpec& spec, Argv argv) {
  switch (spec.channelUse) {
    case protocol::ChannelUse::None: break;
    case protocol::ChannelUse::Publish: return {1, std::min<std::size_t>(2, argv.size())};
    case protocol::ChannelUse::Subscribe:
    case protocol::ChannelUse::SubscribePattern: return {1, argv.size()};
    case protocol::ChannelUse::Count: return {2, argv.size()};
  }
  return {0, 0};
}

bool hasKeys(const CommandSpec& spec) {
  return !spec.keySpecs.empty() || spec.firstKey != 0 || spec.keyProcedure != protocol::KeyProcedure::BySpecs;
}

// One key, of which it is known what is done to it: most commands.
const protocol::KeySpec* onlyKey(const CommandSpec& spec) {
  if (spec.singleKey == 0 || spec.keySpecs.size() != 1) return nullptr;
  const protocol::KeySpec& only = spec.keySpecs.front();
  return (only.flags & (protocol::kKeyVariableFlags | protocol::kKeyNotKey)) == 0 ? &only : nullptr;
}

// Nothing of it is looked at but whether it may be run, and its keys.
bool isOrdinary(const CommandSpec& spec) {
  return spec.keySpecs.size() == 1 && spec.channelUse == protocol::ChannelUse::None &&
         !spec.namesKeysByPattern && !spec.in(protocol::kCategoryScripting);
}

// What has to be allowed with each of its keys; nullopt: its arguments have to be looked at.
std::optional<std::uint8_t> keyNeedOf(const CommandSpec& spec) {
  const std::uint32_t flags = spec.keySpecs.front().flags;
  if ((flags & (protocol::kKeyNotKey | protocol::kKeyIncomplete)) != 0) return std::nullopt;
  return (flags & protocol::kKeyVariableFlags) != 0 ? std::uint8_t{kReadAndWrite} : permissionsFor(flags);
}

}  // namespace

Permission::Permission(UserPtr user, const Vocabulary& vocabulary) : user_(std::move(user)) {
  selectors_.push_back(compile(user_->root, vocabulary));
  for (const Selector& each : user_->selectors) selectors_.push_back(compile(each, vocabulary));
  const auto allowsAll = [](const Compiled& each) {
    const Selector& rules = *each.rules;
    return rules.allCommands && rules.commands.empty() && rules.allKeys && rules.allChannels;
  };
  unrestricted_ = !user_->limits.readOnly && !user_->limits.databases &&
                  std::any_of(selectors_.begin(), selectors_.end(), allowsAll);
  noteKeyNeeds(vocabulary);
  CommandSet needed;
  vocabulary.visit([&](const CommandSpec& spec, const CommandSpec*) {
    if (isInCategory(spec, "admin")) needed.set(spec.id);
  });
  administers_ = std::any_of(selectors_.begin(), selectors_.end(),
                             [&](const Compiled& each) { return (needed & ~each.commands).none(); });
}

void Permission::noteKeyNeeds(const Vocabulary& vocabulary) {
  const Compiled& selector = selectors_.front();
  vocabulary.visit([&](const CommandSpec& spec, const CommandSpec*) {
    const bool known = spec.id != protocol::CommandIds::kOverflow && selector.commands[spec.id];
    if (!known || spec.singleKey <= 0 || !isOrdinary(spec)) return;
    if (user_->limits.readOnly && spec.has(protocol::kWrite)) return;
    const auto needed = keyNeedOf(spec);
    if (!needed) return;
    if (keyNeeds_.size() <= spec.id) keyNeeds_.resize(std::size_t{spec.id} + 1, kHard);
    keyNeeds_[spec.id] = *needed;
  });
}

Permission::Compiled Permission::compile(const Selector& selector, const Vocabulary& vocabulary) {
  Compiled compiled{&selector, {}, {}, {}};
  vocabulary.visit([&](const CommandSpec& spec, const CommandSpec* container) {
    bool allowed = selector.allCommands;
    std::vector<std::string> firstArguments;
    for (const CommandRule& rule : selector.commands) {
      if (!covers(rule, spec, container)) continue;
      if (rule.kind == CommandRule::Kind::FirstArgument) {
        firstArguments.push_back(rule.firstArgument);
      } else {
        allowed = rule.allowed;
        firstArguments.clear();
      }
    }
    if (spec.id == protocol::CommandIds::kOverflow) return;  // names that cannot be told apart
    compiled.commands.set(spec.id, allowed);
    if (!allowed && !firstArguments.empty()) compiled.firstArguments[spec.id] = std::move(firstArguments);
  });
  if (selector.allCommands && selector.commands.empty()) compiled.commands.set();
  for (const KeyPattern& each : selector.keys) {
    const std::string_view text =
        std::string_view(each.pattern).substr(0, each.pattern.find_first_of("*?[\\"));
    if (text.size() + 1 == each.pattern.size() && each.pattern.back() == '*')
      compiled.prefixes.push_back({protocol::Beginning(text), each.permissions});
  }
  return compiled;
}

bool Permission::allows(const Compiled& selector, const CommandSpec& spec, Argv argv) {
  if (selector.commands[spec.id] || spec.has(protocol::kNoAuth)) return true;
  if (selector.firstArguments.empty() || argv.size() < 2) return false;
  const auto found = selector.firstArguments.find(spec.id);
  return found != selector.firstArguments.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const std::string& each) { return protocol::equalsIgnoringCase(each, argv[1]); });
}

Denial Permission::checkSelector(const Compiled& selector, const CommandSpec& spec, Argv argv,
                                 std::vector<KeyUse>& scratch) const {
  if (!allows(selector, spec, argv)) return {Reason::Command};
  const Selector& rules = *selector.rules;
  if (const protocol::KeySpec* only = rules.allKeys ? nullptr : onlyKey(spec)) {
    const auto position = static_cast<std::uint32_t>(spec.singleKey);
    if (position >= argv.size() || !allowsKey(rules, argv[position], only->flags))
      return {Reason::Key, position};
  } else if (!rules.allKeys && hasKeys(spec)) {
    if (spec.keyProcedure == protocol::KeyProcedure::AskServer) return {Reason::KeysOnlyServerKnows};
    const auto last = static_cast<std::uint32_t>(argv.size() - 1);
    if (protocol::keyUses(spec, argv, scratch) != protocol::KeyResult::Ok) return {Reason::Key, last};
    for (const KeyUse& use : scratch) {
      if (!allowsKey(rules, argv[use.position], use.flags)) return {Reason::Key, use.position};
    }
  }
  if (rules.allChannels || spec.channelUse == protocol::ChannelUse::None) return {};
  const auto [first, end] = channelRange(spec, argv);
  const bool isPattern = spec.channelUse == protocol::ChannelUse::SubscribePattern;
  for (std::size_t i = first; i < end; ++i) {
    if (!access::mayHear(rules, argv[i], isPattern)) return {Reason::Channel, static_cast<std::uint32_t>(i)};
  }
  return {};
}

Denial Permission::checkAsRedis(const CommandSpec& spec, Argv argv, std::vector<KeyUse>& scratch) const {
  Denial denial{Reason::Command};
  for (const Compiled& selector : selectors_) {
    const Denial next = checkSelector(selector, spec, argv, scratch);
    if (!next) return {};
    if (std::pair(next.reason, next.argument) > std::pair(denial.reason, denial.argument)) denial = next;
  }
  return denial;
}

bool Permission::surelyAllows(const CommandSpec& spec, Argv argv) const noexcept {
  const Compiled& selector = selectors_.front();
  if (spec.singleKey > 0 || !selector.commands[spec.id] || !isOrdinary(spec)) return false;
  if (user_->limits.readOnly && spec.has(protocol::kWrite)) return false;
  if (selector.rules->allKeys) return true;
  const auto needed = keyNeedOf(spec);
  if (!needed) return false;
  const auto matches = [&](std::string_view key) {
    return std::any_of(selector.prefixes.begin(), selector.prefixes.end(), [&](const Prefix& prefix) {
      return (prefix.permissions & *needed) == *needed && prefix.text.of(key);
    });
  };
  const auto keys = protocol::plainKeyRange(spec, argv.size());
  if (!keys) return false;
  for (std::size_t i = keys->first; i < argv.size(); i += keys->step) {
    if (!matches(argv[i])) return false;
  }
  return true;
}

Denial Permission::checkAll(const CommandSpec& spec, Argv argv, std::vector<KeyUse>& scratch) const {
  if (surelyAllows(spec, argv)) return {};
  if (const Denial denial = checkAsRedis(spec, argv, scratch)) return denial;
  const bool runs = runsScripts(spec);
  // Those that are loaded belong to all databases.
  const bool reachesBeyond = user_->limits.databases && spec.in(protocol::kCategoryScripting);
  if ((runs || reachesBeyond) && !user_->limits.scriptsUnchecked) return {Reason::Script};
  if (user_->limits.readOnly && (spec.has(protocol::kWrite) || (runs && !spec.has(protocol::kReadOnly)))) {
    return {Reason::ReadOnly};
  }
  if (!spec.namesKeysByPattern) return {};
  const SortOptions options = sortOptionsOf(argv);
  if (!options.by && !options.get) return {};
  if (readsAllKeys(spec, argv, scratch)) return {};
  return {options.byFirst ? Reason::SortBy : Reason::SortGet};
}

bool Permission::readsAllKeys(const CommandSpec& spec, Argv argv, std::vector<KeyUse>& scratch) const {
  return std::any_of(selectors_.begin(), selectors_.end(), [&](const Compiled& each) {
    if (checkSelector(each, spec, argv, scratch)) return false;
    const auto readsAll = [](const KeyPattern& pattern) {
      return pattern.pattern == "*" && (pattern.permissions & kRead) != 0;
    };
    return each.rules->allKeys || std::any_of(each.rules->keys.begin(), each.rules->keys.end(), readsAll);
  });
}

std::string refusalLine(Denial denial, const CommandSpec& spec) {
  const std::string command = "NOPERM this user has no permissions to run the '" + spec.name + "' command";
  switch (denial.reason) {
    case Reason::None: return {};
    case Reason::Command: return command;
    case Reason::Key:
      return "NOPERM this user has no permissions to access one of the keys used as arguments";
    case Reason::Channel:
      return "NOPERM this user has no permissions to access one of the channels used as arguments";
    case Reason::KeysOnlyServerKnows:
      return command + ": only a server can tell which keys it names, so it is for users with all keys (~*)";
    case Reason::ReadOnly: return command + ": the user is read-only";
    case Reason::Script:
      return command +
             ": what a script does on the nodes is not checked against the user's rules; scripts=unchecked "
             "allows it";
    case Reason::SortBy: return "ERR BY option of SORT denied due to insufficient ACL permissions.";
    case Reason::SortGet: return "ERR GET option of SORT denied due to insufficient ACL permissions.";
  }
  return {};
}

}  // namespace slotless::access
