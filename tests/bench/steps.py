"""Loads whose keys are in three slots, which a proxy carries out in steps and one Redis at once.

What an operation needs to find, and what it leaves, is made and removed outside of the time that is measured.
"""
import selectors
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from bench.accounting import Usage
from bench.load import LoadError
from bench.scenarios import SMALL_VALUE, pipeline
from resp import Connection, ReplyError, pack
from slots import key_in

# One for each of three masters, as scripts/cluster gives them their slots. Each client has the one that follows.
FIRST_SLOTS = (1_000, 7_000, 13_000)
MEMBERS = 1_000
BIG_VALUE = "b" * 1_000_000
PER_TURN = 500
# How long a client has waited when something comes: over two whole pauses of 50 ms between two looks.
LEAST_WAIT_S, MOST_WAIT_S = 0.100, 0.200


@dataclass(frozen=True)
class Load:
    """`before` and `after`: (keys of the client, number of operations) → requests; none of the keys is there before.
    `words`: (keys, number) → the command."""

    meaning: str
    clients: int
    before: object
    words: object
    reply: object  # (keys) → what each operation has to answer
    after: object = lambda keys, count: []
    wakes: bool = False  # the operation waits, and what is measured is its way back


def keys_of(client):
    return [key_in(slot + client, f"steps:{place}") for place, slot in enumerate(FIRST_SLOTS)]


def two_sets(keys, _):
    for place, key in enumerate(keys[:2]):
        yield "SADD", key, *(f"member:{number + place * MEMBERS // 2}" for number in range(MEMBERS))


def filled_list(keys, count):
    for start in range(0, count, PER_TURN):
        yield "RPUSH", keys[1], *["element"] * min(PER_TURN, count - start)


def big_value(keys, _):
    yield "SET", keys[0], BIG_VALUE


def there_and_back(keys, number):
    return "RENAME", keys[number % 2], keys[1 - number % 2]


def numbered(keys, number):
    return [f"{key}:{number}" for key in keys]


def new_values(keys, number):
    return "MSETNX", *(word for key in numbered(keys, number) for word in (key, SMALL_VALUE))


def remove_numbered(keys, count):
    return [("DEL", *numbered(keys, number)) for number in range(count)]


def loads(clients):
    who = "one client" if clients == 1 else f"{clients} clients"
    pop = {"words": lambda keys, _: ("BLPOP", *keys, 0), "reply": lambda keys: [keys[1].encode(), b"element"]}
    return {
        f"inter-{clients}": Load(f"SINTERSTORE of two sets of 1,000, {who}", clients, two_sets,
                                 lambda keys, _: ("SINTERSTORE", keys[2], *keys[:2]), lambda _: MEMBERS // 2),
        f"blpop-{clients}": Load(f"BLPOP, something is there, {who}", clients, filled_list, **pop),
        f"wake-{clients}": Load(f"BLPOP, from the push to the reply, {who}", clients, lambda keys, _: [],
                                **pop, wakes=True),
        f"rename-{clients}": Load(f"RENAME of 1 MB, {who}", clients, big_value, there_and_back, lambda _: b"OK"),
        f"msetnx-{clients}": Load(f"MSETNX of three keys, {who}", clients, lambda keys, _: [], new_values, lambda _: 1,
                                  remove_numbered),
    }


LOADS = loads(1) | loads(10)


class Client:
    """One connection with its keys, which measures each operation in seconds."""

    def __init__(self, load, number, host, port):
        self._load, self._keys = load, keys_of(number)
        self._expected = load.reply(self._keys)
        self._requests = iter(())
        self._sent = 0.0
        self.connection = Connection(host, port)
        self.seconds = []

    def prepare(self, count):
        self._each([("DEL", *self._keys), *self._load.before(self._keys, count)])
        self._requests = iter([pack(*self._load.words(self._keys, number)) for number in range(count)])

    def clear(self, count):
        self._each(self._load.after(self._keys, count))

    def _each(self, requests):
        requests = list(requests)
        for start in range(0, len(requests), PER_TURN):
            pipeline(self.connection, requests[start:start + PER_TURN])

    def send_next(self):
        """False: all have been sent."""
        request = next(self._requests, None)
        if request is not None:
            self._sent = time.perf_counter()
            self.connection.send(request)
        return request is not None

    def read(self):
        reply = self.connection.read()
        self.seconds.append(time.perf_counter() - self._sent)
        if isinstance(reply, ReplyError) or reply != self._expected:
            raise LoadError(f"{str(reply)[:200]} instead of {self._expected}")

    def wait_to_be_woken(self, pusher, waits):
        for wait in waits:
            self.send_next()
            time.sleep(wait)
            self._sent = time.perf_counter()
            pusher.send(pack("RPUSH", self._keys[1], "element"))
            self.read()
            pusher.read()


def run_at_once(clients):
    """Each client sends its next operation when it has the reply to the one before."""
    with selectors.DefaultSelector() as selector:
        for client in clients:
            client.send_next()
            selector.register(client.connection.socket, selectors.EVENT_READ, client)
        left = len(clients)
        while left:
            for key, _ in selector.select():
                key.data.read()
                if not key.data.send_next():
                    selector.unregister(key.fileobj)
                    left -= 1


def run_waking(clients, pushers, count):
    """The clients are spread over the pause between two looks, too."""
    step = (MOST_WAIT_S - LEAST_WAIT_S) / (count * len(clients))
    waits = [[LEAST_WAIT_S + step * (number * len(clients) + place) for number in range(count)]
             for place in range(len(clients))]
    with ThreadPoolExecutor(len(clients)) as pool:
        for done in [pool.submit(*each) for each in zip(
                [client.wait_to_be_woken for client in clients], pushers, waits)]:
            done.result()


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def run_steps(target, load, count, usage_of=None):
    """`count` operations of each client. `usage_of`: makes what counts processor time; its figures are part of the result."""
    try:
        with ExitStack() as stack:
            clients = [Client(load, number, target.host, target.port) for number in range(load.clients)]
            pushers = [Connection(target.host, target.port) for _ in clients] if load.wakes else []
            for connection in [client.connection for client in clients] + pushers:
                stack.callback(connection.close)
            for client in clients:
                client.prepare(count)
            usage, began = usage_of() if usage_of else None, time.perf_counter()
            run_waking(clients, pushers, count) if load.wakes else run_at_once(clients)
            wall = time.perf_counter() - began
            figures = usage.finish(count * load.clients) if usage else {}
            for client in clients:
                client.clear(count)
    except (ReplyError, OSError) as error:
        raise LoadError(f"{type(error).__name__}: {error}") from None
    ordered = sorted(seconds * 1e3 for client in clients for seconds in client.seconds)
    return {"requests": len(ordered), "rps": len(ordered) / wall, "p50_ms": percentile(ordered, 0.5),
            "p99_ms": percentile(ordered, 0.99), "max_ms": ordered[-1], **figures}


def measure_steps(target, name, load, seconds, backends):
    """One row of results (rounds.py)."""
    if load.wakes:
        count = max(10, int(seconds * 2 / (LEAST_WAIT_S + MOST_WAIT_S)))
    else:
        if name not in target.rates:
            target.rates[name] = run_steps(target, load, 10)["rps"]
        count = max(10, int(target.rates[name] * seconds / load.clients))
    row = run_steps(target, load, count, partial(Usage, target.pid, backends))
    target.rates[name] = row["rps"]
    return {"scenario": name, "target": target.name, **row}
