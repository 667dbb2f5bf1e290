"""The recipes of docs/managed-services.md, as they stand there: each before a cluster by TLS whose certificates and addresses
are like the service's, whose user has a token, and lacks what the service blocks."""

import collections
import pathlib
import re
import shlex
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import processes
import restricted
from certificates import Authority
from cluster import Cluster
from proxy import STANDIN, Proxy, connect
from waiting import wait_until

DOCUMENT = processes.REPOSITORY / "docs" / "managed-services.md"
ENDPOINT = "endpoint.example"
USER = "service-user"
TOKEN = "a-token"

# The document's title begins with `title`. `names`: in the nodes' certificates. `announce`: the host that they announce
# beside their addresses, and prefer. `rules`: a case of restricted.py. `user`: as which the recipe comes to the nodes.
Service = collections.namedtuple("Service", "title rules names announce user")
SERVICES = (
    Service("Amazon ElastiCache", "ElastiCache", "DNS:localhost", "localhost", USER),
    Service("Amazon MemoryDB", "MemoryDB", "DNS:localhost", "localhost", USER),
    Service("Google Memorystore", "Memorystore", "DNS:something.else", None, "default"),
    Service("Azure Managed Redis", "Redis Enterprise", f"DNS:{ENDPOINT}", None, USER),
    Service("Redis Cloud", "Redis Enterprise", f"DNS:{ENDPOINT}", None, "default"),
)


def setUpModule():
    if STANDIN:
        raise unittest.SkipTest("about the daemon, not about Redis")
    global authority, cluster
    authority = Authority()
    cluster = Cluster(tls=authority)
    for node in cluster.nodes:
        node.trust_any_name()


def tearDownModule():
    cluster.stop()


def recipe(title):
    """Option → value, of the block below that title."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = next(each for each in text.split("\n## ")[1:] if each.startswith(title))
    block = re.search(r"```yaml\n(.*?)```", section, re.S)[1]
    options = {}
    for line in block.splitlines():
        name, value = line.split(": ", 1)
        options[name] = re.sub(r"\s+#.*", "", value).strip()
    return options


class Recipes(unittest.TestCase):
    def be_like(self, service):
        """Gives the nodes the certificates, names and accounts of that service."""
        pair = authority.issue("service", service.names)
        for node in cluster.nodes:
            node.command("CONFIG", "SET", "tls-cert-file", pair.certificate, "tls-key-file", pair.key)
            node.command("CONFIG", "SET", "cluster-announce-hostname", service.announce or "",
                         "cluster-preferred-endpoint-type", "hostname" if service.announce else "ip")
            if node.command("ROLE")[0] == b"master":
                node.command("FLUSHALL")
            rules = restricted.CASES[service.rules][0]
            node.command("ACL", "SETUSER", USER, "reset", "on", f">{TOKEN}", "~*", "&*", "+@all", *rules)
        host = (service.announce or "127.0.0.1").encode()
        wait_until(lambda: all(place[0] == host for node in cluster.nodes for row in node.command("CLUSTER", "SLOTS")
                               for place in row[2:]), 30, "the nodes to know one another's names")

    def configuration(self, service):
        """The recipe, with what is in capitals or a file of the reader's."""
        folder = processes.directory() / f"recipe-{service.title.split()[-1]}"
        folder.mkdir()
        tokens = {"password-file": folder / "password", "client-password-file": folder / "client-password"}
        tokens["password-file"].write_text(TOKEN + "\n")
        tokens["client-password-file"].write_text("for-applications\n")
        program = folder / "token"
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' {TOKEN} 'expires-in 900' {shlex.quote('username ' + USER)}\n")
        program.chmod(0o755)
        ours = {"cluster-tls-ca-cert-file": authority.certificate, "cluster-tls-cert-file": authority.client.certificate,
                "cluster-tls-key-file": authority.client.key, "cluster-tls-server-name": ENDPOINT, "username": USER, **tokens}
        options = recipe(service.title)
        self.assertRegex(options.pop("cluster-nodes"), r"^\[[\w.-]+:\w+\]$")
        lines = []
        for name, value in options.items():
            if name == "password-command":
                script = re.match(r"\[/usr/local/lib/slotless/([\w-]+)", value)[1]
                self.assertTrue((processes.REPOSITORY / "deploy" / "credentials" / script).exists(), script)
                value = f"[{program}]"
            lines.append(f"{name}: {ours.get(name, value)}")
        # The tests' nodes want a certificate of whoever comes, and accounts beside the one that administers them.
        for name in ("cluster-tls-cert-file", "cluster-tls-key-file", "username"):
            if name not in options:
                lines.append(f"{name}: {ours[name]}")
        file = folder / "slotless.yaml"
        file.write_text("\n".join(lines) + "\n")
        return file

    def check(self, service):
        self.be_like(service)
        proxy = Proxy([f"localhost:{node.port}" if service.announce else node.address for node in cluster.nodes],
                      ["--config", self.configuration(service), "--database-layout", "3=spread"], password=None,
                      variables=[("SSL_CERT_FILE", str(authority.certificate))])  # whom the system trusts
        self.addCleanup(proxy.stop)
        errors = restricted.CASES[service.rules][1]
        judge = restricted.Case()
        for database in restricted.DATABASES:
            with self.subTest(database=database):
                seen = restricted.course(proxy, database, "for-applications")
                judge.check(seen, restricted.EXPECTED[database], errors, database)
        with connect(proxy, "for-applications") as connection:
            links = connection.command("PROXY", "LINKS").decode()
        self.assertIn(" tls=TLSv1", links)
        self.assertNotIn(TOKEN, proxy.child.output())


def add_services():
    for service in SERVICES:
        def test(self, service=service):
            self.check(service)
        setattr(Recipes, "test_" + re.sub(r"\W", "_", service.title), test)


add_services()


if __name__ == "__main__":
    fixture.main()
