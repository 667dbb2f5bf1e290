"""Asks the nodes themselves, many times a second, who owns a slot: tells when the cluster had a new master."""

import threading
import time

import resp

POLL_SECONDS = 0.02
ANSWER_SECONDS = 0.25


class OwnerWatch:
    """Use it in a `with`. A new master counts from the first moment at which it says so itself."""

    def __init__(self, nodes, slot):
        self._nodes = list(nodes)
        self._slot = slot
        self._connections = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._claims = {}  # node → when it first said that it owns the slot

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        for connection in self._connections.values():
            connection.close()

    def claimed_at(self, node):
        """None if it never said so."""
        return self._claims.get(node)

    def _run(self):
        while not self._stopping.is_set():
            for node in self._nodes:
                if node not in self._claims and node.alive and self._claims_slot(node):
                    self._claims[node] = time.monotonic()
            self._stopping.wait(POLL_SECONDS)

    def _claims_slot(self, node):
        try:
            if node not in self._connections:
                self._connections[node] = node.connect(ANSWER_SECONDS)
            for first, last, owner, *_ in self._connections[node].command("CLUSTER", "SLOTS"):
                if first <= self._slot <= last:
                    return owner[2].decode() == node.id
        except (OSError, resp.ReplyError):
            connection = self._connections.pop(node, None)
            if connection is not None:
                connection.close()
        return False
