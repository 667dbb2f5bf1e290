"""A listener with TLS: handshakes that never end, connections by the thousand, and who speaks something else there."""

import contextlib
import itertools
import socket
import ssl
import struct
import time

import processes
import resp
from certificates import Authority
from cluster import PASSWORD

from ..family import Family

_RESET = struct.pack("ii", 1, 0)
HANDSHAKE_SECONDS = 2
CLOSED_SECONDS = 8
MOST_LINES_A_SECOND = 3


class _Encrypted(Family):
    """Strangers at the port with TLS; the bystander has a port of its own, without."""

    once = True

    def start(self):
        self.authority = Authority("hostile")
        self.tls_port = processes.free_port()
        pair = self.authority.proxy
        self.options = ("--listen", f"127.0.0.1:{self.tls_port}?tls=yes", "--tls-cert-file", str(pair.certificate), "--tls-key-file",
                        str(pair.key), "--tls-auth-clients", "no", "--client-login-timeout", f"{HANDSHAKE_SECONDS}s", *self.more_options)
        super().start()
        self.lines_before = len(self.daemon.child.output().splitlines())
        self.begun = time.monotonic()
        self.connections = []

    more_options = ()

    def connect(self):
        connection = socket.create_connection((self.daemon.host, self.tls_port), 10)
        self.connections.append(connection)
        return connection

    def hello(self):
        """The first bytes that a TLS client says."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.authority.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        return outgoing.read()

    def all_are_closed(self, what):
        end = time.monotonic() + HANDSHAKE_SECONDS + CLOSED_SECONDS
        left = list(self.connections)
        for connection in left:
            connection.settimeout(0.01)
        while left and time.monotonic() < end and not self.stage.stopping.is_set():
            left = [each for each in left if not self._is_closed(each)]
        self.demand(not left, f"{len(left)} {what} are not closed")

    @staticmethod
    def _is_closed(connection):
        try:
            return connection.recv(65536) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def a_client_is_served(self):
        with resp.Connection(self.daemon.host, self.tls_port, PASSWORD, tls=self.authority.context()) as client:
            self.demand(client.command("PING") == b"PONG", "a client with TLS is not served")

    def leave(self):
        for connection in self.connections:
            connection.close()
        self.connections.clear()
        lines = len(self.daemon.child.output().splitlines()) - self.lines_before
        self.notes["log lines"] = lines
        self.demand(lines <= MOST_LINES_A_SECOND * (time.monotonic() - self.begun) + 10, f"{lines} lines of log")


class SlowHandshakes(_Encrypted):
    name = "tls-slowloris"
    about = "300 strangers send their hello byte by byte, stop in the middle of it, or say nothing at all"

    def act(self):
        hello = self.hello()
        slow = [self.connect() for _ in range(self.stage.scaled(300, 30))]
        for number, connection in enumerate(slow):
            with contextlib.suppress(OSError):
                connection.sendall(hello[:number % len(hello)])
        end = time.monotonic() + HANDSHAKE_SECONDS + 1
        for at in itertools.count():
            if time.monotonic() > end or self.stage.stopping.is_set():
                break
            for number, connection in enumerate(slow[::3]):
                position = 3 * number % len(hello) + at
                with contextlib.suppress(OSError):
                    connection.sendall(hello[position:position + 1])
            time.sleep(0.1)
        self.a_client_is_served()
        self.all_are_closed("slow handshakes")


class SlowLogins(_Encrypted):
    name = "tls-slow-login"
    about = "100 strangers finish the handshake and send a login byte by byte"

    def act(self):
        login = resp.pack("AUTH", "x" * 50)
        context = self.authority.context()
        strangers = []
        for _ in range(self.stage.scaled(100, 10)):
            with contextlib.suppress(OSError):
                strangers.append(context.wrap_socket(self.connect(), server_hostname="localhost"))
        self.connections = strangers
        end = time.monotonic() + HANDSHAKE_SECONDS + 1
        for byte in login:
            if time.monotonic() > end:
                break
            for stranger in strangers:
                with contextlib.suppress(OSError):
                    stranger.sendall(bytes([byte]))
            time.sleep(0.1)
        self.all_are_closed("slow logins")


class EncryptedConnects(_Encrypted):
    name = "tls-connects"
    about = "10,000 connections to the port with TLS that end at once: with nothing, a hello, or a whole handshake"

    def act(self):
        hello, context = self.hello(), self.authority.context()
        for number in range(self.stage.scaled(10_000)):
            if self.stage.stopping.is_set():
                return
            connection = socket.create_connection((self.daemon.host, self.tls_port), 10)
            if number % 4 == 1:
                connection.sendall(hello)
            if number % 20 == 2:
                with contextlib.suppress(OSError):
                    connection = context.wrap_socket(connection, server_hostname="localhost")
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.close()
        self.a_client_is_served()


class OtherTongues(_Encrypted):
    name = "tls-other-tongues"
    about = "plain requests and HTTP at the port with TLS, TLS and HTTP at the plain one, and bytes of no sense at both"
    KEY = "hostile:tongue"

    def act(self):
        hello = self.hello()
        plain = resp.pack("AUTH", PASSWORD) + resp.pack("SET", self.KEY, "x")
        http = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + plain
        alert = bytes.fromhex("15030100020228")
        for _ in range(self.stage.scaled(50, 5)):
            for said in (plain, http, b"GET / HTTP/1.0\r\n\r\n", b"\0" * 2000, hello[:5] + b"\xff" * 500, alert, b"\x16\x03\x01\xff\xff" + b"x" * 3000,
                         b"\x80\x2e\x01\x03\x01", hello + plain):
                with contextlib.suppress(OSError):
                    self.connect().sendall(said)
        self.all_are_closed("who speaks no TLS")
        self.a_client_is_served()
        self.connections.clear()
        for _ in range(self.stage.scaled(50, 5)):
            for said in (hello, http, alert + b"\r\n" * 3, b"\x16\x03\x01" * 1000):
                connection = socket.create_connection((self.daemon.host, self.daemon.port), 10)
                self.connections.append(connection)
                with contextlib.suppress(OSError):
                    connection.sendall(said)
        self.all_are_closed("who speaks TLS or HTTP at the plain port")
        node = self.stage.master_of(self.KEY)
        self.demand(node.command("EXISTS", self.KEY) == 0, "a command was carried out")


class HalfOpen(_Encrypted):
    name = "tls-half-open"
    about = "clients with TLS ask for much and read nothing (a window of zero), or close their side and stay"
    must_be_served = False
    LARGE = "hostile:large"

    def prepare(self):
        self.stage.store([("SET", self.LARGE, "x" * 1_000_000)])

    def act(self):
        context = self.authority.context()
        for number in range(self.stage.scaled(40, 6)):
            if self.stage.stopping.is_set():
                return
            raw = self.connect()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with contextlib.suppress(OSError):
                client = context.wrap_socket(raw, server_hostname="localhost")
                self.connections[-1] = client
                client.sendall(resp.pack("AUTH", PASSWORD) + resp.pack("GET", self.LARGE) * 20)
                if number % 2:
                    client.shutdown(socket.SHUT_WR)
        self.stage.stopping.wait(self.stage.seconds)
        self.a_client_is_served()


FAMILIES = (SlowHandshakes, SlowLogins, EncryptedConnects, OtherTongues, HalfOpen)
