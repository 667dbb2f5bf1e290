"""slotless migrate roll-back: what has been written on the cluster is on the server again, and so are the proxies and their clients."""

import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import move
import processes
import resp
from cluster import HOST, Cluster
from move import ATTEMPTS, SECONDS, SEED, SIDE, Writers, environment
from slots import slot_of
from waiting import wait_until


class RollBack(move.Move):
    def test_what_is_written_on_the_cluster_comes_back_with_a_roll_back(self):
        """To the cluster, back to the server, to the cluster again: order kept, nothing lost or doubled, no error."""
        self.start_proxies()
        one, other = self.proxies
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        run = self.start_run()
        self.wait_until_ready()
        before = self.client(one, 1)
        before.set("deleted", "there")
        before.set("renamed", "there")
        self.client(one, 4).set("flushed", "there")
        before.function_load("#!lua name=earlier\nredis.register_function('f', function() return 1 end)")
        writers.wait_for_progress()
        self.assertIn("serves the server already", self.roll_back(code=1))
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        writers.wait_for_progress()
        # Of every kind, by connections that were there before.
        before.delete("deleted")
        before.rename("renamed", "renamed:on")
        before.set("brief", "1", px=600_000)
        before.hset("hash", mapping={f"f{i}": i for i in range(2000)})
        before.zadd("sorted", {"a": 1.5, "b": 2})
        before.xadd("stream", {"f": "v"}, id="7-1")
        before.xgroup_create("stream", "group", "0")
        before.xreadgroup("group", "me", {"stream": ">"})
        tasks = [before.xadd("tasks", {"number": i}) for i in range(3)]
        before.xgroup_create("tasks", "workers", id="0")
        before.xreadgroup("workers", "me", {"tasks": ">"})
        before.eval("redis.call('set', KEYS[1], 'by a script')", 1, "scripted")
        grouped = self.client(other, 2)
        grouped.rpush("bull:mail:wait", "1", "2")
        grouped.rpush("bull:sms:wait", "3")
        # A new version by a new name.
        before.function_delete("earlier")
        before.function_load("#!lua name=later\nredis.register_function('f', function() return 2 end)")
        popper = self.raw(one, 1)
        popper.send(resp.pack("BLPOP", "queue", "another", "0"))
        wide = self.raw(other)
        wide.send(resp.pack("BLPOP", "one", "two", "three", "0"))
        listener = self.raw(other)
        listener.send(resp.pack("SUBSCRIBE", "news"))
        listener.read()
        tracker = self.raw(other, 1, protocol=3)
        self.assertEqual(tracker.command("CLIENT", "TRACKING", "ON"), b"OK")
        self.assertEqual(tracker.command("GET", "scripted"), b"by a script")
        self.wait_until_ready()
        # No server tells anybody of these.
        self.assertEqual(before.xack("tasks", "workers", tasks[0]), 1)
        self.assertEqual(len(before.xclaim("tasks", "workers", "another", 0, [tasks[1]])), 1)

        wait_until(lambda: self.caught_up(run), SECONDS, "the copy back to catch up")
        self.assertIn("the server is in force again", self.roll_back("--max-pause", "20s"))
        self.assertEqual(self.side(), "single")
        writers.wait_for_progress()
        self.assertEqual(writers.failures, [])
        back = self.on_source(1)
        self.assertEqual([back.exists("deleted"), back.exists("renamed"), back.get("renamed:on")], [0, 0, b"there"])
        self.assertTrue(500_000 < back.pttl("brief") <= 600_000)
        self.assertEqual(back.hlen("hash"), 2000)
        self.assertEqual(back.zrange("sorted", 0, -1, withscores=True), [(b"a", 1.5), (b"b", 2.0)])
        self.assertEqual(back.xpending("stream", "group")["pending"], 1)
        self.assertEqual([(each["message_id"], each["consumer"]) for each in back.xpending_range("tasks", "workers", "-", "+", 9)],
                         [(tasks[1], b"another"), (tasks[2], b"me")])
        self.assertEqual(back.get("scripted"), b"by a script")
        self.assertEqual(self.on_source(2).lrange("bull:mail:wait", 0, -1), [b"1", b"2"])
        self.assertEqual(self.on_source(2).lrange("bull:sms:wait", 0, -1), [b"3"])
        self.assertEqual(back.execute_command("FCALL", "f", 0), 2)
        self.assertEqual([each[1] for each in back.function_list()], [b"later"])
        self.assertEqual(self.client(other, 1).rpush("another", "element"), 1)
        self.assertEqual(popper.read(), [b"another", b"element"])
        self.client(one).rpush("two", "2")
        self.assertEqual(wide.read(), [b"two", b"2"])
        self.assertEqual(self.client(one).publish("news", "hello"), 1)
        self.assertEqual(listener.read(), [b"message", b"news", b"hello"])
        self.assertEqual(tracker.read(), [b"invalidate", None])
        self.assertEqual(before.get("scripted"), b"by a script")
        for direct in self.direct:
            direct.connection_pool.disconnect()
        # Now as it was at the beginning: the copy into the cluster goes on.
        before.set("written", "on the server again")
        self.client(one, 4).flushdb()
        wait_until(lambda: self.caught_up(run), SECONDS, "the copy to catch up again")
        self.wait_until_ready()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        writers.wait_for_progress()
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.assertEqual(before.get("written"), b"on the server again")
        self.assertEqual(self.client(one, 4).exists("flushed"), 0)
        self.check_written(other, writers.acknowledged)
        self.finish(run)

    def test_a_run_that_was_away_brings_back_what_it_has_missed(self):
        self.cluster.stop()
        self.cluster = Cluster(replicas=1)
        self.addCleanup(self.cluster.stop)
        self.start_proxies(1)
        proxy = self.proxies[0]
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        run = self.start_run()
        self.wait_until_ready()
        client = self.client(proxy, 1)
        client.set("old", "1")
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        run.kill()
        run.wait(SECONDS)
        client.delete("old")
        client.set("new", "2")
        self.assertIn("nobody copies", self.roll_back(code=1))
        run = self.start_run()
        # A master that fails over meanwhile: what it had told last may have been lost.
        victim = self.cluster.owner(slot_of(SIDE))
        victim.kill()
        wait_until(lambda: self.cluster_side() == "cluster", SECONDS, "the replica to take over")
        writers.stop()
        failed = dict(writers.failures)
        wait_until(lambda: self.caught_up(run), SECONDS, "the copy back to catch up")
        wait_until(lambda: self.status(proxy)["ready"] == "yes", SECONDS, "the server to be known")
        self.insist(lambda: self.roll_back("--max-pause", "20s", code=None), "in force again")
        self.assertIsNone(self.on_source(1).get("old"))
        self.assertEqual(self.on_source(1).get("new"), b"2")
        self.check_written(proxy, {key: count for key, count in writers.acknowledged.items() if key[0] not in failed})

    def test_what_the_server_does_not_take_is_not_passed_over(self):
        self.start_proxies(1)
        client = self.client(self.proxies[0], 1)
        run = self.start_run()
        self.wait_until_ready()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        server = self.on_source(1)
        server.config_set("maxmemory", "1")
        client.set("new", "value")
        self.assertEqual(run.wait(SECONDS), 2, run.output()[-3000:])
        self.assertIn("OOM", run.output())
        self.assertIn("nobody copies", self.roll_back(code=1))
        server.config_set("maxmemory", "0")
        run = self.start_run()
        wait_until(lambda: server.get("new") == b"value", SECONDS, "what the server had no room for")
        self.finish(run)

    def test_an_iteration_goes_on_over_a_roll_back_and_leaves_nothing_out(self):
        """Also at a connection that is new, with a cursor that the cluster has given."""
        self.start_proxies(1)
        proxy = self.proxies[0]
        wanted = {}
        for database in (0, 2, 3):
            wanted[database] = {f"bull:queue{i % 7}:{i}".encode() for i in range(1500)}
            with self.client(proxy, database).pipeline(transaction=False) as pipe:
                for key in wanted[database]:
                    pipe.set(key, 1)
                pipe.execute()
        self.start_run()
        self.wait_until_ready()
        before = {database: self.client(proxy, database) for database in wanted}
        seen = {database: set() for database in wanted}

        def page(client, database, cursor):
            cursor, names = client.scan(cursor, count=50)
            seen[database].update(names)
            return cursor

        # Some pages on the server, some on the cluster, the rest on the server.
        cursors = {}
        for database, client in before.items():
            cursors[database] = page(client, database, page(client, database, 0))
            self.assertNotEqual(cursors[database], 0)
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        for database, client in before.items():
            seen[database].clear()
            for _ in range(8):
                cursors[database] = page(client, database, cursors[database])
                self.assertNotEqual(cursors[database], 0)
        self.insist(lambda: self.roll_back("--max-pause", "20s", code=None), "the server is in force again")
        for database, client in before.items():
            known = set(seen[database])
            ways = {"before": client, "new": self.client(proxy, database)}
            for name, way in ways.items():
                seen[database] = set(known)
                cursor = cursors[database]
                while cursor:
                    cursor = page(way, database, cursor)
                self.assertEqual(wanted[database] - seen[database], set(), f"{database} {name}")

    def test_streams_come_back_when_something_is_done_to_their_groups_and_not_before(self):
        """Or else the next roll-back, or cut-over, lets clients wait until all of them have been copied for nothing."""
        self.start_proxies(1)
        client = self.client(self.proxies[0], 1)
        for i in range(100):
            client.xadd(f"stream:{i}", {"f": "v"}, id="1-1")
            client.xgroup_create(f"stream:{i}", "group", "0")
        run = self.start_run()
        self.wait_until_ready()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))

        def brought_back():
            return self.on_source().info("commandstats").get("cmdstat_restore", {"calls": 0})["calls"]

        wait_until(lambda: self.caught_up(run), SECONDS, "the copy back to catch up")
        time.sleep(2.5)  # it looks each second
        self.assertEqual(brought_back(), 0)
        client.xreadgroup("group", "me", {"stream:7": ">"})
        wait_until(lambda: self.on_source(1).xpending("stream:7", "group")["pending"] == 1, SECONDS, "what is pending")
        self.assertGreaterEqual(brought_back(), 100)
        self.finish(run)

    def test_a_node_that_has_given_a_slot_away_is_no_client(self):
        """Its connection to the slot's new owner stays for some seconds."""
        self.start_proxies(1)
        client = self.client(self.proxies[0])
        client.set("key", "value")
        run = self.start_run()
        self.wait_until_ready()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        slot = slot_of("key")
        target = next(node for node in self.cluster.masters() if node is not self.cluster.owner(slot))
        wait_until(lambda: self.caught_up(run), SECONDS, "the copy back to catch up")
        self.wait_until_ready()
        self.cluster.move_slot(slot, target)
        self.assertIn(b" cmd=restore-asking ", target.command("CLIENT", "LIST"))
        wait_until(lambda: self.caught_up(run), SECONDS, "the copy back to catch up")
        said = self.roll_back("--max-pause", "20s", code=None)
        self.assertNotIn("without a proxy", said)
        self.assertEqual(client.get("key"), b"value")

    def test_who_ends_it_hears_which_side_is_in_force(self):
        self.start_proxies(1)
        client = self.client(self.proxies[0])
        client.set("key", "value")
        run = self.start_run()
        self.wait_until_ready()
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        # Abort is for what has not happened yet.
        said = self.ask("abort", code=1)
        for part in ("the cluster is in force", "migrate roll-back", "migrate finish", "--force"):
            self.assertIn(part, said)
        wait_until(lambda: self.caught_up(run), SECONDS, "the copy back to catch up")
        self.insist(lambda: self.roll_back("--max-pause", "20s", code=None), "the server is in force again")
        wait_until(lambda: self.caught_up(run), SECONDS, "the copy to catch up again")
        said = self.ask("finish")
        self.assertEqual(run.wait(SECONDS), 0, run.output()[-3000:])
        self.assertIn(f"The server redis://{HOST}:{self.port} is in force", said)
        self.assertIn("What can be deleted in the cluster", said)
        self.assertNotIn(f"deleted on redis://{HOST}:{self.port}", said)
        # And once more, to the end.
        run = self.start_run("--overwrite")
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        said = self.ask("abort", "--force")
        self.assertIn("there is no way back any more", said)
        self.assertEqual(run.wait(SECONDS), 2, run.output()[-3000:])
        self.assertIn("there is no way back", self.roll_back(code=1))
        self.assertIn("is finished or forgotten", self.ask("run", "--once", code=2))
        self.assertEqual(client.get("key"), b"value")

    def test_killed_at_any_moment_it_has_happened_or_not(self):
        """The command, and the run beside it, as on the way there."""
        self.start_proxies()
        chance = random.Random(SEED)
        writers = Writers(self.proxies)
        self.addCleanup(writers.stop)
        run = self.start_run()
        self.wait_until_ready()
        named = [word for proxy in self.proxies for word in ("--proxy", f"{proxy.host}:{proxy.port}")]
        self.assertIn("the cluster is in force", self.cut_over("--max-pause", "20s"))
        for attempt in range(ATTEMPTS):
            wait_until(lambda: self.caught_up(run), SECONDS, "the copy back to catch up")
            self.wait_until_ready()
            folder = processes.directory() / f"killed-back-{attempt}"
            command = processes.Child(self.words("roll-back", *named, "--max-pause", "5s"), folder, environment(self.secret))
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
            if run.exit_code() is not None:
                run = self.start_run()
            if sides == {"single"}:
                break
        else:
            self.insist(lambda: self.roll_back("--max-pause", "20s", code=None), "in force again")
        writers.wait_for_progress()
        writers.stop()
        self.assertEqual(writers.failures, [])
        self.check_written(self.proxies[0], writers.acknowledged)


if __name__ == "__main__":
    fixture.main()
