-- The part of script_names.lua for grouped databases: all keys of a script are in the slot of those that it has declared,
-- and so all of their names begin alike. What group another key has is found out by the database's patterns: the same
-- rule as in KeyGroups.
do
 local parsed={}
 for pattern in string.gmatch(patterns,'[^|]+') do
  local literals={}
  for literal in string.gmatch(pattern..'*','([^*]*)%*') do literals[#literals+1]=literal end
  parsed[#parsed+1]=literals
 end
 local function groupOf(key)
  for _,literals in ipairs(parsed) do
   local from=#literals[1]+1
   if string.sub(key,1,from-1)==literals[1] then
    local last,next=from-1,from
    for i=2,#literals do
     local at=literals[i]=='' and #key+1 or string.find(key,literals[i],next,true)
     if not at then
      last=0
      break
     end
     last,next=at-1,at+#literals[i]
    end
    if last>=from then return string.sub(key,from,last) end
   end
  end
  local open=string.find(key,'{',1,true)
  local close=open and string.find(key,'}',open+1,true)
  return close and close>open+1 and string.sub(key,open+1,close-1) or key
 end
 local function slotOf(text)
  local crc=0
  for i=1,#text do
   crc=bit.bxor(crc,bit.lshift(string.byte(text,i),8))
   for _=1,8 do
    crc=bit.lshift(crc,1)
    if crc>65535 then crc=bit.bxor(bit.band(crc,65535),4129) end
   end
  end
  return crc%16384
 end
 local function shown(text)
  local quote=string.char(39)
  return quote..string.sub(text,1,64)..quote
 end
 local own,slot
 local keys,groups={},{}
 for _,key in ipairs(KEYS) do keys[key]=true end
 check=function(key)
  if keys[key] then return end
  local group=groupOf(key)
  if not own and KEYS[1] then
   own=groupOf(KEYS[1])
   slot=slotOf(own)
   groups[own]=true
  end
  if groups[group] or slot and slotOf(group)==slot then
   keys[key],groups[group]=true,true
  elseif slot then
   stray='CROSSSLOT Script attempted to access a key of group '..shown(group)..', but its KEYS are of group '..shown(own)..hint
  else
   stray='CROSSSLOT Script attempted to access a key of group '..shown(group)..', but it has no KEYS: pass one of that group, or use a pinned database'
  end
 end
end
