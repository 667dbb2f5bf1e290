"""Clients that wait in BLPOP while others are measured."""
import resource
from contextlib import contextmanager

from resp import Connection, pack
from waiting import wait_until

WAIT_SECONDS = 60
SPARE_DESCRIPTORS = 100


def blocked_now(host, port):
    with Connection(host, port) as server:
        facts = server.command("INFO", "clients").decode().split("\r\n")
    return int(next(fact.partition(":")[2] for fact in facts if fact.startswith("blocked_clients:")))


@contextmanager
def blocked_clients(host, port, count):
    """`count` clients, each blocked on a list of its own, over all slots; all are gone when the `with` ends."""
    if count == 0:
        yield
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + SPARE_DESCRIPTORS), hard))
    connections = []
    try:
        for number in range(count):
            connections.append(Connection(host, port))
            connections[-1].send(pack("BLPOP", f"blocked:{number}", "0"))
        wait_until(lambda: blocked_now(host, port) == count, WAIT_SECONDS, f"{count} blocked clients")
        yield
    finally:
        for connection in connections:
            connection.close()
    wait_until(lambda: blocked_now(host, port) == 0, WAIT_SECONDS, "the blocked clients to be gone")
