"""What the one Redis holds: keys of all types in 16 databases. Each key follows from its number."""

import random

import resp

SPREAD = (3, 5, 7, 9)
GROUPED = 2
PINNED = (1, 4, 6, 8, 10, 11, 12, 13, 14, 15)
LAYOUTS = ("1=pinned", f"{GROUPED}=grouped:bull:*:", *(f"{database}=spread" for database in SPREAD))
DATABASES = range(16)

KINDS = ("text",) * 26 + ("brief",) * 6 + ("hash",) * 6 + ("list",) * 3 + ("set",) * 3 + ("sorted",) * 3 + ("stream",) * 2 + ("distinct",)
LIBRARIES = ("#!lua name=trial_a\nredis.register_function('trial_one', function() return 1 end)",
             "#!lua name=trial_b\nredis.register_function('trial_two', function() return 2 end)")
BATCH = 2000
FIELD_BYTES = 1000
HOURS = 10


def kind_of(number):
    return KINDS[(number // 7 * 31 + number) % len(KINDS)]


def database_of(number):
    share = number % 100
    if share < 60:
        return 0
    if share < 92:
        return SPREAD[number % 4]
    if share == 99:
        return GROUPED
    return PINNED[(number // 100 + number) % len(PINNED)]


def name_of(number):
    kind = kind_of(number)
    return f"bull:filled{number % 50}:{kind}:{number}" if database_of(number) == GROUPED else f"filled:{kind}:{number}"


def commands_of(number):
    name = name_of(number)
    return MAKERS[kind_of(number)](name, number)


def _stream(name, number):
    made = [("XADD", name, f"{entry + 1}-1", "number", number, "text", "t" * 20) for entry in range(5)]
    return [*made, ("XGROUP", "CREATE", name, "workers", "0"), ("XREADGROUP", "GROUP", "workers", "one", "COUNT", 2, "STREAMS", name, ">"),
            ("XACK", name, "workers", "1-1")]


MAKERS = {
    "text": lambda name, number: [("SET", name, f"{number}:" + "v" * (60 + number % 80))],
    "brief": lambda name, number: [("SET", name, f"{number}", "PX", HOURS * 3_600_000 + number)],
    "hash": lambda name, number: [("HSET", name, *(part for i in range(10) for part in (f"field{i}", f"{number}-{i}")))],
    "list": lambda name, number: [("RPUSH", name, *(f"{number}-{i}" for i in range(12)))],
    "set": lambda name, number: [("SADD", name, *(f"{number + i}" for i in range(10)))],
    "sorted": lambda name, number: [("ZADD", name, *(part for i in range(10) for part in (i / 3, f"{number}-{i}")))],
    "stream": _stream,
    "distinct": lambda name, number: [("PFADD", name, *(f"{number}-{i}" for i in range(20)))],
}


class Data:
    """`keys` of them, and hashes of `big_bytes`."""

    def __init__(self, keys, big_hashes, big_bytes):
        self.keys, self.big_bytes = keys, big_bytes
        self.big = [(name, database) for name, database in
                    ((f"big:hash:{i}", (0, SPREAD[0], PINNED[1])[i % 3]) for i in range(big_hashes))]

    def fill(self, connect):
        """`connect(database)`: to the server itself."""
        connections = {database: connect(database) for database in DATABASES}
        waiting = {database: [] for database in DATABASES}

        def send(database):
            requests, waiting[database] = waiting[database], []
            connections[database].send(resp.pack_all(requests))
            for request in requests:
                reply = connections[database].read()
                if isinstance(reply, resp.ReplyError):
                    raise AssertionError(f"{request[:3]} gave {reply}")

        for number in range(self.keys):
            database = database_of(number)
            waiting[database].extend(commands_of(number))
            if len(waiting[database]) >= BATCH:
                send(database)
        for name, database in self.big:
            for first in range(0, self.big_bytes // FIELD_BYTES, BATCH):
                last = min(first + BATCH, self.big_bytes // FIELD_BYTES)
                waiting[database].append(("HSET", name, *(part for i in range(first, last) for part in (f"field{i}", "b" * FIELD_BYTES))))
                send(database)
        for database in DATABASES:
            send(database)
        for library in LIBRARIES:
            connections[0].command("FUNCTION", "LOAD", library)
        for connection in connections.values():
            connection.close()

    def sample(self, count, seed):
        return random.Random(seed).sample(range(self.keys), min(count, self.keys))

    def missing(self, connect):
        """How many of the keys are not there; `connect(database)`: by whatever way."""
        gone = 0
        names = {database: [] for database in DATABASES}
        for number in range(self.keys):
            names[database_of(number)].append(name_of(number))
        for name, database in self.big:
            names[database].append(name)
        for database, wanted in names.items():
            with connect(database) as connection:
                for first in range(0, len(wanted), BATCH):
                    batch = wanted[first:first + BATCH]
                    connection.send(resp.pack_all(("EXISTS", name) for name in batch))
                    gone += len(batch) - sum(connection.read() for _ in batch)
        return gone

    def differences(self, connect, count, seed):
        """What of a sample, and of the large values, is not as it was made."""
        found = []
        for number in self.sample(count, seed):
            with connect(database_of(number)) as connection:
                if not _is_as_made(connection, number):
                    found.append(f"database {database_of(number)}: {name_of(number)}")
        for name, database in self.big:
            with connect(database) as connection:
                fields = self.big_bytes // FIELD_BYTES
                if connection.command("HLEN", name) != fields or connection.command("HGET", name, f"field{fields - 1}") != b"b" * FIELD_BYTES:
                    found.append(f"database {database}: {name}")
        with connect(0) as connection:
            if [connection.command("FCALL", name, 0) for name in ("trial_one", "trial_two")] != [1, 2]:
                found.append("functions")
        return found


def _is_as_made(connection, number):
    name, command = name_of(number), commands_of(number)[0]
    words = [str(word).encode() for word in command[2:]]
    kind = kind_of(number)
    if kind == "text":
        return connection.command("GET", name) == words[0]
    if kind == "brief":
        return connection.command("GET", name) == words[0] and 0 < connection.command("PTTL", name) <= HOURS * 3_600_000 + number
    if kind == "hash":
        found = connection.command("HGETALL", name)
        return dict(zip(found[::2], found[1::2])) == dict(zip(words[::2], words[1::2]))
    if kind == "list":
        return connection.command("LRANGE", name, 0, -1) == words
    if kind == "set":
        return set(connection.command("SMEMBERS", name)) == set(words)
    if kind == "sorted":
        return connection.command("ZRANGE", name, 0, -1) == words[1::2]
    if kind == "stream":
        pending = connection.command("XPENDING", name, "workers")
        return connection.command("XLEN", name) == 5 and pending[:3] == [1, b"2-1", b"2-1"]
    return connection.command("PFCOUNT", name) in range(19, 22)
