#include "proxy/databases/scripts.h"

namespace slotless::databases::scripts {

#define SLOTLESS_MARK "--[[slotless]] "

#define SLOTLESS_SLOT_KEYS                                                          \
  "local prefix = ARGV[1] "                                                         \
  "local slot = redis.call('cluster', 'keyslot', KEYS[1]) "                         \
  "local function keysOf(count) "                                                   \
  "  local mine = {} "                                                              \
  "  for _, key in ipairs(redis.call('cluster', 'getkeysinslot', slot, count)) do " \
  "    if string.sub(key, 1, #prefix) == prefix then mine[#mine + 1] = key end "    \
  "  end "                                                                          \
  "  return mine "                                                                  \
  "end "                                                                            \
  "local total = redis.call('cluster', 'countkeysinslot', slot) "

#define SLOTLESS_OWN_NAMES                                                                     \
  "local prefix = ARGV[1] "                                                                    \
  "local head = string.match(prefix, '^(~%d+{)%?+}$') "                                        \
  "local function mine(key) "                                                                  \
  "  if head then "                                                                            \
  "    return string.sub(key, 1, #head) == head and string.sub(key, #prefix, #prefix) == '}' " \
  "  end "                                                                                     \
  "  if prefix == '' then "                                                                    \
  "    return not (string.find(key, '^~%d*{') or string.find(key, '^~%d+:')) "                 \
  "  end "                                                                                     \
  "  return string.sub(key, 1, #prefix) == prefix "                                            \
  "end "

const std::string_view kPinnedCount = SLOTLESS_MARK SLOTLESS_SLOT_KEYS "return #keysOf(total)";

// UNLINK takes a bounded number of arguments from Lua's stack.
const std::string_view kPinnedFlush = SLOTLESS_MARK SLOTLESS_SLOT_KEYS
    "local keys = keysOf(total) "
    "for i = 1, #keys, 1000 do redis.call('unlink', unpack(keys, i, math.min(i + 999, #keys))) end "
    "return redis.status_reply('OK')";

const std::string_view kPinnedList = SLOTLESS_MARK SLOTLESS_SLOT_KEYS
    "if total > tonumber(ARGV[3]) then return redis.call('keys', ARGV[2]) end "
    "local found = {} "
    "for _, key in ipairs(keysOf(total)) do "
    "  if redis.call('exists', key) == 1 then found[#found + 1] = key end "
    "end "
    "return found";

const std::string_view kPinnedRandom = SLOTLESS_MARK SLOTLESS_SLOT_KEYS
    "local keys = keysOf(math.min(total, tonumber(ARGV[3]))) "
    "if #keys == 0 then keys = keysOf(total) end "
    "local at = tonumber(ARGV[2]) "
    "while #keys > 0 do "
    "  local i = at % #keys + 1 "
    "  if redis.call('exists', keys[i]) == 1 then return keys[i] end "
    "  table.remove(keys, i) "
    "end "
    "return false";

const std::string_view kPinnedScan = SLOTLESS_MARK SLOTLESS_SLOT_KEYS
    "local cursor = ARGV[3] "
    "local kind = ARGV[9] "
    "if kind ~= '' then "  // some servers refuse a type that they do not know
    "  local asked = redis.pcall('scan', '0', 'match', '', 'count', '1', 'type', kind) "
    "  if asked.err then return redis.error_reply(asked.err) end "
    "end "
    "local id = tonumber(string.sub(redis.call('cluster', 'myid'), 1, 6), 16) "
    "local check = bit.band(id, tonumber(ARGV[5])) "
    "if check == 0 then check = 1 end "
    "if check ~= tonumber(ARGV[4]) then cursor = '0' end "
    "local found = {cursor, tostring(id)} "
    "if cursor == '0' and total <= tonumber(ARGV[7]) then "
    "  for _, key in ipairs(keysOf(total)) do "
    "    local is = redis.call('type', key).ok "
    "    if is ~= 'none' and (kind == '' or is == kind) then found[#found + 1] = key end "
    "  end "
    "  return found "
    "end "
    "local wanted, left = tonumber(ARGV[6]), tonumber(ARGV[8]) "
    "local words = {'scan', cursor, 'match', ARGV[2], 'count', '1000'} "
    "if kind ~= '' then words[7] = 'type' words[8] = kind end "
    "repeat "
    "  words[2] = cursor "
    "  local page = redis.call(unpack(words)) "
    "  cursor = page[1] "
    "  for _, key in ipairs(page[2]) do found[#found + 1] = key end "
    "  left = left - 1000 "
    "until cursor == '0' or left <= 0 or #found - 2 >= wanted "
    "found[1] = cursor "
    "return found";

// In a slot with more keys than ARGV[2] all are taken for the pinned databases'.
const std::string_view kNodeCount = SLOTLESS_MARK SLOTLESS_OWN_NAMES
    "local count = redis.call('dbsize') "
    "for i = 3, #ARGV do "
    "  local total = redis.call('cluster', 'countkeysinslot', ARGV[i]) "
    "  if total > tonumber(ARGV[2]) then "
    "    count = count - total "
    "  elseif total > 0 then "
    "    for _, key in ipairs(redis.call('cluster', 'getkeysinslot', ARGV[i], total)) do "
    "      if not mine(key) then count = count - 1 end "
    "    end "
    "  end "
    "end "
    "return count";

// Whatever else UNLINK is refused for is an error, as where an ACL denies it.
// Key by key: a command's keys must be in one slot. One that is on its way from another node cannot be
// reached yet. One in a slot that the node neither has nor gets is a stray (DEBUG POPULATE leaves such): no
// client can reach it, and it must not look like a migration that has to end first.
const std::string_view kWalk = SLOTLESS_MARK SLOTLESS_OWN_NAMES
    "local cursor, unlink, left = ARGV[2], ARGV[4] == 'unlink', tonumber(ARGV[5]) "
    "local id = redis.call('cluster', 'myid') "
    "local count, failed = 0, 0 "
    "local nodes, refusal "
    "local function arrives(key) "
    "  nodes = nodes or redis.call('cluster', 'nodes') "
    "  return string.find(nodes, '[' .. redis.call('cluster', 'keyslot', key) .. '-<-', 1, true) "
    "end "
    "local function visit(key) "
    "  if not mine(key) then return end "
    "  count = count + 1 "
    "  if not unlink then return end "
    "  local done = redis.pcall('unlink', key) "
    "  if type(done) ~= 'table' or not done.err then return end "
    "  if not string.find(done.err, 'non local key', 1, true) then refusal = done "
    "  elseif arrives(key) then failed = failed + 1 end "
    "end "
    "if ARGV[3] ~= id then cursor = '0' end "
    "local begun = cursor "
    "if cursor == '0' and KEYS[1] then "
    "  local slot = redis.call('cluster', 'keyslot', KEYS[1]) "
    "  local total = redis.call('cluster', 'countkeysinslot', slot) "
    "  if total <= left then "
    "    for _, key in ipairs(redis.call('cluster', 'getkeysinslot', slot, total)) do visit(key) end "
    "    return refusal or {begun, '0', id, count, failed} "
    "  end "
    "end "
    "repeat "
    "  local page = redis.call('scan', cursor, 'match', prefix .. '*', 'count', 1000) "
    "  cursor = page[1] "
    "  for _, key in ipairs(page[2]) do visit(key) end "
    "  left = left - 1000 "
    "until cursor == '0' or left <= 0 "
    "return refusal or {begun, cursor, id, count, failed}";

const std::string_view kNodeRandom = SLOTLESS_MARK SLOTLESS_OWN_NAMES
    "for i = 1, 100 do "
    "  local key = redis.call('randomkey') "
    "  if not key then return false end "
    "  if mine(key) then return key end "
    "end "
    "local cursor = '0' "
    "repeat "
    "  local page = redis.call('scan', cursor, 'match', prefix .. '*', 'count', 1000) "
    "  cursor = page[1] "
    "  for _, key in ipairs(page[2]) do "
    "    if mine(key) then return key end "
    "  end "
    "until cursor == '0' "
    "return false";

const std::string_view kNodeInfo = SLOTLESS_MARK
    "local last = 1 + tonumber(ARGV[1]) "
    "local answer = {redis.call('info', unpack(ARGV, 2, last))} "
    "for i = last + 1, #ARGV, 2 do "
    "  local slot, prefix = ARGV[i], ARGV[i + 1] "
    "  local total = redis.call('cluster', 'countkeysinslot', slot) "
    "  if total > 0 and total <= 1000 then "
    "    local mine = 0 "
    "    for _, key in ipairs(redis.call('cluster', 'getkeysinslot', slot, total)) do "
    "      if string.sub(key, 1, #prefix) == prefix then mine = mine + 1 end "
    "    end "
    "    total = mine "
    "  end "
    "  answer[#answer + 1] = total "
    "end "
    "return answer";

#undef SLOTLESS_SLOT_KEYS
#undef SLOTLESS_OWN_NAMES

}  // namespace slotless::databases::scripts
