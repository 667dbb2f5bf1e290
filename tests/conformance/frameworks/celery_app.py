"""An ordinary Celery application: broker and results are at REDIS_URL; what its tasks do is written to JOBS_LOG."""

import os
import signal
import time

from celery import Celery
from kombu import Queue

app = Celery("celery_app", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.update(
    task_default_queue="default",
    task_queues=[Queue("default"), Queue("reports"), Queue("urgent")],
    task_routes={"celery_app.report": {"queue": "reports"}},
    broker_transport_options={"queue_order_strategy": "priority", "priority_steps": [0, 3, 6, 9]},
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
    result_expires=3600,
    task_track_started=True,
    beat_schedule={"tick": {"task": "celery_app.tick", "schedule": 1.0, "options": {"expires": 30}}},
)


def note(what, job):
    """One line for each time something happened; lines of several processes do not mix."""
    with open(os.environ["JOBS_LOG"], "ab", buffering=0) as log:
        log.write(f"{what} {job}\n".encode())


@app.task
def work(job, seconds=0.0):
    note("began", job)
    time.sleep(seconds)
    note("done", job)
    return job


@app.task(acks_late=True, reject_on_worker_lost=True)
def careful(job, seconds=0.0):
    note("began", job)
    time.sleep(seconds)
    note("done", job)
    return job


@app.task(acks_late=True, reject_on_worker_lost=True)
def survivor(job):
    """Takes its own process down the first time."""
    with open(os.environ["JOBS_LOG"], "rb") as log:
        is_first = f"began {job}\n".encode() not in log.read()
    note("began", job)
    if is_first:
        os.kill(os.getpid(), signal.SIGKILL)
    note("done", job)
    return job


@app.task
def report(job):
    note("done", job)
    return job


@app.task
def tick():
    note("done", "tick")


@app.task
def add(x, y):
    return x + y


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def fail(text):
    raise ValueError(text)


@app.task(bind=True, max_retries=5)
def third_time_lucky(self, job):
    note("began", job)
    if self.request.retries < 2:
        raise self.retry(countdown=0.2)
    note("done", job)
    return self.request.retries
