"""slotless bigkeys on a cluster whose databases lie in all ways."""

import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from proxy import binary
from slots import slot_of

LAYOUTS = ("1=pinned", "2=grouped:bull:*:", "3=spread")
OPTIONS = [word for layout in LAYOUTS for word in ("--database-layout", layout)]


def setUpModule():
    global site
    site = fixture.open_site(options=OPTIONS)


def tearDownModule():
    fixture.close_site()


def environment(**more):
    """Without what is said to the tests, which the daemon's own variables look like."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith(("SLOTLESS_", "REDIS_"))}, **more}


def bigkeys(*options, addresses=None):
    command = [binary(), "bigkeys", *options, *OPTIONS, "--cluster-nodes", ",".join(addresses or site.cluster.addresses())]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(REDIS_PASSWORD=PASSWORD))


@fixture.NOT_ONE_REDIS
class BigKeys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for number in range(4):
            with resp.Connection(HOST, site.proxy.port, PASSWORD) as connection:
                connection.command("SELECT", number)
                for size in (10, 1000, 100_000):
                    connection.command("SET", f"bull:{size}:s", "v" * (size + number))
                connection.command("RPUSH", "bull:q:wait", *range(20))
                connection.command("HSET", "bull:h:x", *range(2 * (number + 1)))
        site.cluster.masters()[0].command("SET", next(f"~9:{n}" for n in range(9999) if
                                                      site.cluster.owner(slot_of(f"~9:{n}")) is site.cluster.masters()[0]), "stray")

    def documents(self, *options):
        result = bigkeys("--json", *(options if "--rate" in options else ("--rate", "0", *options)))
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_each_database_by_type_with_its_own_names(self):
        *groups, whole = self.documents()
        found = {(group["database"], group["type"]): group for group in groups}
        self.assertEqual({(number, kind) for number in range(4) for kind in ("string", "list", "hash")} | {(None, "string")}, set(found))
        for number in range(4):
            strings = found[number, "string"]
            self.assertEqual(3, strings["keys"])
            self.assertEqual(["bull:100000:s", "bull:1000:s", "bull:10:s"], [key["key"] for key in strings["largest"]])
            sizes = [key["bytes"] for key in strings["largest"]]
            self.assertGreater(sizes[0], 100_000)
            self.assertEqual(sum(sizes), strings["bytes"])
            self.assertEqual(1, found[number, "hash"]["keys"])
        largest = found[0, "string"]["largest"][0]
        self.assertEqual(slot_of("bull:100000:s"), largest["slot"])
        self.assertEqual(site.cluster.owner(largest["slot"]).address, largest["node"])
        self.assertEqual({"masters": 3, "keys": 21, "missing": []}, {name: whole[name] for name in ("masters", "keys", "missing")})
        self.assertEqual(sum(group["bytes"] for group in groups), whole["bytes"])

    def test_as_many_as_wanted(self):
        for group in self.documents("--top", "1")[:-1]:
            self.assertEqual(1, len(group["largest"]))

    def test_no_faster_than_it_is_told(self):
        keys = [f"more:{number}" for number in range(900)]
        with resp.Connection(HOST, site.proxy.port, PASSWORD) as connection:
            connection.command("MSET", *(word for key in keys for word in (key, "v")))
            try:
                begun = time.monotonic()
                *_, whole = self.documents("--rate", "200")
                # Three masters, each with two pages and more, and half a second between two of them.
                self.assertGreater(time.monotonic() - begun, 1.5)
                self.assertEqual(921, whole["keys"])
            finally:
                connection.command("DEL", *keys)

    def test_for_people(self):
        result = bigkeys("--rate=0")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertIn("database 2 string: 3 keys, ", result.stdout)
        self.assertRegex(result.stdout, r"(?m)^ +\d+\.\d KB  bull:100000:s  \(slot \d+ on .*\)$")
        self.assertRegex(result.stdout, r"21 keys, .* on 3 masters\n$")

    def test_a_master_that_says_no_is_named(self):
        master = site.cluster.masters()[0]
        for node in site.cluster.nodes:
            node.command("ACL", "SETUSER", "looker", "reset", "on", f">{PASSWORD}", "~*", "+@all", *(["-memory"] if node is master else []))
        try:
            result = bigkeys("--json", "--rate", "0", "--username", "looker")
            self.assertEqual(1, result.returncode)
            whole = json.loads(result.stdout.splitlines()[-1])
            self.assertEqual(1, len(whole["missing"]))
            self.assertTrue(whole["missing"][0].startswith(f"{master.address}: "), whole)
            self.assertIn("NOPERM", whole["missing"][0])
            self.assertLess(whole["keys"], 21)
        finally:
            for node in site.cluster.nodes:
                node.command("ACL", "DELUSER", "looker")

    def test_what_makes_no_sense(self):
        for options, part in [(["--top", "x"], "--top takes a number"), (["--rate", "-1"], "--rate takes a number"),
                              (["--samples"], "--samples needs a value"), (["--upstream", "single", "--server", "h:1"], "redis-cli --bigkeys")]:
            nodes = [] if "--server" in options else ["h:1"]
            result = subprocess.run([binary(), "bigkeys", *nodes, *options], capture_output=True, text=True, timeout=60, env=environment())
            self.assertEqual((2, ""), (result.returncode, result.stdout), options)
            self.assertIn(part, result.stderr)
        result = bigkeys(addresses=["127.0.0.1:1"])
        self.assertEqual(2, result.returncode)
        self.assertIn("slotless bigkeys: ", result.stderr)


if __name__ == "__main__":
    fixture.main()
