"""slotless migrate as a test uses it: one server, a cluster, proxies between which both lie, and the commands.

`Commands` is a base of whoever has `port` (the server's), `cluster`, `proxies`, `name` (of its folders) and addCleanup().
"""

import json
import os
import subprocess

import processes
from cluster import HOST, PASSWORD
from proxy import binary, connect
from waiting import wait_until

SECONDS = 100


def environment(secret):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REDIS_", "SLOTLESS_"))}
    return {**kept, "SLOTLESS_MIGRATE_FROM_PASSWORD": secret, "REDIS_PASSWORD": PASSWORD,
            "SLOTLESS_MIGRATE_PROXY_PASSWORD": secret}


class Commands:
    layouts = ()
    secret = PASSWORD  # of the server
    of_cluster = ()    # more options about it
    run_options = ("--max-lag", "30s", "--max-latency", "0")
    seconds = SECONDS  # that a command may take
    _runs = 0

    def layout_options(self):
        return [word for layout in self.layouts for word in ("--database-layout", layout)]

    def proxy_options(self):
        return ["--upstream", "migrating", "--server", f"{HOST}:{self.port}", "--server-password", self.secret,
                "--allow-admin-commands", "yes", *self.layout_options(), *self.of_cluster]

    def words(self, action, *options):
        return [binary(), "migrate", action, "--from", f"redis://{HOST}:{self.port}", "--to",
                ",".join(self.cluster.addresses()), *self.layout_options(), *self.of_cluster, *options]

    def begin_run(self, *options):
        """It is not waited for: see start_run()."""
        self._runs += 1
        folder = processes.directory() / f"{self.name}-run-{self._runs}"
        run = processes.Child(self.words("run", "--json", *self.run_options, *options), folder, environment(self.secret))
        self.addCleanup(run.kill)
        return run

    def start_run(self, *options):
        run = self.begin_run(*options)
        self.wait_until_caught_up(run)
        return run

    def wait_until_caught_up(self, run, what="the copy to catch up"):
        wait_until(lambda: self.caught_up(run), self.seconds, what)

    def caught_up(self, run):
        if run.exit_code() is not None:
            raise AssertionError(f"the run has ended with {run.exit_code()}: {run.output()[-3000:]}")
        try:
            return json.loads(self.ask("status", "--json", code=None).splitlines()[0]).get("caught_up") == "1"
        except (IndexError, ValueError):  # the cluster is not there
            return False

    def ask(self, action, *options, code=0):
        done = subprocess.run(self.words(action, *options), env=environment(self.secret), capture_output=True, text=True,
                              errors="replace", timeout=self.seconds, check=False)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{action} ended with {done.returncode}: {done.stdout[-5000:]}{done.stderr[-5000:]}")
        if "Sanitizer" in done.stderr:
            raise AssertionError(done.stderr)
        return done.stdout + done.stderr

    def named_proxies(self):
        return [word for proxy in self.proxies for word in ("--proxy", f"{proxy.host}:{proxy.port}")]

    def cut_over(self, *options, code=0):
        return self.ask("cut-over", *self.named_proxies(), *options, code=code)

    def roll_back(self, *options, code=0):
        for node in self.cluster.nodes:
            node.disconnect()  # this test's own, which go round the proxies
        return self.ask("roll-back", *self.named_proxies(), *options, code=code)

    def insist(self, ask, text):
        """Again and again, until that is said."""
        said = []

        def is_said():
            said.append(ask())
            return text in said[-1]

        try:
            wait_until(is_said, self.seconds, f"it to say {text}")
        except AssertionError as error:
            raise AssertionError(said[-1]) from error
        return said[-1]

    def finish(self, run):
        """The run ends; until then it copies back. What finish says."""
        self.wait_until_caught_up(run, "the copy back to catch up")
        said = self.ask("finish")
        if "What can be deleted" not in said:
            raise AssertionError(said)
        if run.wait(self.seconds) != 0:
            raise AssertionError(run.output()[-3000:])
        return said

    def status(self, proxy):
        """Of the cut-over, as the proxy sees it."""
        with connect(proxy, password=self.secret) as connection:
            text = connection.command("PROXY", "CUT-OVER", "STATUS").decode()
        return dict(line.split(":", 1) for line in text.splitlines() if line)

    def wait_until_ready(self):
        for proxy in self.proxies:
            wait_until(lambda proxy=proxy: self.status(proxy)["ready"] == "yes", self.seconds, "the cluster to be known")
