"""Client libraries in their ordinary work: the programs of tests/conformance/clients, and Prometheus's exporter.

A library that is not installed is skipped with the reason; `scripts/install-deps node test` installs them all.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import redis
from cluster import HOST, PASSWORD
from waiting import wait_until

PROGRAMS = processes.REPOSITORY / "tests" / "conformance" / "clients"
NODE_MODULES = processes.REPOSITORY / "build" / "node-clients" / "node_modules"
PROGRAM_SECONDS = 120
SCRAPE_SECONDS = 30


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


def run(*command):
    """Exit code and what was printed; a program that hangs is killed, and what it had printed is in the exception."""
    environment = {**os.environ, "NODE_PATH": str(NODE_MODULES),
                   "REDIS_URL": f"redis://:{PASSWORD}@{HOST}:{site.proxy.port}/0"}
    result = subprocess.run(command, cwd=PROGRAMS, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=PROGRAM_SECONDS, check=False)
    return result.returncode, result.stdout.decode(errors="replace")


def need(what, *probe, sets="test"):
    """Skips the test unless the probe, which loads the library, succeeds."""
    if not shutil.which(probe[0]) or run(*probe)[0] != 0:
        raise unittest.SkipTest(f"{what} is not installed: scripts/install-deps {sets}")


class ClientLibraries(unittest.TestCase):
    def check(self, *command):
        code, output = run(*command)
        self.assertRegex(output, r"^\d+ checks were right\n$")
        self.assertEqual(code, 0)

    def test_ioredis(self):
        need("ioredis (npm)", "node", "-e", "require('ioredis')", sets="node test")
        self.check("node", "ioredis.js")

    def test_node_redis(self):
        need("redis (npm)", "node", "-e", "require('redis')", sets="node test")
        for protocol in ("2", "3"):
            with self.subTest(protocol=protocol):
                self.check("node", "node_redis.js", "--resp", protocol)

    def test_php_redis(self):
        need("php-redis", "php", "-r", "exit(extension_loaded('redis') ? 0 : 1);")
        self.check("php", "php_redis.php")

    def test_predis(self):
        need("php-predis", "php", "-r", "exit(@include 'Predis/autoload.php' ? 0 : 1);")
        self.check("php", "predis.php")

    def test_ruby_redis(self):
        need("ruby-redis", "ruby", "-e", "require 'redis'")
        self.check("ruby", "ruby_redis.rb")

    def test_python_redis(self):
        self.check(sys.executable, "python_redis.py")

    @unittest.skipIf(int(redis.__version__.split(".")[0]) < 5, f"python3-redis {redis.__version__} knows no RESP3")
    def test_python_redis_with_resp3(self):
        self.check(sys.executable, "python_redis.py", "--resp", "3")


@unittest.skipUnless(shutil.which("prometheus-redis-exporter"),
                     "prometheus-redis-exporter is not installed: scripts/install-deps test")
class PrometheusExporter(unittest.TestCase):
    def start(self, *options):
        """The exporter's address; it looks at the daemon as at any Redis."""
        port = processes.free_port()
        environment = {**os.environ, "REDIS_ADDR": f"redis://{HOST}:{site.proxy.port}", "REDIS_PASSWORD": PASSWORD}
        folder = processes.directory() / f"exporter-{port}"
        exporter = processes.Child(["prometheus-redis-exporter", f"-web.listen-address={HOST}:{port}", *options],
                                   folder, environment)
        self.addCleanup(exporter.kill)
        return f"http://{HOST}:{port}", exporter

    @staticmethod
    def scrape(address):
        """Sample as printed → number."""
        def attempt():
            with urllib.request.urlopen(f"{address}/metrics", timeout=SCRAPE_SECONDS) as answer:
                return answer.read().decode()

        lines = wait_until(attempt, SCRAPE_SECONDS, "the exporter's page").splitlines()
        return {sample: float(value) for sample, value in
                (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def test_a_scrape_sees_the_whole_cluster_as_one_redis(self):
        client = site.client()
        self.addCleanup(client.close)
        client.mset({f"exporter:{i}": i for i in range(300)})
        address, exporter = self.start("-ping-on-connect", "-include-config-metrics", "-export-client-list")
        samples = self.scrape(address)
        self.assertEqual(samples["redis_up"], 1, exporter.output())
        self.assertEqual(samples['redis_exporter_last_scrape_error{err=""}'], 0, exporter.output())
        self.assertEqual(samples['redis_db_keys{db="db0"}'], client.dbsize())
        self.assertEqual(samples["redis_cluster_enabled"], 0)
        instance = next(sample for sample in samples if sample.startswith("redis_instance_info{"))
        self.assertIn('redis_mode="standalone"', instance)
        self.assertIn('role="master"', instance)
        self.assertGreaterEqual(samples['redis_commands_total{cmd="mset"}'], 1)
        self.assertGreaterEqual(samples["redis_connected_clients"], 2)
        self.assertGreater(samples["redis_uptime_in_seconds"], -1)
        self.assertGreater(samples["redis_memory_used_bytes"], 0)
        self.assertEqual(samples.get('redis_config_key_value{key="maxmemory-policy",value="noeviction"}'), 1)
        details = ("redis_connected_clients_details{", "redis_connected_client_info{")  # the name depends on its version
        self.assertTrue([each for each in samples if each.startswith(details)])
        self.assertGreaterEqual(samples["redis_slowlog_length"], 0)
        self.assertNotRegex(exporter.output(), "level=error")
        self.assertGreater(self.scrape(address)["redis_commands_processed_total"],
                           samples["redis_commands_processed_total"])

    def test_keys_are_found_counted_and_measured(self):
        client = site.client()
        self.addCleanup(client.close)
        for number in range(20):
            client.rpush(f"measured:{number}", *range(number + 1))
        client.xadd("measured:stream", {"a": 1})
        client.xgroup_create("measured:stream", "group", 0)
        samples = self.scrape(self.start("-check-keys=db0=measured:1?", "-count-keys=db0=measured:*",
                                         "-check-single-keys=db0=measured:3", "-check-streams=db0=measured:s*")[0])
        for number in (3, *range(10, 20)):
            self.assertEqual(samples[f'redis_key_size{{db="db0",key="measured:{number}"}}'], number + 1)
        self.assertEqual(samples['redis_keys_count{db="db0",key="measured:*"}'], 21)
        self.assertEqual(samples['redis_stream_length{db="db0",stream="measured:stream"}'], 1)
        self.assertEqual(samples['redis_stream_groups{db="db0",stream="measured:stream"}'], 1)


if __name__ == "__main__":
    fixture.main()
