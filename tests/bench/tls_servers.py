"""What the cost of TLS is measured on: Slotless with and without it on either side, and TLS before another proxy."""
import shutil
from dataclasses import dataclass
from pathlib import Path

import processes
from bench.servers import HOST, environment
from resp import Connection
from waiting import wait_until

START_SECONDS = 15
PREDIXY = """Name bench
Bind {host}:{port}
WorkerThreads 1
Authority {{
    Auth {{
        Mode write
    }}
}}
ClusterServerPool {{
    MasterReadPriority 60
    RefreshInterval 1
    ServerTimeout 1
    KeepAlive 120
    Servers {{
{nodes}
    }}
}}
"""
HAPROXY = """global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend clients
    bind {host}:{port} ssl crt {pem}
    default_backend proxy
backend proxy
    server one {host}:{to}
"""
STUNNEL = """foreground = yes
pid =
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[clients]
accept = {host}:{port}
connect = {host}:{to}
cert = {pem}
"""


@dataclass
class Measured:
    """A way to the nodes: `pids` is all that is paid for it."""

    name: str
    port: int
    pids: list
    tls: tuple = ()  # further arguments of redis-benchmark
    context: object = None  # of Python's clients

    def connect(self):
        return Connection(HOST, self.port, tls=self.context)


class Programs:
    """Starts programs that listen, each in a folder of its own; leaving the `with` ends them."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._children = []

    def __enter__(self):
        shutil.rmtree(self._folder, ignore_errors=True)
        return self

    def __exit__(self, *_):
        for child in self._children:
            child.kill()

    def start(self, name, command, port, context=None):
        """Returns the process id, once it answers."""
        child = processes.Child(command, self._folder / name, environment=environment())
        self._children.append(child)

        def ended_or_answers():
            if child.exit_code() is not None:
                raise RuntimeError(f"{name} ended at its start: {child.output()[-600:]}")
            with Connection(HOST, port, timeout=2, tls=context) as connection:
                return connection.command("GET", "any") or True

        wait_until(ended_or_answers, START_SECONDS, f"{name} on port {port}")
        return child.pid

    def start_by_file(self, name, command, text, port, context=None):
        """`command` followed by the path of a file with that text."""
        folder = self._folder / f"{name}-{port}"
        folder.mkdir(parents=True)
        file = folder / "config"
        file.write_text(text)
        return self.start(f"{name}-{port}", [*command, file], port, context)


class Ways:
    """Makes what is measured. `authority` (certificates.py) has signed everything."""

    def __init__(self, programs, binary, plain_nodes, tls_nodes, password, authority):
        self._programs, self._binary = programs, binary
        self._plain_nodes, self._tls_nodes, self._password = plain_nodes, tls_nodes, password
        self._authority = authority
        self._context = authority.context()
        self._arguments = ("--tls", "--cacert", str(authority.certificate))

    def slotless(self, name, clients_by_tls, nodes_by_tls, pair=None, more=()):
        port = processes.free_port()
        pair = pair or self._authority.proxy
        command = [self._binary, "--workers", 1, "--admin-listen", "off", "--client-auth", "none",
                   "--listen", f"{HOST}:{port}{'?tls=yes' if clients_by_tls else ''}", *more]
        if nodes_by_tls:
            command += ["--cluster-nodes", self._tls_nodes, "--password", self._password, *self._authority.upstream_options()]
        else:
            command += ["--cluster-nodes", self._plain_nodes]
        if clients_by_tls:
            command += ["--tls-cert-file", pair.certificate, "--tls-key-file", pair.key, "--tls-ca-cert-file",
                        self._authority.certificate, "--tls-auth-clients", "optional"]
        return self._measured(name, port, clients_by_tls, lambda context: [self._programs.start(name, command, port, context)])

    def predixy(self, program):
        port = processes.free_port()
        nodes = "\n".join(f"        + {node}" for node in self._plain_nodes.split(","))
        text = PREDIXY.format(host=HOST, port=port, nodes=nodes)
        return Measured("predixy", port, [self._programs.start_by_file("predixy", [program], text, port)])

    def before(self, name, program, template, behind, pair=None):
        """A program that ends TLS in front of another way."""
        port = processes.free_port()
        pair = pair or self._authority.proxy
        pem = Path(str(pair.certificate) + ".pem")
        pem.write_text(pair.certificate.read_text() + pair.key.read_text())
        text = template.format(host=HOST, port=port, to=behind.port, pem=pem)
        return self._measured(name, port, True, lambda context: [
            self._programs.start_by_file(program[0], program, text, port, context), *behind.pids])

    def _measured(self, name, port, by_tls, start):
        context = self._context if by_tls else None
        return Measured(name, port, start(context), self._arguments if by_tls else (), context)
