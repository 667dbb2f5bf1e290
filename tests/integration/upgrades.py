"""Upgrade in place by SIGUSR2: another process takes over the sockets and the clients' next connections, and nobody is
refused, nothing is lost, and nothing that was not answered has been carried out."""

import os
import pathlib
import signal
import socket
import stat
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import redis
import resp
from cluster import HOST, PASSWORD
from proxy import STANDIN, connect
from upgrading import UpgradingProxy, has_ended
from waiting import wait_until

SECONDS = 30


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about the daemon, not about Redis")
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


class Worker(threading.Thread):
    """A client that goes on until it is stopped; `turn` sends some requests and returns how many were answered."""

    def __init__(self, proxy, key, turn):
        super().__init__(daemon=True)
        self._proxy, self.key, self._turn = proxy, key, turn
        self._stopping = threading.Event()
        self.answered = self.unanswered = self.connections = 0
        self.problem = None

    def run(self):
        connection = None
        while not self._stopping.is_set():
            try:
                if connection is None:
                    connection = connect(self._proxy)
                    self.connections += 1
                if ended(connection):
                    connection.close()
                    connection = None
                    continue
                self.answered += self._turn(connection, self.key)
            except ConnectionRefusedError as error:
                self.problem = error
                return
            except ConnectionError:
                # The end of an idle connection and the next request have crossed.
                self.unanswered += 1
                connection.close()
                connection = None
            except Exception as error:  # pylint: disable=broad-except
                self.problem = error
                return
        if connection is not None:
            connection.close()

    def stop(self):
        self._stopping.set()
        self.join(SECONDS)


def ended(connection):
    """What a client's pool looks at before it uses a connection."""
    connection.socket.setblocking(False)
    try:
        return connection.socket.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    finally:
        connection.socket.settimeout(SECONDS)


def single(connection, key):
    assert isinstance(connection.command("INCR", key), int)
    return 1


def pipeline(connection, key):
    connection.send(resp.pack_all([("INCR", key)] * 10))
    replies = [connection.read()]
    try:
        replies += [connection.read() for _ in range(9)]
    except ConnectionError as error:
        raise AssertionError(f"a pipeline was answered in part: {len(replies)}") from error
    assert all(isinstance(reply, int) for reply in replies), replies
    return 10


def transaction(connection, key):
    assert connection.command("MULTI") == b"OK"
    try:
        assert connection.command("INCR", key) == b"QUEUED"
        assert len(connection.command("EXEC")) == 1
    except ConnectionError as error:
        raise AssertionError("closed between MULTI and EXEC") from error
    return 1


def one_connection_each(connection, key):
    connection.command("INCR", key)
    connection.close()
    raise ConnectionError


def blocked(connection, key):
    """Nobody pushes: it is answered after its time."""
    assert connection.command("BLPOP", key + ":list", "0.3") is None
    return single(connection, key)


class UnderLoad(unittest.TestCase):
    def test_nobody_is_refused_and_what_is_answered_is_what_has_been_done(self):
        proxy = UpgradingProxy(site.cluster.addresses())
        kinds = (single, pipeline, transaction, one_connection_each, blocked)
        workers = [Worker(proxy, f"load:{number}:{kind.__name__}", kind) for number in range(3) for kind in kinds]
        for worker in workers:
            worker.start()
        generations = []
        for _ in range(4):
            wait_until(lambda: all(worker.answered or worker.unanswered for worker in workers), SECONDS, "all to work")
            counts = [worker.answered + worker.unanswered for worker in workers]
            generations.append(proxy.upgrade())
            wait_until(lambda: all(worker.answered + worker.unanswered > count + 2
                                   for worker, count in zip(workers, counts)), SECONDS, "all to go on")
            wait_until(lambda: has_ended(generations[-1]), SECONDS, "the old process to end")
        for worker in workers:
            worker.stop()
        self.assertEqual([worker.problem for worker in workers if worker.problem], [])
        with connect(proxy) as connection:
            for worker in workers:
                count = int(connection.command("GET", worker.key))
                if "one_connection" in worker.key:
                    self.assertEqual(count, worker.unanswered, worker.key)
                    continue
                self.assertEqual(count, worker.answered, worker.key)
                self.assertLessEqual(worker.unanswered, 4, worker.key)
                self.assertLessEqual(worker.connections, 5, "one for each process")
        self.assertEqual(len(set(generations)), 4)
        proxy.stop()


class Handover(unittest.TestCase):
    def start(self, *options, **more):
        proxy = UpgradingProxy(site.cluster.addresses(), options, **more)
        self.addCleanup(proxy.stop)
        return proxy

    def test_idle_clients_are_closed_and_those_in_the_middle_of_something_are_served_to_its_end(self):
        proxy = self.start()
        with connect(proxy) as idle, connect(proxy) as blocked_one, connect(proxy) as queueing, connect(proxy) as silent:
            blocked_one.send(resp.pack("BLPOP", "handover:list", "0"))
            queueing.command("MULTI")
            queueing.command("INCR", "handover:count")
            wait_until(lambda: proxy.metric("slotless_blocked_clients") == 1, SECONDS, "the client to block")
            old = proxy.upgrade()
            self.assertEqual(idle.read_to_end(), b"")
            self.assertEqual(silent.read_to_end(), b"")
            self.assertFalse(has_ended(old))
            with connect(proxy) as fresh:
                self.assertIn(f"process_id:{proxy.pid}\r\n", fresh.command("INFO", "server").decode())
                fresh.command("RPUSH", "handover:list", "x")
            self.assertEqual(blocked_one.read(), [b"handover:list", b"x"])
            self.assertEqual(blocked_one.read_to_end(), b"")
            self.assertEqual(queueing.command("EXEC"), [1])
            self.assertEqual(queueing.read_to_end(), b"")
        wait_until(lambda: has_ended(old), SECONDS, "the old process to end")

    def test_clients_of_the_old_process_have_until_the_drain_timeout(self):
        proxy = self.start("--upgrade-drain-timeout", "1s")
        with connect(proxy) as stuck:
            stuck.send(resp.pack("BLPOP", "handover:nothing", "0"))
            wait_until(lambda: proxy.metric("slotless_blocked_clients") == 1, SECONDS, "the client to block")
            old = proxy.upgrade()
            wait_until(lambda: has_ended(old), SECONDS, "the old process to end")
            self.assertIn("shutdown timeout reached", proxy.log())

    def test_the_admin_address_the_unix_socket_and_the_pid_file_go_over_to_the_new_process(self):
        path, pid_file = processes.directory() / "upgrade.sock", processes.directory() / "slotless.pid"
        proxy = UpgradingProxy(site.cluster.addresses(),
                               ["--listen", f"unix:{path}?read-from=prefer-replica", "--pid-file", pid_file])
        self.assertEqual(pid_file.read_text(), f"{proxy.pid}\n")
        for _ in range(2):
            old = proxy.upgrade()
            wait_until(lambda: has_ended(old), SECONDS, "the old process to end")
            self.assertEqual(proxy.http("/readyz")[0], 200)
            self.assertEqual(proxy.metric("slotless_clients"), 0)
            self.assertTrue(redis.Redis(unix_socket_path=str(path), password=PASSWORD).ping())
            self.assertEqual(pid_file.read_text(), f"{proxy.pid}\n")
        self.assertEqual(proxy.log().count(f'address="unix:{path}?read-from=prefer-replica"'), 3)
        self.assertTrue(stat.S_ISSOCK(path.stat().st_mode))
        proxy.stop()
        self.assertFalse(path.exists() or pid_file.exists())

    def test_the_new_process_reads_the_configuration_anew(self):
        file = processes.directory() / "upgrade.yaml"
        file.write_text("cross-slot: emulate\n")
        proxy = self.start("--config", file)
        file.write_text("cross-slot: error\n")
        proxy.upgrade()
        with connect(proxy) as connection:
            self.assertRegex(connection.error("MSET", "a", "1", "b", "2"), "^CROSSSLOT")

    def test_the_service_manager_is_told_who_serves(self):
        path = processes.directory() / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(SECONDS)
            proxy = UpgradingProxy(site.cluster.addresses(), variables=[("NOTIFY_SOCKET", str(path))])
            self.assertEqual(manager.recv(1000), b"READY=1")
            proxy.upgrade()
            self.assertEqual(manager.recv(1000), f"MAINPID={proxy.pid}".encode())
            self.assertEqual(manager.recv(1000), b"READY=1")
            proxy.stop()
            self.assertEqual(manager.recv(1000), b"STOPPING=1")


class Failures(unittest.TestCase):
    def setUp(self):
        self.proxy = UpgradingProxy(site.cluster.addresses(), ["--upgrade-timeout", "4s"])
        self.addCleanup(self.proxy.stop)

    def fails(self, why):
        begin = len(self.proxy.log())
        with connect(self.proxy) as connection:
            self.proxy.begin_upgrade()
            wait_until(lambda: "upgrade failed, this process goes on" in self.proxy.log()[begin:], SECONDS, "the failure")
            self.assertIn(why, self.proxy.log()[begin:])
            self.assertEqual(connection.command("SET", "failures:a", "1"), b"OK")
        with connect(self.proxy) as connection:
            self.assertIn(f"process_id:{self.proxy.pid}\r\n", connection.command("INFO", "server").decode())
        self.assertEqual(self.proxy.http("/readyz")[0], 200)

    def test_a_program_that_does_not_come_up_changes_nothing_and_a_better_one_can_follow(self):
        self.proxy.install("exit 3\n")
        self.fails('why="it ended with code 3"')
        self.proxy.install("kill -ABRT $$\n")
        self.fails('why="it was ended by signal 6"')
        self.proxy.program.unlink()
        self.fails('why="no such file or directory"')
        self.proxy.install(f"echo $$ > {self.proxy.program}.pid; exec sleep 1000\n")
        self.fails('why="it was not ready in time"')
        left = int(pathlib.Path(f"{self.proxy.program}.pid").read_text())
        wait_until(lambda: not os.path.exists(f"/proc/{left}"), SECONDS, "what was late to be gone")
        self.proxy.install()
        self.proxy.upgrade()
        with connect(self.proxy) as connection:
            self.assertEqual(connection.command("GET", "failures:a"), b"1")

    def test_a_signal_to_end_ends_the_successor_that_is_not_ready_too(self):
        proxy = UpgradingProxy(site.cluster.addresses())
        proxy.install(f"echo $$ > {proxy.program}.pid; exec sleep 1000\n")
        proxy.begin_upgrade()
        pid_file = pathlib.Path(f"{proxy.program}.pid")
        wait_until(lambda: pid_file.exists() and pid_file.read_text(), SECONDS, "the successor to be started")
        proxy.begin_upgrade()
        wait_until(lambda: "no upgrade: one is under way" in proxy.log(), SECONDS, "the second upgrade to be refused")
        proxy.stop()
        left = int(pid_file.read_text())
        wait_until(lambda: has_ended(left, in_order=False), SECONDS, "the successor to be gone")


if __name__ == "__main__":
    fixture.main()
