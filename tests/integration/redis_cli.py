"""redis-cli, the tool that everybody tries first."""

import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD


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


if __name__ == "__main__":
    fixture.main()
