"""What changes under a cluster by TLS and the daemon in front of it: certificates, the authority that signs them, and the
password by which the daemon comes to the nodes."""

import itertools

import processes
import resp
from certificates import NODE_NAMES, Authority
from cluster import PASSWORD
from waiting import wait_until

USER = "service"
SECONDS = 60
PAUSE_MS = 20_000


class Rotation:
    """Files and accounts that a daemon with options() lives by, and their changes; each is over when its call returns."""

    def __init__(self, authority, cluster):
        self.authority = authority
        self._cluster = cluster
        self._numbers = itertools.count(1)
        folder = processes.directory() / "rotation"
        folder.mkdir(parents=True)
        self._trusted = folder / "ca.crt"
        self._serving = (folder / "server.crt", folder / "server.key")
        self._presenting = (folder / "client.crt", folder / "client.key")
        self._password_file = folder / "password"
        self._folder = folder
        self._password = None
        self._contexts = [authority.context(authority.client)]
        self.proxy = None
        self._write(self._trusted, authority.certificate.read_text())
        authority.install(authority.proxy, *self._serving)
        authority.install(authority.client, *self._presenting)
        self._add_password("first")

    def options(self):
        return ["--username", USER, "--password-file", self._password_file, "--client-password", PASSWORD,
                "--cluster-tls", "yes", "--cluster-tls-ca-cert-file", self._trusted,
                "--cluster-tls-cert-file", self._presenting[0], "--cluster-tls-key-file", self._presenting[1],
                "--tls-ca-cert-file", self._trusted, "--tls-cert-file", self._serving[0], "--tls-key-file", self._serving[1],
                "--allow-admin-commands", "yes"]

    def context(self):
        """What clients connect with from now on."""
        return self._contexts[-1]

    def connect(self):
        return resp.Connection(self.proxy.host, self.proxy.port, PASSWORD, SECONDS, tls=self.context())

    def renew_certificates(self):
        """Of nodes, daemon and clients, by the authority of the day."""
        number = next(self._numbers)
        node = self.authority.issue(f"node-{number}", NODE_NAMES)
        for each in self._cluster.nodes:
            each.command("CONFIG", "SET", "tls-cert-file", node.certificate, "tls-key-file", node.key)
        client = self.authority.issue(f"client-{number}")
        with self._reading():
            self.authority.install(self.authority.issue(f"proxy-{number}", "IP:127.0.0.1"), *self._serving)
            self.authority.install(client, *self._presenting)
        context = self.authority.context(client)
        context.load_verify_locations(self._trusted)
        self._contexts.append(context)
        for each in self._cluster.nodes:
            each.present(client)

    def replace_authority(self):
        """First both are trusted, then all certificates are of the new one, then only that is."""
        fresh = Authority(f"authority-{next(self._numbers)}")
        self._trust(self.authority.certificate.read_text() + fresh.certificate.read_text())
        self.authority = fresh
        self.renew_certificates()
        self._trust(fresh.certificate.read_text())

    def replace_password(self):
        """Both are valid until the daemon has the new one."""
        old, before = self._password, self._logins()
        self._add_password(f"password-{next(self._numbers)}")
        wait_until(lambda: all(now > then for now, then in zip(self._logins(), before)), SECONDS,
                   "connections to have logged in anew")
        for each in self._cluster.nodes:
            each.command("ACL", "SETUSER", USER, f"<{old}")

    def cut_connections(self):
        """All connections of the daemon to the nodes are made anew, while nothing is in flight."""
        with self.connect() as operator:
            operator.command("PROXY", "PAUSE", "10000", PAUSE_MS)
            for each in self._cluster.nodes:
                each.command("CLIENT", "KILL", "USER", USER)
            operator.command("PROXY", "RESUME")

    def _logins(self):
        """How often connections to each master have logged in anew."""
        return [self.proxy.metric("slotless_node_reauthentications_total", node=each.address)
                for each in self._cluster.masters()]

    def _add_password(self, password):
        for each in self._cluster.nodes:
            each.command("ACL", "SETUSER", USER, "on", f">{password}", "~*", "&*", "+@all")
        self._write(self._password_file, password + "\n")
        self._password = password

    def _trust(self, certificates):
        trusted = self._folder / f"trusted-{next(self._numbers)}.crt"
        trusted.write_text(certificates)
        for each in self._cluster.nodes:
            each.command("CONFIG", "SET", "tls-ca-cert-file", trusted)
            each.trust(trusted)
        context = self.context()
        context.load_verify_locations(trusted)
        with self._reading():
            self._write(self._trusted, certificates)

    def _reading(self):
        return _Reading(self)

    def reads(self):
        return [self._log_count(f"certificates read anew, for new connections  for={side}") for side in ("clients", "nodes")]

    def _log_count(self, text):
        return self.proxy.child.output().count(text)

    @staticmethod
    def _write(path, text):
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(path)


class _Reading:
    """Leaving the `with` waits until the daemon has read what was changed in it."""

    def __init__(self, rotation):
        self._rotation = rotation

    def __enter__(self):
        self._before = self._rotation.reads()

    def __exit__(self, kind, _value, _trace):
        if kind is None:
            wait_until(lambda: all(now > before for now, before in zip(self._rotation.reads(), self._before)), SECONDS,
                       "new certificates to be read")
