"""Each command, each way to a key, and what a user sees without the right to it: the same as of one Redis."""

import collections
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD, Cluster
from generated_commands import Catalogue, Maker
from proxy import Proxy, connect

# All may be done with ok:*, r:* may be read, w:* may be written, and nothing may be done with no:*.
RULES = "on nopass ~ok:* %R~r:* %W~w:* &* +@all"
KEYS = ("ok:1", "ok:2", "r:1", "w:1", "no:1", "no:2")
FORMS = 14
# One Redis has them for its own purposes; Slotless refuses them whoever asks.
OTHERWISE = {"restore-asking"}


def setUpModule():
    global cluster, proxy, oracle, oracle_port, catalogue
    cluster = Cluster()
    users = ["user root on nopass ~* &* +@all", f"user limited {RULES}", f"user pinned {RULES} database=1",
             f"user scripting {RULES} scripts=unchecked"]
    proxy = Proxy(cluster.addresses(), ["--databases", "2", "--allow-admin-commands", "yes",
                                        *(argument for line in users for argument in ("--users", line))])
    oracle, oracle_port = fixture.start_oracle()
    with resp.Connection(HOST, oracle_port, PASSWORD) as connection:
        catalogue = Catalogue(connection)
        connection.command("ACL", "SETUSER", "limited", *RULES.split())


def tearDownModule():
    try:
        proxy.stop()
    finally:
        oracle.kill()
        cluster.stop()


def log_in(connection, user, protocol):
    if protocol == 3:
        connection.command("HELLO", "3", "AUTH", user, "")
    else:
        connection.command("AUTH", user, "")
    return connection


def has_key(argument):
    return argument["type"] == "key" or any(has_key(each) for each in argument["arguments"])


def calls(seed):
    """Of each command with keys, calls that name all kinds of keys at all its places."""
    chance = random.Random(seed)
    maker = Maker(chance, lambda: chance.choice(KEYS))
    for name, arguments in sorted(catalogue.arguments.items()):
        if name in OTHERWISE or not any(has_key(each) for each in arguments):
            continue
        seen = set()
        for _ in range(FORMS):
            words = maker.call(name, arguments)
            if name == "migrate" and "KEYS" in words:
                continue  # two ways to keys at once; see below
            words = tuple(words)
            if is_script(name) and len(words) < 4:
                continue  # says that it has a key, and has none
            if words not in seen:
                seen.add(words)
                yield name, words
    for keys in (("ok:1",), ("ok:1", "no:1"), ("r:1", "ok:2"), ("no:1",), ("w:1", "ok:1")):
        yield "migrate", ("migrate", "127.0.0.1", "1", "", "0", "1", "AUTH", "item", "KEYS", *keys)


def is_script(name):
    return name.startswith(("eval", "fcall"))


PATTERNS_REFUSED = (b"-ERR BY option", b"-ERR GET option")  # of SORT


def refused(reply):
    return reply.startswith((b"-NOPERM", *PATTERNS_REFUSED))


class Table(unittest.TestCase):
    def setUp(self):
        self.counts = collections.Counter()

    def both(self, user, protocol):
        ours = log_in(connect(proxy, None), user, protocol)
        theirs = log_in(resp.Connection(HOST, oracle_port, PASSWORD), "limited", protocol)
        for each in (ours, theirs):
            self.addCleanup(each.close)
        return ours, theirs

    def compare(self, name, words, ours, theirs):
        """What is refused is refused in the same words; what is not is not. Of a call that is malformed Slotless does not let
        a node judge which keys it names: where Redis finds an error, it may say that the user has no right."""
        self.counts[refused(theirs)] += 1
        if theirs.startswith(b"-ERR") and not refused(theirs) and ours.startswith(b"-NOPERM"):
            return
        if refused(theirs) or refused(ours):
            self.assertEqual(ours, theirs, words)

    def go_through(self, user, protocol, scripts=False):
        ours, theirs = self.both(user, protocol)
        for name, words in calls(f"{user} {protocol}"):
            if is_script(name) == scripts:
                self.compare(name, words, ours.raw(*words), theirs.raw(*words))
        return self.counts

    def check_counts(self, refused_at_least, allowed_at_least):
        self.assertGreater(self.counts[True], refused_at_least)
        self.assertGreater(self.counts[False], allowed_at_least)

    def test_database_0(self):
        self.go_through("limited", 2)
        self.check_counts(700, 150)

    def test_pinned(self):
        self.go_through("pinned", 2)
        self.check_counts(700, 150)

    def test_database_0_resp3(self):
        self.go_through("limited", 3)
        self.check_counts(700, 150)

    def test_pinned_resp3(self):
        self.go_through("pinned", 3)
        self.check_counts(700, 150)

    def in_transactions(self, user, protocol):
        ours, theirs = self.both(user, protocol)
        for name, words in calls(f"multi {user} {protocol}"):
            if is_script(name):
                continue
            for each in (ours, theirs):
                each.command("MULTI")
            replies = [each.raw(*words) for each in (ours, theirs)]
            if replies[0].startswith(PATTERNS_REFUSED) and replies[1] == b"+QUEUED\r\n":
                # Redis says so at the EXEC.
                self.assertIn(PATTERNS_REFUSED[1 if replies[0].startswith(PATTERNS_REFUSED[1]) else 0], theirs.raw("EXEC"))
                ours.command("DISCARD")
                continue
            self.compare(name, words, *replies)
            ends = [each.raw("EXEC" if refused(replies[1]) else "DISCARD") for each in (ours, theirs)]
            if refused(replies[1]):
                # Slotless tells the cause as well.
                self.assertEqual([end.split()[0] for end in ends], [b"-EXECABORT"] * 2, words)

    def test_in_transactions(self):
        self.in_transactions("limited", 2)
        self.check_counts(700, 150)

    def test_in_transactions_pinned_resp3(self):
        self.in_transactions("pinned", 3)
        self.check_counts(700, 150)

    def test_scripts_are_refused(self):
        """Whatever they would call, for it would be checked by nobody."""
        for user, protocol in (("limited", 2), ("pinned", 3)):
            connection = log_in(connect(proxy, None), user, protocol)
            self.addCleanup(connection.close)
            for name, words in calls("scripts"):
                if is_script(name):
                    self.assertRegex(connection.error(*words), "^NOPERM ", words)
                    continue
                self.assertRegex(connection.error("EVAL", "return redis.call(unpack(ARGV))", "1", "ok:1", *words),
                                 "^NOPERM .*scripts=unchecked", words)

    def test_keys_of_scripts_that_are_allowed_are_checked(self):
        self.go_through("scripting", 2, scripts=True)
        self.check_counts(10, 2)


if __name__ == "__main__":
    fixture.main()
