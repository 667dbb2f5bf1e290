"""The well-behaved client, a process of its own: SET, GET and INCR, one at a time on each of its connections.

Its argument is JSON (bystander.Bystander writes it). Each answered request is a record of two doubles on stdout: when it was
sent (CLOCK_MONOTONIC) and the seconds until its reply. What went wrong is a line of JSON on stderr: [when, connection, text].
While a request waits, those that would have been due do not come: a record of each is made all the same, as late as it would
have been.
"""

import collections
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

from resp import pack

RECORD = struct.Struct("<dd")
REPLY_SECONDS = 30
# Whoever waits for so long has given up, whatever a busy machine may explain.
LATE_SECONDS = 10
FLUSH_SECONDS = 0.05
RECONNECT_SECONDS = 0.2


class Steady(threading.Thread):
    """One connection, whose keys are its own."""

    def __init__(self, number, plan):
        super().__init__(daemon=True)
        self.samples, self.problems = collections.deque(), collections.deque()
        self.pending_since = None
        self._number, self._plan = number, plan
        self._socket = None
        self._keys = [f"{key}:{number}" for key in plan["keys"]]
        self._values = {}
        self._counters = {}  # None, where an error left it open

    def run(self):
        due, turn = time.monotonic(), 0
        while True:
            time.sleep(max(0, due - time.monotonic()))
            begin = self.pending_since = time.monotonic()
            try:
                if self._socket is None:
                    self._connect()
                if self._turn(turn):
                    self._record(begin, time.monotonic())
            except OSError as error:
                self._problem(f"closed: {error!r}" if not isinstance(error, ConnectionRefusedError) else "refused")
                self._close()
                time.sleep(RECONNECT_SECONDS)
            self.pending_since = None
            due = max(begin + self._plan["interval"], time.monotonic())
            turn += 1

    def _record(self, begin, end):
        if end - begin > LATE_SECONDS:
            self._problem(f"answered after {end - begin:.0f} s")
        while begin < end:
            self.samples.append((begin, end - begin))
            begin += self._plan["interval"]

    def _turn(self, turn):
        """Whether there was something to ask."""
        key = self._keys[turn // 3 % len(self._keys)]
        if turn % 3 == 0:
            self._values[key] = b"%d" % turn
            self._expect(pack("SET", key, self._values[key]), b"+OK\r\n", key)
        elif turn % 3 == 1:
            value = self._values[key]
            if value is None:
                return False  # it may or may not have been set
            self._expect(pack("GET", key), b"$%d\r\n%s\r\n" % (len(value), value), key)
        else:
            self._increment(key + ":count")
        return True

    def _increment(self, key):
        before = self._counters.get(key)
        if before is None:
            reply = self._ask(pack("INCR", key), None)
            self._counters[key] = int(reply[1:]) if reply[:1] == b":" else None
            if self._counters[key] is None:
                self._problem(reply.decode(errors="replace").strip())
            return
        self._counters[key] = before + 1
        self._expect(pack("INCR", key), b":%d\r\n" % (before + 1), key)

    def _expect(self, request, expected, key):
        try:
            reply = self._ask(request, expected)
        except OSError:
            self._forget(key)
            raise
        if reply != expected:
            self._forget(key)
            text = reply.decode(errors="replace").strip()
            self._problem(text if reply[:1] == b"-" else f"{request!r} was answered {text!r}, not {expected!r}")

    def _forget(self, key):
        self._values[key] = self._counters[key] = None

    def _ask(self, request, expected):
        """`expected` tells when a reply of several lines is whole."""
        self._socket.sendall(request)
        reply = b""
        while True:
            data = self._socket.recv(4096)
            if not data:
                raise ConnectionError("the connection was closed")
            reply += data
            whole = reply.endswith(b"\r\n")
            if whole and (expected is None or len(reply) >= len(expected) or reply[:1] != b"$"):
                return reply
            if whole and reply.count(b"\r\n") == 2:
                return reply

    def _connect(self):
        self._socket = socket.create_connection((self._plan["host"], self._plan["port"]), REPLY_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._plan["password"] is not None:
            reply = self._ask(pack("AUTH", self._plan["password"]), None)
            if reply != b"+OK\r\n":
                raise ConnectionError(f"AUTH was answered {reply!r}")
        # What was there before, perhaps by an earlier bystander.
        self._values = dict.fromkeys(self._keys)
        self._counters.clear()

    def _close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _problem(self, text):
        self.problems.append((time.monotonic(), self._number, text))


def main(plan):
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    clients = []
    for number in range(plan["connections"]):
        clients.append(Steady(number, plan))
        clients[-1].start()
        time.sleep(0.05)  # one after another, so that each gets a worker of its own
    while not stopping.is_set():
        stopping.wait(FLUSH_SECONDS)
        write(clients)
    now = time.monotonic()
    for number, client in enumerate(clients):
        since = client.pending_since
        if since is not None and now - since > LATE_SECONDS / 2:
            client.problems.append((now, number, f"unanswered for {now - since:.1f} s"))
    write(clients)
    os._exit(0)


def write(clients):
    for client in clients:
        while client.samples:
            sys.stdout.buffer.write(RECORD.pack(*client.samples.popleft()))
        while client.problems:
            print(json.dumps(client.problems.popleft()), file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
