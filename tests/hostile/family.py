"""What every family of hostile behaviour has: how it is done, what it asks of the daemon, and what it found wrong."""

import collections

from cluster import LOOPBACK, PASSWORD

from .daemon import Daemon

# Of a flood with an end; it is over when nothing has come back for a while.
LONGEST_SECONDS = 20


class Family:
    """The suite calls prepare(), start(), then for each window begin(), act() until its time is over (with `once`: one time),
    and leave(), all from a thread of its own. An OSError in there means that the daemon has turned somebody hostile away,
    which is right, unless the family `must_be_served`."""

    name = ""
    about = ""               # what it does, in a line
    options = ()             # of the daemon
    memory_limit_mb = 100    # small, so that it shows
    place = LOOPBACK
    password = PASSWORD      # the bystander's; None: it needs none
    least_seconds = 0        # how long it has to be at it
    once = False
    must_be_served = False
    ends_daemon = False
    p99_is_judged = True
    short = True             # also in the quick run
    long_only = False        # only where it is measured
    spared = ()              # masters by number whose keys the bystander leaves alone
    # Errors of the bystander that are right: a regular expression; `tolerated_once`: one on each of its connections
    # each time that it is at it.
    tolerated = None
    tolerated_once = False

    def __init__(self, stage):
        self.stage = stage
        self.notes = {}
        self._problems = collections.Counter()

    def prepare(self):
        """Stores what it needs, before the daemon is there."""

    def start(self):
        self.stage.start_daemon(self.options, self.memory_limit_mb, self.place)

    def begin(self):
        pass

    def act(self):
        raise NotImplementedError

    def leave(self):
        pass

    def finish(self):
        """When the daemon has ended, or should have: gives back what is not the daemon's."""

    def turned_away(self, error):
        if self.must_be_served:
            self.problem(f"was turned away: {error!r}")
        else:
            self.notes["turned away"] = self.notes.get("turned away", 0) + 1

    def problem(self, text):
        self._problems[text[:300]] += 1

    def demand(self, condition, text):
        if not condition:
            self.problem(text)

    def problems(self):
        return [text if count == 1 else f"{text} ({count} times)" for text, count in self._problems.items()]

    def bystander_keys(self, name="bystander"):
        """In two slots of each master; the tag keeps what is made of them there."""
        return ["{%s}" % self.stage.key(master, f"{name}{number}") for number in range(2)
                for master in range(len(self.stage.masters)) if master not in self.spared]

    @property
    def daemon(self) -> Daemon:
        return self.stage.daemon


class Flooding(Family):
    """One that consists of a flood (flood.Flood), made by make_flood()."""

    def __init__(self, stage):
        super().__init__(stage)
        self.flood = None

    def make_flood(self):
        raise NotImplementedError

    def begin(self):
        self.flood = self.make_flood()

    def act(self):
        self.flood.run(LONGEST_SECONDS if self.once else self.stage.seconds)

    def leave(self):
        if self.flood is not None:
            self.notes["closed"] = self.notes.get("closed", 0) + self.flood.closed
            self.flood.close()
            self.flood = None
