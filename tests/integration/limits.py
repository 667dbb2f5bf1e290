"""Limits: who may connect, where balancers say that clients come from, how many and how much of it, commands that a listener
denies, users by certificate, and users that cannot be read."""

import pathlib
import signal
import socket
import struct
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import resp
from certificates import Authority
from cluster import HOST, PASSWORD, Cluster
from proxy import STANDIN, Proxy, connect
from waiting import wait_until

ROOT = "user root on >root ~* &* +@all"
SECONDS = 30
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about the daemon, not about Redis")
    global cluster, authority
    cluster = Cluster(replicas=0)
    authority = Authority()


def tearDownModule():
    cluster.stop()


class WithProxy(unittest.TestCase):
    def start(self, *options, listen="", **more):
        """A daemon with a second listener, which has these options."""
        self.port = processes.free_port()
        self.proxy = Proxy(cluster.addresses(), ["--listen", f"{HOST}:{self.port}{listen}", *options], **more)
        self.addCleanup(self.proxy.stop)

    def start_by_file(self, text):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "slotless.yaml"
        self.path.write_text(text)
        self.start("--config", self.path)

    def reload(self, said):
        self.proxy.child.signal(signal.SIGHUP)
        wait_until(lambda: said in self.proxy.child.output(), SECONDS, f"{said!r} in the log")

    def open(self, port=None, password=PASSWORD, **options):
        connection = resp.Connection(HOST, port or self.port, password, **options)
        self.addCleanup(connection.close)
        return connection

    def login(self, name):
        connection = self.open(self.proxy.port, None)
        connection.command("AUTH", name, name)
        return connection

    def assert_closed(self, **options):
        try:
            with resp.Connection(HOST, self.port, None, **options) as connection:
                self.assertEqual(connection.read_to_end(), b"")
        except ConnectionError:
            pass  # reset, since something was unread

    def hits(self, limit):
        return self.proxy.metric("slotless_limit_hits_total", limit=limit)


class Addresses(WithProxy):
    def test_a_listener_lets_in_whom_it_is_to(self):
        self.start(listen="?allow=127.0.0.0/8&deny=127.0.0.66+127.0.1.0/24")
        self.assertEqual(self.open(source="127.0.0.5").command("PING"), b"PONG")
        for source in ("127.0.0.66", "127.0.1.1"):
            self.assert_closed(source=source)
        self.assertEqual(self.open(self.proxy.port, source="127.0.0.66").command("PING"), b"PONG")
        self.assertEqual(self.hits("address"), 2)
        self.assertIn("its address is not allowed, or denied", self.proxy.child.output())

    def test_a_reload_changes_it_for_new_connections(self):
        self.start_by_file("deny: [127.0.0.66]\n")
        self.assert_closed(source="127.0.0.66")
        before = self.open(source="127.0.0.7")
        self.path.write_text("deny: [127.0.0.7]\n")
        self.reload("option changed")
        wait_until(lambda: self.closed_at_once("127.0.0.7"), SECONDS, "the new rule")
        self.assertEqual(self.open(source="127.0.0.66").command("PING"), b"PONG")
        self.assertEqual(before.command("PING"), b"PONG")

    def closed_at_once(self, source):
        with resp.Connection(HOST, self.port, None, source=source) as connection:
            try:
                return connection.command("AUTH", PASSWORD) != b"OK"
            except ConnectionError:
                return True

    def test_an_address_has_so_many_clients_and_connects_so_often(self):
        self.start(listen="?max-clients-per-address=3&accept-rate-per-address=5")
        clients = [self.open(source="127.0.0.5") for _ in range(3)]
        self.assertRegex(self.open(password=None, source="127.0.0.5").read_to_end(), rb"^-ERR max number of clients of this")
        self.assertEqual(self.open(source="127.0.0.6").command("PING"), b"PONG")
        for each in clients:
            each.close()
        answers = [self.open(password=None, source="127.0.0.7") for _ in range(3)]
        for each in answers:
            each.close()
        refused = 0
        for _ in range(20):
            with resp.Connection(HOST, self.port, None, source="127.0.0.8") as each:
                each.send(resp.pack("PING"))
                try:
                    refused += b"too many new connections" in each.read_raw()
                except ConnectionError:
                    refused += 1
        self.assertGreater(refused, 0)
        self.assertGreater(self.hits("accept_rate"), 0)
        self.assertEqual(self.hits("clients_per_address"), 1)


class Balancers(WithProxy):
    LISTEN = "?proxy-protocol=yes&proxy-protocol-trusted=127.0.0.1"
    VERSION_1 = b"PROXY TCP4 203.0.113.7 127.0.0.1 40123 6379\r\n"
    VERSION_2 = (SIGNATURE + b"\x21\x21" + struct.pack(">H", 36 + 7) + socket.inet_pton(socket.AF_INET6, "2001:db8::7") +
                 socket.inet_pton(socket.AF_INET6, "::1") + struct.pack(">HH", 40123, 6379) + b"\x03\x00\x04abcd")

    def address(self, connection):
        fields = dict(word.split("=", 1) for word in connection.command("CLIENT", "INFO").decode().split())
        return fields["addr"]

    def test_clients_are_where_the_header_says(self):
        self.start(listen=self.LISTEN)
        self.assertEqual(self.address(self.open(preface=self.VERSION_1)), "203.0.113.7:40123")
        self.assertEqual(self.address(self.open(preface=self.VERSION_2)), "[2001:db8::7]:40123")
        self.assertTrue(self.address(self.open(preface=SIGNATURE + b"\x20\0\0\0")).startswith(HOST))
        listed = self.open(self.proxy.port).command("CLIENT", "LIST").decode()
        self.assertIn("addr=203.0.113.7:40123 ", listed)

    def test_others_are_closed(self):
        self.start(listen=self.LISTEN)
        self.assert_closed(source="127.0.0.5", preface=self.VERSION_1)
        self.assert_closed(preface=b"*1\r\n$4\r\nPING\r\n")
        self.assertEqual(self.proxy.metric("slotless_proxy_headers_refused_total"), 2)
        self.assertIn("it comes from no trusted address", self.proxy.child.output())

    def test_a_slow_header_ends_in_time_and_keeps_nobody(self):
        self.start(listen=self.LISTEN)
        slow = [socket.create_connection((HOST, self.port)) for _ in range(50)]
        for each in slow:
            each.sendall(b"PROXY TCP4 1")
        self.assertEqual(self.address(self.open(preface=self.VERSION_1)), "203.0.113.7:40123")
        for each in slow:
            each.settimeout(SECONDS)
            self.assertEqual(each.recv(1), b"")
            each.close()
        wait_until(lambda: self.open(self.proxy.port).command("INFO", "clients").count(b"connected_clients:2\r\n"), SECONDS,
                   "the others to be gone")

    def test_the_header_comes_before_tls(self):
        self.start(*authority.listener_options(), "--tls-auth-clients", "no",
                   listen=self.LISTEN + "&tls=yes")
        for preface in (self.VERSION_1, self.VERSION_2):
            with self.subTest(preface=preface):
                connection = self.open(preface=preface, tls=authority.context())
                self.assertRegex(self.address(connection), r"^(203\.0\.113\.7|\[2001:db8::7\]):40123$")
                value = "x" * 300_000
                connection.command("SET", "large", value)
                self.assertEqual(connection.command("GET", "large").decode(), value)

    def test_nobody_is_let_in_without_a_password_by_a_balancer_on_this_machine(self):
        with self.assertRaisesRegex(RuntimeError, "which other machines may reach"):
            Proxy(cluster.addresses(), ["--listen", f"{HOST}:{processes.free_port()}{self.LISTEN}", "--client-auth", "none"])


class Rates(WithProxy):
    def test_all_workers_together_keep_to_the_rate_of_a_user(self):
        self.start("--users", ROOT, "--users", "user app on >app ~* +@all requests-per-second=200")
        clients = [self.login("app") for _ in range(6)]
        begin = time.monotonic()
        for each in clients:
            each.send(resp.pack_all([("PING",)] * 120))
        for each in clients:
            for _ in range(120):
                self.assertEqual(each.read(), b"PONG")
        # 720 requests, of which 200 go at once.
        self.assertGreaterEqual(time.monotonic() - begin, 2.5)
        self.assertGreater(self.hits("request_rate"), 0)
        self.assertEqual(self.proxy.metric("slotless_delayed_clients"), 0)

    def test_others_are_served_meanwhile(self):
        self.start("--users", ROOT, "--users", "user app on >app ~* +@all bytes-per-second=1000")
        slow, root = self.login("app"), self.login("root")
        slow.command("SET", "k", "x" * 3000)
        slow.send(resp.pack("PING"))
        for _ in range(200):
            self.assertEqual(root.command("PING"), b"PONG")
        self.assertEqual(slow.read(), b"PONG")
        self.assertGreater(self.hits("byte_rate"), 0)

    def test_errors_in_the_place_of_delays(self):
        self.start("--users", ROOT, "--users", "user app on >app ~* +@all requests-per-second=1 limit-action=error")
        app = self.login("app")
        app.send(resp.pack_all([("PING",)] * 5))
        replies = [str(app.read()) for _ in range(5)]
        self.assertIn("ERR rate limit exceeded: this user may make 1 requests a second", replies)

    def test_a_user_has_so_many_clients_and_requests_in_flight(self):
        self.start("--users", ROOT, "--users", "user app on >app ~* +@all max-clients=2 in-flight=1")
        first, second = self.login("app"), self.login("app")
        third = self.open(self.proxy.port, None)
        self.assertEqual(third.error("AUTH", "app", "app"), "ERR max number of clients of this user reached")
        for each in (first, second) * 50:
            each.send(resp.pack("INCR", "count"))
        for each in (first, second) * 50:
            self.assertIsInstance(each.read(), int)
        first.close()
        wait_until(lambda: self.enters(third), SECONDS, "a place")

    def enters(self, connection):
        try:
            return connection.command("AUTH", "app", "app") == b"OK"
        except resp.ReplyError:
            return False


class Commands(WithProxy):
    def test_a_listener_denies_and_renames(self):
        self.start("--allow-admin-commands", "yes",
                   listen="?deny-commands=@dangerous+set&rename-commands=get=fetch+echo=")
        here, there = self.open(), self.open(self.proxy.port)
        self.assertEqual(here.error("SET", "k", "v"), "NOPERM the 'set' command is denied to all who connect here")
        self.assertRegex(here.error("CONFIG", "GET", "maxmemory"), "^NOPERM the 'config.get' command")
        self.assertRegex(here.error("GET", "k"), "^ERR unknown command 'GET'")
        self.assertRegex(here.error("ECHO", "x"), "^ERR unknown command 'ECHO'")
        there.command("SET", "k", "v")
        self.assertEqual(here.command("fetch", "k"), b"v")
        large = "v" * 500_000
        there.command("SET", "k", large)
        self.assertEqual(here.command("fetch", "k").decode(), large)
        self.assertEqual(there.command("GET", "k").decode(), large)
        self.assertGreaterEqual(self.proxy.metric("slotless_forbidden_commands_total", reason="listener"), 2)

    def test_names_that_no_server_knows_are_told(self):
        self.start(listen="?deny-commands=@dangerus+kyes")
        wait_until(lambda: "kyes" in self.proxy.child.output() and "dangerus" in self.proxy.child.output(), SECONDS,
                   "the warnings")


class Certificates(WithProxy):
    USERS = ["--users", "user default off", "--users", ROOT, "--users", "user app on nopass ~* +@all",
             "--users", "user spiffe://example/app on ~* +@all", "--users", "user off off nopass ~* +@all",
             "--users", "user elsewhere on nopass ~* +@all listeners=127.0.0.1:1"]

    def who(self, certificate):
        with resp.Connection(HOST, self.proxy.port, None, tls=authority.context(certificate)) as connection:
            try:
                return connection.command("ACL", "WHOAMI").decode()
            except resp.ReplyError as error:
                return str(error).split()[0]

    def test_the_name_in_a_certificate_is_the_user(self):
        self.start(*self.USERS, "--tls-auth-clients-user", "CN", "--tls-auth-clients", "optional", tls=authority)
        self.assertEqual(self.who(authority.issue("app")), "app")
        for name in ("nobody", "off", "elsewhere"):
            self.assertEqual(self.who(authority.issue(name)), "NOAUTH")
        self.assertEqual(self.who(None), "NOAUTH")
        with resp.Connection(HOST, self.proxy.port, None, tls=authority.context(authority.issue("app"))) as app:
            app.command("AUTH", "root", "root")
            self.assertEqual(app.command("ACL", "WHOAMI"), b"root")
            app.command("RESET")
            self.assertEqual(app.command("ACL", "WHOAMI"), b"app")
            app.command("AUTH", "root", "root")
            app.command("ACL", "SETUSER", "app", "off")
            app.command("RESET")
            self.assertRegex(app.error("ACL", "WHOAMI"), "^NOAUTH")

    def test_so_is_the_first_uri(self):
        self.start(*self.USERS, "--tls-auth-clients-user", "URI", tls=authority)
        self.assertEqual(self.who(authority.issue("x", "DNS:app,URI:spiffe://example/app,URI:spiffe://example/b")),
                         "spiffe://example/app")
        self.assertEqual(self.who(authority.issue("app")), "NOAUTH")

    def test_without_the_option_a_certificate_says_nothing(self):
        self.start(*self.USERS, tls=authority)
        self.assertEqual(self.who(authority.issue("app")), "NOAUTH")


class UnreadableUsers(WithProxy):
    def test_users_stay_as_they_were_whatever_becomes_of_their_file(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "users.acl"
        good = ROOT + "\nuser default off\nuser app on >app ~a* +get +ping\n"
        path.write_text(good)
        self.start("--acl-file", path)
        app = self.login("app")
        spoils = (path.unlink, lambda: path.write_text(good.replace("+get", "get+")),
                  lambda: path.write_text(good + "user app on nopass +@all\n"), lambda: path.write_text("\0\xff bogus\n"),
                  lambda: (path.unlink(), path.mkdir()))
        for number, spoil in enumerate(spoils):
            seen = self.proxy.child.output().count("configuration not reloaded")
            spoil()
            self.proxy.child.signal(signal.SIGHUP)
            wait_until(lambda: self.proxy.child.output().count("configuration not reloaded") > seen, SECONDS,
                       f"the refusal of {number} in the log")
            self.assertRegex(app.error("SET", "a", "x"), "^NOPERM")
            self.assertRegex(self.open(self.proxy.port, None).error("GET", "a"), "^NOAUTH")
            with self.login("root") as root:
                if not path.is_dir():
                    self.assertRegex(root.error("ACL", "LOAD"), "no change to the previously active ACL rules")
                self.assertEqual(root.command("ACL", "USERS"), [b"app", b"default", b"root"])
        path.rmdir()
        path.write_text(good + "user late on >late +@all ~*\n")
        self.reload("option changed")
        wait_until(lambda: self.enters("late"), SECONDS, "the good file")

    def enters(self, name):
        try:
            self.login(name)
            return True
        except resp.ReplyError:
            return False


if __name__ == "__main__":
    fixture.main()
