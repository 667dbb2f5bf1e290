"""What operators rely on: health pages, metrics, an orderly end."""

import pathlib
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import resp
from cluster import HOST
from proxy import Proxy, connect
from slots import key_in
from waiting import wait_until


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


class HealthPages(unittest.TestCase):
    def test_a_daemon_with_its_cluster_is_live_and_ready(self):
        self.assertEqual(site.proxy.http("/healthz")[0], 200)
        self.assertEqual(site.proxy.http("/readyz")[0], 200)
        self.assertEqual(site.proxy.http("/no-such-page")[0], 404)

    @fixture.NOT_ONE_REDIS
    def test_a_daemon_without_cluster_is_live_but_not_ready_and_ends_well(self):
        proxy = Proxy([f"{HOST}:{processes.free_port()}"], ["--hold-timeout", "300ms"], wait_ready=False)
        self.assertEqual(proxy.http("/healthz")[0], 200)
        self.assertEqual(proxy.http("/readyz")[0], 503)
        with connect(proxy) as connection:
            self.assertEqual(connection.command("PING"), b"PONG")
            self.assertRegex(connection.error("GET", "a"), "^CLUSTERDOWN ")
            self.assertRegex(connection.error("MGET", "a", "b"), "^CLUSTERDOWN ")
        proxy.stop()


class Metrics(unittest.TestCase):
    def test_every_line_of_the_metrics_can_be_parsed(self):
        samples = site.proxy.metrics()
        self.assertTrue(any(name.startswith("slotless_build_info{") for name in samples), list(samples)[:20])
        self.assertTrue(all(name.startswith(("slotless_", "process_", "exposer_")) for name in samples))

    @fixture.NOT_ONE_REDIS
    def test_what_is_asked_is_counted_on_all_workers(self):
        before, errors = self.count_get("requests"), self.count_get("request_errors")
        for _ in range(6):
            with site.connect() as connection:
                for _ in range(10):
                    connection.command("GET", "metrics:a")
                connection.command("SET", "metrics:text", "x")
                connection.error("GET")
        wait_until(lambda: self.count_get("requests") >= before + 60, 10, "60 more GETs to be counted")
        self.assertLessEqual(self.count_get("requests"), before + 66)
        self.assertLessEqual(self.count_get("request_errors"), errors + 6)

    @staticmethod
    def count_get(kind):
        return site.proxy.metrics().get(f'slotless_{kind}_total{{command="get"}}', 0)


@fixture.NOT_ONE_REDIS
class TheEnd(unittest.TestCase):
    def setUp(self):
        self.proxy = Proxy(site.cluster.addresses())

    def test_what_is_in_flight_is_finished_before_the_end(self):
        node = site.cluster.first_masters[0]
        slow_key, other_key = (key_in(site.cluster.slots_of(each)[5]) for each in site.cluster.first_masters[:2])
        with connect(self.proxy) as connection, node.connect() as sleeper:
            self.assertEqual(connection.command("SET", slow_key, "late"), b"OK")
            self.assertEqual(connection.command("SET", other_key, "soon"), b"OK")
            sleeper.send(resp.pack("DEBUG", "SLEEP", "1"))
            # The first reply shows that the daemon has read the pipeline; the second one hangs in the sleeping node.
            connection.send(resp.pack_all([("GET", other_key), ("GET", slow_key), ("MGET", other_key, slow_key)]))
            self.assertEqual(connection.read(), b"soon")
            self.proxy.terminate()
            self.assertEqual([connection.read(), connection.read()], [b"late", [b"soon", b"late"]])
            self.assertEqual(connection.read_to_end(), b"")
        self.proxy.finish()

    def test_new_clients_are_refused_and_idle_ones_closed(self):
        with connect(self.proxy) as idle:
            self.proxy.terminate()
            self.assertEqual(idle.read_to_end(), b"")
        with self.assertRaises(ConnectionError):
            connect(self.proxy).close()
        self.proxy.finish()

    def test_what_is_answered_at_the_end_under_load_is_what_has_been_done(self):
        """Whole replies, in order, and no error; and nothing has been done beyond them."""
        pipeline = 2000
        kinds = {"one": ("INCR", "end:{}"), "transaction": (("MULTI",), ("INCR", "end:{}"), ("EXEC",)), "several": ("MGET", "a", "b", "c")}
        whole = {"one": lambda number: b":%d\r\n" % number, "transaction": lambda number: b"+OK\r\n+QUEUED\r\n*1\r\n:%d\r\n" % number,
                 "several": lambda _: b"*3\r\n$-1\r\n$-1\r\n$-1\r\n"}
        clients = []
        for number in range(18):
            kind = list(kinds)[number % len(kinds)]
            key = f"end:{number}"
            requests = kinds[kind] if kind == "transaction" else (kinds[kind],)
            text = resp.pack_all([[word.format(number) for word in request] for request in requests]) * pipeline
            clients.append((kind, key, connect(self.proxy, timeout=60), text))
        senders = [threading.Thread(target=send_all, args=(connection, text), daemon=True) for _, _, connection, text in clients]
        for sender in senders:
            sender.start()
        for _, _, connection, _ in clients:
            connection.socket.recv(1, socket.MSG_PEEK)  # each has been answered something
        self.proxy.terminate()
        replies = [connection.read_to_end() for _, _, connection, _ in clients]
        self.proxy.finish()
        for sender in senders:
            sender.join(60)
        proxy = Proxy(site.cluster.addresses())
        self.addCleanup(proxy.stop)
        for (kind, key, connection, _), got in zip(clients, replies):
            with self.subTest(kind=kind, key=key):
                connection.close()
                done = 0
                while got.startswith(expected := whole[kind](done + 1)):
                    got = got[len(expected):]
                    done += 1
                # Of a transaction that it has no more taken up.
                self.assertIn(got, (b"", b"+OK\r\n", b"+OK\r\n+QUEUED\r\n") if kind == "transaction" else (b"",))
                self.assertGreater(done, 0)
                if kind != "several":
                    with connect(proxy) as asking:
                        self.assertEqual(int(asking.command("GET", key)), done)


def send_all(connection, data):
    try:
        connection.send(data)
    except OSError:
        pass  # the daemon has ended


if __name__ == "__main__":
    fixture.main()
