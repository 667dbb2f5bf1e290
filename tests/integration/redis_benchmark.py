"""redis-benchmark: many clients, pipelined and not, without a single error."""

import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
from cluster import HOST, PASSWORD

TESTS = "get,set,incr,lpush,rpush,lpop,sadd,hset,spop,zadd,mset"


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


class RedisBenchmark(unittest.TestCase):
    def run_benchmark(self, *options):
        """The names of the tests that were run to their end."""
        result = subprocess.run(
            ["redis-benchmark", "-h", HOST, "-p", str(site.proxy.port), "-a", PASSWORD, "-q", *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        text = result.stdout.decode(errors="replace")
        self.assertEqual(result.returncode, 0, text)
        # It asks for CONFIG at the start, merely to print it, and does without.
        unasked = "\n".join(line for line in text.splitlines() if "CONFIG" not in line)
        self.assertNotRegex(unasked, r"(?i)\berror|\bERR\b|CROSSSLOT|MOVED")
        return re.findall(r"^(?:.*\r)?([A-Z]+)(?: \(.*\))?: [\d.]+ requests per second", text, re.MULTILINE)

    def check(self, *options):
        self.assertEqual(sorted(name.lower() for name in self.run_benchmark("-t", TESTS, *options)),
                         sorted(TESTS.split(",")))

    def test_pipelined_commands_over_all_slots_run_without_errors(self):
        self.check("-n", "20000", "-c", "20", "-P", "16", "-r", "100000")

    def test_single_commands_on_one_key_each_run_without_errors(self):
        # Without -r, MSET names the same key ten times.
        self.check("-n", "3000", "-c", "20")

    def test_large_values_run_without_errors(self):
        names = self.run_benchmark("-t", "get,set", "-n", "500", "-c", "10", "-P", "4", "-d", "100000", "-r", "50")
        self.assertEqual(names, ["SET", "GET"])


if __name__ == "__main__":
    fixture.main()
