"""BullMQ and Sidekiq at full speed: programs that put jobs in as fast as others do them."""

import shutil
import types

import frameworks
import processes
from waiting import DeadlinePassed, wait_until

from .data import GROUPED, PINNED

NODE_MODULES = processes.REPOSITORY / "build" / "node-clients" / "node_modules"
BACKLOG = 200
START_SECONDS, END_SECONDS = 60, 120
QUEUES = ("trial1", "trial2", "trial3")
SIDEKIQ_FEED = """
  stopping = false
  trap("TERM") { stopping = true }
  number = 0
  queue = Sidekiq::Queue.new
  until stopping
    if queue.size < %d
      Work.perform_bulk((number...number + 50).map { |n| ["sidekiq-#{n}"] })
      number += 50
    else
      sleep 0.02
    end
  end
  note("fed", number)
""" % BACKLOG


class Framework:
    """`endpoint`: host and port that it uses. Feeders first, then workers."""

    def __init__(self, name, endpoint, database, environment=None):
        site = types.SimpleNamespace(proxy=types.SimpleNamespace(host=endpoint[0], port=endpoint[1]))
        self.name = name
        self._application = frameworks.Application(site, database, log=f"jobs-{name}")
        self._application.environment.update(environment or {})
        self._feeders, self._workers = [], []

    def start(self, kind, *command):
        process = self._application.start(f"{self.name}-{kind}", *command)
        (self._feeders if kind == "feed" else self._workers).append(process)
        return process

    def done(self):
        return sum(self._application.counts().values())

    def wait_for_progress(self, jobs=20):
        before = self.done()
        wait_until(lambda: self.done() >= before + jobs, START_SECONDS, f"{self.name} to get on")

    def check(self):
        """All that were started are at work."""
        for process in (*self._feeders, *self._workers):
            if process.exit_code() is not None:
                raise AssertionError(f"{self.name} has ended with {process.exit_code()}:\n{process.output()[-2000:]}")

    def finish(self):
        """How many jobs were done, which never, and how many more than once."""
        for process in self._feeders:
            process.signal(15)
            if process.wait(END_SECONDS) != 0:
                raise AssertionError(f"the feeder of {self.name} ended badly:\n{process.output()[-2000:]}")
        jobs = self._fed()
        try:
            wait_until(lambda: not self._application.left(jobs), END_SECONDS, "all jobs to be done")
        except DeadlinePassed:
            pass  # the caller is told which are missing
        for process in self._workers:
            process.signal(15)
            process.wait(END_SECONDS)
        counts = self._application.counts()
        return len(jobs), sorted(self._application.left(jobs)), sum(1 for job in jobs if counts[job] > 1)

    def _fed(self):
        """The feeders say at their end how many jobs they have put in."""
        jobs = set()
        for line in self._application.lines():
            if line.startswith("fed "):
                *queue, count = line.split(" ")[1:]
                prefix = "-".join([self.name, *queue])
                jobs |= {f"{prefix}-{number}" for number in range(int(count))}
        return jobs

    def kill(self):
        for process in (*self._feeders, *self._workers):
            if process.exit_code() is None:
                process.kill()


def start_all(endpoints, say):
    """Those that are installed here, each by a proxy of its own."""
    started = []
    if shutil.which("node") and (NODE_MODULES / "bullmq").exists():
        bull = Framework("bullmq", endpoints[0], GROUPED, {"NODE_PATH": str(NODE_MODULES)})
        program = frameworks.APPLICATIONS / "bullmq_app.js"
        bull.start("work", "node", program, "work", *QUEUES)
        for queue in QUEUES:
            bull.start("feed", "node", program, "feed", queue, f"bullmq-{queue}", str(BACKLOG))
        started.append(bull)
    else:
        say("BullMQ is not installed (scripts/install-deps test): left out")
    if shutil.which("sidekiq"):
        sidekiq = Framework("sidekiq", endpoints[1 % len(endpoints)], PINNED[0], {"JOBS_REDIS_TIMEOUT": "60"})
        program = frameworks.APPLICATIONS / "sidekiq_app.rb"
        sidekiq.start("work", "sidekiq", "--require", program, "--environment", "production", "--concurrency", "2", "--queue", "default")
        sidekiq.start("feed", "ruby", "-r", program, "-r", "sidekiq/api", "-e", SIDEKIQ_FEED)
        started.append(sidekiq)
    else:
        say("Sidekiq is not installed (scripts/install-deps test): left out")
    for each in started:
        each.wait_for_progress()
    return started
