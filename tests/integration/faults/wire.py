"""RESP2 for a load generator: replies are parsed as they arrive, whatever pieces they come in."""


class ErrorReply(str):
    """An error reply: the line without "-"."""

    __slots__ = ()


class _Incomplete(Exception):
    pass


def pack(arguments):
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Parser:
    def __init__(self):
        self._buffer = b""
        self._position = 0

    def feed(self, data):
        """The replies that are complete now. Texts are str. Raises ValueError for what is no RESP2."""
        self._buffer = self._buffer[self._position:] + data if self._buffer else data
        self._position = 0
        replies = []
        while self._position < len(self._buffer):
            begin = self._position
            try:
                replies.append(self._parse())
            except _Incomplete:
                self._position = begin
                break
        else:
            self._buffer, self._position = b"", 0
        return replies

    def _parse(self):
        end = self._buffer.find(b"\r\n", self._position)
        if end < 0:
            raise _Incomplete
        kind, rest = self._buffer[self._position:self._position + 1], self._buffer[self._position + 1:end]
        self._position = end + 2
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"-":
            return ErrorReply(rest.decode(errors="replace"))
        if kind == b"$":
            length = int(rest)
            if length < 0:
                return None
            begin, self._position = self._position, self._position + length + 2
            if self._position > len(self._buffer):
                raise _Incomplete
            return self._buffer[begin:begin + length].decode(errors="replace")
        if kind == b"*":
            length = int(rest)
            return None if length < 0 else [self._parse() for _ in range(length)]
        raise ValueError(f"no RESP2 reply: {kind + rest[:40]!r}")
