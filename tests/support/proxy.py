"""Runs the daemon under test, or one plain Redis standing in for it; shows its admin pages, memory and end."""

import os
import re
import signal
import subprocess
import unittest
import urllib.error
import urllib.request

import processes
import resp
from cluster import HOST, LOOPBACK, PASSWORD, start_server
from waiting import wait_until

# SLOTLESS_TEST_STANDIN=redis puts one standalone Redis in the daemon's place: a test that fails there is wrong.
STANDIN = os.environ.get("SLOTLESS_TEST_STANDIN") == "redis"
SANITIZERS = os.environ.get("SLOTLESS_TEST_SANITIZERS", "")
READY_SECONDS = 30
STOP_SECONDS = 30
WORKERS = 2

_SANITIZER_REPORT = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:")
_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$")


def binary():
    path = os.environ.get("SLOTLESS_BINARY")
    if not path or not os.path.exists(path):
        raise RuntimeError(f"SLOTLESS_BINARY must name the daemon (found: {path!r}); or set SLOTLESS_TEST_STANDIN=redis")
    return path


class Proxy:
    """One daemon with two workers in front of the given nodes."""

    _count = 0

    def __init__(self, nodes, options=(), password=PASSWORD, wait_ready=True, place=LOOPBACK, program=None, variables=(),
                 tls=None, admin="", admin_tls=None, listen=""):
        """`program`: instead of the daemon's own path; `variables`: more of the environment, as pairs. `tls`: an Authority
        (certificates.py); then clients are served by TLS, and need a certificate. `admin`: what follows the address of the
        admin pages ("?tls=yes"), and `admin_tls`: the context by which they are asked then. `listen`: what follows that of
        clients."""
        Proxy._count += 1
        self.host = place.host
        self.tls = tls.context(tls.client) if tls else None
        self.admin_tls = admin_tls
        options = [*options, *(tls.listener_options() if tls else ())]
        for attempt in range(10):
            self.port = processes.free_port()
            self.admin_port = processes.free_port()
            folder = processes.directory() / f"proxy-{Proxy._count}-{attempt}"
            cluster = ["--cluster-nodes", ",".join(nodes)] if nodes else []  # else the options say what is behind it
            arguments = [*place.command, program or binary(), *cluster, "--listen", f"{self.host}:{self.port}{'?tls=yes' if tls else listen}",
                         "--admin-listen", f"{self.host}:{self.admin_port}{admin}", "--workers", WORKERS,
                         *options]
            if not any(str(option).startswith("--write-on-lost-link") for option in options):
                arguments += ["--write-on-lost-link", "error"]  # so that a test sees what was ambiguous
            # These prefixes would be options of the daemon.
            environment = {name: value for name, value in os.environ.items()
                           if not name.startswith(("REDIS_", "SLOTLESS_"))}
            if password is not None:
                environment["REDIS_PASSWORD"] = password
            environment.update(variables)
            self.child = processes.Child(arguments, folder, environment)
            path = "/readyz" if wait_ready else "/healthz"
            if wait_until(lambda: self._answers_or_ended(path), READY_SECONDS, f"{path} of the daemon") != "ended":
                return
            if not re.search("in use|EADDRINUSE", self.child.output()):
                raise RuntimeError(f"the daemon did not start:\n{self.child.output()}")
        raise RuntimeError("the daemon found no free port")

    def _answers_or_ended(self, path):
        if self.child.exit_code() is not None:
            return "ended"
        return self.http(path)[0] == 200

    def http(self, path):
        """Status and text of an admin page."""
        scheme = "https" if self.admin_tls else "http"
        try:
            with urllib.request.urlopen(f"{scheme}://{self.host}:{self.admin_port}{path}", timeout=10,
                                        context=self.admin_tls) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        """/metrics as a dict: "name{label="value",…}" as printed → number. Raises ValueError for a malformed line."""
        status, text = self.http("/metrics")
        if status != 200:
            raise AssertionError(f"/metrics gave {status}")
        samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = _SAMPLE.match(line)
                if not match:
                    raise ValueError(f"no sample: {line!r}")
                samples[match[1] + (match[2] or "")] = float(match[3])
        return samples

    def metric(self, name, **labels):
        """The sum of all samples of that name which carry these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        found = [value for key, value in self.metrics().items()
                 if key.split("{")[0] == name and all(each in key for each in wanted)]
        if not found:
            raise AssertionError(f"no metric {name} with {labels}")
        return sum(found)

    def kill_and_restart(self):
        """kill -9, and the same again on the same ports; returns when it is ready."""
        self.child.kill()
        self.child = self.child.again()
        wait_until(lambda: self.http("/readyz")[0] == 200, READY_SECONDS, "/readyz of the restarted daemon")

    def terminate(self):
        self.child.signal(signal.SIGTERM)

    def finish(self):
        """After terminate(): waits for the end, which must be clean."""
        try:
            code = self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"the daemon ignored SIGTERM for {STOP_SECONDS} s\n{self.child.output()}") from late
        output = self.child.output()
        if code != 0 or _SANITIZER_REPORT.search(output):
            raise AssertionError(f"the daemon ended with {code}:\n{output[-20000:]}")

    def stop(self):
        self.terminate()
        self.finish()


class StandIn:
    """One plain Redis with the same password; has no admin pages."""

    host = HOST
    tls = None

    def __init__(self):
        self.child, self.port = start_server("stand-in", [])

    def http(self, path):
        raise unittest.SkipTest(f"a plain Redis has no {path}")

    def metrics(self):
        raise unittest.SkipTest("a plain Redis has no /metrics")

    def metric(self, _name, **_labels):
        return self.metrics()

    def stop(self):
        self.child.kill()


def connect(endpoint, password=PASSWORD, timeout=20):
    """A raw connection to a Proxy or StandIn, authenticated unless `password` is None."""
    return resp.Connection(endpoint.host, endpoint.port, password, timeout, tls=endpoint.tls)
