"""The status page in a real browser: before, during and after a failover, on a phone, in the dark, by keyboard; logins and actions.

Skipped unless `scripts/install-deps browser` has been run. SLOTLESS_PICTURES names a folder for pictures of the page.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import redis
from waiting import wait_until

FOLDER = processes.REPOSITORY / "build" / "browser-client"
DRIVER = pathlib.Path(__file__).parent / "browser" / "drive.mjs"
BROWSER = shutil.which("chromium")
NODE = shutil.which("node")
PICTURES = os.environ.get("SLOTLESS_PICTURES")
SECRET = "page-secret"

MISSING = next((what for what, there in (("node", NODE), ("chromium", BROWSER), (str(FOLDER), (FOLDER / "node_modules").is_dir()))
                if not there), None)

site = None
browser = None


class Browser:
    def __init__(self):
        self._child = subprocess.Popen([NODE, str(DRIVER), str(FOLDER), BROWSER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)

    def __getattr__(self, order):
        def give(*positional, **given):
            names = {"open": ("url",), "wait": ("selector", "pattern"), "fill": ("selector", "value"), "press": ("key",),
                     "attribute": ("selector", "name"), "picture": ("path",), "evaluate": ("script",)}
            given.update(zip(names.get(order, ("selector",)), positional))
            self._child.stdin.write(json.dumps({"order": order, **given}) + "\n")
            self._child.stdin.flush()
            line = self._child.stdout.readline()
            if not line:
                raise AssertionError("the browser has ended")
            answer = json.loads(line)
            if "error" in answer:
                raise AssertionError(f"{order} {given}: {answer['error']}")
            return answer["value"]
        return give

    def close(self):
        self._child.stdin.close()
        self._child.wait(60)
        self._child.stdout.close()


def setUpModule():
    global site, browser
    if MISSING:
        raise unittest.SkipTest(f"there is no {MISSING}: scripts/install-deps browser")
    site = fixture.open_site(topology=True, options=("--admin-users", f"user ann on >{SECRET}", "--admin-actions", "yes",
                                                     "--slowlog-log-slower-than", "0", "--hot-keys-sample", "1"))
    browser = Browser()


def tearDownModule():
    if browser is not None:
        browser.close()
    fixture.close_site()


def address():
    return f"http://127.0.0.1:{site.proxy.admin_port}/"


def picture(name):
    if PICTURES:
        browser.picture(str(pathlib.Path(PICTURES) / f"status-page-{name}.png"))


def make_traffic(stop):
    """Something to look at, for the pictures alone."""
    client = site.client(client_name="shop-2")
    number = 0
    while not stop.wait(0.002):
        number += 1
        try:
            client.set(f"order:{number % 500}", number)
            client.mget(*(f"order:{each}" for each in range(number % 40)), "order:0")
        except redis.RedisError:
            pass


@fixture.NOT_ONE_REDIS
class StatusPageInABrowser(unittest.TestCase):
    def open(self, **options):
        browser.open(address(), **options)
        browser.wait("#line", "All is well|Without|wait|slots|connection")
        browser.wait("#nodes", "Masters|Rates")
        browser.wait("#configuration", "admin-actions")

    def assert_clean(self, expected=()):
        found = [each for each in browser.complaints() if not any(part in each for part in expected)]
        self.assertEqual(found, [])

    def test_a_failover_is_seen_before_during_and_after(self):
        stop = threading.Event()
        client = site.client()
        client.client_setname("shop-1")
        for i in range(300):
            client.set(f"key:{i}", "value")
            client.get(f"key:{i}")
        self.open()
        browser.wait("#line", "All is well: 3 masters serve all 16384 slots")
        browser.wait("#clients", "shop-1")
        browser.wait("#slowlog", "SET key:")
        browser.wait("#hotkeys", "key:")
        browser.wait("#proxies", "this one")
        self.assertEqual(browser.count("#strip rect"), 3)
        self.assertEqual(browser.count("#nodes tbody tr"), 6)
        browser.wait("#nodes", "redis 7|redis 8|valkey")
        browser.wait("#connection", "^live$")
        if PICTURES:
            threading.Thread(target=make_traffic, args=(stop,), daemon=True).start()
            time.sleep(40)
        lost = site.cluster.masters()[0]
        heir = site.cluster.replica_of(lost)
        name = lost.address
        lost.kill()
        browser.waitVisible("#health.trouble, #health.warning")
        self.assertTrue(browser.text("#problems li .advice"))
        browser.wait("#events", f"{heir.address} has become master in place of {name}")
        browser.wait("#legend", heir.address)
        lost.restart()
        site.cluster.wait_for_replicas()
        browser.waitVisible("#health.ok")
        browser.wait("#line", "All is well")
        if PICTURES:
            time.sleep(40)
        picture("light")
        stop.set()
        self.assert_clean()
        self.assertTrue(all(url.startswith(address()) for url in browser.requested()), browser.requested())

    def test_nobody_is_kept_out_by_sight_or_hand(self):
        for scheme in ("light", "dark"):
            self.open(scheme=scheme)
            self.assertEqual(browser.evaluate("document.documentElement.dataset.theme"), scheme)
            self.assertEqual(browser.axe(), [], scheme)
            if scheme == "dark":
                picture("dark")
        browser.press("Tab")
        self.assertEqual(browser.focused(), "skip")
        browser.press("Enter")
        browser.press("Tab")
        self.assertNotIn(browser.focused(), ("theme", "skip"))
        self.assert_clean()

    def test_a_phone_needs_no_sideways_scrolling(self):
        self.open(width=360, height=740)
        self.assertLessEqual(browser.evaluate("document.documentElement.scrollWidth"), 360)
        self.assertEqual(browser.axe(), [])
        picture("phone")

    def test_a_login_by_keyboard_and_an_action_that_asks_back(self):
        self.open()
        self.assertFalse(browser.visible("#actions-buttons"))
        browser.click("#login-open")
        browser.fill("#user", "ann")
        browser.fill("#password", "wrong")
        browser.press("Enter")
        browser.wait("#login-error", "Wrong name or password")
        browser.fill("#password", SECRET)
        browser.press("Enter")
        browser.wait("#logout", "Log out ann")
        self.assertEqual(browser.axe(), [])

        browser.click("#act-pause")
        browser.wait("#confirm-text", "Pause all clients")
        browser.click("#confirm-no")
        self.assertEqual(site.proxy.http("/readyz")[0], 200)
        browser.click("#act-pause")
        browser.fill("#confirm-seconds", "300")
        browser.click("#confirm-yes")
        browser.wait("#actions-outcome", "paused")
        wait_until(lambda: "paused" in site.proxy.http("/readyz")[1], 20, "the pause")
        browser.wait("#problems", "All clients are paused")
        browser.click("#act-resume")
        browser.click("#confirm-yes")
        browser.wait("#actions-outcome", "go on")
        wait_until(lambda: site.proxy.http("/readyz")[0] == 200, 20, "the end of the pause")
        browser.click("#logout")
        browser.waitHidden("#logout")
        self.assertFalse(browser.visible("#actions-buttons"))
        self.assert_clean(expected=("401",))

    def test_without_the_stream_it_asks(self):
        self.open()
        browser.evaluate("window.EventSource = undefined; document.getElementById('logout').click()")
        browser.wait("#connection", "live, by asking")
        browser.wait("#line", "All is well|Without")


if __name__ == "__main__":
    fixture.main()
