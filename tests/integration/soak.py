"""Clients of every kind at once, while masters and slots change: at the end nothing is left of them.

Runs for some seconds; SLOTLESS_SOAK_MINUTES makes it long (scripts/soak), SLOTLESS_SOAK_SEED repeats one.
"""

import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
from proxy import STANDIN
from slots import tag_of
from soak import HOT_SLOTS, Crowd, Upheaval
from soak_visits import KINDS, LARGE, LARGE_KEY, MARKERS
from waiting import DeadlinePassed, wait_until

MINUTES = float(os.environ.get("SLOTLESS_SOAK_MINUTES", "0"))
SEED = os.environ.get("SLOTLESS_SOAK_SEED", "1")
# A busy machine must not replace masters of itself: what that loses, as any failover may, would look like our mistake.
NODE_TIMEOUT_MS = 8000
HOLD_SECONDS = 40
UPHEAVAL_SECONDS = 60 if MINUTES else 0
SETTLE_SECONDS = 30

# What belongs to clients, and must be gone with them.
GAUGES = ("clients", "held_requests", "held_bytes", "in_flight_requests", "blocked_clients", "transaction_leases",
          "blocking_leases", "tracking_leases", "tracking_clients", "subscriptions", "upstream_subscriptions", "monitors",
          "node_in_flight_requests")
MEMORY_KINDS = ("client_input", "client_output", "link_output", "other")


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about what the daemon keeps")
    global site
    site = fixture.open_site(topology=True, node_options=("--cluster-node-timeout", NODE_TIMEOUT_MS),
                             options=("--allow-admin-commands", "yes", "--hold-timeout", f"{HOLD_SECONDS}s",
                                      "--database-layout", f"1=pinned:{tag_of(HOT_SLOTS[0])}"))


def tearDownModule():
    fixture.close_site()


def what_is_held():
    samples = site.proxy.metrics()
    held = {name: sum(value for key, value in samples.items() if key.split("{")[0] == f"slotless_{name}")
            for name in GAUGES}
    for kind in MEMORY_KINDS:
        held[f"{kind} bytes"] = samples['slotless_memory_bytes{kind="%s"}' % kind]
    return held


def wait_until_nothing_is_held(base):
    try:
        wait_until(lambda: what_is_held() == base, SETTLE_SECONDS, "every gauge to be where it began")
    except DeadlinePassed:
        now = what_is_held()
        left = {name: (base[name], value) for name, value in now.items() if value != base[name]}
        raise AssertionError(f"left behind, as (before, after): {left}") from None


class Soak(unittest.TestCase):
    def test_nothing_is_left_of_clients_of_all_kinds(self):
        with site.connect() as connection:
            for marker in MARKERS:
                connection.command("SET", marker, "x")
            connection.command("SET", LARGE_KEY, LARGE)
        site.cluster.wait_for_replicas()
        wait_until(lambda: what_is_held()["clients"] == 0, SETTLE_SECONDS, "the first client to be gone")
        time.sleep(1.5)  # memory is counted once a second
        base = what_is_held()
        print(f"\n  seed {SEED}, base {base}", file=sys.stderr)
        end = time.monotonic() + 60 * MINUTES
        upheaval = Upheaval(site.cluster, SEED)
        with Crowd(site, upheaval, KINDS, SEED) as crowd:
            while True:
                for change in (upheaval.planned_failover, upheaval.frozen_master):
                    change()
                    upheaval.reshard(3)
                    site.proxy.child.signal(signal.SIGHUP)
                    self.endure(crowd, UPHEAVAL_SECONDS / 2)
                if time.monotonic() >= end:
                    break
        print(f"  visits {dict(crowd.finished)}\n  cut short {dict(crowd.upsets)}", file=sys.stderr)
        for kind in KINDS:
            self.assertGreater(crowd.finished[kind.__name__], 0, f"{kind.__name__} never came to the end of a visit")
        wait_until_nothing_is_held(base)
        for master in site.cluster.masters():
            self.assertEqual(master.info("clients")["blocked_clients"], "0", f"clients are blocked in {master.name}")
            self.assertEqual(master.command("PUBSUB", "CHANNELS"), [])
        # By which it hears other proxies.
        self.assertLessEqual(sum(master.command("PUBSUB", "NUMPAT") for master in site.cluster.masters()), 1)

    def endure(self, crowd, seconds):
        """Lets the clients work for at least a second; the first error ends it."""
        until = time.monotonic() + max(1, seconds)
        while time.monotonic() < until:
            crowd.check()
            self.assertIsNone(site.proxy.child.exit_code(), "the daemon ended")
            time.sleep(0.2)


if __name__ == "__main__":
    fixture.main()
