"""slotless migrate: from one server with several databases into a cluster, while clients write, through the loss of
everything that can be lost."""

import json
import os
import pathlib
import random
import signal
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
from slots import slot_of
from waiting import DeadlinePassed, wait_until

LAYOUTS = ("1=pinned", "2=grouped:bull:*:", "3=spread")
DATABASES = range(5)  # 4 is pinned, as by default
SECONDS = 100
SEED = int(os.environ.get("SLOTLESS_MIGRATE_SEED", "20261201"))
BIG = 1500  # elements of keys that are copied in pieces
LIBRARY = "#!lua name=%s\nredis.register_function('%s', function() return '%s' end)"


def fill(client, number):
    """Of each type some keys, with and without a time to live, and one that is large."""
    for i in range(120):
        client.set(f"text:{i}", f"{number}-{i}")
        client.set(f"brief:{i}", "x", px=3_600_000 + i)
    client.set("empty", "")
    client.set("big:text", os.urandom(1000) * 600)
    client.rpush("list", *range(50))
    client.rpush("big:list", *(f"element-{i}" for i in range(BIG)))
    client.hset("hash", mapping={f"field{i}": i for i in range(10)})
    client.hset("big:hash", mapping={f"field{i}": "v" * 30 for i in range(BIG)})
    client.pexpire("big:hash", 3_600_000)
    client.sadd("set", *range(30), "word")
    client.sadd("big:set", *(f"member-{i}" for i in range(BIG)))
    client.zadd("sorted", {f"m{i}": i / 3 for i in range(20)})
    client.zadd("big:sorted", {f"m{i}": i / 7 for i in range(BIG)})
    client.pfadd("distinct", *range(100))
    for name, count in (("stream", 20), ("big:stream", BIG)):
        with client.pipeline(transaction=False) as pipe:
            for i in range(count):
                pipe.xadd(name, {"n": i, "text": "t" * 20}, id=f"{i + 1}-1")
            pipe.execute()
        client.xgroup_create(name, "workers", "0")
        client.xreadgroup("workers", "one", {name: ">"}, count=7)
        client.xreadgroup("workers", "two", {name: ">"}, count=3)
        client.xack(name, "workers", "2-1")
        client.xgroup_create(name, "idle", "$")
        client.xdel(name, f"{count}-1")
    client.xgroup_create("no:entries", "waiting", "0", mkstream=True)
    for queue in ("mail", "sms"):
        client.rpush(f"bull:{queue}:wait", *range(5))
        client.hset(f"bull:{queue}:1", "data", "{}")
    client.set("binary\x00\xff\r\n", b"\x00\xff\r\n")


class Writers:
    """Threads that change keys of all databases until they are stopped."""

    def __init__(self, connect, count=2):
        self._connect = connect
        self._stop = threading.Event()
        self.failures = []
        self._threads = [threading.Thread(target=self._write, args=(i,)) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def _write(self, index):
        random_ = random.Random(SEED + index)
        clients = [self._connect(database) for database in DATABASES]
        try:
            while not self._stop.is_set():
                self._change(random_, random_.choice(clients))
                self._stop.wait(0.002)
        except (redis.RedisError, OSError) as error:
            self.failures.append(error)
        finally:
            for client in clients:
                client.close()

    @staticmethod
    def _change(random_, client):
        i = random_.randrange(200)
        random_.choice((
            lambda: client.set(f"text:{i}", random_.randrange(10 ** 6)),
            lambda: client.set(f"brief:{i}", "y", px=random_.randrange(1, 400)),
            lambda: client.delete(f"text:{i}", f"brief:{i}"),
            lambda: client.rpush("list", i),
            lambda: client.lpop("list"),
            lambda: client.hset("hash", f"field{i % 20}", i),
            lambda: client.hdel("hash", f"field{i % 20}"),
            lambda: client.sadd("set", i),
            lambda: client.zincrby("sorted", 1, f"m{i % 30}"),
            lambda: client.xadd("stream", {"n": i}),
            lambda: client.incr(f"counter:{i % 10}"),
            lambda: Writers._rename(client, f"counter:{i % 10}", f"counter:{i % 7}"),
            lambda: client.persist(f"brief:{i}"),
        ))()

    @staticmethod
    def _rename(client, old, new):
        try:
            client.rename(old, new)
        except redis.ResponseError as error:
            if "no such key" not in str(error):  # another writer has renamed it, or it never was there
                raise

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def environment():
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REDIS_", "SLOTLESS_"))}
    return {**kept, "SLOTLESS_MIGRATE_FROM_PASSWORD": PASSWORD, "REDIS_PASSWORD": PASSWORD}


@unittest.skipIf(STANDIN, "is about the daemon's binary")
class Migrate(unittest.TestCase):
    def setUp(self):
        self.source, self.port = start_server(f"source-{self._testMethodName}", ["--hz", "50", "--enable-debug-command", "yes"])
        self.addCleanup(self.source.kill)
        self.cluster = Cluster(replicas=self.replicas())
        self.addCleanup(self.cluster.stop)
        self._runs = 0

    def replicas(self):
        return 1 if "master" in self._testMethodName else 0

    def client(self, database=0, **options):
        client = redis.Redis(host=HOST, port=self.port, password=PASSWORD, db=database, **options)
        self.addCleanup(client.close)
        return client

    def words(self, action, *options):
        layouts = [word for layout in LAYOUTS for word in ("--database-layout", layout)]
        return [binary(), "migrate", action, "--from", f"redis://{HOST}:{self.port}", "--to",
                ",".join(self.cluster.addresses()), *layouts, *options]

    def start(self, *options):
        self._runs += 1
        folder = processes.directory() / f"{self._testMethodName}-run-{self._runs}"
        return processes.Child(self.words("run", "--json", "--big-key", "32kb", "--max-lag", "30s", "--max-latency", "0", *options), folder, environment())

    def finished(self, run, code=0):
        self.assertEqual(run.wait(SECONDS), code, run.output()[-5000:])
        self.assertNotIn("Sanitizer", run.output())

    def ask(self, action, *options, code=0):
        done = subprocess.run(self.words(action, *options), env=environment(), capture_output=True, text=True,
                              errors="replace", timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, code, done.stdout[-5000:] + done.stderr[-5000:])
        return done.stdout

    def events(self, run):
        lines = run.stdout_path.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def wait_for_event(self, run, what, holds):
        def found():
            if run.exit_code() is not None:
                raise AssertionError(f"it has ended: {run.output()[-3000:]}")
            return any(holds(event) for event in self.events(run))
        wait_until(found, SECONDS, what)

    def wait_for_message(self, run, text):
        self.wait_for_event(run, text, lambda event: text in event.get("text", ""))

    def fill(self):
        for database in DATABASES:
            fill(self.client(database), database)

    def same(self):
        """A run that is at work may need a while to come to it."""
        def verified():
            done = subprocess.run(self.words("verify", "--settle", "1s"), env=environment(), capture_output=True, text=True,
                                  errors="replace", timeout=SECONDS, check=False)
            self.assertNotEqual(done.returncode, 2, done.stderr)
            self.last_verified = done.stdout[-3000:]
            return done.returncode == 0
        try:
            wait_until(verified, SECONDS, "verify to find no differences")
        except DeadlinePassed as late:
            raise AssertionError(self.last_verified) from late

    def status(self):
        return json.loads(self.ask("status", "--json"))

    def test_the_copy_is_the_same_by_the_proxys_names(self):
        self.fill()
        self.client().execute_command("FUNCTION", "LOAD", LIBRARY % ("lib", "fortytwo", "42"))
        self.finished(self.start("--once"))
        options = [word for layout in LAYOUTS for word in ("--database-layout", layout)]
        proxy = Proxy(self.cluster.addresses(), options)
        self.addCleanup(proxy.stop)
        for database in DATABASES:
            with self.subTest(database=database):
                behind = redis.Redis(host=HOST, port=proxy.port, password=PASSWORD, db=database)
                self.addCleanup(behind.close)
                source = self.client(database)
                names = set(source.keys())
                self.assertEqual(set(behind.keys()), names)
                for name in names:
                    self.assertEqual(value_of(behind, name), value_of(source, name), name)
                    self.assertLess(abs(behind.pttl(name) - source.pttl(name)), 5000, name)
        for master in self.cluster.masters():
            self.assertEqual(master.command("FCALL", "fortytwo", 0), b"42")

    def test_it_catches_up_with_writers_and_survives_being_killed_at_any_point(self):
        self.fill()
        writers = Writers(lambda database: self.client(database))
        self.addCleanup(writers.stop)
        random_ = random.Random(SEED)
        # Slowly, so that there is something to be killed.
        for _ in range(3):
            run = self.start("--parallel", "2")
            copied = random_.choice((1, 300, 900))
            self.wait_for_event(run, f"{copied} keys", lambda event: event.get("keys", 0) >= copied)
            run.kill()
        run = self.start()
        self.wait_for_message(run, "the copy has caught up")
        self.ask("status", code=0)
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.same()
        wait_until(lambda: self.status()["caught_up"] == "1", SECONDS, "the status to say that it has caught up")
        run.signal(signal.SIGTERM)
        self.finished(run)
        self.assertIn("can be deleted", self.ask("finish"))
        self.ask("status", code=1)

    def test_a_lost_feed_is_told_of_and_costs_nothing(self):
        self.fill()
        run = self.start()
        self.wait_for_message(run, "the copy has caught up")
        client = self.client(1)
        with client.pipeline(transaction=True) as pipe:  # while nobody listens
            pipe.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            pipe.set("while:nobody:listened", 1)
            pipe.delete("text:1")
            pipe.execute()
        self.wait_for_message(run, "the feed of changes was lost")
        self.wait_for_event(run, "to be quiet again", lambda event: event.get("phase") == "caught up" and event["keys"] > 1500)
        self.same()
        run.signal(signal.SIGTERM)
        self.finished(run)

    def test_flushing_and_swapping_databases_is_followed(self):
        self.fill()
        run = self.start()
        self.wait_for_message(run, "the copy has caught up")
        self.client(2).flushdb()
        self.wait_for_message(run, "was flushed")
        self.client().execute_command("SWAPDB", 0, 1)
        self.wait_for_message(run, "have been swapped")
        self.same()
        run.signal(signal.SIGTERM)
        self.finished(run)

    def test_a_master_of_the_target_may_die(self):
        self.fill()
        writers = Writers(lambda database: self.client(database))
        self.addCleanup(writers.stop)
        run = self.start()
        self.wait_for_event(run, "the first keys", lambda event: event.get("keys", 0) > 0)
        self.cluster.first_masters[1].kill()
        self.wait_for_message(run, "have another master")
        self.wait_for_message(run, "the copy has caught up")
        writers.stop()
        self.same()
        run.signal(signal.SIGTERM)
        self.finished(run)

    def test_verify_finds_what_differs_on_either_side(self):
        self.fill()
        self.finished(self.start("--once"))
        self.assertIn("0 differences", self.ask("verify", "--settle", "500ms"))
        self.client(1).set("only:here", 1)
        self.client(1).hset("big:hash", "field7", "other")
        self.client(3).persist("brief:3")
        self.client(4).delete("text:5")
        self.client(0).delete("set")
        self.client(0).rpush("set", 1)
        text = self.ask("verify", "--settle", "500ms", code=1)
        for line in ('database 1 key "only:here": only on the source', 'database 1 key "big:hash": value of type hash',
                     'database 3 key "brief:3": time to live none', 'database 4 key "text:5": only on the target',
                     'database 0 key "set": type list, on the target set', "5 differences"):
            self.assertIn(line, text)
        found = [json.loads(line) for line in self.ask("verify", "--settle", "500ms", "--json", code=1).splitlines()]
        self.assertEqual(found[-1]["differences"], 5)

    def libraries(self):
        """Of each master."""
        return [sorted(each[1].decode() for each in master.command("FUNCTION", "LIST")) for master in self.cluster.masters()]

    def wait_for_libraries(self, *names):
        wait_until(lambda: self.libraries() == [list(names)] * 3, SECONDS, f"{names} and no others to be on all masters")

    def load(self, client, *words):
        client.execute_command("FUNCTION", "LOAD", LIBRARY % words)

    def test_functions_that_the_source_deletes_or_renames_are_followed(self):
        for master in self.cluster.masters():
            master.command("FUNCTION", "LOAD", LIBRARY % ("own", "own", "of the target"))
        client = self.client()
        for words in (("billing_v1", "bill", "v1"), ("other", "other", "1"), ("third", "third", "3")):
            self.load(client, *words)
        run = self.start("--overwrite")
        self.wait_for_message(run, "the copy has caught up")
        self.wait_for_libraries("billing_v1", "other", "own", "third")
        client.execute_command("FUNCTION", "DELETE", "other")
        self.wait_for_libraries("billing_v1", "own", "third")
        # The same functions under another name, while nobody looks: what has been copied is known all the same.
        run.kill()
        client.execute_command("FUNCTION", "DELETE", "billing_v1")
        self.load(client, "billing_v2", "bill", "v2")
        text = self.ask("verify", "--settle", "500ms", code=1)
        for line in ('key "function library billing_v1": only on redis://', 'key "function library billing_v2": not on redis://', "6 differences"):
            self.assertIn(line, text)
        run = self.start()
        self.wait_for_message(run, "the copy has caught up")
        self.wait_for_libraries("billing_v2", "own", "third")
        for master in self.cluster.masters():
            self.assertEqual([master.command("FCALL", name, 0) for name in ("bill", "own")], [b"v2", b"of the target"])
        client.execute_command("FUNCTION", "FLUSH")
        self.wait_for_libraries("own")
        self.same()
        run.signal(signal.SIGTERM)
        self.finished(run)

    def test_functions_that_cannot_be_copied_are_told_of(self):
        for master in self.cluster.masters():
            master.command("FUNCTION", "LOAD", LIBRARY % ("own", "bill", "of the target"))
        run = self.start("--overwrite")
        self.wait_for_message(run, "the copy has caught up")
        client = self.client()
        self.load(client, "billing", "bill", "of the source")
        self.wait_for_message(run, "functions cannot be copied")
        wait_until(lambda: "bill already exists" in self.status()["trouble"], SECONDS, "the status to say why")
        self.assertEqual(self.status()["caught_up"], "0")
        self.assertIn("bill already exists", self.ask("status"))
        self.wait_for_event(run, "it to look again", lambda event: event.get("phase") == "following")
        self.assertEqual(run.output().count("functions cannot be copied"), 1)
        client.execute_command("FUNCTION", "DELETE", "billing")
        self.wait_for_message(run, "functions are copied again")
        wait_until(lambda: self.status()["caught_up"] == "1", SECONDS, "the copy to catch up again")
        self.assertEqual(self.status()["trouble"], "")
        self.assertEqual(self.libraries(), [["own"]] * 3)
        run.signal(signal.SIGTERM)
        self.finished(run)

    def test_verify_compares_consumer_groups(self):
        self.fill()
        self.finished(self.start("--once"))
        self.client(1).execute_command("XGROUP", "CREATECONSUMER", "stream", "idle", "nobody yet")
        self.client(3).xack("big:stream", "workers", "3-1")
        text = self.ask("verify", "--settle", "500ms", code=1)
        for line in ('database 1 key "stream": consumer groups of a stream', 'database 3 key "big:stream": consumer groups of a stream',
                     "2 differences"):
            self.assertIn(line, text)

    def test_it_says_what_it_will_not_do(self):
        self.client().set("here", 1)
        node = self.cluster.first_masters[0]
        own = set(self.cluster.slots_of(node))
        number = next(i for i in range(10000) if slot_of(f"there{i}") in own)
        node.command("SET", f"there{number}", 1)
        run = self.start("--once")
        self.finished(run, 2)
        self.assertIn("the target has keys already", run.output())
        self.finished(self.start("--once", "--overwrite"))
        self.same()
        run = self.start("--database-layout", "1=spread")
        self.finished(run, 2)
        self.assertIn("holds another migration", run.output())
        self.ask("abort")
        self.ask("status", code=1)
        self.client(9).set("denied", 1)
        run = self.start("--database-layout", "9=denied", "--overwrite")
        self.finished(run, 2)
        self.assertIn("its layout is denied", run.output())

    def test_check_names_what_is_in_the_way(self):
        self.fill()
        text = self.ask("check", "--big-key", "32kb", "--monitor", "100ms")
        for part in ("ok       source: redis://", "ok       feed: ", 'note     big keys: database 3 "big:text"',
                     "2=grouped:bull:*:", "nothing is in the way"):
            self.assertIn(part, text)
        self.client(9).set("key", 1)
        self.client().set("~1:key", 1)
        self.client().execute_command("ACL", "SETUSER", "somebody", "on", "nopass")
        self.cluster.first_masters[0].command("CONFIG", "SET", "maxmemory", 1)
        stop = threading.Event()

        def work():
            with redis.Redis(host=HOST, port=self.port, password=PASSWORD, client_name="app") as client:
                while not stop.is_set():
                    client.eval("return redis.call('GET', KEYS[1])", 2, "text:1", "text:2")
                    client.mget("text:1", "text:2")
                    with client.pipeline(transaction=True) as pipe:
                        pipe.set("text:3", 1).set("text:4", 1).execute()
                    stop.wait(0.02)

        worker = threading.Thread(target=work)
        worker.start()
        try:
            text = self.ask("check", "--database-layout", "9=denied", code=1)
        finally:
            stop.set()
            worker.join()
        for part in ("problem  database 9: ", "its layout is denied", "problem  names: 1 keys", "note     users: they are not copied: somebody",
                     "problem  room: ", "problem  commands: database 0: EVAL over keys of several slots",
                     "problem  commands: database 0: MULTI over keys of several slots", "note     commands: database 0: MGET",
                     "as by app: keys text:2 and text:1"):
            self.assertIn(part, text)
        found = [json.loads(line) for line in self.ask("check", "--json", "--monitor", "0", code=1).splitlines()]
        self.assertIn({"event": "finding", "level": "note", "subject": "users",
                       "text": "they are not copied: somebody (see `users` and `acl-file` of the daemon)"}, found)


def value_of(client, name):
    kind = client.type(name)
    if kind == b"string":
        return client.get(name)
    if kind == b"list":
        return client.lrange(name, 0, -1)
    if kind == b"hash":
        return client.hgetall(name)
    if kind == b"set":
        return client.smembers(name)
    if kind == b"zset":
        return client.zrange(name, 0, -1, withscores=True)
    groups = client.xinfo_groups(name)
    pending = {group["name"]: [(each["message_id"], each["consumer"], each["times_delivered"])
                               for each in client.xpending_range(name, group["name"], "-", "+", 100)] for group in groups}
    info = client.xinfo_stream(name)
    return (client.xrange(name), groups, pending, info["last-generated-id"],
            info.get("entries-added"), info.get("max-deleted-entry-id"))


if __name__ == "__main__":
    fixture.main()
