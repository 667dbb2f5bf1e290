"""Nodes that answer what no node should: redirects that lead in a circle, a reply too many, half a reply, none, garbage."""

import resp
from cluster import HOST
from slots import slot_of

from ..family import Family
from ..rogue_node import MARK, Answer, RogueNode

# A burst of trouble with one node is a line; a few for each time that its connections are made anew.
MOST_LINES_A_SECOND = 10


class _Rogue(Family):
    """`count` masters are rogues; the bystander leaves their keys alone. Others that ask them for other keys are served."""

    count = 1
    options = ("--hold-timeout", "2s", "--reply-timeout", "1s")
    must_be_served = True
    # Links to the rogues are made anew all the time.
    p99_is_judged = False

    def start(self):
        honest = self.stage.masters[self.count:]
        self.rogues = [RogueNode(node, self.deed) for node in self.stage.masters[:self.count]]
        maps = [word for node, rogue in zip(self.stage.masters, self.rogues)
                for word in ("--address-map", f"{node.address}={HOST}:{rogue.port}")]
        self.key = self.stage.key(0, MARK.decode())
        self.stage.start_daemon((*type(self).options, *maps), self.memory_limit_mb, nodes=[node.address for node in honest])
        self.lines_before = len(self.daemon.child.output().splitlines())

    def deed(self, words):
        raise NotImplementedError

    def judge(self, reply):
        """What the client has got that has asked for it; None: its connection was closed."""
        raise NotImplementedError

    def act(self):
        with self.stage.connect() as asking, self.stage.connect() as other:
            asking.send(resp.pack("GET", self.key))
            if not self.misleads:
                self._ask_honestly(other)
            try:
                self.judge(asking.read())
            except (resp.ConnectionEnded, ConnectionResetError):
                self.judge(None)
            self._ask_honestly(other)

    # Its answer could be taken for that to another request, by anybody.
    misleads = False

    def _ask_honestly(self, client):
        """On the same connections to the node, perhaps: they are made anew, and a read is repeated."""
        client.send(resp.pack("GET", self.stage.key(0, "honest")))
        got = client.read()
        self.demand(got is None, f"a GET of another key was answered {got!r}")

    def leave(self):
        asked = sum(rogue.times for rogue in self.rogues)
        self.notes["asked"] = asked
        self.demand(asked > 0, "the daemon does not go through the rogue")
        lines = len(self.daemon.child.output().splitlines()) - self.lines_before
        self.notes["log lines"] = lines
        self.demand(lines <= MOST_LINES_A_SECOND * (self.stage.seconds + 20), f"{lines} lines of log")

    def finish(self):
        for rogue in self.rogues:
            rogue.close()


class _Circle(_Rogue):
    """Two masters that each say that the other one has it."""

    count = 2
    spared = (0, 1)
    word = ""
    # Of one request, in hold-timeout: each step waits for a while.
    MOST_STEPS = 2000

    def start(self):
        self._turn = 0
        super().start()

    def deed(self, words):
        # The first is asked first, and then each in turn.
        self._turn += 1
        other = self.stage.masters[self._turn % 2]
        return Answer(honest=False, more=f"-{self.word} {slot_of(self.key)} {other.address}\r\n".encode())

    def judge(self, reply):
        self._turn = 0
        self.demand(isinstance(reply, resp.ReplyError), f"who was sent in a circle got {reply!r}")
        self.notes["answer"] = str(reply)[:60]
        self.asked_for = getattr(self, "asked_for", 0) + 1

    def leave(self):
        super().leave()
        steps = self.notes["asked"] / max(1, self.asked_for)
        self.demand(steps <= self.MOST_STEPS, f"{steps:.0f} steps of one request")


class AskCircle(_Circle):
    name = "ask-circle"
    about = "two masters that answer a key with ASK to one another"
    word = "ASK"


class MovedCircle(_Circle):
    name = "moved-circle"
    about = "two masters that answer a key with MOVED to one another"
    word = "MOVED"


class ReplyTooMany(_Rogue):
    name = "reply-too-many"
    about = "a master that answers a key, and then once more"
    spared = (0,)
    misleads = True

    def deed(self, words):
        return Answer(more=b"$4\r\nmore\r\n")

    def judge(self, reply):
        self.demand(reply is None or isinstance(reply, resp.ReplyError), f"what nobody has stored was read: {reply!r}")


class HalfReply(_Rogue):
    name = "half-reply"
    about = "a master that stops in the middle of a reply, with its connection open"
    spared = (0,)

    def deed(self, words):
        return Answer(honest=False, more=b"$100\r\nhalf", silent=True)

    def judge(self, reply):
        # What has gone out cannot be taken back.
        self.demand(reply is None or isinstance(reply, resp.ReplyError), f"half a reply was read as {reply!r}")


class NoReply(_Rogue):
    name = "no-reply"
    about = "a master that never answers a key, with its connection open"
    spared = (0,)

    def deed(self, words):
        return Answer(honest=False, silent=True)

    def judge(self, reply):
        self.demand(reply is None or isinstance(reply, resp.ReplyError), f"what was never answered was read as {reply!r}")


class Garbage(_Rogue):
    name = "garbage"
    about = "a master that answers a key with what is no reply"
    spared = (0,)

    def deed(self, words):
        return Answer(honest=False, more=b"\x00\xff<html>\r\n" * 10)

    def judge(self, reply):
        self.demand(reply is None or isinstance(reply, resp.ReplyError), f"garbage was read as {reply!r}")


FAMILIES = (AskCircle, MovedCircle, ReplyTooMany, HalfReply, NoReply, Garbage)
