"""TLS to the nodes: a cluster that speaks nothing else and wants certificates, what is wrong with certificates, masters that
go, certificates that change, and an upgrade; the same things as without TLS, and no error more."""

import pathlib
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import resp
from certificates import Authority
from cluster import HOST, PASSWORD
from load import Load
from proxy import STANDIN, Proxy, connect
from slots import key_in
from upgrading import UpgradingProxy, has_ended
from waiting import wait_until

SECONDS = 30


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about the daemon, not about Redis")
    global authority, site
    authority = Authority()
    site = fixture.open_site(topology=True, tls=authority)


def tearDownModule():
    fixture.close_site()


def without(options, *names):
    """Pairs of option and value, but for these."""
    pairs = zip(options[::2], options[1::2])
    return [each for name, value in pairs if name not in names for each in (name, value)]


def count_step(keys, counts):
    """Increments on a raw connection, each of which has to give the next number."""
    def step(connection, number, _turn):
        reply = connection.command("INCR", keys[number])
        counts[number] += 1
        if reply != counts[number]:
            raise AssertionError(f"INCR gave {reply!r} instead of {counts[number]}")
    return step


class Nodes(unittest.TestCase):
    def proxy(self, options=None, nodes=None, **more):
        options = authority.upstream_options() if options is None else options
        proxy = Proxy(nodes or site.cluster.addresses(), options, **more)
        self.addCleanup(proxy.stop)
        return proxy

    def refused(self, options, reason, **more):
        """The daemon that does not become ready, and says why in /readyz and in its log."""
        proxy = self.proxy(options, wait_ready=False, **more)
        status, text = wait_until(lambda: (lambda page: reason in page[1] and page)(proxy.http("/readyz")), SECONDS,
                                  f"/readyz to say {reason!r}")
        self.assertEqual(status, 503)
        self.assertIn(re.search(r"127\.0\.0\.1:\d+", text)[0], site.cluster.addresses())
        wait_until(lambda: "TLS with a node failed" in proxy.child.output(), SECONDS, "the log to say it")
        self.assertEqual(proxy.child.output().count("TLS with a node failed"), 1, "once")
        return proxy

    def test_every_connection_is_encrypted_and_the_ports_are_those_of_tls(self):
        with site.connect() as connection:
            for i in range(50):
                self.assertEqual(connection.command("SET", f"tls:{i}", i), b"OK")
            links = connection.command("PROXY", "LINKS").decode().splitlines()
            self.assertGreaterEqual(len(links), 3)
            for line in links:
                if "state=ready" in line:
                    self.assertRegex(line, r" tls=TLSv1\.3/TLS_\w+$")
            nodes = connection.command("PROXY", "NODES").decode()
            clients = connection.command("PROXY", "CLIENTS").decode()
        for address in site.cluster.addresses():
            self.assertIn(f"node={address} ", nodes)
        self.assertRegex(clients, r" tls=TLSv1\.3/TLS_\w+\n")
        self.assertGreater(site.proxy.metric("slotless_tls_handshakes_total", side="nodes", version="TLSv1.3"), 3)
        self.assertGreater(site.proxy.metric("slotless_tls_handshakes_total", side="clients", resumed="no"), 0)
        for side in ("nodes", "clients"):
            days = (site.proxy.metric("slotless_tls_certificate_expiry_seconds", side=side) - time.time()) / 86400
            self.assertTrue(29 < days <= 30, days)

    def test_a_blocking_command_a_transaction_and_a_subscription_are_served_too(self):
        with site.connect() as one, site.connect() as other, site.connect() as listener:
            self.assertEqual(listener.command("SUBSCRIBE", "news"), [b"subscribe", b"news", 1])
            one.send(b"*3\r\n$5\r\nBLPOP\r\n$5\r\nqueue\r\n$1\r\n0\r\n")
            wait_until(lambda: other.command("CLIENT", "LIST").decode().count("cmd=blpop"), SECONDS, "the pop to block")
            other.command("RPUSH", "queue", "x" * 100000)
            self.assertEqual(one.read(), [b"queue", b"x" * 100000])
            self.assertEqual(one.command("WATCH", "a"), b"OK")
            self.assertEqual(one.command("MULTI"), b"OK")
            self.assertEqual(one.command("SET", "a", 1), b"QUEUED")
            self.assertEqual(one.command("EXEC"), [b"OK"])
            other.command("PUBLISH", "news", "hello")
            self.assertEqual(listener.read(), [b"message", b"news", b"hello"])

    def test_a_url_switches_it_on_and_has_the_password(self):
        first, *others = site.cluster.addresses()
        options = without(authority.upstream_options(), "--cluster-tls")
        proxy = self.proxy(options, [f"rediss://:{PASSWORD}@{first}", *others], password=None)
        with connect(proxy) as connection:
            self.assertEqual(connection.command("SET", "by-url", 1), b"OK")
        self.assertNotIn(PASSWORD, proxy.child.output())

    def test_older_versions_and_chosen_ciphers(self):
        proxy = self.proxy([*authority.upstream_options(), "--cluster-tls-protocols", "TLSv1.2", "--cluster-tls-ciphers",
                            "ECDHE-ECDSA-AES128-GCM-SHA256"])
        with connect(proxy) as connection:
            links = connection.command("PROXY", "LINKS").decode()
        self.assertIn(" tls=TLSv1.2/ECDHE-ECDSA-AES128-GCM-SHA256\n", links)

    def test_an_authority_that_has_not_signed_them_is_said(self):
        stranger = Authority("stranger")
        options = [*without(authority.upstream_options(), "--cluster-tls-ca-cert-file"),
                   "--cluster-tls-ca-cert-file", stranger.certificate]
        # Redis sends the authority's certificate along.
        proxy = self.refused(options, "certificate in certificate chain")
        self.assertGreater(proxy.metric("slotless_tls_failures_total", side="nodes", reason="certificate"), 0)

    def test_a_name_that_is_not_theirs_is_said_and_the_right_one_is_taken(self):
        wrong = [*authority.upstream_options(), "--cluster-tls-server-name", "other.example"]
        self.refused(wrong, "TLS handshake failed: hostname mismatch")
        for more in (["--cluster-tls-server-name", "node.example"], ["--cluster-tls-verify", "ca"]):
            options = [*authority.upstream_options(), *more]
            if "--cluster-tls-verify" in more:
                options += ["--cluster-tls-server-name", "other.example"]
            with connect(self.proxy(options)) as connection:
                self.assertEqual(connection.command("PING"), b"PONG")

    def test_no_certificate_of_ours_is_said(self):
        options = without(authority.upstream_options(), "--cluster-tls-cert-file", "--cluster-tls-key-file")
        self.refused(options, "certificate required")

    def test_verification_that_is_off_is_said_at_the_start(self):
        stranger = Authority("stranger")
        options = [*without(authority.upstream_options(), "--cluster-tls-ca-cert-file"), "--cluster-tls-verify", "off",
                   "--cluster-tls-ca-cert-file", stranger.certificate]
        self.assertIn("cluster-tls-verify is off", self.proxy(options).child.output())

    def test_a_certificate_that_has_ended_is_said(self):
        expired = authority.issue("ended", "IP:127.0.0.1", days=-1)
        node = site.cluster.first_masters[0]
        node.command("CONFIG", "SET", "tls-cert-file", expired.certificate, "tls-key-file", expired.key)
        try:
            self.refused(None, "TLS handshake failed: certificate has expired", nodes=[node.address])
        finally:
            node.command("CONFIG", "SET", "tls-cert-file", authority.node.certificate, "tls-key-file", authority.node.key)

    def test_without_tls_the_nodes_are_not_reached_and_that_is_said(self):
        proxy = self.proxy([], wait_ready=False)
        wait_until(lambda: "topology not learned" in proxy.child.output(), SECONDS, "the log to say it")
        self.assertNotEqual(proxy.http("/readyz")[0], 200)

    def test_files_that_cannot_be_used_stop_the_start(self):
        options = [*without(authority.upstream_options(), "--cluster-tls-key-file"), "--cluster-tls-key-file",
                   authority.node.key]
        with self.assertRaisesRegex(RuntimeError, "cannot reach nodes by TLS: key .*: key values mismatch"):
            Proxy(site.cluster.addresses(), options)


class Renewal(unittest.TestCase):
    """Files that are replaced under load."""

    def setUp(self):
        self.current = authority.folder / f"current-{self.id()}"
        self.current.mkdir()
        self.cert, self.key = self.current / "tls.crt", self.current / "tls.key"
        authority.install(authority.client, self.cert, self.key)
        options = [*without(authority.upstream_options(), "--cluster-tls-cert-file", "--cluster-tls-key-file"),
                   "--cluster-tls-cert-file", self.cert, "--cluster-tls-key-file", self.key]
        self.proxy = Proxy(site.cluster.addresses(), options)
        self.addCleanup(self.proxy.stop)

    def wait_for_log(self, text, times=1):
        wait_until(lambda: self.proxy.child.output().count(text) >= times, SECONDS, f"{text!r} in the log")

    def expiry(self):
        return self.proxy.metric("slotless_tls_certificate_expiry_seconds", side="nodes")

    def test_a_new_certificate_is_taken_under_load_without_an_error_and_a_broken_one_is_not(self):
        keys = [f"renewed:{self.id()}:{i}" for i in range(4)]
        before = self.expiry()
        with Load(lambda: connect(self.proxy), count_step(keys, [0] * 4)) as load:
            authority.install(authority.issue("longer", days=60), self.cert, self.key)
            self.wait_for_log("certificates read anew, for new connections")
            load.wait_for_progress()
            self.assertGreater(self.expiry(), before + 29 * 86400)
        # New links, by the new certificate.
        for node in site.cluster.first_masters:
            node.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with connect(self.proxy) as connection:
            self.assertEqual([connection.command("GET", key) is not None for key in keys], [True] * 4)
        self.cert.write_text("nonsense")
        self.wait_for_log("certificates not read anew, those before stay in force")
        self.assertIn(str(self.cert), self.proxy.child.output())
        with connect(self.proxy) as connection:
            self.assertEqual(connection.command("PING"), b"PONG")
        authority.install(authority.issue("again", days=90), self.cert, self.key)
        self.wait_for_log("certificates read anew, for new connections", 2)

    def test_sighup_reads_them_at_once(self):
        self.proxy.child.signal(signal.SIGHUP)
        self.wait_for_log("certificates read anew, for new connections")


class Upheaval(unittest.TestCase):
    """The cluster changes, or the daemon; each test has a shard of its own."""

    def test_1_a_planned_failover_costs_no_error(self):
        master = site.cluster.first_masters[0]
        keys = [key_in(slot, "tls-planned") for slot in site.cluster.slots_of(master)[10:14]]
        with Load(site.connect, count_step(keys, [0] * 4)) as load:
            site.cluster.failover(site.cluster.replica_of(master))
            load.wait_for_progress()

    def test_2_reads_of_a_killed_master_wait_and_succeed(self):
        site.cluster.wait_for_replicas()
        master = site.cluster.first_masters[1]
        replica = site.cluster.replica_of(master)
        slots = site.cluster.slots_of(master)[10:14]
        client = site.client()
        for slot in slots:
            client.set(key_in(slot, "tls-read"), slot)
        site.cluster.wait_for_replicas()

        def read(connection, number, _turn):
            reply = connection.command("GET", key_in(slots[number], "tls-read"))
            if reply != b"%d" % slots[number]:
                raise AssertionError(f"GET gave {reply!r}")

        with Load(site.connect, read) as load:
            master.kill()
            site.cluster.wait_for_owner(slots[0], replica)
            load.wait_for_progress()

    def test_3_an_upgrade_hands_listeners_with_and_without_tls_over(self):
        site.cluster.wait_for_replicas()
        plain_port = processes.free_port()
        proxy = UpgradingProxy(site.cluster.addresses(),
                               [*authority.upstream_options(), "--listen", f"{HOST}:{plain_port}"], tls=authority)
        self.addCleanup(proxy.stop)
        with connect(proxy) as standing:
            self.assertEqual(standing.command("SET", "upgraded", 1), b"OK")
            self.assertEqual(standing.command("MULTI"), b"OK")  # it is in the middle of something
            before = proxy.upgrade()
            with connect(proxy) as fresh:
                self.assertEqual(fresh.command("GET", "upgraded"), b"1")
                self.assertIn(" tls=TLSv1.3/", fresh.command("PROXY", "CLIENTS").decode())
            self.assertEqual(standing.command("INCR", "upgraded"), b"QUEUED")
            self.assertEqual(standing.command("EXEC"), [2])
            with resp.Connection(HOST, plain_port, PASSWORD) as plain:
                self.assertEqual(plain.command("GET", "upgraded"), b"2")
        wait_until(lambda: has_ended(before), SECONDS, "the process before to end")


if __name__ == "__main__":
    fixture.main()
