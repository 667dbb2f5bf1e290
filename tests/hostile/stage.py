"""Where a family plays: the cluster, the daemon, and what its hostile clients need."""

import functools
import itertools
import queue
import socket
import subprocess
import threading

import resp
from cluster import HOST, LOOPBACK, PASSWORD
from proxy import binary, connect
from slots import slot_of
from waiting import wait_until

from .daemon import Daemon

NODE_ANSWER_SECONDS = 3
NODE_BACK_SECONDS = 30
CLIENT_SECONDS = 20
ERRAND_SECONDS = 60


class _Errand:
    def __init__(self, function):
        self._function = function
        self.done, self.error = threading.Event(), None

    def run(self):
        try:
            self._function()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error
        self.done.set()


class Stage:
    """`scale`: 1, or less for fewer clients and smaller requests. `seconds`: how long a family is at it."""

    def __init__(self, cluster, scale, seconds):
        self.cluster, self.scale, self.seconds = cluster, scale, seconds
        self.masters = cluster.first_masters
        self.daemon = None
        self._other_daemon = None
        self.stopping = threading.Event()  # the daemon has run away, or the time is over
        self._errands = queue.SimpleQueue()
        self._slots = [cluster.slots_of(master) for master in self.masters]

    def start_daemon(self, options, memory_limit_mb, place=LOOPBACK, nodes=None):
        self.stopping.clear()
        self.daemon = Daemon(nodes or self.cluster.addresses(), options, memory_limit_mb, place)

    def other_daemon(self):
        """One that no hostile client visits, in front of the same nodes; the same for all families."""
        if self._other_daemon is None:
            self._other_daemon = Daemon(self.cluster.addresses())
        return self._other_daemon

    def end(self):
        if self._other_daemon is not None:
            self._other_daemon.stop()

    def by_main_thread(self, function):
        """A process ends with the thread that has started it, and that of the hostile clients ends soon."""
        errand = _Errand(function)
        self._errands.put(errand)
        if not errand.done.wait(ERRAND_SECONDS):
            raise AssertionError("the main thread is busy")
        if errand.error is not None:
            raise errand.error

    def run_errands(self, seconds):
        """Of the main thread: what the hostile clients' asks for within this time."""
        try:
            self._errands.get(timeout=seconds).run()
        except queue.Empty:
            pass

    def scaled(self, count, least=1):
        return max(least, int(count * self.scale))

    def connect(self, password=PASSWORD, timeout=CLIENT_SECONDS):
        return connect(self.daemon, password, timeout)

    def connect_from(self, address, port, timeout=CLIENT_SECONDS):
        """A bare connection that comes from another address of this machine."""
        return socket.create_connection((HOST, port), timeout, source_address=(address, 0))

    def key(self, master, name):
        return next(self.keys(master, name))

    def keys(self, master, name):
        """Without end: keys that begin so, in many slots of the master with that number."""
        first, last = self._slots[master][0], self._slots[master][-1]
        return (key for key in (f"{name}:{number}" for number in itertools.count()) if first <= slot_of(key) <= last)

    def slot(self, master, number=0):
        return self._slots[master][number]

    def master_of(self, key):
        slot = slot_of(key)
        return next(node for node, slots in zip(self.masters, self._slots) if slots[0] <= slot <= slots[-1])

    def store(self, requests):
        """Writes past the daemon, whose memory shall not know; each request's second word is its key."""
        by_node = {}
        for request in requests:
            by_node.setdefault(self.master_of(request[1]), []).append(request)
        for node, mine in by_node.items():
            with node.connect(60) as connection:
                for begin in range(0, len(mine), 1000):
                    part = mine[begin:begin + 1000]
                    connection.send(resp.pack_all(part))
                    for _ in part:
                        reply = connection.read()
                        if isinstance(reply, resp.ReplyError):
                            raise reply

    def heal(self):
        """The cluster as it was at the beginning, whatever has been done to it; without keys."""
        for node in self.masters:
            if not node.alive or not self._answers(node):
                node.restart()
        wait_until(lambda: all(node.info("cluster-state")["cluster_state"] == "ok" for node in self.masters),
                   NODE_BACK_SECONDS, "every node to find the cluster complete")
        for node in self.masters:
            node.command("FLUSHALL")
            node.command("SCRIPT", "FLUSH")

    @staticmethod
    def _answers(node):
        node.cont()
        try:
            with node.connect(NODE_ANSWER_SECONDS) as connection:
                return connection.command("PING") == b"PONG"
        except OSError:
            return False


@functools.lru_cache(maxsize=None)
def _help():
    return subprocess.run([binary(), "--help"], capture_output=True, text=True, timeout=20, check=False).stdout


def knows_option(name):
    """Whether the daemon has such an option."""
    return f"--{name}" in _help()
