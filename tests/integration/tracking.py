"""CLIENT TRACKING: what is cached by a client is invalidated, whoever changes it and wherever it moves."""

import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from slots import key_in, slot_of
from waiting import wait_until

SLOTS = (10, 6000, 16000)  # one of each master
FLUSH = [b"invalidate", None]

# Each line is one request; the next is sent when the reply is in. What one plain Redis says is right.
CONVERSATIONS = {
    "switching": """
        CLIENT TRACKINGINFO
        CLIENT GETREDIR
        CLIENT CACHING YES
        CLIENT TRACKING
        CLIENT TRACKING maybe
        CLIENT TRACKING ON maybe
        CLIENT TRACKING OFF maybe
        CLIENT TRACKING OFF
        CLIENT TRACKING ON
        CLIENT TRACKINGINFO
        CLIENT GETREDIR
        CLIENT TRACKING ON
        CLIENT TRACKING ON BCAST
        CLIENT CACHING YES
        CLIENT CACHING NO
        CLIENT CACHING maybe
        CLIENT CACHING
        CLIENT TRACKING ON NOLOOP
        CLIENT TRACKINGINFO
        CLIENT TRACKING OFF OPTIN
        CLIENT TRACKINGINFO
        CLIENT GETREDIR""",
    "broadcasting": """
        CLIENT TRACKING ON PREFIX a
        CLIENT TRACKING ON PREFIX
        CLIENT TRACKING ON BCAST OPTIN
        CLIENT TRACKING ON BCAST OPTOUT
        CLIENT TRACKING ON BCAST PREFIX ab PREFIX a
        CLIENT TRACKING ON BCAST PREFIX a PREFIX ab
        CLIENT TRACKINGINFO
        CLIENT TRACKING ON BCAST PREFIX foo PREFIX bar
        CLIENT TRACKINGINFO
        CLIENT TRACKING ON BCAST PREFIX fo
        CLIENT TRACKING ON BCAST PREFIX food
        CLIENT TRACKING ON
        CLIENT TRACKING ON BCAST NOLOOP
        CLIENT TRACKINGINFO
        CLIENT CACHING YES""",
    "choosing": """
        CLIENT TRACKING ON OPTIN OPTOUT
        CLIENT TRACKING ON OPTIN
        CLIENT TRACKING ON OPTOUT
        CLIENT CACHING NO
        CLIENT CACHING YES
        CLIENT TRACKINGINFO
        CLIENT GETNAME
        CLIENT TRACKINGINFO
        PING
        CLIENT TRACKINGINFO
        CLIENT CACHING YES
        MULTI
        CLIENT TRACKINGINFO
        EXEC
        CLIENT TRACKINGINFO
        MULTI
        CLIENT CACHING YES
        CLIENT CACHING NO
        GET x
        EXEC
        CLIENT TRACKING OFF
        CLIENT TRACKING ON OPTOUT
        CLIENT CACHING YES
        CLIENT CACHING NO
        CLIENT TRACKINGINFO""",
    "redirecting": """
        CLIENT TRACKING ON REDIRECT
        CLIENT TRACKING ON REDIRECT x
        CLIENT TRACKING OFF REDIRECT x
        CLIENT TRACKING ON REDIRECT 123456789
        CLIENT TRACKING ON REDIRECT 0
        CLIENT TRACKING OFF REDIRECT 123456789
        CLIENT TRACKINGINFO""",
    "beginning anew": """
        CLIENT TRACKING ON OPTIN
        RESET
        AUTH integration-pass
        CLIENT TRACKINGINFO
        CLIENT TRACKING ON
        HELLO 2 SETNAME x
        CLIENT TRACKINGINFO
        GET x""",
}


def setUpModule():
    global site
    site = fixture.open_site(options=("--lease-max-tracking", "90"))


def tearDownModule():
    fixture.close_site()


class Tracker:
    """A RESP3 connection that keeps what is pushed apart from replies."""

    def __init__(self, *options, protocol="3"):
        self.connection = site.connect()
        self.pushes = []
        if protocol == "3":
            self.command("HELLO", "3")
        if options:
            self.command("CLIENT", "TRACKING", "ON", *(o for o in options if o))

    def close(self):
        self.connection.close()

    def _read(self):
        while True:
            reply = self.connection.read_raw()
            if not reply.startswith(b">"):
                return reply
            self.pushes.append(parse(reply))

    def raw(self, *arguments):
        self.connection.send(resp.pack(*arguments))
        return self._read()

    def command(self, *arguments):
        reply = parse(self.raw(*arguments))
        if isinstance(reply, resp.ReplyError):
            raise reply
        return reply

    def wait_for(self, push, seconds=20, keep=False):
        """Until that has been pushed; returns all pushes up to then, and forgets them unless they are to be kept."""
        end = time.monotonic() + seconds
        while push not in self.pushes:
            if time.monotonic() > end:
                raise AssertionError(f"{push!r} was not pushed, only {self.pushes!r}")
            self.connection.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                self.pushes.append(self.connection.read())
            except TimeoutError:
                pass
        self.connection.socket.settimeout(20)
        pushes = self.pushes
        if not keep:
            self.pushes = []
        return pushes

    def settled(self, marker):
        """All pushes so far: what comes before the invalidation of `marker`, which is of any slot."""
        self.command("GET", marker)
        with site.client() as writer:
            writer.set(marker, "x")
        return self.wait_for(invalidation(marker))[:-1]


class Bytes:
    """Bytes in place of a socket, for the parser of replies."""

    def __init__(self, data):
        self.data = data

    def recv(self, count):
        part, self.data = self.data[:count], self.data[count:]
        return part


def parse(data):
    connection = object.__new__(resp.Connection)
    connection.socket, connection._buffer, connection._position = Bytes(data), bytearray(), 0
    return connection.read()


def invalidation(*keys):
    return [b"invalidate", [key.encode() for key in keys]]


class Replies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.child, cls.port = fixture.start_oracle()

    @classmethod
    def tearDownClass(cls):
        cls.child.kill()

    def compare(self, text, *first):
        with resp.Connection(HOST, self.port, PASSWORD) as oracle, site.connect() as proxied:
            for command in first:
                oracle.raw(*command)
                proxied.raw(*command)
            for line in text.split("\n"):
                words = line.split()
                if not words:
                    continue
                expected, actual = oracle.raw(*words), proxied.raw(*words)
                if words[0] != "HELLO":  # which has the number of the connection
                    self.assertEqual(actual, expected, line)

    def test_replies_are_those_of_one_redis(self):
        for name, text in CONVERSATIONS.items():
            for protocol in ("2", "3"):
                with self.subTest(name, protocol=protocol):
                    self.compare(text, ("HELLO", protocol))

    @fixture.NOT_ONE_REDIS
    def test_a_second_prefix_that_overlaps_gives_the_same_error_once(self):
        # Redis 7.0 answers twice, with the error and with OK.
        with site.connect() as connection:
            error = connection.error("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x", "PREFIX", "ab", "PREFIX", "a")
            self.assertIn("Prefix 'ab' overlaps with another provided prefix 'a'", error)
            self.assertEqual(connection.command("PING"), b"PONG")

    def test_client_list_and_info_show_it(self):
        tracker = Tracker("BCAST")
        self.addCleanup(tracker.close)
        line = tracker.command("CLIENT", "INFO").decode()
        self.assertIn(" flags=tB ", line)
        self.assertIn(" redir=0 ", line)
        with site.client() as client:
            self.assertEqual(client.info("clients")["tracking_clients"], 1)
            self.assertEqual(client.info("stats")["tracking_total_prefixes"], 1)
        tracker.close()
        with site.client() as client:
            wait_until(lambda: client.info("clients")["tracking_clients"] == 0, 20, "the client to be gone")


class Invalidations(unittest.TestCase):
    def setUp(self):
        self.writer = site.client()
        self.addCleanup(self.writer.close)

    def tracker(self, *options):
        tracker = Tracker(*(options or ("",)))
        self.addCleanup(tracker.close)
        return tracker

    def test_keys_of_all_masters_are_invalidated_once(self):
        tracker = self.tracker()
        keys = [key_in(slot, "plain") for slot in SLOTS]
        for key in keys:
            tracker.command("GET", key)
        with site.client() as client:
            self.assertEqual(client.info("stats")["tracking_total_keys"], len(keys))
        for key in keys:
            self.writer.set(key, "1")
            self.writer.set(key, "2")
        pushes = tracker.wait_for(invalidation(keys[-1]))
        pushes += tracker.settled("plain-marker")
        self.assertEqual(sorted(map(str, pushes)), sorted(str(invalidation(key)) for key in keys))

    def test_commands_over_several_slots_are_tracked_too(self):
        tracker = self.tracker()
        keys = [key_in(slot, "several") for slot in SLOTS]
        tracker.command("MGET", *keys)
        self.writer.delete(*keys)
        self.writer.mset({key: "1" for key in keys})
        for key in keys:
            tracker.wait_for(invalidation(key), keep=True)

    def test_own_writes_count_unless_noloop(self):
        loud, quiet = self.tracker(), self.tracker("NOLOOP")
        for slot in SLOTS:
            key = key_in(slot, "own")
            for tracker in (loud, quiet):
                tracker.command("GET", key)
                tracker.command("SET", key, "1")
            loud.wait_for(invalidation(key))
        self.assertEqual(quiet.settled("own-marker"), [])

    def test_optin_remembers_what_was_asked_for(self):
        tracker = self.tracker("OPTIN")
        for slot in SLOTS:
            wanted, other = key_in(slot, "wanted"), key_in(slot, "other")
            tracker.command("CLIENT", "CACHING", "YES")
            tracker.command("GET", wanted)
            tracker.command("GET", other)
            self.writer.set(other, "1")
            self.writer.set(wanted, "1")
            self.assertEqual(tracker.wait_for(invalidation(wanted)), [invalidation(wanted)])

    def test_optout_remembers_all_but_what_was_taken_out(self):
        tracker = self.tracker("OPTOUT")
        for slot in SLOTS:
            out, other = key_in(slot, "out"), key_in(slot, "rest")
            tracker.command("CLIENT", "CACHING", "NO")
            tracker.command("GET", out)
            tracker.command("GET", other)
            self.writer.set(out, "1")
            self.writer.set(other, "1")
            self.assertEqual(tracker.wait_for(invalidation(other)), [invalidation(other)])

    def test_broadcast_by_prefix_from_all_masters(self):
        tracker = self.tracker("BCAST", "PREFIX", "user:", "PREFIX", "item:")
        keys = [prefix + key_in(slot) for slot in SLOTS for prefix in ("user:", "item:", "none:")]
        for key in keys:
            self.writer.set(key, "1")
        for key in keys:
            if not key.startswith("none:"):
                tracker.wait_for(invalidation(key), keep=True)
        self.assertEqual([push for push in tracker.pushes if "none" in str(push)], [])

    def test_keys_of_another_database_have_their_names_of_there(self):
        tracker, broadcast = self.tracker(), Tracker()
        self.addCleanup(broadcast.close)
        with site.connect() as writer:
            for connection in (tracker, broadcast, writer):
                connection.command("SELECT", "1")
            broadcast.command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "in-one:")
            self.assertEqual(broadcast.command("CLIENT", "TRACKINGINFO")[b"prefixes"], [b"in-one:"])
            for key in ("in-one:a", "{other}in-one:b", "in-one:c"):
                tracker.command("GET", key)
                writer.command("SET", key, "1")
                self.assertEqual(tracker.wait_for(invalidation(key)), [invalidation(key)])
        broadcast.wait_for(invalidation("in-one:a"), keep=True)
        pushes = broadcast.wait_for(invalidation("in-one:c"))
        self.assertEqual(pushes, [invalidation("in-one:a"), invalidation("in-one:c")])

    def test_transactions_scripts_and_blocking_commands_are_tracked(self):
        tracker = self.tracker()
        for slot in SLOTS:
            key, queue = key_in(slot, "in-multi"), key_in(slot, "queue")
            tracker.command("WATCH", key)
            tracker.command("MULTI")
            tracker.command("GET", key)
            self.assertEqual(tracker.command("EXEC"), [None])
            self.writer.set(key, "1")
            tracker.wait_for(invalidation(key))
            self.assertEqual(tracker.command("EVAL", "return redis.call('get', KEYS[1])", 1, key), b"1")
            self.writer.set(key, "2")
            tracker.wait_for(invalidation(key))
            tracker.command("LRANGE", queue, 0, -1)
            tracker.connection.send(resp.pack("BLPOP", queue, 0))
            self.writer.rpush(queue, "x")
            self.assertEqual(parse(tracker._read()), [queue.encode(), b"x"])
            tracker.wait_for(invalidation(queue))

    def test_a_watch_sees_the_changes_of_others_and_ends(self):
        tracker = self.tracker()
        key = key_in(SLOTS[0], "watched")
        tracker.command("WATCH", key)
        self.writer.set(key, "1")
        tracker.command("MULTI")
        tracker.command("SET", key, "2")
        self.assertIsNone(tracker.command("EXEC"))
        tracker.command("WATCH", key)
        tracker.command("MULTI")
        with self.assertRaises(resp.ReplyError):
            tracker.command("NOPE")
        with self.assertRaises(resp.ReplyError):
            tracker.command("EXEC")
        self.writer.set(key, "3")
        tracker.command("MULTI")
        tracker.command("GET", key)
        self.assertEqual(tracker.command("EXEC"), [b"3"])

    def test_expired_keys_are_invalidated(self):
        tracker = self.tracker()
        key = key_in(SLOTS[1], "expiring")
        self.writer.set(key, "1", px=200)
        self.assertEqual(tracker.command("GET", key), b"1")
        tracker.wait_for(invalidation(key))

    def test_flushall_gives_one_flush(self):
        tracker = self.tracker()
        for slot in SLOTS:
            tracker.command("GET", key_in(slot, "flushed"))
        for _ in range(3):
            self.writer.flushall()
            tracker.wait_for(FLUSH)
        self.assertEqual(tracker.settled("flush-marker"), [])
        tracker.command("FLUSHALL")
        tracker.wait_for(FLUSH)

    def test_ping_comes_behind_what_others_have_changed(self):
        tracker = self.tracker()
        for number in range(100):
            key = key_in(SLOTS[number % len(SLOTS)], f"before-ping-{number}")
            tracker.command("GET", key)
            self.writer.set(key, "1")
            self.assertEqual(tracker.command("PING"), b"PONG")
            self.assertEqual(tracker.pushes, [invalidation(key)])
            tracker.pushes.clear()

    def test_off_reset_and_hello_2_end_it(self):
        for end in (("CLIENT", "TRACKING", "OFF"), ("RESET",), ("HELLO", "2")):
            with self.subTest(end[0]):
                tracker = self.tracker()
                key = key_in(SLOTS[0], "ended")
                tracker.command("GET", key)
                tracker.command(*end)
                if end[0] == "RESET":
                    tracker.command("AUTH", PASSWORD)
                self.writer.set(key, time.monotonic())
                tracker.command("GET", key)
                self.assertEqual(tracker.pushes, [])
                tracker.close()

    def test_pipelines_keep_replies_and_invalidations_apart(self):
        tracker = self.tracker()
        keys = [key_in(slot, "pipe") for slot in SLOTS]
        for round_number in range(30):
            self.writer.mset({key: f"{round_number}" for key in keys})
            tracker.connection.send(resp.pack_all([("GET", key) for key in keys] * 20))
            self.writer.mset({key: f"{round_number}-changed" for key in keys})
            cached = {}
            for number in range(len(keys) * 20):
                reply = tracker.connection.read_raw()
                while reply.startswith(b">"):
                    for key in parse(reply)[1]:
                        cached.pop(key.decode(), None)
                    reply = tracker.connection.read_raw()
                cached[keys[number % 3]] = parse(reply)
            # What the client still holds is fresh, or its invalidation is on its way.
            tracker.pushes.clear()
            for key in keys:
                if cached.get(key) not in (None, f"{round_number}-changed".encode()):
                    tracker.wait_for(invalidation(key), keep=True)

    @fixture.NOT_ONE_REDIS
    def test_redis_cli_shows_an_invalidation(self):
        key = key_in(SLOTS[2], "cli")
        child = subprocess.Popen(
            ["redis-cli", "-3", "--show-pushes", "yes", "-h", HOST, "-p", str(site.proxy.port), "-a", PASSWORD, "--no-auth-warning"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        child.stdin.write(f"CLIENT TRACKING ON\nGET {key}\n")
        child.stdin.flush()
        self.assertEqual([child.stdout.readline() for _ in range(2)], ["OK\n", "\n"])
        told = site.proxy.metric("slotless_invalidations_total")
        self.writer.set(key, "1")
        wait_until(lambda: site.proxy.metric("slotless_invalidations_total") > told, 20, "the invalidation")
        out, _ = child.communicate(f"GET {key}\n", timeout=20)
        self.assertIn("invalidate", out)


class Listener:
    """A connection that others redirect to, of either protocol."""

    def __init__(self, protocol="2"):
        self.connection = site.connect()
        self.protocol = protocol
        if protocol == "3":
            self.connection.raw("HELLO", "3")
        self.number = self.connection.command("CLIENT", "ID")
        if protocol == "2":
            self.connection.command("SUBSCRIBE", "__redis__:invalidate")

    def close(self):
        self.connection.close()

    def keys(self):
        """Of the next message; None: all."""
        message = parse(self.connection.read_raw())
        expected = [b"invalidate"] if self.protocol == "3" else [b"message", b"__redis__:invalidate"]
        assert message[:-1] == expected, message
        return None if message[-1] is None else [key.decode() for key in message[-1]]


class Redirection(unittest.TestCase):
    """REDIRECT, over the workers: several listeners are sure to be another worker's."""

    def setUp(self):
        self.writer = site.client()
        self.addCleanup(self.writer.close)
        self.listeners = []
        for protocol in ("2", "3") * 2:
            listener = Listener(protocol)
            self.addCleanup(listener.close)
            self.listeners.append(listener)

    def tracker(self, listener, *options, protocol="2"):
        tracker = Tracker("REDIRECT", listener.number, *options, protocol=protocol)
        self.addCleanup(tracker.close)
        return tracker

    def test_the_listener_is_told_whatever_the_protocols(self):
        for protocol in ("2", "3"):
            for listener in self.listeners:
                with self.subTest(protocol=protocol, listener=listener.protocol):
                    tracker = self.tracker(listener, protocol=protocol)
                    self.assertEqual(tracker.command("CLIENT", "GETREDIR"), listener.number)
                    for slot in SLOTS:
                        key = key_in(slot, "redirected")
                        self.writer.set(key, "1")
                        self.assertEqual(tracker.command("GET", key), b"1")
                        self.writer.set(key, "2")
                        self.assertEqual(listener.keys(), [key])
                        # In RESP2 a missing value is "$-1", in RESP3 "_".
                        missing = tracker.raw("GET", key + "-missing")
                        self.assertEqual(missing, b"$-1\r\n" if protocol == "2" else b"_\r\n")
                    tracker.command("CLIENT", "TRACKING", "OFF")
                    self.assertEqual(tracker.pushes, [])

    def test_broadcasts_noloop_and_optin_are_redirected_too(self):
        listener = self.listeners[0]
        tracker = self.tracker(listener, "BCAST", "PREFIX", "redir:", "NOLOOP")
        for slot in SLOTS:
            tracker.command("SET", "redir:" + key_in(slot, "own"), "1")
            self.writer.set("redir:" + key_in(slot), "1")
            self.assertEqual(listener.keys(), ["redir:" + key_in(slot)])
        tracker.command("CLIENT", "TRACKING", "OFF")
        tracker.command("CLIENT", "TRACKING", "ON", "REDIRECT", listener.number, "OPTIN")
        for slot in SLOTS:
            wanted, other = key_in(slot, "redir-wanted"), key_in(slot, "redir-other")
            tracker.command("CLIENT", "CACHING", "YES")
            tracker.command("GET", wanted)
            tracker.command("GET", other)
            self.writer.set(other, "1")
            self.writer.set(wanted, "1")
            self.assertEqual(listener.keys(), [wanted])

    def test_a_change_of_protocol_forgets_nothing(self):
        listener = self.listeners[2]
        tracker = self.tracker(listener)
        keys = [key_in(slot, "protocols") for slot in SLOTS]
        for protocol in ("3", "2", "3"):
            for key in keys:
                tracker.command("GET", key)
            tracker.command("HELLO", protocol)
            tracker.command("GET", keys[0])
            for key in keys:
                self.writer.set(key, "1")
                self.assertEqual(listener.keys(), [key])

    def test_flushall_is_told_to_the_listener(self):
        for listener in self.listeners:
            self.tracker(listener)
        self.writer.flushall()
        for listener in self.listeners:
            self.assertIsNone(listener.keys())

    def test_transactions_scripts_and_blocking_commands_keep_resp2(self):
        listener = self.listeners[0]
        tracker = self.tracker(listener)
        key, queue = key_in(SLOTS[1], "redir-multi"), key_in(SLOTS[1], "redir-queue")
        tracker.command("WATCH", key)
        tracker.command("MULTI")
        tracker.command("HGETALL", key)
        self.assertEqual(tracker.raw("EXEC"), b"*1\r\n*0\r\n")
        self.assertEqual(tracker.raw("BLPOP", queue, "0.01"), b"*-1\r\n")
        self.assertEqual(tracker.raw("EVAL", "return redis.call('get', KEYS[1])", 1, key), b"$-1\r\n")
        self.writer.set(key, "1")
        self.assertEqual(listener.keys(), [key])

    def test_a_listener_that_has_left_is_missed(self):
        for listener in self.listeners:
            tracker = self.tracker(listener, protocol="3")
            number, key = listener.number, key_in(SLOTS[0], "broken")
            tracker.command("GET", key)
            listener.close()
            with site.client() as client:
                wait_until(lambda: f"id={number} " not in str(client.execute_command("CLIENT LIST", "ID", number)),
                           20, "the listener to be gone")
            self.writer.set(key, time.monotonic())
            tracker.wait_for([b"tracking-redir-broken", number])
            self.assertIn(b"broken_redirect", tracker.command("CLIENT", "TRACKINGINFO")[b"flags"])

    @fixture.NOT_ONE_REDIS
    def test_two_connections_to_each_master_are_given_back(self):
        wait_until(lambda: site.proxy.metric("slotless_tracking_leases") == 0, 20, "no leases")
        tracker = self.tracker(self.listeners[0])
        self.assertEqual(site.proxy.metric("slotless_tracking_leases"), 6)
        tracker.close()
        wait_until(lambda: site.proxy.metric("slotless_tracking_leases") == 0, 20, "the leases to be given back")


@fixture.NOT_ONE_REDIS
class TopologyChanges(unittest.TestCase):
    """What happens to the cluster."""

    def setUp(self):
        self.writer = site.client()
        self.addCleanup(self.writer.close)
        self.tracker = Tracker("")
        self.addCleanup(self.tracker.close)

    def test_a_lost_connection_gives_a_flush_and_tracking_goes_on(self):
        wait_until(lambda: site.proxy.metric("slotless_tracking_leases") == 3, 20, "one client's leases")
        key = key_in(SLOTS[0], "lost")
        self.tracker.command("GET", key)
        owner = site.cluster.owner(slot_of(key))
        clients = [dict(word.split("=", 1) for word in line.split())
                   for line in owner.command("CLIENT", "LIST").decode().splitlines()]
        leases = [client for client in clients if "t" in client["flags"]]
        self.assertEqual(len(leases), 1)
        owner.command("CLIENT", "KILL", "ID", leases[0]["id"])
        self.tracker.wait_for(FLUSH)
        self.tracker.command("GET", key)
        self.writer.set(key, "1")
        self.tracker.wait_for(invalidation(key))

    def test_a_moving_slot_invalidates_its_keys(self):
        keys = [key_in(SLOTS[1], f"moving-{i}") for i in range(5)]
        self.writer.mset({key: "1" for key in keys})
        for key in keys:
            self.tracker.command("GET", key)
        source = site.cluster.owner(SLOTS[1])
        target = next(node for node in site.cluster.masters() if node is not source)
        move = site.cluster.begin_move(SLOTS[1], target)
        move.migrate(keys[:2])
        for key in keys[:2]:
            self.tracker.wait_for(invalidation(key), keep=True)
        # Half-way: one by ASK, one where it was.
        self.assertEqual(self.tracker.command("GET", keys[0]), b"1")
        self.assertEqual(self.tracker.command("GET", keys[4]), b"1")
        move.migrate()
        move.finish()
        self.writer.get(keys[0])  # it is redirected, and so the proxy hears of the change
        self.tracker.wait_for(FLUSH)
        for key in keys:
            self.assertEqual(self.tracker.command("GET", key), b"1")
        self.writer.set(keys[0], "2")
        self.tracker.wait_for(invalidation(keys[0]))
        site.cluster.move_slot(SLOTS[1], source)

    def test_a_failover_gives_a_flush_and_keys_are_tracked_at_the_new_master(self):
        key = key_in(SLOTS[2], "failover")
        self.writer.set(key, "1")
        self.assertEqual(self.tracker.command("GET", key), b"1")
        old = site.cluster.owner(SLOTS[2])
        site.cluster.wait_for_replicas()
        site.cluster.failover(site.cluster.replica_of(old))
        self.writer.get(key)
        self.tracker.wait_for(FLUSH)
        self.assertEqual(self.tracker.command("GET", key), b"1")
        self.writer.set(key, "2")
        self.tracker.wait_for(invalidation(key))

    def test_leases_are_counted_limited_and_given_back(self):
        wait_until(lambda: site.proxy.metric("slotless_tracking_leases") == 3, 20, "one client's leases")
        more = [Tracker("") for _ in range(20)]
        self.assertEqual(site.proxy.metric("slotless_tracking_leases"), 63)
        self.assertEqual(site.proxy.metric("slotless_tracking_clients"), 21)
        for tracker in more:
            tracker.close()
        wait_until(lambda: site.proxy.metric("slotless_tracking_leases") == 3, 20, "the leases to be given back")
        self.assertGreater(site.proxy.metric("slotless_tracking_flushes_total"), 0)
        self.assertGreater(site.proxy.metric("slotless_invalidations_total"), 0)


if __name__ == "__main__":
    fixture.main()
