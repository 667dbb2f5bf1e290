"""What TLS costs: processor time per request, per handshake and memory per idle connection, in interleaved rounds.

Processor time of the process counts (of both, where one ends TLS before another), since a busy machine changes the clock
far more than that.
"""
import shutil
import ssl
import statistics
import subprocess
import time

from bench.load import run_load
from bench.scenarios import SCENARIOS, populate
from bench.servers import HOST, StartError
from bench.tls_servers import HAPROXY, STUNNEL, Programs, Ways
from certificates import Authority
from cluster import PASSWORD, Cluster
from processes import memory_bytes
from resp import Connection

LOADS = ("get", "get-p32", "set-p32", "get-100k")
HANDSHAKES = 300
IDLE = 400
LIMIT_S = 120
ENDS_TLS = {"haproxy": (["haproxy", "-db", "-f"], HAPROXY), "stunnel4": (["stunnel4"], STUNNEL)}


def cpu_seconds(pids):
    """With threads that have ended, as those of stunnel do with their connections (clock_getcpuclockid(3))."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def microseconds(way, requests, run):
    before = cpu_seconds(way.pids)
    run()
    return (cpu_seconds(way.pids) - before) * 1e6 / requests


def per_request(ways, rounds, seconds, say):
    """name of the load → way → microseconds of each round."""
    found = {}
    for load in LOADS:
        scenario = SCENARIOS[load]
        counts = {}
        for way in ways:
            rate = run_load(HOST, way.port, scenario, scenario.probe, LIMIT_S, way.tls)["rps"]
            counts[way.name] = max(scenario.probe // 4, int(rate * seconds))
        rows = found[load] = {way.name: [] for way in ways}
        for number in range(rounds):
            first = number % len(ways)
            for way in ways[first:] + ways[:first]:
                rows[way.name].append(microseconds(way, counts[way.name], lambda way=way: run_load(
                    HOST, way.port, scenario, counts[way.name], LIMIT_S, way.tls)))
                say(f"{load:9} {way.name:22} {rows[way.name][-1]:8.2f} us per request")
    return found


def connections(way):
    for _ in range(HANDSHAKES):
        with way.connect() as connection:
            connection.command("PING")


def handshakes(way, resumed):
    """Makes HANDSHAKES connections. TLS 1.3 gives a session with the first answer."""
    with way.connect() as first:
        first.command("PING")
        session = first.socket.session
    for _ in range(HANDSHAKES):
        with Connection(HOST, way.port) as connection:
            connection.socket = way.context.wrap_socket(connection.socket, server_hostname=HOST,
                                                        session=session if resumed else None)
            connection.command("PING")
            if connection.socket.session_reused != resumed:
                raise StartError(f"{way.name}: a session was {'not ' if resumed else ''}resumed")
            session = connection.socket.session  # a ticket of TLS 1.3 is for one time


def per_handshake(plain, ways, rounds, say):
    """Name → microseconds of each round: of a connection with one PING."""
    found = {}
    for _ in range(rounds):
        found.setdefault("without TLS", []).append(microseconds(plain, HANDSHAKES, lambda: connections(plain)))
        for way in ways:
            for resumed in (False, True):
                cost = microseconds(way, HANDSHAKES, lambda way=way, resumed=resumed: handshakes(way, resumed))
                name = f"{way.name}, {'resumed' if resumed else 'full'}"
                found.setdefault(name, []).append(cost)
                say(f"{name:40} {cost:8.1f} us per connection")
    return found


def per_idle(way):
    """Bytes of resident memory for each of IDLE connections that have asked for something once."""
    def resident():
        return sum(memory_bytes(pid, "VmRSS") for pid in way.pids)

    def make():
        made = [way.connect() for _ in range(IDLE)]
        for each in made:
            each.command("PING")
        return made

    few = [way.connect() for _ in range(10)]
    before = resident()
    many = make()  # the first that are so many: nothing that was given back is taken again
    taken = resident() - before
    for each in few + many:
        each.close()
    return taken / IDLE


def table(title, rows):
    """rows: name → list of figures, the first of them the one that ratios are taken to."""
    lines = ["", f"| {title} | median (least – most) | ratio |", "|---|---|---|"]
    base = None
    for name, values in rows.items():
        middle = statistics.median(values)
        base = base or middle or 1
        lines.append(f"| {name} | {middle:.2f} ({min(values):.2f}–{max(values):.2f}) | {middle / base:.2f} |")
    return lines


def measure_tls(servers, binary, options, folder, say):
    """Prints each figure with `say`, and the tables at the end."""
    authority = Authority()
    rsa = authority.issue("proxy-rsa", "IP:127.0.0.1", kind=("rsa:2048",))
    nodes, _ = servers.start_cluster()
    by_tls = Cluster(replicas=0, tls=authority)
    try:
        with Programs(folder) as programs:
            ways = Ways(programs, binary, nodes, ",".join(by_tls.addresses()), PASSWORD, authority)
            plain = ways.slotless("plain", False, False)
            encrypted = ways.slotless("clients by TLS", True, False)
            fresh = [ways.slotless("plain", False, False), ways.slotless("clients by TLS", True, False),
                     ways.slotless("clients by TLS, with certificates", True, False)]
            fresh[-1].context = authority.context(authority.client)
            loaded = [plain, encrypted, ways.slotless("nodes by TLS", False, True), ways.slotless("both by TLS", True, True)]
            populate(HOST, plain.port)
            populate(HOST, loaded[2].port)
            shaking = [encrypted, ways.slotless("clients by TLS, RSA", True, False, rsa)]
            behind = ways.predixy(options.predixy) if options.predixy else plain
            if options.predixy:
                loaded.append(behind)
            for kind, (program, template) in ENDS_TLS.items():
                if not shutil.which(program[0]):
                    say(f"no {program[0]}: left out")
                    continue
                loaded.append(ways.before(f"{kind} + {behind.name}", program, template, behind))
                fresh.append(ways.before(f"{kind} + {behind.name}", program, template, behind))
                shaking += [loaded[-1], ways.before(f"{kind} + {behind.name}, RSA", program, template, behind, rsa)]
            requests = per_request(loaded, options.rounds, options.seconds, say)
            shakes = per_handshake(plain, shaking, options.rounds, say)
            idle = {way.name: [per_idle(way) / 1024] for way in fresh}
    finally:
        by_tls.stop()
    for load, rows in requests.items():
        say("\n".join(table(f"{SCENARIOS[load].meaning}: µs of a processor per request", rows)))
    say("\n".join(table("µs of a processor per connection with one PING", shakes)))
    say("\n".join(table("KiB of resident memory per idle connection", idle)))
    say(f"\n{ssl.OPENSSL_VERSION}; " + subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.strip())
