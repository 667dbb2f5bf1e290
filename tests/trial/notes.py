"""What has been done to servers and proxies, and when: the judgement of the clients' record asks it."""

import dataclasses
import time

from faults.history import LossWindow
from slots import SLOT_COUNT

LOSS_SECONDS = 1.0


@dataclasses.dataclass
class Notes:
    began: float = dataclasses.field(default_factory=time.monotonic)
    windows: list = dataclasses.field(default_factory=list)   # in which Redis may lose what it acknowledges
    ends: list = dataclasses.field(default_factory=list)      # moments at which connections to servers broke
    upgrades: list = dataclasses.field(default_factory=list)  # (begin, end)

    def clock(self, moment):
        return f"{moment - self.began:.1f} s"

    def may_lose(self, moment):
        """In all slots: the keys' places in the cluster are not those of their plain names."""
        self.windows.append(LossWindow(frozenset(range(SLOT_COUNT)), moment - LOSS_SECONDS, moment + LOSS_SECONDS))

    def is_upgrading(self, moment):
        return any(begin <= moment <= end for begin, end in self.upgrades)

    def has_ended_meanwhile(self, op, lag):
        """Sent before a server ended, and answered after it."""
        return any(op.sent <= moment + lag and op.done >= moment for moment in self.ends)
