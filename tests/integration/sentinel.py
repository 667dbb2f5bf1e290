"""Upstream single by sentinels: a failover that they make costs waiting, and nothing that was acknowledged in time."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
from cluster import PASSWORD
from load import Load
from plain_servers import Sentinel, Server
from proxy import Proxy, connect
from waiting import wait_until

SENTINELS = 3


class Failover(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = [Server("server-0")]
        cls.servers.append(Server("server-1", follows=cls.servers[0]))
        cls.servers[1].wait_until_in_step()
        cls.sentinels = [Sentinel(f"sentinel-{i}", cls.servers[0]) for i in range(SENTINELS)]
        for sentinel in cls.sentinels:
            sentinel.wait_until_informed(1, SENTINELS - 1)
        places = ",".join(sentinel.address for sentinel in cls.sentinels[:2])
        cls.proxy = Proxy(None, ["--server", f"redis+sentinel://:{PASSWORD}@{places}/main"], password=None)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.proxy.stop()
        finally:
            for child in (*cls.sentinels, *cls.servers):
                child.kill()

    def wait_for_master(self, server):
        wait_until(lambda: all(int(each.facts()["port"]) == server.port for each in self.sentinels), 60,
                   f"the sentinels to agree on {server.name}")
        wait_until(server.is_master, 30, f"{server.name} to be the master")

    def test_a_killed_master_is_succeeded(self):
        before, after = self.servers
        after.wait_until_in_step()
        for sentinel in self.sentinels:
            sentinel.wait_until_informed(1, SENTINELS - 1)
        with connect(self.proxy) as connection:
            connection.command("SET", "kept", "value")
        after.wait_until_in_step()

        def read(client, _number, _turn):
            self.assertEqual(client.command("GET", "kept"), b"value")

        with Load(lambda: connect(self.proxy), read) as reads:
            before.kill()
            self.wait_for_master(after)
            reads.wait_for_progress()
        with connect(self.proxy) as connection:
            self.assertEqual(connection.command("SET", "after", "value"), b"OK")
        self.assertEqual(after.command("GET", "after"), b"value")


if __name__ == "__main__":
    fixture.main()
