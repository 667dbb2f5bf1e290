"""One of the two that are compared: its connections, and what it answers to a program."""

import socket

import resp

from . import replies
from .program import ending

REPLY_SECONDS = 30
_WALK_CALLS = 100000  # after which a SCAN is held to have no end


class Lost(Exception):
    """The connection was closed, or there was no reply in time."""


class _Wire:
    def __init__(self, host, port, password, database, protocol):
        try:
            self._socket = socket.create_connection((host, port), timeout=REPLY_SECONDS)
        except OSError as error:
            raise Lost(f"no connection: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self.call(b"HELLO", b"%d" % protocol, b"AUTH", b"default", password.encode())
        if self.call(b"SELECT", b"%d" % database) != (b"+", b"OK"):
            raise RuntimeError(f"database {database} cannot be selected on port {port}")

    def close(self):
        self._socket.close()

    def send(self, data):
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Lost(f"not sent: {error!r}") from error

    def _receive(self):
        try:
            data = self._socket.recv(1 << 18)
        except TimeoutError as error:
            raise Lost(f"no reply for {REPLY_SECONDS} s; before that: {bytes(self._buffer[-200:])!r}") from error
        except OSError as error:
            raise Lost(f"connection lost: {error!r}") from error
        if not data:
            raise Lost("the connection was closed")
        self._buffer += data

    def until(self, end):
        """All bytes up to and with `end`, which must come last."""
        while not self._buffer.endswith(end):
            self._receive()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def read(self):
        while True:
            try:
                reply, position = replies.parse(self._buffer)
            except replies.Incomplete:
                self._receive()
                continue
            del self._buffer[:position]
            return reply

    def call(self, *words):
        self.send(resp.pack(*words))
        return self.read()


class Side:
    """Two connections per protocol; programs of RESP2 and RESP3 work in databases of their own."""

    def __init__(self, name, host, port, password, databases=None):
        self.name = name
        self._where = (host, port, password)
        self._databases = databases or {2: 1, 3: 2}
        self._wires = {}

    def wire(self, protocol, who="main"):
        if (protocol, who) not in self._wires:
            self._wires[protocol, who] = _Wire(*self._where, self._databases[protocol], protocol)
        return self._wires[protocol, who]

    def close(self):
        for wire in self._wires.values():
            wire.close()
        self._wires.clear()

    def start_over(self):
        """New connections, and empty databases."""
        self.close()
        for protocol in self._databases:
            self.wire(protocol).call(b"FLUSHDB")

    def answers(self, program, pipelined=True):
        """One reply for each step, and for each of the ending."""
        conversation = _Conversation(self.wire(program.protocol), lambda: self.wire(program.protocol, "other"), pipelined)
        for step in (*program.steps, *ending(program)):
            conversation.take(step)
        return conversation.finish()


class _Conversation:
    """Steps of two connections in their order; the main one's in one piece, if they may be, as far as that is possible."""

    def __init__(self, main, other, pipelined):
        self._main, self._other, self._pipelined = main, other, pipelined
        self._unsent, self._replies = [], []
        self._main_is_blocked = False

    def take(self, step):
        if step.who == "main":
            self._unsent.append(resp.pack(*step.words))
            if not self._pipelined:
                self._catch_up()
            return
        if not self._main_is_blocked:
            self._catch_up()
        if step.who == "walk":
            self._replies.append(walk(self._main, step.words))
        elif step.who == "blocked":
            self._main.send(resp.pack(*step.words))
            self._main_is_blocked = True
        else:
            reply = self._other().call(*step.words)
            if self._main_is_blocked:
                self._replies.append(self._main.read())
                self._main_is_blocked = False
            self._replies.append(reply)

    def finish(self):
        self._catch_up()
        return self._replies

    def _catch_up(self):
        self._main.send(b"".join(self._unsent))
        self._replies.extend([self._main.read() for _ in self._unsent])
        self._unsent.clear()


def walk(wire, words):
    """All keys that a SCAN finds, in order and once; or what the first call gave instead."""
    names = zip((b"MATCH", b"TYPE"), words[1:])
    options = (*(word for pair in names for word in pair), b"COUNT", b"5")
    cursor, found = b"0", set()
    for _ in range(_WALK_CALLS):
        reply = wire.call(b"SCAN", cursor, *options)
        if not isinstance(reply[1], list):
            return reply
        cursor = reply[1][0][1]
        found.update(key for _, key in reply[1][1][1])
        if cursor == b"0":
            return (b"*", sorted(found))
    raise Lost(f"a SCAN did not end after {_WALK_CALLS} calls")
