"""The Lua scripts and functions of random programs. Some touch keys that they have not declared."""

import hashlib
from typing import NamedTuple


class Script(NamedTuple):
    keys: int
    arguments: int
    text: bytes

    @property
    def sha(self):
        return hashlib.sha1(self.text).hexdigest().encode()


SCRIPTS = tuple(Script(keys, arguments, text.encode()) for keys, arguments, text in (
    (1, 0, "return redis.call('GET', KEYS[1])"),
    (1, 1, "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('STRLEN', KEYS[1])"),
    (1, 1, "return redis.pcall('INCRBY', KEYS[1], ARGV[1])"),
    (2, 0, "return redis.call('MGET', KEYS[1], KEYS[2])"),
    (2, 0, "return redis.call('RENAME', KEYS[1], KEYS[2])"),
    (2, 0, "local n = redis.call('RPOPLPUSH', KEYS[1], KEYS[2]) return {n, redis.call('LLEN', KEYS[2])}"),
    (1, 1, "redis.call('RPUSH', KEYS[1], ARGV[1], ARGV[1]) return redis.call('LRANGE', KEYS[1], 0, -1)"),
    (3, 0, "redis.call('SUNIONSTORE', KEYS[1], KEYS[2], KEYS[3]) return redis.call('SCARD', KEYS[1])"),
    (2, 1, "redis.call('ZADD', KEYS[1], 1, ARGV[1]) return redis.call('ZUNION', 2, KEYS[1], KEYS[2], 'WITHSCORES')"),
    (1, 1, "return redis.call('HSET', KEYS[1], 'f1', ARGV[1])"),
    (1, 0, "return {redis.call('TYPE', KEYS[1]), redis.call('EXISTS', KEYS[1])}"),
    (1, 0, "return redis.error_reply('MINE own words')"),
    (1, 0, "return {err = 'NOTMINE'}"),
    (0, 1, "return {1, ARGV[1], false, {2.9, 'x'}, true}"),
    (0, 0, "return redis.status_reply('FINE')"),
    (1, 0, "return redis.call('NOSUCHCOMMAND', KEYS[1])"),
    (1, 0, "return redis.call('LPUSH', KEYS[1])"),
    (1, 0, "this is no Lua"),
    (2, 0, "redis.call('DEL', KEYS[1]) redis.call('SET', KEYS[2], #KEYS) return redis.call('DEL', KEYS[1], KEYS[2])"),
    (1, 1, "redis.setresp(3) return redis.call('SET', KEYS[1], ARGV[1], 'NX')"),
    (1, 0, "return {map = {a = 1}}"),
    (1, 1, "return cjson.encode({v = ARGV[1]}) .. struct.pack('>I2', 7)"),
    (4, 0, "return redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3], KEYS[4])"),
    (2, 2, "return {KEYS, ARGV}"),
    (0, 1, "redis.call('SET', 'written', ARGV[1]) return redis.call('GETDEL', 'written')"),
    (1, 1, "redis.call('RPUSH', KEYS[1] .. ':made', ARGV[1]) return redis.call('LMPOP', 1, KEYS[1] .. ':made', 'LEFT')"),
    (0, 1, "local n = 0 for i = 1, 4 do n = n + redis.call('DEL', 'n' .. i, i) end redis.call('SET', 3, ARGV[1]) return n + redis.call('DEL', '3')"),
    (1, 0, "return redis.pcall('XREAD', 'COUNT', 1, 'STREAMS', KEYS[1], 0)"),
    (1, 0, "return redis.pcall('XGROUP', 'CREATE', KEYS[1] .. ':none', 'g', 0)"),
    (0, 0, "return redis.call('DBSIZE')"),
    (0, 0, "local keys = redis.call('KEYS', '*') table.sort(keys) return keys"),
    (1, 1, "return {redis.acl_check_cmd('SET', KEYS[1], ARGV[1]), redis.sha1hex(KEYS[1])}"),
    (1, 0, "return {redis.call('SORT', KEYS[1], 'BY', 'nosort', 'STORE', 'sorted'), redis.call('DEL', 'sorted')}"),
    (1, 0, "redis.call = nil"),
    (1, 1, "redis.call('MSET', KEYS[1], ARGV[1], KEYS[1] .. ':2', ARGV[1]) return redis.call('DEL', KEYS[1] .. ':2')"),
))

LIBRARY = b"""#!lua name=random_programs
redis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1] or '') end)
redis.register_function{function_name = 'look', flags = {'no-writes'}, callback = function(keys, args)
  local found = {}
  for i, key in ipairs(keys) do found[i] = redis.call('TYPE', key).ok end
  return found
end}
redis.register_function('fail', function(keys, args) return redis.call('INCR', keys[1], 'too many') end)
"""


def rows():
    """As lines of rows.py, but for what has quotes in it: (weight, words before the keys, number of keys, of arguments)."""
    for script in SCRIPTS:
        for command in (b"EVAL", b"EVAL_RO"):
            yield 0.2 if command == b"EVAL" else 0.03, (command, script.text), script.keys, script.arguments
        yield 0.05, (b"EVALSHA", script.sha), script.keys, script.arguments
        yield 0.02, (b"EVALSHA_RO", script.sha), script.keys, script.arguments
    for name, keys, arguments in ((b"put", 1, 1), (b"put", 1, 0), (b"look", 3, 0), (b"fail", 1, 0), (b"nosuch", 1, 0)):
        for command in (b"FCALL", b"FCALL_RO"):
            yield 0.1, (command, name), keys, arguments
