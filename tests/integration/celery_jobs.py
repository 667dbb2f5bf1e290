"""Celery as it is: broker and results in a pinned database, real workers, and the loss of the database's master."""

import gc
import os
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import frameworks
from waiting import wait_until

JOBS = 60  # while the master is lost


def setUpModule():
    global site, application, celery_app
    try:
        import celery  # noqa: F401
    except ImportError:
        raise unittest.SkipTest("Celery is not installed: scripts/install-deps test") from None
    site = fixture.open_site(options=frameworks.OPTIONS)
    application = frameworks.Application(site)
    os.environ.update({name: application.environment[name] for name in ("REDIS_URL", "JOBS_LOG")})
    sys.path.insert(0, str(frameworks.APPLICATIONS))
    import celery_app


def tearDownModule():
    gc.collect()  # results that were given up say so to the server
    celery_app.app.close()
    fixture.close_site()


def start_worker(name, *options):
    return application.start(name, sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--loglevel", "INFO",
                             "--hostname", f"{name}@here", *options)


def stop(process):
    process.signal(15)
    process.wait(30)


class Jobs(unittest.TestCase):
    """One worker of two processes for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.worker = start_worker("worker", "--concurrency", "2", "--queues", "default,reports", "--beat",
                                  "--without-gossip", "--without-mingle")
        try:
            wait_until(lambda: celery_app.app.control.ping(timeout=1), 60, "a worker to answer")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{cls.worker.output()}") from late

    @classmethod
    def tearDownClass(cls):
        stop(cls.worker)

    def test_results_come_back(self):
        self.assertEqual(celery_app.add.delay(2, 3).get(timeout=30), 5)
        failed = celery_app.fail.delay("on purpose")
        with self.assertRaisesRegex(ValueError, "on purpose"):
            failed.get(timeout=30)
        self.assertEqual(failed.state, "FAILURE")

    def test_groups_chains_and_chords(self):
        from celery import chain, chord, group
        self.assertEqual(group(celery_app.add.s(i, 1) for i in range(8))().get(timeout=30), list(range(1, 9)))
        self.assertEqual(chain(celery_app.add.s(1, 2), celery_app.add.s(3), celery_app.add.s(4))().get(timeout=30), 10)
        self.assertEqual(chord((celery_app.add.s(i, i) for i in range(20)), celery_app.total.s())().get(timeout=30), 380)

    def test_queues_are_kept_apart(self):
        celery_app.report.delay("report-1")
        celery_app.work.apply_async(("for-default",), queue="default")
        celery_app.work.apply_async(("for-nobody",), queue="urgent")
        application.wait_for({"report-1", "for-default"})
        self.assertNotIn("for-nobody", application.counts())
        with celery_app.app.connection_for_read() as connection:
            self.assertEqual(connection.default_channel.client.llen("urgent"), 1)
            self.assertEqual(celery_app.app.control.purge(connection), 1)

    def test_retries_and_countdowns(self):
        self.assertEqual(celery_app.third_time_lucky.delay("lucky").get(timeout=30), 2)
        self.assertEqual(application.counts("began")["lucky"], 3)
        began = time.monotonic()
        self.assertEqual(celery_app.work.apply_async(("later",), countdown=1).get(timeout=30), "later")
        self.assertGreaterEqual(time.monotonic() - began, 0.9)

    def test_what_is_revoked_is_not_done(self):
        from celery.exceptions import TaskRevokedError
        later = celery_app.work.apply_async(("revoked",), countdown=2)
        running = celery_app.work.delay("terminated", 60)
        application.wait_for({"terminated"}, "began")
        later.revoke()
        running.revoke(terminate=True)
        for result in (later, running):
            with self.assertRaises(TaskRevokedError):
                result.get(timeout=30)
            result.forget()
        self.assertFalse({"revoked", "terminated"} & set(application.counts()))

    def test_a_job_acknowledged_late_survives_its_process(self):
        self.assertEqual(celery_app.survivor.delay("survivor").get(timeout=60), "survivor")
        self.assertEqual((application.counts("began")["survivor"], application.counts()["survivor"]), (2, 1))

    def test_periodic_jobs_are_done(self):
        before = application.counts()["tick"]
        wait_until(lambda: application.counts()["tick"] >= before + 2, 30, "two ticks")

    def test_workers_can_be_asked(self):
        inspect = celery_app.app.control.inspect(timeout=5)
        queues = inspect.active_queues()
        self.assertEqual(sorted(queue["name"] for queue in queues["worker@here"]), ["default", "reports"])
        self.assertIn("celery_app.add", inspect.registered()["worker@here"])


class Priorities(unittest.TestCase):
    def test_urgent_jobs_are_done_first(self):
        jobs = {f"{priority}-{number}": priority for number in range(3) for priority in (9, 0, 6, 3)}
        for job, priority in jobs.items():
            celery_app.work.apply_async((job,), queue="urgent", priority=priority)
        worker = start_worker("single", "--concurrency", "1", "--queues", "urgent", "--without-gossip", "--without-mingle")
        try:
            application.wait_for(jobs, seconds=60)
        finally:
            stop(worker)
        done = [jobs[line.split()[1]] for line in application.lines() if line.startswith("done ") and line.split()[1] in jobs]
        self.assertEqual(done, sorted(done))


@fixture.NOT_ONE_REDIS
class LostMaster(unittest.TestCase):
    def test_every_job_is_done_although_the_master_is_killed(self):
        workers = [start_worker(f"during-{number}", "--concurrency", "2", "--queues", "default,reports")
                   for number in range(2)]
        wait_until(lambda: len(celery_app.app.control.ping(timeout=1)) == 2, 60, "the workers to answer")
        early = {f"early-{number}" for number in range(JOBS)}
        late = {f"late-{number}" for number in range(JOBS)}
        for job in sorted(early):
            celery_app.work.delay(job, 0.1)
        for job in sorted(late):
            celery_app.careful.delay(job, 0.1)
        application.wait_for(sorted(early)[:1])
        frameworks.kill_master_of_database(site.cluster, lambda: application.left(early | late))
        after = celery_app.add.delay(20, 22)

        # Celery has a message nowhere but in the worker's memory from BRPOP until it has noted that it owes the
        # acknowledgement. If it loses its connection in between, the message is lost, or comes back after an hour if
        # the note was made; on one Redis too.
        def dropped():
            return sum(len(re.findall(r"in _brpop_read\n(?:.*\n){1,8}?.*in append\n", worker.output())) for worker in workers)

        wait_until(lambda: len(application.left(early | late)) <= dropped(), 60, "all jobs but the dropped ones")
        self.assertEqual(after.get(timeout=30), 42)
        for worker in workers:
            stop(worker)
        counts = application.counts()
        # These are acknowledged before they are begun. If that fails, Celery begins them nevertheless, and repeats them.
        repeated = [job for job in sorted(early) if counts[job] > 1]
        unacknowledged = sum(worker.output().count("Couldn't ack") for worker in workers)
        self.assertLessEqual(len(repeated), unacknowledged, repeated)


if __name__ == "__main__":
    fixture.main()
