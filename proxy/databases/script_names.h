// Lets the scripts of clients call keys by the names that they have in their database.
//
// A script is sent with a piece of Lua in front, on its own first line, so that the lines keep their numbers.
// There `redis` is one whose commands get their keys' names in the cluster, and KEYS holds those in the
// database. Which arguments are keys is told by the command table. The script gets one argument more, the
// database's prefix, and of a pinned database one key more, the routing key: scripts may touch keys that they
// have not declared, and so have to wait while the slot is being moved. In a grouped database the patterns
// stand before the prefix, and a script with keys gets a routing key as well; one that would touch a key of
// another slot is refused. Functions are no such scripts.
// A script that may use _G, load or loadstring gets some more in front (script_globals.lua), by which these
// lead to its own `redis`, too.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/command_table.h"
#include "proxy/databases/script_guard.h"

namespace slotless::databases {

class ScriptNames {
 public:
  // How the piece in front begins and ends: nodes show it (MONITOR), and clients have not said it.
  static constexpr std::string_view kOpening = " local redis,KEYS,ARGV=(function(redis,names,ARGV)";
  static constexpr std::string_view kLuaServer = "local server=redis ";
  static constexpr std::string_view kClosing = "do local slotless end ";

  // Of a grouped database or of others.
  enum class Keys : std::uint8_t { Together, InGroups };

  explicit ScriptNames(const protocol::CommandTable& commands, ScriptDialect dialect = {},
                       Keys keys = Keys::Together);

  std::string wrap(std::string_view script) const;

 private:
  std::string preamble_;
  std::string reflective_;  // the same for scripts that may use _G, load or loadstring
};

}  // namespace slotless::databases
