"""One client of the load: has an identity, a connection that it makes anew when it was lost, and its own record."""

import asyncio
import random

from slots import key_in

from .connection import Connection, Ended
from .history import Op

RECONNECT_SECONDS = 0.05


class Client:
    """`plan` is the load's Plan, `number` counts the clients from 0."""

    def __init__(self, plan, number):
        self.plan = plan
        self.number = number
        self.random = random.Random(f"{plan.seed}/{number}")
        self.depth = plan.depth if number % 2 else 1
        self.ops = []
        self.dropped = 0       # connections that ended while they were in use
        self.refused = 0       # attempts to connect that failed
        self.hung = 0          # replies that never came
        self.versions = {}     # key → the newest one written
        self._connection = None

    def key(self, name, index=0):
        """A key of this client alone; those with an even index are in the slots that the fault is about."""
        return self.shared_key(f"{name}:{self.number}:{index}", index)

    def shared_key(self, name, index=0):
        if index % 2 == 0 and self.plan.hot_slots:
            return key_in(self.plan.hot_slots[(self.number + index) % len(self.plan.hot_slots)], name)
        return name

    def slot_key(self, name):
        """The beginning of several keys of one slot: every second pair of such clients has it where the fault is."""
        base = self.key(name, self.number // 2)
        return base if "{" in base else "{" + base + "}"

    def op(self, kind, *keys, value=None):
        made = Op(self.number, len(self.ops), kind, keys, value)
        self.ops.append(made)
        return made

    def next_version(self, *keys):
        """For all the keys the same, and higher than any that one of them has had."""
        version = 1 + max(self.versions.get(key, 0) for key in keys)
        self.versions.update((key, version) for key in keys)
        return version

    async def run(self, role, stopping):
        work = role(self)
        await asyncio.sleep(self.random.random() * self.plan.pause_seconds)
        while not stopping.is_set():
            await self._turn(work, stopping)
            await asyncio.sleep(self.plan.pause_seconds * self.depth ** 0.5 * 2 * self.random.random())
        if self._connection is not None:
            self._connection.close()

    async def _turn(self, work, stopping):
        try:
            if self._connection is None:
                self._connection = await Connection.open(*self.plan.endpoint(self))
            await work(self)
        except TimeoutError:
            self.hung += 1
            self._connection = None
        except (Ended, OSError):
            if self._connection is None:
                self.refused += 1
            else:
                self.dropped += 1
                self._connection = None
            if not stopping.is_set():
                await asyncio.sleep(RECONNECT_SECONDS)

    async def call(self, *batch):
        await self._connection.call(batch)

    def echo(self):
        op = self.op("ECHO", value=f"echo:{self.number}:{len(self.ops)}")
        return op, [("ECHO", op.value)]
