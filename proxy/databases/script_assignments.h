// Keeps a script from assigning to the names that what stands in front of it has made its own.
//
// Servers let nobody assign to `redis` or `_G`: they are read-only globals. What stands in front of a script
// makes variables of them, and Lua lets everybody assign to a variable. So `redis = x` becomes `redis.redis =
// x`, which is refused when it is reached, with the servers' text.
#pragma once
#include <string>
#include <string_view>

namespace slotless::databases {

// A small reading of Lua, no parser: a name that is declared anywhere in the script is left alone, and so is
// one of several that are assigned to at once. Pure.
std::string withRefusedAssignments(std::string_view script);

}  // namespace slotless::databases
