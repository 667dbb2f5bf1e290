"""One client that asks, one request after the other, and notes how long each took: a process of its own, so that what else
Python does here is not in the figures."""

import ctypes
import multiprocessing
import signal
import time

import resp

PAUSE_SECONDS = 0.004


class Probe:
    """From start() to stop(): then `waits` are (when it was sent, how long it took) and `errors` what went wrong."""

    def __init__(self, host, port, password, key):
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(host, port, password, key, theirs, self._ours), daemon=True)
        self.waits, self.errors = [], []

    def start(self):
        self._process.start()

    def stop(self):
        self._ours.send("stop")
        if not self._ours.poll(60):
            raise AssertionError("a probe hangs")
        self.waits, self.errors = self._ours.recv()

    def kill(self):
        if self._process.pid:
            self._process.kill()


def _main(host, port, password, key, pipe, other_end):
    other_end.close()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlive the test
    waits, errors, connection, number = [], [], None, 0
    while not pipe.poll(PAUSE_SECONDS):
        try:
            if connection is None:
                connection = resp.Connection(host, port, password, 60)
            number += 1
            request = ("SET", key, number) if number % 2 else ("GET", key)
            began = time.monotonic()
            connection.send(resp.pack(*request))
            reply = connection.read()
            waits.append((began, time.monotonic() - began))
            if isinstance(reply, resp.ReplyError):
                errors.append((began, str(reply)))
        except OSError as error:  # as every client's pool does, it goes on with another connection
            errors.append((time.monotonic(), repr(error)))
            connection = None
            time.sleep(0.02)
    pipe.send((waits, errors))


def percentile(waits, share):
    """In milliseconds; None of nothing."""
    ordered = sorted(waits)
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else None
