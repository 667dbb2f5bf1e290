"""Who subscribes to very much."""

import statistics
import time

import resp
from cluster import PASSWORD

from ..family import Family, Flooding
from ..flood import Flood

PART = 1000


class LargeSubscribe(Flooding):
    name = "large-subscribe"
    about = "one SUBSCRIBE of 300,000 channels, and its client leaves"
    once = True

    def prepare(self):
        names = (f"hostile:channel:{number:07}" for number in range(self.stage.scaled(300_000)))
        self.subscribe = resp.pack("SUBSCRIBE", *names)

    def make_flood(self):
        return Flood(self.stage, 1, lambda: [self.subscribe], PASSWORD, reading=True)


class ManyPatterns(Family):
    name = "many-patterns"
    short = False
    about = "5,000 patterns by one client, PUBLISH by another"

    def begin(self):
        self.listener = self.stage.connect()
        self.publisher = self.stage.connect()
        count = self.stage.scaled(5000, PART)
        for begin in range(0, count, PART):
            self.listener.send(resp.pack("PSUBSCRIBE", *(f"hostile{number}:*" for number in range(begin, begin + PART))))
            for _ in range(PART):
                self.listener.read()
        self.listener.send(resp.pack("PSUBSCRIBE", "heard:*"))
        self.listener.read()

    def act(self):
        times = []
        for number in range(200):
            begin = time.monotonic()
            self.publisher.command("PUBLISH", "nobody:listens", "x" * (number % 10))
            times.append(time.monotonic() - begin)
        reached = self.publisher.command("PUBLISH", "heard:all", "x")
        self.demand(reached == 1, f"PUBLISH reached {reached} clients instead of 1")
        message = self.listener.read()
        self.demand(message == [b"pmessage", b"heard:*", b"heard:all", b"x"], f"the message was {message!r}")
        self.notes["PUBLISH µs"] = round(statistics.median(times) * 1e6)

    def leave(self):
        self.listener.close()
        self.publisher.close()


FAMILIES = (LargeSubscribe, ManyPatterns)
