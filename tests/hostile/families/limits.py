"""Clients that want more than their limits: of a user, and of an address."""

import time

import resp

from ..family import Family, Flooding
from ..flood import Flood, repeated

REQUESTS_A_SECOND = 400
CLIENTS = 40
NIL_BYTES = len(b"$-1\r\n")


def hits(daemon, limit):
    return daemon.metric("slotless_limit_hits_total", limit=limit)


class _Greedy(Flooding):
    """20 clients of a user whose requests are limited pipeline without end."""

    action = ""

    def start(self):
        self.options = ("--users", f"user greedy on >greedy ~* +@all in-flight=50 requests-per-second={REQUESTS_A_SECOND} "
                                   f"limit-action={self.action}")
        super().start()

    def make_flood(self):
        login = resp.pack("AUTH", "greedy", "greedy")
        return Flood(self.stage, self.stage.scaled(20, 5), lambda: repeated(login, resp.pack("GET", "greed") * 500), reading=True)

    def begin(self):
        self.began = time.monotonic()
        super().begin()


class Delayed(_Greedy):
    name = "rate-delayed"
    about = "20 clients of a user with 400 requests a second pipeline without end, and wait"
    action = "delay"

    def leave(self):
        answered = self.flood.received // NIL_BYTES
        self.notes["answered"] = answered
        super().leave()
        self.demand(answered > 0, "nobody was served")
        # A second's worth at the beginning, and what was under way at the end.
        took = time.monotonic() - self.began
        self.demand(answered <= REQUESTS_A_SECOND * (took + 2) + 100, f"{answered} requests were answered within {took:.1f} s")
        self.demand(hits(self.daemon, "request_rate") > 0, "nobody has had to wait")


class Refused(_Greedy):
    name = "rate-refused"
    about = "20 clients of a user with 400 requests a second pipeline without end, and get errors"
    action = "error"

    def leave(self):
        super().leave()
        self.demand(hits(self.daemon, "request_rate") > 0, "nobody was refused")


class CrowdedAddress(Family):
    name = "crowded-address"
    about = "one address opens 500 connections where 40 may be, again and again, and another is served"
    options = ("--max-clients-per-address", str(CLIENTS))

    def act(self):
        crowd = []
        try:
            for _ in range(self.stage.scaled(500, 2 * CLIENTS)):
                crowd.append(self.stage.connect_from("127.0.0.2", self.daemon.port))
        except OSError as error:
            self.turned_away(error)
        with self.stage.connect() as neighbour:
            self.demand(neighbour.command("PING") == b"PONG", "another address is not served")
        for each in crowd:
            each.close()

    def leave(self):
        self.notes["refused"] = hits(self.daemon, "clients_per_address")
        self.demand(self.notes["refused"] > 0, "nobody was refused")


FAMILIES = (Delayed, Refused, CrowdedAddress)
