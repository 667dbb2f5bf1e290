#include "proxy/databases/script_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>

#include "proxy/databases/lua_tokens.h"
#include "proxy/databases/node_scripts.h"
#include "proxy/databases/script_assignments.h"
#include "proxy/databases/script_flags.h"
#include "proxy/databases/script_guard.h"
#include "script_globals_lua.h"
#include "script_groups_lua.h"
#include "script_names_lua.h"
#include "script_nodes_lua.h"

namespace slotless::databases {

using protocol::CommandSpec;
using protocol::KeySpec;

namespace {

// Whose keys a script may call: those of one slot, of one group, or of one node.
enum class Scope : std::uint8_t { Together, Groups, Nodes };

// Where the facts stand, and what is only for grouped databases.
constexpr std::string_view kFactsPlace = "@FACTS@";
constexpr std::string_view kGroupsPlace = "@GROUPS@";
constexpr std::string_view kNodesPlace = "@NODES@";
// Where it is not that of all masters' scripts.
constexpr std::string_view kNoNodes = "local each";
constexpr std::string_view kEnd = "\nend)(redis,KEYS,ARGV);";
// What no supported server has (getfenv, setfenv) is nil.
constexpr std::string_view kGlobalsBegin =
    " local _G,load,loadstring,setmetatable,rawset,getfenv,setfenv=(function(real,redis,KEYS,ARGV,server) ";
constexpr std::string_view kGlobalsEnd = " end)(_G,redis,KEYS,ARGV,";

constexpr std::string_view kOnlyFirstArgument = "I,1R0,1,0";

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

void appendCode(std::string& out, const KeySpec& spec) {
  const bool isKey = (spec.flags & protocol::kKeyNotKey) == 0;
  if (!isKey || spec.begin == KeySpec::Begin::Unknown || spec.find == KeySpec::Find::Unknown) return;
  if (spec.keyStep < 1) return;
  const bool index = spec.begin == KeySpec::Begin::Index;
  out += index ? "I," + std::to_string(spec.index)
               : "K" + upper(spec.keyword) + "," + std::to_string(spec.startFrom);
  const bool range = spec.find == KeySpec::Find::Range;
  const std::array<int, 3> numbers = range ? std::array{spec.lastKey, spec.keyStep, spec.limit}
                                           : std::array{spec.keyNumIndex, spec.keyStep, spec.firstKey};
  out += range ? 'R' : 'N';
  for (std::size_t i = 0; i < numbers.size(); ++i) out += (i > 0 ? "," : "") + std::to_string(numbers[i]);
}

std::string codeOf(const CommandSpec& spec, Scope scope) {
  std::string code(refusalCodeOf(spec));
  if (code.starts_with('W')) return code;
  const bool splits = scope == Scope::Nodes && spec.handling == protocol::Handling::Split;
  if (splits) code += spec.responsePolicy == protocol::ResponsePolicy::AggSum ? "E" : "L";
  if (spec.replyNames == protocol::ReplyNames::First) code += "F";
  if (spec.replyNames == protocol::ReplyNames::Streams) code += "S";
  for (const KeySpec& each : spec.keySpecs) appendCode(code, each);
  if (spec.keySpecs.empty() && spec.firstKey > 0) {  // a server before 7.0
    KeySpec range;
    range.begin = KeySpec::Begin::Index;
    range.index = spec.firstKey;
    range.find = KeySpec::Find::Range;
    range.lastKey = spec.lastKey < 0 ? spec.lastKey : spec.lastKey - spec.firstKey;
    range.keyStep = spec.keyStep;
    appendCode(code, range);
  }
  if (spec.keyProcedure == protocol::KeyProcedure::Sort) code += "KSTORE,2R0,1,0";
  return code;
}

bool isPlainName(std::string_view name) {
  return std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c <= ' ' || c == ']' || c == '='; });
}

// By name, so that all proxies of a cluster write the same.
std::string factsOf(const protocol::CommandTable& commands, Scope scope) {
  std::vector<std::string> facts;
  for (const CommandSpec& spec : commands.commands()) {
    if (!isPlainName(spec.name)) continue;
    if (spec.has(protocol::kNoScript)) {  // a server refuses it, whatever is behind it
      facts.push_back(spec.name + "=");
      continue;
    }
    if (spec.subcommands.empty()) {
      const std::string code = codeOf(spec, scope);
      if (code != kOnlyFirstArgument) facts.push_back(spec.name + "=" + code);
      continue;
    }
    facts.push_back(spec.name + "=/");
    for (const CommandSpec& each : spec.subcommands) {
      const std::string code = codeOf(each, scope);
      if (!code.empty() && isPlainName(each.name)) facts.push_back(each.name + "=" + code);
    }
  }
  std::sort(facts.begin(), facts.end());
  std::string text;
  for (const std::string& fact : facts) text += " " + fact;
  return text;
}

std::string preambleOf(const protocol::CommandTable& commands, ScriptDialect dialect, Scope scope,
                       bool reflective = false) {
  std::string text(ScriptNames::kOpening);
  text.append(dialect.ownNumbers ? " local own_numbers=true " : " local own_numbers ");
  text.append(scope == Scope::Groups ? "local in_groups=true " : "local in_groups ");
  text.append(ScriptGuard::kObjection)
      .append(ScriptGuard::crossingOf(dialect))
      .append("\n")
      .append(kScriptNamesLua)
      .append(kEnd);
  const auto put = [&](std::string_view place, std::string_view piece) {
    text.replace(text.find(place), place.size(), piece);
  };
  put(kFactsPlace, factsOf(commands, scope));
  put(kGroupsPlace, scope == Scope::Groups ? kScriptGroupsLua : std::string_view());
  put(kNodesPlace, scope == Scope::Nodes ? kScriptNodesLua : kNoNodes);
  text.append(dialect.luaServer ? ScriptNames::kLuaServer : "");
  if (reflective) {
    text.append(kGlobalsBegin).append(kScriptGlobalsLua).append(kGlobalsEnd);
    text.append(dialect.luaServer ? "redis) " : "nil) ");
  }
  text.append(ScriptNames::kClosing);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

constexpr Scope scopeOf(ScriptNames::Keys keys) {
  return keys == ScriptNames::Keys::InGroups ? Scope::Groups : Scope::Together;
}

}  // namespace

ScriptNames::ScriptNames(const protocol::CommandTable& commands, ScriptDialect dialect, Keys keys)
    : preamble_(preambleOf(commands, dialect, scopeOf(keys))),
      reflective_(preambleOf(commands, dialect, scopeOf(keys), true)) {}

std::string ScriptNames::wrap(std::string_view script) const {
  return behindFlags(withRefusedAssignments(script), mayReflect(script) ? reflective_ : preamble_);
}

std::string wrapForNodes(std::string_view script, const protocol::CommandTable& commands,
                         ScriptDialect dialect) {
  return behindFlags(withCrossSlotFlag(withRefusedAssignments(script)),
                     preambleOf(commands, dialect, Scope::Nodes));
}

}  // namespace slotless::databases
