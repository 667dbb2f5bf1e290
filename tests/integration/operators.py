"""Running the daemon: reload by SIGHUP, sockets of all kinds and passed on, logs for machines, memory given back."""

import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import redis
import resp
from cluster import HOST, PASSWORD, Cluster
from proxy import SANITIZERS, STANDIN, WORKERS, Proxy, binary, connect
from slots import slot_of
from waiting import wait_until

SECONDS = 20


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about the daemon, not about Redis")
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(("REDIS_", "SLOTLESS_"))}


class ConfiguredProxy(Proxy):
    """A daemon with a configuration file that a test can rewrite."""

    def __init__(self, lines, options=(), password=PASSWORD, nodes=None):
        self.file = processes.directory() / f"config-{id(self)}.yaml"
        self.write(lines)
        super().__init__(nodes or site.cluster.addresses(), ["--config", self.file, *options], password)

    def write(self, lines):
        self.file.write_text("".join(f"{line}\n" for line in lines))

    def log(self):
        return self.child.stderr_path.read_text()

    def reload(self, *lines, ends="configuration reloaded"):
        """Returns what the daemon logs about it."""
        begin = len(self.log())
        self.write(lines)
        self.child.signal(signal.SIGHUP)
        wait_until(lambda: ends in self.log()[begin:], SECONDS, f"'{ends}' in the log")
        return self.log()[begin:]


class Reload(unittest.TestCase):
    def setUp(self):
        self.proxy = ConfiguredProxy(["log-level: info"])
        self.addCleanup(self.proxy.stop)

    def test_changed_options_are_applied_and_logged_from_what_to_what(self):
        log = self.proxy.reload("max-clients: 3", "cross-slot: error")
        for change in ("option=max-clients from=10000 to=3", "option=cross-slot from=emulate to=error",
                       "changed=2 need_restart=0"):
            self.assertIn(change, log)
        with connect(self.proxy) as first:
            self.assertRegex(first.error("MSET", "a", "1", "b", "2"), "^CROSSSLOT")
            with connect(self.proxy), connect(self.proxy), connect(self.proxy, password=None) as fourth:
                self.assertIn(b"max number of clients", fourth.read_to_end())
            self.assertGreaterEqual(self.proxy.metric("slotless_limit_hits_total", limit="max_clients"), 1)
            log = self.proxy.reload("client-idle-timeout: 1s")
            self.assertIn("option=client-idle-timeout from=0 to=1s", log)
            self.assertIn("option=max-clients from=3 to=10000", log)
            self.assertEqual(first.socket.recv(1), b"", "an idle client is closed")

    def test_clients_that_are_there_stay_and_so_do_the_links(self):
        # One link of each worker to each master; the last ones may still be on their way.
        wait_until(lambda: self.proxy.metric("slotless_node_connects_total") >= WORKERS * 3, 10, "all links")
        connects = self.proxy.metric("slotless_node_connects_total")
        with connect(self.proxy) as connection:
            self.proxy.reload("hold-timeout: 1s", "tcp-keepalive: 10s", "link-keepalive: 5s", "connect-timeout: 1s")
            self.assertEqual(connection.command("SET", "reload:a", "1"), b"OK")
        self.assertEqual(self.proxy.metric("slotless_node_connects_total"), connects)

    def test_a_file_with_errors_changes_nothing_and_each_error_is_logged(self):
        refused = "everything stays as it was"
        log = self.proxy.reload("cross-slot: error", "hold-timeout: soon", "nonsense: 1", ends=refused)
        self.assertIn("hold-timeout", log)
        self.assertIn("nonsense", log)
        self.assertIn("errors=2", log)
        log = self.proxy.reload("cross-slot: error", "  - [", ends=refused)
        log += self.proxy.reload("cross-slot: error", "client-output-soft-limit: 1gb", ends=refused)
        self.assertIn("at most client-output-hard-limit", log)
        with connect(self.proxy) as connection:
            self.assertEqual(connection.command("MSET", "a", "1", "b", "2"), b"OK")
        os.remove(self.proxy.file)
        begin = len(self.proxy.log())
        self.proxy.child.signal(signal.SIGHUP)
        wait_until(lambda: "No such file" in self.proxy.log()[begin:], SECONDS, "the missing file to be logged")
        with connect(self.proxy) as connection:
            self.assertEqual(connection.command("MSET", "a", "1", "b", "2"), b"OK")

    def test_what_needs_a_restart_is_named_and_does_not_keep_the_rest_from_being_applied(self):
        log = self.proxy.reload("tcp-backlog: 7", "databases: 5", "cross-slot: error")
        self.assertRegex(log, "warn  option needs a restart  option=databases in_force=16 found=5")
        self.assertRegex(log, "warn  option needs a restart  option=tcp-backlog in_force=511 found=7")
        self.assertIn("changed=1 need_restart=2", log)
        with connect(self.proxy) as connection:
            self.assertRegex(connection.error("MSET", "a", "1", "b", "2"), "^CROSSSLOT")

    def test_the_log_changes_its_level_and_its_format(self):
        self.assertNotIn(" debug ", self.proxy.log())
        self.proxy.reload("log-level: debug")
        connect(self.proxy).close()
        wait_until(lambda: " debug client accepted" in self.proxy.log(), SECONDS, "a line of level debug")
        log = self.proxy.reload("log-format: json", ends='"event":"configuration reloaded"')
        self.assertIn('"option":"log-format","from":"text","to":"json"', log)

    def test_topology_settings_are_applied(self):
        log = self.proxy.reload("topology-refresh-interval: 1s", f"cluster-nodes: ['{site.cluster.nodes[0].address}']")
        self.assertIn("option=topology-refresh-interval from=30s to=1s", log)
        wait_until(lambda: self.proxy.metric("slotless_topology_age_seconds") > 0.8, SECONDS, "the topology to age")
        wait_until(lambda: self.proxy.metric("slotless_topology_age_seconds") < 0.5, 5, "the topology to be looked up")

    def test_the_shutdown_timeout_is_applied(self):
        self.proxy.reload("shutdown-timeout: 300ms")
        blocked = connect(self.proxy)
        blocked.send(resp.pack("BLPOP", "reload:nothing", "0"))
        wait_until(lambda: self.proxy.metric("slotless_blocked_clients") == 1, SECONDS, "the client to block")
        self.proxy.terminate()
        self.assertEqual(self.proxy.child.wait(8), 0)
        blocked.close()


class ReadyWhen(unittest.TestCase):
    def test_readiness_follows_it_when_a_part_of_the_cluster_is_lost(self):
        cluster = Cluster(replicas=0)
        self.addCleanup(cluster.stop)
        proxy = ConfiguredProxy([], nodes=cluster.addresses())
        self.addCleanup(proxy.stop)
        cluster.nodes[0].kill()
        wait_until(lambda: proxy.http("/readyz")[0] == 503, SECONDS, "the daemon not to be ready")
        proxy.reload("ready-when: any")
        wait_until(lambda: proxy.http("/readyz")[0] == 200, SECONDS, "the daemon to be ready with what is left")


class PasswordChange(unittest.TestCase):
    def test_a_new_password_from_its_file_counts_for_new_clients_and_new_links(self):
        new = "another-pass"
        secret = processes.directory() / "password"
        secret.write_text(PASSWORD + "\n")
        proxy = ConfiguredProxy([f"password-file: {secret}"], password=None)
        nodes = site.cluster.nodes
        try:
            with connect(proxy) as inside:
                for node in nodes:
                    node.command("ACL", "SETUSER", "default", f">{new}")
                secret.write_text(new)
                log = proxy.reload(f"password-file: {secret}")
                self.assertIn('option=password from="(set, not shown)" to="(set, not shown)"', log)
                self.assertNotIn(new, proxy.log())
                self.assertEqual(inside.command("SET", "password:a", "1"), b"OK")
                with connect(proxy, password=None) as stranger:
                    self.assertRegex(stranger.error("AUTH", PASSWORD), "^WRONGPASS")
                    self.assertEqual(stranger.command("AUTH", new), b"OK")
                # Now the nodes know only the new one, and all links have to be made anew.
                for node in nodes:
                    node.command("ACL", "SETUSER", "default", f"<{PASSWORD}")
                    node.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                self.assertEqual(inside.command("SET", "password:a", "2"), b"OK")
                self.assertEqual(inside.command("GET", "password:a"), b"2")
        finally:
            for node in nodes:
                node.command("ACL", "SETUSER", "default", f">{PASSWORD}", f"<{new}")
        proxy.stop()


class CarriedSettings(unittest.TestCase):
    def test_what_config_set_has_said_reaches_nodes_that_join_or_start_again(self):
        cluster = Cluster(replicas=0)
        self.addCleanup(cluster.stop)
        proxy = Proxy(cluster.addresses(), ["--allow-admin-commands", "yes", "--topology-refresh-interval", "1s"])
        self.addCleanup(proxy.stop)

        def setting(node):
            return node.command("CONFIG", "GET", "notify-keyspace-events")[1]

        with connect(proxy) as connection:
            connection.command("CONFIG", "SET", "notify-keyspace-events", "KEA")
            self.assertEqual(connection.command("CONFIG", "SET", "loglevel", "verbose"), b"OK")
        self.assertEqual([setting(node) for node in cluster.nodes], [b"AKE"] * 3)
        self.assertEqual(cluster.nodes[0].command("CONFIG", "GET", "loglevel")[1], b"notice")
        joined = cluster.add_replica(cluster.nodes[0])
        wait_until(lambda: setting(joined) == b"AKE", SECONDS, "the setting to reach the new replica")
        cluster.nodes[1].restart()
        wait_until(lambda: setting(cluster.nodes[1]) == b"AKE", SECONDS, "the setting to reach the node again")
        self.assertIn("settings carried to a node", proxy.child.output())
        self.assertIn(" debug ", proxy.child.output())


class Listeners(unittest.TestCase):
    def start(self, *options):
        proxy = Proxy(site.cluster.addresses(), options)
        self.addCleanup(lambda: proxy.child.exit_code() is not None or proxy.stop())
        return proxy

    def unix_client(self, path):
        return redis.Redis(unix_socket_path=str(path), password=PASSWORD, socket_timeout=SECONDS)

    def test_clients_of_all_listeners_are_served_and_unix_sockets_are_removed_at_the_end(self):
        one, two = (processes.directory() / name for name in ("one.sock", "two.sock"))
        more = processes.free_port()
        proxy = self.start("--listen", f"unix:{one},unix:{two}", "--listen", f"{HOST}:{more}",
                           "--unix-socket-mode", "770")
        self.unix_client(one).set("listeners:a", "1")
        self.assertEqual(self.unix_client(two).get("listeners:a"), b"1")
        with connect(proxy) as connection, resp.Connection(HOST, more, PASSWORD) as other:
            self.assertEqual(connection.command("GET", "listeners:a"), b"1")
            self.assertEqual(other.command("GET", "listeners:a"), b"1")
        self.assertEqual(stat.S_IMODE(one.stat().st_mode), 0o770)
        proxy.stop()
        self.assertFalse(one.exists() or two.exists())

    def test_each_listener_reads_from_the_nodes_that_its_own_policy_names(self):
        port, path = processes.free_port(), processes.directory() / "replicas.sock"
        proxy = self.start("--listen", f"{HOST}:{port}?read-from=replica",
                           "--listen", f"unix:{path}?read-from=prefer-replica")
        master = site.cluster.owner(slot_of("listeners:read"))
        replica = site.cluster.replica_of(master)

        def reads(node):
            return int(node.info("commandstats").get("cmdstat_get", "calls=0,").split("=")[1].split(",")[0])

        def served_by(read):
            before = [reads(node) for node in (master, replica)]
            self.assertEqual(read(), b"1")
            return [reads(node) - count for node, count in zip((master, replica), before)]

        with connect(proxy) as connection, resp.Connection(HOST, port, PASSWORD) as other:
            connection.command("SET", "listeners:read", "1")
            site.cluster.wait_for_replicas()
            self.assertEqual(served_by(lambda: connection.command("GET", "listeners:read")), [1, 0])
            self.assertEqual(served_by(lambda: other.command("GET", "listeners:read")), [0, 1])
            # As long as the replica has no link, the master serves.
            local = self.unix_client(path)
            wait_until(lambda: served_by(lambda: local.get("listeners:read")) == [0, 1], SECONDS,
                       "reads from the replica")
            self.assertEqual(other.command("SET", "listeners:read", "2"), b"OK")

    def test_a_unix_socket_that_a_killed_daemon_has_left_is_replaced(self):
        path = processes.directory() / "left.sock"
        self.start("--listen", f"unix:{path}").child.kill()
        self.assertTrue(path.exists())
        self.start("--listen", f"unix:{path}")
        self.assertTrue(self.unix_client(path).ping())

    @unittest.skipUnless(socket.has_ipv6, "no IPv6")
    def test_ipv6_clients_are_served(self):
        port = processes.free_port()
        self.start("--listen", f"[::1]:{port}")
        with socket.create_connection(("::1", port), SECONDS) as connection:
            connection.sendall(resp.pack("AUTH", PASSWORD))
            self.assertEqual(connection.recv(100), b"+OK\r\n")

    def refused(self, *options, admin="off"):
        """Exit code and stderr of a start that must fail."""
        arguments = [binary(), "--cluster-nodes", site.cluster.nodes[0].address, "--admin-listen", admin, *options]
        ended = subprocess.run([str(each) for each in arguments], env=clean_environment(), capture_output=True,
                               text=True, timeout=SECONDS, check=False)
        return ended.returncode, ended.stderr

    def test_a_second_start_fails_with_address_in_use(self):
        path = processes.directory() / "used.sock"
        proxy = self.start("--listen", f"unix:{path}")
        for address in (f"{HOST}:{proxy.port}", f"unix:{path}", f":{proxy.port}"):
            code, text = self.refused("--listen", address, "--password", "x")
            self.assertEqual(code, 1, text)
            self.assertRegex(text, "cannot listen on .*: Address already in use")
        code, text = self.refused("--listen", f"{HOST}:0", admin=f"{HOST}:{proxy.admin_port}")
        self.assertEqual(code, 1, text)
        self.assertRegex(text, "cannot serve admin HTTP .*(in use|EADDRINUSE|cannot bind)")
        self.assertTrue(self.unix_client(path).ping())

    def test_a_unix_socket_needs_no_password_but_a_network_address_does(self):
        code, text = self.refused("--listen", f"unix:{processes.directory()}/x.sock,0.0.0.0:0")
        self.assertEqual(code, 1)
        self.assertIn("0.0.0.0:0", text)
        code, text = self.refused("--check-config", "--listen", f"unix:{processes.directory()}/x.sock")
        self.assertEqual((code, text), (0, ""))


# Does what systemd does for a socket unit: opens sockets, and becomes the daemon with them from descriptor 3 on.
ACTIVATION = textwrap.dedent("""
    import os, socket, sys
    wanted, count = sys.argv[1].split(","), int(sys.argv[2])
    opened = []
    for address in wanted:
        if address.startswith("unix:"):
            each = socket.socket(socket.AF_UNIX)
            each.bind(address[5:])
        else:
            host, port = address.rsplit(":", 1)
            each = socket.socket()
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind((host, int(port)))
        if count >= 0:
            each.listen(10)
        opened.append(each)
    # Out of the way first: they may be among the descriptors that they are to become.
    for i, each in enumerate(opened):
        os.dup2(each.fileno(), 100 + i)
    for i in range(len(opened)):
        os.dup2(100 + i, 3 + i, inheritable=True)
        os.close(100 + i)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(abs(count)))
    os.execv(sys.argv[3], sys.argv[3:])
""")


class SocketActivation(unittest.TestCase):
    def activate(self, addresses, *options, count=None, password=PASSWORD):
        environment = clean_environment()
        if password:
            environment["REDIS_PASSWORD"] = password
        arguments = [sys.executable, "-c", ACTIVATION, ",".join(addresses),
                     len(addresses) if count is None else count, binary(), "--cluster-nodes",
                     site.cluster.nodes[0].address, "--admin-listen", "off", *options]
        folder = processes.directory() / f"activated-{self._testMethodName}"
        return processes.Child(arguments, folder, environment)

    def end(self, child):
        child.signal(signal.SIGTERM)
        self.assertEqual(child.wait(SECONDS), 0, child.output())

    def test_sockets_that_are_passed_on_are_served_instead_of_those_configured(self):
        port, other = processes.free_port(), processes.free_port()
        path = processes.directory() / "passed.sock"
        child = self.activate([f"{HOST}:{port}", f"unix:{path}"],
                              "--listen", f"{HOST}:{other},{HOST}:{port}?read-from=prefer-replica")

        def answers():
            with resp.Connection(HOST, port, PASSWORD) as connection:
                return connection.command("SET", "activated:a", "1")

        wait_until(answers, SECONDS, "the passed-on socket to answer")
        client = redis.Redis(unix_socket_path=str(path), password=PASSWORD)
        self.assertEqual(client.get("activated:a"), b"1")
        self.assertEqual(client.config_get("port")["port"], str(port))
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection((HOST, other), SECONDS)
        # Options belong to the address, whoever has opened it.
        self.assertIn(f'address="{HOST}:{port}?read-from=prefer-replica"', child.output())
        # Whoever passes sockets on goes on using them: a reload finds no difference, and the file stays.
        child.signal(signal.SIGHUP)
        wait_until(lambda: "changed=0 need_restart=0" in child.output(), SECONDS, "the reload")
        self.end(child)
        self.assertTrue(path.exists())

    def test_a_passed_on_socket_must_not_let_strangers_in(self):
        child = self.activate(["0.0.0.0:0"], password=None)
        self.assertEqual(child.wait(SECONDS), 1)
        self.assertIn("sockets that were passed on: listen: found \"0.0.0.0:", child.output())

    def test_a_descriptor_that_does_not_listen_is_an_error(self):
        child = self.activate([f"{HOST}:0"], count=-1)
        self.assertEqual(child.wait(SECONDS), 1)
        self.assertIn("cannot listen on the descriptor 3 that was passed on", child.output())


class JsonLog(unittest.TestCase):
    def test_every_line_is_an_object_with_time_level_and_event(self):
        proxy = Proxy(site.cluster.addresses(), ["--log-format", "json", "--log-level", "debug"])
        with connect(proxy) as connection:
            connection.command("PING")
        proxy.child.signal(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in proxy.child.output(), SECONDS, "the reload")
        proxy.stop()
        lines = [json.loads(line) for line in proxy.child.stderr_path.read_text().splitlines()]
        self.assertGreater(len(lines), 5)
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(line["level"], ("debug", "info", "warn"))
        events = [line["event"] for line in lines]
        for event in ("slotless ready to accept clients", "client accepted", "configuration reloaded", "bye"):
            self.assertIn(event, events)


class LatencyEvents(unittest.TestCase):
    def test_a_slow_node_shows_in_the_events_of_all_workers(self):
        proxy = Proxy(site.cluster.addresses(), ["--allow-admin-commands", "yes"])
        self.addCleanup(proxy.stop)
        with connect(proxy) as one, connect(proxy) as other:
            one.command("CONFIG", "SET", "latency-monitor-threshold", "150")
            self.addCleanup(lambda: [node.command("CONFIG", "SET", "latency-monitor-threshold", "0")
                                     for node in site.cluster.nodes])
            self.assertEqual(one.command("CONFIG", "GET", "latency-monitor-threshold")[1], b"150")
            other.command("DEBUG", "SLEEP", "0.2")
            events = {entry[0]: entry[1:] for entry in one.command("LATENCY", "LATEST")}
            self.assertGreaterEqual(set(events), {b"command", b"upstream"})
            self.assertGreaterEqual(events[b"command"][2], events[b"upstream"][2])
            self.assertGreaterEqual(events[b"upstream"][2], 200)
            self.assertGreaterEqual(other.command("LATENCY", "HISTORY", "command")[0][1], 200)
            self.assertIn(b"command - high", other.command("LATENCY", "GRAPH", "command"))
            self.assertGreaterEqual(other.command("LATENCY", "RESET"), 2)


class Pause(unittest.TestCase):
    def test_it_shows_in_readyz_and_the_log_and_ends_with_its_connection(self):
        proxy = Proxy(site.cluster.addresses(), ["--allow-admin-commands", "yes"])
        self.addCleanup(proxy.stop)
        operator, client = connect(proxy), connect(proxy)
        self.addCleanup(client.close)
        self.assertEqual(operator.command("PROXY", "PAUSE"), b"OK")
        self.assertEqual(proxy.http("/readyz"), (503, "not ready: paused by PROXY PAUSE\n"))
        client.send(resp.pack("INCR", "pause:counter"))
        operator.close()
        self.assertEqual(client.read(), 1)
        wait_until(lambda: proxy.http("/readyz")[0] == 200, SECONDS, "readiness")
        self.assertIn("paused by PROXY PAUSE", proxy.child.output())
        wait_until(lambda: "its connection was closed" in proxy.child.output(), SECONDS, "the line in the log")
        with connect(proxy) as brief:
            self.assertEqual(brief.command("PROXY", "PAUSE", "100", "700"), b"OK")
        client.send(resp.pack("INCR", "pause:counter"))
        self.assertEqual(proxy.http("/readyz")[0], 503)
        self.assertEqual(client.read(), 2)
        wait_until(lambda: "its time was over" in proxy.child.output(), SECONDS, "the line that tells so")

    def test_it_is_refused_to_others(self):
        with connect(site.proxy) as connection:
            self.assertIn("allow-admin-commands", connection.error("PROXY", "PAUSE"))
            self.assertIn("allow-admin-commands", connection.error("PROXY", "RESUME"))


class Numbers(unittest.TestCase):
    def test_requests_errors_and_latency_are_told_by_node(self):
        proxy = site.proxy
        with connect(proxy) as connection:
            for number in range(300):
                connection.command("SET", f"numbers:{number}", "x")
            connection.error("LPUSH", "numbers:1", "y")
        for node in site.cluster.first_masters:
            name = {"node": node.address}
            wait_until(lambda: proxy.metric("slotless_node_request_duration_seconds_count", **name) >= 50, SECONDS,
                       "latencies of each node")
            self.assertGreater(proxy.metric("slotless_node_request_duration_seconds_sum", **name), 0)
        self.assertGreaterEqual(proxy.metric("slotless_node_errors_total"), 1)

    def test_scripts_that_are_sent_wrapped_are_told_of(self):
        def told(connection):
            lines = dict(line.split(":", 1) for line in connection.command("PROXY", "MEMORY").decode().split())
            return int(lines["heap_scripts_bytes"]), int(lines["heap_wrapped_scripts_bytes"])

        scripts = 500
        with connect(site.proxy) as connection:
            connection.command("SELECT", "1")
            before = told(connection)
            connection.send(resp.pack_all([("EVAL", f"return {number}", "0") for number in range(scripts)]))
            self.assertEqual([connection.read() for _ in range(scripts)], list(range(scripts)))
            texts, wrapped = (now - was for now, was in zip(told(connection), before))
        # Each with its text, and with two SHA1s.
        self.assertGreater(texts, scripts * 100)
        self.assertGreater(wrapped, scripts * 100)

    @unittest.skipIf(SANITIZERS, "sanitizers keep what is freed")
    @unittest.skipUnless(processes.MEMORY_IS_VISIBLE, "no /proc")
    def test_memory_goes_back_to_the_system_after_a_burst(self):
        proxy = site.proxy
        before = proxy.child.memory_bytes("VmRSS")
        connections = [connect(proxy) for _ in range(16)]
        # Small values by the thousand, so that the pools fill, and some large ones.
        request = resp.pack_all([("SET", f"burst:{n}", "x" * 4000) for n in range(1000)])
        reading = resp.pack_all([("GET", f"burst:{n}") for n in range(1000)])
        for connection in connections:
            connection.send(request)
            connection.send(resp.pack("SET", "burst:large", "x" * 8_000_000))
        for connection in connections:
            for _ in range(1001):
                connection.read()
            connection.send(reading)
        peak = max(proxy.child.memory_bytes("VmRSS"), proxy.child.memory_bytes("VmHWM"))
        for connection in connections:
            for _ in range(1000):
                connection.read()
            connection.close()
        self.assertGreater(peak - before, 20 << 20, "the burst was no burst")
        # Each of the workers may keep what is too little to be worth the time, and the allocator some of its own.
        limit = before + (10 << 20)
        after = wait_until(lambda: (proxy.child.memory_bytes("VmRSS") < limit and proxy.child.memory_bytes("VmRSS")),
                           40, f"less than {limit >> 20} MiB ({before >> 20} before, {peak >> 20} at the peak)")
        print(f"resident: {before >> 20} MiB before, {peak >> 20} at the peak, {after >> 20} after", file=sys.stderr)
        held = sum(value for key, value in proxy.metrics().items() if key.startswith("slotless_memory_bytes{"))
        self.assertLess(held, 1 << 20)


if __name__ == "__main__":
    fixture.main()
