// Which commands a script calls, as far as its text tells.
//
// A small reading of Lua, no parser: what it does not understand counts as unclear, so that the answer errs
// on the safe side. Pure. Source: Lua 5.1 Reference Manual, section 2.1.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace slotless::databases {

struct ScriptCalls {
  std::vector<std::string> commands;  // in lower case, each once
  bool unclear = false;               // it may call others, too: names that it builds or is given
};

ScriptCalls callsOf(std::string_view script);

}  // namespace slotless::databases
