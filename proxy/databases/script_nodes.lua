-- The part of script_names.lua for a script that every master runs, each about the keys that it has itself. What KEYS, SCAN
-- and RANDOMKEY show are these keys, by their names in the database; others the script may not use, since they may be
-- anywhere. A command whose keys are in several slots is refused by the nodes, so it is called for each key by itself.
--
-- Of a slot that is on its way a node has some keys, and refuses others in the midst of a script. So the script is about
-- the slots that it is given, if any are left out; and it does not begin if the node's slots are not those any more of which
-- the node has said so. `apart`: the nodes have keys of other databases, too.
local apart=table.remove(ARGV)=='1'
local said=table.remove(ARGV)
local share={}
for first,last in string.gmatch(table.remove(ARGV),'(%d+)%-(%d+)') do share[#share+1]={tonumber(first),tonumber(last)} end
local nodes=said~='' and redis.pcall('cluster','nodes')
if type(nodes)=='string' and string.match(string.char(10)..nodes,'%c%S+ %S+ %S*myself%S* %S+ %S+ %S+ %S+ %S+ ?(%C*)')~=said then
 error(redis.error_reply('SLOTSCHANGED since this node has been asked for them'))
end
local some=apart or #share>0
local function shared(key)
 if #share==0 then return true end
 local slot=redis.call('cluster','keyslot',key)
 for _,range in ipairs(share) do
  if range[1]<=slot and slot<=range[2] then return true end
 end
end
local head=string.match(prefix,'^(~%d+{)%?+}$')
local each
do
 placed={}
 check=function(word)
  if not placed[word] then
   stray='ERR A script that all masters run may only use the keys that KEYS, SCAN or RANDOMKEY have shown it'..hint
  end
 end
 local function ours(key)
  if head then return string.sub(key,1,#head)==head and string.sub(key,size,size)=='}' end
  if size>0 then return string.sub(key,1,size)==prefix end
  return not apart or not (string.find(key,'^~%d*{') or string.find(key,'^~%d+:'))
 end
 local function mine(key) return ours(key) and shared(key) end
 own=function(name)
  if type(name)=='string' and size>0 and ours(name) then return string.sub(name,size+1) end
  return name
 end
 local function show(key)
  local name=string.sub(key,size+1)
  placed[name]=key
  return name
 end
 local function shown(keys)
  local found={}
  for _,key in ipairs(keys) do
   if mine(key) then found[#found+1]=show(key) end
  end
  return found
 end
 local function everything() return shown(redis.call('keys',prefix..'*')) end
 function whole.Wcount(call,words,count)
  if count~=1 or not some then return call(unpack(words,1,count)) end
  return #everything()
 end
 function whole.Wlist(call,words,count)
  if count==2 then words[2]=prefix..tostring(words[2]) end
  local reply=call(unpack(words,1,count))
  if type(reply)~='table' or reply.err then return reply end
  return shown(reply)
 end
 function whole.Wscan(call,words,count)
  local matches
  for i=3,count-1,2 do
   if string.upper(tostring(words[i]))=='MATCH' then words[i+1]=prefix..tostring(words[i+1]) matches=true end
  end
  if not matches then words[count+1]='MATCH' words[count+2]=prefix..'*' count=count+2 end
  local reply=call(unpack(words,1,count))
  if type(reply)=='table' and reply[2] then reply[2]=shown(reply[2]) end
  return reply
 end
 function whole.Wrandom(call,words,count)
  if count~=1 then return call(unpack(words,1,count)) end
  for _=1,100 do
   local key=call('randomkey')
   if type(key)~='string' then return key end
   if mine(key) then return show(key) end
  end
  local found=everything()
  return found[redis.call('time')[2]%math.max(#found,1)+1] or false
 end
 function whole.Wflush(call,words,count)
  if count>2 or not some then return call(unpack(words,1,count)) end
  for _,name in ipairs(everything()) do
   local reply=call('unlink',placed[name])
   if type(reply)=='table' and reply.err then return reply end
  end
  return redis.status_reply('OK')
 end
 each=function(call,kind,code,words,count)
  if count==1 and kind=='E' then return 0 end
  local step=tonumber(string.match(code,'R%-?%d+,(%d+)')) or 1
  if count<=1+step then return call(unpack(words,1,count)) end
  local sum,list,last
  for i=2,count,step do
   last=call(words[1],unpack(words,i,math.min(i+step-1,count)))
   if type(last)=='number' then sum=(sum or 0)+last
   elseif type(last)=='table' and last.err then return last
   elseif type(last)=='table' and not last.ok then
    list=list or {}
    list[#list+1]=last[1]
   end
  end
  return sum or list or last
 end
end
