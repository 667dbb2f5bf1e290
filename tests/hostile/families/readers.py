"""Who does not read what it asks for, or reads slowly."""

import hashlib
import socket
import time

import resp
from cluster import PASSWORD

from ..daemon import MIB
from ..family import Family, Flooding
from ..flood import Flood, repeated

BYTES_PER_SECOND = 15_000_000


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
    value_bytes = 30_000_000
    once = True
    must_be_served = True

    def prepare(self):
        self.size = self.stage.scaled(self.value_bytes, 20_000_000)
        self.key = self.stage.key(0, "slow")
        self.value = (hashlib.sha512(b"slow").digest() * (self.size // 64 + 1))[:self.size]
        self.stage.store([("SET", self.key, self.value)])
        self.checksum = hashlib.sha1(self.value).hexdigest()

    def act(self):
        with self.stage.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
            connection.send(resp.pack("GET", self.key))
            got = read_slowly(connection.socket, self.size, self.stage)
        self.demand(len(got) == self.size, f"closed after {len(got)} of {self.size} bytes")
        if len(got) == self.size:
            self.demand(hashlib.sha1(got).hexdigest() == self.checksum, "the value came back changed")


class HugeValues(SlowReader):
    name = "huge-values"
    about = "GET of 300 MB by a client that reads 150 MB/s, by default limits"
    options = ()
    value_bytes = 300_000_000
    memory_limit_mb = 600
    long_only = True

    def act(self):
        with self.stage.connect() as connection:
            connection.send(resp.pack("GET", self.key))
            got = read_slowly(connection.socket, self.size, self.stage, 10 * BYTES_PER_SECOND)
        self.demand(len(got) == self.size, f"closed after {len(got)} of {self.size} bytes")


def read_slowly(connection, size, stage, rate=BYTES_PER_SECOND):
    """What comes of a bulk string of so many bytes, without its frame; what was sent instead of it is part of it."""
    header = b"$%d\r\n" % size
    wanted, begin = len(header) + size + 2, time.monotonic()
    data = bytearray()
    while len(data) < wanted and not stage.stopping.is_set():
        try:
            piece = connection.recv(min(1 << 16, wanted - len(data)))
        except ConnectionResetError:
            break
        if not piece:
            break
        data += piece
        ahead = len(data) / rate - (time.monotonic() - begin)
        if ahead > 0.002:
            time.sleep(ahead)
    if data[:1] != b"$":
        return bytes(data)
    return bytes(data[len(header):len(header) + size])


FAMILIES = (UnreadValues, SlowReader, HugeValues)
