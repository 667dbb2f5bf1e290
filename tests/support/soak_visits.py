"""The kinds of clients of a soak: each function is one visit (soak.Visit), with checks of its own."""

import socket
import time

import resp
from cluster import PASSWORD
from soak import judge
from waiting import wait_until

MARKERS = [f"marker:{i}" for i in range(40)]  # there from the beginning to the end
LARGE = b"L" * (1 << 20)
LARGE_KEY = "soak:large"


def plain_pipelines(visit):
    counter, value = visit.key("count"), visit.key("value")
    with visit.connect() as connection:
        numbers = range(visit.chance.randint(1, 60))
        replies = visit.asks(connection, [command for i in numbers for command in (
            ("INCR", counter), ("SET", value, i), ("GET", value))])
    visit.expect(replies[0::3], sorted(set(replies[0::3])), "INCRs in a pipeline")
    visit.expect(replies[2::3], [b"%d" % i for i in numbers], "GETs after SETs in a pipeline")


def multi_key_commands(visit):
    keys = [visit.key(f"multi{i}") for i in range(20)]
    with visit.connect() as connection:
        visit.ask(connection, "MSET", *(word for key in keys for word in (key, key)))
        visit.expect(visit.ask(connection, "MGET", *keys), [key.encode() for key in keys], "MGET")
        visit.expect(visit.ask(connection, "EXISTS", *keys), len(keys), "EXISTS")
        visit.ask(connection, "UNLINK", *keys)


def sorters(visit):
    source, target, mark = visit.key("tosort"), visit.key("sorted"), f"{visit.turn % 7}"
    numbers = list(range(30))
    visit.chance.shuffle(numbers)
    with visit.connect() as connection:
        visit.asks(connection, [("DEL", source, target), ("RPUSH", source, *range(30)), *(
            ("SET", f"weight{mark}:{i}", number) for i, number in enumerate(numbers))])
        wanted = [b"%d" % numbers.index(weight) for weight in range(30)]
        command = ("SORT", source, "BY", f"weight{mark}:*", "GET", "#")
        visit.expect(visit.ask(connection, *command, "LIMIT", "5", "10"), wanted[5:15], "SORT")
        visit.expect(visit.ask(connection, *command, "STORE", target), 30, "SORT … STORE")
        visit.expect(visit.ask(connection, "LRANGE", target, "0", "-1"), wanted, "what SORT has stored")
        connection.send(resp.pack(*command))  # and leaves


def transactions(visit):
    key = visit.key("tx")
    with visit.connect() as connection:
        replies = visit.asks(connection, [("MULTI",), ("SET", key, "1"), ("INCR", key), ("PING",), ("EXEC",)])
        visit.expect(replies[-1], [b"OK", 2, b"PONG"], "EXEC")
        visit.asks(connection, [("MULTI",), ("SET", key, "x"), ("DISCARD",)])
        connection.send(resp.pack_all([("MULTI",), ("GET",), ("SET", key, "x"), ("EXEC",)]))
        last = [connection.read() for _ in range(4)][-1]
        visit.expect(str(last)[:10], "EXECABORT ", "EXEC after a mistake")
        visit.expect(visit.ask(connection, "GET", key), b"2", "GET after what was not run")
        visit.asks(connection, [("MULTI",), ("INCR", key)])  # and leaves


def watches(visit):
    key = visit.key("watched")
    with visit.connect() as connection, visit.connect() as other:
        visit.ask(connection, "WATCH", key)
        visit.ask(other, "INCR", key)
        replies = visit.asks(connection, [("MULTI",), ("GET", key), ("EXEC",)])
        visit.expect(replies[-1], None, "EXEC of a changed key")
        visit.asks(connection, [("WATCH", key), ("GET", key)])
        if visit.chance.random() < 0.5:
            visit.ask(connection, "UNWATCH")
        visit.asks(connection, [("MULTI",), ("GET", key), ("EXEC",), ("WATCH", key)])  # and leaves


def consumers(visit):
    queue = visit.key("queue")
    command, produce = visit.chance.choice((
        (("BLPOP", queue, "20"), ("RPUSH", queue, "x")), (("BRPOP", queue, "20"), ("RPUSH", queue, "x")),
        (("BLMOVE", queue, queue, "LEFT", "RIGHT", "20"), ("RPUSH", queue, "x")),
        (("BLMPOP", "20", "1", queue, "LEFT"), ("RPUSH", queue, "x")),
        (("BZPOPMIN", queue, "20"), ("ZADD", queue, "1", "x")),
        (("BZMPOP", "20", "1", queue, "MAX"), ("ZADD", queue, "1", "x")),
        (("XREAD", "BLOCK", "20000", "STREAMS", queue, "0"), ("XADD", queue, "*", "x", "x"))))
    with visit.connect() as consumer, visit.connect() as producer:
        visit.ask(producer, "DEL", queue)
        consumer.send(resp.pack(*command))
        time.sleep(visit.chance.random() / 50)
        visit.ask(producer, *produce)
        reply = consumer.read()
        if isinstance(reply, resp.ReplyError):
            judge([str(reply)], command)
        visit.expect("b'x'" in str(reply), True, f"whether {command} got what was produced, which")
        visit.ask(producer, "DEL", queue)


def timeouts(visit):
    key = visit.key("nothing")
    with visit.connect() as connection:
        for command in (("BLPOP", key, "0.05"), ("BZPOPMAX", key, "0.05"), ("XREAD", "BLOCK", "50", "STREAMS", key, "$")):
            visit.expect(visit.ask(connection, *command), None, command)
        visit.asks(connection, [("SET", visit.key("replicated"), "x"), ("WAIT", "1", "100")])


def unblockers(visit):
    key = visit.key("nothing")
    with visit.connect() as blocked, visit.connect() as other:
        number = visit.ask(blocked, "CLIENT", "ID")
        blocked.send(resp.pack("BLPOP", key, "0"))
        how = visit.chance.choice(("TIMEOUT", "ERROR"))
        wait_until(lambda: visit.ask(other, "CLIENT", "UNBLOCK", number, how) == 1, 30, "a client to be blocked")
        reply = blocked.read()
        if isinstance(reply, resp.ReplyError) and not str(reply).startswith("UNBLOCKED "):
            judge([str(reply)], "CLIENT UNBLOCK")


def listeners(visit):
    """At-most-once: what is published while masters change may be lost, so it is published until it comes."""
    name = visit.key("news")
    subscribe, publish, word = visit.chance.choice((
        (("SUBSCRIBE", name), "PUBLISH", b"message"), (("SSUBSCRIBE", name), "SPUBLISH", b"smessage"),
        (("PSUBSCRIBE", name.replace("{", "?") + "*"), "PUBLISH", b"pmessage")))
    with visit.connect() as publisher:
        subscribers = [visit.connect() for _ in range(3)]
        for each in subscribers:
            visit.ask(each, *subscribe)
        for each in subscribers:
            message = publish_until_heard(visit, publisher, (publish, name, "text"), each)
            visit.expect((message[0], message[-1]), (word, b"text"), subscribe)
        if visit.chance.random() < 0.5:
            subscribers[0].send(resp.pack_all([("UNSUBSCRIBE",), ("PUNSUBSCRIBE",), ("SUNSUBSCRIBE",)]))


def publish_until_heard(visit, publisher, command, subscriber):
    deadline = time.monotonic() + 30
    subscriber.socket.settimeout(1)
    while time.monotonic() < deadline:
        visit.ask(publisher, *command)
        try:
            return subscriber.read()
        except socket.timeout:
            pass
    raise AssertionError(f"{command} was not heard for 30 s")


def monitors(visit):
    mark = f"mark{visit.turn}"
    with visit.connect() as monitor, visit.connect() as other:
        visit.ask(monitor, "MONITOR")
        visit.ask(other, "ECHO", mark)
        visit.ask(other, "GET", visit.key(mark))
        seen = 0
        while seen < 200 and mark.encode() not in monitor.read():
            seen += 1


def scripts(visit):
    key, number = visit.key("script"), visit.chance.randrange(50)
    body = f"return redis.call('INCRBY', KEYS[1], {number})"
    library = f"#!lua name=soak\nredis.register_function('soak', function(keys, args) return redis.call('SET', keys[1], {number}) end)"
    with visit.connect() as connection:
        visit.asks(connection, [("SELECT", visit.chance.choice((0, 0, 1, 7))), ("SET", key, "0")])
        visit.expect(visit.ask(connection, "EVAL", body, "1", key), number, "EVAL")
        sha = visit.ask(connection, "SCRIPT", "LOAD", body)
        visit.expect(visit.ask(connection, "EVALSHA", sha, "1", key), 2 * number, "EVALSHA")
        visit.ask(connection, "FUNCTION", "LOAD", "REPLACE", library)
        visit.expect(visit.ask(connection, "FCALL", "soak", "1", key), b"OK", "FCALL")
        visit.asks(connection, [("MULTI",), ("EVALSHA", sha, "1", key), ("EXEC",)])
        if visit.turn % 10 == 9:
            visit.ask(connection, "SCRIPT", "FLUSH")


def database_users(visit):
    """A database is one Redis: transactions, scripts and blocking pops over any keys. The first one's slot moves."""
    first, second, third, queue = (visit.key(name) for name in ("first", "second", "third", "dbqueue"))
    body = "redis.call('SET', ARGV[1], (redis.call('GET', KEYS[1]) or 'lost') .. ARGV[2]) return redis.call('GET', ARGV[1])"
    with visit.connect() as connection:
        visit.ask(connection, "SELECT", visit.chance.choice((1, 1, 7)))
        replies = visit.asks(connection, [("MULTI",), ("DEL", second, third, queue), ("MSET", first, "a", second, "b"),
                                          ("RENAME", second, third), ("MGET", first, second, third), ("EXEC",)])
        visit.expect(replies[-1][1:], [b"OK", b"OK", [b"a", None, b"b"]], "EXEC over three slots' keys")
        visit.expect(visit.ask(connection, "EVAL", body, "1", first, second, "x"), b"ax", "EVAL of keys that it builds")
        visit.asks(connection, [("WATCH", first, second), ("MULTI",), ("RPUSH", queue, "x"), ("EXEC",)])
        visit.asks(connection, [("DEL", queue), ("RPUSH", queue, "x")])
        visit.expect(visit.ask(connection, "BLPOP", third + "none", queue, "20"), [queue.encode(), b"x"], "BLPOP over slots")
        visit.asks(connection, [("UNLINK", first, second, third), ("DBSIZE",), ("SCAN", "0")])


def cachers(visit):
    """Whatever happens to masters and slots, a client hears that what it has cached is not true any more."""
    key = visit.key("cached")
    options = visit.chance.choice(((), ("OPTIN",), ("BCAST", "PREFIX", key)))
    with visit.connect() as writer, visit.connect(protocol=3) as reader:
        pushes = []
        visit.ask(reader, "CLIENT", "TRACKING", "ON", *options)
        for number in range(4):
            commands = [("CLIENT", "CACHING", "YES")] * (options == ("OPTIN",)) + [("GET", key)]
            reader.send(resp.pack_all(commands))
            replies = [reader.read_between(pushes) for _ in commands]
            judge([str(reply) for reply in replies if isinstance(reply, resp.ReplyError)], commands)
            pushes.clear()
            visit.ask(writer, "SET", key, number)
            while not any(keys is None or key.encode() in keys for _, keys in pushes):
                pushes.append(reader.read())


def scanners(visit):
    with visit.connect() as connection:
        cursor, found = b"0", set()
        while True:
            cursor, keys = visit.ask(connection, "SCAN", cursor, "MATCH", "marker:*", "COUNT", "400")
            found.update(keys)
            if cursor == b"0":
                break
            if visit.turn % 4 == 0 and visit.chance.random() < 0.05:
                return  # in the middle
        visit.expect(sorted(found), sorted(each.encode() for each in MARKERS), "SCAN")
        visit.asks(connection, [("DBSIZE",), ("RANDOMKEY",), ("KEYS", "marker:1*")])


def large_values(visit):
    key = visit.key("large")
    value = LARGE[:visit.chance.randrange(len(LARGE))]
    with visit.connect() as connection:
        visit.ask(connection, "SET", key, value)
        connection.send(resp.pack_all([("GET", key), ("ECHO", "behind")]))
        got, behind = visit.read_large(connection), visit.read_large(connection)
        judge([str(reply) for reply in (got, behind) if isinstance(reply, resp.ReplyError)], "GET of a large value")
        visit.expect((got == value, behind), (True, b"behind"), "GET of a large value")
        visit.ask(connection, "DEL", key)
    time.sleep(0.1)


def slow_readers(visit):
    with visit.connect() as connection:
        connection.send(resp.pack_all([("GET", LARGE_KEY)] * 12))
        time.sleep(0.2)
        if visit.chance.random() < 0.5:
            for _ in range(12):
                visit.expect(len(visit.read_large(connection)), len(LARGE), "the length of a reply read late")
    time.sleep(0.2)


def protocol_changers(visit):
    key = visit.key("hash")
    with visit.connect(protocol=2) as connection:
        visit.asks(connection, [("DEL", key), ("HSET", key, "f", "v")])
        replies = visit.asks(connection, [("HGETALL", key), ("HELLO", "3"), ("HGETALL", key), ("SUBSCRIBE", key),
                                          ("HELLO", "2"), ("UNSUBSCRIBE", key), ("HGETALL", key), ("RESET",),
                                          ("AUTH", PASSWORD), ("SELECT", "0"), ("HGETALL", key)])
        shapes = [[b"f", b"v"], {b"f": b"v"}, [b"f", b"v"], [b"f", b"v"]]
        visit.expect([replies[i] for i in (0, 2, 6, 10)], shapes, "HGETALL in changing protocols")
        connection.send(resp.pack("QUIT"))
        visit.expect(connection.read_to_end(), b"+OK\r\n", "QUIT")


def strangers(visit):
    """What no client library would say."""
    with visit.connect(password=None, protocol=2) as connection:
        visit.expect(connection.error("GET", "a")[:7], "NOAUTH ", "GET before AUTH")
        visit.expect(connection.error("AUTH", "wrong")[:10], "WRONGPASS ", "AUTH with a wrong password")
        visit.ask(connection, "AUTH", PASSWORD)
        connection.send(b"PING inline\r\n\r\n*0\r\n")
        visit.expect(connection.read(), b"inline", "an inline PING")
        visit.expect(connection.error("NONSENSE", "a")[:20], "ERR unknown command ", "an unknown command")
        connection.send(b"*2\r\n$3\r\nGET\r\n$x\r\n")
        if not connection.read_to_end().startswith(b"-ERR Protocol error"):
            raise AssertionError("garbage was not answered with a protocol error")


def operators(visit):
    with visit.connect() as connection:
        visit.asks(connection, [("INFO",), ("CLIENT", "LIST"), ("CLIENT", "INFO"), ("SLOWLOG", "GET"), ("PROXY", "STATS"),
                                ("PROXY", "CLIENTS"), ("PROXY", "LINKS"), ("PROXY", "NODES"), ("PROXY", "MEMORY"),
                                ("PROXY", "EXPLAIN", "MSET", "a", "1", "b", "2"), ("COMMAND", "COUNT"),
                                ("PUBSUB", "CHANNELS"), ("PUBSUB", "NUMPAT"), ("MEMORY", "USAGE", MARKERS[0]),
                                ("CONFIG", "GET", "maxmemory*"), ("LATENCY", "LATEST")])
        if visit.turn % 10 == 5:
            visit.ask(connection, "CLIENT", "PAUSE", "30", visit.chance.choice(("WRITE", "ALL")))
    visit.expect(visit.site.proxy.http("/metrics")[0], 200, "/metrics")


# What brings a connection into a state in which it may be left; what comes last may have no reply.
STATES = {
    "fresh": b"",
    "in a transaction": resp.pack_all([("MULTI",), ("INCR", "{left}n")]),
    "watching": resp.pack_all([("WATCH", "{left}n"), ("GET", "{left}n")]),
    "watching in a transaction": resp.pack_all([("WATCH", "{left}n"), ("MULTI",), ("INCR", "{left}n")]),
    "with EXEC on its way": resp.pack_all([("WATCH", "{left}n"), ("MULTI",), ("INCR", "{left}n"), ("EXEC",)]),
    "blocked on a list": resp.pack("BLPOP", "{left}none", "0"),
    "blocked on a stream": resp.pack("XREAD", "BLOCK", "0", "STREAMS", "{left}none", "$"),
    "blocked with commands behind": resp.pack_all([("BLPOP", "{left}none", "0"), ("GET", "a"), ("INCR", "{left}n")]),
    "blocked while watching": resp.pack_all([("WATCH", "{left}n"), ("BLPOP", "{left}none", "0")]),
    "waiting for replicas": resp.pack_all([("SET", "{left}s", "x"), ("WAIT", "9", "0")]),
    "subscribed": resp.pack_all([("SUBSCRIBE", "left"), ("PSUBSCRIBE", "left*"), ("SSUBSCRIBE", "left")]),
    "monitoring": resp.pack("MONITOR"),
    "silent": resp.pack_all([("CLIENT", "REPLY", "OFF"), ("SET", "{left}s", "x"), ("GET", "{left}s")]),
    "with half a request sent": b"*3\r\n$3\r\nSET\r\n$6\r\n{left",
    "with half a large request sent": b"*3\r\n$3\r\nSET\r\n$7\r\n{left}l\r\n$1000000\r\n" + LARGE[:500_000],
    "with replies unread": resp.pack_all([("GET", f"left{i}") for i in range(200)]),
    "with large replies unread": resp.pack_all([("GET", LARGE_KEY)] * 3),
    "with split commands on their way": resp.pack_all([("MGET", *MARKERS), ("EXISTS", *MARKERS)] * 5),
    "with a command for all nodes on its way": resp.pack_all([("DBSIZE",), ("KEYS", "left*"), ("SCRIPT", "EXISTS", "0")]),
}


def close(_visit, connection, _number):
    connection.close()


def reset(_visit, connection, _number):
    connection.reset()


def say_goodbye(_visit, connection, _number):
    connection.send(resp.pack("QUIT"))
    connection.close()


def say_no_more(_visit, connection, _number):
    connection.socket.shutdown(socket.SHUT_WR)
    connection.read_to_end()


def begin_anew(visit, connection, _number):
    connection.send(resp.pack("RESET"))
    time.sleep(visit.chance.random() / 100)


def be_killed(visit, connection, number):
    with visit.connect() as killer:
        visit.expect(visit.ask(killer, "CLIENT", "KILL", "ID", number), 1, "CLIENT KILL")
    connection.read_to_end()


ENDINGS = (close, reset, say_goodbye, say_no_more, begin_anew, be_killed)
PARTINGS = [(state, ending) for state in STATES for ending in ENDINGS]


def leavers(visit):
    """Each end of a connection in each state, in turn; sometimes at once, sometimes when the state is reached."""
    state, ending = PARTINGS[visit.turn * 5 % len(PARTINGS)]
    connection = visit.connect()
    number = visit.ask(connection, "CLIENT", "ID")
    connection.send(STATES[state])
    time.sleep(visit.chance.choice((0, 0.02)))
    ending(visit, connection, number)


KINDS = (plain_pipelines, plain_pipelines, multi_key_commands, sorters, transactions, watches, consumers, consumers, timeouts,
         unblockers, listeners, monitors, scripts, database_users, database_users, cachers, cachers, scanners, large_values,
         slow_readers, protocol_changers, strangers, operators, leavers, leavers)
