"""One Redis with its data, the cluster, two proxies between them, the clients, and the run of the migration."""

import contextlib
import random
import time

import migration
import processes
import resp
from cluster import HOST, PASSWORD, SERVER, Cluster
from plain_servers import Server
from proxy import connect
from upgrading import UpgradingProxy
from waiting import wait_until

from . import clients, jobs
from .data import DATABASES, LAYOUTS
from .notes import Notes
from .probe import Probe

# Written before a reply is sent, and not kept back for the disk: the process is killed, never the machine.
SOURCE_OPTIONS = ("--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0", "--databases", str(len(DATABASES)))
CAUGHT_UP = "the copy has caught up"


def program_of(name):
    """Of scripts/servers; empty: the one that is installed."""
    if not name:
        return SERVER
    path = processes.REPOSITORY / "build" / "servers" / name / "bin" / "redis-server"
    if not path.exists():
        raise SystemExit(f"there is no {path}: scripts/servers get {name}")
    return str(path)


class Stage(migration.Commands):
    """Use it in a `with`: at the end all that it has started is gone."""

    name = "trial"
    layouts = LAYOUTS

    def __init__(self, options, say):
        self.options, self.say = options, say
        self.seconds = options.step_seconds
        self.run_options = ("--max-latency", options.max_latency)
        self.random = random.Random(options.seed)
        self.notes = Notes()
        self.cluster_is_in_force = False
        self.run = None
        self.load = None
        self.probes, self.frameworks = [], []
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def addCleanup(self, call):  # pylint: disable=invalid-name  # as TestCase has it
        self._stack.callback(call)

    def start_servers(self):
        self.source = Server("source", SOURCE_OPTIONS, program=program_of(self.options.source_server))
        self.addCleanup(self.source.kill)
        self.port = self.source.port
        self.cluster = Cluster(replicas=1, program=program_of(self.options.target_server))
        self.addCleanup(self.cluster.stop)

    def fill(self, data):
        data.fill(self.on_source)
        self.write_anew()

    def write_anew(self):
        """The source's file."""
        self.source.command("BGREWRITEAOF")

        def is_written():
            found = self.source.info("persistence")
            return found["aof_rewrite_in_progress"] == "0" and found["aof_rewrite_scheduled"] == "0"
        wait_until(is_written, self.seconds, "the file to be written")

    def on_source(self, database):
        connection = self.source.connect(120)
        connection.command("SELECT", database)
        return connection

    def start_proxies(self):
        self.proxies, self._for_frameworks = [], []
        for _ in range(2):
            port = processes.free_port()
            # Frameworks know what to do about a closed connection.
            proxy = UpgradingProxy(self.cluster.addresses(), [
                *self.proxy_options(), "--listen", f"{HOST}:{port}?write-on-lost-link=close", "--hold-timeout", "60s"])
            self.proxies.append(proxy)
            self._for_frameworks.append((HOST, port))
            self.addCleanup(proxy.child.kill)

    def by_proxy(self, database):
        connection = connect(self.proxies[0], timeout=120)
        connection.command("SELECT", database)
        return connection

    def start_clients(self):
        for node in self.cluster.nodes:
            node.disconnect()  # or else the processes that are forked now keep these
        self.load = clients.start(self.proxies, PASSWORD, self.options.seed, self.options.clients, self.options.pause_ms / 1000)
        self.addCleanup(self.load.kill)
        for i, proxy in enumerate(self.proxies):
            probe = Probe(proxy.host, proxy.port, PASSWORD, f"probe:{i}")
            self.probes.append(probe)
            self.addCleanup(probe.kill)
            probe.start()
        if self.options.jobs:
            self.frameworks = jobs.start_all(self._for_frameworks, self.say)
            for framework in self.frameworks:
                self.addCleanup(framework.kill)

    def check_clients(self):
        for framework in self.frameworks:
            framework.check()

    def ensure_run(self):
        """One is at work, or is started."""
        if self.run is not None and self.run.exit_code() is None:
            return
        code = self.run.exit_code() if self.run else -9
        if code != -9:
            raise AssertionError(f"the run has ended by itself with {code}: {self.run.output()[-3000:]}")
        self.run = self.begin_run()

    def wait_until_level(self):
        """Seconds that it took."""
        began = time.monotonic()
        wait_until(lambda: CAUGHT_UP in self._run_output(), self.seconds, "the run to have caught up")
        took = time.monotonic() - began
        self.wait_until_caught_up(self.run)
        return took

    def _run_output(self):
        if self.run.exit_code() is not None:
            raise AssertionError(f"the run has ended with {self.run.exit_code()}: {self.run.output()[-3000:]}")
        return self.run.stdout_path.read_text(errors="replace")

    def stop_proxies(self):
        for proxy in self.proxies:
            proxy.stop()


def error_of(call):
    """What it raises, as a text; empty if it does not."""
    try:
        call()
    except (AssertionError, OSError, resp.ReplyError) as error:
        return str(error)
    return ""
