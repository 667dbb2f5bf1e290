// Users as texts in the ACL language, in the canonical order of ACL LIST and GETUSER.
// Source: Redis 7.0 acl.c ACLDescribeUser(), aclGetUserCommand().
#pragma once
#include <string>

#include "proxy/access/user.h"

namespace slotless::access {

// "+@all -get", "~k* %R~r*", "&ch*".
std::string commandsText(const Selector& selector);
std::string keysText(const Selector& selector);
std::string channelsText(const Selector& selector);
// The whole, as a line of an ACL file: "user alice on #hash ~k* resetchannels -@all +get".
std::string lineOf(const User& user);

}  // namespace slotless::access
