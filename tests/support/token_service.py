"""A managed service in front of one real server: tokens in place of passwords, which expire, and connections that are cut.

Everything but AUTH is the server's own work. An AUTH with a token that is good becomes one with the server's password,
any other one with a wrong password, so that replies keep their order by themselves. All times are those of the rules,
so that hours become seconds.
"""

import collections
import selectors
import socket
import threading
import time

import processes
import resp
import tokens
from cluster import HOST, PASSWORD, start_server
from slots import SLOT_COUNT
from waiting import wait_until

# token_seconds: for how long a token may be presented, and must be, at each AUTH.
# cut_after_auth: a connection ends so long after its latest AUTH (None: never).
# cut_before_expiry: a connection ends so long before the token of its latest AUTH expires (None: never).
# auth_in_multi: whether AUTH is taken between MULTI and EXEC.
Rules = collections.namedtuple("Rules", "token_seconds cut_after_auth cut_before_expiry auth_in_multi")


def aws_iam(second):
    """ElastiCache and MemoryDB: 15 minutes, and 12 hours after the latest AUTH. `second`: how long one is here."""
    return Rules(900 * second, 12 * 3600 * second, None, False)


def memorystore(second):
    """An hour; a connection that has logged in goes on."""
    return Rules(3600 * second, None, None, True)


def entra(second):
    """An hour or so; who has not said AUTH with another token three minutes before that is cut."""
    return Rules(3600 * second, None, 180 * second, True)


class _Connection:
    def __init__(self, near, far):
        self.near, self.far = near, far
        self.buffer = bytearray()
        self.in_multi = False
        self.ends_at = None


class TokenService:
    """One master with all slots. Owns its server and one thread."""

    def __init__(self, rules, user="default"):
        self.rules = rules
        self.user = user
        self.accepted = self.refused = self.cuts = self.inside_multi = self.connections = 0
        self._selector = selectors.DefaultSelector()
        self._ended = False
        self._open = {}
        self._listener = socket.create_server((HOST, processes.free_port(with_bus=True)))
        self.port = self._listener.getsockname()[1]
        self.child, server = start_server(f"service-{self.port}", [
            "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
            "--cluster-announce-port", self.port], with_bus=True)
        self._target = (HOST, server)
        self.direct = resp.Connection(HOST, server, PASSWORD)
        self.direct.command("CLUSTER", "ADDSLOTSRANGE", 0, SLOT_COUNT - 1)
        wait_until(lambda: b"cluster_state:ok" in self.direct.command("CLUSTER", "INFO"), 30, "the server to serve")
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def stop(self):
        self._ended = True
        self._thread.join(timeout=10)
        self.direct.close()
        for connection in set(self._open.values()):
            self._close(connection)
        self._listener.close()
        self.child.kill()

    def _run(self):
        while not self._ended:
            for key, _ in self._selector.select(timeout=0.02):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj in self._open:
                    self._pass_on(key.fileobj)
            now = time.time()
            for connection in {each for each in self._open.values() if each.ends_at and each.ends_at <= now}:
                self.cuts += 1
                self._close(connection)

    def _accept(self):
        near, _ = self._listener.accept()
        far = socket.create_connection(self._target, timeout=10)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(near, far)
        self.connections += 1
        for each in (near, far):
            self._open[each] = connection
            self._selector.register(each, selectors.EVENT_READ)

    def _close(self, connection):
        for each in (connection.near, connection.far):
            if self._open.pop(each, None):
                self._selector.unregister(each)
            each.close()

    def _pass_on(self, one):
        connection = self._open[one]
        try:
            data = one.recv(1 << 16)
            if data and one is connection.far:
                connection.near.sendall(data)
            elif data:
                connection.buffer += data
                connection.far.sendall(self._translate(connection))
        except OSError:
            data = b""
        if not data:
            self._close(connection)

    def _translate(self, connection):
        out = bytearray()
        while True:
            words, length = _request(connection.buffer)
            if words is None:
                return out
            name = words[0].upper()
            connection.in_multi = name == b"MULTI" or (connection.in_multi and name not in (b"EXEC", b"DISCARD"))
            if name == b"AUTH":
                out += self._judge(connection, words)
            else:
                out += connection.buffer[:length]
            del connection.buffer[:length]

    def _judge(self, connection, words):
        user = words[1].decode() if len(words) == 3 else "default"
        issued = tokens.issued_at(words[-1].decode())
        now = time.time()
        self.inside_multi += connection.in_multi
        good = issued is not None and user == self.user and now < issued + self.rules.token_seconds
        if connection.in_multi and not self.rules.auth_in_multi:
            good = False
        if not good:
            self.refused += 1
            return resp.pack("AUTH", "default", "wrong")
        self.accepted += 1
        if self.rules.cut_after_auth is not None:
            connection.ends_at = now + self.rules.cut_after_auth
        if self.rules.cut_before_expiry is not None:
            connection.ends_at = issued + self.rules.token_seconds - self.rules.cut_before_expiry
        return resp.pack("AUTH", "default", PASSWORD)


def _request(buffer):
    """The first request as (words, its length), or (None, 0) if it is not whole."""
    end = buffer.find(b"\r\n")
    if end < 0:
        return None, 0
    position = end + 2
    words = []
    for _ in range(int(buffer[1:end])):
        end = buffer.find(b"\r\n", position)
        if end < 0:
            return None, 0
        size = int(buffer[position + 1:end])
        position = end + 2 + size + 2
        if position > len(buffer):
            return None, 0
        words.append(bytes(buffer[end + 2:end + 2 + size]))
    return words, position
