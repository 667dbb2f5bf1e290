"""Services that deny commands: each of them by itself, all together, and as managed services and Redis 6.2 do it.

One cluster, whose nodes take commands away from the daemon's user between the cases. In each case the daemon starts, is
ready, and a fixed set of commands gives the right answer in database 0 (spread), 1 (pinned) and 3 (spread, with names of
its own), or the error that the documents promise, which names what is denied.
"""

import hashlib
import itertools
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import PASSWORD, Cluster
from proxy import Proxy, connect
from waiting import wait_until

USER = "proxy"
DATABASES = (0, 1, 3)
SCRIPT = "return redis.call('get', KEYS[1])"
OPTIONS = ["--username", USER, "--client-auth", "none", "--database-layout", "3=spread"]


def setUpModule():
    global cluster
    cluster = Cluster()


def tearDownModule():
    cluster.stop()


def allow(nodes, *rules):
    for node in nodes:
        node.command("ACL", "SETUSER", USER, "reset", "on", f">{PASSWORD}", "~*", "&*", "+@all", *rules)


class Denied(str):
    """An error reply."""


def ask(connection, *words):
    try:
        return connection.command(*words)
    except resp.ReplyError as error:
        return Denied(error)


def scan(connection):
    found, cursor = set(), b"0"
    while True:
        reply = ask(connection, "SCAN", cursor, "COUNT", 100)
        if isinstance(reply, Denied):
            return reply
        cursor = reply[0]
        found.update(reply[1])
        if cursor == b"0":
            return sorted(found)


def transaction(connection, *requests, watch=None):
    if watch:
        reply = ask(connection, "WATCH", watch)
        if isinstance(reply, Denied):
            return reply
    ask(connection, "MULTI")
    for request in requests:
        ask(connection, *request)
    return ask(connection, "EXEC")


def subscribed(proxy, connection, password):
    with connect(proxy, password) as listener:
        reply = ask(listener, "SUBSCRIBE", "channel")
        if isinstance(reply, Denied):
            return reply
        sent = ask(connection, "PUBLISH", "channel", "x")
        return sent if isinstance(sent, Denied) else listener.read()


def tracked(proxy, connection, database, password):
    with connect(proxy, password) as cache:
        hello = ask(cache, "HELLO", "3")
        if isinstance(hello, Denied):
            return hello
        ask(cache, "SELECT", database)
        reply = ask(cache, "CLIENT", "TRACKING", "ON")
        if isinstance(reply, Denied):
            return reply
        ask(cache, "GET", "tracked")
        ask(connection, "SET", "tracked", "1")
        return cache.read()


def script_by_sha(connection):
    sha = ask(connection, "SCRIPT", "LOAD", SCRIPT)
    return sha if isinstance(sha, Denied) else ask(connection, "EVALSHA", sha, 1, "k")


def script_elsewhere(connection, count=itertools.count()):
    """A script that the proxy has seen, by its SHA1 on nodes that have not."""
    script = f"return redis.call('get', KEYS[1]) -- {next(count)}"
    reply = ask(connection, "EVAL", script, 1, "k")
    if isinstance(reply, Denied):
        return reply
    sha = hashlib.sha1(script.encode()).hexdigest()
    return [ask(connection, "EVALSHA", sha, 1, key) for key in ("a", "b", "k", "a")]


def without_time(info):
    return info if isinstance(info, Denied) else b"redis_mode:standalone" in info


def course(proxy, database, password=None):
    """What clients do, and what they get for it: name → reply. `password`: the clients'."""
    with connect(proxy, password) as connection:
        ask(connection, "SELECT", database)
        other = 1 if database != 1 else 3
        seen = {}

        def see(name, reply):
            seen[name] = reply

        see("set", ask(connection, "SET", "k", "v"))
        see("get", ask(connection, "GET", "k"))
        see("mset", ask(connection, "MSET", "a", "1", "b", "2", "c", "3"))
        see("mget", ask(connection, "MGET", "a", "b", "c", "none"))
        see("del", ask(connection, "DEL", "c"))
        see("multi", transaction(connection, ("SET", "{t}1", "1"), ("INCR", "{t}1")))
        see("watch", transaction(connection, ("SET", "{t}1", "5"), ("GET", "{t}1"), watch="{t}1"))
        see("eval", ask(connection, "EVAL", SCRIPT, 1, "k"))
        see("evalsha", script_by_sha(connection))
        see("evalsha elsewhere", script_elsewhere(connection))
        see("scan", scan(connection))
        keys = ask(connection, "KEYS", "*")
        see("keys", keys if isinstance(keys, Denied) else sorted(keys))
        see("keys a*", ask(connection, "KEYS", "a*"))
        see("dbsize", ask(connection, "DBSIZE"))
        key = ask(connection, "RANDOMKEY")
        see("randomkey", key if isinstance(key, Denied) else key in (b"k", b"a", b"b", b"{t}1"))
        see("info", without_time(ask(connection, "INFO")))
        see("config get", ask(connection, "CONFIG", "GET", "databases"))
        see("rpush", ask(connection, "RPUSH", "list", "3", "1", "2"))
        see("sort", ask(connection, "SORT", "list"))
        see("blpop", ask(connection, "BLPOP", "list", "1"))
        see("blpop nothing", ask(connection, "BLPOP", "nothing", "0.01"))
        see("copy", ask(connection, "COPY", "a", "copied"))
        see("copied", ask(connection, "GET", "copied"))
        see("move", ask(connection, "MOVE", "b", other))
        see("wait", ask(connection, "WAIT", "1", "1000"))
        see("subscribe", subscribed(proxy, connection, password))
        see("tracking", tracked(proxy, connection, database, password))
        see("commands", ask(connection, "COMMAND", "COUNT") > 200)
        see("flushdb", ask(connection, "FLUSHDB"))
        see("empty", ask(connection, "DBSIZE"))
        see("scan nothing", scan(connection))
        ask(connection, "SELECT", other)
        ask(connection, "FLUSHDB")
        return seen


# Each case: what is taken away, and, by name of what clients do, what the error says, or what else the answer is; None:
# anything. "0:name" is about database 0 only.
NO_SCRIPTS = ("-eval", "-eval_ro", "-evalsha", "-evalsha_ro")
NO_SCRIPT_ERRORS = {"eval": "NOPERM.*eval", "evalsha elsewhere": "NOPERM.*eval", "evalsha": "NOPERM.*evalsha", "move": "NOPERM MOVE needs EVAL"}
CASES = {
    "nothing": ((), {}),
    "command": (("-command",), {}),
    "command docs": (("-command|docs",), {}),
    "config": (("-config",), {}),
    "client": (("-client",), {"tracking": "NOPERM.*client"}),
    "client no-evict": (("-client|no-evict",), {}),
    "client setname": (("-client|setname",), {}),
    "client id": (("-client|id",), {}),
    "client list": (("-client|list",), {}),
    "client kill": (("-client|kill",), {}),
    "client tracking": (("-client|tracking",), {"tracking": "NOPERM.*client"}),
    "cluster slots": (("-cluster|slots",), {}),
    "cluster nodes": (("-cluster|nodes",), {}),
    "cluster shards": (("-cluster|shards",), {}),
    "cluster slots and nodes": (("-cluster|slots", "-cluster|nodes"), {}),
    "cluster but slots": (("-cluster", "+cluster|slots"), {}),
    "cluster countkeysinslot": (("-cluster|countkeysinslot",), {}),
    "cluster getkeysinslot": (("-cluster|getkeysinslot",), {}),
    "cluster keyslot": (("-cluster|keyslot",), {}),
    "cluster myid": (("-cluster|myid",), {}),
    "cluster info": (("-cluster|info",), {}),
    "readonly": (("-readonly",), {}),
    "role": (("-role",), {}),
    "ping": (("-ping",), {}),
    "info": (("-info",), {}),
    "eval_ro": (("-eval_ro",), {}),
    "eval": (("-eval",), {"eval": "NOPERM.*eval", "evalsha elsewhere": "NOPERM.*eval", "move": "NOPERM MOVE needs EVAL"}),
    "scripts": (NO_SCRIPTS, NO_SCRIPT_ERRORS),
    "script": (("-script",), {"evalsha": "NOPERM.*script"}),
    "function": (("-function", "-fcall", "-fcall_ro"), {}),
    "keys": (("-keys",), {}),
    # Scripts count and list a small pinned database without it.
    "scan": (("-scan",), {"0:scan": "NOPERM.*scan", "3:scan": "NOPERM.*scan", "0:scan nothing": "NOPERM.*scan",
                          "3:scan nothing": "NOPERM.*scan", "0:dbsize": "NOPERM DBSIZE needs one of", "3:dbsize": "NOPERM DBSIZE needs one of",
                          "3:empty": "NOPERM DBSIZE needs one of", "0:flushdb": "NOPERM FLUSHDB needs one of",
                          "3:flushdb": "NOPERM FLUSHDB needs one of", "0:empty": None, "3:randomkey": None}),
    "dbsize": (("-dbsize",), {}),
    "randomkey": (("-randomkey",), {}),
    "flush": (("-flushall", "-flushdb"), {}),
    "unlink": (("-unlink",), {"move": "can't run this command"}),
    "exists": (("-exists",), {}),
    "type": (("-type",), {}),
    "wait": (("-wait",), {"wait": "NOPERM.*wait"}),
    "dump": (("-dump",), {"0:copy": "NOPERM COPY needs one of", "3:copy": "NOPERM COPY needs one of", "move": "NOPERM MOVE needs EVAL",
                          "0:copied": None, "3:copied": None}),
    "pttl": (("-pttl",), {"0:copy": "NOPERM COPY needs one of", "3:copy": "NOPERM COPY needs one of", "move": "NOPERM MOVE needs EVAL",
                          "0:copied": None, "3:copied": None}),
    "restore": (("-restore",), {"0:copy": "NOPERM.*restore", "3:copy": "NOPERM.*restore", "move": "NOPERM.*restore",
                                "0:copied": None, "3:copied": None}),
    "subscribe": (("-subscribe", "-psubscribe", "-ssubscribe"), {"subscribe": "NOPERM.*subscribe"}),
    "publish": (("-publish", "-spublish"), {"subscribe": "NOPERM.*publish"}),
    "telling": (("-slowlog", "-latency", "-memory", "-monitor", "-acl", "-debug", "-lastsave", "-save", "-module", "-time"), {}),
    "all that has another way": (
        ("-command", "-config", "-client|no-evict", "-client|setname", "-client|id", "-client|list", "-cluster", "+cluster|slots",
         "-readonly", "-role", "-ping", "-info", *NO_SCRIPTS, "-function", "-keys", "-dbsize", "-randomkey", "-flushall", "-flushdb",
         "-unlink", "-exists", "-type", "-slowlog", "-latency", "-memory", "-monitor", "-acl", "-debug"), NO_SCRIPT_ERRORS),
    # What the services say that they block, as far as the proxy or the course would use it; see docs/managed-services.md.
    "ElastiCache": (("-bgrewriteaof", "-bgsave", "-config", "-debug", "-migrate", "-replicaof", "-save", "-slaveof", "-shutdown",
                     "-sync"), {}),
    "MemoryDB": (("-acl|deluser", "-acl|load", "-acl|save", "-acl|setuser", "-bgrewriteaof", "-bgsave", "-cluster|addslots",
                  "-cluster|delslots", "-cluster|setslot", "-config", "-debug", "-migrate", "-module", "-psync", "-replicaof", "-save",
                  "-shutdown", "-slaveof", "-sync"), {}),
    "Memorystore": (("-@admin", "-@dangerous", "+cluster|slots", "+cluster|nodes", "+cluster|shards", "+cluster|myid", "+cluster|keyslot",
                     "+cluster|countkeysinslot", "+cluster|getkeysinslot", "+cluster|info", "+client|id", "+client|list", "+client|kill",
                     "+client|tracking", "+info", "+keys", "+role", "+flushall", "+flushdb", "+sort", "+restore", "-client|no-evict",
                     "-command", "+command|count", "+command|docs", "+command|getkeys", "+command|info", "+command|list"), {}),
    "Redis Enterprise": (("-@admin", "-cluster|countkeysinslot", "-cluster|getkeysinslot", "-cluster|myid", "-asking", "-readonly",
                          "-readwrite", "-client|no-evict", "-client|pause", "-client|getredir", "-config", "-acl", "-debug", "-migrate",
                          "-monitor", "-role", "+cluster|slots", "+cluster|nodes", "+cluster|keyslot", "+cluster|info"), {}),
}


class Case(unittest.TestCase):
    def run_case(self, nodes, rules, errors, options=()):
        allow(nodes, *rules)
        for node in nodes:
            if node.command("ROLE")[0] == b"master":
                node.command("FLUSHALL")
        proxy = Proxy([node.address for node in nodes], [*OPTIONS, *options])
        self.addCleanup(proxy.stop)
        self.assertEqual(proxy.http("/readyz")[0], 200)
        for database in DATABASES:
            with self.subTest(database=database):
                self.check(course(proxy, database), EXPECTED[database], errors, database)
        return proxy

    def check(self, seen, expected, errors, database):
        for name, right in expected.items():
            if f"{database}:{name}" in errors or name in errors:
                error = errors.get(f"{database}:{name}", errors.get(name))
                if isinstance(error, str):
                    self.assertIsInstance(seen[name], Denied, name)
                    self.assertRegex(seen[name], error, name)
                elif error is not None:
                    self.assertEqual(seen[name], error, name)
            else:
                self.assertEqual(seen[name], right, name)

    def denied(self, proxy):
        with connect(proxy, None) as connection:
            text = connection.command("PROXY", "STATS").decode()
        return {line.split(" nodes=")[0][len("denied:"):] for line in text.splitlines() if line.startswith("denied:")}


ALL = [b"a", b"b", b"k", b"{t}1"]
COMMON = {
    "set": b"OK", "get": b"v", "mset": b"OK", "mget": [b"1", b"2", b"3", None], "del": 1, "multi": [b"OK", 2], "watch": [b"OK", b"5"],
    "eval": b"v", "evalsha": b"v", "evalsha elsewhere": [b"1", b"2", b"v", b"1"], "scan": ALL, "keys": ALL,
    "keys a*": [b"a"], "dbsize": 4, "randomkey": True, "info": True,
    "config get": [b"databases", b"16"], "rpush": 3, "sort": [b"1", b"2", b"3"], "blpop": [b"list", b"3"], "blpop nothing": None,
    "copy": 1, "copied": b"1", "move": 1, "wait": 1, "subscribe": [b"message", b"channel", b"x"], "commands": True, "flushdb": b"OK",
    "empty": 0, "scan nothing": [],
}
EXPECTED = {database: COMMON for database in DATABASES}


class OneByOne(Case):
    """Filled with one test for each case."""


def add_cases():
    for name, (rules, errors) in CASES.items():
        def test(self, rules=rules, errors=errors):
            self.run_case(cluster.nodes, rules, errors)
        setattr(OneByOne, "test_" + re.sub(r"\W", "_", name), test)


add_cases()


class WhatIsTold(Case):
    def test_what_is_denied_is_told_once_and_forgotten_when_it_works(self):
        proxy = self.run_case(cluster.nodes, ("-eval_ro", "-client|no-evict", "-cluster|nodes"), {},
                              ("--topology-refresh-interval", "1s"))
        told = self.denied(proxy)
        self.assertEqual(told, {"EVAL_RO", "CLIENT NO-EVICT", "CLUSTER NODES"})
        for name in told:
            self.assertEqual(proxy.child.output().count(f'denied by the nodes  what={quoted(name)}'), 1, name)
        allow(cluster.nodes)
        wait_until(lambda: "CLUSTER NODES" not in self.denied(proxy), 45, "CLUSTER NODES to be forgotten by each node that is asked")

    def test_replicas_that_deny_readonly_are_not_read_from(self):
        allow(cluster.nodes, "-readonly")
        proxy = Proxy(cluster.addresses(), [*OPTIONS, "--read-from", "replica"])
        self.addCleanup(proxy.stop)
        with connect(proxy, None) as connection:
            self.assertEqual(connection.command("SET", "k", "1"), b"OK")
            self.assertEqual(connection.command("GET", "k"), b"1")
            self.assertEqual(connection.command("DEL", "k"), 1)
        self.assertIn("READONLY", self.denied(proxy))

    def test_what_cannot_be_learned_keeps_the_proxy_from_being_ready_and_is_told(self):
        allow(cluster.nodes, "-cluster")
        proxy = Proxy(cluster.addresses(), OPTIONS, wait_ready=False)
        self.addCleanup(proxy.stop)
        wait_until(lambda: "topology not learned" in proxy.child.output(), 10, "the failure to be told")
        status, text = proxy.http("/readyz")
        self.assertEqual(status, 503)
        self.assertIn("topology is not known", text)
        allow(cluster.nodes)
        wait_until(lambda: proxy.http("/readyz")[0] == 200, 20, "/readyz once it is allowed")


def quoted(name):
    return f'"{name}"' if " " in name else name


def newer_than(version, node):
    """Commands that servers have from that version on, and subcommands of older ones."""
    docs = node.command("COMMAND", "DOCS")
    commands, subcommands = [], []
    for name, facts in zip(docs[::2], docs[1::2]):
        about = dict(zip(facts[::2], facts[1::2]))
        if is_since(about, version):
            commands.append(name.decode())
            continue
        below = about.get(b"subcommands", [])
        for full, sub in zip(below[::2], below[1::2]):
            if is_since(dict(zip(sub[::2], sub[1::2])), version):
                subcommands.append(full.decode())
    return commands, subcommands


def is_since(about, version):
    return tuple(int(part) for part in about[b"since"].split(b".")) >= version


class OldServers(Case):
    def test_servers_without_what_is_new_in_7_0(self):
        commands, subcommands = newer_than((7, 0, 0), cluster.nodes[0])
        self.assertIn("eval_ro", commands)
        self.assertIn("function", commands)
        self.assertIn("cluster|shards", subcommands)
        renamed = [word for name in commands for word in ("--rename-command", name, "")]
        old = Cluster(options=renamed)
        self.addCleanup(old.stop)
        proxy = self.run_case(old.nodes, [f"-{name}" for name in subcommands], {})
        self.assertIn("EVAL_RO", self.denied(proxy))


if __name__ == "__main__":
    fixture.main()
