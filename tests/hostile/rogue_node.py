"""A node that misbehaves: what stands between the daemon and an honest one, passes on request by request, and answers what is
asked about some keys as it likes."""

import socket
import threading

from cluster import HOST

MARK = b"rogue"


class RogueNode:
    """Listens on `port` of its own. `deed(words)` gives what is answered about keys whose names have MARK in them, as an
    Answer. Needs close() at the end."""

    def __init__(self, node, deed):
        self._target, self._deed = (node.host, node.port), deed
        self._lock = threading.Lock()
        self._ends = []
        self.times = 0  # that it has been asked about these keys
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        # A thread that waits in accept() holds the listener open: it has to be woken.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for end in self._ends:
                _close(end)

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, 10)
            except OSError:
                near.close()
                continue
            for end in (near, far):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._ends += [near, far]
            threading.Thread(target=self._serve, args=(near, far), daemon=True).start()

    def _serve(self, near, far):
        try:
            with near.makefile("rb") as requests, far.makefile("rb") as replies:
                while True:
                    request, words = _request(requests)
                    is_marked = len(words) > 1 and MARK in words[1]
                    answer = self._answer(words) if is_marked else Answer()
                    if answer.honest:
                        far.sendall(request)
                    # At once: what is too much must not become the answer to what is asked next.
                    near.sendall((_reply(replies) if answer.honest else b"") + answer.more)
                    while answer.silent:
                        if not requests.read1(1 << 16):
                            return
        except (OSError, EOFError, ValueError):
            pass
        finally:
            for end in (near, far):
                _close(end)

    def _answer(self, words):
        with self._lock:
            self.times += 1
        return self._deed(words)


class Answer:
    """`honest`: as the node says, and then `more`. `silent`: nothing on that connection any more."""

    def __init__(self, honest=True, more=b"", silent=False):
        self.honest, self.more, self.silent = honest, more, silent


def _line(stream):
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    return line


def _bulk(stream):
    header = _line(stream)
    length = int(header[1:])
    if length < 0:
        return header
    body = stream.read(length + 2)
    if len(body) != length + 2:
        raise EOFError
    return header + body


def _request(stream):
    """Its bytes, and its words."""
    header = _line(stream)
    parts = [_bulk(stream) for _ in range(int(header[1:]))]
    return header + b"".join(parts), [part.split(b"\r\n", 1)[1][:-2] for part in parts]


def _reply(stream):
    """The bytes of the next one, whatever it is made of."""
    header = _line(stream)
    kind = header[:1]
    if kind in b"$=!" and header[1:2] != b"-":
        body = stream.read(int(header[1:]) + 2)
        return header + body
    if kind in b"*~>%|" and header[1:2] != b"-":
        count = int(header[1:]) * (2 if kind in b"%|" else 1)
        elements = b"".join(_reply(stream) for _ in range(count))
        return header + elements + (_reply(stream) if kind == b"|" else b"")
    return header


def _close(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
