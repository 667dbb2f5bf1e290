"""What surrounds the process: its descriptors, its stderr, its admin port and its signals."""

import contextlib
import signal
import sys

import resp
from cluster import HOST, PASSWORD, Place

from ..family import Family

# Becomes the daemon with a stderr that nobody reads and that has room for a few lines only.
_DEAF_STDERR = """
import os, sys
reading, writing = os.pipe()
os.set_inheritable(reading, True)
os.set_blocking(writing, False)
try:
    while True:
        os.write(writing, b"x" * 4096)
except BlockingIOError:
    pass
os.read(reading, int(sys.argv[1]))
os.set_blocking(writing, True)
os.dup2(writing, 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
ROOM_BYTES = 4096


class DeafStderr(Family):
    name = "deaf-stderr"
    about = "stderr is a pipe that nobody reads; strangers send wrong passwords, SIGHUP writes its lines"
    place = Place(HOST, (sys.executable, "-c", _DEAF_STDERR, str(ROOM_BYTES)))

    def begin(self):
        # Each from an address of its own: after a failure the next login from the same one waits.
        self.addresses = (f"127.1.{high}.{low}" for high in range(256) for low in range(1, 255))

    def act(self):
        for _ in range(20):
            self.daemon.child.signal(signal.SIGHUP)
            with contextlib.closing(resp.Connection(HOST, self.daemon.port, None, 5, source=next(self.addresses))) as stranger:
                reply = stranger.error("AUTH", "wrong")
                self.demand(str(reply).startswith("WRONGPASS"), f"AUTH was answered {reply!r}")
            self.stage.stopping.wait(0.02)


class FewDescriptors(Family):
    name = "few-descriptors"
    about = "ulimit -n 256, and 300 clients"
    place = Place(HOST, ("prlimit", "--nofile=256:256"))
    once = True
    COUNT = 300

    def begin(self):
        self.clients = []

    def act(self):
        for _ in range(self.COUNT):
            client = self.stage.connect(None, timeout=3)
            self.clients.append(client)
            client.send(resp.pack_all([("AUTH", PASSWORD), ("GET", "few")]))
        served = refused = hanging = 0
        for client in self.clients:
            try:
                reply = client.read()
                if reply == b"OK":
                    served += client.read() is None
                else:
                    refused += "max number of clients" in str(reply)
            except TimeoutError:
                hanging += 1
                client.socket.settimeout(0.05)
            except ConnectionError:
                refused += 1
            if hanging > 3:
                for other in self.clients:
                    other.socket.settimeout(0.05)
        self.notes["served"], self.notes["refused"] = served, refused
        self.demand(hanging == 0, f"{hanging} of {self.COUNT} clients are neither served nor refused")
        self.demand(served > 0 and served + refused + hanging == self.COUNT, f"only {served} served and {refused} refused")

    def leave(self):
        for client in self.clients:
            client.close()


class SlowAdmin(Family):
    """They come from another address than the probe, as strangers do."""

    name = "slow-admin"
    about = "60 connections to the admin port send a byte at a time"
    ADDRESS = "127.0.0.2"
    least_seconds = 8

    def begin(self):
        self.connections = []
        for _ in range(60):
            with contextlib.suppress(OSError):
                connection = self.stage.connect_from(self.ADDRESS, self.daemon.admin_port, timeout=3)
                connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
                self.connections.append(connection)

    def act(self):
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.send(b"x")
        self.stage.stopping.wait(0.3)

    def leave(self):
        for connection in self.connections:
            connection.close()


class Reloads(Family):
    name = "reloads"
    short = False
    about = "SIGHUP 20 times a second under load"
    must_be_served = True

    def begin(self):
        self.client = self.stage.connect()

    def act(self):
        self.daemon.child.signal(signal.SIGHUP)
        self.client.send(resp.pack_all([("INCR", f"reloads:{number}") for number in range(50)]))
        replies = [self.client.read() for _ in range(50)]
        self.demand(all(isinstance(reply, int) for reply in replies), f"INCR was answered {replies[0]!r}")
        self.stage.stopping.wait(0.04)

    def leave(self):
        self.client.close()


class Ended(Family):
    """Whoever is there cannot keep it from ending; then the same daemon is started again."""

    name = "sigterm"
    about = "SIGTERM among strangers, blocked clients, half requests and clients that do not read"
    options = ("--shutdown-timeout", "2s")
    tolerated = "closed|refused|unanswered|answered after"
    once = True
    ends_daemon = True
    p99_is_judged = False

    def prepare(self):
        self.key = self.stage.key(0, "ended")
        self.stage.store([("SET", self.key, b"e" * 1_000_000)])

    def begin(self):
        states = (resp.pack("BLPOP", "{ended}none", "0"), b"*2\r\n$3\r\nGET\r\n$100\r\nhalf", resp.pack("GET", self.key) * 50,
                  resp.pack_all([("WATCH", "a"), ("MULTI",), ("GET", "a")]), resp.pack("SUBSCRIBE", "ended"), b"")
        self.clients = [self.stage.connect() for _ in range(self.stage.scaled(60, 12))]
        self.clients += [self.stage.connect(None) for _ in range(self.stage.scaled(60, 12))]
        for number, client in enumerate(self.clients):
            client.send(states[number % len(states)])
        self.stage.stopping.wait(0.3)

    def act(self):
        self.daemon.stop()
        self.stage.by_main_thread(self.daemon.start_again)

    def leave(self):
        for client in self.clients:
            client.close()


FAMILIES = (DeafStderr, FewDescriptors, SlowAdmin, Reloads, Ended)
