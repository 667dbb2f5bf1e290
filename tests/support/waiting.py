"""Waiting for what a test can observe: polled, and bounded by a deadline."""

import time

POLL_SECONDS = 0.02


class DeadlinePassed(AssertionError):
    """What was waited for did not happen in time."""


def wait_until(condition, seconds, what):
    """Calls `condition` until it returns something true, and returns that. Connection errors count as "not yet"."""
    deadline = time.monotonic() + seconds
    last_error = None
    while True:
        try:
            result = condition()
            if result:
                return result
            last_error = None
        except OSError as error:
            last_error = error
        if time.monotonic() >= deadline:
            because = f" (last: {last_error!r})" if last_error else ""
            raise DeadlinePassed(f"after {seconds} s still waiting for {what}{because}")
        time.sleep(POLL_SECONDS)
