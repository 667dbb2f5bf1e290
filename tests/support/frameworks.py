"""What tests of job frameworks share: an application's processes, what its jobs wrote, and the end of its master."""

import collections
import os
import pathlib

import processes
from cluster import PASSWORD
from waiting import wait_until

APPLICATIONS = processes.REPOSITORY / "tests" / "conformance" / "frameworks"
DATABASE = 1
# Frameworks know what to do about a lost connection, not about an error they have never seen.
OPTIONS = ("--write-on-lost-link", "close")
JOB_SECONDS = 30


class Application:
    """Programs of tests/conformance/frameworks, run as their authors would: with a URL, which is all they know."""

    def __init__(self, site, database=DATABASE, log="jobs"):
        self.url = f"redis://:{PASSWORD}@{site.proxy.host}:{site.proxy.port}/{database}"
        self.log = processes.directory() / log
        self.log.write_bytes(b"")
        self.environment = {**os.environ, "REDIS_URL": self.url, "JOBS_LOG": str(self.log), "PYTHONPATH": str(APPLICATIONS),
                            "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        self._count = 0

    def start(self, name, *command):
        """A process of the application, whose working directory is its own."""
        self._count += 1
        return processes.Child(command, pathlib.Path(processes.directory()) / f"{name}-{self._count}", self.environment)

    def lines(self):
        return self.log.read_text(encoding="ascii").splitlines()

    def counts(self, what="done"):
        """How often each job has written that."""
        return collections.Counter(line.split(" ", 1)[1] for line in self.lines() if line.startswith(what + " "))

    def left(self, jobs):
        """Those that have not been done yet."""
        return set(jobs) - set(self.counts())

    def wait_for(self, jobs, what="done", seconds=JOB_SECONDS):
        def missing():
            return set(jobs) - set(self.counts(what))

        try:
            wait_until(lambda: not missing(), seconds, f"jobs that have {what}")
        except AssertionError as late:
            left = sorted(missing())
            raise AssertionError(f"{late}: {len(left)} are missing, {left[:10]} among them") from late


def master_of_database(cluster):
    """The master that holds all keys; no other may have any."""
    sizes = {node: node.command("DBSIZE") for node in cluster.masters()}
    holders = [node for node, size in sizes.items() if size]
    if len(holders) != 1:
        raise AssertionError(f"keys are on {[f'{node.name}: {size}' for node, size in sizes.items()]}, not on one master")
    return holders[0]


def kill_master_of_database(cluster, jobs_left):
    """kill -9 while its replica knows everything and there are jobs left; returns when the replica has taken over."""
    master = master_of_database(cluster)
    replica = cluster.replica_of(master)
    slot = cluster.slots_of(master)[0]
    cluster.wait_for_replicas()
    master.kill()
    if not jobs_left():
        raise AssertionError("all jobs were done before the master was killed: this says nothing")
    cluster.wait_for_owner(slot, replica, 30)
