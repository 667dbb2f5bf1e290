// Redis's ACL language: one word after another changes a user.
//
// Errors are values, with Redis's texts. Source: Redis 7.0.15 acl.c ACLSetUser(), ACLSetSelector(),
// ACLMergeSelectorArguments(); the words beyond Redis (`databases=0,2,5-7`, `database=1`,
// `read-from=replica`, `read-only`, `scripts=unchecked`) are described in docs/access.md.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/access/user.h"
#include "proxy/access/vocabulary.h"

namespace slotless::access {

enum class RuleError : std::uint8_t {
  Unknown,  // no such command or category
  Syntax,
  AllKeysAlready,
  AllChannelsAlready,
  NoSuchPassword,
  BadDigest,
  FirstArgumentOfSubcommand,
};
std::string_view textOf(RuleError error) noexcept;

// What to do with names that no server has told of yet: rules in files are read before servers are asked.
enum class Unknown : std::uint8_t { Refused, Accepted };

// nullopt: done. An error leaves the user in the middle.
std::optional<RuleError> applyRule(User& user, std::string_view rule, const Vocabulary& vocabulary,
                                   Unknown unknown = Unknown::Refused);

// "(+get", "~x)" are one rule. False: a parenthesis is not closed, and `rules` has the word that begins it
// as its last one.
bool mergeSelectors(std::span<const std::string_view> words, std::vector<std::string>& rules);

// Names in the rules that nobody knows.
std::vector<std::string> unknownNames(const User& user, const Vocabulary& vocabulary);

// Spaces would end it in a file.
bool hasSpaces(std::string_view text) noexcept;

}  // namespace slotless::access
