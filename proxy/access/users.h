// All users at one moment, and the texts they are read from and written to.
//
// A `Users` is an immutable snapshot, shared by pointer; users that do not change stay the same objects.
// Source of the file's form and errors: Redis 7.0 acl.c ACLLoadFromFile().
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/access/rule_language.h"
#include "proxy/access/user.h"
#include "proxy/access/vocabulary.h"

namespace slotless::access {

using Users = std::map<std::string, UserPtr, std::less<>>;

// nullptr: nobody of that name.
UserPtr findUser(const Users& users, std::string_view name);

// As Redis makes the default user: may do everything. `password`: empty means that it needs none.
User makeDefaultUser(std::string_view password);

struct ReadUsers {
  Users users;
  std::vector<std::string> errors;    // where there are any, `users` is not to be used
  std::vector<std::string> warnings;  // names in rules that are not known
};
// Lines "user NAME RULE …", empty ones and those that begin with '#' apart. A default user that is not among
// them is `standard`. `where`: what stands in front of a line's number in errors.
ReadUsers readUsers(std::span<const std::string> lines, const User& standard, const Vocabulary& vocabulary,
                    Unknown unknown, std::string_view where);
// All of them, a line each, by name.
std::string textOf(const Users& users);
std::vector<std::string> linesOf(std::string_view text);

}  // namespace slotless::access
