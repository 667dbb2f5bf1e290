"""Child processes that never outlive the test, their free ports and their folders.

Every child dies with the test (PR_SET_PDEATHSIG), even when the test is killed; only own children are ever signalled.
"""

import atexit
import ctypes
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from waiting import wait_until

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# Below the usual ephemeral range (32768 …), so that no outgoing connection sits on a port that was just found free.
# A cluster node also needs port + 10000 for the cluster bus.
NODE_PORTS = range(11000, 20000)
BUS_OFFSET = 10000
OTHER_PORTS = range(30000, 32700)

# A bare root directory may lack /proc, without which nobody's memory can be measured.
MEMORY_IS_VISIBLE = os.path.exists("/proc/self/clear_refs")

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_children = set()
_reserved = {}
_directory = None


def _port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@atexit.register
def _give_back_ports():
    for holder in _reserved.values():
        holder.close()


def _reserve(port):
    """Among tests that run at the same time, until this process ends: a server takes its port only a while later, and
    who asks there would be answered by another test's. An abstract name of unix(7) stands for the port."""
    if port in _reserved:
        return False
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0slotless-test-port-{port}")
    except OSError:
        holder.close()
        return False
    _reserved[port] = holder
    return True


def free_port(with_bus=False):
    """A port that is free now, and that no other test gets. Somebody else may still be faster: whoever listens on it
    retries with another one."""
    for _ in range(500):
        port = random.choice(NODE_PORTS if with_bus else OTHER_PORTS)
        wanted = [port, port + BUS_OFFSET] if with_bus else [port]
        if all(_port_is_free(each) and _reserve(each) for each in wanted):
            return port
    raise RuntimeError("no free port found")


def directory():
    """The folder of this test run, made on first use."""
    global _directory
    if _directory is None:
        parent = pathlib.Path(os.environ.get("SLOTLESS_TEST_DIR", REPOSITORY / "build" / "integration-data"))
        parent.mkdir(parents=True, exist_ok=True)
        name = pathlib.Path(sys.argv[0]).stem or "test"
        _directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
    return _directory


def remove_directory():
    """To be called when all went well; otherwise the logs stay for whoever looks into it."""
    if _directory is not None:
        shutil.rmtree(_directory, ignore_errors=True)


def memory_bytes(pid, field="VmHWM"):
    """VmHWM: the peak of the resident memory, VmRSS: the resident memory now (proc(5))."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {field} of process {pid}")


class Child:
    """One child process; stdout and stderr go to files in `folder`."""

    def __init__(self, arguments, folder, environment=None):
        folder.mkdir(parents=True, exist_ok=True)
        self._how = (arguments, folder, environment)
        self.stdout_path = folder / "stdout"
        self.stderr_path = folder / "stderr"
        parent = os.getpid()

        def die_with_parent():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self._process = subprocess.Popen(
                [str(each) for each in arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                cwd=folder, env=environment, preexec_fn=die_with_parent)
        _children.add(self)

    @property
    def pid(self):
        return self._process.pid

    def again(self):
        """After its end: the same command once more, in the same folder."""
        return Child(*self._how)

    def exit_code(self):
        """None while it runs."""
        return self._process.poll()

    def signal(self, number):
        self._process.send_signal(number)
        if number == signal.SIGSTOP:
            wait_until(self._is_frozen, 20, f"process {self.pid} to stand still")

    def _is_frozen(self):
        """On a busy machine the others of its threads run on until the one that got the signal has its turn."""
        states = []
        for status in pathlib.Path(f"/proc/{self.pid}/task").glob("*/stat"):
            states.append(status.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0])
        return all(state in "TtZX" for state in states)

    def wait(self, seconds):
        """The exit code. A process that is still there after `seconds` is killed: subprocess.TimeoutExpired."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            _children.discard(self)

    def kill(self):
        self._process.kill()
        self._process.wait()
        _children.discard(self)

    def output(self):
        texts = (path.read_text(errors="replace") for path in (self.stdout_path, self.stderr_path))
        return "\n".join(texts)

    def memory_bytes(self, field="VmHWM"):
        return memory_bytes(self.pid, field)

    def reset_peak_memory(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as clear:
            clear.write("5")


@atexit.register
def _kill_children():
    for child in list(_children):
        child.kill()


def _exit_on_sigterm(_number, _frame):
    sys.exit(128 + signal.SIGTERM)


signal.signal(signal.SIGTERM, _exit_on_sigterm)
