-- What a script of a database whose keys have other names in the cluster has in front of it: the names that it says
-- and is told are the database's own. The body of a function(redis,names,ARGV) that gives the script's redis, KEYS and
-- ARGV; script_names.cpp puts the rest around it, and the facts of the servers' commands in.
--
-- Of Redis's `redis` only call, pcall and acl_check_cmd are replaced; like Redis's, the table cannot be changed.
-- facts: " name=code" for each command, but not for those whose only key is their first argument. A code is "/" for a
-- container of subcommands, or begins as refusalCodeOf() says, or is whatever key specifications it has, behind an F or
-- S where the reply names keys (ReplyNames::First and Streams).
--
-- For a grouped database script_groups.lua stands in the place of @GROUPS@: its check() looks at each key, and leaves in
-- `stray` why one is refused. For a script that all masters run script_nodes.lua stands in the place of @NODES@: `placed`
-- has the names in the cluster of the keys that the script has been shown.
--
-- It goes in front of every script, in one line: lines that are comments are left out, and no line may end in one.
local prefix=table.remove(ARGV)
local patterns=in_groups and table.remove(ARGV)
local routing=string.find(prefix,'{',1,true) and table.remove(names)
local size=#prefix
local index=own_numbers and -1 or tonumber(string.match(prefix,'%d+')) or 0
local hint=routing and not patterns and '' or ': use a pinned database'
if patterns and names[1] then prefix=string.sub(names[1],1,size) end
local function own(name)
 if type(name)=='string' and string.sub(name,1,size)==prefix then return string.sub(name,size+1) end
 return name
end
local KEYS={}
for i,name in ipairs(names) do KEYS[i]=own(name) end
local facts=[[@FACTS@ ]]
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
local check,stray,placed
@GROUPS@
local function theirs(word)
 if type(word)=='number' then word=string.format('%.17g',word) end
 if type(word)=='string' then
  if check then check(word) end
  return placed and placed[word] or prefix..word
 end
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
@NODES@
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
-- The servers' own objection to a call comes first: to a command that they do not have, or to the number of its words.
local function arityOf(name)
 local found=redis.pcall('command','info',name)
 if found.err then return 0 end
 return found[1] and found[1][2]
end
local function misused(...)
 local name,sub=...
 local arity=type(sub)=='string' and arityOf(name..'|'..sub) or arityOf(name)
 local count=select('#',...)
 return not arity or arity>0 and count~=arity or count<-arity
end
local function with(call)
 local function refuse(text)
  stray=nil
  if call==redis.pcall then return redis.error_reply(text) end
  error(redis.error_reply(text))
 end
 local function withKey(name,key,...)
  key=theirs(key)
  if stray and not misused(name,key,...) then return refuse(stray) end
  stray=nil
  local reply=call(name,key,...)
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
  local served=(placed or routing and not patterns) and whole[code] and call~=redis.acl_check_cmd
  local text=not served and (first=='W' or first=='D') and objection(first=='D' and 'D' or code,hint,index,...)
  if text then
   return refuse(text)
  elseif served then
   reply=whole[code](call,words,count)
  elseif code=='Wselect' then
   return redis.status_reply('OK')
  else
   rename(code,words,count)
   if stray and not misused(unpack(words,1,count)) then return refuse(stray) end
   stray=nil
   local splits=placed and (first=='E' or first=='L')
   local apart=crossing and not routing and not splits and crossing(redis.pcall,unpack(words,1,count))
   if apart then return refuse(apart) end
   if splits and call~=redis.acl_check_cmd then reply=each(call,first,code,words,count)
   else reply=call(unpack(words,1,count)) end
  end
  return names(code,reply)
 end
end
local ours={call=with(redis.call),pcall=with(redis.pcall),acl_check_cmd=redis.acl_check_cmd and with(redis.acl_check_cmd)}
return setmetatable({},{__metatable=false,__index=function(_,name) return ours[name] or redis[name] end,
__newindex=function() error('Attempt to modify a readonly table',2) end}),KEYS,ARGV
