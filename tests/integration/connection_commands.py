"""What concerns the connection itself: authentication, HELLO, CLIENT, SELECT, COMMAND, INFO, QUIT."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import PASSWORD
from processes import memory_bytes

WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled."
NOAUTH = "NOAUTH Authentication required."


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


class Authentication(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect(password=None)
        self.addCleanup(self.connection.close)

    def test_nothing_but_authentication_is_served_before_it(self):
        for command in (("GET", "a"), ("SET", "a", "b"), ("MGET", "a", "b"), ("PING",), ("COMMAND",), ("INFO",),
                        ("CLIENT", "ID"), ("SELECT", "0"), ("ECHO", "x")):
            self.assertEqual(self.connection.error(*command), NOAUTH, command)

    def test_a_wrong_password_is_refused_and_the_right_one_may_follow(self):
        self.assertEqual(self.connection.error("AUTH", "wrong"), WRONGPASS)
        self.assertEqual(self.connection.error("AUTH", PASSWORD + "x"), WRONGPASS)
        self.assertEqual(self.connection.error("AUTH", ""), WRONGPASS)
        self.assertEqual(self.connection.error("GET", "a"), NOAUTH)
        self.assertEqual(self.connection.command("AUTH", PASSWORD), b"OK")
        self.assertEqual(self.connection.command("PING"), b"PONG")

    def test_the_user_may_be_named(self):
        self.assertEqual(self.connection.error("AUTH", "nobody", PASSWORD), WRONGPASS)
        self.assertEqual(self.connection.command("AUTH", "default", PASSWORD), b"OK")
        self.assertEqual(self.connection.command("ECHO", "x"), b"x")

    def test_a_failed_attempt_later_leaves_the_connection_authenticated(self):
        self.connection.command("AUTH", PASSWORD)
        self.assertEqual(self.connection.error("AUTH", "wrong"), WRONGPASS)
        self.assertEqual(self.connection.command("PING"), b"PONG")

    def test_authentication_works_in_the_middle_of_a_pipeline(self):
        self.connection.send(resp.pack("PING") + resp.pack("AUTH", PASSWORD) + resp.pack("PING"))
        self.assertEqual(str(self.connection.read()), NOAUTH)
        self.assertEqual([self.connection.read(), self.connection.read()], [b"OK", b"PONG"])

    def test_hello_authenticates(self):
        self.assertEqual(self.connection.error("HELLO", "2", "AUTH", "default", "wrong"), WRONGPASS)
        reply = self.connection.command("HELLO", "2", "AUTH", "default", PASSWORD, "SETNAME", "greeter")
        fields = dict(zip(reply[::2], reply[1::2]))
        self.assertEqual(fields[b"proto"], 2)
        self.assertEqual(self.connection.command("CLIENT", "GETNAME"), b"greeter")

    def test_hello_without_credentials_asks_for_them(self):
        self.assertRegex(self.connection.error("HELLO", "2"), "^NOAUTH HELLO must be called with the client already")

    def test_large_requests_are_refused_before_authentication(self):
        self.connection.send(b"*11\r\n")
        self.assertEqual(self.connection.read_to_end(), b"-ERR Protocol error: unauthenticated multibulk length\r\n")
        with site.connect(password=None) as other:
            other.send(b"*2\r\n$16385\r\n")
            self.assertEqual(other.read_to_end(), b"-ERR Protocol error: unauthenticated bulk length\r\n")


    @fixture.NOT_ONE_REDIS
    def test_strangers_that_ask_and_never_read_are_closed_and_cost_nothing(self):
        pid = site.proxy.child.pid
        before = memory_bytes(pid, "VmRSS")
        strangers = [site.connect(password=None) for _ in range(40)]
        self.addCleanup(lambda: [each.close() for each in strangers])
        for each in strangers:
            each.socket.setblocking(False)
        waiting, deadline = set(strangers), time.monotonic() + 60
        while waiting and time.monotonic() < deadline:
            for each in list(waiting):
                try:
                    each.socket.send(b"HELLO 3\r\n" * 20000)
                except BlockingIOError:
                    pass
                except OSError:
                    waiting.discard(each)
        self.assertEqual(len(waiting), 0)
        self.assertLess(memory_bytes(pid) - before, 20 << 20)
        self.assertEqual(site.proxy.metric("slotless_limit_hits_total", limit="before_login"), 40)

    def test_who_speaks_http_is_closed_and_nothing_is_carried_out(self):
        for text in (b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET http:a 1\r\n", b"Host: x\r\nSET http:a 1\r\n", b"post\r\n",
                     b'"POST" x\r\n', b"*1\r\n$4\r\nPOST\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
            for password in (None, PASSWORD):
                with self.subTest(text=text, password=password), site.connect(password=password) as connection:
                    connection.send(text)
                    self.assertEqual(connection.read_to_end(), b"")
        with site.connect() as connection:
            self.assertEqual(connection.command("EXISTS", "http:a"), 0)


class ConnectionCommands(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect()
        self.addCleanup(self.connection.close)

    def test_ping_and_echo_answer_as_redis_does(self):
        self.assertEqual(self.connection.raw("PING"), b"+PONG\r\n")
        self.assertEqual(self.connection.raw("PING", b"a\r\nb\0"), b"$5\r\na\r\nb\0\r\n")
        self.assertEqual(self.connection.raw("ECHO", ""), b"$0\r\n\r\n")
        self.assertEqual(self.connection.error("PING", "a", "b"), "ERR wrong number of arguments for 'ping' command")
        self.assertEqual(self.connection.error("ECHO"), "ERR wrong number of arguments for 'echo' command")

    def test_quit_is_confirmed_after_earlier_replies_and_ends_the_connection(self):
        self.connection.send(resp.pack("SET", "quit:a", "1") + resp.pack("GET", "quit:a") + resp.pack("QUIT"))
        self.assertEqual(self.connection.read_to_end(), b"+OK\r\n$1\r\n1\r\n+OK\r\n")

    def test_hello_2_shows_a_standalone_master(self):
        reply = self.connection.command("HELLO", "2")
        fields = dict(zip(reply[::2], reply[1::2]))
        self.assertEqual(fields[b"proto"], 2)
        self.assertEqual(fields[b"mode"], b"standalone")
        self.assertEqual(fields[b"role"], b"master")
        self.assertIsInstance(fields[b"id"], int)
        self.assertIn(b"server", fields)
        self.assertRegex(fields[b"version"], rb"^\d+\.\d+\.\d+")

    def test_hello_refuses_unknown_versions(self):
        for version in ("1", "4", "99"):
            self.assertEqual(self.connection.error("HELLO", version), "NOPROTO unsupported protocol version")
        self.assertRegex(self.connection.error("HELLO", "two"), "^ERR Protocol version is not an integer")
        self.assertRegex(self.connection.error("HELLO", "2", "NONSENSE"), "^ERR Syntax error in HELLO option")

    @fixture.NOT_ONE_REDIS
    def test_hello_4_is_refused(self):
        self.assertRegex(self.connection.error("HELLO", "4"), "^NOPROTO")
        self.assertEqual(self.connection.command("PING"), b"PONG")

    def test_a_client_has_a_name_if_it_gives_itself_one(self):
        self.assertIsNone(self.connection.command("CLIENT", "GETNAME"))
        self.assertEqual(self.connection.command("CLIENT", "SETNAME", "worker-7"), b"OK")
        self.assertEqual(self.connection.command("client", "getname"), b"worker-7")
        for bad in ("two words", "line\nbreak", "tab\t"):
            self.assertEqual(self.connection.error("CLIENT", "SETNAME", bad),
                             "ERR Client names cannot contain spaces, newlines or special characters.")
        self.assertEqual(self.connection.command("CLIENT", "GETNAME"), b"worker-7")
        self.assertEqual(self.connection.command("CLIENT", "SETNAME", ""), b"OK")
        self.assertIsNone(self.connection.command("CLIENT", "GETNAME"))

    def test_every_client_has_an_id_of_its_own(self):
        connections = [self.connection] + [site.connect() for _ in range(6)]
        ids = [each.command("CLIENT", "ID") for each in connections]
        self.assertEqual(len(set(ids)), 7, ids)
        self.assertTrue(all(isinstance(each, int) and each > 0 for each in ids), ids)
        self.assertEqual(ids, [each.command("CLIENT", "ID") for each in connections])
        for each in connections[1:]:
            each.close()

    def test_client_subcommands_complain_as_redis_does(self):
        self.assertEqual(self.connection.error("CLIENT"), "ERR wrong number of arguments for 'client' command")
        self.assertEqual(self.connection.error("CLIENT", "ID", "x"),
                         "ERR wrong number of arguments for 'client|id' command")
        self.assertEqual(self.connection.error("CLIENT", "NONSENSE"),
                         "ERR unknown subcommand 'NONSENSE'. Try CLIENT HELP.")

    def test_database_0_can_be_selected(self):
        self.assertEqual(self.connection.command("SELECT", "0"), b"OK")
        self.assertEqual(self.connection.error("SELECT"), "ERR wrong number of arguments for 'select' command")
        self.assertRegex(self.connection.error("SELECT", "zero"), "^ERR (value is not an integer|invalid DB index)")
        self.assertEqual(self.connection.error("SELECT", "-1"), "ERR DB index is out of range")
        self.assertEqual(self.connection.error("SELECT", "10000"), "ERR DB index is out of range")

    def test_other_databases_have_other_keys(self):
        self.assertEqual(self.connection.command("SET", "select:a", "0"), b"OK")
        self.assertEqual(self.connection.command("SELECT", "1"), b"OK")
        self.assertIsNone(self.connection.command("GET", "select:a"))
        self.assertEqual(self.connection.command("SET", "select:a", "1"), b"OK")
        self.assertEqual(self.connection.command("SELECT", "0"), b"OK")
        self.assertEqual(self.connection.command("GET", "select:a"), b"0")


class WhatClientsAskAtStart(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect()
        self.addCleanup(self.connection.close)

    def test_command_describes_every_command(self):
        commands = self.connection.command("COMMAND")
        self.assertEqual(len(commands), self.connection.command("COMMAND", "COUNT"))
        self.assertGreater(len(commands), 150)
        names = {each[0] for each in commands}
        self.assertTrue({b"get", b"set", b"mget", b"hset", b"zadd", b"xadd", b"eval", b"ping"} <= names)

    def test_command_info_describes_the_commands_that_are_asked_for(self):
        get, unknown, mset = self.connection.command("COMMAND", "INFO", "get", "no-such-command", "MSET")
        self.assertIsNone(unknown)
        self.assertEqual(get[:2], [b"get", 2])
        self.assertTrue({b"readonly", b"fast"} <= set(get[2]))
        self.assertEqual(get[3:6], [1, 1, 1])
        self.assertEqual(mset[:2], [b"mset", -3])
        self.assertEqual(mset[3:6], [1, -1, 2])

    def test_command_docs_answers_in_pairs(self):
        docs = self.connection.command("COMMAND", "DOCS", "get", "hset")
        self.assertEqual(docs[::2], [b"get", b"hset"])
        self.assertTrue(all(isinstance(each, list) for each in docs[1::2]))
        self.assertEqual(self.connection.command("COMMAND", "DOCS", "no-such-command"), [])

    def test_info_shows_a_standalone_master_without_cluster(self):
        lines = self.connection.command("INFO").decode().splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        self.assertEqual(fields["server_mode" if "valkey_version" in fields else "redis_mode"], "standalone")
        self.assertEqual(fields["role"], "master")
        self.assertEqual(fields["cluster_enabled"], "0")
        self.assertRegex(fields["redis_version"], r"^\d+\.\d+\.\d+$")
        self.assertIn("connected_clients", fields)

    def test_info_gives_only_the_sections_that_are_asked_for(self):
        text = self.connection.command("INFO", "server").decode()
        self.assertTrue(text.startswith("# Server\r\n"), text[:40])
        self.assertRegex(text, "(redis|server)_mode:standalone")
        self.assertNotIn("# Replication", text)
        self.assertIn("role:master", self.connection.command("INFO", "replication").decode())


if __name__ == "__main__":
    fixture.main()
