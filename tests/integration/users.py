"""Users: two applications in one proxy, what is taken back, ACL files, and the same verdicts as one Redis's."""

import pathlib
import random
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import redis
from cluster import HOST, PASSWORD, Cluster
from proxy import Proxy, connect
from redis.backoff import NoBackoff
from redis.retry import Retry
from waiting import wait_until

ROOT = "user root on >root ~* &* +@all"
APPLICATION = "on >{name} ~* &{name}:* +@all -@admin -@dangerous databases={number} database={number}"
USERS = [ROOT] + [f"user {name} " + APPLICATION.format(name=name, number=number)
                  for name, number in (("shop", 1), ("blog", 2))]


def setUpModule():
    global cluster, proxy
    cluster = Cluster()
    proxy = Proxy(cluster.addresses(), [argument for line in USERS for argument in ("--users", line)])


def tearDownModule():
    try:
        proxy.stop()
    finally:
        cluster.stop()


def client(name, to=None, **options):
    return redis.Redis(host=HOST, port=(to or proxy).port, username=name, password=name, socket_timeout=30,
                       retry=Retry(NoBackoff(), 0), decode_responses=True, **options)


def raw(name, to=None):
    connection = connect(to or proxy, None)
    connection.command("AUTH", name, name)
    return connection


class Applications(unittest.TestCase):
    def test_each_has_its_database_and_sees_nothing_of_the_other(self):
        with client("shop") as shop, client("blog") as blog:
            shop.set("item", "s")
            shop.rpush("list", "x")
            blog.set("item", "b")
            self.assertEqual((shop.get("item"), blog.get("item")), ("s", "b"))
            self.assertEqual(sorted(shop.scan_iter()), ["item", "list"])
            self.assertEqual(list(blog.scan_iter()), ["item"])
            self.assertEqual((shop.dbsize(), blog.dbsize()), (2, 1))
            self.assertEqual(blog.randomkey(), "item")
            self.assertEqual(blog.exists("list"), 0)

    def test_commands_that_reach_further_are_refused(self):
        refused = [("SELECT", "2"), ("SELECT", "0"), ("MOVE", "k", "2"), ("COPY", "k", "l", "DB", "2"), ("FLUSHALL",),
                   ("KEYS", "*"), ("CLIENT", "LIST"), ("CLIENT", "KILL", "ID", "1"), ("MONITOR",), ("SLOWLOG", "GET"),
                   ("INFO",), ("CONFIG", "GET", "*"), ("ACL", "LIST"), ("ACL", "SETUSER", "x"), ("PROXY", "CLIENTS"),
                   ("EVAL", "return 1", "0"), ("FCALL", "f", "0"), ("SUBSCRIBE", "blog:news"), ("PUBLISH", "blog:news", "x"),
                   ("PSUBSCRIBE", "*"), ("PUBSUB", "NUMSUB", "blog:news"), ("LATENCY", "LATEST"), ("DEBUG", "OBJECT", "k")]
        with raw("shop") as shop:
            for command in refused:
                with self.subTest(command=command):
                    self.assertRegex(shop.error(*command), "^NOPERM ")
            self.assertEqual(shop.command("SELECT", "1"), b"OK")

    def test_channels_of_others_are_not_told_of(self):
        with client("shop") as shop, client("blog") as blog:
            listening = blog.pubsub()
            listening.subscribe("blog:news")
            wait_until(lambda: listening.get_message(timeout=1) is not None, 10, "the subscription")
            self.assertEqual(blog.pubsub_channels(), ["blog:news"])
            self.assertEqual(shop.pubsub_channels(), [])
            listening.close()

    def test_transactions_and_scripts_that_are_allowed_work(self):
        with client("shop") as shop, client("root") as root:
            pipeline = shop.pipeline()
            pipeline.set("p", "1").incr("p").get("p")
            self.assertEqual(pipeline.execute(), [True, 2, "2"])
            root.execute_command("ACL", "SETUSER", "shop", "scripts=unchecked")
            self.assertEqual(shop.eval("return redis.call('GET', 'p')", 0), "2")
            root.execute_command("ACL", "SETUSER", "shop", "scripts=refused")
            with self.assertRaises(redis.exceptions.NoPermissionError):
                shop.eval("return 1", 0)


class Changes(unittest.TestCase):
    def test_what_was_given_is_taken_back_at_once_on_all_workers(self):
        with client("root") as root:
            root.acl_setuser("guest", enabled=True, passwords=["+guest"], categories=["+@all"], keys=["*"])
            guests = [raw("guest") for _ in range(4)]
            for guest in guests:
                self.assertEqual(guest.command("PING"), b"PONG")
            root.execute_command("ACL", "SETUSER", "guest", "-get")
            for guest in guests:
                self.assertRegex(guest.error("GET", "x"), "^NOPERM ")
            root.execute_command("ACL", "SETUSER", "guest", "off")
            for guest in guests:
                self.assertEqual(guest.read_to_end(), b"")
                guest.close()
            with connect(proxy, None) as again:
                self.assertRegex(again.error("AUTH", "guest", "guest"), "^WRONGPASS ")
            self.assertEqual(root.acl_deluser("guest"), 1)
            self.assertNotIn("guest", root.acl_users())

    def test_refusals_are_counted_and_logged(self):
        with raw("shop") as shop, client("root") as root:
            root.acl_log_reset()
            shop.error("KEYS", "*")
            entry = root.acl_log()[0]
            self.assertEqual((entry["reason"], entry["object"], entry["username"]), ("command", "keys", "shop"))
            self.assertGreaterEqual(proxy.metric("slotless_forbidden_commands_total", reason="command"), 1)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "users.acl"
        self.path.write_text(ROOT + "\nuser alice on >alice ~a* +@all\n")
        self.proxy = Proxy(cluster.addresses(), ["--acl-file", self.path])
        self.addCleanup(self.proxy.stop)

    def test_users_are_saved_and_loaded(self):
        with client("root", self.proxy) as root:
            root.execute_command("ACL", "SETUSER", "bob", "on", ">bob", "~b*", "+@all", "databases=1-3")
            root.acl_save()
            saved = self.path.read_text()
            self.assertIn("user bob on #", saved)
            self.assertIn("databases=1-3", saved)
            self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
            root.acl_deluser("bob", "alice")
            self.assertEqual(root.acl_users(), ["default", "root"])
            root.acl_load()
            self.assertEqual(root.acl_users(), ["alice", "bob", "default", "root"])
            self.path.write_text(saved + "user carol bogus\n")
            with self.assertRaisesRegex(redis.ResponseError, r"users\.acl:\d+: Error in applying operation 1: Syntax error"):
                root.acl_load()
            self.assertEqual(root.acl_users(), ["alice", "bob", "default", "root"])

    def test_a_signal_reads_it_anew_and_a_broken_one_changes_nothing(self):
        with raw("alice", self.proxy) as alice, client("root", self.proxy) as root:
            alice.command("SET", "a1", "x")
            self.path.write_text(ROOT + "\nuser alice on >alice ~b* +@all\n")
            self.proxy.child.signal(signal.SIGHUP)
            wait_until(lambda: "option changed" in self.proxy.child.output(), 20, "the new file to be read")
            wait_until(lambda: "~b*" in root.acl_getuser("alice")["keys"], 20, "the new rules")
            self.assertRegex(alice.error("GET", "a1"), "^NOPERM ")
            self.path.write_text("user alice bogus\n")
            self.proxy.child.signal(signal.SIGHUP)
            wait_until(lambda: "not reloaded" in self.proxy.child.output(), 20, "the broken file to be refused")
            self.assertEqual(alice.command("SET", "b1", "x"), b"OK")

    def test_a_wrong_file_or_both_sources_end_the_start(self):
        self.path.write_text("user alice bogus\n")
        for options in (["--acl-file", self.path], ["--users", "user x bogus"],
                        ["--acl-file", self.path, "--users", ROOT], ["--acl-file", "/nowhere/users"]):
            with self.subTest(options=options):
                with self.assertRaisesRegex(RuntimeError, "acl-file|users"):
                    Proxy(cluster.addresses(), options)


class SameAsOneRedis(unittest.TestCase):
    """Random rules, and what Redis says of commands by them."""

    RULES = (["+@all", "-@all", "+get", "-get", "+set", "-set", "+config|get", "-config|set", "+config", "-config", "+select|0",
              "+client", "-client|kill", "allkeys", "resetkeys", "allchannels", "resetchannels", "clearselectors",
              "~k*", "~r?", "~[kx]1", "%R~r*", "%W~w*", "%RW~b*", "&c*", "&ch?", "(+@all ~s*)", "(%R~w* +@read)",
              "(+@write %W~* &c*)", "(+mget ~k* ~r*)"]
             + [sign + "@" + category for sign in "+-"
                for category in ("read", "write", "dangerous", "keyspace", "string", "hash", "list", "set", "stream", "fast",
                                 "slow", "pubsub", "connection", "admin", "transaction", "blocking", "geo", "scripting")])
    KEYS = ["k1", "k2", "r1", "w1", "b1", "s1", "x1", "other"]
    CHANNELS = ["c1", "ch1", "ch22", "other", "c*", "*"]
    COMMANDS = [
        "get {k}", "set {k} v", "set {k} v get", "set {k} v ex 5", "mget {k} {k}", "mset {k} 1 {k} 2", "del {k} {k}",
        "exists {k} {k}", "copy {k} {k}", "rename {k} {k}", "expire {k} 1", "ttl {k}", "type {k}", "object encoding {k}",
        "append {k} v", "getex {k}", "getdel {k}", "strlen {k}", "lcs {k} {k}", "bitfield {k} get u8 0",
        "bitfield {k} set u8 0 1", "bitfield_ro {k} get u8 0", "bitop and {k} {k} {k}", "bitcount {k}",
        "lpush {k} v", "lpop {k}", "lmove {k} {k} left left", "blpop {k} {k} 0", "blmove {k} {k} left left 0",
        "lmpop 2 {k} {k} left", "blmpop 0 2 {k} {k} left", "linsert {k} before a b", "sadd {k} v", "smembers {k}",
        "sinterstore {k} {k} {k}", "sintercard 2 {k} {k}", "sdiff {k} {k}", "smove {k} {k} v", "zadd {k} 1 v",
        "zrange {k} 0 1", "zrangestore {k} {k} 0 1", "zunionstore {k} 2 {k} {k}", "zunion 2 {k} {k}", "zmpop 1 {k} min",
        "bzpopmin {k} {k} 0", "hset {k} f v", "hget {k} f", "hincrby {k} f 1", "hrandfield {k}", "geoadd {k} 1 2 v",
        "georadius {k} 1 2 3 km", "georadius {k} 1 2 3 km store {k}", "georadius_ro {k} 1 2 3 km",
        "geosearchstore {k} {k} frommember v byradius 1 km", "pfadd {k} v", "pfcount {k} {k}", "pfmerge {k} {k}",
        "xadd {k} * f v", "xread streams {k} {k} 0 0", "xread block 0 streams {k} 0", "xreadgroup group g c streams {k} >",
        "xrange {k} - +", "xgroup create {k} g 0", "xinfo stream {k}", "sort {k}", "sort {k} store {k}", "sort_ro {k}",
        "dump {k}", "restore {k} 0 x", "migrate h 1 {k} 0 1", "watch {k} {k}", "unwatch", "multi", "exec", "discard",
        "publish {c} m", "spublish {c} m", "subscribe {c} {c}", "psubscribe {c}", "ssubscribe {c}", "unsubscribe {c}",
        "pubsub channels", "ping", "echo x", "select 0", "select 1", "swapdb 0 1", "dbsize", "keys *", "scan 0", "randomkey",
        "flushall", "flushdb", "config get x", "config set x y", "config resetstat", "client list", "client id",
        "client kill x", "info", "acl whoami", "acl setuser x", "acl cat", "command", "command docs",
        "memory usage {k}", "eval x 2 {k} {k}", "eval_ro x 1 {k}", "evalsha x 1 {k}", "fcall f 1 {k}", "function list",
        "script load x", "monitor", "slowlog get", "wait 0 0", "hello", "auth x", "reset", "quit", "time", "lastsave",
        "shutdown", "cluster info", "replicaof a b", "object freq {k}", "touch {k}", "unlink {k}", "lolwut", "role"]

    def setUp(self):
        self.child, self.port = fixture.start_oracle()
        self.addCleanup(self.child.kill)
        self.oracle = fixture.connect(type("Endpoint", (), {"host": HOST, "port": self.port, "tls": None}))
        self.addCleanup(self.oracle.close)
        self.own = raw("root")
        self.addCleanup(self.own.close)

    def both(self, *arguments):
        return self.oracle.raw(*arguments), self.own.raw(*arguments)

    def test_verdicts_are_the_same(self):
        chance = random.Random(20260)
        for _ in range(120):
            rules = ["reset", "on"] + chance.choices(self.RULES, k=chance.randint(1, 9))
            accepted = []
            for rule in rules:
                theirs, ours = self.both("ACL", "SETUSER", "probe", rule)
                self.assertEqual(theirs, ours, rules)
                if theirs == b"+OK\r\n":
                    accepted.append(rule)
            # What Redis does not have is not to be compared.
            self.own.command("ACL", "SETUSER", "probe", "scripts=unchecked")
            for command in chance.sample(self.COMMANDS, 40):
                words = [word.format(k=chance.choice(self.KEYS), c=chance.choice(self.CHANNELS)) for word in command.split()]
                theirs, ours = self.both("ACL", "DRYRUN", "probe", *words)
                self.assertEqual(theirs, ours, (accepted, words))
            theirs, ours = (dict(zip(reply[::2], reply[1::2])) for reply in
                            (self.oracle.command("ACL", "GETUSER", "probe"), self.own.command("ACL", "GETUSER", "probe")))
            for field in (b"flags", b"passwords", b"keys", b"channels"):
                self.assertEqual(theirs[field], ours[field], accepted)
            self.assertEqual(len(theirs[b"selectors"]), len(ours[b"selectors"]), accepted)

    def test_wrong_rules_get_the_same_errors(self):
        for rule in ("+foo", "-foo", "+@foo", "+get|x|y", "+config|foo", "+config|get|x", "+select|", "%~x", "%RR~x", "%X~x",
                     "~a b", "#zz", "!zz", "<nope", "bogus", "(+get", "(+foo)", "(bogus)", "(on)", "+", "-", "+@", "@x",
                     "+config|", "-config|foo", "-get|x", "&a b", ")", "()", ""):
            with self.subTest(rule=rule):
                theirs, ours = self.both("ACL", "SETUSER", "wrong", rule)
                self.assertEqual(theirs, ours)
        for words in (("~*", "~x"), ("&*", "&x")):
            theirs, ours = self.both("ACL", "SETUSER", "wrong2", *words)
            self.assertEqual(theirs, ours)

    def test_refused_commands_get_the_same_errors(self):
        rules = ("reset", "on", ">probe2", "~k*", "&c*", "+@all", "-@dangerous", "-del", "+sort")
        self.both("ACL", "SETUSER", "probe2", *rules)
        ours, theirs = connect(proxy, None), fixture.connect(type("Endpoint", (), {"host": HOST, "port": self.port, "tls": None}))
        for each in (ours, theirs):
            self.addCleanup(each.close)
            each.command("AUTH", "probe2", "probe2")
        for words in (("GET", "x"), ("DEL", "k"), ("CONFIG", "GET", "x"), ("PUBLISH", "d", "x"), ("SUBSCRIBE", "c", "d"),
                      ("PSUBSCRIBE", "c"), ("SORT", "k", "BY", "x*"), ("SORT", "k", "GET", "#"), ("MGET", "k", "x"),
                      ("KEYS", "*"), ("ACL", "WHOAMI"), ("MULTI",), ("GET", "x"), ("DISCARD",)):
            with self.subTest(words=words):
                self.assertEqual(theirs.raw(*words), ours.raw(*words))


if __name__ == "__main__":
    fixture.main()
