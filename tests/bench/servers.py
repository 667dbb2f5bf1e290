"""The servers of a run: a cluster of masters, one plain Redis and Slotless, on loopback and free ports."""
import os
import shutil
import subprocess
from pathlib import Path

import processes
from resp import Connection, ReplyError, pack
from waiting import wait_until

HOST = "127.0.0.1"
CLUSTER_COMMAND = processes.REPOSITORY / "scripts" / "cluster"
START_SECONDS = 15
NODE_TIMEOUT_MS = 15_000  # masters that a load keeps from the processor are not dead
MASTERS = 3


class StartError(Exception):
    """A server ended while it was being waited for; the text has its last words."""


def answers(port):
    with Connection(HOST, port, timeout=2) as server:
        server.send(pack("GET", "any"))
        return not isinstance(server.read(), ReplyError)


class Servers:
    """Leaving the `with` ends all that was started. What a killed run has left in the folder is ended first."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._cluster = self._folder / "cluster"
        self._children = []

    def __enter__(self):
        self._remove()
        return self

    def __exit__(self, *_):
        for child in self._children:
            child.kill()
        self._remove()

    def _remove(self):
        subprocess.run([CLUSTER_COMMAND, "stop", "--dir", self._cluster], check=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def start_cluster(self):
        """Returns the masters as HOST:PORT,... and their process ids."""
        command = [CLUSTER_COMMAND, "start", "--dir", self._cluster, "--masters", MASTERS, "--replicas", 0,
                   "--node-timeout", NODE_TIMEOUT_MS]
        done = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip(), [int(file.read_text()) for file in self._cluster.glob("node-*/pid")]

    def start_redis(self):
        """Returns its port and process id."""
        port = processes.free_port()
        command = ["redis-server", "--bind", HOST, "--port", port, "--save", "", "--appendonly", "no"]
        return self._start("redis", port, command)

    def start_slotless(self, binary, nodes, workers, arguments):
        """Returns its port and process id."""
        return self.start_program([binary], nodes, workers, arguments)

    def start_program(self, command, nodes, workers, arguments):
        """The same for a command that runs Slotless."""
        port = processes.free_port()
        admin_port = processes.free_port()
        return self._start(f"slotless-{port}", port, [
            *command, "--cluster-nodes", nodes, "--listen", f"{HOST}:{port}", "--admin-listen", f"{HOST}:{admin_port}",
            "--workers", workers, *arguments])

    def _start(self, name, port, command):
        child = processes.Child(command, self._folder / name, environment=environment())
        self._children.append(child)

        def ended_or_answers():
            return child.exit_code() is not None or answers(port)

        wait_until(ended_or_answers, START_SECONDS, f"{name} on port {port}")
        if child.exit_code() is not None:
            raise StartError(f"{name} ended with status {child.exit_code()} at its start:{child.output()[-600:]}")
        return port, child.pid


def environment():
    """Ours without the settings of some other cluster that Slotless would take from it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("REDIS_", "SLOTLESS_"))}
