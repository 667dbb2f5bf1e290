"""Pipelines by TLS while certificates, their authority and the nodes' password are replaced over and over: no error, and no
memory that grows.

Runs for some seconds; SLOTLESS_SOAK_MINUTES makes it long (scripts/soak --tls).
"""

import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from certificates import Authority
from cluster import Cluster
from load import Load
from processes import memory_bytes
from proxy import SANITIZERS, STANDIN, Proxy
from rotation import Rotation

MINUTES = float(os.environ.get("SLOTLESS_SOAK_MINUTES", "0"))
CLIENTS = 6
DEPTH = 20
TURNS_OF_A_CONNECTION = 25
LONG_BREATH_SECONDS = 2  # between two changes of a long run
MOST_GROWTH = 1 << 20  # bytes of resident memory, between the end of the first quarter and the last one
MOST_GROWTH_SHORT = 8 << 20


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about the daemon, not about Redis")
    global cluster, rotation
    authority = Authority()
    cluster = Cluster(tls=authority)
    rotation = Rotation(authority, cluster)
    rotation.proxy = Proxy(cluster.addresses(), rotation.options(), password=None, listen="?tls=yes")


def tearDownModule():
    try:
        rotation.proxy.stop()
    finally:
        cluster.stop()


class Client:
    """A connection that is made anew every now and then."""

    def __init__(self):
        self._connection = rotation.connect()

    def pipeline(self, requests):
        self._connection.send(resp.pack_all(requests))
        return [self._connection.read() for _ in requests]

    def renew(self):
        self.close()
        self._connection = rotation.connect()

    def close(self):
        self._connection.close()


class Work:
    """What each client does, and how much of it has been done."""

    def __init__(self):
        self.counts = [0] * CLIENTS

    def step(self, client, number, turn):
        counter = f"soak-tls:{number}"
        requests = [words for i in range(DEPTH) for words in (("INCR", counter), ("SET", f"{counter}:{i}", turn),
                                                              ("GET", f"{counter}:{i}"))]
        begin = self.counts[number]
        wanted = [reply for i in range(DEPTH) for reply in (begin + i + 1, b"OK", b"%d" % turn)]
        replies = client.pipeline(requests)
        if replies != wanted:
            wrong = [(a, b) for a, b in zip(replies, wanted) if a != b]
            raise AssertionError(f"turn {turn} of client {number}: {wrong[0][0]!r} instead of {wrong[0][1]!r}")
        self.counts[number] += DEPTH
        if turn % TURNS_OF_A_CONNECTION == TURNS_OF_A_CONNECTION - 1:
            client.renew()


class Soak(unittest.TestCase):
    def test_certificates_and_passwords_change_under_load_without_an_error(self):
        proxy = rotation.proxy
        changes = (rotation.renew_certificates, rotation.replace_password, rotation.replace_authority,
                   rotation.cut_connections, lambda: proxy.child.signal(signal.SIGHUP))
        work = Work()
        resident = []
        begin = time.monotonic()
        rounds = 0
        with Load(Client, work.step, clients=CLIENTS) as load:
            while True:
                for change in changes:
                    change()
                    load.wait_for_progress(TURNS_OF_A_CONNECTION)
                    time.sleep(LONG_BREATH_SECONDS if MINUTES else 0)
                    self.assertIsNone(proxy.child.exit_code(), "the daemon ended")
                rounds += 1
                resident.append(memory_bytes(proxy.child.pid, "VmRSS"))
                if time.monotonic() >= begin + 60 * MINUTES:
                    break
        seconds = time.monotonic() - begin
        handshakes = {side: proxy.metric("slotless_tls_handshakes_total", side=side) for side in ("clients", "nodes")}
        quarter = max(1, len(resident) // 4)
        warm, late = max(resident[:quarter + 1]), max(resident[-quarter:])
        print(f"\n  {sum(work.counts) * 3} requests in {seconds:.0f} s, {rounds} rounds of changes, handshakes {handshakes}, "
              f"resident {resident[0] >> 10} KiB first, {warm >> 10} warm, {late >> 10} late", file=sys.stderr)
        for side, failures in ((side, proxy.metric("slotless_tls_failures_total", side=side)) for side in ("clients", "nodes")):
            self.assertEqual(failures, 0, side)
        self.assertEqual(proxy.metric("slotless_ambiguous_writes_total"), 0)
        if not SANITIZERS:
            self.assertLess(late - warm, MOST_GROWTH if MINUTES else MOST_GROWTH_SHORT)


if __name__ == "__main__":
    fixture.main()
