"""The loads that are measured, and the keys that they read."""
from dataclasses import dataclass

from resp import Connection, ReplyError, pack

SMALL_VALUE = "v" * 64
BIG_VALUE = "b" * (100 * 1024)
SMALL_KEYS = 100_000
BIG_KEYS = 200
# redis-benchmark replaces each __rand_int__ by twelve digits below the -r option.
SMALL_KEY = "key:__rand_int__"
BIG_KEY = "big:__rand_int__"


@dataclass(frozen=True)
class Scenario:
    meaning: str
    clients: int
    pipeline: int
    keys: int
    words: tuple  # the command
    probe: int  # requests of the first, unrecorded run, which tells how many fill the wanted time


SCENARIOS = {
    "get": Scenario("GET, 50 clients", 50, 1, SMALL_KEYS, ("GET", SMALL_KEY), 20_000),
    "set": Scenario("SET of 64 bytes, 50 clients", 50, 1, SMALL_KEYS, ("SET", SMALL_KEY, SMALL_VALUE), 20_000),
    "get-p32": Scenario("GET, 50 clients, pipelined by 32", 50, 32, SMALL_KEYS, ("GET", SMALL_KEY), 200_000),
    "set-p32": Scenario("SET of 64 bytes, 50 clients, pipelined by 32", 50, 32, SMALL_KEYS,
                        ("SET", SMALL_KEY, SMALL_VALUE), 200_000),
    "mget": Scenario("MGET of 10 keys, 50 clients", 50, 1, SMALL_KEYS, ("MGET",) + (SMALL_KEY,) * 10, 10_000),
    "mset": Scenario("MSET of 10 keys, 50 clients", 50, 1, SMALL_KEYS,
                     ("MSET",) + (SMALL_KEY, SMALL_VALUE) * 10, 10_000),
    "get-100k": Scenario("GET of 100 KiB, 50 clients", 50, 1, BIG_KEYS, ("GET", BIG_KEY), 4_000),
    "set-100k": Scenario("SET of 100 KiB, 50 clients", 50, 1, BIG_KEYS, ("SET", BIG_KEY, BIG_VALUE), 4_000),
    "get-1c": Scenario("GET, one client", 1, 1, SMALL_KEYS, ("GET", SMALL_KEY), 4_000),
    "set-1c": Scenario("SET of 64 bytes, one client", 1, 1, SMALL_KEYS, ("SET", SMALL_KEY, SMALL_VALUE), 4_000),
}


def key_name(pattern, number):
    return pattern.replace("__rand_int__", "%012d" % number)


def populate(host, port):
    """Stores every key that the loads read, unless they are there: targets may share a cluster."""
    small = [(key_name(SMALL_KEY, i), SMALL_VALUE) for i in range(SMALL_KEYS)]
    big = [(key_name(BIG_KEY, i), BIG_VALUE) for i in range(BIG_KEYS)]
    with Connection(host, port) as server:
        samples = small[:: SMALL_KEYS // 500] + big
        if pipeline(server, [("STRLEN", key) for key, _ in samples]) == [len(value) for _, value in samples]:
            return
        per_turn = 500
        for start in range(0, SMALL_KEYS, per_turn):
            pipeline(server, [("SET", *pair) for pair in small[start : start + per_turn]])
        for pair in big:
            server.command("SET", *pair)


def pipeline(server, requests):
    """Replies in order; the first error reply is raised."""
    server.send(b"".join(pack(*words) for words in requests))
    replies = [server.read() for _ in requests]
    for reply in replies:
        if isinstance(reply, ReplyError):
            raise reply
    return replies
