"""Connections by the thousand, and clients that leave in the middle of everything."""

import contextlib
import socket
import struct
import time

import resp
from cluster import PASSWORD
from soak_visits import LARGE, LARGE_KEY, MARKERS, STATES

from ..family import Family

_RESET = struct.pack("ii", 1, 0)


class Leavers(Family):
    name = "leavers"
    about = "clients in every state (of the soak) leave with RST"

    def prepare(self):
        self.stage.store([("SET", LARGE_KEY, LARGE), *(("SET", marker, "x") for marker in MARKERS)])

    def act(self):
        for state in STATES.values():
            clients = [self.stage.connect() for _ in range(self.stage.scaled(8, 2))]
            for number, client in enumerate(clients):
                client.send(state)
                if number % 2:
                    self.stage.stopping.wait(0.005)  # so that it has been read
            for client in clients:
                client.reset()


class ResetConnects(Family):
    name = "connects"
    about = "10,000 connections, each with a PING, that end with RST at once"
    once = True

    def act(self):
        for number in range(self.stage.scaled(10_000)):
            if self.stage.stopping.is_set():
                return
            connection = socket.create_connection((self.daemon.host, self.daemon.port), 10)
            if number % 2:
                connection.sendall(b"PING\r\n")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.close()


class IdleClients(Family):
    name = "idle-clients"
    about = "9,000 clients that are idle after one GET, and each is still served at the end"
    once = True
    must_be_served = True

    def begin(self):
        self.clients = []
        for _ in range(self.stage.scaled(9000)):
            self.clients.append(self.stage.connect(None))
            self.clients[-1].send(resp.pack_all([("AUTH", PASSWORD), ("GET", "idle")]))

    def act(self):
        for replies in ([b"OK", None], [b"PONG"]):
            for client in self.clients:
                got = [client.read() for _ in replies]
                self.demand(got == replies, f"an idle client got {got}")
            for client in self.clients:
                client.send(resp.pack("PING"))
        begin = time.monotonic()
        self.clients[0].read()
        self.clients[0].command("INFO")
        self.notes["INFO ms"] = round((time.monotonic() - begin) * 1000)

    def leave(self):
        for client in self.clients:
            client.close()


class ManyListed(Family):
    """What is said of all clients is put together while they wait."""

    name = "info"
    about = "4,000 clients, and one that asks for INFO, CLIENT LIST and PROXY STATS all the time"
    must_be_served = True

    def begin(self):
        self.clients = [self.stage.connect() for _ in range(self.stage.scaled(4000))]

    def act(self):
        with self.stage.connect() as asker:
            for _ in range(10):
                asker.send(resp.pack_all([("INFO",), ("INFO", "clients"), ("CLIENT", "LIST"), ("PROXY", "STATS")]))
                begin = time.monotonic()
                replies = [asker.read() for _ in range(4)]
                self.demand(replies[2].count(b"\n") > len(self.clients), "CLIENT LIST does not list all")
                self.notes["slowest ms"] = max(self.notes.get("slowest ms", 0), round((time.monotonic() - begin) * 1000))

    def leave(self):
        for client in self.clients:
            client.close()


class IdleWatchers(Family):
    """More of them than there are leases: who comes later has a right to one, too."""

    name = "idle-watchers"
    about = "1,000 clients WATCH a key and do nothing more; another one wants to WATCH"
    once = True
    must_be_served = True

    def start(self):
        if self.stage.scale < 1:
            self.options = ("--lease-max-transactions", str(self.stage.scaled(500, 20)))
        super().start()

    def begin(self):
        self.clients = [self.stage.connect() for _ in range(self.stage.scaled(1000, 60))]
        for number, client in enumerate(self.clients):
            client.send(resp.pack("WATCH", self.stage.key(number % 3, f"idle{number}")))
        self.stage.stopping.wait(1)

    def act(self):
        for _ in range(2):  # one for each worker
            with self.stage.connect() as client:
                if client.command("WATCH", "newcomer") != b"OK":
                    return
                client.send(resp.pack_all([("GET", "newcomer"), ("MULTI",), ("INCR", "newcomer"), ("EXEC",)]))
                replies = [client.read() for _ in range(4)]
                self.demand(isinstance(replies[-1], list), f"the newcomer's EXEC was answered {replies[-1]!r}")

    def leave(self):
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.close()


FAMILIES = (Leavers, ResetConnects, IdleClients, ManyListed, IdleWatchers)
