"""Users of the proxy's own: who tries passwords, who is not allowed and tries all the same, who changes rules all the time."""

import itertools

import resp
from cluster import PASSWORD

from ..family import Family, Flooding
from ..flood import Flood, repeated

USERS = ("--users", "user limited on >limited ~limited:* -@all +get +set +ping", "--users", f"user admin on >{PASSWORD} ~* &* +@all")
# Of lines about what strangers do: they come in bursts, and a burst is one line.
MOST_LINES_A_SECOND = 3
ACL_LOG_LENGTH = 50


class _WithUsers(Flooding):
    options = USERS + ("--acllog-max-len", str(ACL_LOG_LENGTH))

    def start(self):
        super().start()
        self.lines_before = len(self.daemon.child.output().splitlines())

    def leave(self):
        super().leave()
        lines = len(self.daemon.child.output().splitlines()) - self.lines_before
        self.notes["log lines"] = lines
        # While it was at it, and a little more.
        self.demand(lines <= MOST_LINES_A_SECOND * (self.stage.seconds + 20), f"{lines} lines of log")
        with self.stage.connect() as client:
            kept = len(client.command("ACL", "LOG", "100000"))
            self.notes["ACL LOG"] = kept
            self.demand(kept <= ACL_LOG_LENGTH, f"ACL LOG has {kept} entries")


class WrongPasswords(_WithUsers):
    name = "wrong-passwords"
    about = "20 strangers try passwords of a user as fast as they are let, and each under other names"
    # They come from the bystander's address, whose own logins would wait: it has logged in before.

    def make_flood(self):
        numbers = itertools.count()

        def attempts():
            while True:
                number = next(numbers)
                yield resp.pack("AUTH", "limited", f"guess{number}") + resp.pack("HELLO", "3", "AUTH", f"user{number}", "x")

        return Flood(self.stage, self.stage.scaled(20, 5), attempts, reading=True, again=True)

    def leave(self):
        # The next login from this address waits for its turn.
        super().leave()
        refused = self.daemon.metric("slotless_logins_refused_total")
        self.notes["logins refused"] = refused
        self.demand(refused > 0, "no login was refused")
        self.demand(refused <= 40 * (self.stage.seconds + 20) + 100, f"{refused} attempts were answered")


class Forbidden(_WithUsers):
    name = "forbidden"
    about = "10 clients of a restricted user pipeline what it may not do, other keys and other commands"

    def make_flood(self):
        numbers = itertools.count()

        def requests():
            while True:
                number = next(numbers)
                yield b"".join(resp.pack("GET", f"secret:{number}:{each}") + resp.pack("DEL", f"limited:{each}") for each in range(50))

        login = resp.pack("AUTH", "limited", "limited")
        return Flood(self.stage, self.stage.scaled(10, 4), lambda: itertools.chain([login], requests()), reading=True, again=True)

    def leave(self):
        super().leave()
        forbidden = self.daemon.metric("slotless_forbidden_commands_total")
        self.notes["forbidden"] = forbidden
        self.demand(forbidden > 0, "nothing was refused")


class UnreadRefusals(_WithUsers):
    name = "forbidden-unread"
    about = "30 clients of a restricted user pipeline what it may not do and never read, with memory-limit 20mb"
    memory_limit_mb = 20

    def make_flood(self):
        login = resp.pack("AUTH", "limited", "limited")
        refused = resp.pack("GET", "secret") * 2000
        return Flood(self.stage, self.stage.scaled(30, 8), lambda: repeated(login, refused), again=True)


class ChangingRules(Family):
    name = "acl-storm"
    about = "an administrator changes a user's rules all the time, while 200 clients of it are there, and makes and removes others"
    options = USERS
    must_be_served = True
    # Each change is compiled anew on each worker.
    p99_is_judged = False

    def begin(self):
        self.clients = []
        for _ in range(self.stage.scaled(200, 20)):
            client = self.stage.connect(None)
            client.command("AUTH", "limited", "limited")
            self.clients.append(client)

    def act(self):
        with self.stage.connect() as administrator:
            for number in range(self.stage.scaled(1000, 50)):
                if self.stage.stopping.is_set():
                    break
                administrator.command("ACL", "SETUSER", "limited", "resetkeys", f"~limited:{number}", "~limited:*", "+@read", "-@read", "+get")
                administrator.command("ACL", "SETUSER", f"guest{number}", "on", ">x", "~*", "+@all", f"(~k{number} +get)")
                if number % 10 == 9:
                    administrator.command("ACL", "DELUSER", *(f"guest{each}" for each in range(number - 9, number + 1)))
        for client in self.clients:
            got = client.command("GET", "limited:x")
            self.demand(got is None, f"GET was answered {got!r}")

    def leave(self):
        for client in self.clients:
            client.close()


FAMILIES = (WrongPasswords, Forbidden, UnreadRefusals, ChangingRules)
