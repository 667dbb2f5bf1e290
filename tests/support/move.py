"""For tests of the way from one server to a cluster behind proxies, and back: what is written meanwhile, and the commands."""

import os
import threading
import time
import unittest

import migration
import redis
import resp
from cluster import HOST, PASSWORD, Cluster, start_server
from migration import SECONDS, environment  # noqa: F401: what such tests use, too
from proxy import STANDIN, Proxy, connect
from slots import slot_of
from waiting import wait_until

LAYOUTS = ("1=pinned", "2=grouped:bull:*:", "3=spread")
DATABASES = range(4)
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


@unittest.skipIf(STANDIN, "is about the daemon's binary")
class Move(migration.Commands, unittest.TestCase):
    """One Redis, a cluster, and proxies with upstream migrating in front of the one."""

    layouts = LAYOUTS

    def setUp(self):
        self.source, self.port = start_server(f"source-{self._testMethodName}", ["--enable-debug-command", "yes"])
        self.addCleanup(self.source.kill)
        self.cluster = Cluster(replicas=1 if "restart" in self._testMethodName else 0)
        self.addCleanup(self.cluster.stop)
        self.proxies = []
        self.direct = []        # clients that go round the proxies

    @property
    def name(self):
        return self._testMethodName

    def start_proxies(self, count=2, options=()):
        for _ in range(count):
            proxy = Proxy(self.cluster.addresses(), [*self.proxy_options(), *options])
            self.proxies.append(proxy)
            self.addCleanup(proxy.stop)

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

    def check_written(self, proxy, counts):
        """So many numbers stand in each list, from 0 on: nothing is lost, doubled or out of order."""
        for (key, database), count in counts.items():
            found = self.client(proxy, database).lrange(key, 0, count - 1)
            self.assertEqual(found, [str(n).encode() for n in range(count)], key)
