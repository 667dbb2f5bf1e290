"""Who makes the daemon hold things: each way to fill it, against memory-limit."""

import resp
from cluster import PASSWORD
from slots import key_in

from ..daemon import MEMORY_COUNTED, MIB
from ..family import Family, Flooding
from ..flood import Flood, repeated

PART = 10_000


class QueuedEchoes(Family):
    name = "queued-echoes"
    about = "MULTI and 200 × ECHO of 500 KB by 4 clients, with client-query-buffer-limit 1mb"
    options = ("--client-query-buffer-limit", "1mb", "--proto-max-bulk-len", "1mb")
    once = True
    COUNT = 200

    def begin(self):
        self.clients = []

    def act(self):
        echo = resp.pack("ECHO", b"e" * 500_000)
        for _ in range(self.stage.scaled(4)):
            client = self.stage.connect()
            self.clients.append(client)
            client.command("MULTI")
            self.demand(self._queued(client, echo) < self.COUNT, f"all {self.COUNT} were QUEUED")

    def _queued(self, client, echo):
        try:
            for number in range(self.COUNT):
                if self.stage.stopping.is_set():
                    return number
                client.send(echo)
                if client.read() != b"QUEUED":
                    return number
        except ConnectionError:
            return number
        return self.COUNT

    def leave(self):
        for client in self.clients:
            client.close()


class QueuedPings(Flooding):
    name = "queued-pings"
    short = False
    about = "MULTI and 3 million PINGs by one client"
    once = True

    def make_flood(self):
        pings, times = resp.pack("PING") * PART, self.stage.scaled(3_000_000) // PART
        return Flood(self.stage, 1, lambda: repeated(resp.pack("MULTI"), pings, times), PASSWORD, reading=True)


class EmptyArguments(Flooding):
    name = "empty-arguments"
    short = False
    about = "an unfinished MGET of 12 million empty arguments"
    once = True

    def make_flood(self):
        times = self.stage.scaled(12_000_000) // PART
        head = b"*%d\r\n$4\r\nMGET\r\n" % (times * PART + 2)
        return Flood(self.stage, 1, lambda: repeated(head, b"$0\r\n\r\n" * PART, times), PASSWORD)


class LargeNames(Family):
    name = "large-names"
    about = "500 clients with a name of 1 MB each"
    once = True

    def begin(self):
        self.clients = []

    def act(self):
        name = resp.pack("CLIENT", "SETNAME", b"n" * MIB)
        for _ in range(self.stage.scaled(500, 20)):
            if self.stage.stopping.is_set():
                return
            client = self.stage.connect()
            self.clients.append(client)
            client.send(name)
            self.demand(isinstance(client.read(), resp.ReplyError), "a name of 1 MB was accepted")

    def leave(self):
        for client in self.clients:
            client.close()


class ManyChannels(Flooding):
    name = "many-channels"
    short = False
    about = "200,000 channels by one client, 100 in each SUBSCRIBE"
    once = True

    def make_flood(self):
        count = self.stage.scaled(200_000)
        return Flood(self.stage, 1, lambda: subscriptions(count), PASSWORD, reading=True)


def subscriptions(count):
    for begin in range(0, count, 100):
        yield resp.pack("SUBSCRIBE", *(f"hostile:channel:{number:07}" for number in range(begin, begin + 100)))


class ManyWatches(Family):
    """In one slot, as all keys of a WATCH: a node looks each one up among all that are watched already."""

    name = "many-watches"
    about = "WATCH of 300,000 keys"
    once = True

    def prepare(self):
        count = self.stage.scaled(300_000, 100_000)
        self.watch = resp.pack("WATCH", *(key_in(self.stage.slot(0), str(number)) for number in range(count)))

    def act(self):
        with self.stage.connect() as connection:
            connection.send(self.watch)
            connection.read()


class ManyScripts(Family):
    name = "many-scripts"
    short = False
    about = "100,000 EVALs of different small texts"
    once = True

    def act(self):
        count = self.stage.scaled(100_000)
        with self.stage.connect() as connection:
            for begin in range(0, count, 1000):
                numbers = range(begin, begin + 1000)
                connection.send(resp.pack_all([("EVAL", f"return {number}", 0) for number in numbers]))
                for number in numbers:
                    reply = connection.read()
                    self.demand(reply == number, f"EVAL was answered {reply!r}")


class Sorter(Family):
    name = "sort"
    short = False
    about = "SORT with 100,000 look-ups in all slots"

    def prepare(self):
        self.count = self.stage.scaled(100_000)
        self.list = self.stage.key(1, "sort")
        numbers = list(range(self.count))
        self.stage.store([("RPUSH", self.list, *numbers[begin:begin + PART]) for begin in range(0, self.count, PART)])
        self.stage.store([("SET", f"sort:weight:{number}", self.count - number) for number in numbers])

    def act(self):
        with self.stage.connect() as connection:
            connection.send(resp.pack("SORT", self.list, "BY", "sort:weight:*"))
            reply = connection.read()
            self.demand(isinstance(reply, list) and len(reply) == self.count and reply[0] == b"%d" % (self.count - 1),
                        f"SORT was answered {str(reply)[:100]}")


class ToldMemory(Family):
    name = "told-memory"
    about = "clients hold 60 MB in five ways, and PROXY MEMORY has to add up to what is resident"
    once = True
    must_be_served = True
    TOLERANCE = 0.10

    def begin(self):
        self.clients = []

    def act(self):
        self._hold(b"*2\r\n$3\r\nGET\r\n$50000000\r\n" + b"x" * 12_000_000)
        self._hold(b"*2000000\r\n$4\r\nMGET\r\n" + b"$0\r\n\r\n" * 1_000_000)
        self._hold(resp.pack("MULTI") + resp.pack("ECHO", b"e" * 500_000) * 24)
        self._hold(resp.pack("MULTI") + resp.pack("PING") * 80_000)
        names = [f"told:{number}" for number in range(10_000)]
        self._hold(resp.pack("SUBSCRIBE", *names))
        self.stage.stopping.wait(2)  # the workers tell once a second
        with self.stage.connect() as client:
            lines = dict(line.split(":", 1) for line in client.command("PROXY", "MEMORY").decode().split())
        resident, told = int(lines["resident_bytes"]), int(lines["program_bytes"]) + int(lines["heap_bytes"])
        self.notes["told"] = f"{told / resident:.2f} of {resident >> 20} MiB"
        if MEMORY_COUNTED:
            self.demand(abs(told - resident) <= self.TOLERANCE * resident, f"PROXY MEMORY tells {told} of {resident} bytes: {lines}")
            rest = int(lines["heap_rest_bytes"])
            self.demand(rest <= self.TOLERANCE * resident + 8 * MIB, f"PROXY MEMORY does not say what {rest} bytes are for: {lines}")

    def _hold(self, data):
        client = self.stage.connect()
        self.clients.append(client)
        client.send(data)

    def leave(self):
        for client in self.clients:
            client.close()


FAMILIES = (QueuedEchoes, QueuedPings, EmptyArguments, LargeNames, ManyChannels, ManyWatches, ManyScripts, Sorter, ToldMemory)
