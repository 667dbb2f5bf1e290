"""The admin pages by TLS: who may ask, what is slow or broken meanwhile, and certificates that change."""

import http.client
import pathlib
import socket
import ssl
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
from certificates import Authority
from cluster import HOST, Cluster
from proxy import STANDIN, Proxy, connect
from waiting import wait_until

SECONDS = 30
PROBE_SECONDS = 1  # as a kubelet has it


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about the daemon, not about Redis")
    global authority, cluster
    authority = Authority()
    cluster = Cluster(replicas=0)


def tearDownModule():
    cluster.stop()


def ask(port, context, path="/healthz", timeout=SECONDS):
    """Status and text; the connection ends in order."""
    connection = http.client.HTTPSConnection(HOST, port, timeout=timeout, context=context)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class Admin(unittest.TestCase):
    def proxy(self, admin, asked_by, **more):
        options = [] if "tls" in more else authority.listener_options()
        proxy = Proxy(cluster.addresses(), options, admin=admin, admin_tls=asked_by, **more)
        self.addCleanup(proxy.stop)
        return proxy

    def refused(self, port, context):
        with self.assertRaises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            ask(port, context)

    def test_pages_are_served_to_those_with_a_certificate(self):
        proxy = self.proxy("?tls=yes", authority.context(authority.client))
        self.assertEqual(proxy.http("/readyz"), (200, "ready\n"))
        self.assertEqual(proxy.http("/healthz"), (200, "ok\n"))
        self.assertEqual(proxy.http("/nothing")[0], 404)
        self.assertGreater(proxy.metric("slotless_workers"), 0)
        self.assertGreater(proxy.metric("slotless_tls_certificate_expiry_seconds", side="admin"), time.time())
        self.assertIn("admin HTTPS listening", proxy.child.output())
        # Clients of the cluster are not by TLS because of it.
        with connect(proxy) as plain:
            self.assertEqual(plain.command("PING"), b"PONG")
        self.refused(proxy.admin_port, authority.context())
        self.refused(proxy.admin_port, authority.context(Authority("stranger").client))
        with self.assertRaises(ssl.SSLError):
            ask(proxy.admin_port, ssl.create_default_context())
        self.assertEqual(proxy.http("/readyz")[0], 200)

    def test_probes_without_a_certificate_are_served_where_the_address_says_so(self):
        proxy = self.proxy("?tls=yes&tls-auth-clients=no", authority.context(), tls=authority)
        self.assertEqual(proxy.http("/readyz")[0], 200)
        with connect(proxy) as encrypted:  # clients show theirs all the same
            self.assertEqual(encrypted.command("PING"), b"PONG")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            with socket.create_connection((HOST, proxy.port)) as bare:
                with authority.context().wrap_socket(bare, server_hostname=HOST) as client:
                    client.sendall(b"PING\r\n")
                    client.recv(1)

    def test_the_end_is_said_in_order_and_a_large_page_comes_whole(self):
        proxy = self.proxy("?tls=yes", authority.context(authority.client))
        with socket.create_connection((HOST, proxy.admin_port), timeout=SECONDS) as bare:
            context = authority.context(authority.client)
            with context.wrap_socket(bare, server_hostname=HOST, suppress_ragged_eofs=False) as client:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                text = b""
                while chunk := client.recv(65536):
                    text += chunk
        head, _, body = text.partition(b"\r\n\r\n")
        self.assertIn(b"Content-Length: %d\r\n" % len(body), head + b"\r\n")

    def test_slow_and_broken_handshakes_blind_no_probe(self):
        context = authority.context(authority.client)
        proxy = self.proxy("?tls=yes", context)
        slow = []
        self.addCleanup(lambda: [each.close() for each in slow])
        for number in range(100):
            each = socket.create_connection((HOST, proxy.admin_port), timeout=SECONDS)
            slow.append(each)
            if number % 3 == 0:
                each.sendall(b"\x16\x03\x01\x02\x00\x01")  # a record that never ends
            if number % 10 == 0:
                for path in ("/healthz", "/readyz"):
                    self.assertEqual(ask(proxy.admin_port, context, path, PROBE_SECONDS)[0], 200)
        # Whoever says nothing has as long as a request has, its handshake included.
        begin = time.monotonic()
        quiet = socket.create_connection((HOST, proxy.admin_port), timeout=SECONDS)
        slow.append(quiet)
        self.assertEqual(quiet.recv(1), b"")
        self.assertLess(time.monotonic() - begin, SECONDS / 2)
        wait_until(lambda: proxy.metric("slotless_tls_failures_total", side="clients", reason="timeout") > 0, SECONDS,
                   "what was too slow to be counted")
        for words in (b"GET /healthz HTTP/1.1\r\n\r\n", b"PING\r\n", bytes(range(256))):
            with socket.create_connection((HOST, proxy.admin_port), timeout=SECONDS) as other:
                other.sendall(words)
                while other.recv(65536):
                    pass
        self.assertEqual(ask(proxy.admin_port, context)[0], 200)

    def test_a_renewed_certificate_reaches_the_pages(self):
        folder = authority.folder / "admin"
        folder.mkdir()
        certificate, key = folder / "tls.crt", folder / "tls.key"
        authority.install(authority.proxy, certificate, key)
        proxy = Proxy(cluster.addresses(), ["--tls-cert-file", certificate, "--tls-key-file", key], admin="?tls=yes&tls-auth-clients=no",
                      admin_tls=authority.context())
        self.addCleanup(proxy.stop)
        before = proxy.metric("slotless_tls_certificate_expiry_seconds", side="admin")
        authority.install(authority.issue("renewed", "IP:127.0.0.1", days=60), certificate, key)
        wait_until(lambda: proxy.metric("slotless_tls_certificate_expiry_seconds", side="admin") > before, SECONDS, "it to be read")
        with socket.create_connection((HOST, proxy.admin_port), timeout=SECONDS) as bare:
            with authority.context().wrap_socket(bare, server_hostname=HOST) as client:
                self.assertEqual(client.getpeercert()["subject"], ((("commonName", "renewed"),),))

    def test_what_is_missing_stops_the_start(self):
        with self.assertRaisesRegex(RuntimeError, "admin-listen.*which is served by TLS; allowed: together with tls-cert-file"):
            Proxy(cluster.addresses(), admin="?tls=yes", admin_tls=authority.context())


if __name__ == "__main__":
    fixture.main()
