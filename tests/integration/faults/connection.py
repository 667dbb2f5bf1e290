"""One client's connection to the proxy: sends operations, alone or many at once, and notes what becomes of each."""

import asyncio
import collections
import time

from .history import AMBIGUOUS, ERROR, LOST, OK
from .wire import ErrorReply, Parser, pack

AMBIGUOUS_PREFIX = "AMBIGUOUS "
# Longer than the proxy holds a request: what is not answered by then never will be.
REPLY_SECONDS = 40


class Ended(Exception):
    """The connection ended before all replies had come."""


class _Awaited:
    """An operation on its way: one request, or the several ones of a transaction, whose last reply counts."""

    __slots__ = ("op", "replies_due")

    def __init__(self, op, replies_due):
        self.op, self.replies_due = op, replies_due


class Connection(asyncio.Protocol):
    def __init__(self):
        self._parser = Parser()
        self._awaited = collections.deque()
        self._idle = None
        self._transport = None
        self.closed = False

    @classmethod
    async def open(cls, host, port, password, database=0):
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, host, port)
        if password:
            reply = await connection.ask("AUTH", password)
            if reply != "OK":
                connection.close()
                raise Ended(f"AUTH was answered {reply}")
        if database:
            reply = await connection.ask("SELECT", database)
            if reply != "OK":
                connection.close()
                raise Ended(f"SELECT was answered {reply}")
        return connection

    async def ask(self, *request):
        """A request that is not part of the record."""
        class Unrecorded:
            sent = done = 0.0
            outcome, reply = LOST, None
        op = Unrecorded()
        await self.call([(op, [request])])
        return op.reply

    async def call(self, batch):
        """`batch`: (operation, its requests) each; all are sent at once. Raises Ended when the connection ends, and
        TimeoutError when a reply never comes."""
        if self.closed:
            raise Ended
        self._idle = asyncio.get_running_loop().create_future()
        now = time.monotonic()
        data = []
        for op, requests in batch:
            op.sent = now
            self._awaited.append(_Awaited(op, len(requests)))
            data.extend(pack(request) for request in requests)
        self._transport.write(b"".join(data))
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                await self._idle
        except TimeoutError:
            self.close()
            raise

    def close(self):
        self.closed = True
        self._transport.close()

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        now = time.monotonic()
        for reply in self._parser.feed(data):
            if not self._awaited:
                raise ValueError(f"a reply that nobody asked for: {reply!r}")
            first = self._awaited[0]
            first.replies_due -= 1
            if first.replies_due == 0:
                self._awaited.popleft()
                _finish(first.op, reply, now)
        if not self._awaited and not self._idle.done():
            self._idle.set_result(None)

    def connection_lost(self, _error):
        self.closed = True
        if self._idle is not None and not self._idle.done():
            self._idle.set_exception(Ended())


def _finish(op, reply, now):
    op.done = now
    op.reply = reply
    if not isinstance(reply, ErrorReply):
        op.outcome = OK
    else:
        op.outcome = AMBIGUOUS if reply.startswith(AMBIGUOUS_PREFIX) else ERROR
