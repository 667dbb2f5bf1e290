"""Traces by OTLP: what a collector gets of requests, what it never gets, and that no client notices a collector in trouble."""

import os
import pathlib
import re
import secrets
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import collector
import fixture
import processes
import redis
from cluster import HOST, PASSWORD
from proxy import Proxy, binary
from redis.backoff import NoBackoff
from redis.retry import Retry
from slots import key_in, slot_of
from waiting import wait_until

SECONDS = 30
# In every key, value, script, name and password here.
SECRET = "zqsecret"
# A collector that hangs is waited for ten seconds: a client that had to wait for it, too, would not be answered in time.
CLIENT_SECONDS = 5
READS = 300


def setUpModule():
    global collecting, site
    collecting = collector.Collector()
    site = fixture.open_site(options=["--trace-endpoint", collecting.endpoint, "--trace-sample", "1", "--trace-service-name", "cache"],
                             topology=True)


def tearDownModule():
    fixture.close_site()
    collecting.stop()


def key(slot, name="key"):
    return key_in(slot, f"{SECRET}-{name}")


def new_parent(flags):
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, f"00-{trace}-{span}-{flags}"


class Traced(unittest.TestCase):
    """Requests of a connection with a trace of its own, which tells them from all others."""

    def setUp(self):
        self.connection = site.connect()
        self.addCleanup(self.connection.close)
        self.trace, self.parent, text = new_parent("01")
        self.assertEqual(self.connection.command("CLIENT", "SETINFO", "TRACEPARENT", text), b"OK")

    def tearDown(self):
        self.assertEqual(collecting.wrong, [])

    def span(self, name):
        """The request's own, once it has been taken."""
        def found():
            return [each for each in collecting.spans(name) if each.trace == self.trace and each.parent == self.parent]
        spans = wait_until(found, SECONDS, f"a span of {name}")
        self.assertEqual(len(spans), 1, spans)
        return spans[0]

    def stages(self, span):
        """They come with the request, in one batch."""
        return [each for each in collecting.trace_of(span) if each.parent == span.id]


@fixture.NOT_ONE_REDIS
class Requests(Traced):
    def test_a_request_is_a_span_and_its_node_one_in_it(self):
        before = time.time_ns()
        self.connection.command("SET", key(100), SECRET)
        after = time.time_ns()
        request = self.span("set")
        self.assertEqual(request.kind, collector.SERVER)
        self.assertEqual(request.flags, 0x301)
        self.assertFalse(request.failed)
        stages = self.stages(request)
        self.assertEqual(len(stages), 1, stages)
        node = site.cluster.owner(100)
        operation = {"db.system.name": "redis", "db.operation.name": "set", "db.namespace": "0"}
        place = {"server.address": HOST, "server.port": node.port}
        self.assertEqual(stages[0].attributes, {**operation, **place, "network.peer.address": HOST, "network.peer.port": node.port})
        self.assertEqual(stages[0].kind, collector.CLIENT)
        self.assertEqual(stages[0].name, "set")
        self.assertEqual(request.attributes.pop("client.address"), HOST)
        self.assertGreater(request.attributes.pop("client.port"), 0)
        self.assertEqual(request.attributes, {**operation, **place})
        slack = 50_000_000  # of two clocks that are read one after the other
        self.assertLessEqual(before - slack, request.start)
        self.assertLessEqual(request.start, stages[0].start)
        self.assertLessEqual(stages[0].start, stages[0].end)
        self.assertLessEqual(stages[0].end, request.end)
        self.assertLessEqual(request.end, after + slack)
        self.assertEqual(request.resource["service.name"], "cache")
        self.assertEqual(request.resource["process.pid"], site.proxy.child.pid)
        self.assertTrue({"service.version", "service.instance.id", "host.name"} <= set(request.resource))

    def test_the_database_is_told_and_what_the_proxy_answers_has_no_node(self):
        self.connection.command("SELECT", "3")
        self.connection.command("GET", SECRET)
        self.connection.command("ECHO", SECRET)
        self.assertEqual(self.span("get").attributes["db.namespace"], "3")
        self.assertEqual(self.stages(self.span("echo")), [])

    def test_parts_of_a_request_are_stages(self):
        slots = [next(iter(site.cluster.slots_of(master))) for master in site.cluster.masters()]
        self.connection.command("MGET", *[key(slot) for slot in slots])
        request = self.span("mget")
        ports = [each.attributes["server.port"] for each in self.stages(request) if each.kind == collector.CLIENT]
        self.assertEqual(sorted(ports), sorted(site.cluster.owner(slot).port for slot in slots))
        self.assertNotIn("server.port", request.attributes)

    def test_a_transaction_is_a_batch(self):
        for command in [("MULTI",), ("SET", key(200), SECRET), ("INCR", key(200, "n")), ("EXEC",)]:
            self.connection.command(*command)
        request = self.span("exec")
        self.assertEqual(request.attributes["db.operation.batch.size"], 2)
        self.assertEqual(len(self.stages(request)), 1)

    def test_errors_have_codes_and_what_scripts_call_them_is_not_repeated(self):
        self.connection.command("SET", key(300), SECRET)
        self.connection.error("LPUSH", key(300), SECRET)
        self.connection.error("EVAL", f"return redis.error_reply('{SECRET.upper()} {SECRET}')", "1", key(300))
        self.connection.error("SELECT", "99")
        for name, code in [("lpush", "WRONGTYPE"), ("select", "ERR")]:
            request = self.span(name)
            self.assertTrue(request.failed)
            self.assertEqual(request.attributes["db.response.status_code"], code)
            self.assertEqual(request.attributes["error.type"], code)
        script = self.span("eval")
        self.assertTrue(script.failed)
        self.assertEqual(script.attributes["error.type"], "_OTHER")
        self.assertNotIn("db.response.status_code", script.attributes)

    def test_a_redirect_is_a_stage_that_failed(self):
        slot = slot_of(key(400))
        source = site.cluster.owner(slot)
        target = next(each for each in site.cluster.masters() if each is not source)
        move = site.cluster.begin_move(slot, target)
        self.addCleanup(move.abort)
        self.connection.command("GET", key(400))
        request = self.span("get")
        self.assertFalse(request.failed)
        stages = [each for each in self.stages(request) if each.kind == collector.CLIENT]
        self.assertEqual([each.attributes["server.port"] for each in stages], [source.port, target.port])
        self.assertEqual(stages[0].attributes["error.type"], "ask")
        self.assertTrue(stages[0].failed)
        self.assertFalse(stages[1].failed)

    def test_nothing_secret_comes_to_the_collector(self):
        self.connection.command("SET", key(500), SECRET)
        self.connection.command("CLIENT", "SETNAME", SECRET)
        self.connection.error("AUTH", SECRET)
        self.connection.error("HELLO", "3", "AUTH", SECRET, SECRET)
        self.connection.command("EVAL", f"return '{SECRET}'", "1", key(500))
        self.connection.error(SECRET, SECRET)
        self.connection.error("CLIENT", "SETINFO", "TRACEPARENT", SECRET)
        self.connection.command("PING")
        self.span("ping")
        bodies = collecting.bodies().lower()
        self.assertIn(b"db.operation.name", bodies)
        self.assertNotIn(SECRET.encode(), bodies)
        self.assertNotIn(PASSWORD.encode(), bodies)


@fixture.NOT_ONE_REDIS
class Contexts(Traced):
    def test_a_traceparent_counts_until_another_one_and_no_node_hears_of_it(self):
        def heard():
            """Of a node that does not know it, too: then it is an error."""
            return [re.findall(r"(cmdstat_client\|setinfo:calls|errorstat_ERR:count)=(\d+)", str(node.command("INFO", "everything")))
                    for node in site.cluster.masters()]
        before = heard()
        self.connection.command("GET", key(600))
        other_trace, other_span, text = new_parent("01")
        self.connection.command("CLIENT", "SETINFO", "traceparent", text)
        self.connection.command("STRLEN", key(600))
        _, _, silent = new_parent("00")
        self.connection.command("CLIENT", "SETINFO", "traceparent", silent)
        self.connection.command("TTL", key(600))
        self.connection.command("CLIENT", "SETINFO", "TraceParent", "")
        self.connection.command("PERSIST", key(600))
        self.span("get")
        strlen = wait_until(lambda: [each for each in collecting.spans("strlen") if each.kind == collector.SERVER], SECONDS, "STRLEN")[0]
        self.assertEqual((strlen.trace, strlen.parent), (other_trace, other_span))
        # All are sampled here, but for those whose client does not want it.
        persist = wait_until(lambda: [each for each in collecting.spans("persist") if each.kind == collector.SERVER], SECONDS, "PERSIST")[0]
        self.assertEqual(persist.parent, "")
        self.assertNotIn(persist.trace, (self.trace, other_trace))
        self.assertEqual(collecting.spans("ttl"), [])
        self.assertEqual(heard(), before)

    def test_what_is_none_is_refused(self):
        for text in ["x", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "00-" + "A" * 32 + "-" + "1" * 16 + "-01"]:
            self.assertRegex(self.connection.error("CLIENT", "SETINFO", "TRACEPARENT", text), "^ERR traceparent has to be ")
        self.assertRegex(self.connection.error("CLIENT", "SETINFO", "TRACESTATE", "x"), "^ERR Unrecognized option")


class OwnCollector(unittest.TestCase):
    """A proxy and a collector of its own."""

    def setUp(self):
        self.collector = collector.Collector()
        self.addCleanup(self.collector.stop)
        self.proxy = self.start(*self.options())

    def options(self):
        return "--trace-endpoint", self.collector.endpoint, "--trace-sample", "1"

    def start(self, *options):
        proxy = Proxy(site.cluster.addresses(), [*options, "--log-level", "info"])
        self.addCleanup(proxy.child.kill)
        return proxy

    def tearDown(self):
        self.assertEqual(self.collector.wrong, [])

    def client(self):
        client = redis.Redis(host=HOST, port=self.proxy.port, password=PASSWORD, socket_timeout=CLIENT_SECONDS,
                             retry=Retry(NoBackoff(), 0))
        self.addCleanup(client.close)
        return client

    def read(self, client, times=READS):
        for _ in range(times):
            client.get(key(700))

    def metric(self, name, **labels):
        try:
            return self.proxy.metric(name, **labels)
        except AssertionError:
            return 0  # not shown before there is anything to count

    def lines(self, text):
        return self.proxy.child.output().count(text)

    def wait_for_spans(self):
        """Of requests from now on."""
        before = len(self.collector.spans("get"))
        client = self.client()

        def taken():
            client.get(key(700))
            return len(self.collector.spans("get")) > before
        wait_until(taken, SECONDS, "spans")


@fixture.NOT_ONE_REDIS
class Trouble(OwnCollector):
    def test_a_collector_that_is_down_costs_clients_nothing_and_is_found_again(self):
        self.wait_for_spans()
        self.collector.stop()
        client = self.client()

        def failed():
            self.read(client)
            return self.metric("slotless_trace_exports_failed_total", reason="unreachable") > 1
        wait_until(failed, SECONDS, "exports to fail")
        self.assertEqual(self.lines("traces are not taken by the collector"), 1)
        self.collector.start()
        self.wait_for_spans()
        wait_until(lambda: self.lines("traces are taken by the collector again") == 1, SECONDS, "a line in the log")
        self.proxy.stop()

    def test_what_has_no_room_is_dropped_and_counted(self):
        self.wait_for_spans()
        self.collector.stop()
        client = self.client()

        def dropped():
            pipeline = client.pipeline(transaction=False)
            for _ in range(500):
                pipeline.get(key(700))
            pipeline.execute()
            return self.metric("slotless_trace_spans_dropped_total", reason="full") > 0
        wait_until(dropped, SECONDS, "spans to be dropped")
        self.assertLessEqual(self.metric("slotless_trace_spans_waiting"), 8192)
        self.collector.start()
        wait_until(lambda: self.metric("slotless_trace_spans_waiting") == 0, SECONDS, "the queue to be sent")
        self.proxy.stop()

    def test_a_collector_that_is_busy_gets_the_same_spans_later(self):
        self.wait_for_spans()
        self.collector.behaviour = collector.BUSY
        client = self.client()
        client.strlen(key(701))

        def failed():
            self.read(client, 20)
            return self.metric("slotless_trace_exports_failed_total", reason="busy") > 1
        wait_until(failed, SECONDS, "exports to fail")
        self.assertEqual(self.collector.spans("strlen"), [])
        self.collector.behaviour = collector.TAKE
        spans = wait_until(lambda: self.collector.spans("strlen"), SECONDS, "the spans of then")
        self.assertEqual(len([each for each in spans if each.kind == collector.SERVER]), 1)
        self.assertEqual(self.metric("slotless_trace_spans_dropped_total", reason="unreachable"), 0)
        self.proxy.stop()

    def test_a_collector_that_hangs_is_given_up_and_clients_go_on(self):
        self.wait_for_spans()
        self.collector.behaviour = collector.HANG
        client = self.client()

        def timed_out():
            self.read(client, 50)
            return self.metric("slotless_trace_exports_failed_total", reason="timeout") > 0
        wait_until(timed_out, SECONDS, "a time-out")
        self.collector.behaviour = collector.TAKE
        self.wait_for_spans()
        self.proxy.stop()

    def test_a_slow_collector_gets_all(self):
        self.collector.behaviour = collector.SLOW
        client = self.client()
        self.read(client, 1000)
        wait_until(lambda: len([each for each in self.collector.spans("get") if each.kind == collector.SERVER]) == 1000, SECONDS,
                   "all spans")
        self.proxy.stop()

    def test_what_a_collector_refuses_is_dropped(self):
        self.collector.behaviour = collector.REFUSE
        self.read(self.client(), 10)
        wait_until(lambda: self.metric("slotless_trace_spans_dropped_total", reason="refused") >= 20, SECONDS, "spans to be dropped")
        self.collector.behaviour = collector.REJECT_ONE
        self.read(self.client(), 10)
        wait_until(lambda: self.metric("slotless_trace_spans_dropped_total", reason="rejected") > 0, SECONDS, "spans to be rejected")
        self.assertGreater(self.metric("slotless_trace_spans_exported_total"), 0)
        self.proxy.stop()

    def test_what_waits_at_the_end_is_sent(self):
        self.client().strlen(key(702))
        self.proxy.stop()
        self.assertEqual(len([each for each in self.collector.spans("strlen") if each.kind == collector.SERVER]), 1)

    def test_the_end_does_not_wait_for_a_collector_that_hangs(self):
        self.collector.behaviour = collector.HANG
        self.read(self.client(), 10)
        wait_until(self.collector.posts, SECONDS, "a post")
        began = time.monotonic()
        self.proxy.stop()
        # Two seconds for the collector, which would be waited for ten.
        self.assertLess(time.monotonic() - began, 9)


@fixture.NOT_ONE_REDIS
class Options(OwnCollector):
    def options(self):
        self.file = processes.directory() / f"traces-{secrets.token_hex(4)}.yaml"
        self.file.write_text("trace-sample: 1\n")
        return "--config", str(self.file)

    def reload(self, text):
        before = self.lines("configuration reloaded")
        self.file.write_text(text)
        self.proxy.child.signal(signal.SIGHUP)
        wait_until(lambda: self.lines("configuration reloaded") > before, SECONDS, "the reload")

    def test_traces_begin_and_end_by_a_reload(self):
        self.read(self.client(), 50)
        self.assertNotIn("slotless_trace_", self.proxy.http("/metrics")[1])
        self.reload(f"trace-sample: 1\ntrace-endpoint: {self.collector.endpoint}\n")
        self.wait_for_spans()
        self.reload("trace-sample: 1\n")
        client = self.client()
        client.strlen(key(703))
        other = collector.Collector()
        self.addCleanup(other.stop)
        self.reload(f"trace-sample: 1\ntrace-endpoint: {other.endpoint}\n")
        client.exists(key(703))
        wait_until(lambda: other.spans("exists"), SECONDS, "spans at the other collector")
        self.assertEqual(other.spans("strlen") + self.collector.spans("strlen"), [])
        self.proxy.stop()

    def test_a_wrong_endpoint_is_one_clear_error(self):
        for endpoint, reason in [("collector:4318", "does not begin with http://"), ("https://collector:4318", "https is not spoken here"),
                                 (f"http://me:{SECRET}@collector:4318/", "a user or a password has no place in it")]:
            done = subprocess.run([binary(), "--cluster-nodes", f"{HOST}:1", "--check-config", "--trace-endpoint", endpoint],
                                  env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=SECONDS)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(reason, done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
            self.assertNotIn(SECRET, done.stdout + done.stderr)
        self.proxy.stop()


if __name__ == "__main__":
    fixture.main()
