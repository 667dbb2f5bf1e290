"""Deep pipelines: order, nothing lost, nothing mixed up between clients, and clients that die on the way."""

import pathlib
import random
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from waiting import wait_until

DEPTH = 100_000


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


class DeepPipelines(unittest.TestCase):
    def test_100_000_commands_are_answered_in_order(self):
        pipeline = site.client().pipeline(transaction=False)
        expected = []
        for i in range(DEPTH // 4):
            key = f"deep:{i % 5000}"
            pipeline.set(key, i)
            pipeline.get(key)
            pipeline.echo(f"{i}")
            pipeline.execute_command("INCR", key)
            expected += [True, b"%d" % i, b"%d" % i, i + 1]
        self.assertEqual(pipeline.execute(), expected)

    def test_100_000_increments_of_one_key_count_up_one_by_one(self):
        pipeline = site.client().pipeline(transaction=False)
        pipeline.delete("deep:counter")
        for _ in range(DEPTH - 1):
            pipeline.incr("deep:counter")
        replies = pipeline.execute()
        self.assertEqual(replies[1:], list(range(1, DEPTH)))

    def test_a_client_may_write_its_whole_pipeline_before_it_reads(self):
        # More on either way than the kernel buffers: whoever stops reading here to save memory hangs for ever.
        count = DEPTH // 2
        with site.connect() as connection:
            requests = ((("SET", f"whole:{i % 100}", f"{i:0200}"), ("GET", f"whole:{i % 100}")) for i in range(count))
            connection.send(b"".join(resp.pack_all(each) for each in requests))
            for i in range(count):
                self.assertEqual([connection.read(), connection.read()], [b"OK", b"%0200d" % i])

    def test_commands_for_nodes_for_several_nodes_and_for_nobody_keep_their_order(self):
        choice = random.Random(4711)
        state, requests, expected = {}, [], []
        for i in range(20_000):
            key = f"mixed:{choice.randrange(300)}"
            kind = choice.randrange(7)
            if kind == 0:
                requests.append(resp.pack("SET", key, i))
                state[key] = b"%d" % i
                expected.append(b"OK")
            elif kind == 1:
                requests.append(resp.pack("GET", key))
                expected.append(state.get(key))
            elif kind == 2:
                requests.append(resp.pack("PING"))
                expected.append(b"PONG")
            elif kind == 3:
                others = [f"mixed:{choice.randrange(300)}" for _ in range(5)]
                requests.append(resp.pack("MGET", key, *others))
                expected.append([state.get(each) for each in (key, *others)])
            elif kind == 4:
                requests.append(b"ECHO inline-%d\r\n" % i)
                expected.append(b"inline-%d" % i)
            elif kind == 5:
                requests.append(resp.pack("NOSUCHCOMMAND", i))
                expected.append(resp.ReplyError)
            else:
                requests.append(resp.pack("DEL", key, "mixed:never"))
                expected.append(1 if state.pop(key, None) else 0)
        with site.connect() as connection:
            connection.command("DEL", *[f"mixed:{i}" for i in range(300)])
            connection.send(b"".join(requests))
            for i, wanted in enumerate(expected):
                reply = connection.read()
                if wanted is resp.ReplyError:
                    self.assertIsInstance(reply, resp.ReplyError, i)
                else:
                    self.assertEqual(reply, wanted, i)

    def test_a_client_that_has_said_all_still_gets_its_replies(self):
        with site.connect() as connection:
            requests = [("SET", "half:a", "1"), ("INCR", "half:a"), ("MGET", "half:a", "half:none")]
            connection.send(resp.pack_all(requests))
            connection.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.read_to_end(), b"+OK\r\n:2\r\n*2\r\n$1\r\n2\r\n$-1\r\n")

    def test_a_request_may_arrive_in_any_pieces(self):
        data = b"".join(resp.pack("SET", f"pieces:{i}", "v" * i) + resp.pack("GET", f"pieces:{i}") for i in range(200))
        choice = random.Random(1)
        with site.connect() as connection:
            position = 0
            while position < len(data):
                length = choice.choice((1, 2, 3, 7, 64, 1000))
                connection.send(data[position:position + length])
                position += length
            for i in range(200):
                self.assertEqual([connection.read(), connection.read()], [b"OK", b"v" * i])


class ManyClients(unittest.TestCase):
    def test_replies_go_to_the_client_that_asked(self):
        failures = []

        def run(number):
            with site.connect() as connection:
                for turn in range(30):
                    keys = [f"many:{number}:{i}" for i in range(20)]
                    requests = [("SET", key, f"{number}/{turn}") for key in keys] + [("GET", key) for key in keys]
                    connection.send(resp.pack_all(requests))
                    replies = [connection.read() for _ in requests]
                    if replies != [b"OK"] * 20 + [b"%d/%d" % (number, turn)] * 20:
                        failures.append((number, turn, replies))

        threads = [threading.Thread(target=run, args=(number,)) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failures, [])

    def test_clients_that_die_in_mid_pipeline_harm_nobody(self):
        with site.connect() as survivor:
            for turn in range(40):
                dying = site.connect()
                requests = [request for i in range(300) for request in (
                    ("SET", f"dying:{i}", "x" * 100), ("MGET", f"dying:{i}", f"dying:{i + 1}"))]
                dying.send(resp.pack_all(requests) + b"*2\r\n$3\r\nGET\r\n$100\r\nhalf of")
                if turn % 2:
                    dying.reset()
                else:
                    dying.close()
                survivor.send(resp.pack_all(request for i in range(20) for request in (
                    ("SET", f"survivor:{i}", f"{turn}:{i}"), ("GET", f"survivor:{i}"))))
                replies = [survivor.read() for _ in range(40)]
                self.assertEqual(replies[::2], [b"OK"] * 20)
                self.assertEqual(replies[1::2], [b"%d:%d" % (turn, i) for i in range(20)])

    def test_the_dead_are_forgotten(self):
        connections = [site.connect() for _ in range(50)]
        for connection in connections:
            connection.send(resp.pack("GET", "dead:a") * 100)
            connection.reset()
        with site.connect() as connection:
            def only_one_client():
                connection.send(resp.pack("INFO", "clients"))
                return b"connected_clients:1\r\n" in connection.read()
            wait_until(only_one_client, 20, "the dead clients to be gone")


if __name__ == "__main__":
    fixture.main()
