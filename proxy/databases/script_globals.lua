-- What a script whose text may reach Redis's own `redis` by _G, load or loadstring has besides script_names.lua: all of
-- these lead to the script's own redis, KEYS and ARGV. The body of a function(real,redis,KEYS,ARGV,server) that gives the
-- script's _G, load, loadstring, setmetatable and rawset; a server without one of them gives nil. As on the servers, neither
-- _G nor redis can be changed.
--
-- What load and loadstring are given is compiled twice: as it is, so that its errors are the servers' and it cannot close
-- the function around it; and then within one whose parameters hide the global names.
--
-- In one line, as script_names.lua.
local load,loadstring=rawget(real,'load'),rawget(real,'loadstring')
local setmetatable,rawset=setmetatable,rawset
local globals={}
local ours={}
local function compiled(text,name)
 local found,problem=loadstring(text,name)
 if not found then return nil,problem end
 local around='return function(_G,redis,server,KEYS,ARGV,load,loadstring,setmetatable,rawset,getfenv,setfenv) return function(...) '
 local outer,why=loadstring(around..text..string.char(10)..'end end',name)
 if not outer then return nil,why end
 return outer()(globals,redis,server,KEYS,ARGV,ours.load,ours.loadstring,ours.setmetatable,ours.rawset)
end
local readonly='Attempt to modify a readonly table'
local function sparing(change)
 return function(t,...)
  if t==globals or t==redis then error(readonly,0) end
  return change(t,...)
 end
end
ours.setmetatable,ours.rawset=sparing(setmetatable),sparing(rawset)
if loadstring then
 ours.loadstring=function(text,name)
  if type(text)=='number' then text=tostring(text) end
  if type(text)~='string' then return loadstring(text,name) end
  return compiled(text,name or text)
 end
end
if load and loadstring then
 ours.load=function(reader,name)
  if type(reader)~='function' then return load(reader,name) end
  local pieces={}
  while true do
   local piece=reader()
   if piece==nil or piece=='' then break end
   if type(piece)~='string' and type(piece)~='number' then return load(function() return {} end,name) end
   pieces[#pieces+1]=piece
  end
  return compiled(table.concat(pieces),name or '=(load)')
 end
end
for name,value in pairs(real) do globals[name]=value end
globals._G,globals.redis,globals.server,globals.KEYS,globals.ARGV=globals,redis,server,KEYS,ARGV
globals.load,globals.loadstring,globals.getfenv,globals.setfenv=ours.load,ours.loadstring,nil,nil
globals.setmetatable,globals.rawset=ours.setmetatable,ours.rawset
local quote=string.char(39)
local function refuse() error(readonly,2) end
local behaviour={__index=function(_,name) error('Script attempted to access nonexistent global variable '..quote..tostring(name)..quote,2) end,
__newindex=refuse}
behaviour.__metatable=setmetatable({},{__index={__index=behaviour.__index},__newindex=refuse,__metatable=false})
setmetatable(globals,behaviour)
return globals,ours.load,ours.loadstring,ours.setmetatable,ours.rawset
