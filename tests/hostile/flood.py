"""Connections that send as fast as they are let, and do not read, or throw away what they read."""

import itertools
import selectors
import socket
import time

import resp

AGAIN_SECONDS = 0.05
QUIET_SECONDS = 1.0


class _Sender:
    def __init__(self, connection, pieces):
        self.socket = connection
        self.sent_all = False
        self.received = 0
        self._pieces = pieces
        self._view = memoryview(b"")

    def send(self):
        """Until it is blocked. Raises OSError when the connection has ended."""
        while not self.sent_all:
            if not self._view:
                piece = next(self._pieces, None)
                if piece is None:
                    self.sent_all = True
                    return
                self._view = memoryview(piece)
            try:
                self._view = self._view[self.socket.send(self._view):]
            except BlockingIOError:
                return

    def receive(self):
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionError("closed")
        self.received += len(data)


class Flood:
    """`make_pieces()`: what one connection sends, as an iterable of bytes, which may be endless.

    `password`: logs in before, and waits for it. `again`: those that were closed come back. `receive_bytes`: the kernel's
    buffer for what is not read."""

    def __init__(self, stage, count, make_pieces, password=None, reading=False, again=False, receive_bytes=None):
        self._stage, self._make_pieces, self._password = stage, make_pieces, password
        self._reading, self._again, self._receive_bytes = reading, again, receive_bytes
        self._senders, self._coming = [], []
        self.closed = 0
        for _ in range(count):
            self._open()

    @property
    def open(self):
        return len(self._senders)

    @property
    def received(self):
        return sum(sender.received for sender in self._senders)

    def _open(self):
        try:
            connection = self._stage.connect(self._password)
        except (OSError, resp.ReplyError):
            self.closed += 1
            self._coming.append(time.monotonic() + AGAIN_SECONDS)
            return
        if self._receive_bytes:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
        connection.socket.setblocking(False)
        self._senders.append(_Sender(connection.socket, iter(self._make_pieces())))

    def run(self, seconds):
        """Sends for so long; less if all has been sent and nothing comes back any more, or nobody is left."""
        end, last_news = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < end and not self._stage.stopping.is_set():
            self._come_back()
            if not self._senders:
                if not self._again:
                    return
                time.sleep(AGAIN_SECONDS)
                continue
            if self._turn():
                last_news = time.monotonic()
            elif all(sender.sent_all for sender in self._senders) and time.monotonic() - last_news > QUIET_SECONDS:
                return

    def look(self):
        """Notices whom the other side has closed, without sending; what has come is thrown away."""
        for sender in list(self._senders):
            try:
                while True:
                    before = sender.received
                    sender.receive()
                    if sender.received == before:
                        break
            except OSError:
                self._drop(sender)

    def _come_back(self):
        if self._again and self._coming and time.monotonic() >= self._coming[0]:
            self._coming.pop(0)
            self._open()

    def _turn(self):
        """Whether anything moved."""
        moved = False
        with selectors.DefaultSelector() as selector:
            for sender in self._senders:
                wanted = selectors.EVENT_READ if self._reading else 0
                if not sender.sent_all:
                    wanted |= selectors.EVENT_WRITE
                if wanted:
                    selector.register(sender.socket, wanted, sender)
            if not selector.get_map():
                time.sleep(AGAIN_SECONDS)
                return False
            # As it was registered for a few rounds: building it for each one would be most of the work.
            for _ in range(20):
                events = selector.select(AGAIN_SECONDS)
                if not events:
                    break
                moved = True
                if any([self._serve(key.data, mask) for key, mask in events]):
                    break
        return moved

    def _serve(self, sender, mask):
        """Whether what it waits for has changed."""
        try:
            if mask & selectors.EVENT_READ:
                sender.receive()
            if mask & selectors.EVENT_WRITE:
                sender.send()
            return sender.sent_all
        except OSError:
            self._drop(sender)
            return True

    def _drop(self, sender):
        self.closed += 1
        sender.socket.close()
        self._senders.remove(sender)
        self._coming.append(time.monotonic() + AGAIN_SECONDS)

    def close(self):
        for sender in self._senders:
            sender.socket.close()
        self._senders.clear()


def repeated(opening, body, times=None):
    """`opening` and then `body` so many times, or for ever."""
    bodies = itertools.repeat(body) if times is None else itertools.repeat(body, times)
    return itertools.chain([opening] if opening else [], bodies)
