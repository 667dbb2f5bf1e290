"""A daemon that is upgraded in place: each generation is started by the one before, and a child of this test in the end."""

import atexit
import ctypes
import os
import re
import signal

import processes
from proxy import Proxy, binary
from waiting import wait_until

READY_SECONDS = 30
_PR_SET_CHILD_SUBREAPER = 36
_pids = set()


class UpgradingProxy(Proxy):
    """Its program is a name of its own, which a test can let mean something else."""

    def __init__(self, nodes, options=(), **more):
        # Whose parent has ended becomes a child of this process.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self.program = processes.directory() / f"slotless-{id(self)}"
        self.install()
        super().__init__(nodes, options, program=self.program, **more)
        self.pid = self.child.pid

    def install(self, script=None):
        """The program is the daemon from now on, or a shell script with these lines."""
        fresh = self.program.with_suffix(".new")
        if script is None:
            fresh.symlink_to(binary())
        else:
            fresh.write_text("#!/bin/sh\n" + script)
            fresh.chmod(0o755)
        fresh.rename(self.program)

    def log(self):
        return self.child.output()

    def begin_upgrade(self):
        os.kill(self.pid, signal.SIGUSR2)

    def upgrade(self):
        """Returns the number of the process that served before; it may still be there."""
        begin = len(self.log())
        before = self.pid
        self.begin_upgrade()

        def taken_over():
            news = self.log()[begin:]
            begun = re.search(r"upgrade begun .*successor=(\d+)", news)
            if begun:
                _pids.add(int(begun[1]))
            return re.search(r"slotless ready to accept clients .*pid=(\d+)", news)

        self.pid = int(wait_until(taken_over, READY_SECONDS, "the successor to be ready")[1])
        return before

    def kill_and_restart(self):
        super().kill_and_restart()
        self.pid = self.child.pid

    def terminate(self):
        os.kill(self.pid, signal.SIGTERM)

    def finish(self):
        """All generations have to end in order."""
        wait_until(lambda: has_ended(self.pid), READY_SECONDS, f"process {self.pid} to end")
        super().finish()



def has_ended(pid, in_order=True):
    """A process that has been a child of another one of ours."""
    try:
        reaped, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return not os.path.exists(f"/proc/{pid}")
    if reaped and status and in_order:
        raise AssertionError(f"process {pid} ended with status {status}")
    _pids.discard(reaped)
    return bool(reaped)


@atexit.register
def _kill_successors():
    for pid in _pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
