"""The load: a process of its own that runs many clients and hands over their record at the end."""

import asyncio
import ctypes
import dataclasses
import gc
import multiprocessing
import signal
import threading
import time

from slots import key_in

from . import roles
from .client import Client

STOP_SECONDS = 60


@dataclasses.dataclass
class Plan:
    host: str
    port: int
    password: str          # empty: the proxy wants none
    seed: int
    clients_count: int = 50
    depth: int = 16        # requests of one pipeline, for every second client
    pause_seconds: float = 0.03  # average between two turns; longer after a pipeline
    wait_ms: int = 500     # of WAIT
    hot_slots: tuple = ()  # half of the keys are there
    clients: list = dataclasses.field(default_factory=list)

    def endpoint(self, _client):
        """Where it connects to: host, port, password, database."""
        return self.host, self.port, self.password, 0

    def shared_key(self, name, index):
        name = f"{name}:{index}"
        return key_in(self.hot_slots[index % len(self.hot_slots)], name) if index % 2 == 0 and self.hot_slots else name

    def blocking_key(self, number):
        """A queue that one or two producers fill for one or two consumers."""
        return self.shared_key("blocking", number % 4)


@dataclasses.dataclass
class Record:
    ops: list
    dropped: int
    refused: int
    hung: int
    stalled_seconds: float  # the longest time for which the load itself did not come to run


class Load:
    """Runs from start() to stop(). `plan.clients` are made here."""

    def __init__(self, plan):
        self.plan = plan
        plan.clients = [Client(plan, number) for number in range(plan.clients_count)]
        for number, client in enumerate(plan.clients):
            client.role = roles.ROLES[number // 2 % len(roles.ROLES)]
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(plan, theirs, self._ours), daemon=True)

    def start(self):
        """Returns when every client has had a reply."""
        self._process.start()
        self._expect("started")

    def stop(self):
        """The record; the clients have left the proxy."""
        self._ours.send("stop")
        return self._expect("record")

    def kill(self):
        self._process.kill()

    def _expect(self, kind):
        if not self._ours.poll(STOP_SECONDS + 30):
            raise RuntimeError(f"the load never said '{kind}'")
        said, content = self._ours.recv()
        if said != kind:
            raise RuntimeError(f"the load said {said}: {content}")
        return content


def _main(plan, pipe, other_end):
    other_end.close()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlive the test
    try:
        asyncio.run(_run(plan, pipe))
    except BaseException as error:  # pylint: disable=broad-except
        pipe.send(("error", repr(error)))
        raise


class _Lateness:
    """Notes by how much the load itself was late: on a busy machine a gap may be its own."""

    TICK_SECONDS = 0.02

    def __init__(self):
        self.longest = 0.0

    async def run(self):
        while True:
            begin = time.monotonic()
            await asyncio.sleep(self.TICK_SECONDS)
            self.longest = max(self.longest, time.monotonic() - begin - self.TICK_SECONDS)


async def _run(plan, pipe):
    gc.disable()  # a record has no cycles, and looking for them takes long when there are many operations
    lateness = _Lateness()
    ticking = asyncio.create_task(lateness.run())
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def wait_for_stop():
        pipe.recv()
        loop.call_soon_threadsafe(stopping.set)

    tasks = [asyncio.create_task(client.run(client.role, stopping)) for client in plan.clients]
    deadline = time.monotonic() + 20
    while not all(any(op.done for op in client.ops) for client in plan.clients):
        for task in tasks:
            if task.done():
                task.result()
        if time.monotonic() > deadline:
            raise RuntimeError("not every client had a reply")
        await asyncio.sleep(0.02)
    pipe.send(("started", None))
    lateness.longest = 0.0  # until now it has been making connections
    threading.Thread(target=wait_for_stop, daemon=True).start()
    everybody = asyncio.gather(*tasks)  # ends early if a role fails
    await asyncio.wait([everybody, asyncio.create_task(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
    ticking.cancel()
    await asyncio.wait_for(everybody, STOP_SECONDS)
    ops = [op for client in plan.clients for op in client.ops if op.sent]
    pipe.send(("record", Record(ops, sum(client.dropped for client in plan.clients),
                                sum(client.refused for client in plan.clients),
                                sum(client.hung for client in plan.clients), lateness.longest)))
