#!/usr/bin/python3
"""The commands: the built-in facts are Redis 7.0's, and through the daemon they are what the cluster's servers report.

The servers load a module whose commands nobody can have built in, and RediSearch where Debian has installed it.
"""
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import fixture
from proxy import STANDIN
from resp import ReplyError, pack_all
from slots import slot_of
from waiting import wait_until

GENERATOR = ROOT / "scripts" / "generate-command-table"
EXIT_SKIPPED = 77
ODD_MODULE = os.environ.get("SLOTLESS_ODD_MODULE")
REDISEARCH = os.environ.get("SLOTLESS_TEST_REDISEARCH", "/usr/lib/redis/modules/redisearch.so")

# Known to the daemon although a server may lack them (command_overrides.cpp, kAdditions).
ADDED_SUBCOMMANDS = {b"client|setinfo", b"client|no-touch"}
NAME, SUBCOMMANDS = 0, 9


def setUpModule():
    global site
    if not STANDIN:
        modules = [each for each in (ODD_MODULE, REDISEARCH) if each and os.path.exists(each)]
        site = fixture.open_site(node_options=[word for path in modules for word in ("--loadmodule", path)])


def tearDownModule():
    fixture.close_site()


def sorted_by_name(commands):
    return sorted(commands, key=lambda command: command[NAME])


def comparable(command, server_subcommands):
    """In lower case (RediSearch's are told in upper case), subcommands in order and without those that the daemon adds."""
    kept = [comparable(each, set()) for each in command[SUBCOMMANDS]
            if each[NAME] not in ADDED_SUBCOMMANDS or each[NAME] in server_subcommands]
    return [command[NAME].lower(), *command[NAME + 1:SUBCOMMANDS], sorted_by_name(kept), *command[SUBCOMMANDS + 1:]]


def subcommand_names(command):
    return {each[NAME] for each in command[SUBCOMMANDS]}


class BuiltIn(unittest.TestCase):
    def test_the_built_in_facts_are_what_the_server_reports(self):
        run = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, text=True, timeout=60)
        if run.returncode == EXIT_SKIPPED:
            self.skipTest(run.stdout.strip())
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


class ThroughTheDaemon(unittest.TestCase):
    def setUp(self):
        if STANDIN:
            self.skipTest("one plain Redis learns nothing")
        self.connection = site.connect()
        self.addCleanup(self.connection.close)
        self.node = site.cluster.nodes[0]
        wait_until(lambda: "commands learned" in site.proxy.child.output(), 20, "the daemon to learn the commands")
        # Told in the log before the workers have it.
        expected = self.node.command("COMMAND", "COUNT")
        wait_until(lambda: self.connection.command("COMMAND", "COUNT") == expected, 5, "as many commands as a server has")


@unittest.skipIf(STANDIN, "one plain Redis learns nothing")
class LiveFacts(ThroughTheDaemon):
    def test_command_info_of_every_command_is_the_servers_own(self):
        for told in self.node.command("COMMAND"):
            with self.subTest(command=told[NAME].decode()):
                known = subcommand_names(told)
                mine = self.connection.command("COMMAND", "INFO", told[NAME])[0]
                self.assertEqual(comparable(mine, known), comparable(told, known))

    def test_command_lists_the_same_names(self):
        mine = [each[NAME] for each in self.connection.command("COMMAND")]
        self.assertEqual(sorted(mine), sorted(each[NAME].lower() for each in self.node.command("COMMAND")))
        self.assertEqual(len(set(mine)), len(mine))

    def test_an_unknown_command_has_no_info(self):
        self.assertEqual(self.connection.command("COMMAND", "INFO", "no.such", "get|x"), [None, None])


@unittest.skipUnless(ODD_MODULE, "SLOTLESS_ODD_MODULE names no module")
class ModuleCommands(ThroughTheDaemon):
    def setUp(self):
        super().setUp()
        self.keys = [f"key:{number}" for number in range(30)]
        self.assertEqual(len({site.cluster.owner(slot_of(key)) for key in self.keys}), 3)

    def test_a_command_with_its_key_in_a_place_reaches_the_keys_owner(self):
        for key in self.keys:
            self.assertEqual(self.connection.command("ODD.SET", key, f"of {key}"), b"OK")
            self.assertEqual(site.cluster.owner(slot_of(key)).command("GET", key), f"of {key}".encode())
            self.assertEqual(self.connection.command("GET", key), f"of {key}".encode())

    def test_a_command_whose_key_only_the_module_finds_reaches_the_keys_owner(self):
        for key in self.keys:
            self.connection.command("SET", key, f"last {key}")
            self.assertEqual(self.connection.command("odd.last", "word", "another", key), f"last {key}".encode())

    def test_such_a_command_keeps_its_place_in_a_pipeline(self):
        requests = []
        expected = []
        for key in self.keys:
            for value in ("one", "two"):
                requests += [("SET", key, value), ("ODD.LAST", "x", key), ("PING",)]
                expected += [b"OK", value.encode(), b"PONG"]
        self.connection.send(pack_all(requests))
        self.assertEqual([self.connection.read() for _ in requests], expected)

    def test_several_found_keys_must_share_a_slot(self):
        self.assertRegex(self.connection.error("ODD.MARKED", *self.keys), "^CROSSSLOT ")
        self.assertEqual(self.connection.command("ODD.MARKED", "key:{t}a", "elsewhere", "key:{t}b"), 2)

    def test_a_call_without_keys_and_a_wrong_one_are_answered_by_a_node(self):
        self.assertEqual(self.connection.command("ODD.MARKED", "no", "key"), 0)
        self.assertRegex(self.connection.error("ODD.LAST"), "wrong number of arguments")
        self.assertEqual(self.connection.command("PING"), b"PONG")

    def test_getkeys_of_such_a_command_is_the_nodes_answer(self):
        self.assertEqual(self.connection.command("COMMAND", "GETKEYS", "ODD.LAST", "a", "b", "c"), [b"c"])
        self.assertEqual(self.connection.command("COMMAND", "GETKEYS", "ODD.SET", "a", "b"), [b"a"])

    @fixture.NOT_ONE_REDIS
    def test_in_another_database_its_keys_have_their_names_there(self):
        self.connection.command("SET", "key:1", "of database 0")
        self.connection.command("SELECT", "1")
        for key in self.keys[:3]:
            self.connection.command("SET", key, f"last {key}")
            self.assertEqual(self.connection.command("odd.last", "word", "another", key), f"last {key}".encode())
            self.assertEqual(self.connection.command("ODD.SET", key, "new"), b"OK")
            self.assertEqual(self.connection.command("GET", key), b"new")
        self.assertRegex(self.connection.error("odd.last", "key:1", "key:1"), "cannot be told")
        self.connection.command("SELECT", "0")
        self.assertEqual(self.connection.command("GET", "key:1"), b"of database 0")

    def test_a_client_may_leave_while_it_is_asked(self):
        for _ in range(20):
            with site.connect() as leaving:
                leaving.send(pack_all([("ODD.LAST", "x", key) for key in self.keys]))
        self.assertEqual(self.connection.command("ODD.MARKED", "word"), 0)

    def test_module_commands_are_counted_by_name(self):
        self.connection.command("ODD.MARKED", "word")
        self.assertGreater(site.proxy.metric("slotless_requests_total", command="odd.marked"), 0)


@unittest.skipUnless(os.path.exists(REDISEARCH), f"redis-redisearch is not installed: no {REDISEARCH}")
class RediSearch(ThroughTheDaemon):
    def test_an_index_is_made_filled_and_searched(self):
        try:
            self.assertEqual(self.connection.command("FT.CREATE", "idx", "SCHEMA", "title", "TEXT"), b"OK")
        except ReplyError as refused:
            self.skipTest(f"this RediSearch does not run on this server: {refused}")
        self.connection.command("FT.ADD", "idx", "doc{idx}", "1.0", "FIELDS", "title", "hello slot")
        found = self.connection.command("FT.SEARCH", "idx", "hello")
        self.assertEqual(found[:2], [1, b"doc{idx}"])


if __name__ == "__main__":
    fixture.main()
