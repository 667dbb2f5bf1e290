"""slotless migrate cut-over: proxies go over from one server to the cluster, and no client notices more than a moment."""

import os
import pathlib
import random
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import redis
import resp
from certificates import Authority
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
class CutOver(unittest.TestCase):
    def setUp(self):
        self.source, self.port = start_server(f"source-{self._testMethodName}", ["--enable-debug-command", "yes"])
        self.addCleanup(self.source.kill)
        self.cluster = Cluster(replicas=1 if "restart" in self._testMethodName else 0)
        self.addCleanup(self.cluster.stop)
        self.proxies = []
        self.secret = PASSWORD  # of the server
        self.of_cluster = ()    # more options about it
        self._runs = 0

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

    def start_run(self):
        self._runs += 1
        folder = processes.directory() / f"{self._testMethodName}-run-{self._runs}"
        run = processes.Child(self.words("run", "--json", "--max-lag", "30s", "--max-latency", "0"), folder, environment(self.secret))
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

    def test_clients_notice_nothing_but_a_moment(self):
        self.start_proxies()
        one, other = self.proxies
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        run = self.start_run()
        # In the middle of everything.
        popper = self.raw(one, 1)
        popper.send(resp.pack("BLPOP", "queue", "another", "0"))
        mover = self.raw(other)
        mover.send(resp.pack("BLMOVE", "{m}from", "{m}to", "LEFT", "RIGHT", "60"))
        reader = self.raw(one, 2)
        reader.send(resp.pack("XREAD", "BLOCK", "60000", "STREAMS", "bull:mail:events", "$"))
        brief = self.raw(other, 3)
        brief.send(resp.pack("BLPOP", "nothing", "6"))
        listener = self.raw(other)
        listener.send(resp.pack("SUBSCRIBE", "news"))
        listener.read()
        watcher = self.raw(one, 1)
        self.assertEqual(watcher.command("SET", "watched", "1"), b"OK")
        self.assertEqual(watcher.command("WATCH", "watched"), b"OK")
        self.assertEqual(watcher.command("MULTI"), b"OK")
        self.assertEqual(watcher.command("SET", "watched", "2"), b"QUEUED")
        named = self.client(one, 3)
        named.client_setname("persistent")
        named.set("plain", "before", px=600_000)
        sha = named.script_load("return redis.call('get', KEYS[1])")
        tracker = self.raw(other, 1, protocol=3)
        self.assertEqual(tracker.command("CLIENT", "TRACKING", "ON"), b"OK")
        self.assertEqual(tracker.command("GET", "watched"), b"1")
        writers.wait_for_progress()
        self.wait_until_ready()

        said = self.cut_over("--max-pause", "20s")
        self.assertIn("the cluster is in force", said)
        print(f"\n  {said.strip()}; the longest wait for five replies: {writers.longest:.3f} s", file=sys.stderr)
        after = {database: self.on_source(database).dbsize() for database in DATABASES}
        lengths = {key: self.on_source(key[1]).llen(key[0]) for key in writers.acknowledged}
        writers.wait_for_progress()
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])
        self.assertEqual(self.side(), "cluster")
        # Nothing is lost, doubled or out of order, and nothing has gone to the server any more.
        for (key, database), count in writers.acknowledged.items():
            found = self.client(one, database).lrange(key, 0, -1)
            self.assertEqual(found[:count], [str(n).encode() for n in range(count)], key)
            self.assertLessEqual(len(found), count + 5)
            self.assertGreater(len(found), lengths[key, database])
            self.assertEqual(self.on_source(database).llen(key), lengths[key, database])
        self.assertEqual({database: self.on_source(database).dbsize() for database in DATABASES}, after)
        # What waited waits on, for what comes on the cluster.
        self.assertEqual(self.client(other, 1).rpush("another", "element"), 1)
        self.assertEqual(popper.read(), [b"another", b"element"])
        self.client(one).rpush("{m}from", "moved")
        self.assertEqual(mover.read(), b"moved")
        self.client(one, 2).xadd("bull:mail:events", {"f": "v"}, id="9-1")
        self.assertEqual(reader.read(), [[b"bull:mail:events", [[b"9-1", [b"f", b"v"]]]]])
        self.assertIsNone(brief.read())
        self.assertEqual(self.client(one).publish("news", "hello"), 1)
        self.assertEqual(listener.read(), [b"message", b"news", b"hello"])
        # What it has read may be anything by now.
        self.assertEqual(tracker.read(), [b"invalidate", None])
        # What was watched cannot be told any more.
        self.assertIsNone(watcher.command("EXEC"))
        self.assertEqual(watcher.command("GET", "watched"), b"1")
        self.assertEqual(named.client_getname(), "persistent")
        self.assertEqual(named.get("plain"), b"before")
        self.assertLessEqual(named.pttl("plain"), 600_000)
        self.assertEqual(named.evalsha(sha, 1, "plain"), b"before")
        # The names are those of the layouts, and what one database has no other one sees.
        self.assertEqual(self.client(other, 0).exists("plain"), 0)
        self.assertEqual(named.dbsize(), self.on_source(3).dbsize())
        for proxy in self.proxies:
            self.assertEqual(self.status(proxy)["side"], "cluster")
            self.assertEqual(proxy.http("/readyz")[0], 200)
        self.assertIn("nobody copies", self.cut_over(code=1))

    def test_after_a_restart_the_cluster_stays_in_force(self):
        self.start_proxies(1)
        proxy = self.proxies[0]
        self.client(proxy, 1).set("key", "value")
        run = self.start_run()
        self.wait_until_ready()
        self.cut_over("--max-pause", "20s")
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])
        self.client(proxy, 1).set("key", "newer")
        proxy.kill_and_restart()
        self.assertEqual(self.client(proxy, 1).get("key"), b"newer")
        self.assertEqual(self.status(proxy)["side"], "cluster")
        # A run would bring back what is old.
        again = subprocess.run(self.words("run", "--once"), env=environment(self.secret), capture_output=True, text=True, timeout=SECONDS,
                               check=False)
        self.assertEqual(again.returncode, 2, again.stdout + again.stderr)
        self.assertIn("taken the server's place", again.stderr)
        self.assertEqual(self.client(proxy, 1).get("key"), b"newer")

    def test_what_cannot_be_done_in_time_has_not_happened(self):
        self.start_proxies()
        one, other = self.proxies
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        run = self.start_run()
        writers.wait_for_progress()
        self.wait_until_ready()
        popper = self.raw(other, 1)
        popper.send(resp.pack("BLPOP", "queue", "0"))
        # A command that takes longer than clients may be kept waiting.
        slow = self.raw(one)
        self.assertEqual(slow.command("SET", "waited", "for"), b"OK")
        slow.send(resp.pack("WAIT", "1", "4000"))
        said = self.cut_over("--max-pause", "500ms", code=1)
        self.assertIn("the server is in force as before", said)
        self.assertEqual(slow.read(), 0)
        writers.wait_for_progress()
        self.assertEqual(self.side(), "single")
        self.assertEqual(self.client(one, 1).rpush("queue", "x"), 1)
        self.assertEqual(popper.read(), [b"queue", b"x"])
        self.assertEqual(writers.failures, [])
        # The copy goes on, and the next attempt succeeds.
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        writers.wait_for_progress()
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])
        self.check_written(one, writers.acknowledged)

    def test_a_proxy_that_hears_nothing_does_what_has_been_decided(self):
        self.start_proxies()
        one, other = self.proxies
        self.wait_until_ready()
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        writers.wait_for_progress()
        self.side("preparing:first")
        for proxy in self.proxies:
            self.assertEqual(self.raw(proxy).command("PROXY", "CUT-OVER", "PREPARE", "first", "5000", "300"), b"OK")
        # Nobody decides: the first one to lose its patience gives it up for all.
        writers.wait_for_progress()
        self.assertEqual(self.side(), "single")
        self.assertEqual([self.status(proxy)["side"] for proxy in self.proxies], ["single", "single"])
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.side("preparing:second")
        for proxy in self.proxies:
            self.assertEqual(self.raw(proxy).command("PROXY", "CUT-OVER", "PREPARE", "second", "5000", "1500"), b"OK")
        self.side("cluster")  # and whoever has decided that is gone
        late = self.client(one)
        self.assertTrue(late.set("where", "on the cluster"))
        self.assertEqual([self.status(proxy)["side"] for proxy in self.proxies], ["cluster", "cluster"])
        self.assertIsNone(self.on_source().get("where"))

    def test_killed_at_any_moment_it_has_happened_or_not(self):
        """The command, and the run beside it: whatever is killed, all proxies serve the same side, and nothing is lost."""
        self.start_proxies()
        chance = random.Random(SEED)
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        run = self.start_run()
        self.wait_until_ready()
        writers.wait_for_progress()
        named = [word for proxy in self.proxies for word in ("--proxy", f"{proxy.host}:{proxy.port}")]
        for attempt in range(ATTEMPTS):
            folder = processes.directory() / f"killed-{attempt}"
            command = processes.Child(self.words("cut-over", *named, "--max-pause", "5s"), folder, environment(self.secret))
            time.sleep(chance.uniform(0.1, 1.5))
            victim = chance.choice((command, command, run))
            victim.kill()
            if victim is run:
                command.wait(SECONDS)
            writers.wait_for_progress()
            self.assertEqual(writers.failures, [])
            wait_until(lambda: all(self.status(proxy)["phase"] == "serving" for proxy in self.proxies), SECONDS, "a decision")
            sides = {self.status(proxy)["side"] for proxy in self.proxies}
            self.assertEqual(len(sides), 1, sides)
            if sides == {"cluster"}:
                break
            if run.exit_code() is not None:
                run = self.start_run()
        else:
            wait_until(lambda: "in force" in self.cut_over("--max-pause", "20s", code=None), SECONDS, "a cut-over to succeed")
        writers.wait_for_progress()
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.check_written(self.proxies[0], writers.acknowledged)

    def test_a_master_of_the_cluster_that_dies_after_it_takes_nothing_along(self):
        """What the run had copied last is on the replicas before anybody decides."""
        self.cluster.stop()
        self.cluster = Cluster(replicas=1)
        self.addCleanup(self.cluster.stop)
        self.start_proxies()
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        run = self.start_run()
        self.wait_until_ready()
        writers.wait_for_progress()
        self.cut_over("--max-pause", "20s")
        copied = {key: self.on_source(key[1]).llen(key[0]) for key in writers.acknowledged}
        self.cluster.owner(slot_of(SIDE)).kill()
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])
        wait_until(lambda: self.cluster_side() == "cluster", SECONDS, "the replica to know what was decided")
        writers.stop()
        self.check_written(self.proxies[0], copied)

    def test_who_goes_round_the_proxies_is_named(self):
        self.start_proxies(1)
        run = self.start_run()
        self.wait_until_ready()
        stranger = self.on_source()
        stranger.client_setname("old-cron-job")
        said = self.cut_over(code=1)
        self.assertIn("without a proxy", said)
        self.assertIn("old-cron-job", said)
        self.assertIsNone(self.side())
        self.assertIn("the cluster is in force", self.cut_over("--force", "--max-pause", "20s"))
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])

    def test_a_proxy_that_is_not_named_is_not_forgotten(self):
        self.start_proxies()
        one, other = self.proxies
        run = self.start_run()
        self.wait_until_ready()
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        self.proxies = [one]
        said = self.cut_over(code=1)
        self.assertIn("not named", said)
        self.assertIn(f":{other.port}", said)
        # Forced, it is left behind for some seconds, and goes over as soon as it hears of it.
        self.assertIn("the cluster is in force", self.cut_over("--force", "--max-pause", "20s"))
        wait_until(lambda: self.status(other)["side"] == "cluster", SECONDS, "the other proxy to go over")
        writers.wait_for_progress()
        writers.stop()
        # What it has taken meanwhile was for the server only: --force says so.
        self.assertEqual([failure for failure in writers.failures if f"written:0" in failure[0]], [])
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])

    def test_a_cut_over_that_was_killed_is_in_nobodys_way(self):
        self.start_proxies(1)
        self.side("preparing:somebody who was killed")
        run = self.start_run()
        self.assertEqual(self.side(), "single")
        self.side("preparing:somebody else")
        self.wait_until_ready()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])

    def test_each_side_has_a_password_of_its_own(self):
        """Clients go on to present the server's, also those that come later."""
        with resp.Connection(HOST, self.port, PASSWORD) as administrator:
            administrator.command("CONFIG", "SET", "requirepass", "the server's")
        self.secret = "the server's"
        self.start_proxies(1)
        proxy = self.proxies[0]
        before = self.raw(proxy)
        self.assertEqual(before.command("SET", "key", "value"), b"OK")
        run = self.start_run()
        self.wait_until_ready()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])
        self.assertEqual(before.command("APPEND", "key", "2"), 6)
        self.assertEqual(self.raw(proxy).command("GET", "key"), b"value2")
        with connect(proxy, password=None) as stranger:
            self.assertIn("WRONGPASS", stranger.error("AUTH", PASSWORD))
        proxy.kill_and_restart()
        self.assertEqual(self.raw(proxy).command("GET", "key"), b"value2")

    def test_from_a_plain_server_into_a_cluster_that_speaks_tls(self):
        self.cluster.stop()
        authority = Authority()
        self.cluster = Cluster(replicas=0, tls=authority)
        self.addCleanup(self.cluster.stop)
        self.of_cluster = authority.upstream_options()
        self.start_proxies(1)
        proxy = self.proxies[0]
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        run = self.start_run()
        self.wait_until_ready()
        writers.wait_for_progress()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        writers.wait_for_progress()
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])
        self.check_written(proxy, writers.acknowledged)

    def test_without_a_run_that_follows_nothing_is_cut_over(self):
        self.start_proxies(1)
        self.assertIn("nothing has been copied", self.cut_over(code=1))
        self.assertIn("which proxies", self.ask("cut-over", code=1))
        self.assertIn("not waiting", self.raw(self.proxies[0]).error("PROXY", "CUT-OVER", "SETTLE", "nothing"))


if __name__ == "__main__":
    fixture.main()
