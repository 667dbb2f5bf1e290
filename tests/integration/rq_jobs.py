"""RQ as it is: its queues in a pinned database, real workers, and the loss of the database's master."""

import os
import pathlib
import re
import sys
import unittest
from datetime import timedelta

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import frameworks
import redis
from waiting import wait_until

JOBS = 60  # while the master is lost


def setUpModule():
    global site, application, connection, rq, rq_app
    try:
        import rq
    except ImportError:
        raise unittest.SkipTest("RQ is not installed: scripts/install-deps test") from None
    site = fixture.open_site(options=frameworks.OPTIONS)
    application = frameworks.Application(site)
    os.environ["JOBS_LOG"] = application.environment["JOBS_LOG"]
    sys.path.insert(0, str(frameworks.APPLICATIONS))
    import rq_app
    connection = redis.Redis.from_url(application.url)


def tearDownModule():
    connection.close()
    fixture.close_site()


def start_worker(name, *queues):
    return application.start(name, "rq", "worker", "--url", application.url, "--name", name, "--with-scheduler",
                             "--path", frameworks.APPLICATIONS, *queues)


def stop(process):
    process.signal(15)
    process.wait(30)


def wait_for_status(job, status, seconds=30):
    wait_until(lambda: job.get_status() == status, seconds, f"a job to be {status}")


class Jobs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workers = [start_worker(f"worker-{number}", "high", "low") for number in range(2)]
        wait_until(lambda: len(rq.Worker.all(connection=connection)) == 2, 30, "the workers to be there")
        cls.high, cls.low = (rq.Queue(name, connection=connection) for name in ("high", "low"))

    @classmethod
    def tearDownClass(cls):
        for worker in cls.workers:
            stop(worker)

    def test_results_come_back(self):
        job = self.high.enqueue(rq_app.add, 2, 3)
        wait_for_status(job, "finished")
        self.assertEqual(job.latest_result().return_value, 5)
        self.assertIn(job.id, self.high.finished_job_registry)

    def test_a_job_waits_for_the_one_it_depends_on(self):
        first = self.low.enqueue(rq_app.work, "first", 0.5)
        second = self.high.enqueue(rq_app.work, "second", depends_on=first)
        both = self.high.enqueue(rq_app.work, "both", depends_on=[first, second])
        wait_for_status(both, "finished")
        lines = application.lines()
        self.assertLess(lines.index("done first"), lines.index("began second"))
        self.assertLess(lines.index("done second"), lines.index("began both"))

    def test_a_failure_is_kept_and_can_be_repeated(self):
        job = self.low.enqueue(rq_app.fail, "hopeless")
        wait_for_status(job, "failed")
        self.assertIn("hopeless cannot be done", job.latest_result().exc_string)
        registry = self.low.failed_job_registry
        self.assertIn(job.id, registry)
        registry.requeue(job.id)
        wait_until(lambda: application.counts("began")["hopeless"] == 2, 30, "the second try")

    def test_retries(self):
        job = self.low.enqueue(rq_app.third_time_lucky, "lucky", retry=rq.Retry(max=3))
        wait_for_status(job, "finished")
        self.assertEqual(application.counts("began")["lucky"], 3)

    def test_scheduled_jobs_are_done_in_time(self):
        soon = self.high.enqueue_in(timedelta(seconds=1), rq_app.work, "soon")
        never = self.high.enqueue_in(timedelta(hours=1), rq_app.work, "never")
        self.assertIn(never.id, self.high.scheduled_job_registry)
        wait_for_status(soon, "finished", 60)
        never.cancel()
        self.assertNotIn(never.id, self.high.scheduled_job_registry)
        self.assertNotIn("never", application.counts("began"))

    def test_many_jobs_at_once_and_several_queues(self):
        jobs = {f"many-{number}" for number in range(20)}
        self.high.enqueue_many([rq.Queue.prepare_data(rq_app.work, (job,)) for job in sorted(jobs)])
        self.low.enqueue(rq_app.work, "many-low")
        application.wait_for(jobs | {"many-low"})
        self.assertEqual({count for job, count in application.counts().items() if job.startswith("many-")}, {1})


class Supervised:
    """A worker in whose place another is started whenever it ends, as by systemd: RQ's workers end when they lose their
    connection while they have a job in hand."""

    def __init__(self, name, *queues):
        self._name, self._queues = name, queues
        self._ended = []
        self.worker = start_worker(name, *queues)

    def look(self):
        if self.worker.exit_code() is not None:
            self._ended.append(self.worker)
            self.worker = start_worker(f"{self._name}-{len(self._ended)}", *self._queues)

    def dropped(self):
        """The jobs that its predecessors had in hand at their end."""
        taken = (re.findall(r"rq_app\.work\('([^']+)'", worker.output()) for worker in self._ended)
        return {jobs[-1] for jobs in taken if jobs}


@fixture.NOT_ONE_REDIS
class LostMaster(unittest.TestCase):
    def test_every_job_is_done_although_the_master_is_killed(self):
        workers = [Supervised(f"during-{number}", "during") for number in range(2)]
        queue = rq.Queue("during", connection=connection)
        jobs = {}
        for number in range(JOBS):
            job = queue.enqueue(rq_app.work, f"job-{number}", 0.05, retry=rq.Retry(max=3))
            jobs[f"job-{number}"] = job
        application.wait_for({"job-0"})
        frameworks.kill_master_of_database(site.cluster, lambda: application.left(jobs))
        after = queue.enqueue(rq_app.work, "after")

        # This RQ has a job nowhere but in the worker's memory from BLPOP until it is marked as started: a worker that
        # ends in between loses it, on one Redis too. What is known about the job is there, and it can be queued again.
        def lost():
            for worker in workers:
                worker.look()
            left = application.left(jobs)
            return None if left - set().union(*(worker.dropped() for worker in workers)) else left

        wait_until(lambda: after.get_status() == "finished" and lost() is not None, 60, "all jobs but the dropped ones")
        for job in lost():
            queue.enqueue_job(rq.job.Job.fetch(jobs[job].id, connection=connection))
        application.wait_for(jobs)
        for worker in workers:
            stop(worker.worker)
        # A job whose worker could not say that it was done may be repeated: at most one of each worker.
        repeated = [job for job, count in application.counts().items() if count > 1]
        self.assertLessEqual(len(repeated), len(workers), repeated)


if __name__ == "__main__":
    fixture.main()
