"""Credentials for the nodes that change under load: two passwords at once, users, files, programs, tokens that expire."""

import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import resp
import token_service
from cluster import PASSWORD, Cluster
from load import Load
from proxy import Proxy, connect
from waiting import wait_until

CLIENTS = "what clients present"
OLD, NEW, NEWEST = PASSWORD, "a-new-secret", "the-newest-secret"
PRINT_TOKEN = f"{sys.executable} -S -E {pathlib.Path(token_service.__file__).with_name('print_token.py')}"
REAUTHENTICATED = "slotless_node_reauthentications_total"
REFUSED = "slotless_node_reauthentications_refused_total"


class Everything:
    """Clients of every kind, each with an account of its own: SET and GET, INCR, MULTI, WATCH, BLPOP, SUBSCRIBE."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.acknowledged = {"incr": 0, "multi": 0, "watch": 0}
        self.received = []
        self.published = 0
        self._stopping = False
        self._subscriber = connect(proxy, CLIENTS)
        self._subscriber.command("SUBSCRIBE", "news")
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        self.load = Load(lambda: connect(proxy, CLIENTS), self._step, clients=6)

    def __enter__(self):
        self.load.__enter__()
        return self

    def __exit__(self, *failure):
        self.load.__exit__(*failure)
        if failure[0] is None:
            wait_until(lambda: len(self.received) >= self.published, 20, "all messages to arrive")
        self._stopping = True
        self._subscriber.close()

    def _listen(self):
        try:
            while not self._stopping:
                reply = self._subscriber.read()
                self.received.append(int(reply[2]))
        except OSError:
            pass

    def _step(self, connection, number, turn):
        (self._values, self._increments, self._transactions, self._watches, self._blocked, self._news)[number](
            connection, turn)

    @staticmethod
    def _values(connection, turn):
        keys = [f"key-{turn % 10}-{each}" for each in range(20)]
        connection.send(resp.pack_all([("SET", key, turn) for key in keys] + [("GET", key) for key in keys]))
        replies = [connection.read() for _ in range(40)]
        if replies != [b"OK"] * 20 + [str(turn).encode()] * 20:
            raise AssertionError(f"values: {replies}")

    def _increments(self, connection, _turn):
        connection.send(resp.pack_all([("INCR", f"count-{each}") for each in range(30)]))
        for _ in range(30):
            reply = connection.read()
            if not isinstance(reply, int):
                raise AssertionError(f"INCR: {reply!r}")
            self.acknowledged["incr"] += 1

    def _transactions(self, connection, _turn):
        connection.send(resp.pack_all([("MULTI",), ("INCR", "{t}multi"), ("INCR", "{t}other"), ("EXEC",)]))
        replies = [connection.read() for _ in range(4)]
        if not isinstance(replies[3], list):
            raise AssertionError(f"MULTI: {replies}")
        self.acknowledged["multi"] += 1

    def _watches(self, connection, _turn):
        connection.command("WATCH", "{w}watch")
        connection.send(resp.pack_all([("MULTI",), ("INCR", "{w}watch"), ("EXEC",)]))
        replies = [connection.read() for _ in range(3)]
        if isinstance(replies[2], list):
            self.acknowledged["watch"] += 1
        elif replies[2] is not None:  # nil: as if somebody had changed it
            raise AssertionError(f"WATCH: {replies}")

    @staticmethod
    def _blocked(connection, turn):
        if connection.command("BLPOP", f"nothing-{turn % 5}", "0.1") is not None:
            raise AssertionError("BLPOP found something")

    def _news(self, connection, turn):
        if connection.command("PUBLISH", "news", turn) != 1:
            raise AssertionError("the subscriber is missing")
        self.published += 1
        time.sleep(0.005)

    def check(self, test, direct):
        found = sum(int(direct(("GET", f"count-{each}"))) for each in range(30))
        test.assertEqual(found, self.acknowledged["incr"])
        test.assertEqual(int(direct(("GET", "{t}multi"))), self.acknowledged["multi"])
        test.assertEqual(int(direct(("GET", "{w}watch"))), self.acknowledged["watch"])
        test.assertEqual(self.received, list(range(self.published)), "messages were lost, doubled or overtaken")


def write_anew(path, text):
    """As careful programs write files: never half of it."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def start_proxy(nodes, *options, **more):
    return Proxy(nodes, ("--client-password", CLIENTS, *options), password=None, **more)


def hold_no_secret(test, proxy, *secrets):
    output = proxy.child.output()
    metrics = proxy.http("/metrics")[1]
    with connect(proxy, CLIENTS) as client:
        client.send(resp.pack("PROXY", "CONFIG"))
        shown = repr(client.read()) + repr(client.command("CONFIG", "GET", "*"))
    for secret in secrets:
        for place, text in (("log", output), ("metrics", metrics), ("PROXY CONFIG", shown)):
            test.assertNotIn(secret, text, place)


@fixture.NOT_ONE_REDIS
class Rotation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(replicas=0)
        cls.addClassCleanup(cls.cluster.stop)

    def setUp(self):
        self.file = processes.directory() / f"password-{self.id().rsplit('.', 1)[1]}"
        self.on_all("ACL", "SETUSER", "default", "on", "resetpass", f">{OLD}", "~*", "&*", "+@all")
        self.on_all("FLUSHALL")

    def on_all(self, *command):
        for node in self.cluster.nodes:
            node.command(*command)

    def direct(self, command):
        for node in self.cluster.nodes:
            try:
                return node.command(*command)
            except resp.ReplyError as error:
                if not str(error).startswith("MOVED"):
                    raise
        raise AssertionError("nobody has it")

    def start(self, *options):
        proxy = start_proxy(self.cluster.addresses(), *options)
        self.addCleanup(proxy.stop)
        return proxy

    def wait_for_logins(self, proxy, before, nodes=3):
        wait_until(lambda: proxy.metric(REAUTHENTICATED) >= before + nodes, 60, "links to log in anew")

    def kill_connections(self):
        for node in self.cluster.nodes:
            node.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            node.command("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")

    def check_still_served(self, proxy):
        with connect(proxy, CLIENTS) as client:
            for each in range(30):
                self.assertEqual(client.command("SET", f"after-{each}", each), b"OK")

    def test_two_passwords_at_once_and_a_file_that_changes(self):
        self.file.write_text(OLD + "\n")
        proxy = self.start("--password-file", self.file)
        with Everything(proxy) as everything:
            for former, latter in ((OLD, NEW), (NEW, NEWEST)):
                self.on_all("ACL", "SETUSER", "default", f">{latter}")
                before = proxy.metric(REAUTHENTICATED)
                write_anew(self.file, latter + "\n")
                # Every worker's links, and a feed.
                self.wait_for_logins(proxy, before, nodes=7)
                self.on_all("ACL", "SETUSER", "default", f"<{former}")
                everything.load.wait_for_progress()
        everything.check(self, self.direct)
        self.assertEqual(proxy.metric(REFUSED), 0)
        self.kill_connections()
        self.check_still_served(proxy)
        hold_no_secret(self, proxy, OLD, NEW, NEWEST)
        self.on_all("ACL", "SETUSER", "default", f">{OLD}")

    def test_the_file_changes_before_the_nodes_know_and_then_they_do(self):
        self.file.write_text(OLD)
        proxy = self.start("--password-file", self.file)
        with Everything(proxy) as everything:
            write_anew(self.file, NEW)
            wait_until(lambda: proxy.metric(REFUSED) >= 3, 20, "nodes to refuse what they do not know")
            everything.load.wait_for_progress()
            self.on_all("ACL", "SETUSER", "default", f">{NEW}")
            # Logins with the old one count as well.
            self.wait_for_logins(proxy, proxy.metric(REAUTHENTICATED), nodes=5)
            everything.load.wait_for_progress()
        everything.check(self, self.direct)
        # While nodes know the old one only, new connections are made with that.
        self.on_all("ACL", "SETUSER", "default", f"<{NEW}")
        self.kill_connections()
        self.check_still_served(proxy)

    def test_a_file_of_no_use_changes_nothing_and_is_told_once(self):
        folder = processes.directory() / "mounted"
        for name, text in (("1", OLD), ("2", ""), ("3", NEW)):
            (folder / name).mkdir(parents=True)
            (folder / name / "password").write_text(text)
        (folder / "..data").symlink_to("1")
        (folder / "password").symlink_to("..data/password")

        def mount(name):  # as Kubernetes does
            (folder / "..new").symlink_to(name)
            (folder / "..new").rename(folder / "..data")

        proxy = self.start("--password-file", folder / "password")
        complaint = "password file of no use"
        mount("2")
        wait_until(lambda: complaint in proxy.child.output(), 20, "the daemon to complain")
        (folder / "2" / "password").write_text("\n")
        (folder / "2" / "password").write_text("")
        self.kill_connections()
        self.check_still_served(proxy)
        self.on_all("ACL", "SETUSER", "default", f">{NEW}")
        mount("3")
        self.wait_for_logins(proxy, 0)
        self.assertEqual(proxy.child.output().count(complaint), 1)
        self.on_all("ACL", "SETUSER", "default", f"<{OLD}")
        self.kill_connections()
        self.check_still_served(proxy)
        self.on_all("ACL", "SETUSER", "default", f">{OLD}")

    def test_clients_present_their_own_password_or_that_of_the_nodes_and_never_what_a_program_tells(self):
        self.file.write_text(OLD)
        proxy = self.start("--password-command", f"cat {self.file}")
        with connect(proxy, None) as client:
            self.assertTrue(client.error("GET", "a").startswith("NOAUTH"))
            self.assertTrue(client.error("AUTH", OLD).startswith("WRONGPASS"))
            self.assertEqual(client.command("AUTH", CLIENTS), b"OK")
            self.assertEqual(client.command("SET", "a", 1), b"OK")
        shared = Proxy(self.cluster.addresses(), ("--password-file", self.file), password=None)
        self.addCleanup(shared.stop)
        connect(shared, OLD).close()

    def test_a_program_tells_another_user_and_sighup_runs_it(self):
        self.on_all("ACL", "SETUSER", "app", "on", f">{NEW}", "~*", "&*", "+@all")
        self.on_all("ACL", "SETUSER", "other", "on", f">{NEWEST}", "~*", "&*", "+@all")
        self.file.write_text(f"{NEW}\nusername app\n")
        proxy = self.start("--password-command", f"cat {self.file}")
        with Everything(proxy) as everything:
            write_anew(self.file, f"{NEWEST}\nusername other\n")
            proxy.child.signal(1)
            self.wait_for_logins(proxy, 0, nodes=7)
            self.on_all("ACL", "SETUSER", "app", "off", "resetpass", "nocommands", "resetkeys")
            everything.load.wait_for_progress()
        everything.check(self, self.direct)

        def all_are_other():
            lists = [node.command("CLIENT", "LIST").decode() for node in self.cluster.nodes]
            return all("user=other" in each and "user=app" not in each for each in lists)

        wait_until(all_are_other, 20, "all connections to be the other user's")
        hold_no_secret(self, proxy, NEW, NEWEST)

    def test_a_program_that_fails_at_first_is_run_until_it_does_not(self):
        script = processes.directory() / "token-program"
        script.write_text(f"#!/bin/sh\n[ -e {self.file} ] || {{ echo 'no {OLD} yet' >&2; echo {OLD}; exit 1; }}\ncat {self.file}\n")
        script.chmod(0o755)
        proxy = start_proxy(self.cluster.addresses(), "--password-command", script, wait_ready=False)
        self.addCleanup(proxy.stop)
        wait_until(lambda: proxy.child.output().count("password-command failed") >= 2, 20, "two failures")
        self.assertEqual(proxy.http("/readyz")[0], 503)
        self.assertNotIn(OLD, proxy.child.output())
        write_anew(self.file, OLD)
        wait_until(lambda: proxy.http("/readyz")[0] == 200, 20, "/readyz")
        failures = proxy.metric("slotless_password_command_failures_total")
        self.assertGreaterEqual(failures, 2)
        self.assertGreater(proxy.metric("slotless_password_command_runs_total"), failures)
        self.check_still_served(proxy)

    def test_reauth_interval(self):
        self.file.write_text(OLD)
        proxy = self.start("--password-file", self.file, "--reauth-interval", "1s")
        with Everything(proxy) as everything:
            self.wait_for_logins(proxy, 0, nodes=21)
        everything.check(self, self.direct)
        self.assertEqual(proxy.metric(REFUSED), 0)


@fixture.NOT_ONE_REDIS
class Services(unittest.TestCase):
    """The rules of services, an hour of which is some seconds here."""

    def serve(self, rules, user="default"):
        service = token_service.TokenService(rules, user)
        self.addCleanup(service.stop)
        left = int(rules.token_seconds - (rules.cut_before_expiry or 0))
        proxy = start_proxy([service.address], "--password-command",
                            f'{PRINT_TOKEN} "username {user}" "expires-in {left}"')
        self.addCleanup(proxy.stop)
        return service, proxy

    def check_lifetime(self, service, proxy, seconds):
        logins = proxy.metric(REAUTHENTICATED)
        with Everything(proxy) as everything:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                everything.load.wait_for_progress(5)
        everything.check(self, lambda command: service.direct.command(*command))
        self.assertEqual(service.cuts, 0)
        self.assertEqual(service.refused, 0)
        self.assertEqual(service.inside_multi, 0)
        self.assertGreater(proxy.metric(REAUTHENTICATED), logins)
        hold_no_secret(self, proxy, "token-1", PASSWORD)

    def test_aws_iam(self):
        # 15 minutes are 12 s; 12 hours would be 576 s, so more is asked for here: 20 s.
        rules = token_service.aws_iam(1 / 75)._replace(cut_after_auth=20)
        service, proxy = self.serve(rules, "iam-user")
        self.assertLess(proxy.metric("slotless_password_seconds_until_expiry"), rules.token_seconds)
        self.check_lifetime(service, proxy, 40)

    def test_memorystore(self):
        # An hour is 9 s.
        service, proxy = self.serve(token_service.memorystore(1 / 400))
        self.check_lifetime(service, proxy, 20)

    def test_entra(self):
        # An hour is 16 s, and three minutes are 0.8 s. A program takes its time on a busy machine.
        service, proxy = self.serve(token_service.entra(1 / 225), "0f-object-id")
        self.check_lifetime(service, proxy, 40)

    def test_a_connection_that_the_service_cuts_is_made_again(self):
        # Nobody logs in again in time: what was unsent, or only read, is sent again.
        rules = token_service.Rules(3600, 1, None, True)
        service, proxy = self.serve(rules)
        with connect(proxy, CLIENTS) as client:
            deadline = time.monotonic() + 60
            turn = 0
            while service.cuts < 5 and time.monotonic() < deadline:
                turn += 1
                self.assertEqual(client.command("GET", f"key-{turn}"), None)
        self.assertGreaterEqual(service.cuts, 5)

    def test_with_reauth_interval_a_password_is_enough_to_keep_connections(self):
        rules = token_service.Rules(3600, 3, None, True)
        service = token_service.TokenService(rules)
        self.addCleanup(service.stop)
        proxy = start_proxy([service.address], "--password-command", PRINT_TOKEN, "--reauth-interval", "1s")
        self.addCleanup(proxy.stop)
        with Everything(proxy) as everything:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                everything.load.wait_for_progress(5)
        everything.check(self, lambda command: service.direct.command(*command))
        self.assertEqual(service.cuts, 0)


if __name__ == "__main__":
    fixture.main()
