"""Sidekiq as it is: its queues in a pinned database, real processes, and the loss of the database's master."""

import json
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import frameworks
import processes
import redis
from waiting import wait_until

JOBS = 60  # while the master is lost


def setUpModule():
    global site, application, connection, client
    if not shutil.which("sidekiq"):
        raise unittest.SkipTest("Sidekiq is not installed: scripts/install-deps test")
    site = fixture.open_site(options=frameworks.OPTIONS)
    application = frameworks.Application(site)
    connection = redis.Redis.from_url(application.url, decode_responses=True)
    client = Client()


def tearDownModule():
    client.close()
    connection.close()
    fixture.close_site()


class Client:
    """A Ruby process that pushes jobs: it evaluates one line at a time and prints the result as JSON. What Sidekiq itself
    prints (from 7 on its logger says to whom it connects) goes elsewhere."""

    _LOOP = """
      require "json"
      answers = $stdout.dup
      answers.sync = true
      $stdout.reopen($stderr)
      $stdin.each_line { |line| answers.puts JSON.generate([eval(line)]) }
    """

    def __init__(self):
        command = ["ruby", "-r", str(frameworks.APPLICATIONS / "sidekiq_app.rb"), "-r", "sidekiq/api", "-e", self._LOOP]
        with open(processes.directory() / "client-stderr", "wb") as stderr:
            self._process = subprocess.Popen(command, env=application.environment, stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE, stderr=stderr, text=True)

    def __call__(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise AssertionError(f"Ruby ended at: {line}")
        return json.loads(answer)[0]

    def close(self):
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


def start_worker(name, *options):
    return application.start(name, "sidekiq", "--require", frameworks.APPLICATIONS / "sidekiq_app.rb", "--environment", "production",
                             "--concurrency", "2", *options)


def stop(process):
    process.signal(15)
    process.wait(30)


class Jobs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = start_worker("worker", "--queue", "default", "--queue", "reports")
        wait_until(lambda: connection.scard("processes") == 1, 60, "the process to be there")

    @classmethod
    def tearDownClass(cls):
        stop(cls.worker)

    def test_jobs_of_several_queues_are_done_once(self):
        jobs = {f"push-{number}" for number in range(30)}
        client('30.times { |n| Work.perform_async("push-#{n}") }; Report.perform_async("report-1")')
        client('Work.perform_bulk((0...30).map { |n| ["bulk-#{n}"] }).size')
        bulk = {f"bulk-{number}" for number in range(30)}
        application.wait_for(jobs | bulk | {"report-1"})
        counts = application.counts()
        self.assertEqual({counts[job] for job in jobs | bulk}, {1})

    def test_queues_that_nobody_serves_keep_their_jobs(self):
        client('Work.set(queue: "nobody").perform_async("for-nobody")')
        self.assertEqual(client('Sidekiq::Queue.new("nobody").size'), 1)
        self.assertIn("nobody", client("Sidekiq::Queue.all.map(&:name)"))
        self.assertEqual(client('Sidekiq::Queue.new("nobody").first.args'), ["for-nobody"])
        client('Sidekiq::Queue.new("nobody").clear')
        self.assertNotIn("for-nobody", application.counts())

    def test_scheduled_jobs_are_done_later(self):
        client('Work.perform_in(1, "soon")')
        never = client('Work.perform_in(3600, "never")')
        application.wait_for({"soon"})
        self.assertEqual(client("Sidekiq::ScheduledSet.new.map(&:jid)"), [never])
        self.assertTrue(client(f'Sidekiq::ScheduledSet.new.find_job("{never}").delete'))

    def test_a_job_that_fails_is_tried_again(self):
        client('ThirdTimeLucky.perform_async("lucky")')
        application.wait_for({"lucky"}, seconds=60)
        self.assertEqual(application.counts("began")["lucky"], 3)

    def test_a_job_without_retries_is_given_up(self):
        before = client("Sidekiq::Stats.new.failed")
        client('Hopeless.perform_async("hopeless")')
        application.wait_for({"hopeless"}, "began")
        wait_until(lambda: client("Sidekiq::Stats.new.failed") > before, 30, "the failure to be counted")
        self.assertEqual(application.counts("began")["hopeless"], 1)


@fixture.NOT_ONE_REDIS
class LostMaster(unittest.TestCase):
    def test_every_job_is_done_although_the_master_is_killed(self):
        workers = [start_worker(f"during-{number}", "--queue", "default") for number in range(2)]
        wait_until(lambda: connection.scard("processes") == 2, 60, "the processes to be there")
        jobs = {f"job-{number}" for number in range(JOBS)}
        client(f'{JOBS}.times {{ |n| Work.perform_async("job-#{{n}}", 0.1) }}')
        application.wait_for({"job-0"})
        frameworks.kill_master_of_database(site.cluster, lambda: application.left(jobs))
        client('Work.perform_async("after")')
        application.wait_for(jobs | {"after"}, seconds=60)
        for worker in workers:
            stop(worker)
        counts = application.counts()
        self.assertEqual([job for job in sorted(jobs) if counts[job] > 1], [], "nothing has failed, so nothing is repeated")


if __name__ == "__main__":
    fixture.main()
