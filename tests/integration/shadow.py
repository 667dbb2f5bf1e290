"""shadow-sample: reads are asked again on both sides of a migration, differences are counted, and no client notices."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import move
from move import SECONDS
from waiting import wait_until

# A side that does not answer is waited for a second: clients that had to wait for it, too, would not be through in time.
READS = 200


class Shadow(move.Move):
    def shadow(self, proxy):
        """The lines of PROXY SHADOW: the sum, what was dropped, and each command."""
        text = self.raw(proxy).command("PROXY", "SHADOW")
        text = text.decode() if isinstance(text, bytes) else text
        lines = [dict(pair.split("=", 1) for pair in line.split(" ")) for line in text.splitlines()]
        return lines[0], lines[1], {line["command"]: line for line in lines[2:]}

    def memory(self, proxy):
        text = self.raw(proxy).command("PROXY", "MEMORY")
        text = text.decode() if isinstance(text, bytes) else text
        return dict(line.split(":", 1) for line in text.splitlines() if line)

    def wait_for(self, proxy, command, outcome, read):
        def is_counted():
            read()
            return int(self.shadow(proxy)[2].get(command, {}).get(outcome, 0)) > 0
        wait_until(is_counted, SECONDS, f"{command} to be {outcome}")

    def start(self):
        self.start_proxies(1, ("--shadow-sample", "1"))
        return self.proxies[0]

    def test_what_was_copied_is_equal_and_what_differs_is_told(self):
        proxy = self.start()
        clients = [self.client(proxy, database) for database in move.DATABASES]
        for client in clients:
            client.set("text", "value")
            client.hset("hash", mapping={str(i): i for i in range(600)})
            client.sadd("set", *range(700))
            client.zadd("zset", {str(i): i for i in range(50)})
        run = self.start_run()
        for client in clients:
            def read(client=client):
                client.get("text")
                client.hgetall("hash")
                client.smembers("set")
                client.zrange("zset", 0, -1, withscores=True)
                client.get("absent")
                client.exists("text")
                client.ttl("text")
                client.srandmember("set")
            for command in ("get", "hgetall", "smembers", "zrange", "exists"):
                self.wait_for(proxy, command, "equal", read)
        total, _, commands = self.shadow(proxy)
        self.assertEqual(int(total["different"]), 0, commands)
        self.assertEqual({"ttl", "srandmember", "set", "hset"} & set(commands), set())

        # Nobody tells the copy of what is done behind its back.
        run.kill()
        clients[3].set("text", "another")
        self.wait_for(proxy, "get", "different", lambda: clients[3].get("text"))
        wait_until(lambda: "the sides differ" in proxy.child.output(), SECONDS, "a line in the log")
        line = next(line for line in proxy.child.output().splitlines() if "the sides differ" in line)
        self.assertIn("command=get", line)
        self.assertIn("database=3", line)
        self.assertNotIn("another", line)
        metrics = proxy.http("/metrics")[1]
        self.assertRegex(metrics, r'slotless_shadow_total\{command="get",outcome="different"\} [1-9]')

    def test_a_cluster_that_stands_still_costs_clients_nothing(self):
        proxy = self.start()
        client = self.client(proxy, 3)
        client.set("text", "x" * 1000)
        self.start_run().kill()
        self.wait_for(proxy, "get", "equal", lambda: client.get("text"))
        for node in self.cluster.nodes:
            node.stop()
            self.addCleanup(node.cont)

        def read():
            for _ in range(READS):
                self.assertEqual(client.get("text"), b"x" * 1000)
            return int(self.shadow(proxy)[1]["unreachable"]) > READS
        wait_until(read, SECONDS, "reads to be dropped")
        self.assertLessEqual(int(self.memory(proxy)["heap_shadow_bytes"]), 4 << 20)
        for node in self.cluster.nodes:
            node.cont()
        equal = int(self.shadow(proxy)[0]["equal"])

        def is_compared():
            client.get("text")
            return int(self.shadow(proxy)[0]["equal"]) > equal
        wait_until(is_compared, SECONDS, "reads to be compared again")


if __name__ == "__main__":
    fixture.main()
