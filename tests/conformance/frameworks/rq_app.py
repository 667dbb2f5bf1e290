"""The jobs of an ordinary RQ application; what they do is written to JOBS_LOG."""

import os
import time


def note(what, job):
    """One line for each time something happened; lines of several processes do not mix."""
    with open(os.environ["JOBS_LOG"], "ab", buffering=0) as log:
        log.write(f"{what} {job}\n".encode())


def work(job, seconds=0.0):
    note("began", job)
    time.sleep(seconds)
    note("done", job)
    return job


def fail(job):
    note("began", job)
    raise ValueError(f"{job} cannot be done")


def third_time_lucky(job):
    with open(os.environ["JOBS_LOG"], "rb") as log:
        tries = log.read().count(f"began {job}\n".encode())
    note("began", job)
    if tries < 2:
        raise ValueError("not yet")
    note("done", job)


def add(x, y):
    return x + y
