"""Who does not read what it asks for, or reads slowly."""

import hashlib
import socket
import time

import resp
from cluster import PASSWORD

from ..daemon import MIB
from ..family import Family, Flooding
from ..flood import Flood, repeated


class UnreadValues(Flooding):
    name = "unread-values"
    about = "20 clients pipeline GETs of 1 MB and never read"

    def prepare(self):
        self.keys = [self.stage.key(number % 3, f"unread{number}") for number in range(6)]
        self.stage.store([("SET", key, b"u" * MIB) for key in self.keys])

    def make_flood(self):
        gets = resp.pack_all([("GET", key) for key in self.keys])
        return Flood(self.stage, self.stage.scaled(20, 4), lambda: repeated(b"", gets), PASSWORD, again=True)


class SlowReader(Family):
    """The value does not fit into the hard limit; it has to arrive whole all the same."""

    name = "slow-reader"
    about = "GET of 30 MB by a client that reads 15 MB/s, with client-output-hard-limit 8mb"
    options = ("--client-output-soft-limit", "2mb", "--client-output-hard-limit", "8mb")
    parts, bytes_per_second = 3, 15_000_000
    once = True
    must_be_served = True
    PART = 10_000_000

    def prepare(self):
        self.key, size = self.stage.key(0, "slow"), self.parts * self.PART
        part = hashlib.sha512(b"slow").digest() * (self.PART // 64)
        checksum = hashlib.sha1(b"$%d\r\n" % size)
        for number in reversed(range(self.parts)):  # the last one first: the node makes room for all of it once
            self.stage.store([("SETRANGE", self.key, number * self.PART, part)])
            checksum.update(part)
        checksum.update(b"\r\n")
        self.checksum, self.reply_bytes = checksum.hexdigest(), size + len(b"$%d\r\n\r\n" % size)

    def act(self):
        with self.stage.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
            connection.send(resp.pack("GET", self.key))
            received, checksum, first = self._read(connection.socket)
        self.demand(received == self.reply_bytes,
                    f"closed after {received} of {self.reply_bytes} bytes, which began with {first!r}")
        if received == self.reply_bytes:
            self.demand(checksum == self.checksum, "the value came back changed")

    def _read(self, connection):
        """How many bytes came, their checksum, and the first of them."""
        received, checksum, first, begin = 0, hashlib.sha1(), b"", time.monotonic()
        while received < self.reply_bytes and not self.stage.stopping.is_set():
            try:
                piece = connection.recv(min(1 << 16, self.reply_bytes - received))
            except ConnectionResetError:
                break
            if not piece:
                break
            first = first or piece[:40]
            checksum.update(piece)
            received += len(piece)
            ahead = received / self.bytes_per_second - (time.monotonic() - begin)
            if ahead > 0.002:
                time.sleep(ahead)
            if first[:1] == b"-":
                break
        return received, checksum.hexdigest(), first


class HugeValues(SlowReader):
    name = "huge-values"
    about = "GET of 300 MB by a client that reads 100 MB/s, by default limits"
    options = ()
    parts, bytes_per_second = 30, 100_000_000
    memory_limit_mb = 600
    long_only = True


FAMILIES = (UnreadValues, SlowReader, HugeValues)
