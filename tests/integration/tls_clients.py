"""Clients by TLS: ports with and without it side by side, certificates of clients, clients that speak something else or
nothing, much that comes or goes at once, and the libraries that people use."""

import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import redis
import resp
from certificates import Authority
from cluster import HOST, PASSWORD, Cluster
from proxy import SANITIZERS, STANDIN, Proxy, connect
from waiting import wait_until

NODE_MODULES = processes.REPOSITORY / "build" / "node-clients" / "node_modules"
SECONDS = 30


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about the daemon, not about Redis")
    global authority, cluster, proxy, plain_port
    authority = Authority()
    cluster = Cluster(replicas=0)
    plain_port = processes.free_port()
    proxy = Proxy(cluster.addresses(), ["--listen", f"{HOST}:{plain_port}", "--client-output-soft-limit", "64kb",
                                        "--tls-auth-clients", "optional"], tls=authority)


def tearDownModule():
    proxy.stop()
    cluster.stop()


def failures(reason, of=None):
    return (of or proxy).metric("slotless_tls_failures_total", side="clients", reason=reason)


def wait_for_log(text, of=None):
    wait_until(lambda: text in (of or proxy).child.output(), SECONDS, f"{text!r} in the log")


def raw(port):
    return socket.create_connection((HOST, port), timeout=SECONDS)


class Ports(unittest.TestCase):
    def test_ports_with_and_without_tls_are_side_by_side(self):
        with connect(proxy) as encrypted, resp.Connection(HOST, plain_port, PASSWORD) as plain:
            self.assertEqual(encrypted.command("SET", "side", "by side"), b"OK")
            self.assertEqual(plain.command("GET", "side"), b"by side")
            clients = plain.command("PROXY", "CLIENTS").decode().splitlines()
        self.assertEqual(sorted(" tls=TLSv1.3/" in line for line in clients), [False, True])

    def test_a_client_without_a_certificate_is_served_where_it_may_be_and_refused_where_not(self):
        with resp.Connection(HOST, proxy.port, PASSWORD, tls=authority.context()) as connection:
            self.assertEqual(connection.command("PING"), b"PONG")
        strict = Proxy(cluster.addresses(), tls=authority)
        self.addCleanup(strict.stop)
        stranger = Authority("stranger")
        for pair in (None, stranger.client):
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                resp.Connection(HOST, strict.port, PASSWORD, tls=authority.context(pair))
        wait_until(lambda: failures("certificate", strict) == 2, SECONDS, "both to be counted")
        wait_for_log("TLS handshake failed: peer did not return a certificate", strict)
        with connect(strict) as connection:
            self.assertEqual(connection.command("PING"), b"PONG")

    def test_versions_and_ciphers_are_as_demanded(self):
        old = Proxy(cluster.addresses(), ["--tls-protocols", "TLSv1.2", "--tls-ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"],
                    tls=authority)
        self.addCleanup(old.stop)
        with connect(old) as connection:
            self.assertEqual(connection.socket.version(), "TLSv1.2")
            self.assertEqual(connection.socket.cipher()[0], "ECDHE-ECDSA-AES128-GCM-SHA256")
        newer = authority.context(authority.client, ssl.TLSVersion.TLSv1_3)
        with self.assertRaises(ssl.SSLError):
            resp.Connection(HOST, old.port, PASSWORD, tls=newer)
        wait_until(lambda: failures("protocol", old) == 1, SECONDS, "it to be counted")

    def test_a_session_is_resumed_also_by_another_worker(self):
        context = authority.context(authority.client, ssl.TLSVersion.TLSv1_2)
        session = None
        for resumed in (False, True, True, True):
            with socket.create_connection((HOST, proxy.port), timeout=SECONDS) as below:
                with context.wrap_socket(below, server_hostname=HOST, session=session) as encrypted:
                    self.assertEqual(encrypted.session_reused, resumed)
                    session = session or encrypted.session

    def test_requests_in_clear_are_answered_so_that_a_person_understands(self):
        before = failures("no_tls")
        with raw(proxy.port) as client:
            client.sendall(b"PING\r\n")
            self.assertEqual(client.recv(100), b"-ERR this port is for TLS only\r\n")
            self.assertEqual(client.recv(100), b"")
        wait_for_log("TLS handshake failed: the client speaks plain RESP")
        with raw(proxy.port) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(client.recv(100), b"")
        wait_until(lambda: failures("no_tls") == before + 2, SECONDS, "both to be counted")
        self.assertNotIn("possible attack", proxy.child.output())

    def test_tls_where_there_is_none_ends_at_once_and_is_said(self):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            resp.Connection(HOST, plain_port, PASSWORD, tls=authority.context())
        wait_for_log("a client speaks TLS where it is not served")

    def test_who_only_looks_whether_somebody_listens_is_not_spoken_of(self):
        before = failures("closed")
        for _ in range(3):
            raw(proxy.port).close()
        with connect(proxy) as connection:
            wait_until(lambda: connection.command("PROXY", "CLIENTS").count(b"\n") == 1, SECONDS, "them to be gone")
        self.assertEqual(failures("closed"), before)

    def test_a_handshake_that_does_not_come_is_given_up_and_keeps_nobody_waiting(self):
        impatient = Proxy(cluster.addresses(), ["--client-login-timeout", "3s"], tls=authority)
        self.addCleanup(impatient.stop)
        with raw(impatient.port) as silent, raw(impatient.port) as slow:
            slow.sendall(b"\x16\x03\x01")  # the beginning of a record
            with connect(impatient) as connection:
                self.assertEqual(connection.command("PING"), b"PONG")
            self.assertEqual(silent.recv(100), b"")
            self.assertEqual(slow.recv(100), b"")
        wait_for_log("no TLS handshake in time", impatient)
        self.assertEqual(failures("timeout", impatient), 2)

    def test_clients_beyond_the_limit_are_closed(self):
        full = Proxy(cluster.addresses(), ["--max-clients", "1"], tls=authority)
        self.addCleanup(full.stop)
        with connect(full) as connection:
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                connect(full)
            self.assertEqual(connection.command("PING"), b"PONG")


class Amounts(unittest.TestCase):
    def test_a_pipeline_that_is_larger_than_one_read_is_served_to_its_end(self):
        with connect(proxy) as client:
            for count in (100, 10_000, 100_000):
                client.send(resp.pack("PING") * count)  # records of 16 KiB, each with many requests
                for _ in range(count):
                    self.assertEqual(client.read(), b"PONG")

    def test_large_values_go_both_ways(self):
        value = os.urandom(20_000_000)
        with connect(proxy) as client:
            self.assertEqual(client.command("SET", "large", value), b"OK")
            self.assertTrue(client.command("GET", "large") == value)
            client.command("DEL", "large")

    def test_a_slow_reader_stops_being_read_and_gets_everything(self):
        value = b"v" * 10_000
        count = 5_000
        with connect(proxy) as client, connect(proxy) as other:
            client.command("SET", "slow", value)
            client.socket.settimeout(0.2)
            request = resp.pack("GET", "slow") * 100
            sent = 0
            try:
                while sent < count:
                    client.send(request)
                    sent += 100
            except (socket.timeout, ssl.SSLWantWriteError):
                self.fail("so few requests fit into the system's buffers")
            # A part of the answers is in the system's buffers, and little more in the daemon.
            wait_until(lambda: other.command("PROXY", "MEMORY"), SECONDS, "an answer")
            self.assertLess(proxy.metric("slotless_memory_bytes", kind="client_output"), 10_000_000)
            client.socket.settimeout(SECONDS)
            for _ in range(count):
                self.assertTrue(client.read() == value)

    @unittest.skipIf(SANITIZERS, "about what the allocator takes")
    def test_an_idle_client_takes_little_and_its_certificate_not_much_more(self):
        for context, most in ((authority.context(), 20 * 1024), (authority.context(authority.client), 24 * 1024)):
            count = 300  # beside so many, what the proxy notes of itself meanwhile is little
            with connect(proxy) as other:
                other.command("PING")
                before = proxy.metric("slotless_memory_in_use_bytes")
                idle = [resp.Connection(HOST, proxy.port, PASSWORD, tls=context) for _ in range(count)]
                each = (proxy.metric("slotless_memory_in_use_bytes") - before) / count
                for client in idle:
                    client.close()
            print(f"\n  {each:.0f} bytes each", file=sys.stderr)
            self.assertLess(each, most)
            self.assertGreater(each, 10 * 1024)  # it has been counted
            wait_until(lambda: proxy.metric("slotless_memory_in_use_bytes") < before + count * 1024, SECONDS, "it to be given back")

    def test_what_was_asked_before_the_end_of_a_client_s_input_is_answered_to_its_end(self):
        value = b"v" * 50_000
        with connect(proxy) as client:
            client.command("SET", "half", value)
        below = socket.socket()
        below.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        below.settimeout(SECONDS)
        below.connect((HOST, proxy.port))
        with authority.context(authority.client).wrap_socket(below, server_hostname=HOST) as client:
            client.sendall(resp.pack("AUTH", PASSWORD) + resp.pack("GET", "half") * 40)
            socket.socket.shutdown(client, socket.SHUT_WR)  # of TCP, without a word of TLS, as some do
            got = b""
            while piece := client.recv(3000):
                got += piece
        self.assertEqual(len(got), len(b"+OK\r\n") + 40 * len(b"$50000\r\n\r\n") + 40 * len(value))

    def test_an_end_in_order_is_answered_in_order(self):
        with connect(proxy) as client:
            self.assertEqual(client.command("QUIT"), b"OK")
            self.assertEqual(client.socket.recv(1), b"")
        with connect(proxy) as client:
            client.socket.unwrap()  # close_notify both ways


def run(*command, environment=None):
    result = subprocess.run([str(each) for each in command], env={**os.environ, **(environment or {})},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    return result.returncode, result.stdout.decode(errors="replace")


def need(what, *probe, environment=None):
    if not shutil.which(probe[0]) or run(*probe, environment=environment)[0] != 0:
        raise unittest.SkipTest(f"{what} is not installed: scripts/install-deps node test")


class Programs(unittest.TestCase):
    def test_redis_cli(self):
        code, output = run("redis-cli", "-h", HOST, "-p", proxy.port, "--tls", "--cacert", authority.certificate, "--cert",
                           authority.client.certificate, "--key", authority.client.key, "MSET", "cli:a", 1, "cli:b", 2,
                           environment={"REDISCLI_AUTH": PASSWORD})
        self.assertEqual((code, output.strip()), (0, "OK"))

    def test_redis_py_by_url(self):
        client = redis.Redis.from_url(f"rediss://:{PASSWORD}@{HOST}:{proxy.port}/0?ssl_ca_certs={authority.certificate}")
        self.addCleanup(client.close)
        with client.pipeline() as pipeline:
            for i in range(1000):
                pipeline.set("{py}" + str(i), i)
            self.assertEqual(pipeline.execute(), [True] * 1000)
        self.assertEqual(client.blpop("py:none", timeout=1), None)

    def test_ioredis(self):
        environment = {"NODE_PATH": str(NODE_MODULES), "NODE_EXTRA_CA_CERTS": str(authority.certificate),
                       "REDIS_URL": f"rediss://:{PASSWORD}@{HOST}:{proxy.port}"}
        need("ioredis (npm)", "node", "-e", "require('ioredis')", environment=environment)
        code, output = run("node", "-e", """
            const client = new (require("ioredis"))(process.env.REDIS_URL);
            (async () => {
              await client.multi().set("{io}a", "x".repeat(100000)).incr("{io}b").exec();
              console.log((await client.get("{io}a")).length, await client.get("{io}b"));
              client.disconnect();
            })();
        """, environment=environment)
        self.assertEqual((code, output), (0, "100000 1\n"))

    def test_php_redis(self):
        need("php-redis", "php", "-r", "exit(extension_loaded('redis') ? 0 : 1);")
        code, output = run("php", "-r", """
            error_reporting(E_ALL & ~E_DEPRECATED);
            $client = new Redis();
            $client->connect("tls://" . getenv("HOST"), (int) getenv("PORT"), 10.0, null, 0, 0.0,
                             ["stream" => ["cafile" => getenv("CA"), "verify_peer" => true]]);
            $client->auth(getenv("PASSWORD"));
            $client->set("php", str_repeat("x", 100000));
            echo strlen($client->get("php"));
        """, environment={"HOST": HOST, "PORT": str(proxy.port), "CA": str(authority.certificate), "PASSWORD": PASSWORD})
        self.assertEqual((code, output), (0, "100000"))


if __name__ == "__main__":
    fixture.main()
