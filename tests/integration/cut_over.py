"""slotless migrate cut-over: proxies go over from one server to the cluster, and no client notices more than a moment."""

import json
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import move
import processes
import resp
from certificates import Authority
from cluster import HOST, PASSWORD, Cluster
from move import ATTEMPTS, DATABASES, SECONDS, SEED, SIDE, Writers, environment
from proxy import Proxy, connect
from slots import slot_of
from waiting import wait_until

PROCESSES = "~{slotless-migrate}:proxies"
STATE = "~{slotless-migrate}:state"


class CutOver(move.Move):
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
        self.assertEqual(named.wait(1, 10), 0)  # for which a proxy writes a key of its own
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
        self.assertEqual(self.side(), "cluster")
        # Nothing is lost, doubled or out of order, and the server gets what is written on the cluster.
        for (key, database), count in writers.acknowledged.items():
            found = self.client(one, database).lrange(key, 0, -1)
            self.assertEqual(found[:count], [str(n).encode() for n in range(count)], key)
            self.assertLessEqual(len(found), count + 5)
            self.assertGreater(len(found), lengths[key, database])
            wait_until(lambda: self.on_source(database).lrange(key, 0, -1) == found, SECONDS, f"the server to have {key}")
        self.finish(run)
        self.assertNotIn("reserves", run.output())
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
        self.assertIn("nothing has been copied", self.cut_over(code=1))

    def test_after_a_restart_the_cluster_stays_in_force(self):
        self.start_proxies(1)
        proxy = self.proxies[0]
        self.client(proxy, 1).set("key", "value")
        run = self.start_run("--one-way")
        self.wait_until_ready()
        self.cut_over("--max-pause", "20s")
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])
        self.client(proxy, 1).set("key", "newer")
        self.assertIn("nobody copies", self.roll_back(code=1))
        self.assertEqual(self.on_source(1).get("key"), b"value")
        proxy.kill_and_restart()
        self.assertEqual(self.client(proxy, 1).get("key"), b"newer")
        self.assertEqual(self.status(proxy)["side"], "cluster")
        # A run would bring back what is old.
        again = subprocess.run(self.words("run", "--once", "--one-way"), env=environment(self.secret), capture_output=True, text=True, timeout=SECONDS,
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
        self.finish(run)
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
            self.assertEqual(self.raw(proxy).command("PROXY", "CUT-OVER", "PREPARE", "first", "5000", "300", "cluster"), b"OK")
        # Nobody decides: the first one to lose its patience gives it up for all.
        writers.wait_for_progress()
        self.assertEqual(self.side(), "single")
        self.assertEqual([self.status(proxy)["side"] for proxy in self.proxies], ["single", "single"])
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.side("preparing:second")
        for proxy in self.proxies:
            self.assertEqual(self.raw(proxy).command("PROXY", "CUT-OVER", "PREPARE", "second", "5000", "1500", "cluster"), b"OK")
        self.side("cluster")  # and whoever has decided that is gone
        late = self.client(one)
        self.assertTrue(late.set("where", "on the cluster"))
        # Each loses its patience by its own clock.
        wait_until(lambda: [self.status(proxy)["side"] for proxy in self.proxies] == ["cluster", "cluster"], SECONDS, "both to do it")
        self.assertIsNone(self.on_source().get("where"))

    def test_clients_wait_no_longer_for_a_command_that_was_killed(self):
        self.start_proxies()
        one, other = self.proxies
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        self.start_run()
        self.wait_until_ready()
        writers.wait_for_progress()
        writers.longest = 0.0
        slow = self.raw(one)
        self.assertEqual(slow.command("SET", "waited", "for"), b"OK")
        slow.send(resp.pack("WAIT", "1", "4000"))
        named = [word for proxy in self.proxies for word in ("--proxy", f"{proxy.host}:{proxy.port}")]
        folder = processes.directory() / "killed-in-the-pause"
        command = processes.Child(self.words("cut-over", *named, "--max-pause", "6s"), folder, environment(self.secret))
        wait_until(lambda: "cut-over begins" in other.child.output(), SECONDS, "the pause to begin")
        command.kill()
        wait_until(lambda: "cut-over given up" in other.child.output(), SECONDS, "the pause to end")
        writers.wait_for_progress()
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.assertEqual(self.side(), "single")
        # It asks for the decision when the pause is over, and not at some later time.
        self.assertTrue(5 < writers.longest < 8.5, writers.longest)

    def test_a_pause_that_cannot_be_is_refused_by_the_command(self):
        for pause in ("0", "1ms", "61s", "1h"):
            self.assertIn("--max-pause: allowed is a time from 10ms to 60s", self.ask("cut-over", "--max-pause", pause, code=2))

    def test_a_proxy_that_starts_meanwhile_ends_it(self):
        """Between the list of proxies and the mark that tells those who start later."""
        self.start_proxies(1)
        run = self.start_run()
        self.wait_until_ready()
        node = self.wait_until_announced()
        run.signal(signal.SIGSTOP)  # so that it does not attend yet
        self.addCleanup(run.signal, signal.SIGCONT)
        folder = processes.directory() / "newcomer"
        command = processes.Child(self.words("cut-over", "--max-pause", "20s"), folder, environment(self.secret))
        self.addCleanup(command.kill)
        # The list has been made by then.
        wait_until(lambda: node.command("HGET", STATE, "cut_over"), SECONDS, "the command to wait for the run")
        now = node.command("TIME")[0].decode()
        node.command("HSET", PROCESSES, "newcomer", f"{now} console=redis://{HOST}:1 newcomer process 1 {HOST}:1")
        run.signal(signal.SIGCONT)
        self.assertEqual(command.wait(SECONDS), 1, command.output()[-3000:])
        self.assertIn("not named", command.output())
        self.assertIn("newcomer process", command.output())
        self.assertIn("the server is in force as before", command.output())
        self.assertEqual(self.side(), "single")
        node.command("HDEL", PROCESSES, "newcomer")
        self.insist(lambda: self.ask("cut-over", "--max-pause", "20s", code=None), "the cluster is in force")
        self.finish(run)

    def test_a_proxy_that_is_heard_before_it_announces_itself_is_no_stranger(self):
        self.start_proxies()
        one, other = self.proxies
        self.start_run()
        self.wait_until_ready()
        node = self.wait_until_announced()

        def is_heard():
            text = self.raw(one).command("PROXY", "PEERS")
            return f":{other.port}" in (text.decode() if isinstance(text, bytes) else text)
        wait_until(is_heard, SECONDS, "the other proxy to be heard")
        name = self.status(other)["process"]
        first = node.command("HGET", PROCESSES, name)
        wait_until(lambda: node.command("HGET", PROCESSES, name) != first, SECONDS, "it to announce itself again")
        node.command("HDEL", PROCESSES, name)  # some seconds are left before the next time
        self.proxies = [one]
        said = self.cut_over(code=1)
        self.assertIn("not named", said)
        self.assertNotIn("cannot go over", said)

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
            self.insist(lambda: self.cut_over("--max-pause", "20s", code=None), "in force;")
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
        self.start_run()
        self.wait_until_ready()
        writers.wait_for_progress()
        self.cut_over("--max-pause", "20s")
        copied = {key: self.on_source(key[1]).llen(key[0]) for key in writers.acknowledged}
        self.cluster.owner(slot_of(SIDE)).kill()
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
        self.finish(run)

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
        self.assertEqual([failure for failure in writers.failures if "written:0" in failure[0]], [])
        self.finish(run)

    def sides(self):
        return [self.status(proxy)["side"] for proxy in self.proxies]

    def wait_until_announced(self):
        """All proxies stand in the cluster, so that they are found."""
        node = self.cluster.owner(slot_of(SIDE))
        wait_until(lambda: len(node.command("HKEYS", PROCESSES)) == len(self.proxies), SECONDS, "the proxies to announce themselves")
        return node

    def test_proxies_are_found_without_being_named(self):
        self.start_proxies()
        run = self.start_run()
        self.wait_until_ready()
        self.wait_until_announced()
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        writers.wait_for_progress()
        self.assertIn("the cluster is in force", self.ask("cut-over", "--max-pause", "20s"))
        self.assertEqual(self.sides(), ["cluster", "cluster"])
        self.wait_until_ready()
        for node in self.cluster.nodes:
            node.disconnect()
        self.insist(lambda: self.ask("roll-back", "--max-pause", "20s", code=None), "the server is in force again")
        self.assertEqual(self.sides(), ["single", "single"])
        writers.wait_for_progress()
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.finish(run)

    def test_proxies_that_cannot_be_asked_are_named(self):
        """By their own words in the cluster: gone, older than this release, or not who they say to be."""
        run = self.start_run()
        self.assertIn("which proxies", self.ask("cut-over", code=1))
        self.start_proxies(1)
        proxy = self.proxies[0]
        self.wait_until_ready()
        node = self.wait_until_announced()

        def announce(process, text):
            now = node.command("TIME")[0].decode()
            node.command("HSET", PROCESSES, process, f"{now} {text}")
        announce("gone", f"console=redis://{HOST}:1 gone process 1 {HOST}:1")
        announce("older", "older process 2 127.0.0.1:2")
        announce("odd", "console=http://x odd process 3 127.0.0.1:3")
        announce("forged", f"console=redis://{proxy.host}:{proxy.port} forged process 4 127.0.0.1:4")
        said = self.ask("cut-over", code=1)
        lines = {line.split()[0]: line for line in said.splitlines() if line.startswith("  ")}
        self.assertEqual(set(lines), {"gone", "older", "odd", "forged"}, said)
        self.assertIn(f"redis://{HOST}:1: ", lines["gone"])
        self.assertIn("does not say how its console is reached", lines["older"])
        self.assertIn("is no address", lines["odd"])
        self.assertIn("another process answers", lines["forged"])
        self.assertEqual(self.sides(), ["single"])
        said = self.ask("cut-over", "--force", "--max-pause", "20s")
        self.assertIn("are left behind", said)
        self.assertIn("the cluster is in force", said)
        self.assertEqual(self.sides(), ["cluster"])
        self.finish(run)

    def test_proxies_that_know_only_the_server_are_named(self):
        self.start_proxies(1)
        other = Proxy(None, ["--upstream", "single", "--server", f"{HOST}:{self.port}", "--server-password", self.secret,
                             "--allow-admin-commands", "yes"])
        self.addCleanup(other.stop)
        run = self.start_run()
        self.wait_until_ready()
        self.wait_until_announced()

        def is_heard():
            text = self.raw(self.proxies[0]).command("PROXY", "PEERS")
            return f":{other.port}" in (text.decode() if isinstance(text, bytes) else text)
        wait_until(is_heard, SECONDS, "the other proxy to be heard")
        for asked in (self.cut_over, lambda **options: self.ask("cut-over", **options)):
            said = asked(code=1)
            self.assertIn("cannot go over", said)
            self.assertIn(f":{other.port}", said)
            self.assertIn("--force", said)
            self.assertNotIn("without a proxy", said)
        self.assertIn("the cluster is in force", self.cut_over("--force", "--max-pause", "20s"))
        self.finish(run)

    def test_where_the_copy_stands_is_on_the_page_and_in_the_metrics(self):
        self.start_proxies(1)
        proxy = self.proxies[0]
        client = self.client(proxy, 1)
        client.mset({f"key:{i}": i for i in range(50)})

        def migration():
            return json.loads(proxy.http("/api/v1/migration.json")[1])["migration"]
        self.assertIsNone(migration())
        self.assertNotIn("slotless_migration", proxy.http("/metrics")[1])
        run = self.start_run()
        wait_until(lambda: (migration() or {}).get("caught_up"), SECONDS, "the page to know that the copy is level")
        known = migration()
        self.assertEqual([known["at_work"], known["direction"], known["source"]], [True, "to_cluster", f"redis://{HOST}:{self.port}"])
        self.assertGreaterEqual(known["copied_keys"], 50)
        self.assertGreaterEqual(known["walks"], 1)
        metrics = proxy.metrics()
        self.assertEqual(metrics['slotless_migration_at_work{direction="to-cluster"}'], 1)
        self.assertEqual(metrics["slotless_migration_caught_up"], 1)
        self.assertGreaterEqual(metrics["slotless_migration_copied_keys"], 50)
        self.assertGreater(metrics["slotless_migration_last_update_timestamp_seconds"], 1_700_000_000)
        self.wait_until_ready()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        wait_until(lambda: migration()["direction"] == "to_server", SECONDS, "the page to know of the way back")
        run.kill()
        run.wait(SECONDS)
        wait_until(lambda: not migration()["at_work"], SECONDS, "the page to know that nobody copies")
        self.assertIn('slotless_migration_at_work{direction="to-server"} 0', proxy.http("/metrics")[1])
        self.ask("abort", "--force")
        wait_until(lambda: migration() is None, SECONDS, "the page to forget it")
        self.assertNotIn("slotless_migration", proxy.http("/metrics")[1])

    def test_a_cut_over_that_was_killed_is_in_nobodys_way(self):
        self.start_proxies(1)
        self.side("preparing:somebody who was killed")
        run = self.start_run()
        self.assertEqual(self.side(), "single")
        self.side("preparing:somebody else")
        self.wait_until_ready()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        self.finish(run)

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
        self.finish(run)
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
        self.finish(run)
        self.check_written(proxy, writers.acknowledged)

    def test_without_a_run_that_follows_nothing_is_cut_over(self):
        self.start_proxies(1)
        self.assertIn("nothing has been copied", self.cut_over(code=1))
        self.assertIn("nothing has been copied", self.ask("cut-over", code=1))
        self.assertIn("not waiting", self.raw(self.proxies[0]).error("PROXY", "CUT-OVER", "SETTLE", "nothing", "cluster"))


if __name__ == "__main__":
    fixture.main()
