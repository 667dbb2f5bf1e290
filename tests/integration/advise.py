"""slotless advise: one server with the traffic of several applications, each in a database of its own; and the daemon with the
layouts that have been proposed, under the same traffic."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import redis
from cluster import HOST, PASSWORD, Cluster, start_server
from proxy import STANDIN, Proxy, binary

SECONDS = 120
WATCHED = 4
QUEUES = [f"queue{i}" for i in range(10)]
TENANTS = [f"t{i}" for i in range(40)]
# As BullMQ's: some of the keys that it touches it builds of a prefix.
MOVE_TO_ACTIVE = """
local job = redis.call('RPOPLPUSH', KEYS[1], KEYS[2])
if job then
  redis.call('HSET', ARGV[1] .. job, 'at', 1)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 100, '*', 'event', 'active')
  redis.call('LREM', KEYS[2], 0, job)
end
return job
"""


def cache(client):
    """Keys for themselves."""
    for i in range(10):
        client.set(f"page:{i}", "x")
        client.mget(f"page:{i}", f"page:{i + 1}")


def celery(client):
    """What waits for several queues, and keeps all deliveries in one place."""
    with client.pipeline(transaction=True) as pipe:
        pipe.zadd("unacked_index", {"tag": 1}).hset("unacked", "tag", "{}").execute()
    client.lpush("celery", "task")
    client.brpop(["celery", "mail", "celery\x06\x163"], 1)
    client.sadd("_kombu.binding.celery", "a", "b")
    client.set("celery-task-meta-7", "{}")


def bullmq(client):
    script = client.register_script(MOVE_TO_ACTIVE)
    for i, queue in enumerate(QUEUES):
        base = f"bull:{queue}:"
        with client.pipeline(transaction=True) as pipe:
            pipe.hset(f"{base}meta", "version", "5").hset(f"{base}{i}", "name", "job").lpush(f"{base}wait", i).execute()
        script(keys=[f"{base}wait", f"{base}active", f"{base}events"], args=[base])


def tenants(client):
    """Optimistic transactions over the keys of a tenant."""
    for tenant in TENANTS:
        with client.pipeline(transaction=True) as pipe:
            pipe.watch(f"tenant:{tenant}:balance")
            balance = int(pipe.get(f"tenant:{tenant}:balance") or 0)
            pipe.multi()
            pipe.set(f"tenant:{tenant}:balance", balance + 1).rpush(f"tenant:{tenant}:log", balance)
            pipe.ltrim(f"tenant:{tenant}:log", -5, -1).execute()
        client.sinterstore(f"tenant:{tenant}:both", [f"tenant:{tenant}:a", f"tenant:{tenant}:b"])


APPLICATIONS = {0: cache, 1: celery, 2: bullmq, 3: tenants}
EXPECTED = {0: "0=spread", 1: "1=pinned", 2: "2=grouped:bull:*:", 3: "3=grouped:tenant:*:"}


class Traffic:
    """All applications, one after the other, until it is stopped."""

    def __init__(self, port):
        self._stop = threading.Event()
        self._failures = []
        self._clients = {number: redis.Redis(host=HOST, port=port, password=PASSWORD, db=number, socket_timeout=30)
                         for number in APPLICATIONS}
        self.once()  # whoever looks finds keys
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def once(self):
        for number, application in APPLICATIONS.items():
            application(self._clients[number])

    def _run(self):
        try:
            while not self._stop.is_set():
                self.once()
        except (redis.RedisError, OSError) as error:
            self._failures.append(error)

    def stop(self):
        self._stop.set()
        self._thread.join()
        for client in self._clients.values():
            client.close()
        return self._failures


@unittest.skipIf(STANDIN, "is about the daemon's binary")
class Advise(unittest.TestCase):
    def setUp(self):
        self.source, self.port = start_server(f"source-{self._testMethodName}", [])
        self.addCleanup(self.source.kill)

    def run_it(self, *options, url=None, env=None):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REDIS_", "SLOTLESS_"))}
        return subprocess.run([str(binary()), "advise", "--from", url or f"redis://:{PASSWORD}@{HOST}:{self.port}", *options],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**kept, **(env or {})}, encoding="utf-8",
                              timeout=SECONDS, check=False)

    def advise(self, *options, **more):
        done = self.run_it("--json", *options, **more)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def client(self, database=0, **more):
        client = redis.Redis(host=HOST, port=self.port, password=PASSWORD, db=database, **more)
        self.addCleanup(client.close)
        return client

    def test_proposes_for_each_application_what_it_needs_and_the_daemon_serves_it_so(self):
        traffic = Traffic(self.port)
        try:
            found = {event["database"]: event for event in self.advise("--monitor", str(WATCHED))}
        finally:
            self.assertEqual(traffic.stop(), [])
        self.assertEqual({number: event["rule"] for number, event in found.items()}, EXPECTED)
        for event in found.values():
            self.assertGreater(event["commands"], 0)
        by_rule = {each["layout"]: each for each in found[2]["layouts"]}
        self.assertGreater(by_rule["2=spread"]["crossing"]["scripts"]["crossing"], 0)
        self.assertGreater(by_rule["2=spread"]["crossing"]["transactions"]["crossing"], 0)
        grouped = by_rule["2=grouped:bull:*:"]
        self.assertEqual(grouped["groups"], len(QUEUES))
        self.assertEqual(grouped["crossing"]["scripts"]["crossing"], 0)
        self.assertGreater(grouped["largest"]["bytes"], 0)
        self.assertEqual(by_rule["2=pinned"]["groups"], 1)
        self.assertIn("BRPOP with celery and ", found[1]["layouts"][0]["crossing"]["commands"]["example"])
        self.assertGreater(found[0]["layouts"][0]["crossing"]["split"]["crossing"], 0)

        cluster = Cluster(replicas=0)
        self.addCleanup(cluster.stop)
        rules = [word for rule in EXPECTED.values() for word in ("--database-layout", rule)]
        proxy = Proxy(cluster.addresses(), rules)
        self.addCleanup(proxy.stop)
        served = Traffic(proxy.port)
        self.assertEqual(served.stop(), [])

    def test_the_text_for_people_names_the_rule_and_what_would_cross(self):
        traffic = Traffic(self.port)
        try:
            done = self.run_it("--monitor", str(WATCHED))
        finally:
            self.assertEqual(traffic.stop(), [])
        self.assertEqual(done.returncode, 0, done.stderr)
        for number, rule in EXPECTED.items():
            self.assertIn(f"database {number}: ", done.stdout)
            self.assertIn(f"database-layout: {rule}\n", done.stdout)
        self.assertIn("spread would cross: EVALSHA with bull:queue0:", done.stdout)
        self.assertNotIn("grouped:bull:*: would cross", done.stdout)

    def test_names_alone_do_where_nobody_is_watched_and_nothing_is_changed(self):
        client = self.client(2)
        for queue in QUEUES:
            for each in ("wait", "active", "meta"):
                client.rpush(f"bull:{queue}:{each}", 1)
        changes = client.info("persistence")["rdb_changes_since_last_save"]
        commands = client.info("commandstats")
        self.assertNotIn("cmdstat_monitor", commands)
        events = self.advise("--monitor", "0", "--sample", "20")
        self.assertEqual([event["rule"] for event in events], ["2=grouped:bull:*:"])
        self.assertIn("by the names alone", events[0]["why"])
        self.assertEqual(events[0]["keys"], 30)
        self.assertEqual(client.info("persistence")["rdb_changes_since_last_save"], changes)
        self.assertNotIn("cmdstat_monitor", client.info("commandstats"))

    def test_what_a_user_may_not_ask_is_told_and_the_rest_is_looked_at(self):
        client = self.client()
        client.mset({f"tenant:{i}:{part}": 1 for i in range(40) for part in ("a", "b")})
        client.execute_command("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+info", "+scan", "+select", "+ping")
        events = self.advise("--monitor", "1", url=f"redis://reader:secret@{HOST}:{self.port}")
        self.assertEqual([event["event"] for event in events], ["note", "database"])
        self.assertIn("MONITOR", events[0]["text"])
        self.assertEqual(events[1]["rule"], "0=grouped:tenant:*:")
        self.assertEqual(events[1]["layouts"][0]["largest"]["bytes"], 0)
        client.execute_command("ACL", "SETUSER", "reader", "-scan")
        events = self.advise("--monitor", "0", url=f"redis://reader:secret@{HOST}:{self.port}")
        self.assertIn("the keys of database 0 cannot be looked at", events[0]["text"])

    def test_passwords_come_from_files_and_the_environment_and_are_not_shown(self):
        url = f"redis://{HOST}:{self.port}"
        file = processes.directory() / "advise-password"
        file.write_text(PASSWORD + "\n", encoding="ascii")
        for more in ({"options": ("--from-password-file", str(file))}, {"env": {"SLOTLESS_MIGRATE_FROM_PASSWORD": PASSWORD}}):
            done = self.run_it("--monitor", "0", *more.get("options", ()), url=url, env=more.get("env"))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("no database has keys", done.stderr)
        wrong = self.run_it("--monitor", "0", url=f"redis://:wrong-secret@{HOST}:{self.port}")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn(str(self.port), wrong.stderr)
        self.assertNotIn("wrong-secret", wrong.stdout + wrong.stderr)

    def test_what_makes_no_sense_is_refused(self):
        for options in (("--monitor", "2s"), ("--sample", "many"), ("--unheard",), ("word",), ("--from", "redis://h:1/3")):
            done = self.run_it(*options)
            self.assertEqual(done.returncode, 2, options)
            self.assertIn("slotless advise: ", done.stderr)
        self.assertIn("--monitor SECONDS", self.run_it("--help").stdout)

    def test_a_node_of_a_cluster_is_refused_as_source_and_asked_for_its_databases_as_target(self):
        cluster = Cluster(replicas=0)
        self.addCleanup(cluster.stop)
        node = cluster.nodes[0]
        refused = self.run_it("--monitor", "0", url=f"redis://:{PASSWORD}@{HOST}:{node.port}")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("is a node of a cluster", refused.stderr)
        self.client(3).set("key", 1)
        options = ("--monitor", "0", "--to", ",".join(cluster.addresses()))
        has = node.command("CONFIG", "GET", "cluster-databases")
        layouts = [each["layout"] for each in self.advise(*options, env={"REDIS_PASSWORD": PASSWORD})[0]["layouts"]]
        self.assertEqual("3=native" in layouts, len(has) == 2 and int(has[1]) > 3, layouts)
        events = self.advise(*options)  # without the nodes' password
        self.assertEqual(events[0]["event"], "note")
        self.assertIn("whether the nodes have databases", events[0]["text"])


if __name__ == "__main__":
    fixture.main()
