"""Nodes that are slow, lose connections or have limits of their own."""

import threading
import time

import resp
from cluster import HOST

from ..family import Family
from ..forwarder import Forwarder


class StoppedMaster(Family):
    name = "stopped-master"
    about = "a master stopped for 1.5 s under 8 clients with 60 pipelined SETs of 500 KB each"
    spared = (0,)
    # Less than all that is sent: nobody is refused for it, reading stops.
    options = ("--link-max-in-flight-bytes", "8mb", "--hold-max-bytes", "8mb")
    once = True
    must_be_served = True
    LEAST_SECONDS, MOST_SECONDS, PART = 1.5, 6, 1 << 18

    def act(self):
        count = self.stage.scaled(60, 10)
        sets = [resp.pack("SET", self.stage.key(0, f"stopped{number}"), b"s" * 500_000) * count for number in range(8)]
        clients = [self.stage.connect(timeout=30) for _ in sets]
        node = self.stage.masters[0]
        self.sent = 0
        node.stop()
        try:
            for pair in zip(clients, sets):
                threading.Thread(target=self._send, args=pair, daemon=True).start()
            self._wait_until_no_more_is_taken()
        finally:
            node.cont()
        for client in clients:
            for _ in range(count):
                reply = client.read()
                self.demand(reply == b"OK", f"a SET was answered {reply!r}")
            client.close()

    def _wait_until_no_more_is_taken(self):
        """A busy machine needs longer for it."""
        begin, before = time.monotonic(), -1
        while time.monotonic() - begin < self.LEAST_SECONDS or before != self.sent:
            before = self.sent
            self.stage.stopping.wait(0.5)
            if time.monotonic() - begin > self.MOST_SECONDS or self.stage.stopping.is_set():
                return

    def _send(self, client, data):
        view = memoryview(data)
        try:
            while view:
                count = client.socket.send(view[:self.PART])
                view = view[count:]
                self.sent += count
        except OSError as error:
            self.turned_away(error)


class OutputLimitOfNode(Family):
    """The value itself cannot be had; that is for its client to know, not for others."""

    name = "node-output-limit"
    about = "a node with client-output-buffer-limit normal 10mb 0 0, and GET of 30 MB beside others"
    tolerated, tolerated_once = "-AMBIGUOUS ", True
    once = True

    def prepare(self):
        self.key = self.stage.key(0, "limited")
        self.stage.store([("SET", self.key, b"l" * 30_000_000)])
        self._set_limit("normal 10mb 0 0")

    def act(self):
        with self.stage.connect() as connection:
            connection.send(resp.pack("GET", self.key))
            reply = connection.read()
            if isinstance(reply, resp.ReplyError):
                self.notes["error"] = str(reply)
            else:
                self.demand(reply == b"l" * 30_000_000, f"GET was answered {str(reply)[:100]}")

    def finish(self):
        self._set_limit("normal 0 0 0")

    def _set_limit(self, limit):
        self.stage.masters[0].command("CONFIG", "SET", "client-output-buffer-limit", limit)


class DeadFlow(Family):
    """A firewall has forgotten the connections to one node; new ones are let through, and the node answers there."""

    name = "dead-flow"
    about = "all connections to one node fall silent, new ones work"
    options = ("--hold-timeout", "5s")
    p99_is_judged = False
    tolerated, tolerated_once = "-AMBIGUOUS ", True
    once = True

    def start(self):
        first, *others = self.stage.masters
        self.forwarder = Forwarder(first.host, first.port)
        self.options = (*type(self).options, "--address-map", f"{first.address}={HOST}:{self.forwarder.port}")
        self.stage.start_daemon(self.options, self.memory_limit_mb, nodes=[node.address for node in others])

    def act(self):
        lost = self.forwarder.lose_all()
        self.demand(lost > 0, "the daemon does not go through the forwarder")
        self.stage.stopping.wait(max(self.stage.seconds, 6))
        with self.stage.connect() as connection:
            connection.send(resp.pack("SET", self.stage.key(0, "silent"), "x"))
            reply = connection.read()
            self.demand(reply == b"OK", f"a SET for the node was answered {reply!r}")

    def finish(self):
        self.forwarder.close()


FAMILIES = (StoppedMaster, OutputLimitOfNode, DeadFlow)
