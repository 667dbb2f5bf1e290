"""Who asks for much work at once."""

import itertools

import resp
from cluster import PASSWORD
from slots import key_in

from ..family import Family, Flooding
from ..flood import Flood
from ..stage import CLIENT_SECONDS

MILLION = 1_000_000
PART = 10_000


class FirstMget(Family):
    """As the daemon has no RESP3 links yet, all of its parts have to wait for them."""

    name = "first-mget"
    about = "MGET of 20,000 keys right behind HELLO 3, the first one of its worker"
    once = True
    must_be_served = True

    def act(self):
        count = 20_000
        for _ in range(2):  # one for each worker
            with self.stage.connect() as connection:
                connection.send(resp.pack_all([("HELLO", "3"), ("MGET", *(f"first:{number}" for number in range(count)))]))
                connection.read()
                reply = connection.read()
                self.demand(isinstance(reply, list) and len(reply) == count, f"MGET was answered {str(reply)[:100]}")


class OneLargeRequest(Family):
    """`request` once in each window, whose reply is `reply_bytes` long if it is served; it need not be."""

    once = True

    def ask(self, request, reply_bytes):
        with self.stage.connect() as connection:
            connection.send(request)
            received, begin = 0, b""
            while received < reply_bytes:
                data = connection.socket.recv(1 << 18)
                if not data:
                    break
                begin = begin or data[:200]
                received += len(data)
                if begin[:1] == b"-":
                    break
            self.notes["answer"] = "whole" if received == reply_bytes else f"{received} bytes: {begin[:60]!r}"


class MillionGets(OneLargeRequest):
    name = "mget-million"
    short = False
    about = "MGET of a million keys, none of which exists"

    def prepare(self):
        self.count = self.stage.scaled(MILLION)
        self.request = resp.pack("MGET", *(f"million:{number}" for number in range(self.count)))

    def act(self):
        self.ask(self.request, len(b"*%d\r\n" % self.count) + self.count * len(b"$-1\r\n"))


class MillionDeletes(OneLargeRequest):
    name = "del-million"
    short = False
    about = "DEL of a million keys, none of which exists"

    def prepare(self):
        self.request = resp.pack("DEL", *(f"million:{number}" for number in range(self.stage.scaled(MILLION))))

    def act(self):
        self.ask(self.request, len(b":0\r\n"))


class MillionSets(Flooding):
    """The node itself takes its time for these: who uses it waits as with one Redis."""

    name = "exec-million"
    short = False
    about = "MULTI, a million SETs of one slot, EXEC"
    spared = (0,)
    once = True

    def make_flood(self):
        count = self.stage.scaled(MILLION)
        return Flood(self.stage, 1, lambda: transaction(self.stage.slot(0), count), PASSWORD, reading=True)


def transaction(slot, count):
    key = key_in(slot, "set:")
    yield resp.pack("MULTI")
    for begin in range(0, count, PART):
        yield resp.pack_all([("SET", f"{key}{number}", "x") for number in range(begin, begin + PART)])
    yield resp.pack("EXEC")


class DownMaster(Family):
    """What is for the lost master waits for it, however much of it there is and whoever asks; nobody else notices."""

    name = "down-master"
    about = "one master down, and 4 MGETs of 4,500 of its keys each by one client, while others write"
    spared = (0,)
    once = True
    must_be_served = True
    KEYS = 4_500

    def act(self):
        keys = list(itertools.islice(self.stage.keys(0, "down"), self.KEYS))
        node = self.stage.masters[0]
        node.kill()
        try:
            with self.stage.connect() as greedy, self.stage.connect() as modest:
                greedy.send(resp.pack_all([("MGET", *keys)] * 4))
                self.stage.stopping.wait(1)
                modest.send(resp.pack("SET", keys[0], "modest"))
                self._must_wait(modest)
                self.stage.by_main_thread(node.restart)
                self.demand(modest.read() == b"OK", "SET failed when the master was back")
                replies = [greedy.read() for _ in range(4)]
                for reply in replies:
                    self.demand(isinstance(reply, list) and len(reply) == self.KEYS,
                                f"MGET of a lost master's keys was answered {str(reply)[:100]}")
        finally:
            if not node.alive:
                self.stage.by_main_thread(node.restart)

    def _must_wait(self, modest):
        modest.socket.settimeout(1)
        try:
            self.problem(f"another client's SET for the lost master was answered {modest.read()!r} at once")
            modest.send(resp.pack("PING"))
        except TimeoutError:
            pass
        modest.socket.settimeout(CLIENT_SECONDS)


FAMILIES = (FirstMget, MillionGets, MillionDeletes, MillionSets, DownMaster)
