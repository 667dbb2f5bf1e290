#include "proxy/databases/script_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "proxy/databases/script_flags.h"
#include "proxy/databases/script_guard.h"
#include "script_groups_lua.h"
#include "script_names_lua.h"

namespace slotless::databases {

using protocol::CommandSpec;
using protocol::KeySpec;

namespace {

// Where the facts stand, and what is only for grouped databases.
constexpr std::string_view kFactsPlace = "@FACTS@";
constexpr std::string_view kGroupsPlace = "@GROUPS@";
constexpr std::string_view kEnd = "\nend)(redis,KEYS,ARGV);";

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

std::string codeOf(const CommandSpec& spec) {
  std::string code(refusalCodeOf(spec));
  if (code.starts_with('W')) return code;
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

bool canBeWritten(std::string_view name) {
  return std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c <= ' ' || c == ']' || c == '='; });
}

// By name, so that all proxies of a cluster write the same.
std::string factsOf(const protocol::CommandTable& commands) {
  std::vector<std::string> facts;
  for (const CommandSpec& spec : commands.commands()) {
    if (spec.has(protocol::kNoScript) || !canBeWritten(spec.name)) continue;
    if (spec.subcommands.empty()) {
      const std::string code = codeOf(spec);
      if (code != kOnlyFirstArgument) facts.push_back(spec.name + "=" + code);
      continue;
    }
    facts.push_back(spec.name + "=/");
    for (const CommandSpec& each : spec.subcommands) {
      const std::string code = codeOf(each);
      if (!code.empty() && canBeWritten(each.name)) facts.push_back(each.name + "=" + code);
    }
  }
  std::sort(facts.begin(), facts.end());
  std::string text;
  for (const std::string& fact : facts) text += " " + fact;
  return text;
}

}  // namespace

ScriptNames::ScriptNames(const protocol::CommandTable& commands, ScriptDialect dialect, Keys keys)
    : preamble_(kOpening) {
  preamble_.append(dialect.ownNumbers ? " local own_numbers=true " : " local own_numbers ");
  preamble_.append(keys == Keys::InGroups ? "local in_groups=true " : "local in_groups ");
  preamble_.append(ScriptGuard::kObjection).append("\n").append(kScriptNamesLua).append(kEnd);
  preamble_.replace(preamble_.find(kFactsPlace), kFactsPlace.size(), factsOf(commands));
  preamble_.replace(preamble_.find(kGroupsPlace), kGroupsPlace.size(),
                    keys == Keys::InGroups ? kScriptGroupsLua : std::string_view());
  preamble_.append(dialect.luaServer ? kLuaServer : "").append(kClosing);
  std::replace(preamble_.begin(), preamble_.end(), '\n', ' ');
}

std::string ScriptNames::wrap(std::string_view script) const {
  return behindFlags(script, preamble_);
}

}  // namespace slotless::databases
