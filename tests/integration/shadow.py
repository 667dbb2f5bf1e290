"""shadow-sample: reads are asked again on both sides of a migration, differences are counted, and no client notices."""

import pathlib
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import move
import processes
import redis
from certificates import Authority
from cluster import Cluster, start_server
from move import SECONDS
from slots import slot_of
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

    def start(self, *options):
        self.start_proxies(1, ("--shadow-sample", "1", *options))
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

    def test_keys_in_several_slots_are_compared_one_by_one(self):
        proxy = self.start()
        client = self.client(proxy, 3)
        names = [f"text:{i}" for i in range(20)]
        client.mset({name: name for name in names})
        for i in range(3):
            client.sadd(f"set:{i}", *range(i, 50))
            client.zadd(f"sorted:{i}", {str(n): n + i for n in range(50)})
        run = self.start_run()
        reads = {"mget": lambda: client.mget([*names, "absent", "set:1"]), "exists": lambda: client.exists(*names),
                 "sunion": lambda: client.sunion("set:0", "set:1", "set:2"), "sintercard": lambda: client.sintercard(2, ["set:0", "set:1"]),
                 "zunion": lambda: client.zunion(["sorted:0", "sorted:1", "set:2"]), "lcs": lambda: client.execute_command("LCS", *names[:2])}
        for command, read in reads.items():
            self.wait_for(proxy, command, "equal", read)
        total, dropped, commands = self.shadow(proxy)
        self.assertEqual([total["different"], dropped["crosses"]], ["0", "0"], commands)
        run.kill()
        client.set("text:7", "another")
        client.srem("set:2", 40)
        for command in ("mget", "lcs", "sunion"):
            if command == "lcs":
                client.set(names[0], "another")
            self.wait_for(proxy, command, "different", reads[command])
        self.assertEqual(self.shadow(proxy)[1]["crosses"], "0")

    def compare_without_a_copy(self, proxy):
        """What both sides have by the same name, and what one of them lacks."""
        client = self.client(proxy)
        client.set("text", "value")
        client.set("lacking", "value")
        self.cluster.owner(slot_of("text")).command("SET", "text", "value")
        self.wait_for(proxy, "get", "equal", lambda: client.get("text"))
        self.wait_for(proxy, "get", "different", lambda: client.get("lacking"))
        self.assertEqual(self.shadow(proxy)[1]["unreachable"], "0")

    def test_the_server_may_speak_tls(self):
        authority = Authority()
        self.source.kill()
        self.source, self.port = start_server("source-with-tls", [], tls=authority)
        self.addCleanup(self.source.kill)
        files = [word for word in authority.upstream_options() if word not in ("--cluster-tls", "yes")]
        self.compare_without_a_copy(self.start(*files, "--server-tls", "yes"))

    def test_the_cluster_may_speak_tls(self):
        self.cluster.stop()
        authority = Authority()
        self.cluster = Cluster(replicas=0, tls=authority)
        self.addCleanup(self.cluster.stop)
        self.of_cluster = authority.upstream_options()
        self.compare_without_a_copy(self.start())

    def test_a_reload_turns_it_on_and_off_while_clients_read(self):
        file = processes.directory() / "shadow.yaml"
        file.write_text("# none\n")
        self.start_proxies(1, ("--config", str(file)))
        proxy = self.proxies[0]
        client = self.client(proxy)
        client.set("text", "value")
        self.cluster.owner(slot_of("text")).command("SET", "text", "value")

        def reload(text, sample):
            file.write_text(text)
            proxy.child.signal(signal.SIGHUP)
            wait_until(lambda: self.shadow(proxy)[0]["sample"] == sample, SECONDS, f"a sample of {sample}")
        client.get("text")
        self.assertEqual(self.shadow(proxy)[0]["sampled"], "0")
        reload("shadow: {upstream: cluster, sample: 100%}\n", "1")
        self.wait_for(proxy, "get", "equal", lambda: client.get("text"))
        reload("# none\n", "0")

        def nothing_is_sampled():
            before = self.shadow(proxy)[0]["sampled"]
            for _ in range(READS):
                client.get("text")
            return self.shadow(proxy)[0]["sampled"] == before
        wait_until(nothing_is_sampled, SECONDS, "reads to be left alone")
        equal = int(self.shadow(proxy)[0]["equal"])
        reload("shadow-sample: 1\n", "1")
        wait_until(lambda: client.get("text") and int(self.shadow(proxy)[0]["equal"]) > equal, SECONDS, "reads to be compared again")

    def test_a_cut_over_is_gone_through_while_reads_are_compared(self):
        proxy = self.start()
        client = self.client(proxy, 3)
        client.set("text", "value")
        client.mset({"one": 1, "two": 2})
        run = self.start_run()
        self.wait_until_ready()
        self.wait_for(proxy, "get", "equal", lambda: client.get("text"))
        stop = threading.Event()
        failures = []

        def read():
            try:
                while not stop.is_set():
                    if client.get("text") != b"value" or client.mget("one", "two") != [b"1", b"2"]:
                        failures.append("another reply")
            except (OSError, redis.RedisError) as error:
                failures.append(repr(error))
        reader = threading.Thread(target=read)
        reader.start()
        try:
            self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
            before = {command: int(counts["equal"]) for command, counts in self.shadow(proxy)[2].items()}
            for command in ("get", "mget"):
                wait_until(lambda command=command: int(self.shadow(proxy)[2].get(command, {}).get("equal", 0)) > before.get(command, 0),
                           SECONDS, f"{command} to be compared with the server")
        finally:
            stop.set()
            reader.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.shadow(proxy)[0]["different"], "0")
        self.finish(run)

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
