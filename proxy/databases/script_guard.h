// Keeps scripts from what is not theirs: commands about a whole database, which in a database that is not
// pinned would be about one of several nodes, and commands that lead to another database, which the nodes
// have under other names or not at all.
//
// A script whose text may call such a command is sent with a piece of Lua in front, on its own first line,
// that refuses these calls when they are made. All others are sent as they are. Where keys have other names
// in the cluster ScriptNames does all this, too.
#pragma once
#include <string>
#include <string_view>

#include "protocol/command_table.h"
#include "proxy/databases/script_calls.h"

namespace slotless::databases {

// How scripts are kept from such a command; empty: they may call it. "W…": refused, unless the script
// has a database's all to itself ("Wcount", "Wflush", "Wlist", "Wrandom", "Wscan"); "D": with the option DB.
std::string_view refusalCodeOf(const protocol::CommandSpec& spec);
// `script` with `preamble` in front; the line that names engine and flags stays the first one, without the
// flag no-cluster.
std::string behindFlags(std::string_view script, std::string_view preamble);

// What scripts are different by.
struct ScriptDialect {
  bool luaServer = false;   // the servers let scripts call `redis` `server`, too
  bool ownNumbers = false;  // clients may call databases by other numbers: SELECT never leads to their own
  // A node on which a script has called one command with keys of several slots runs no script with keys any
  // more until it is started again (Valkey 9.1.2): such a call must not reach it.
  bool spoiledByCrossing = false;
  bool operator==(const ScriptDialect&) const = default;
};

class ScriptGuard {
 public:
  // How the piece in front begins, and with ScriptNames::kClosing ends.
  static constexpr std::string_view kOpening = " local redis=(function(redis,real)local refused={";
  // Lua: objection(code, hint, own index, command's name, its arguments) returns an error's text or nil.
  static const std::string_view kObjection;
  // Lua: crossing(redis.pcall, command's name, its arguments) returns an error's text or nil; or it is nil.
  static std::string_view crossingOf(ScriptDialect dialect);

  explicit ScriptGuard(const protocol::CommandTable& commands, ScriptDialect dialect = {});

  bool needed(const ScriptCalls& calls) const;
  // Only the flag no-cluster is taken out of a script that needs no guard.
  std::string wrap(std::string_view script) const;
  // The same for a library of functions, which runs for all databases: its functions are registered without
  // the flag no-cluster.
  std::string wrapLibrary(std::string_view code) const;

 private:
  std::string_view codeOf(const protocol::CommandSpec& spec) const;

  const protocol::CommandTable& commands_;
  bool spoiledByCrossing_;
  std::string script_;
  std::string library_;
  std::string flags_;  // for a library that needs no more than to lose that flag
};

// Takes the pieces that ScriptGuard has put in out of a reply that shows scripts as bulk strings.
std::string withoutGuards(std::string_view reply);

}  // namespace slotless::databases
