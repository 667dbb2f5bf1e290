"""For tests of the way from one server to a cluster behind proxies, and back: what is written meanwhile, and the commands."""

import os
import subprocess
import threading
import time
import unittest

import processes
import redis
import resp
from cluster import HOST, PASSWORD, Cluster, start_server
from proxy import STANDIN, Proxy, binary, connect
from slots import slot_of
from waiting import wait_until

LAYOUTS = ("1=pinned", "2=grouped:bull:*:", "3=spread")
DATABASES = range(4)
SECONDS = 100
SIDE = "~{slotless-migrate}:side"
SEED = os.environ.get("SLOTLESS_CUT_OVER_SEED", "1201")
ATTEMPTS = int(os.environ.get("SLOTLESS_CUT_OVER_ATTEMPTS", "6"))


class Writers:
    """Clients that append numbers to a list of their own, each in one database, and keep one connection for ever."""

    def __init__(self, proxies, pipelined=5):
        self._stop = threading.Event()
        self._pipelined = pipelined
        self.failures = []
        self.acknowledged = {}
        self.longest = 0.0
        self._threads = [threading.Thread(target=self._write, args=(proxy, f"written:{i}:{database}", database))
                         for i, proxy in enumerate(proxies) for database in DATABASES]
        for thread in self._threads:
            thread.start()

    def _write(self, proxy, key, database):
        self.acknowledged[key, database] = 0
        try:
            with connect(proxy) as connection:
                self._expect("OK", connection.command("SELECT", str(database)))
                while not self._stop.is_set():
                    first = self.acknowledged[key, database]
                    began = time.monotonic()
                    for n in range(first, first + self._pipelined):
                        connection.send(resp.pack("RPUSH", key, str(n)))
                    for n in range(first, first + self._pipelined):
                        self._expect(n + 1, connection.read())
                        self.acknowledged[key, database] += 1
                    self.longest = max(self.longest, time.monotonic() - began)
        except (AssertionError, OSError, resp.ReplyError) as error:
            self.failures.append((key, repr(error)))

    @staticmethod
    def _expect(wanted, found):
        if found != wanted and found != str(wanted).encode():
            raise AssertionError(f"{found!r} instead of {wanted!r}")

    def wait_for_progress(self):
        before = dict(self.acknowledged)
        wait_until(lambda: self.failures or all(self.acknowledged.get(key, 0) > count + 20 for key, count in before.items())
                   and len(self.acknowledged) == len(self._threads), SECONDS, "all writers to get on")

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def environment(secret):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REDIS_", "SLOTLESS_"))}
    return {**kept, "SLOTLESS_MIGRATE_FROM_PASSWORD": secret, "REDIS_PASSWORD": PASSWORD,
            "SLOTLESS_MIGRATE_PROXY_PASSWORD": secret}


@unittest.skipIf(STANDIN, "is about the daemon's binary")
class Move(unittest.TestCase):
    """One Redis, a cluster, and proxies with upstream migrating in front of the one."""

    def setUp(self):
        self.source, self.port = start_server(f"source-{self._testMethodName}", ["--enable-debug-command", "yes"])
        self.addCleanup(self.source.kill)
        self.cluster = Cluster(replicas=1 if "restart" in self._testMethodName else 0)
        self.addCleanup(self.cluster.stop)
        self.proxies = []
        self.secret = PASSWORD  # of the server
        self.of_cluster = ()    # more options about it
        self._runs = 0
        self.direct = []        # clients that go round the proxies

    def start_proxies(self, count=2, options=()):
        layouts = [word for layout in LAYOUTS for word in ("--database-layout", layout)]
        for _ in range(count):
            proxy = Proxy(self.cluster.addresses(), ["--upstream", "migrating", "--server", f"{HOST}:{self.port}",
                                                     "--server-password", self.secret, "--allow-admin-commands", "yes",
                                                     *layouts, *self.of_cluster, *options])
            self.proxies.append(proxy)
            self.addCleanup(proxy.stop)

    def words(self, action, *options):
        layouts = [word for layout in LAYOUTS for word in ("--database-layout", layout)]
        return [binary(), "migrate", action, "--from", f"redis://{HOST}:{self.port}", "--to",
                ",".join(self.cluster.addresses()), *layouts, *self.of_cluster, *options]

    def start_run(self, *options):
        self._runs += 1
        folder = processes.directory() / f"{self._testMethodName}-run-{self._runs}"
        run = processes.Child(self.words("run", "--json", "--max-lag", "30s", "--max-latency", "0", *options), folder,
                              environment(self.secret))
        self.addCleanup(run.kill)
        wait_until(lambda: self._caught_up(run), SECONDS, "the copy to catch up")
        return run

    def _caught_up(self, run):
        self.assertIsNone(run.exit_code(), run.output()[-3000:])
        return '"caught_up":"1"' in self.ask("status", "--json", code=None).replace(" ", "")

    def ask(self, action, *options, code=0):
        done = subprocess.run(self.words(action, *options), env=environment(self.secret), capture_output=True, text=True,
                              errors="replace", timeout=SECONDS, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout[-5000:] + done.stderr[-5000:])
        self.assertNotIn("Sanitizer", done.stderr)
        return done.stdout + done.stderr

    def cut_over(self, *options, code=0):
        named = [word for proxy in self.proxies for word in ("--proxy", f"{proxy.host}:{proxy.port}")]
        return self.ask("cut-over", *named, *options, code=code)

    def roll_back(self, *options, code=0):
        for node in self.cluster.nodes:
            node.disconnect()  # this test's own, which go round the proxies
        named = [word for proxy in self.proxies for word in ("--proxy", f"{proxy.host}:{proxy.port}")]
        return self.ask("roll-back", *named, *options, code=code)

    def insist(self, ask, text):
        """Again and again, until that is said."""
        said = []

        def is_said():
            said.append(ask())
            return text in said[-1]

        try:
            wait_until(is_said, SECONDS, f"it to say {text}")
        except AssertionError as error:
            raise AssertionError(said[-1]) from error

    def finish(self, run):
        """The run ends; until then it copies back."""
        wait_until(lambda: self._caught_up(run), SECONDS, "the copy back to catch up")
        self.assertIn("What can be deleted", self.ask("finish"))
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])

    def client(self, proxy, database=0, **options):
        client = redis.Redis(host=proxy.host, port=proxy.port, password=self.secret, db=database, single_connection_client=True,
                             socket_timeout=20, **options)
        self.addCleanup(client.close)
        return client

    def raw(self, proxy, database=0, protocol=None):
        connection = connect(proxy, password=self.secret)
        self.addCleanup(connection.close)
        if protocol:
            connection.command("HELLO", str(protocol))
        if database:
            connection.command("SELECT", str(database))
        return connection

    def on_source(self, database=0):
        client = redis.Redis(host=HOST, port=self.port, password=self.secret, db=database)
        self.direct.append(client)
        self.addCleanup(client.close)
        return client

    def side(self, value=None):
        node = self.cluster.owner(slot_of(SIDE))
        if value is not None:
            node.command("SET", SIDE, value)
        found = node.command("GET", SIDE)
        return found.decode() if isinstance(found, bytes) else found

    def cluster_side(self):
        """As the cluster tells it, whatever node has it by now."""
        for node in self.cluster.nodes:
            try:
                return node.command("GET", SIDE).decode()
            except (AttributeError, OSError, resp.ReplyError):
                continue
        return None

    def status(self, proxy):
        text = self.raw(proxy).command("PROXY", "CUT-OVER", "STATUS")
        text = text.decode() if isinstance(text, bytes) else text
        return dict(line.split(":", 1) for line in text.splitlines() if line)

    def check_written(self, proxy, counts):
        """So many numbers stand in each list, from 0 on: nothing is lost, doubled or out of order."""
        for (key, database), count in counts.items():
            found = self.client(proxy, database).lrange(key, 0, count - 1)
            self.assertEqual(found, [str(n).encode() for n in range(count)], key)

    def wait_until_ready(self):
        for proxy in self.proxies:
            wait_until(lambda proxy=proxy: self.status(proxy)["ready"] == "yes", SECONDS, "the cluster to be known")
