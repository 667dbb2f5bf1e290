"""No credential shows: secrets are planted everywhere, and everything that shows something is searched for them."""

import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import resp
from cluster import HOST, PASSWORD, Cluster
from proxy import Proxy, connect
from waiting import wait_until

# In every secret but the cluster's own password, which is one, too.
SECRET = "zqsecret"
CLIENT_PASSWORD = SECRET + "-client"
ROOT_PASSWORD = SECRET + "-root"
USER_PASSWORD = SECRET + "-user"


def setUpModule():
    global cluster
    cluster = Cluster()


def tearDownModule():
    cluster.stop()


def digest_of(text):
    return subprocess.run(["sha256sum"], input=text.encode(), capture_output=True, check=True).stdout.split()[0].decode()


class Planted(unittest.TestCase):
    OPTIONS = ["--log-level", "debug", "--slowlog-log-slower-than", "0", "--latency-monitor-threshold", "1ms",
               "--allow-admin-commands", "yes", "--databases", "2", "--client-password", CLIENT_PASSWORD]
    # What clients say that is secret, and wrong, half and in odd places, too.
    SAID = [("AUTH", SECRET + "-1"), ("AUTH", "default", SECRET + "-2"), ("AUTH", "nobody", SECRET + "-3"), ("AUTH", "a", SECRET, "c"),
            ("HELLO", "3", "AUTH", "nobody", SECRET + "-4"), ("HELLO", "2", "AUTH", SECRET), ("HELLO", "3", "SETNAME", "n", "AUTH", "x", SECRET),
            ("HELLO", "9", "AUTH", "nobody", SECRET), ("ACL", "SETUSER", "carol", "on", ">" + SECRET + "-5", "~*", "+get"),
            ("ACL", "SETUSER", "carol", "<" + SECRET + "-5"), ("ACL", "SETUSER", "carol", "<" + SECRET + "-6"),
            ("ACL", "SETUSER", "carol", ">" + SECRET, "bogus"), ("ACL", "SETUSER", "carol", "#" + digest_of(SECRET)),
            ("CONFIG", "SET", "requirepass", SECRET + "-7"), ("CONFIG", "SET", "masterauth", SECRET + "-8"),
            ("CONFIG", "SET", "maxmemory", "0", "requirepass", SECRET), ("CONFIG", "SET", "requirepass", CLIENT_PASSWORD),
            ("MIGRATE", "127.0.0.1", "1", "k", "0", "1", "AUTH", SECRET + "-9"),
            ("MIGRATE", "127.0.0.1", "1", "", "0", "1", "AUTH2", "user", SECRET + "-10", "KEYS", "k"),
            ("COMMAND", "GETKEYS", "AUTH", SECRET), ("PROXY", "EXPLAIN", "AUTH", SECRET), ("ACL", "DRYRUN", "default", "AUTH", SECRET)]
    ASKED = [("SLOWLOG", "GET", "-1"), ("CLIENT", "LIST"), ("CLIENT", "INFO"), ("CONFIG", "GET", "*"), ("INFO", "everything"),
             ("LATENCY", "LATEST"), ("LATENCY", "DOCTOR"), ("ACL", "LOG"), ("COMMAND", "COUNT"), ("MEMORY", "DOCTOR"),
             ("PROXY", "CLIENTS"), ("PROXY", "CONFIG"), ("PROXY", "LINKS"), ("PROXY", "MEMORY"), ("PROXY", "NODES"),
             ("PROXY", "SLOTS"), ("PROXY", "SLOWLOG", "GET"), ("PROXY", "STATS"), ("PROXY", "VERSION"), ("PROXY", "HELP"),
             ("PROXY", "CONFIG", "GET", "*"), ("PROXY", "CONFIG", "client-password")]

    def start(self, options, variables=(), password=PASSWORD):
        self.proxy = Proxy(cluster.addresses(), [*self.OPTIONS, *options], password=password, variables=variables)
        self.addCleanup(self.proxy.stop)

    def enter(self, *login):
        connection = connect(self.proxy, None)
        connection.command("AUTH", *login)
        self.addCleanup(connection.close)
        return connection

    def search(self, login, secrets):
        """Says everything, then looks at all that shows anything."""
        with connect(self.proxy, None) as early:
            monitor = self.enter(*login)
            monitor.command("MONITOR")
            seen = {}
            for words in self.SAID:
                with connect(self.proxy, None) as stranger:
                    stranger.send(resp.pack(*words))
                    try:
                        seen["early " + " ".join(words[:2])] = stranger.read_raw()
                    except (ConnectionResetError, resp.ConnectionEnded):
                        pass  # too many arguments of a stranger
            early.command("AUTH", *login)
            for words in self.SAID:
                reply = early.raw(*words)
                # The reply tells the client what it has said itself.
                seen["reply to " + " ".join(words[:2])] = reply
                if words[0] in ("AUTH", "HELLO"):
                    early.command("AUTH", *login)
            early.command("MULTI")
            early.raw("AUTH", SECRET)
            early.raw("EXEC")
            early.command("AUTH", *login)
            for words in self.ASKED:
                seen[" ".join(words)] = early.raw(*words)
            early.command("SET", "last", "1")
            told = b""
            while b'"last"' not in told:
                told += monitor.read_raw()
            seen["MONITOR"] = told
        for path in ("/metrics", "/healthz", "/readyz", "/", "/status", "/config"):
            seen[path] = self.proxy.http(path)[1].encode()
        documents = json.loads(self.proxy.http("/api/v1/")[1])["documents"]
        self.assertIn("slowlog.json", documents)
        for name in documents:
            if name != "stream":  # of what overview.json has
                status, text = self.proxy.http("/api/v1/" + name)
                self.assertEqual(status, 200, name)
                seen["/api/v1/" + name] = text.encode()
        seen["/api/v1/login"] = self.knock(SECRET + "-page")
        self.assertIn(b"AUTH", seen["/api/v1/slowlog.json"])
        self.assertIn(b"client-password", seen["/api/v1/configuration.json"])
        seen["log"] = self.proxy.child.output().encode()
        folder = pathlib.Path(f"/proc/{self.proxy.child.pid}")
        seen["command line"] = (folder / "cmdline").read_bytes()
        seen["title"] = (folder / "comm").read_bytes()
        self.assertIn(b"AUTH", seen["MONITOR"] + seen["SLOWLOG GET -1"])
        shown = {}
        for place, text in seen.items():
            found = sorted({secret for secret in secrets if secret.encode() in text})
            if found and not self.is_own_echo(place, found):
                shown[place] = found
        # The client-auth is of its own: CONFIG GET has nothing to show.
        self.assertEqual(shown, {})
        return seen

    def knock(self, password):
        """What the status page answers to a wrong login."""
        body = json.dumps({"user": "root", "password": password}).encode()
        request = urllib.request.Request(f"http://{self.proxy.host}:{self.proxy.admin_port}/api/v1/login", data=body,
                                         headers={"Content-Type": "application/json"})
        with self.assertRaises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request, timeout=10):
            pass
        return refused.exception.read()

    def is_own_echo(self, place, found):
        """Redis names the rule that is wrong, to whoever has said it; and nothing else."""
        del found
        return place in ("reply to ACL SETUSER", "early ACL SETUSER")

    def test_without_users(self):
        self.start([])
        self.search((CLIENT_PASSWORD,), [SECRET, PASSWORD])

    def test_with_users(self):
        users = [f"user root on >{ROOT_PASSWORD} ~* &* +@all", f"user bob on >{USER_PASSWORD} ~* +@all -@admin"]
        self.start([argument for line in users for argument in ("--users", line)])
        digests = [digest_of(ROOT_PASSWORD), digest_of(USER_PASSWORD), digest_of(SECRET + "-5")]
        self.search(("root", ROOT_PASSWORD), [SECRET, PASSWORD, *digests])
        with connect(self.proxy, None) as bob:
            bob.command("AUTH", "bob", USER_PASSWORD)
            for words in (("ACL", "LIST"), ("ACL", "GETUSER", "root"), ("ACL", "SAVE"), ("CONFIG", "GET", "*"), ("PROXY", "CONFIG")):
                self.assertRegex(bob.error(*words), "^NOPERM ")
            self.assertNotIn(SECRET, bob.raw("AUTH", "bob", SECRET + "wrong").decode())

    def test_nodes_given_as_urls_and_a_password_on_the_command_line(self):
        urls = [f"redis://default:{PASSWORD}@{address}" for address in cluster.addresses()]
        self.proxy = Proxy(urls, [*self.OPTIONS], password=None)
        self.addCleanup(self.proxy.stop)
        self.search((CLIENT_PASSWORD,), [SECRET, PASSWORD])

    def test_a_command_that_prints_the_password(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "token"
            program.write_text(f"#!/bin/sh\necho {SECRET}-stderr >&2\necho {PASSWORD}\necho expires-in 900\n")
            program.chmod(0o700)
            self.start(["--password-command", str(program)], password=None)
            # What the program says on stderr is for the log, unless it is the password.
            self.search((CLIENT_PASSWORD,), [PASSWORD, CLIENT_PASSWORD, SECRET + "-1"])

    def test_wrong_configurations_do_not_show_what_is_wrong(self):
        for options in (["--password", SECRET, "--password-file", "/nowhere"], ["--client-password=" + SECRET, "--client-password-file", "/nowhere"],
                        ["--users", f"user x on >{SECRET} bogus"], ["--users", f"user x on >{SECRET}", "--acl-file", "/nowhere"],
                        ["--pasword", SECRET], ["--password", SECRET, SECRET], ["--cluster-nodes", f"redis://u:{SECRET}@:1"]):
            done = subprocess.run([os.environ["SLOTLESS_BINARY"], "--cluster-nodes", "127.0.0.1:1", "--check-config", *options],
                                  capture_output=True, text=True, timeout=60, check=False, env={"PATH": os.environ["PATH"]})
            self.assertNotEqual(done.returncode, 0, options)
            self.assertNotIn(SECRET, done.stdout + done.stderr, options)

    def test_check_config_shows_no_secret(self):
        done = subprocess.run([os.environ["SLOTLESS_BINARY"], "--cluster-nodes", "127.0.0.1:1", "--check-config", "--password", SECRET,
                               "--client-password", SECRET, "--users", f"user x on >{SECRET} ~* +@all"],
                              capture_output=True, text=True, timeout=60, check=False, env={"PATH": os.environ["PATH"]})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(SECRET, done.stdout + done.stderr)


def may_dump(pid):
    """Of a process that is not dumpable the folder of /proc belongs to root, and for others it cannot be traced."""
    return os.stat(f"/proc/{pid}/environ").st_uid != 0


class Memory(unittest.TestCase):
    """Needs to be root, to run the daemon as somebody else."""

    SOMEBODY = 65534

    def start(self, *options):
        if os.getuid() != 0:
            self.skipTest("only root can run it as another user")
        folder = processes.directory() / f"somebody-{self.id()}"
        folder.mkdir(parents=True, exist_ok=True)
        port, admin = processes.free_port(), processes.free_port()
        environment = {"REDIS_PASSWORD": PASSWORD, "PATH": os.environ["PATH"], "ASAN_OPTIONS": "detect_leaks=0"}
        child = subprocess.Popen([os.environ["SLOTLESS_BINARY"], "--cluster-nodes", cluster.addresses()[0], "--listen", f"{HOST}:{port}",
                                  "--admin-listen", f"{HOST}:{admin}", *options], env=environment, user=self.SOMEBODY, group=self.SOMEBODY,
                                 cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(child.wait)
        self.addCleanup(child.terminate)

        def serves():
            try:
                with resp.Connection(HOST, port, PASSWORD) as connection:
                    return connection.command("PING") == b"PONG"
            except (OSError, resp.ReplyError, resp.ConnectionEnded):
                return False
        wait_until(serves, 30, "the daemon")
        self.port, self.child = port, child
        return child.pid

    def test_nobody_of_the_same_user_looks_into_it(self):
        pid = self.start()
        self.assertFalse(may_dump(pid))
        done = subprocess.run(["cat", f"/proc/{pid}/environ"], user=self.SOMEBODY, group=self.SOMEBODY, capture_output=True,
                              check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b"")

    def test_what_it_reads_of_itself_still_works(self):
        self.start()
        with resp.Connection(HOST, self.port, PASSWORD) as connection:
            told = connection.command("INFO", "everything").decode()
            self.assertRegex(told, r"used_memory_rss:[1-9]")
            self.assertRegex(told, r"executable:/.*")

    def test_it_may_be_allowed(self):
        self.assertTrue(may_dump(self.start("--core-dumps", "yes")))

    def test_a_successor_keeps_to_it(self):
        pid = self.start()
        self.child.send_signal(signal.SIGUSR2)

        def successors():
            found = []
            for each in pathlib.Path("/proc").iterdir():
                try:
                    if each.name.isdigit() and int(each.name) != pid and os.path.basename(os.readlink(each / "exe")) == "slotless" \
                            and f":{self.port}" in (each / "cmdline").read_bytes().decode():
                        found.append(int(each.name))
                except OSError:
                    continue
            return found
        wait_until(lambda: self.child.poll() is not None and successors(), 40, "the successor")
        for each in successors():
            self.addCleanup(os.kill, each, signal.SIGTERM)
            self.assertFalse(may_dump(each))
        with resp.Connection(HOST, self.port, PASSWORD) as connection:
            self.assertEqual(connection.command("PING"), b"PONG")


class Files(unittest.TestCase):
    def test_saved_users_are_readable_by_the_owner_alone_and_have_no_plain_password(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "users.acl"
            path.write_text(f"user root on >{ROOT_PASSWORD} ~* &* +@all\n")
            proxy = Proxy(cluster.addresses(), ["--acl-file", path])
            self.addCleanup(proxy.stop)
            with connect(proxy, None) as root:
                root.command("AUTH", "root", ROOT_PASSWORD)
                root.command("ACL", "SETUSER", "bob", "on", ">" + USER_PASSWORD)
                root.command("ACL", "SAVE")
            self.assertNotIn(SECRET, path.read_text())
            self.assertTrue(re.search(r"user bob on .*#[0-9a-f]{64}", path.read_text()))
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)


if __name__ == "__main__":
    fixture.main()
