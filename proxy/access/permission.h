// What one user may do with the commands of one table: made once, asked with every command.
//
// Immutable; refers to nothing but the user. Ids of commands are the same in all tables, so a permission made
// for an earlier table is no danger: what it does not know it refuses. Source: Redis 7.0 acl.c
// ACLCheckAllUserCommandPerm().
#pragma once
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/argv.h"
#include "protocol/beginning.h"
#include "protocol/command_ids.h"
#include "protocol/command_spec.h"
#include "protocol/key_uses.h"
#include "proxy/access/user.h"
#include "proxy/access/vocabulary.h"

namespace slotless::access {

// Ordered: of several selectors' reasons the greatest is told, as in Redis.
enum class Reason : std::uint8_t {
  None,  // it may
  Command,
  Key,
  Channel,
  // Beyond Redis.
  KeysOnlyServerKnows,  // a module's: where its keys are cannot be told here
  ReadOnly,
  Script,
  SortBy,
  SortGet,
};

struct Denial {
  Reason reason = Reason::None;
  std::uint32_t argument = 0;  // the key or channel

  explicit operator bool() const noexcept { return reason != Reason::None; }
};

class Permission {
 public:
  Permission(UserPtr user, const Vocabulary& vocabulary);

  const User& user() const noexcept { return *user_; }
  const UserPtr& userPtr() const noexcept { return user_; }
  // May do everything with everything: needs no question.
  bool unrestricted() const noexcept { return unrestricted_; }
  // May run every command of the category @admin.
  bool administers() const noexcept { return administers_; }

  // `scratch` is overwritten.
  Denial check(const protocol::CommandSpec& spec, protocol::Argv argv,
               std::vector<protocol::KeyUse>& scratch) const {
    if (allowsAtOnce(spec, argv)) return {};
    return checkAll(spec, argv, scratch);
  }
  // As far as Redis would go: without read-only, scripts and SORT's patterns.
  Denial checkAsRedis(const protocol::CommandSpec& spec, protocol::Argv argv,
                      std::vector<protocol::KeyUse>& scratch) const;
  bool mayHear(std::string_view channel, bool isPattern) const {
    return access::mayHear(*user_, channel, isPattern);
  }
  bool maySelect(std::uint32_t database) const noexcept {
    return !user_->limits.databases || access::maySelect(*user_, database);
  }

 private:
  using CommandSet = std::bitset<protocol::CommandIds::kCapacity>;
  // A pattern of keys that is a text and an asterisk.
  struct Prefix {
    protocol::Beginning text;
    std::uint8_t permissions;
  };
  struct Compiled {
    const Selector* rules;  // of user_
    CommandSet commands;
    std::vector<Prefix> prefixes;
    // Commands that are allowed with these first arguments only.
    std::unordered_map<std::uint16_t, std::vector<std::string>> firstArguments;
  };

  // True for most of what is allowed, at little cost: a command with one key, by the first selector and its
  // prefixes.
  bool allowsAtOnce(const protocol::CommandSpec& spec, protocol::Argv argv) const noexcept {
    const std::uint8_t needed = spec.id < keyNeeds_.size() ? keyNeeds_[spec.id] : kHard;
    const auto position = static_cast<std::size_t>(spec.singleKey);
    if (needed == kHard || position >= argv.size()) return false;
    const Compiled& selector = selectors_.front();
    if (selector.rules->allKeys) return true;
    for (const Prefix& prefix : selector.prefixes) {
      if ((prefix.permissions & needed) == needed && prefix.text.of(argv[position])) return true;
    }
    return false;
  }
  void noteKeyNeeds(const Vocabulary& vocabulary);
  Denial checkAll(const protocol::CommandSpec& spec, protocol::Argv argv,
                  std::vector<protocol::KeyUse>& scratch) const;
  // The same for more keys.
  bool surelyAllows(const protocol::CommandSpec& spec, protocol::Argv argv) const noexcept;
  static Compiled compile(const Selector& selector, const Vocabulary& vocabulary);
  static bool allows(const Compiled& selector, const protocol::CommandSpec& spec, protocol::Argv argv);
  Denial checkSelector(const Compiled& selector, const protocol::CommandSpec& spec, protocol::Argv argv,
                       std::vector<protocol::KeyUse>& scratch) const;
  bool readsAllKeys(const protocol::CommandSpec& spec, protocol::Argv argv,
                    std::vector<protocol::KeyUse>& scratch) const;

  UserPtr user_;
  std::vector<Compiled> selectors_;  // the root first
  // By id, of the commands about which nothing else has to be asked: what has to be allowed with their key.
  std::vector<std::uint8_t> keyNeeds_;
  static constexpr std::uint8_t kHard = 0xFF;  // of all others
  bool unrestricted_ = false;
  bool administers_ = false;
};

// The line for the client, without '-' and CRLF. `spec`: the command that was refused.
std::string refusalLine(Denial denial, const protocol::CommandSpec& spec);

}  // namespace slotless::access
