"""The process stands whatever happens around it: nobody reads its log, its files are odd, descriptors are few, names are
not answered, its admin port is flooded, a thread is stuck."""

import ctypes
import fcntl
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import resp
from cluster import HOST, PASSWORD, Place
from proxy import SANITIZERS, STANDIN, Proxy, binary, connect
from waiting import wait_until

SECONDS = 30
CORPUS = processes.REPOSITORY / "tests" / "corpus" / "configuration"
F_SETPIPE_SZ = 1031
# The daemon's command line follows.
SHELL = ("/bin/sh", "-c")


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about the daemon, not about Redis")
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


def started_by(script):
    """A place where the daemon is started by these words of the shell."""
    return Place(HOST, (*SHELL, script + ' exec "$@"', "-"))


def stranger_from_elsewhere(proxy, number):
    """From an address of its own: after a failure the next login from the same one waits."""
    return resp.Connection(HOST, proxy.port, None, source=f"127.1.{number // 250}.{number % 250 + 1}")


class Log(unittest.TestCase):
    def test_a_log_that_nobody_reads_stops_nobody(self):
        fifo = processes.directory() / "log"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)  # so that opening it for writing does not wait
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, F_SETPIPE_SZ, 4096)
        proxy = Proxy(site.cluster.addresses(), ["--log-level", "debug"], place=Place(HOST, (*SHELL, f'exec "$@" 2>{fifo}', "-")))
        self.addCleanup(proxy.child.kill)
        # Each connection is two lines; the pipe takes some 40, and 1,024 wait.
        for number in range(700):
            with stranger_from_elsewhere(proxy, number) as stranger:
                self.assertRegex(stranger.error("AUTH", "wrong"), "^WRONGPASS")
        with connect(proxy) as client:
            self.assertEqual(client.command("PING"), b"PONG")
            self.assertEqual(client.command("SET", "log:a", "1"), b"OK")
        self.assertEqual(proxy.http("/healthz")[0], 200)
        wait_until(lambda: proxy.metric("slotless_log_lines_lost_total") > 0, SECONDS, "lines to be given up")
        # Who reads again is told what is missing.
        text = b""
        while b"log lines lost" not in text:
            self.assertTrue(select.select([reader], [], [], SECONDS)[0], text[-1000:])
            text += os.read(reader, 65536)
        # Full once more, at the end.
        for _ in range(700):
            connect(proxy, password=None).close()
        begin = time.monotonic()
        proxy.stop()
        self.assertLess(time.monotonic() - begin, 10)

    def test_what_a_stranger_causes_is_limited_to_some_lines_a_second(self):
        proxy = Proxy(site.cluster.addresses())
        begin = time.monotonic()
        for number in range(1000):
            with stranger_from_elsewhere(proxy, number) as stranger:
                self.assertRegex(stranger.error("AUTH", "wrong"), "^WRONGPASS")
        seconds = time.monotonic() - begin
        self.assertEqual(proxy.metric("slotless_logins_refused_total"), 1000)
        proxy.stop()
        self.assertLess(proxy.child.output().count("authentication failed"), 10 * (seconds + 2))


class AdminPort(unittest.TestCase):
    def test_many_slow_connections_do_not_blind_the_probes(self):
        slow = []
        for number in range(60):
            slow.append(socket.create_connection((HOST, site.proxy.admin_port)))
            slow[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"[:number % 30])
        begin = time.monotonic()
        for _ in range(5):
            self.assertEqual(site.proxy.http("/healthz")[0], 200)
            self.assertEqual(site.proxy.http("/readyz")[0], 200)
        self.assertLess(time.monotonic() - begin, 5)
        for each in slow:
            each.close()

    def test_a_worker_that_does_not_turn_makes_the_process_unhealthy_and_is_named(self):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p]
        seize, interrupt, detach = 0x4206, 0x4207, 17
        tasks = pathlib.Path(f"/proc/{site.proxy.child.pid}/task")
        thread = next(int(task.name) for task in tasks.iterdir() if (task / "comm").read_text() == "worker-1\n")
        if libc.ptrace(seize, thread, None, None) != 0:
            self.skipTest("a thread cannot be stopped alone here")
        libc.ptrace(interrupt, thread, None, None)
        os.waitpid(thread, 0x40000000)  # __WALL: until it stands
        try:
            text = wait_until(lambda: (lambda answer: answer[0] == 503 and answer[1])(site.proxy.http("/healthz")), SECONDS,
                              "the worker to be missed")
            self.assertRegex(text, r"^stuck: worker-1 has not turned for \d+ ms\n$")
        finally:
            libc.ptrace(detach, thread, None, None)
        wait_until(lambda: site.proxy.http("/healthz")[0] == 200, SECONDS, "the worker to go on")


class ConfigurationFiles(unittest.TestCase):
    def test_no_file_keeps_check_config_busy(self):
        for path in sorted(CORPUS.iterdir()):
            with self.subTest(path.name):
                done = subprocess.run([binary(), "--config", path, "--cluster-nodes", f"{HOST}:1", "--check-config"], env={},
                                      capture_output=True, text=True, timeout=SECONDS, check=False)
                self.assertIn(done.returncode, (0, 1))
                if done.returncode == 1:
                    self.assertIn(f"{path}:", done.stderr)

    def test_a_start_with_a_file_that_begins_with_a_comma_ends_with_an_error(self):
        file = processes.directory() / "comma.yaml"
        file.write_text(",\n")
        done = subprocess.run([binary(), "--config", file, "--cluster-nodes", f"{HOST}:1", "--listen", f"{HOST}:0"], env={},
                              capture_output=True, text=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"{file}:", done.stderr)

    def test_the_parser_that_is_tried_first_comes_to_its_end(self):
        for path in sorted(CORPUS.iterdir()):
            with self.subTest(path.name), open(path, "rb") as file:
                done = subprocess.run([binary(), "--try-to-parse-yaml-on-standard-input"], env={}, stdin=file, capture_output=True,
                                      timeout=SECONDS, check=False)
                self.assertEqual((done.returncode, done.stdout), (0, b"."))

    def test_files_of_all_kinds_are_read_while_clients_are_served(self):
        file = processes.directory() / "slotless.yaml"
        file.write_text("cross-slot: error\n")
        proxy = Proxy(site.cluster.addresses(), ["--config", file])
        self.addCleanup(proxy.child.kill)

        def reload(ends):
            begin = len(proxy.child.output())
            proxy.child.signal(signal.SIGHUP)
            with connect(proxy) as client:  # a new one: accepting goes on
                self.assertEqual(client.command("PING"), b"PONG")
            return wait_until(lambda: ends in proxy.child.output()[begin:] and proxy.child.output()[begin:], SECONDS, ends)

        for path in sorted(CORPUS.glob("comma*")):
            with self.subTest(path.name):
                file.write_bytes(path.read_bytes())
                reload("configuration ")
        file.write_text(",\n")
        self.assertIn("not valid YAML", reload("configuration not reloaded"))
        # Nobody writes to it: reading it does not end.
        file.unlink()
        os.mkfifo(file)
        begin = time.monotonic()
        self.assertIn("not read within", reload("configuration not reloaded"))
        self.assertLess(time.monotonic() - begin, 20)
        writer = os.open(file, os.O_WRONLY | os.O_NONBLOCK)
        file.unlink()
        os.close(writer)
        file.write_text("hold-timeout: 1234ms\n")
        self.assertIn("option=hold-timeout", reload("configuration reloaded"))
        proxy.stop()


class FewDescriptors(unittest.TestCase):
    def test_who_does_not_fit_gets_the_error_of_redis_and_all_others_are_served(self):
        proxy = Proxy(site.cluster.addresses(), place=started_by("ulimit -n 256;"))
        self.addCleanup(proxy.child.kill)
        self.assertIn("max_clients=10000 lowered_to=184 descriptors=256", proxy.child.output())
        clients = [connect(proxy, password=None) for _ in range(300)]
        served = []
        for client in clients:
            client.send(resp.pack("AUTH", PASSWORD) + resp.pack("GET", "few"))
            try:
                reply = client.read()
            except ConnectionResetError:
                continue
            if isinstance(reply, resp.ReplyError):
                self.assertEqual(str(reply), "ERR max number of clients reached")
                self.assertEqual(client.read_to_end(), b"")
                continue
            self.assertEqual(reply, b"OK")
            served.append(client)
        self.assertEqual(len(served), 184)
        for client in served:
            self.assertIsNone(client.read())
        with served[0] as client:
            self.assertEqual(client.command("INFO", "clients").count(b"maxclients:184\r\n"), 1)
            self.assertEqual(proxy.http("/healthz")[0], 200)
            self.assertEqual(proxy.http("/readyz")[0], 200)
            # Leases are had, too.
            self.assertEqual(client.command("WATCH", "few"), b"OK")
            self.assertEqual(client.command("MULTI"), b"OK")
            self.assertEqual(client.command("EXEC"), [])
        for client in clients:
            client.close()
        wait_until(lambda: proxy.metric("slotless_clients") == 0, SECONDS, "the clients to be gone")
        with connect(proxy) as client:
            self.assertEqual(client.command("SET", "few", "1"), b"OK")
        proxy.stop()

    def test_blocked_clients_leave_descriptors_for_probes_and_links(self):
        proxy = Proxy(site.cluster.addresses(), place=started_by("ulimit -n 128;"))
        self.addCleanup(proxy.child.kill)
        clients, refused = [], 0
        for number in range(80):
            client = connect(proxy, password=None)
            client.send(resp.pack("AUTH", PASSWORD) + resp.pack("BLPOP", f"nothing:{number}", "0"))
            try:
                refused += client.read() != b"OK"
            except ConnectionError:
                refused += 1
            clients.append(client)
        self.assertGreater(refused, 0)
        self.assertEqual(proxy.http("/healthz")[0], 200)
        self.assertEqual(proxy.http("/readyz")[0], 200)
        for client in clients:
            client.close()
        proxy.stop()


class Names(unittest.TestCase):
    @unittest.skipIf(SANITIZERS, "nothing can be loaded before a sanitizer's runtime")
    def test_the_end_does_not_wait_for_a_name_that_is_being_looked_up(self):
        proxy = Proxy(["slow.invalid:7000"], ["--shutdown-timeout", "1s"], wait_ready=False,
                      variables=[("LD_PRELOAD", os.environ["SLOTLESS_SLOW_NAMES"])])
        begin = time.monotonic()
        proxy.stop()
        self.assertLess(time.monotonic() - begin, 5)


def greet(client):
    """Answers what the daemon says first on a connection to a node: AUTH, CLIENT SETNAME …, and PING at the end."""
    requests = len(re.findall(rb"(?:^|\n)\*", client.recv(1000)))
    client.sendall(b"+OK\r\n" * (requests - 1) + b"+PONG\r\n")


class Floods(unittest.TestCase):
    """A node that answers whatever it is asked with one reply that does not end."""

    def setUp(self):
        self.listener = socket.create_server((HOST, processes.free_port()))
        self.addCleanup(self.listener.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.flood, args=(client,), daemon=True).start()

    @staticmethod
    def flood(client):
        try:
            greet(client)
            client.recv(1000)
            client.sendall(b"$1000000000\r\n")
            for _ in range(1000):
                client.sendall(b"x" * 1_000_000)
        except OSError:
            pass
        client.close()

    def test_a_node_that_floods_is_cut_off(self):
        proxy = Proxy([f"{HOST}:{self.listener.getsockname()[1]}"], wait_ready=False)
        self.addCleanup(proxy.child.kill)
        # With sanitizers reading that much may take longer than a node has time to answer.
        endings = ("the answer is not RESP, or too long", *(("in time",) if SANITIZERS else ()))
        wait_until(lambda: any(each in proxy.child.output() for each in endings), SECONDS, "the node to be cut off")
        if not SANITIZERS:
            self.assertLess(proxy.child.memory_bytes(), 200 * 1024 * 1024)
        with connect(proxy) as client:
            self.assertEqual(client.command("PING"), b"PONG")
        proxy.stop()


def bulk(text):
    return b"$%d\r\n%s\r\n" % (len(text), text.encode())


class LargeCluster(unittest.TestCase):
    """A node that knows of 300 nodes and of 16,384 ranges of slots: understanding that takes longer than a turn may."""

    NODES = 300

    def setUp(self):
        entries = [b"*4\r\n" + bulk(HOST) + b":%d\r\n" % (40000 + number) + bulk(f"{number:040d}") + b"*0\r\n"
                   for number in range(self.NODES)]
        rows = [b"*3\r\n:%d\r\n:%d\r\n" % (slot, slot) + entries[slot % self.NODES] for slot in range(16384)]
        lines = "".join(f"{number:040d} {HOST}:{40000 + number}@1 master - 0 0 1 connected\n" for number in range(self.NODES))
        self.answer = b"*16384\r\n" + b"".join(rows) + bulk(lines) + bulk("redis_version:7.0.15\r\n")
        self.listener = socket.create_server((HOST, processes.free_port()))
        self.addCleanup(self.listener.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                try:
                    greet(client)
                    if b"SLOTS" in client.recv(1000):
                        client.sendall(self.answer)
                except OSError:
                    pass  # the daemon has ended

    @staticmethod
    def cpu_seconds(pid):
        """Of each thread, by its name."""
        seconds = {}
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            name, fields = (task / "stat").read_text().rsplit(")", 1)
            ticks = fields.split()
            seconds[name.split("(", 1)[1]] = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
        return seconds

    def test_what_a_large_cluster_says_is_understood_beside_the_thread_that_accepts(self):
        proxy = Proxy([f"{HOST}:{self.listener.getsockname()[1]}"], ["--topology-refresh-interval", "1s", "--topology-min-interval", "20ms"],
                      password=None, wait_ready=False)
        self.addCleanup(proxy.child.kill)
        wait_until(lambda: proxy.metric("slotless_slots_covered") == 16384, SECONDS, "the topology")
        before = self.cpu_seconds(proxy.child.pid)
        wait_until(lambda: self.cpu_seconds(proxy.child.pid)["cluster"] > before["cluster"] + 0.3, SECONDS, "some more look-ups")
        after = self.cpu_seconds(proxy.child.pid)
        self.assertLess(after["slotless"] - before["slotless"], (after["cluster"] - before["cluster"]) / 2, (before, after))
        proxy.stop()


if __name__ == "__main__":
    fixture.main()
