"""BullMQ as it is, in a grouped database: ten queues over all masters, real processes, and the loss of a master."""

import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import frameworks
import processes
from waiting import wait_until

DATABASE = 2
QUEUES = [f"q{number}" for number in range(9)] + ["limited"]
NODE_MODULES = processes.REPOSITORY / "build" / "node-clients" / "node_modules"
JOBS = 200  # while a master is lost


def setUpModule():
    global site, application
    if not shutil.which("node") or not (NODE_MODULES / "bullmq").exists():
        raise unittest.SkipTest("BullMQ is not installed: scripts/install-deps test")
    site = fixture.open_site(options=[*frameworks.OPTIONS, "--database-layout", f"{DATABASE}=grouped:bull:*:"])
    application = frameworks.Application(site, DATABASE)
    application.environment["NODE_PATH"] = str(NODE_MODULES)


def tearDownModule():
    fixture.close_site()


def app(name, *words):
    return application.start(name, "node", frameworks.APPLICATIONS / "bullmq_app.js", *words)


def add(kind, queue, prefix, count):
    process = app(f"add-{kind}", "add", kind, queue, prefix, str(count))
    process.wait(60)
    return {f"{prefix}-{number}" for number in range(count)}


class Jobs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = app("worker", "work", *QUEUES)
        application.wait_for({"workers"}, "ready", seconds=60)

    @classmethod
    def tearDownClass(cls):
        cls.worker.signal(15)
        cls.worker.wait(30)

    def done_once(self, jobs, seconds=60):
        application.wait_for(jobs, seconds=seconds)
        counts = application.counts()
        self.assertEqual({job: counts[job] for job in jobs if counts[job] != 1}, {})

    def test_jobs_of_ten_queues(self):
        jobs = set()
        for queue in QUEUES:
            jobs |= add("plain", queue, f"plain-{queue}", 20)
        self.done_once(jobs)

    def test_delayed_jobs(self):
        self.done_once(add("delayed", "q1", "delayed", 10))

    def test_jobs_with_priorities(self):
        self.done_once(add("priority", "q2", "priority", 20))

    def test_jobs_that_are_tried_again(self):
        self.done_once(add("failing", "q3", "failing", 5))

    def test_a_flow_within_a_queue(self):
        jobs = add("flow", "q4", "flow", 5)
        self.done_once(jobs | {f"{job}/{child}" for job in jobs for child in (1, 2, 3)})
        lines = application.lines()
        for job in jobs:
            self.assertTrue(all(lines.index(f"done {job}/{child}") < lines.index(f"done {job}") for child in (1, 2, 3)))

    def test_jobs_that_are_limited(self):
        self.done_once(add("plain", "limited", "limited", 30))

    def test_jobs_that_are_repeated(self):
        for job in add("repeated", "q5", "repeated", 2):
            wait_until(lambda job=job: application.counts()[job] == 3, 30, "a job to be repeated")

    def test_events(self):
        jobs = add("events", "q6", "events", 5)
        application.wait_for({f"{job}=fine" for job in jobs}, "returned")

    @fixture.NOT_ONE_REDIS
    def test_the_queues_are_on_all_masters(self):
        for queue in QUEUES:
            application.wait_for(add("plain", queue, f"where-{queue}", 1))
        sizes = {master.name: len(master.command("KEYS", f"~{DATABASE}{{???}}bull:*:id")) for master in site.cluster.masters()}
        self.assertEqual(sum(sizes.values()), len(QUEUES), sizes)
        self.assertTrue(all(sizes.values()), sizes)


@fixture.NOT_ONE_REDIS
class LostMaster(unittest.TestCase):
    def test_every_job_is_done_although_a_master_is_killed(self):
        worker = app("during", "work", *QUEUES)
        jobs = set()
        for queue in QUEUES[:5]:
            jobs |= add("slow", queue, f"slow-{queue}", JOBS // 5)
        application.wait_for({f"slow-{QUEUES[0]}-0"})
        cluster = site.cluster
        master = max(cluster.masters(), key=lambda each: len(each.command("KEYS", f"~{DATABASE}{{???}}bull:*")))
        replica, slot = cluster.replica_of(master), cluster.slots_of(master)[0]
        cluster.wait_for_replicas()
        master.kill()
        self.assertTrue(application.left(jobs), "all jobs were done before: this says nothing")
        cluster.wait_for_owner(slot, replica, 30)
        jobs |= add("plain", QUEUES[0], "after", 3)
        application.wait_for(jobs, seconds=120)
        worker.signal(15)
        worker.wait(30)


if __name__ == "__main__":
    fixture.main()
