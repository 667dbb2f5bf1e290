// What a script that looks at a whole database answers, as far as its text tells: whether the answers of all
// masters, each about the keys that it has itself, are one answer.
//
// That has to be known before it runs anywhere. A small reading of Lua, no parser: what it does not
// understand is not told. Pure. What it takes for told is in docs/compatibility.md. Source: Lua 5.1 Reference
// Manual.
#pragma once
#include <cstdint>
#include <string_view>

#include "protocol/command_table.h"

namespace slotless::databases {

enum class ScriptYield : std::uint8_t {
  Untold,  // or it calls what only one node is to be asked for
  Same,    // always the same, wherever it runs: a literal, FLUSHDB's status, nothing
  Count,   // a number of keys, or a sum over them: the sums add up
  Names,   // a list with something for each key that was found: the lists follow each other
  AnyName  // one of the keys
};

struct WholeScript {
  ScriptYield yield = ScriptYield::Untold;
  bool writes = false;
};

WholeScript wholeScriptOf(std::string_view script, const protocol::CommandTable& commands);

}  // namespace slotless::databases
