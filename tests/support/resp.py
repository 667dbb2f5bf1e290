"""A RESP2 or RESP3 connection that shows every byte: for what a client library would hide from a test."""

import socket
import struct


class ReplyError(Exception):
    """An error reply; the text is the line without "-"."""


class ConnectionEnded(ConnectionError):
    """The other side closed the connection."""


def pack(*arguments):
    """One request as RESP multibulk."""
    encoded = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
    parts = [b"*%d\r\n" % len(encoded)]
    for argument in encoded:
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"".join(parts)


def pack_all(requests):
    """Many requests as one pipeline."""
    return b"".join(pack(*request) for request in requests)


class Connection:
    def __init__(self, host, port, password=None, timeout=20, tls=None, source=None, preface=b""):
        """`tls`: an ssl.SSLContext; None: without encryption. `source`: the address to connect from; `preface`: sent before
        anything else."""
        self.socket = socket.create_connection((host, port), timeout=timeout, source_address=source and (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(preface)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self._buffer = bytearray()
        self._position = 0
        if password is not None:
            self.command("AUTH", password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST instead of FIN, as a crashed client's host may."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def command(self, *arguments):
        """Sends one command and returns its reply; raises ReplyError for an error reply."""
        self.send(pack(*arguments))
        reply = self.read()
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def error(self, *arguments):
        """Sends one command that must fail and returns the error's text."""
        self.send(pack(*arguments))
        reply = self.read()
        if not isinstance(reply, ReplyError):
            raise AssertionError(f"{arguments!r} gave {reply!r} instead of an error")
        return str(reply)

    def raw(self, *arguments):
        """Sends one command and returns the bytes of its reply."""
        self.send(pack(*arguments))
        return self.read_raw()

    def read(self):
        """The next reply; an error reply is returned, not raised."""
        reply = self._parse()
        self._drop()
        return reply

    def read_between(self, pushes):
        """The next reply; the invalidations before it are added to `pushes`."""
        while True:
            reply = self.read()
            if not (isinstance(reply, list) and reply[:1] == [b"invalidate"]):
                return reply
            pushes.append(reply)

    def read_raw(self):
        self._parse()
        data = bytes(self._buffer[:self._position])
        self._drop()
        return data

    def read_to_end(self):
        """All bytes until the other side closes; with a reset, if it had not read everything."""
        try:
            while True:
                self._receive()
        except (ConnectionEnded, ConnectionResetError):
            data = bytes(self._buffer)
            self._buffer.clear()
            return data

    def _drop(self):
        del self._buffer[:self._position]
        self._position = 0

    def _receive(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionEnded("the connection was closed")
        self._buffer += data

    def _line(self):
        searched = self._position
        while True:
            end = self._buffer.find(b"\r\n", searched)
            if end >= 0:
                line = bytes(self._buffer[self._position:end])
                self._position = end + 2
                return line
            searched = max(self._position, len(self._buffer) - 1)
            self._receive()

    def _exactly(self, count):
        while len(self._buffer) < self._position + count:
            self._receive()
        data = bytes(self._buffer[self._position:self._position + count])
        self._position += count
        return data

    def _parse(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return ReplyError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self._exactly(length + 2)[:-2]
        if kind == b"*":
            length = int(rest)
            return None if length < 0 else [self._parse() for _ in range(length)]
        if kind in (b"~", b">"):
            return [self._parse() for _ in range(int(rest))]
        if kind == b"%":
            return {self._parse(): self._parse() for _ in range(int(rest))}
        if kind == b"_":
            return None
        if kind == b",":
            return float(rest)
        if kind == b"#":
            return rest == b"t"
        if kind == b"(":
            return int(rest)
        if kind == b"=":
            return self._exactly(int(rest) + 2)[4:-2]
        if kind == b"!":
            return ReplyError(self._exactly(int(rest) + 2)[:-2].decode(errors="replace"))
        raise AssertionError(f"no RESP: {line[:80]!r}")
