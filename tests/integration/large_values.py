"""Large values and slow readers: what is in flight may be large, the daemon's memory may not."""

import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from processes import MEMORY_IS_VISIBLE
from proxy import SANITIZERS, STANDIN
from waiting import wait_until

MIB = 1024 * 1024
LARGE = 64 * MIB
# The request is buffered whole before it is sent on, and a growing buffer may be held twice for a moment.
LARGE_BOUND = 3 * LARGE + 100 * MIB
REPLY_BYTES = 10_000
REPLIES = 20_000
SLOW_READER_BOUND = 100 * MIB


def setUpModule():
    global site
    site = fixture.open_site(options=["--client-output-hard-limit", "64mb"])


def tearDownModule():
    fixture.close_site()


class LargeValues(unittest.TestCase):
    def peak_stays_below(self, bound, what):
        if not MEMORY_IS_VISIBLE:
            self.skipTest("all values were right; memory cannot be measured without /proc")
        peak = site.proxy.child.memory_bytes("VmHWM")
        print(f"\n  peak memory with {what}: {peak / MIB:.1f} MiB, bound {bound / MIB:.0f} MiB", file=sys.stderr)
        if not STANDIN and not SANITIZERS:
            self.assertLess(peak, bound)

    def test_64_mib_are_set_and_got_within_bounded_memory(self):
        pattern = bytes(range(256)) * 4096
        value = b"".join(bytes([i]) + pattern[1:] for i in range(LARGE // len(pattern)))
        client = site.client()
        if MEMORY_IS_VISIBLE:
            site.proxy.child.reset_peak_memory()
        self.assertTrue(client.set("large:a", value))
        self.assertEqual(client.strlen("large:a"), LARGE)
        self.assertTrue(client.get("large:a") == value, "the value came back changed")
        self.assertEqual(client.delete("large:a"), 1)
        self.peak_stays_below(LARGE_BOUND, "a 64 MiB value")

    def test_sizes_around_buffer_limits_survive(self):
        with site.connect() as connection:
            bases = (0, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20)
            for size in sorted({max(0, base + step) for base in bases for step in (-3, -2, -1, 0, 1, 2)}):
                value = (b"%d:" % size * (size // 2 + 1))[:size]
                self.assertEqual(connection.raw("SET", "sizes:a", value), b"+OK\r\n")
                self.assertTrue(connection.command("GET", "sizes:a") == value, size)

    def test_large_and_small_replies_interleave_in_order(self):
        large = b"L" * (4 * MIB)
        with site.connect() as connection:
            connection.command("SET", "interleave:large", large)
            connection.send(b"".join(resp.pack("GET", "interleave:large") + resp.pack("ECHO", i) for i in range(10)))
            for i in range(10):
                self.assertTrue(connection.read() == large)
                self.assertEqual(connection.read(), b"%d" % i)

    def test_a_client_that_dies_while_a_large_reply_comes_harms_nobody(self):
        with site.connect() as survivor:
            survivor.command("SET", "abandoned:large", b"A" * (8 * MIB))
            for _ in range(5):
                with site.connect() as dying:
                    dying.send(resp.pack("GET", "abandoned:large") * 3)
                    self.assertTrue(dying.socket.recv(1000).startswith(b"$8388608\r\nAAA"))
                    dying.reset()
                self.assertEqual(survivor.command("GETRANGE", "abandoned:large", "0", "3"), b"AAAA")


@unittest.skipUnless(MEMORY_IS_VISIBLE, "memory cannot be measured without /proc")
class SlowReader(unittest.TestCase):
    def test_a_pipeline_of_200_mb_of_unread_replies_costs_bounded_memory(self):
        with site.connect() as other, site.connect(timeout=60) as slow:
            for i in range(10):
                other.command("SET", f"slow:{i}", bytes([48 + i]) * REPLY_BYTES)
            before = site.proxy.child.memory_bytes("VmRSS")
            site.proxy.child.reset_peak_memory()
            requests = b"".join(resp.pack("GET", f"slow:{i % 10}") for i in range(REPLIES))
            sent = self.send_until_refused(slow.socket, requests)
            self.wait_for_steady_memory()
            # Others are served while one does not read.
            for i in range(100):
                self.assertEqual(other.command("STRLEN", f"slow:{i % 10}"), REPLY_BYTES)
            peak = site.proxy.child.memory_bytes("VmHWM") - before
            print(f"\n  {sent} of {len(requests)} bytes of requests accepted, {peak / MIB:.1f} MiB more memory",
                  file=sys.stderr)
            if not STANDIN and not SANITIZERS:
                self.assertLess(peak, SLOW_READER_BOUND)
            self.read_all_while_sending(slow, requests[sent:])

    @staticmethod
    def wait_for_steady_memory():
        """Until the peak has not risen for 30 polls: all that will be buffered is."""
        seen = []

        def steady():
            seen.append(site.proxy.child.memory_bytes("VmHWM"))
            return len(seen) > 30 and seen[-1] == seen[-30]

        wait_until(steady, 60, "the memory to be steady")

    @staticmethod
    def send_until_refused(connection, data):
        """Sends without reading, until nothing has been accepted for a second; returns how much was."""
        connection.settimeout(1)
        sent = 0
        try:
            while sent < len(data):
                sent += connection.send(data[sent:sent + 65536])
        except socket.timeout:
            pass
        connection.settimeout(60)
        return sent

    def read_all_while_sending(self, connection, rest):
        for i in range(REPLIES):
            if rest:
                connection.socket.setblocking(False)
                try:
                    rest = rest[connection.socket.send(rest[:65536]):]
                except BlockingIOError:
                    pass
                connection.socket.settimeout(60)
            reply = connection.read()
            self.assertTrue(reply == bytes([48 + i % 10]) * REPLY_BYTES, i)
        self.assertEqual(rest, b"")
        self.assertEqual(connection.command("PING"), b"PONG")


if __name__ == "__main__":
    fixture.main()
