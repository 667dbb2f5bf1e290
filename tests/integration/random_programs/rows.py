"""What random programs do: one row a command, in the language of grammar.py.

Left out: commands whose replies are random (SPOP, SRANDMEMBER, HRANDFIELD, ZRANDMEMBER), memory figures (MEMORY USAGE, DEBUG),
payloads of DUMP, and what counts milliseconds. A stream's ids are given by the program, not by the clock.
"""

TEXT = r"""
-- strings
4x SET <string> <value>
SET <string> <value> ( NX | XX | GET | KEEPTTL | NX GET | EX <ahead> | PXAT <mslater> | EXAT <later> | EX <seconds> | XX EX <ahead> GET )
SET <key> <value>
SETNX <string> <value>
SETEX <string> <seconds> <value>
PSETEX <string> <milliseconds> <value>
3x GET <string>
GET <key>
GETSET <string> <value>
GETDEL <string>
GETEX <string> [ ( PERSIST | EX <seconds> | PXAT <mstimestamp> | EXAT <timestamp> ) ]
APPEND <string> <value>
STRLEN <string>
SUBSTR <string> <index> <index>
GETRANGE <string> <index> <index>
SETRANGE <string> <offset> <value>
2x INCR <string>
DECR <string>
INCRBY <string> <int>
DECRBY <string> <int>
INCRBYFLOAT <string> <float>
2x MGET <key>+
MSET ( <string> <value> )+
MSETNX ( <string> <value> )+
LCS <string> <string> [ ( LEN | IDX [ MINMATCHLEN <count> ] [ WITHMATCHLEN ] ) ]
-- bits
SETBIT <string> <offset> <bit>
GETBIT <string> <offset>
BITCOUNT <string> [ <index> <index> [ ( BIT | BYTE ) ] ]
BITPOS <string> <bit> [ <index> [ <index> [ ( BIT | BYTE ) ] ] ]
BITOP ( AND | OR | XOR ) <string> <string>+
BITOP NOT <string> <string>
BITFIELD <string> ( GET <bits> <place> | SET <bits> <place> <int> | OVERFLOW ( WRAP | SAT | FAIL ) INCRBY <bits> <place> <int> )+
BITFIELD_RO <string> ( GET <bits> <place> )+
-- lists
3x RPUSH <list> <value>+
2x LPUSH <list> <value>+
RPUSHX <list> <value>+
LPUSHX <list> <value>
2x LPOP <list> [ <count> ]
RPOP <list> [ <count> ]
LLEN <list>
2x LRANGE <list> <index> <index>
LINDEX <list> <index>
LSET <list> <index> <value>
LINSERT <list> ( BEFORE | AFTER ) <value> <value>
LREM <list> <index> <value>
LTRIM <list> <index> <index>
LPOS <list> <value> [ RANK <index> ] [ COUNT <count> ] [ MAXLEN <count> ]
LMOVE <list> <list> ( LEFT | RIGHT ) ( LEFT | RIGHT )
RPOPLPUSH <list> <list>
2x LMPOP #<list>+ ( LEFT | RIGHT ) [ COUNT <amount> ]
-- blocking, mostly with something there: filled just before
0.15x ! BLPOP <list>+ <wait>
0.15x ! BRPOP <list>+ <wait>
0.15x ! BLMOVE <list> <list> ( LEFT | RIGHT ) ( LEFT | RIGHT ) <wait>
0.15x ! BRPOPLPUSH <list> <list> <wait>
0.15x ! BLMPOP <wait> #<list>+ ( LEFT | RIGHT ) [ COUNT <amount> ]
0.15x ! BZPOPMIN <zset>+ <wait>
0.15x ! BZPOPMAX <zset>+ <wait>
0.15x ! BZMPOP <wait> #<zset>+ ( MIN | MAX ) [ COUNT <amount> ]
0.1x ! XREAD BLOCK <waitms> STREAMS <stream> <id>
-- sets
4x SADD <set> <member>+
SREM <set> <member>+
SCARD <set>
SISMEMBER <set> <member>
SMISMEMBER <set> <member>+
2x SMEMBERS <set> => unordered
SMOVE <set> <set> <member>
SINTER <set>+ => unordered
SUNION <set>+ => unordered
SDIFF <set>+ => unordered
SINTERCARD #<set>+ [ LIMIT <count> ]
SINTERSTORE <set> <set>+
SUNIONSTORE <set> <set>+
SDIFFSTORE <set> <set>+
SSCAN <set> 0 COUNT 1000 [ MATCH <pattern> ] => scan
-- sorted sets
4x ZADD <zset> [ ( NX | XX | GT | LT | XX GT ) ] [ CH ] ( <score> <member> )+
ZADD <zset> INCR <score> <member>
ZINCRBY <zset> <score> <member>
ZREM <zset> <member>+
ZCARD <zset>
ZSCORE <zset> <member>
ZMSCORE <zset> <member>+
ZCOUNT <zset> <min> <max>
2x ZADD letters 0 <member>
ZLEXCOUNT letters <lexmin> <lexmax>
ZRANK <zset> <member>
ZREVRANK <zset> <member>
2x ZRANGE <zset> <index> <index> [ REV ] [ WITHSCORES ]
ZRANGE <zset> <min> <max> BYSCORE [ LIMIT <index> <count> ] [ WITHSCORES ]
ZRANGE letters <lexmin> <lexmax> BYLEX [ LIMIT <index> <count> ]
ZRANGE <zset> <max> <min> BYSCORE REV
ZREVRANGE <zset> <index> <index> [ WITHSCORES ]
ZRANGEBYSCORE <zset> <min> <max> [ WITHSCORES ] [ LIMIT <index> <count> ]
ZREVRANGEBYSCORE <zset> <max> <min> [ WITHSCORES ]
ZRANGEBYLEX letters <lexmin> <lexmax> [ LIMIT <index> <count> ]
ZREVRANGEBYLEX letters <lexmax> <lexmin>
ZREMRANGEBYRANK <zset> <index> <index>
ZREMRANGEBYSCORE <zset> <min> <max>
ZREMRANGEBYLEX letters <lexmin> <lexmax>
ZPOPMIN <zset> [ <count> ]
ZPOPMAX <zset> [ <count> ]
2x ZMPOP #<zset>+ ( MIN | MAX ) [ COUNT <amount> ]
ZUNION #<zset>+ [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
ZINTER #<zset>+ [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
ZUNION 2 <zset> <set> WEIGHTS <float> <float> [ WITHSCORES ]
ZDIFF #<zset>+ [ WITHSCORES ]
ZINTERCARD #<zset>+ [ LIMIT <count> ]
ZUNIONSTORE <zset> #<zset>+ [ AGGREGATE ( SUM | MIN | MAX ) ]
ZUNIONSTORE <zset> 2 <zset> <set> WEIGHTS <float> <float>
ZINTERSTORE <zset> #<zset>+
ZINTERSTORE <zset> 2 <set> <zset> WEIGHTS <float> <float> AGGREGATE MAX
ZDIFFSTORE <zset> #<zset>+
ZRANGESTORE <zset> <zset> <index> <index> [ REV ]
ZRANGESTORE <zset> <zset> <min> <max> BYSCORE [ LIMIT <index> <count> ]
ZSCAN <zset> 0 COUNT 1000 [ MATCH <pattern> ] => scan-pairs
-- hashes
4x HSET <hash> ( <field> <value> )+
HSETNX <hash> <field> <value>
HMSET <hash> ( <field> <value> )+
HGET <hash> <field>
HMGET <hash> <field>+
2x HGETALL <hash> => pairs
HKEYS <hash> => unordered
HVALS <hash> => unordered
HDEL <hash> <field>+
HLEN <hash>
HEXISTS <hash> <field>
HSTRLEN <hash> <field>
HINCRBY <hash> <field> <int>
HINCRBYFLOAT <hash> <field> <float>
HSCAN <hash> 0 COUNT 1000 [ MATCH <pattern> ] => scan-pairs
-- streams
6x XADD <stream> [ NOMKSTREAM ] [ MAXLEN <count> ] <newid> ( <field> <value> )+
XADD <stream> ( MINID | MAXLEN ) = <id> <newid> <field> <value>
XLEN <stream>
2x XRANGE <stream> <first> <last> [ COUNT <count> ]
XREVRANGE <stream> <last> <first> [ COUNT <count> ]
XDEL <stream> <id>+
XTRIM <stream> MAXLEN <count>
XTRIM <stream> MINID <id>
XSETID <stream> <id> [ ENTRIESADDED <count> MAXDELETEDID <id> ]
2x XREAD [ COUNT <amount> ] STREAMS <stream> <id>
2x XREAD [ COUNT <amount> ] STREAMS <stream> <stream> <id> <id>
XREAD STREAMS <stream> <stream> <key> $ <id> <id>
XREAD STREAMS <stream> <stream> <id>
4x XGROUP CREATE <stream> <group> ( <id> | $ ) [ MKSTREAM ]
XGROUP ( SETID <stream> <group> <id> | DESTROY <stream> <group> )
XGROUP ( CREATECONSUMER | DELCONSUMER ) <stream> <group> <consumer>
3x XREADGROUP GROUP <group> <consumer> [ COUNT <amount> ] [ NOACK ] STREAMS <stream> >
2x XREADGROUP GROUP <group> <consumer> STREAMS <stream> <stream> ( > | <id> ) ( > | <id> )
0.1x ! XREADGROUP GROUP <group> <consumer> BLOCK <waitms> STREAMS <stream> >
2x XACK <stream> <group> <id>+
XPENDING <stream> <group>
XPENDING <stream> <group> <first> <last> <count> [ <consumer> ] => pending
XCLAIM <stream> <group> <consumer> 0 <id>+ [ JUSTID ]
XCLAIM <stream> <group> <consumer> 0 <id> [ FORCE ] [ RETRYCOUNT <count> ] [ LASTID <id> ]
XAUTOCLAIM <stream> <group> <consumer> 0 <first> [ COUNT <amount> ] [ JUSTID ]
XINFO STREAM <stream> => times
XINFO STREAM <stream> FULL [ COUNT <count> ] => times
XINFO GROUPS <stream>
XINFO CONSUMERS <stream> <group> => times
-- HyperLogLogs
3x PFADD <hll> <member>+
PFADD <hll>
2x PFCOUNT <hll>+
2x PFMERGE <hll> <hll>+
GET <hll>
-- places
3x GEOADD <geo> [ ( NX | XX ) ] [ CH ] ( <lon> <lat> <town> )+
GEODIST <geo> <town> <town> [ <unit> ]
GEOHASH <geo> <town>+
GEOPOS <geo> <town>+
GEORADIUS <geo> <lon> <lat> <radius> <unit> [ WITHDIST ] [ WITHCOORD ] [ COUNT <amount> ] ASC
GEORADIUS <geo> <lon> <lat> <radius> <unit> ASC ( STORE | STOREDIST ) <geo>
GEORADIUSBYMEMBER <geo> <town> <radius> <unit> DESC
GEORADIUSBYMEMBER <geo> <town> <radius> <unit> STORE <geo>
GEORADIUS_RO <geo> <lon> <lat> <radius> <unit> ASC
GEORADIUSBYMEMBER_RO <geo> <town> <radius> <unit> ASC
GEOSEARCH <geo> ( FROMMEMBER <town> | FROMLONLAT <lon> <lat> ) ( BYRADIUS <radius> <unit> | BYBOX <radius> <radius> <unit> ) ASC [ WITHDIST ] [ WITHHASH ]
GEOSEARCHSTORE <geo> <geo> ( FROMMEMBER <town> | FROMLONLAT <lon> <lat> ) BYRADIUS <radius> <unit> [ STOREDIST ]
-- keys of any type
3x DEL <key>+
UNLINK <key>+
2x EXISTS <key>+
TOUCH <key>+
2x TYPE <key>
2x RENAME <key> <key>
RENAMENX <key> <key>
3x COPY <key> <key> [ REPLACE ]
EXPIRE <key> <seconds> [ ( NX | XX | GT | LT ) ]
PEXPIRE <key> <milliseconds>
2x EXPIREAT <key> <timestamp> [ ( NX | XX | GT | LT ) ]
PEXPIREAT <key> <mstimestamp>
PERSIST <key>
TTL <key> => near
PTTL <key> => sign
EXPIRETIME <key> => near
PEXPIRETIME <key> => sign
3x OBJECT ENCODING <key>
OBJECT REFCOUNT <key> => sign
OBJECT IDLETIME <key> => near
OBJECT FREQ <key>
DUMP <key> => presence
RESTORE <key> 0 <payload> [ REPLACE ] [ IDLETIME <count> ]
RESTORE <key> <ahead> <payload> [ REPLACE ]
SORT <list> [ LIMIT <index> <count> ] [ ( ASC | DESC ) ] [ ALPHA ]
SORT <set> [ ALPHA ] [ DESC ]
SORT <zset> ALPHA
SORT <zset> BY nosort [ DESC ] => unordered
SORT <list> BY nosort => unordered
SORT <set> BY nosort => unordered
SORT_RO <list> ALPHA
2x SORT <list> [ ALPHA ] STORE <list>
SORT <set> ALPHA STORE <list>
-- the database as a whole
DBSIZE
2x KEYS <pattern> => unordered
RANDOMKEY => presence
0.3x FLUSHDB [ ( ASYNC | SYNC ) ]
2x SCAN <pattern> [ ( string | list | set | zset | hash | stream | other ) ] => walk
-- what has no key
ECHO <value>
PING [ <value> ]
0.2x ! COMMAND GETKEYS MSET <key> <value> <key> <value>
0.2x ! COMMAND GETKEYS ZUNIONSTORE <zset> 2 <zset> <zset>
0.2x ! COMMAND GETKEYS XREAD COUNT 1 STREAMS <stream> <stream> <id> <id>
0.2x ! COMMAND GETKEYS EVAL x 1 <key> <value>
0.2x ! COMMAND GETKEYS PING
0.2x EVALSHA <sha> 1 <key>
0.2x NOSUCHCOMMAND <key> <value>
0.2x OBJECT NOSUCH <key>
"""

SESSION_TEXT = r"""
-- transactions beside the whole ones that program.py makes
0.5x MULTI
0.5x EXEC
0.3x DISCARD
0.5x WATCH <key>+
0.3x UNWATCH
"""

# What waits ; what ends the waiting. The keys waited for are nobody else's and come last, so that it does not matter which
# of the two is first.
BLOCKED_TEXT = r"""
BLPOP <list> <list> waited:1 {waited}2 10 ; RPUSH waited:1 <value>
BRPOP <list> {waited}2 10 ; RPUSH {waited}2 <value> <value>
BLMOVE waited:1 <list> LEFT RIGHT 10 ; RPUSH waited:1 <value>
BRPOPLPUSH waited:1 {waited}2 10 ; LPUSH waited:1 <value>
BLMPOP 10 2 <list> waited:1 LEFT COUNT 2 ; RPUSH waited:1 a b c
BZPOPMIN <zset> waited:1 10 ; ZADD waited:1 1 <member> 2 x
BZPOPMAX <zset> {waited}2 10 ; ZADD {waited}2 1 a
BZMPOP 10 2 <zset> waited:1 MAX ; ZADD waited:1 5 <member>
XREAD BLOCK 10000 STREAMS waited:1 <stream> 0 99-0 ; XADD waited:1 1-1 <field> <value>
XREAD BLOCK 10000 COUNT 3 STREAMS {waited}2 0 ; XADD {waited}2 1-1 <field> <value>
"""
