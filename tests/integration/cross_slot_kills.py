"""kill -9 of the daemon at random points of commands over several slots: no element is lost, and nothing is left behind.

What is moved is copied first, so a kill may leave it at both places, never at none. A short run by default;
scripts/cross-slot-kills makes it long.
"""

import os
import pathlib
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture

KILLS = int(os.environ.get("SLOTLESS_KILLS", "4"))
COMMANDS = int(os.environ.get("SLOTLESS_KILLED_COMMANDS", "0"))
SEED = int(os.environ.get("SLOTLESS_SEED", "17"))
CLIENTS = 4
PLACES = 6
ELEMENTS = 60

LISTS = [f"list:{number}" for number in range(PLACES)]
SETS = [f"set:{number}" for number in range(PLACES)]
SORTED = [f"sorted:{number}" for number in range(PLACES)]
VALUES = [f"value:{number}" for number in range(PLACES)]
ELEMENT_NAMES = [f"element:{number}" for number in range(ELEMENTS)]


def setUpModule():
    global site
    site = fixture.open_site(options=("--cross-slot-transactions", "each"))


def tearDownModule():
    fixture.close_site()


def names_of(client):
    return [f"name:{client}:{number}" for number in range(4)]


def next_command(dice, client):
    """What moves an element, a member or a key, or is computed of several; none of it takes anything out. A client moves
    members and keys of its own, so that a loss is not another client's doing."""
    source, destination = dice.sample(range(PLACES), 2)
    ends = [dice.choice(("LEFT", "RIGHT")) for _ in range(2)]
    old, new = dice.sample(names_of(client), 2)
    return dice.choice((
        ("LMOVE", LISTS[source], LISTS[destination], *ends),
        ("RPOPLPUSH", LISTS[source], LISTS[destination]),
        ("BLMOVE", LISTS[source], LISTS[destination], *ends, "0.05"),
        ("SMOVE", SETS[source], SETS[destination], dice.choice(ELEMENT_NAMES[client::CLIENTS])),
        ("RENAMENX", old, new),
        ("SUNIONSTORE", "store:sets", *SETS),
        ("SINTER", *SETS),
        ("ZUNIONSTORE", "store:sorted", str(PLACES), *SORTED),
        ("ZINTERCARD", str(PLACES), *SORTED),
        ("MSETNX", *[word for value in VALUES for word in (value, "x")]),
        ("DEL", *VALUES),
        ("BLPOP", "none:1", "none:2", "0.01"),
    ))


class Killed(unittest.TestCase):
    def test_no_element_is_lost_and_nothing_is_left_behind(self):
        with site.connect() as connection:
            for number, element in enumerate(ELEMENT_NAMES):
                connection.command("RPUSH", LISTS[number % PLACES], element)
                connection.command("SADD", SETS[number % PLACES], element)
                connection.command("ZADD", SORTED[number % PLACES], "1", element)
            for client in range(CLIENTS):
                for number, name in enumerate(names_of(client)[:2]):
                    connection.command("SET", name, f"content:{client}:{number}")
        finished = threading.Event()
        done = [0] * CLIENTS

        def work(number):
            dice = random.Random(f"{SEED} {number}")
            connection = None
            while not finished.is_set():
                try:
                    if connection is None:
                        connection = site.connect()
                    connection.raw(*next_command(dice, number))
                    done[number] += 1
                except OSError:
                    if connection is not None:
                        connection.close()
                    connection = None
                    finished.wait(0.02)
            if connection is not None:
                connection.close()

        workers = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
        for worker in workers:
            worker.start()
        dice = random.Random(SEED)
        kills = 0
        try:
            while kills < KILLS or sum(done) < COMMANDS:
                time.sleep(dice.uniform(0.1, 0.6))  # the moment of the kill is what is tried
                site.proxy.kill_and_restart()
                kills += 1
        finally:
            finished.set()
            for worker in workers:
                worker.join()
        print(f"{sum(done)} commands, {kills} kills, seed {SEED}")
        self.assertGreater(sum(done), 0)
        self.check()

    def check(self):
        for node in site.cluster.masters():
            self.assertEqual([key for key in node.command("KEYS", "*") if b"slotless" in key], [])
        expected = {element.encode() for element in ELEMENT_NAMES}
        with site.connect() as connection:
            there = [element for each in LISTS for element in connection.command("LRANGE", each, "0", "-1")]
            self.assertEqual(set(there), expected, "elements of lists")
            members = [member for each in SETS for member in connection.command("SMEMBERS", each)]
            self.assertEqual(set(members), expected, "members of sets")
            for client in range(CLIENTS):
                contents = {value for value in connection.command("MGET", *names_of(client)) if value is not None}
                self.assertEqual(contents, {f"content:{client}:{number}".encode() for number in range(2)}, "keys")
            print(f"twice: {len(there) - ELEMENTS} elements, {len(members) - ELEMENTS} members")


if __name__ == "__main__":
    fixture.main()
