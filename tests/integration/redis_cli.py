"""redis-cli, the tool that everybody tries first."""

import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from terminal import Terminal


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


def redis_cli(*arguments, stdin=b"", url=False):
    where = ["-u", f"redis://default:{PASSWORD}@{HOST}:{site.proxy.port}/0"] if url else [
        "-h", HOST, "-p", str(site.proxy.port), "-a", PASSWORD]
    return subprocess.run(["redis-cli", "--no-auth-warning", *where, *arguments], input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)


def at_a_terminal(*arguments):
    environment = {**os.environ, "TERM": "xterm", "REDISCLI_AUTH": PASSWORD, "REDISCLI_HISTFILE": "/dev/null",
                   "HOME": str(fixture.processes.directory())}
    return Terminal(["redis-cli", "-h", HOST, "-p", str(site.proxy.port), *arguments], environment)


class RedisCli(unittest.TestCase):
    def output(self, *arguments, **options):
        result = redis_cli(*arguments, **options)
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(result.stderr, b"")
        return result.stdout

    def test_a_command_on_the_command_line_is_answered(self):
        self.assertEqual(self.output("SET", "cli:a", "two words"), b"OK\n")
        self.assertEqual(self.output("GET", "cli:a"), b"two words\n")
        self.assertEqual(self.output("GET", "cli:missing"), b"\n")
        self.assertEqual(self.output("--no-raw", "GET", "cli:missing"), b"(nil)\n")
        self.assertEqual(self.output("--no-raw", "STRLEN", "cli:a"), b"(integer) 9\n")

    def test_a_url_with_database_0_is_all_it_needs(self):
        self.assertEqual(self.output("SET", "cli:url", "1", url=True), b"OK\n")
        self.assertEqual(self.output("-n", "0", "GET", "cli:url"), b"1\n")

    def test_the_last_argument_can_come_from_standard_input(self):
        value = bytes(range(256)) * 100
        self.assertEqual(self.output("-x", "SET", "cli:stdin", stdin=value), b"OK\n")
        self.assertEqual(self.output("GET", "cli:stdin"), value + b"\n")

    def test_commands_on_standard_input_are_answered_in_order(self):
        self.output("DEL", "cli:lines")
        lines = b"".join(b"RPUSH cli:lines %d\nGET cli:no-such\nECHO \"line %d\"\n" % (i, i) for i in range(50))
        expected = b"".join(b"%d\n\nline %d\n" % (i + 1, i) for i in range(50))
        self.assertEqual(self.output(stdin=lines), expected)

    def test_repeat_runs_a_command_many_times(self):
        self.output("DEL", "cli:counter")
        self.assertEqual(self.output("-r", "100", "INCR", "cli:counter"), b"".join(b"%d\n" % i for i in range(1, 101)))

    def test_csv_prints_lists_and_hashes(self):
        self.output("DEL", "cli:list")
        self.output("RPUSH", "cli:list", "a", 'b "quoted"', "c")
        self.assertEqual(self.output("--csv", "LRANGE", "cli:list", "0", "-1"), b'"a","b \\"quoted\\"","c"\n')
        self.assertEqual(self.output("--csv", "MGET", "cli:none1", "cli:none2"), b"NULL,NULL\n")

    def test_mass_insertion_reports_every_reply(self):
        count = 20000
        data = b"".join(resp.pack("SET", f"cli:pipe:{i}", f"value {i}") for i in range(count))
        report = self.output("--pipe", stdin=data)
        self.assertIn(b"errors: 0, replies: %d" % count, report)
        self.assertEqual(self.output("GET", f"cli:pipe:{count - 1}"), b"value %d\n" % (count - 1))

    def test_mass_insertion_counts_the_errors_among_the_replies(self):
        data = resp.pack("SET", "cli:text", "x") + resp.pack("INCR", "cli:text") + resp.pack("GET", "cli:text")
        result = redis_cli("--pipe", stdin=data)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"errors: 1, replies: 3", result.stdout)

    def test_an_error_is_printed_with_its_text(self):
        result = redis_cli("NOSUCHCOMMAND", "a")
        self.assertIn(b"ERR unknown command 'NOSUCHCOMMAND', with args beginning with: 'a'", result.stdout)
        result = redis_cli("-e", "GET")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"ERR wrong number of arguments for 'get' command", result.stdout + result.stderr)

    def test_a_script_runs_where_its_key_is(self):
        script = pathlib.Path(fixture.processes.directory()) / "script.lua"
        script.write_text("redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])", encoding="ascii")
        self.assertEqual(self.output("--eval", str(script), "cli:script", ",", "from lua"), b"from lua\n")

    def test_scan_lists_every_key_that_matches(self):
        names = sorted(f"cli:scan:{i}" for i in range(500))
        self.output("--pipe", stdin=b"".join(resp.pack("SET", name, 1) for name in names))
        self.output("RPUSH", "cli:scan:list", "a")
        found = self.output("--scan", "--pattern", "cli:scan:[0-9]*").decode().split()
        self.assertEqual(sorted(set(found)), names)

    def test_bigkeys_and_memkeys_look_at_every_key_of_every_node(self):
        self.output("--pipe", stdin=b"".join(resp.pack("RPUSH", f"cli:big:{i}", *range(10)) for i in range(60)))
        self.output("DEL", "cli:big:list")
        self.output("RPUSH", "cli:big:list", *map(str, range(2000)))
        self.output("SET", "cli:big:string", "x" * 100_000)
        count = int(self.output("DBSIZE"))
        for mode, longest, unit in (("--bigkeys", 2000, "items"), ("--memkeys", r"\d+", "bytes")):
            report = self.output(mode).decode()
            # A key that SCAN gives twice is counted twice.
            sampled = re.search(r"Sampled (\d+) keys in the keyspace", report)
            self.assertGreaterEqual(int(sampled[1]), count, report)
            self.assertRegex(report, rf"Biggest +list found .*cli:big:list\W+ has {longest} {unit}")
            self.assertRegex(report, r"Biggest string found .*cli:big:string\W+ has 1\d{5} bytes")

    def test_stat_shows_the_whole_cluster_line_by_line(self):
        keys = int(self.output("DBSIZE"))
        with at_a_terminal("--stat", "-i", "0.1") as terminal:
            terminal.wait_for(r"^keys +mem +clients +blocked +requests +connections")
            for _ in range(3):
                line = terminal.wait_for(r"^(\d+) +[\d.]+[KMG] +(\d+) +\d+ +\d+ \(\+\d+\) +\d+")
                self.assertEqual(int(line[1]), keys)
                self.assertGreaterEqual(int(line[2]), 1)

    def test_latency_is_sampled(self):
        with at_a_terminal("--latency-history", "-i", "0.3") as terminal:
            for _ in range(2):
                terminal.wait_for(r"min: \d+, max: \d+, avg: [\d.]+ \(\d+ samples\) -- 0\.\d+ seconds range")
        # Not at a terminal, it samples once: minimum, maximum, average, number of samples.
        self.assertRegex(self.output("--latency", "-i", "1"), rb"^\d+ \d+ [\d.]+ \d+\n$")

    def test_a_person_types_commands_with_hints_and_help(self):
        self.output("DEL", "cli:typed")
        prompt = rf"{re.escape(HOST)}:{site.proxy.port}(\(TX\))?> \Z"
        with at_a_terminal() as terminal:
            def enter(line, shown):
                terminal.wait_for(prompt)  # the line editor drops what is typed before
                terminal.type(line + "\r")
                terminal.wait_for(shown)

            enter("set cli:typed 1", "^OK")
            enter("help hincrby", "summary: Increment")
            terminal.wait_for(prompt)
            terminal.type("hget ")
            terminal.wait_for("hget key field")  # from COMMAND DOCS
            terminal.type("cli:none x\r")
            terminal.wait_for(r"^\(nil\)")
            enter("multi", "^OK")
            enter("incr cli:typed", "^QUEUED")
            terminal.wait_for(r"\(TX\)> \Z")
            terminal.type("exec\r")
            terminal.wait_for(r"^1\) \(integer\) 2")
            enter("get", r"^\(error\) ERR wrong number of arguments for 'get' command")
            enter("hello 3", "proto")
            enter("hset cli:typed:hash a 1", r"^\(integer\) \d")
            enter("hgetall cli:typed:hash", '^1# "a" => "1"')
            terminal.wait_for(prompt)
            terminal.type("quit\r")
            self.assertEqual(terminal.wait_for_end(), 0)


if __name__ == "__main__":
    fixture.main()
