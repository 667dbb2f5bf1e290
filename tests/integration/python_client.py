"""python3-redis, with its own parser and with hiredis: the same tests twice."""

import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import redis
from cluster import HOST, PASSWORD
from redis.utils import HIREDIS_AVAILABLE

try:
    from redis.connection import HiredisParser, PythonParser
except ImportError:  # redis-py 5 and later
    from redis._parsers import _HiredisParser as HiredisParser
    from redis._parsers import _RESP2Parser as PythonParser


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


class PythonClientTests:
    parser = None

    def client(self, **options):
        pool = redis.ConnectionPool(host=HOST, port=site.proxy.port, password=PASSWORD, parser_class=self.parser,
                                    socket_timeout=30, **options)
        client = redis.Redis(connection_pool=pool)
        self.addCleanup(pool.disconnect)
        return client

    def setUp(self):
        self.redis = self.client()
        self.prefix = f"{type(self).__name__}:{self._testMethodName}:"

    def key(self, name):
        return self.prefix + name

    def test_a_url_is_all_an_application_configures(self):
        client = redis.Redis.from_url(f"redis://:{PASSWORD}@{HOST}:{site.proxy.port}/0", client_name="app",
                                      health_check_interval=1)
        self.addCleanup(client.close)
        self.assertTrue(client.ping())
        self.assertTrue(client.set(self.key("a"), 1))
        self.assertEqual(client.client_getname(), "app")

    def test_strings(self):
        self.assertIs(self.redis.set(self.key("a"), "ü\0\r\n"), True)
        self.assertEqual(self.redis.get(self.key("a")), "ü\0\r\n".encode())
        self.assertIsNone(self.redis.get(self.key("none")))
        self.assertIsNone(self.redis.set(self.key("a"), "x", nx=True))
        self.assertEqual(self.redis.incrby(self.key("n"), 5), 5)
        self.assertEqual(self.redis.incrbyfloat(self.key("n"), 0.5), 5.5)
        self.assertTrue(self.redis.set(self.key("t"), 1, ex=100))
        self.assertTrue(90 < self.redis.ttl(self.key("t")) <= 100)
        self.assertTrue(self.redis.expire(self.key("a"), 100))

    def test_collections(self):
        self.assertEqual(self.redis.hset(self.key("h"), mapping={"a": 1, "b": 2}), 2)
        self.assertEqual(self.redis.hgetall(self.key("h")), {b"a": b"1", b"b": b"2"})
        self.assertEqual(self.redis.hmget(self.key("h"), "a", "x"), [b"1", None])
        self.assertEqual(self.redis.rpush(self.key("l"), 1, 2, 3), 3)
        self.assertEqual(self.redis.lrange(self.key("l"), 0, -1), [b"1", b"2", b"3"])
        self.assertEqual(self.redis.sadd(self.key("s"), "x", "y"), 2)
        self.assertEqual(self.redis.smembers(self.key("s")), {b"x", b"y"})
        self.assertEqual(self.redis.zadd(self.key("z"), {"one": 1, "two": 2}), 2)
        self.assertEqual(self.redis.zrange(self.key("z"), 0, -1, withscores=True), [(b"one", 1.0), (b"two", 2.0)])
        self.assertEqual(self.redis.xadd(self.key("x"), {"f": "v"}, id="1-1"), b"1-1")
        self.assertEqual(self.redis.xrange(self.key("x")), [(b"1-1", {b"f": b"v"})])
        self.assertEqual(dict(self.redis.hscan_iter(self.key("h"))), {b"a": b"1", b"b": b"2"})
        self.assertEqual(self.redis.sort(self.key("l"), desc=True), [b"3", b"2", b"1"])

    def test_many_keys_at_once(self):
        values = {self.key(str(i)): b"%d" % i for i in range(200)}
        self.assertTrue(self.redis.mset(values))
        self.assertEqual(self.redis.mget(list(values)), list(values.values()))
        self.assertEqual(self.redis.exists(*values), 200)
        self.assertEqual(self.redis.touch(*values), 200)
        self.assertEqual(self.redis.delete(*list(values)[:150]), 150)
        self.assertEqual(self.redis.unlink(*values), 50)

    def test_decoded_responses(self):
        client = self.client(decode_responses=True)
        client.set(self.key("a"), "grüß dich")
        self.assertEqual(client.get(self.key("a")), "grüß dich")
        self.assertEqual(client.mget(self.key("a"), self.key("none")), ["grüß dich", None])

    def test_a_pipeline_returns_results_and_errors_in_place(self):
        self.redis.delete(self.key("text"))
        pipeline = self.redis.pipeline(transaction=False)
        key = self.key("text")
        pipeline.set(key, "x").incr(key).get(key).lpush(key, 1).ping()
        ok, error1, value, error2, pong = pipeline.execute(raise_on_error=False)
        self.assertEqual([ok, value, pong], [True, b"x", True])
        self.assertEqual(str(error1), "value is not an integer or out of range")
        self.assertRegex(str(error2), "^WRONGTYPE Operation against a key holding the wrong kind of value")

    def test_errors_have_the_types_that_applications_catch(self):
        wrong = redis.Redis(host=HOST, port=site.proxy.port, password="wrong")
        self.addCleanup(wrong.close)
        # Which class these have differs between versions of redis-py.
        with self.assertRaisesRegex(redis.exceptions.RedisError, "invalid username-password pair or user is disabled"):
            wrong.ping()
        without = redis.Redis(host=HOST, port=site.proxy.port)
        self.addCleanup(without.close)
        with self.assertRaisesRegex(redis.exceptions.RedisError, "Authentication required"):
            without.get("a")
        with self.assertRaisesRegex(redis.exceptions.ResponseError, "^wrong number of arguments for 'get' command"):
            self.redis.execute_command("GET")
        with self.assertRaises(redis.exceptions.NoScriptError):
            self.redis.evalsha("0" * 40, 1, self.key("a"))

    def test_scripts_with_keys_of_one_slot(self):
        script = "return {KEYS[1], redis.call('INCRBY', KEYS[2], ARGV[1])}"
        first, second = "{e}" + self.key("a"), "{e}" + self.key("b")
        self.assertEqual(self.redis.eval(script, 2, first, second, 7), [first.encode(), 7])

    def test_info_and_commands_are_parsed(self):
        info = self.redis.info()
        self.assertEqual((info["redis_mode"], info["role"], info["cluster_enabled"]), ("standalone", "master", 0))
        self.assertGreater(self.redis.command_count(), 150)
        self.assertIsInstance(self.redis.client_id(), int)

    def test_threads_share_a_pool(self):
        wrong = []

        def run(number):
            for i in range(200):
                key = self.key(f"{number}:{i % 10}")
                self.redis.set(key, f"{number}/{i}")
                if self.redis.get(key) != b"%d/%d" % (number, i):
                    wrong.append(key)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            self.assertFalse(thread.is_alive())
        self.assertEqual(wrong, [])


class WithPythonParser(PythonClientTests, unittest.TestCase):
    parser = PythonParser


@unittest.skipUnless(HIREDIS_AVAILABLE, "python3-hiredis is not installed")
class WithHiredisParser(PythonClientTests, unittest.TestCase):
    parser = HiredisParser


if __name__ == "__main__":
    fixture.main()
