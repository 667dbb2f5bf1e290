"""hiredis, synchronous and asynchronous (hiredis_client.cpp), alone and many at once."""

import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
from cluster import HOST, PASSWORD

CLIENT = os.environ.get("SLOTLESS_HIREDIS_CLIENT", "")


def setUpModule():
    global site
    if not os.path.exists(CLIENT):
        raise RuntimeError(f"SLOTLESS_HIREDIS_CLIENT must name the built hiredis_client (found: {CLIENT!r})")
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


class Hiredis(unittest.TestCase):
    def start(self, prefix):
        return subprocess.Popen([CLIENT, HOST, str(site.proxy.port), prefix],
                                env={**os.environ, "REDIS_PASSWORD": PASSWORD},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def check(self, process):
        try:
            output = process.communicate(timeout=60)[0].decode()
        finally:
            process.kill()
        self.assertEqual((process.returncode, output), (0, "all replies were right\n"))

    def test_one_client_gets_the_right_replies(self):
        self.check(self.start("one:"))

    def test_many_clients_at_once_get_their_own_replies(self):
        for process in [self.start(f"many{number}:") for number in range(5)]:
            self.check(process)


if __name__ == "__main__":
    fixture.main()
