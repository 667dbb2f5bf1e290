"""What was asked, what was answered and when: the record that the checks work on. No I/O.

All times are seconds of time.monotonic(), which the processes of one machine share.
"""

import dataclasses

from slots import slot_of

OK = "ok"
ERROR = "error"          # a definite refusal: it was not carried out
AMBIGUOUS = "ambiguous"  # the proxy said that it does not know
LOST = "lost"            # no reply: the connection ended, or the time was up


@dataclasses.dataclass(slots=True)
class Op:
    """One operation of one client; `number` counts the client's operations in the order sent."""

    client: int
    number: int
    kind: str       # INCR, APPEND, SET, GET, MSET, MGET, DEL, PUSH, POP, PAIR, WATCHED, WAIT, ECHO
    keys: tuple
    value: object = None  # APPEND, PUSH, ECHO: the text; SET, MSET, DEL: the version; WATCHED: the number to be set
    sent: float = 0.0
    done: float = 0.0     # 0: never
    outcome: str = LOST
    reply: object = None
    waited: bool = False  # a WAIT after it has confirmed a replica

    @property
    def maybe(self):
        """It may have been carried out, or not. A command over several slots may have been carried out in part."""
        return self.outcome in (AMBIGUOUS, LOST) or (self.outcome == ERROR and len(self.keys) > 1 and self.kind != "PAIR")


@dataclasses.dataclass(frozen=True)
class LossWindow:
    """Redis itself may lose what is acknowledged meanwhile in these slots: it replicates asynchronously."""

    slots: frozenset
    begin: float
    end: float
    # Acknowledgements may reach the client later: they wait behind replies of other nodes, which cannot be reached.
    delayed: bool = False


class Windows:
    """The loss windows of a history, asked by operation."""

    def __init__(self, windows=()):
        self._windows = sorted(windows, key=lambda window: window.begin)

    def of_key(self, key):
        return self.of_slot(slot_of(key))

    def of_slot(self, slot):
        return KeyWindows([window for window in self._windows if slot in window.slots])


class KeyWindows:
    def __init__(self, windows):
        self._windows = windows

    def safe(self, op):
        """Acknowledged, and not by a master that may have lost it."""
        return op.outcome == OK and (op.waited or not any(_lossy(each, op) for each in self._windows))

    def era(self, op):
        """Two operations of one era saw the same line of events; None: it happened in a window, where lines part."""
        if self._touches(op):
            return None
        return sum(1 for window in self._windows if window.end <= op.sent)

    def _touches(self, op):
        return any(op.sent <= window.end and (not op.done or op.done >= window.begin) for window in self._windows)


def _lossy(window, op):
    return window.begin <= op.done and (op.sent if window.delayed else op.done) <= window.end


@dataclasses.dataclass(frozen=True)
class Violation:
    kind: str  # reordered, duplicated, lost, stale, misrouted, torn
    key: str
    text: str


@dataclasses.dataclass
class Verdict:
    violations: list = dataclasses.field(default_factory=list)
    redis_lost: int = 0  # acknowledged in a loss window, and gone

    def flag(self, kind, key, text):
        self.violations.append(Violation(kind, key, text))
