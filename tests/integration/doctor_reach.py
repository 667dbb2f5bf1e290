"""slotless doctor: one thing that is true of whoever cannot be spoken with, and of what stands there in place of a node."""

import contextlib
import pathlib
import signal
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import doctor
import fixture
import processes
from certificates import Authority
from cluster import HOST, PASSWORD, Cluster, Node
from plain_servers import Sentinel, Server

OFTEN = "latency,bus-latency,persistence,maxmemory"  # true of test servers, and not meant here

SIDE = "~{slotless-migrate}:side"  # which side is in force (proxy/migrate/decision.h)

server = None


def setUpModule():
    global server
    doctor.proc = doctor.write_proc("proc-reach", somaxconn=4096, overcommit=1)
    server = Server("one")


def tearDownModule():
    if server:
        server.kill()


@contextlib.contextmanager
def saying(answer, until=None):
    """The port of a listener that answers everything with these bytes; or hangs when it hears of `until`."""

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            while (heard := connection.recv(65536)) and not (until and until in heard):
                connection.sendall(answer)
            while heard and connection.recv(65536):
                pass

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def look(nodes=(), options=(), **more):
    """(exit code, findings); without nodes it is about the server that the options name."""
    return doctor.look([*nodes, "--skip", OFTEN], options, **more)


class OneFinding(unittest.TestCase):
    def assert_only(self, check, part, nodes=(), options=(), **more):
        code, findings = look(nodes, options, **more)
        self.assertEqual([(each["check"], each["severity"]) for each in findings], [(check, "critical")], findings)
        self.assertEqual(code, 2)
        self.assertIn(part, findings[0]["seen"] + findings[0]["todo"])

    def test_what_is_no_node(self):
        for answer, part in ((b"+PONG\r\n", "neither Redis nor Valkey"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP server"),
                             (b"ERROR\r\n", "memcached")):
            for password in (None, PASSWORD):
                with self.subTest(part, password=password), saying(answer) as port:
                    self.assert_only("not-a-node", part, [f"{HOST}:{port}"], password=password)

    def test_who_hangs_while_it_is_asked(self):
        with saying(b"+PONG\r\n", until=b"INFO") as port:
            self.assert_only("unreachable", "not INFO: no answer", [f"{HOST}:{port}"], password=None)
        info = b"redis_version:7.0.15\r\nrole:master\r\n"
        for until in (b"CONFIG", b"TIME", b"SCAN"):
            with self.subTest(until), saying(b"$%d\r\n%s\r\n" % (len(info), info), until=until) as port:
                self.assert_only("server", "no answer", options=["--upstream=single", f"--server={HOST}:{port}"], password=None)

    def test_a_sentinel(self):
        sentinel = Sentinel("sentinel", server)
        try:
            for password in (None, PASSWORD):
                with self.subTest(password=password):
                    self.assert_only("not-a-node", "--sentinel-name main", [sentinel.address], password=password)
            single = ["--upstream=single", f"--server={sentinel.address}", f"--server-password={PASSWORD}"]
            self.assert_only("server", "sentinel-name main", options=single)
            self.assert_only("sentinels", "but main", options=[*single, "--sentinel-name=other"])
            code, findings = look(options=[*single, "--sentinel-name=main"])
            self.assertEqual((code, findings), (0, []))
        finally:
            sentinel.kill()

    def test_nobody(self):
        ports = [processes.free_port() for _ in range(3)]
        self.assert_only("unreachable", "refused", [f"{HOST}:{port}" for port in ports])

    def test_one_server(self):
        single = ["--upstream=single", f"--server={server.address}"]
        code, findings = look(options=[*single, f"--server-password={PASSWORD}"])
        self.assertEqual((code, findings), (0, []))
        self.assert_only("server", "refused", options=[*single, "--server-password=wrong"])
        self.assert_only("server", "wants a login", options=single, password=None)
        self.assert_only("server", "refused", options=["--upstream=single", f"--server={HOST}:{processes.free_port()}"])
        server.child.signal(signal.SIGSTOP)
        try:
            self.assert_only("server", "stopped", options=[*single, f"--server-password={PASSWORD}"])
        finally:
            server.child.signal(signal.SIGCONT)

    def test_tls_asked_in_plain(self):
        tls = Server("tls", tls=Authority())
        try:
            self.assert_only("tls", "speaks TLS", [tls.address])
            self.assert_only("server", "speaks TLS", options=["--upstream=single", f"--server={tls.address}"])
        finally:
            tls.kill()

    def test_a_cluster_that_has_not_been_made(self):
        alone = Node("unmade")
        try:
            self.assert_only("uncovered", "has not been made", [alone.address], ["--skip", "full-coverage,node-timeout"])
            self.assert_only("server", "node of a cluster", options=["--upstream=single", f"--server={alone.address}"])
        finally:
            alone.kill()


class Clusters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(options=doctor.HEALTHY)
        cls.addClassCleanup(cls.cluster.stop)

    def found(self, nodes=(), options=()):
        nodes = [node.address for node in (self.cluster.nodes[0], *nodes)]
        return [(each["check"], each["subject"]) for each in doctor.look(nodes, options)[1]]

    def checks(self, *arguments, **more):
        return [check for check, _ in self.found(*arguments, **more)]

    def test_a_node_that_is_frozen_has_no_wrong_address(self):
        last = self.cluster.nodes[-1]
        last.stop()
        try:
            found = self.found()
        finally:
            last.cont()
        self.assertIn(("unreachable", last.address), found)
        self.assertNotIn("address-map", [check for check, _ in found])

    def test_nodes_of_another_cluster(self):
        other = Cluster(masters=2)
        self.addCleanup(other.stop)
        checks = self.checks(other.nodes)
        self.assertEqual([check for check in checks if check in ("unknown-node", "disagreement")], ["unknown-node"], checks)

    def test_the_server_counts_until_the_cut_over(self):
        migrating = ["--upstream=migrating", f"--server={HOST}:{processes.free_port()}", f"--server-password={PASSWORD}"]
        self.assertIn("server", self.checks(options=migrating))
        slot = self.cluster.nodes[0].command("CLUSTER", "KEYSLOT", SIDE)
        owner = self.cluster.owner(slot)
        owner.command("SET", SIDE, "cluster")
        try:
            self.assertNotIn("server", self.checks(options=migrating))
        finally:
            owner.command("DEL", SIDE)


class Administrators(unittest.TestCase):
    def test_who_needs_no_password(self):
        users = ["--admin-users", "user page on nopass", "--users", "user boss on nopass +@all ~*"]
        _, findings = look(options=["--upstream=single", f"--server={server.address}", *users])
        self.assertEqual({each["subject"] for each in findings if each["check"] == "open-administrator"}, {"page", "boss"}, findings)


if __name__ == "__main__":
    fixture.main()
