// Scripts that several masters run, each about the keys that it has itself (script_nodes.lua): they call
// these by the names that they have in their database, and no others.
//
// As with ScriptNames a piece of Lua stands in front, on the script's own first line. The script gets four
// arguments more: the slots that it is about ("0-5460 7000-7000"; empty: all that the node has), what the
// node has said of its slots (it does not begin if that has changed; empty: whatever it is), "1" or "0" (the
// nodes have keys of other databases, too, or not) and the database's prefix.
#pragma once
#include <string>
#include <string_view>

#include "protocol/command_table.h"
#include "proxy/databases/script_guard.h"

namespace slotless::databases {

std::string wrapForNodes(std::string_view script, const protocol::CommandTable& commands,
                         ScriptDialect dialect = {});

}  // namespace slotless::databases
