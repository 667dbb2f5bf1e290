"""Servers that are in no cluster, asked directly, and sentinels that look after them."""

import processes
import resp
from cluster import HOST, PASSWORD, SERVER, START_SECONDS, start_server
from waiting import wait_until


class Server:
    """One plain server. `follows`: the master that it is a replica of."""

    def __init__(self, name, options=(), follows=None, tls=None, program=SERVER):
        more = ["--masterauth", PASSWORD, "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0",
                "--repl-ping-replica-period", "1", "--enable-debug-command", "yes"]
        if follows:
            more += ["--replicaof", HOST, follows.port]
        self.name = name
        self._tls = tls.context(tls.client) if tls else None
        self.child, self.port = start_server(name, [*more, *options], tls=tls, program=program)

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def connect(self, timeout=20):
        return resp.Connection(HOST, self.port, PASSWORD, timeout, tls=self._tls)

    def command(self, *arguments):
        with self.connect() as connection:
            return connection.command(*arguments)

    def info(self, section):
        lines = self.command("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def is_master(self):
        return self.command("ROLE")[0] == b"master"

    def wait_until_in_step(self):
        """Of a replica: it has all that its master has written so far."""
        wait_until(lambda: self.info("replication").get("master_link_status") == "up", START_SECONDS, f"{self.name} to follow")
        master = int(self.info("replication")["master_port"])
        with resp.Connection(HOST, master, PASSWORD, tls=self._tls) as connection:
            wait_until(lambda: connection.command("WAIT", 1, 1000) >= 1, START_SECONDS, f"{self.name} to be level")

    def kill(self):
        """kill -9."""
        self.child.kill()

    def again(self):
        """After kill(): the same server, with what it had written to its files."""
        self.child = self.child.again()
        wait_until(lambda: self.info("persistence")["loading"] == "0", START_SECONDS, f"{self.name} to be back")


class Sentinel:
    """Looks after `master` under the name "main". Two of three have to agree that it is down."""

    def __init__(self, name, master, password=None, quorum=2):
        self.name, self._password = name, password
        folder = processes.directory() / name
        folder.mkdir(parents=True)
        self.port = processes.free_port()
        lines = [f"port {self.port}", f"bind {HOST}", f"dir {folder}", f"sentinel monitor main {HOST} {master.port} {quorum}",
                 f"sentinel auth-pass main {PASSWORD}", "sentinel down-after-milliseconds main 1500",
                 "sentinel failover-timeout main 6000", "sentinel parallel-syncs main 1"]
        if password:
            lines += [f"requirepass {password}", f"sentinel sentinel-pass {password}"]
        configuration = folder / "sentinel.conf"
        configuration.write_text("\n".join(lines) + "\n")
        self.child = processes.Child([SERVER, configuration, "--sentinel"], folder)
        wait_until(lambda: self.command("PING") == b"PONG", START_SECONDS, f"{name} to answer")

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def command(self, *arguments):
        with resp.Connection(HOST, self.port, self._password) as connection:
            return connection.command(*arguments)

    def facts(self):
        """What it knows of the master."""
        words = [each.decode() for each in self.command("SENTINEL", "MASTER", "main")]
        return dict(zip(words[::2], words[1::2]))

    def wait_until_informed(self, replicas, sentinels):
        """Until it knows so many replicas and other sentinels, without which there is no failover."""

        def informed():
            facts = self.facts()
            return (int(facts["num-slaves"]) >= replicas and int(facts["num-other-sentinels"]) >= sentinels
                    and facts["flags"] == "master")

        wait_until(informed, START_SECONDS, f"{self.name} to know all others")

    def kill(self):
        self.child.kill()
