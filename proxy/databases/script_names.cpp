#include "proxy/databases/script_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "proxy/databases/script_flags.h"
#include "proxy/databases/script_guard.h"

namespace slotless::databases {

using protocol::CommandSpec;
using protocol::KeySpec;

namespace {

// Of Redis's `redis` only call, pcall and acl_check_cmd are replaced; like Redis's, the table cannot be
// changed. facts: " name=code" for each command, but not for those whose only key is their first argument. A
// code is
// "/" for a container of subcommands, or begins as refusalCodeOf() says, or is whatever key specifications it
// has, behind an F or S where the reply names keys (ReplyNames::First and Streams).
constexpr std::string_view kBegin = R"lua(
local prefix=table.remove(ARGV)
local routing=string.find(prefix,'{',1,true) and table.remove(names)
local size=#prefix
local index=own_numbers and -1 or tonumber(string.match(prefix,'%d+')) or 0
local hint=routing and '' or ': use a pinned database'
local function own(name)
 if type(name)=='string' and string.sub(name,1,size)==prefix then return string.sub(name,size+1) end
 return name
end
local KEYS={}
for i,name in ipairs(names) do KEYS[i]=own(name) end
local facts=[[)lua";

constexpr std::string_view kEnd = R"lua( ]]
local known={}
local function codeOf(name,default)
 local code=known[name]
 if not code then
  local _,at=string.find(facts,' '..name..'=',1,true)
  code=at and string.match(facts,'^%S*',at+1) or default
  known[name]=code
 end
 return code
end
local function theirs(word)
 if type(word)=='number' then word=string.format('%.17g',word) end
 if type(word)=='string' then return prefix..word end
 return word
end
local function firstOf(words,count,begin,keyword,number)
 if begin=='I' then return number end
 local step=1
 if number<0 then number=count+number step=-1 end
 while number>=1 and number<count do
  if string.upper(tostring(words[number+1]))==keyword then return number+1 end
  number=number+step
 end
end
local function rename(code,words,count)
 local done={}
 for begin,keyword,number,find,a,b,c in string.gmatch(code,'([IK])([^,]*),(%-?%d+)([RN])(%-?%d+),(%d+),(%-?%d+)') do
  a,b,c=tonumber(a),tonumber(b),tonumber(c)
  local first=firstOf(words,count,begin,keyword,tonumber(number))
  if first then
   local last
   if find=='N' then
    local keys=tonumber(words[first+a+1]) or 0
    first=first+c
    last=first+(keys-1)*b
   elseif a>=0 then last=first+a
   elseif c>1 then last=first+math.floor((count-first)/c)-1
   else last=count+a
   end
   for i=first,math.min(last,count-1),b do
    if not done[i] then words[i+1]=theirs(words[i+1]) done[i]=true end
   end
  end
 end
end
local function all()
 local slot=redis.call('cluster','keyslot',routing)
 local keys={}
 for _,key in ipairs(redis.call('cluster','getkeysinslot',slot,redis.call('cluster','countkeysinslot',slot))) do
  if string.sub(key,1,size)==prefix then keys[#keys+1]=key end
 end
 return keys
end
local whole={}
function whole.Wcount(call,words,count)
 if count~=1 then return call(unpack(words,1,count)) end
 return #all()
end
function whole.Wflush(call,words,count)
 if count>2 then return call(unpack(words,1,count)) end
 local keys=all()
 for i=1,#keys,1000 do
  local reply=call('unlink',unpack(keys,i,math.min(i+999,#keys)))
  if type(reply)=='table' and reply.err then return reply end
 end
 return redis.status_reply('OK')
end
function whole.Wlist(call,words,count)
 if count==2 then words[2]=prefix..tostring(words[2]) end
 local reply=call(unpack(words,1,count))
 if type(reply)=='table' then for i,key in ipairs(reply) do reply[i]=own(key) end end
 return reply
end
function whole.Wrandom(call,words,count)
 if count~=1 then return call(unpack(words,1,count)) end
 local keys=all()
 local from=redis.call('time')[2]
 for i=1,#keys do
  local key=keys[(from+i)%#keys+1]
  if redis.call('exists',key)==1 then return own(key) end
 end
 return false
end
function whole.Wscan(call,words,count)
 local matches
 for i=3,count-1,2 do
  if string.upper(tostring(words[i]))=='MATCH' then words[i+1]=prefix..tostring(words[i+1]) matches=true end
 end
 if not matches then words[count+1]='MATCH' words[count+2]=prefix..'*' count=count+2 end
 local reply=call(unpack(words,1,count))
 if type(reply)=='table' and reply[2] then for i,key in ipairs(reply[2]) do reply[2][i]=own(key) end end
 return reply
end
local function names(code,reply)
 if type(reply)~='table' then return reply end
 if reply.err then
  reply.err=string.gsub(reply.err,string.gsub(prefix,'%p','%%%0'),'')
 elseif string.sub(code,1,1)=='F' then reply[1]=own(reply[1])
 elseif string.sub(code,1,1)=='S' then
  for _,stream in ipairs(reply) do stream[1]=own(stream[1]) end
  if reply.map then
   local map={}
   for key,entries in pairs(reply.map) do map[own(key)]=entries end
   reply.map=map
  end
 end
 return reply
end
local function with(call)
 local function withKey(name,key,...)
  local reply=call(name,theirs(key),...)
  return names('',reply)
 end
 return function(...)
  local name=...
  if type(name)~='string' then
   local reply=call(...)
   return reply
  end
  name=string.lower(name)
  local code=codeOf(name,'I')
  local count=select('#',...)
  if code=='I' and count>1 then
   local reply=withKey(...)
   return reply
  end
  local words={...}
  if code=='/' then
   code=type(words[2])=='string' and codeOf(name..'|'..string.lower(words[2]),'') or ''
  end
  local reply
  local first=string.sub(code,1,1)
  local served=routing and whole[code] and call~=redis.acl_check_cmd
  local text=not served and (first=='W' or first=='D') and objection(first=='D' and 'D' or code,hint,index,...)
  if text then
   if call==redis.pcall then return redis.error_reply(text) end
   error(redis.error_reply(text))
  elseif served then
   reply=whole[code](call,words,count)
  elseif code=='Wselect' then
   return redis.status_reply('OK')
  else
   rename(code,words,count)
   reply=call(unpack(words,1,count))
  end
  return names(code,reply)
 end
end
local ours={call=with(redis.call),pcall=with(redis.pcall),acl_check_cmd=redis.acl_check_cmd and with(redis.acl_check_cmd)}
return setmetatable({},{__index=function(_,name) return ours[name] or redis[name] end,
__newindex=function() error('Attempt to modify a readonly table',2) end}),KEYS,ARGV
end)(redis,KEYS,ARGV);)lua";

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

ScriptNames::ScriptNames(const protocol::CommandTable& commands, ScriptDialect dialect)
    : preamble_(kOpening) {
  preamble_.append(dialect.ownNumbers ? " local own_numbers=true " : " local own_numbers ");
  preamble_.append(ScriptGuard::kObjection).append(kBegin).append(factsOf(commands)).append(kEnd);
  preamble_.append(dialect.luaServer ? kLuaServer : "").append(kClosing);
  std::replace(preamble_.begin(), preamble_.end(), '\n', ' ');
}

std::string ScriptNames::wrap(std::string_view script) const {
  return behindFlags(script, preamble_);
}

}  // namespace slotless::databases
