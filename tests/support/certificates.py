"""Certificates of a test's own, made by the program openssl: an authority, what it signs, and who trusts it."""

import collections
import os
import ssl
import subprocess

import processes

Pair = collections.namedtuple("Pair", "certificate key")

P256 = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
NODE_NAMES = "IP:127.0.0.1,DNS:localhost,DNS:node.example"


def _openssl(*arguments, text=None):
    result = subprocess.run(["openssl", *map(str, arguments)], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            encoding="utf-8", check=False)
    if result.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {result.stdout}")
    return result.stdout


class Authority:
    """Signs certificates for nodes, for the daemon (`proxy`) and for clients; all are files in one folder."""

    _count = 0

    def __init__(self, name="authority", addresses=()):
        """`addresses`: where nodes are, beside loopback."""
        Authority._count += 1
        self.folder = processes.directory() / f"{name}-{Authority._count}"
        self.folder.mkdir(parents=True)
        self._own = Pair(self.folder / "ca.crt", self.folder / "ca.key")
        self._serial = 0
        _openssl("req", "-x509", "-newkey", *P256, "-nodes", "-days", 30,
                 "-subj", f"/CN={name}", "-keyout", self._own.key, "-out", self._own.certificate)
        self.certificate = self._own.certificate
        self.node = self.issue("node", ",".join([NODE_NAMES, *(f"IP:{address}" for address in addresses)]))
        self.proxy = self.issue("proxy", "IP:127.0.0.1,DNS:localhost")
        self.client = self.issue("client")

    def issue(self, name, names="", days=30, kind=P256):
        """A new pair of files; `names`: the alternative names. With negative `days` it has ended. `kind`: of the key, as
        openssl has it behind -newkey."""
        self._serial += 1
        pair = Pair(self.folder / f"{name}-{self._serial}.crt", self.folder / f"{name}-{self._serial}.key")
        request = self.folder / "request.pem"
        _openssl("req", "-new", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", pair.key, "-out", request)
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        _openssl("x509", "-req", "-in", request, "-CA", self._own.certificate, "-CAkey", self._own.key, "-set_serial",
                 self._serial, "-days", days, "-extfile", extensions, "-out", pair.certificate)
        return pair

    def install(self, pair, certificate, key):
        """Puts a pair in the place of another one, each file at once."""
        for source, target in ((pair.key, key), (pair.certificate, certificate)):
            fresh = target.with_suffix(".new")
            fresh.write_bytes(source.read_bytes())
            os.replace(fresh, target)

    def context(self, pair=None, version=None):
        """What a client connects with that trusts this authority, and presents `pair`."""
        context = ssl.create_default_context(cafile=self.certificate)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context

    def server_options(self, port):
        """Of a redis-server that speaks nothing else, to clients with a certificate."""
        return ["--port", "0", "--tls-port", port, "--tls-cluster", "yes", "--tls-replication", "yes",
                "--tls-ca-cert-file", self.certificate, "--tls-cert-file", self.node.certificate,
                "--tls-key-file", self.node.key]

    def upstream_options(self):
        """Of the daemon, for nodes with these options."""
        return ["--cluster-tls", "yes", "--cluster-tls-ca-cert-file", self.certificate,
                "--cluster-tls-cert-file", self.client.certificate, "--cluster-tls-key-file", self.client.key]

    def listener_options(self):
        """Of the daemon, whose listeners ask for certificates then."""
        return ["--tls-ca-cert-file", self.certificate, "--tls-cert-file", self.proxy.certificate,
                "--tls-key-file", self.proxy.key]
