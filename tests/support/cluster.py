"""A real Redis Cluster on loopback, made in a few seconds, whose slots and nodes a test can move, stop and kill."""

import collections
import os
import signal

import processes
import resp
from slots import SLOT_COUNT
from waiting import wait_until

HOST = "127.0.0.1"
PASSWORD = "integration-pass"
SERVER = os.environ.get("SLOTLESS_TEST_REDIS_SERVER", "redis-server")
NODE_TIMEOUT_MS = 2000
START_SECONDS = 30

# Where a process runs: the address it is reached at, and what its command line begins with (ip netns exec …).
Place = collections.namedtuple("Place", "host command")
LOOPBACK = Place(HOST, ())


def start_server(name, options, with_bus=False, place=LOOPBACK, tls=None, program=SERVER):
    """A running redis-server as (child, port); picks another port if somebody else got the first one. `tls`: an Authority
    (certificates.py), whose certificates it and those who ask it have then. `program`: of another version."""
    context = tls.context(tls.client) if tls else None
    for attempt in range(10):
        port = processes.free_port(with_bus=with_bus)
        folder = processes.directory() / f"{name}-{attempt}"
        where = tls.server_options(port) if tls else ["--port", port]
        arguments = [*place.command, program, "--bind", place.host, *where, "--requirepass", PASSWORD, "--save", "",
                     "--appendonly", "no", "--dir", folder, *options]
        child = processes.Child(arguments, folder)

        def answers_or_ended():
            if child.exit_code() is not None:
                return "ended"
            with resp.Connection(place.host, port, PASSWORD, tls=context) as connection:
                return connection.command("PING")

        if wait_until(answers_or_ended, START_SECONDS, f"{name} on port {port}") != "ended":
            return child, port
        if "Address already in use" not in child.output():
            raise RuntimeError(f"{program} did not start:\n{child.output()}")
    raise RuntimeError(f"{program} found no free port")


class Node:
    """One server of the cluster, asked directly. Owns its process and one connection."""

    def __init__(self, name, options=(), place=LOOPBACK, tls=None, program=SERVER):
        self.name = name
        self.host = place.host
        self._tls = tls.context(tls.client) if tls else None
        self._options = ["--masterauth", PASSWORD, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
                         "--cluster-node-timeout", NODE_TIMEOUT_MS, "--cluster-allow-replica-migration", "no",
                         "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0",
                         # CLUSTER SLOTS hides a replica until it has received something: a ping, at the latest.
                         "--repl-ping-replica-period", "1", "--enable-debug-command", "yes", *options]
        self.child, self.port = start_server(name, self._options, with_bus=True, place=place, tls=tls, program=program)
        self._connection = None
        self.id = self.command("CLUSTER", "MYID").decode()

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def alive(self):
        return self.child.exit_code() is None

    def trust(self, authority_file):
        """From now on its certificate may be signed by these, too."""
        self._tls.load_verify_locations(authority_file)

    def trust_any_name(self):
        """Its certificate may be for another name from now on."""
        self._tls.check_hostname = False

    def present(self, pair):
        """Whoever asks it has that certificate from now on."""
        self._tls.load_cert_chain(pair.certificate, pair.key)

    def connect(self, timeout=20):
        return resp.Connection(self.host, self.port, PASSWORD, timeout, tls=self._tls)

    def disconnect(self):
        """The connection of command(); the next one makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def command(self, *arguments):
        if self._connection is None:
            self._connection = self.connect()
        try:
            return self._connection.command(*arguments)
        except OSError:
            self.disconnect()
            raise

    def info(self, section):
        """One section of INFO, or CLUSTER INFO, as a dict of texts."""
        command = ("CLUSTER", "INFO") if section == "cluster-state" else ("INFO", section)
        lines = self.command(*command).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def stop(self):
        """Freezes the process; the kernel still accepts connections for it."""
        self.child.signal(signal.SIGSTOP)

    def cont(self):
        self.child.signal(signal.SIGCONT)

    def restart(self):
        """kill -9 (if that has not been done), and the same server again, without data; the cluster knows it."""
        if self.alive:
            self.kill()
        self.child = self.child.again()
        wait_until(lambda: self.info("persistence")["loading"] == "0", START_SECONDS, f"{self.name} to be back")

    def kill(self):
        """kill -9; the node's connections end."""
        self.child.kill()
        self.disconnect()


def set_slot(node, *words):
    """Valkey tells its replicas first, and refuses if one of them does not answer in time."""
    for _ in range(4):
        try:
            return node.command("CLUSTER", "SETSLOT", *words)
        except resp.ReplyError as error:
            if not str(error).startswith("NOREPLICAS"):
                raise
    return node.command("CLUSTER", "SETSLOT", *words)


class SlotMove:
    """A slot on its way from one node to another, step by step, so that a test can stay half-way."""

    def __init__(self, cluster, slot, source, target):
        self.cluster, self.slot, self.source, self.target = cluster, slot, source, target
        set_slot(target, slot, "IMPORTING", source.id)
        set_slot(source, slot, "MIGRATING", target.id)

    def migrate(self, keys=None):
        """Moves the given keys, or all there are."""
        batch = keys if keys is not None else self.source.command("CLUSTER", "GETKEYSINSLOT", self.slot, 100)
        while batch:
            self.source.command("MIGRATE", self.target.host, self.target.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS", *batch)
            batch = [] if keys is not None else self.source.command("CLUSTER", "GETKEYSINSLOT", self.slot, 100)

    def finish(self):
        """Gives the slot to the target (which must know first) and waits until every node agrees."""
        others = [node for node in self.cluster.masters() if node not in (self.source, self.target)]
        for node in (self.target, self.source, *others):
            set_slot(node, self.slot, "NODE", self.target.id)
        self.cluster.wait_for_owner(self.slot, self.target)

    def abort(self):
        for node in (self.source, self.target):
            set_slot(node, self.slot, "STABLE")


class Cluster:
    """`masters` masters with `replicas` replicas each, the slots dealt out evenly; `options` are all servers'. `tls`: an
    Authority (certificates.py); then the nodes speak nothing else, among themselves too."""

    _count = 0

    def __init__(self, masters=3, replicas=1, options=(), first_place=LOOPBACK, place=LOOPBACK, tls=None, places=(),
                 program=SERVER):
        """The first master is at `first_place`, all others at `place`; or each node at its own of `places`, the masters
        first."""
        Cluster._count += 1
        prefix = "" if Cluster._count == 1 else f"cluster-{Cluster._count}-"  # their folders must differ
        self._prefix, self._options, self.tls, self._program = prefix, options, tls, program

        def node(name, number):
            if not places:
                return Node(name, options, place if number else first_place, tls, program)
            # Who connects to another address of the loopback comes from 127.0.0.1.
            return Node(name, [*options, "--cluster-announce-ip", places[number].host], places[number], tls, program)

        self.first_masters = [node(f"{prefix}master-{i}", i) for i in range(masters)]
        self.first_replicas = [node(f"{prefix}replica-{i}", masters + i) for i in range(masters * replicas)]
        self.nodes = self.first_masters + self.first_replicas
        self._by_id = {node.id: node for node in self.nodes}
        self._give_slots()
        self._join()
        for number, replica in enumerate(self.first_replicas):
            replica.command("CLUSTER", "REPLICATE", self.first_masters[number % masters].id)
        wait_until(self._is_complete, START_SECONDS, "the cluster to be complete on every node")

    def stop(self):
        for node in self.nodes:
            if node.alive:
                node.kill()

    def add_replica(self, master):
        """One more replica, which the proxy finds by asking the cluster."""
        joined = Node(f"joined-{len(self.nodes)}", tls=self.tls, program=self._program)
        master.command("CLUSTER", "MEET", HOST, joined.port)
        self.nodes.append(joined)
        self._by_id[joined.id] = joined
        wait_until(lambda: self._knows_all(joined), START_SECONDS, "the new node to know the cluster")
        joined.command("CLUSTER", "REPLICATE", master.id)
        return joined

    def addresses(self):
        return [node.address for node in self.nodes]

    def owner(self, slot):
        """The master of a slot as the living nodes' newest view has it; None while they disagree."""
        owners = {self._owner_seen_by(node, slot) for node in self.nodes if node.alive}
        return owners.pop() if len(owners) == 1 else None

    def masters(self):
        """The living nodes that are masters now."""
        return [node for node in self.nodes if node.alive and node.command("ROLE")[0] == b"master"]

    def replica_of(self, master):
        """A living replica of the master."""
        for node in self.nodes:
            if node.alive:
                role = node.command("ROLE")
                if role[0] == b"slave" and int(role[2]) == master.port:
                    return node
        raise AssertionError(f"{master.name} has no living replica")

    def slots_of(self, master):
        """The slots of a master by its own view."""
        slots = []
        for first, last, owner, *_ in master.command("CLUSTER", "SLOTS"):
            if owner[2].decode() == master.id:
                slots.extend(range(first, last + 1))
        return slots

    def wait_for_owner(self, slot, node, seconds=20):
        wait_until(lambda: self.owner(slot) is node, seconds, f"{node.name} to own slot {slot} in every node's view")

    def begin_move(self, slot, target):
        return SlotMove(self, slot, self.owner(slot), target)

    def move_slot(self, slot, target):
        move = self.begin_move(slot, target)
        move.migrate()
        move.finish()

    def failover(self, replica):
        """A planned failover: the replica becomes master, nothing is lost. Works under load."""
        master = self.master_of(replica)
        slot = self.slots_of(master)[0]

        # Its request is ignored by a master, and its vote denied by others, who do not know it as a replica yet.
        def ready():
            followed = replica.info("replication").get("master_link_status") == "up"
            return followed and all(self._knows_as_replica(node, replica, master) for node in self.nodes if node.alive)

        wait_until(ready, 20, f"{replica.name} to follow {master.name}")
        replica.command("CLUSTER", "FAILOVER")
        self.wait_for_owner(slot, replica)

    def master_of(self, replica):
        port = int(replica.command("ROLE")[2])
        return next(node for node in self.nodes if node.port == port)

    def add_master(self, name):
        """One more node, without slots."""
        node = Node(f"{self._prefix}{name}", self._options, tls=self.tls, program=self._program)
        for other in self.nodes:
            node.command("CLUSTER", "MEET", other.host, other.port)
        self.nodes.append(node)
        self._by_id[node.id] = node
        self._wait_until_all_are_known()
        wait_until(lambda: node.info("cluster-state")["cluster_state"] == "ok", START_SECONDS, f"{name} to find its cluster")
        return node

    def forget(self, node):
        """Takes a node without slots out of the cluster, and ends it."""
        self.nodes.remove(node)
        del self._by_id[node.id]
        for other in self.nodes:
            if other.alive:
                other.command("CLUSTER", "FORGET", node.id)
        node.kill()

    def wait_for_replicas(self, seconds=20):
        """Until every living replica has all that its master has written."""
        wait_until(self._replicas_are_level, seconds, "the replicas to be level")

    def _give_slots(self):
        count = len(self.first_masters)
        bounds = [i * SLOT_COUNT // count for i in range(count + 1)]
        for i, node in enumerate(self.first_masters):
            node.command("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
        for epoch, node in enumerate(self.nodes, start=1):
            node.command("CLUSTER", "SET-CONFIG-EPOCH", epoch)

    def _join(self):
        # Everybody meets everybody: waiting for gossip would take seconds.
        for i, node in enumerate(self.nodes):
            for other in self.nodes[i + 1:]:
                node.command("CLUSTER", "MEET", other.host, other.port)
        self._wait_until_all_are_known()

    def _wait_until_all_are_known(self):
        def all_known():
            return all(self._knows_all(node) for node in self.nodes if node.alive)

        wait_until(all_known, START_SECONDS, "the nodes to know each other")

    def _knows_all(self, node):
        lines = node.command("CLUSTER", "NODES").decode().splitlines()
        settled = {line.split()[0] for line in lines if "handshake" not in line.split()[2]}
        return settled == set(self._by_id)

    def _knows_as_replica(self, node, replica, master):
        lines = node.command("CLUSTER", "NODES").decode().splitlines()
        fields = next(line.split() for line in lines if line.startswith(replica.id))
        return "slave" in fields[2] and fields[3] == master.id

    def _is_complete(self):
        for node in self.nodes:
            if node.info("cluster-state")["cluster_state"] != "ok":
                return False
            ranges = node.command("CLUSTER", "SLOTS")
            per_range = 1 + len(self.first_replicas) // len(self.first_masters)
            if sum(r[1] - r[0] + 1 for r in ranges) != SLOT_COUNT or any(len(r) - 2 != per_range for r in ranges):
                return False
        return self._replicas_are_level()

    def _replicas_are_level(self):
        for node in self.nodes:
            if not node.alive:
                continue
            replication = node.info("replication")
            if replication["role"] == "slave":
                master = next(each for each in self.nodes if each.port == int(replication["master_port"]))
                if replication["master_link_status"] != "up" or not master.alive:
                    return False
                if int(replication["slave_repl_offset"]) < int(master.info("replication")["master_repl_offset"]):
                    return False
        return True

    def _owner_seen_by(self, node, slot):
        for first, last, owner, *_ in node.command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return self._by_id[owner[2].decode()]
        return None
