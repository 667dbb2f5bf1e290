"""Malformed and mistaken requests: Redis's own texts, and Redis's own choice of when to hang up."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp

# Bytes → the error line, after which the connection is closed.
FATAL = {
    b"*abc\r\n": b"invalid multibulk length",
    b"*2147483648\r\n": b"invalid multibulk length",
    b"*1\r\nGET\r\n": b"expected '$', got 'G'",
    b"*1\r\n$abc\r\n": b"invalid bulk length",
    b"*1\r\n$-1\r\n": b"invalid bulk length",
    b"*1\r\n$536870913\r\n": b"invalid bulk length",
    b'SET a "unbalanced\r\n': b"unbalanced quotes in request",
    b"SET a 'b'c\r\n": b"unbalanced quotes in request",
    b"x" * 70000: b"too big inline request",
    b"*" + b"1" * 70000: b"too big mbulk count string",
    b"*1\r\n$" + b"1" * 70000: b"too big bulk count string",
}
# Requests that a node would refuse before it looks at slots: the answers must be the node's, byte for byte.
REFUSED = [
    ("NOSUCHCOMMAND",), ("nosuchcommand", "a", "b c", ""), ("",), ("FOO\r\nBAR", "x"), ("BAD", "a" * 300, "b" * 300),
    ("B" * 200, "x"), ("BAD", b"\xff\x00\"'"), ("GET",), ("get", "a", "b"), ("SET", "a"), ("MGET",),
    ("DEL",), ("EXISTS",), ("MSET",), ("MSET", "a"), ("HSET", "h", "f"), ("OBJECT",), ("OBJECT", "NONSENSE"),
    ("OBJECT", "ENCODING"),
    ("XINFO", "STREAM"), ("XGROUP", "CREATE", "s"), ("EVAL", "return 1"), ("EXPIRE", "a"), ("LPOP",),
    ("ZADD", "z", "1"),
]
# The same in slots: first a key that exists as a text.
MISTAKEN = [
    ("SET", "err:text", "x"), ("INCR", "err:text"), ("LPUSH", "err:text", "1"), ("HGET", "err:text", "f"),
    ("SET", "err:text", "y", "NX", "XX"), ("SET", "err:text", "y", "EX", "0"), ("SET", "err:text", "y", "EX", "abc"),
    ("EXPIRE", "err:text", "abc"), ("GETRANGE", "err:text", "a", "b"), ("SETRANGE", "err:text", "-1", "x"),
    ("ZADD", "err:z", "notanumber", "m"), ("HINCRBY", "err:h", "f", "1.5"), ("HSET", "err:h", "f", "v", "odd"),
    ("LSET", "err:nolist", "0", "x"), ("SETBIT", "err:text", "0", "2"), ("XADD", "err:s", "0-0", "f", "v"),
    ("RESTORE", "err:r", "0", "garbage"), ("EVAL", "return redis.call('INCR', KEYS[1])", "1", "err:text"),
    ("EVAL", "not lua", "1", "err:text"), ("EVAL", "return 1", "-1"), ("EVAL", "return 1", "5", "err:text"),
    ("MSET", "err:a", "1", "err:b"), ("DEL", "err:text"),
]


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


class ProtocolErrors(unittest.TestCase):
    def test_a_protocol_error_is_told_after_earlier_replies_and_ends_the_connection(self):
        for data, text in FATAL.items():
            with self.subTest(data=data[:40]), site.connect() as connection:
                connection.send(resp.pack("SET", "fatal:a", "1") + resp.pack("ECHO", "before") + data)
                self.assertEqual(connection.read_to_end(),
                                 b"+OK\r\n$6\r\nbefore\r\n-ERR Protocol error: " + text + b"\r\n")

    def test_what_follows_a_protocol_error_is_not_run(self):
        with site.connect() as connection:
            connection.command("DEL", "fatal:after")
            connection.send(b"*1\r\n$x\r\n" + resp.pack("SET", "fatal:after", "1"))
            connection.read_to_end()
        with site.connect() as connection:
            self.assertEqual(connection.command("EXISTS", "fatal:after"), 0)

    def test_empty_requests_have_no_reply(self):
        with site.connect() as connection:
            connection.send(b"\r\n\n   \r\n*0\r\n*-1\r\n" + resp.pack("PING"))
            self.assertEqual(connection.read_raw(), b"+PONG\r\n")

    def test_a_request_may_come_byte_by_byte(self):
        with site.connect() as connection:
            for request, reply in ((resp.pack("SET", "slow:a", "b\r\nc"), b"+OK\r\n"),
                                   (resp.pack("GET", "slow:a"), b"$4\r\nb\r\nc\r\n"),
                                   (b"GET slow:a\r\n", b"$4\r\nb\r\nc\r\n"),
                                   (resp.pack("MGET", "slow:a", "slow:b"), b"*2\r\n$4\r\nb\r\nc\r\n$-1\r\n")):
                for position in range(len(request)):
                    connection.send(request[position:position + 1])
                self.assertEqual(connection.read_raw(), reply)


class InlineCommands(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect()
        self.addCleanup(self.connection.close)

    def check(self, line, reply):
        self.connection.send(line)
        self.assertEqual(self.connection.read_raw(), reply)

    def test_an_inline_command_is_a_command(self):
        self.check(b"SET inline:a 1\r\n", b"+OK\r\n")
        self.check(b"  get   inline:a  \n", b"$1\r\n1\r\n")
        self.check(b"MGET inline:a inline:none\r\n", b"*2\r\n$1\r\n1\r\n$-1\r\n")

    def test_quotes_and_escapes_are_understood(self):
        self.check(b'SET inline:q "a b\\x00\\n\\"c"\r\n', b"+OK\r\n")
        self.check(b"GET inline:q\r\n", b"$7\r\na b\0\n\"c\r\n")
        self.check(b"ECHO 'it\\'s \\n raw'\r\n", b"$11\r\nit's \\n raw\r\n")
        self.check(b"SET inline:empty ''\r\n", b"+OK\r\n")
        self.check(b"GET inline:empty\r\n", b"$0\r\n\r\n")

    def test_inline_and_multibulk_requests_mix_in_one_pipeline(self):
        self.connection.send(b"SET inline:m 1\r\n" + resp.pack("INCR", "inline:m") + b"INCR inline:m\r\n\r\nPING\r\n")
        self.assertEqual([self.connection.read() for _ in range(4)], [b"OK", 2, 3, b"PONG"])


class MistakenRequests(unittest.TestCase):
    def node_connection(self):
        """One server asked directly: a node, or the Redis that stands in."""
        return site.cluster.first_masters[0].connect() if site.cluster else site.connect()

    def test_refusals_have_the_text_of_the_server(self):
        with site.connect() as connection, self.node_connection() as node:
            for request in REFUSED:
                with self.subTest(request=request):
                    self.assertEqual(connection.raw(*request), node.raw(*request))

    def test_the_commonest_refusals_read_as_in_redis_7(self):
        with site.connect() as connection:
            self.assertEqual(connection.error("FOO", "a", "b"),
                             "ERR unknown command 'FOO', with args beginning with: 'a' 'b' ")
            self.assertEqual(connection.error("GET"), "ERR wrong number of arguments for 'get' command")
            self.assertEqual(connection.error("MSET", "a", "1", "b"),
                             "ERR wrong number of arguments for 'mset' command")
            self.assertEqual(connection.error("OBJECT", "FOO", "a"), "ERR unknown subcommand 'FOO'. Try OBJECT HELP.")

    def test_errors_of_the_data_have_the_text_of_the_server(self):
        child, port = fixture.start_oracle()
        self.addCleanup(child.kill)
        with site.connect() as connection, resp.Connection(fixture.HOST, port, fixture.PASSWORD) as oracle:
            for request in MISTAKEN:
                with self.subTest(request=request):
                    self.assertEqual(connection.raw(*request), oracle.raw(*request))

    def test_a_refused_request_leaves_the_pipeline_in_step(self):
        with site.connect() as connection:
            connection.send(resp.pack_all([("SET", "step:a", "1"), ("NOSUCH",), ("GET", "step:a"), ("GET",),
                                           ("INCR", "step:a"), ("LPUSH", "step:a", "x"), ("GET", "step:a")]))
            replies = [connection.read() for _ in range(7)]
        self.assertEqual([replies[i] for i in (0, 2, 4, 6)], [b"OK", b"1", 2, b"2"])
        self.assertTrue(all(isinstance(replies[i], resp.ReplyError) for i in (1, 3, 5)), replies)


if __name__ == "__main__":
    fixture.main()
