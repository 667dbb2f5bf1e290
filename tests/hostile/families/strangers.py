"""Who has not logged in, or is no client at all."""

import time

import resp
from cluster import PASSWORD

from ..family import Family, Flooding
from ..flood import Flood, repeated
from ..stage import knows_option

CLOSED_SECONDS = 5


class UnreadHellos(Flooding):
    name = "strangers-hello"
    about = "40 strangers pipeline HELLO 3 and never read, with memory-limit 20mb"
    memory_limit_mb = 20

    def make_flood(self):
        hellos = b"HELLO 3\r\n" * 2000
        return Flood(self.stage, self.stage.scaled(40, 8), lambda: repeated(b"", hellos), again=True)


class HalfRequests(Family):
    name = "strangers-half"
    about = "200 strangers send half a request, of 1 MB or of a few bytes, and stay"
    once = True
    login_timeout_seconds = 2

    def start(self):
        self.demand(knows_option("client-login-timeout"), "there is no client-login-timeout")
        if knows_option("client-login-timeout"):
            self.options = ("--client-login-timeout", f"{self.login_timeout_seconds}s")
        super().start()

    def begin(self):
        count = self.stage.scaled(100, 10)
        large = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000000\r\n" + b"x" * 1_000_000
        self.large = Flood(self.stage, count, lambda: [large])
        self.small = Flood(self.stage, count, lambda: [b"*2\r\n$4\r\nAUTH\r\n$10\r\nabc"])

    def act(self):
        self.large.run(2)
        self.small.run(0.2)
        end = time.monotonic() + self.login_timeout_seconds + CLOSED_SECONDS
        while (self.large.open or self.small.open) and time.monotonic() < end and not self.stage.stopping.is_set():
            self.large.look()
            self.small.look()
            time.sleep(0.05)
        for flood, what in ((self.large, "1 MB before the login"), (self.small, "half a request")):
            self.demand(flood.open == 0, f"strangers with {what} are not closed when client-login-timeout is over")

    def leave(self):
        self.large.close()
        self.small.close()


class Pauses(Family):
    name = "pause"
    about = "strangers and ordinary clients send PROXY PAUSE and leave"

    def act(self):
        for password in (None, PASSWORD):
            with self.stage.connect(password, timeout=3) as connection:
                connection.send(resp.pack("PROXY", "PAUSE", "1000"))
                reply = connection.read()
                self.demand(isinstance(reply, resp.ReplyError), f"PROXY PAUSE was answered {reply!r}")
        self.stage.stopping.wait(0.1)


class LeftPauses(Family):
    name = "pause-left"
    about = "an administrator sends PROXY PAUSE and loses its connection"
    options = ("--allow-admin-commands", "yes")
    p99_is_judged = False
    once = True

    def act(self):
        connection = self.stage.connect()
        connection.send(resp.pack("PROXY", "PAUSE", "1000"))
        time.sleep(0.3)
        connection.reset()


class WebPages(Family):
    name = "web-page"
    about = "what a web page can make a browser send to a listener without a password"
    options = ("--client-auth", "none")
    password = None
    once = True
    KEY = "hostile:web"
    CALLS = (b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n", b"Host: 127.0.0.1\r\nAccept: */*\r\n\r\n",
             b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n")

    def act(self):
        for call in self.CALLS:
            with self.stage.connect(None, timeout=2) as connection:
                connection.send(call + resp.pack("SET", self.KEY, "x") + b"SET %s x\r\n" % self.KEY.encode())
                try:
                    connection.read_to_end()
                except TimeoutError:
                    self.problem(f"{call.split()[0].decode()} does not close the connection")
            node = self.stage.master_of(self.KEY)
            self.demand(node.command("EXISTS", self.KEY) == 0, f"{call.split()[0].decode()} has run a command")
            node.command("DEL", self.KEY)


FAMILIES = (UnreadHellos, HalfRequests, Pauses, LeftPauses, WebPages)
