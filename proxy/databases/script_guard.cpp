#include "proxy/databases/script_guard.h"

#include <algorithm>
#include <charconv>

#include "proxy/databases/script_assignments.h"
#include "proxy/databases/script_flags.h"
#include "proxy/databases/script_names.h"

namespace slotless::databases {

using protocol::CommandSpec;
using protocol::OtherDatabase;
using protocol::WholeDatabase;

namespace {

constexpr std::string_view codeOf(WholeDatabase what) {
  switch (what) {
    case WholeDatabase::Count: return "Wcount";
    case WholeDatabase::Flush: return "Wflush";
    case WholeDatabase::List: return "Wlist";
    case WholeDatabase::Random: return "Wrandom";
    case WholeDatabase::Scan: return "Wscan";
    case WholeDatabase::None: break;
  }
  return {};
}

// `real`: what gives Redis's own table when a function runs; while a library is being loaded there is only a
// part of it.
constexpr std::string_view kWith = R"lua(}
local function with(how)
 return function(...)
  local name=...
  local code=type(name)=='string' and refused[string.lower(name)]
  local text=code and code~='K' and objection(code,hint,index,...)
  if not text and crossing and (code=='K' or code=='D') then text=crossing(real().pcall,...) end
  if not text then
   local reply=real()[how](...)
   return reply
  end
  if how=='pcall' then return real().error_reply(text) end
  error(real().error_reply(text))
 end
end
)lua";

constexpr std::string_view kScript = R"lua(
local ours={call=with('call'),pcall=with('pcall')}
return setmetatable({},{__metatable=false,__index=function(_,name) return ours[name] or redis[name] end,
__newindex=function() error('Attempt to modify a readonly table',2) end})
end)(redis,function() return redis end);)lua";

// While a library is being loaded there are no global names but `redis`: only strings' own methods.
constexpr std::string_view kLibraryBegin = R"lua(
local ours={log=redis.log,LOG_DEBUG=redis.LOG_DEBUG,LOG_VERBOSE=redis.LOG_VERBOSE,LOG_NOTICE=redis.LOG_NOTICE,LOG_WARNING=redis.LOG_WARNING}
)lua";

constexpr std::string_view kLibraryCalls = R"lua(
ours.call=with('call')
ours.pcall=with('pcall')
)lua";

constexpr std::string_view kLibraryEnd = R"lua(
local filled
local function filling(callback)
 return function(...)
  if not filled then
   for name,value in pairs(real()) do if ours[name]==nil then ours[name]=value end end
   filled=true
  end
  return callback(...)
 end
end
local function withoutClusterFlag(flags)
 local kept,at={},1
 while flags[at]~=nil do
  if ('').lower(flags[at])~='no-cluster' then kept[#kept+1]=flags[at] end
  at=at+1
 end
 return #kept<at-1 and kept or flags
end
ours.register_function=function(first,callback)
 if callback~=nil then return redis.register_function(first,filling(callback)) end
 if first.callback~=nil then first.callback=filling(first.callback) end
 if first.flags~=nil then first.flags=withoutClusterFlag(first.flags) end
 return redis.register_function(first)
end
return ours
end)(redis,function() return redis end);)lua";

bool mayHaveSeveralKeys(const CommandSpec& spec) {
  using protocol::KeySpec;
  if (spec.keyProcedure != protocol::KeyProcedure::BySpecs) return true;
  if (spec.keySpecs.size() > 1) return true;
  return std::any_of(spec.keySpecs.begin(), spec.keySpecs.end(), [](const KeySpec& each) {
    return each.find == KeySpec::Find::KeyNum || (each.find == KeySpec::Find::Range && each.lastKey != 0);
  });
}

bool fitsIntoLua(std::string_view name) {
  return std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c <= ' ' || c == '\'' || c == '\\' || c >= 127; });
}

std::string oneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

const std::string_view ScriptGuard::kObjection = R"lua(
local function objection(code,hint,index,name,...)
 if code=='D' then
  local found
  for i=3,select('#',...) do
   local word=select(i,...)
   if type(word)=='string' and string.upper(word)=='DB' then found=true end
  end
  if not found then return nil end
  code='Wother'
 end
 local shown='ERR '..string.upper(name)..' in a script would '
 if code=='Wselect' and tonumber((...))==index then return nil end
 if code=='Wselect' or code=='Wother' then return shown..'lead to another database than the one that it is sent to' end
 if code=='Wcluster' then return 'ERR This instance has cluster support disabled' end
 if code=='Wnode' then hint='' end
 return shown..'concern one node, not a database'..hint
end
)lua";

std::string_view ScriptGuard::crossingOf(ScriptDialect dialect) {
  if (!dialect.spoiledByCrossing) return " local crossing ";
  return R"lua(
local function crossing(call,...)
 if select('#',...)<3 then return nil end
 local keys=call('command','getkeys',...)
 if type(keys)~='table' or keys.err then return nil end
 local slot,at=nil,1
 while keys[at]~=nil do
  local its=call('cluster','keyslot',keys[at])
  if slot and its~=slot then return 'ERR Script attempted to access keys that do not hash to the same slot' end
  slot,at=its,at+1
 end
end
)lua";
}

std::string_view refusalCodeOf(const CommandSpec& spec) {
  if (spec.has(protocol::kNoScript)) return {};  // servers refuse it themselves
  if (spec.wholeDatabase != WholeDatabase::None) return codeOf(spec.wholeDatabase);
  if (spec.role == protocol::SessionRole::Select) return "Wselect";
  if (spec.otherDatabase == OtherDatabase::Always) return "Wother";
  if (spec.otherDatabase == OtherDatabase::ByOption) return "D";
  if (spec.aboutCluster() && spec.subcommands.empty()) return "Wcluster";
  const bool everywhere = spec.handling == protocol::Handling::FanOut && spec.has(protocol::kWrite);
  return everywhere ? "Wnode" : "";  // FLUSHALL: the node has more databases' keys
}

std::string behindFlags(std::string_view said, std::string_view preamble) {
  const auto flagged = withoutClusterFlag(said);
  const std::string_view script = flagged ? *flagged : said;
  const std::size_t line = script.starts_with("#!") ? script.find('\n') : std::string_view::npos;
  const std::size_t head = line == std::string_view::npos ? 0 : line + 1;
  if (script.starts_with("#!") && head == 0) return std::string(script);
  std::string wrapped(script.substr(0, head));
  wrapped += preamble;
  wrapped += script.substr(head);
  return wrapped;
}

// By name, so that all proxies of a cluster write the same.
ScriptGuard::ScriptGuard(const protocol::CommandTable& commands, ScriptDialect dialect)
    : commands_(commands), spoiledByCrossing_(dialect.spoiledByCrossing) {
  std::vector<std::string> facts;
  for (const CommandSpec& spec : commands.commands()) {
    const std::string_view code = codeOf(spec);
    if (spec.has(protocol::kNoScript) || code.empty() || !fitsIntoLua(spec.name)) continue;
    facts.push_back("['" + spec.name + "']='" + std::string(code) + "',");
  }
  std::sort(facts.begin(), facts.end());
  std::string begin(kOpening);
  for (const std::string& fact : facts) begin += fact;
  begin += kWith;
  const auto piece = [&](std::string_view hint, const std::string& end) {
    std::string whole = begin;
    const std::size_t at = whole.find(kWith) + 1;
    whole.insert(at, std::string(kObjection) + std::string(crossingOf(dialect)) + "local hint='" +
                         std::string(hint) + (dialect.ownNumbers ? "' local index=-1 " : "' local index=0 "));
    return oneLine(whole + end);
  };
  const std::string closing =
      std::string(dialect.luaServer ? ScriptNames::kLuaServer : "") + std::string(ScriptNames::kClosing);
  const auto joined = [](std::initializer_list<std::string_view> parts) {
    std::string whole;
    for (const std::string_view part : parts) whole += part;
    return whole;
  };
  script_ = piece(": use a pinned database", std::string(kScript)) + closing;
  library_ =
      piece(": use EVAL in a pinned database", joined({kLibraryBegin, kLibraryCalls, kLibraryEnd})) + closing;
  flags_ = oneLine(joined({kOpening, "}", kLibraryBegin, kLibraryEnd})) + closing;
}

std::string ScriptGuard::wrapLibrary(std::string_view code) const {
  return behindFlags(code, needed(callsOf(code)) ? library_ : flags_);
}

std::string ScriptGuard::wrap(std::string_view script) const {
  auto flagged = withoutClusterFlag(script);
  if (flagged && !needed(callsOf(script))) return *std::move(flagged);
  return behindFlags(withRefusedAssignments(script), script_);
}

std::string_view ScriptGuard::codeOf(const CommandSpec& spec) const {
  const std::string_view code = refusalCodeOf(spec);
  return code.empty() && spoiledByCrossing_ && mayHaveSeveralKeys(spec) ? "K" : code;
}

bool ScriptGuard::needed(const ScriptCalls& calls) const {
  return calls.unclear || std::any_of(calls.commands.begin(), calls.commands.end(), [&](const auto& name) {
           const CommandSpec* spec = commands_.find(name);
           return spec != nullptr && !codeOf(*spec).empty();
         });
}

std::string withoutGuards(std::string_view reply) {
  std::string out;
  for (std::size_t opening = reply.find(ScriptGuard::kOpening); opening != std::string_view::npos;
       opening = reply.find(ScriptGuard::kOpening)) {
    const std::size_t closing = reply.find(ScriptNames::kClosing, opening);
    if (closing == std::string_view::npos) break;
    const std::size_t end = closing + ScriptNames::kClosing.size();
    // The bulk string's header: the nearest one that reaches beyond the piece.
    std::size_t header = opening;
    std::size_t length = 0;
    std::size_t contents = 0;
    for (;;) {
      header = reply.rfind('$', header == 0 ? 0 : header - 1);
      if (header == std::string_view::npos) break;
      const auto parsed = std::from_chars(reply.data() + header + 1, reply.data() + opening, length);
      contents = static_cast<std::size_t>(parsed.ptr - reply.data()) + 2;
      if (parsed.ec == std::errc{} && reply.substr(contents - 2, 2) == "\r\n" && contents + length >= end)
        break;
      if (header == 0) header = std::string_view::npos;
      if (header == std::string_view::npos) break;
    }
    if (header == std::string_view::npos) {
      out += reply.substr(0, end);
      reply.remove_prefix(end);
      continue;
    }
    out += reply.substr(0, header + 1);
    out += std::to_string(length - (end - opening));
    out += reply.substr(contents - 2, opening - (contents - 2));
    reply.remove_prefix(end);
  }
  return out += reply;
}

}  // namespace slotless::databases
