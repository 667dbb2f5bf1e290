"""Processor time and memory as Linux counts them (proc(5); schedstat: Documentation/scheduler/sched-stats.rst)."""
import os
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class ProcessGone(Exception):
    pass


def read_proc(path):
    try:
        with open(path) as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None


def cpu_ns_by_thread(pid):
    """Time on a processor of each live thread, exact to the nanosecond (ticks would be too coarse)."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        raise ProcessGone(f"process {pid} is gone: it crashed, or the pid is wrong") from None
    texts = {thread: read_proc(f"/proc/{pid}/task/{thread}/schedstat") for thread in threads}
    return {thread: int(text.split()[0]) for thread, text in texts.items() if text}


def cpu_seconds(pids):
    return sum(sum(cpu_ns_by_thread(pid).values()) for pid in pids) / 1e9


def user_and_system_ticks(pid):
    text = read_proc(f"/proc/{pid}/stat")
    if text is None:
        raise ProcessGone(f"process {pid} is gone")
    fields = text.rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def machine_seconds():
    """(busy, stolen by the hypervisor), over all processors."""
    user, nice, system, _, _, irq, softirq, stolen = map(int, read_proc("/proc/stat").splitlines()[0].split()[1:9])
    return (user + nice + system + irq + softirq) / TICKS_PER_S, stolen / TICKS_PER_S


def forget_peak_memory(pid):
    try:
        with open(f"/proc/{pid}/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # not allowed for another user's process: then the peak is the one since its start


def peak_memory_mib(pid):
    for line in (read_proc(f"/proc/{pid}/status") or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Usage:
    """What one process, its backends, we with our children, and the machine used since this was made."""

    def __init__(self, pid, backends):
        self._pid = pid
        self._backends = [b for b in backends if b != pid]
        forget_peak_memory(pid)
        self._before = self._read()

    def _read(self):
        own = os.times()
        return {
            "threads": cpu_ns_by_thread(self._pid),
            "ticks": user_and_system_ticks(self._pid),
            "backends": cpu_seconds(self._backends),
            "clients": own.user + own.system + own.children_user + own.children_system,
            "machine": machine_seconds(),
            "clock": time.monotonic(),
        }

    def finish(self, requests):
        """Microseconds per request, and percent of one processor."""
        before, after = self._before, self._read()
        cpu_s = sum(ns - before["threads"].get(t, 0) for t, ns in after["threads"].items()) / 1e9
        user, system = (b - a for a, b in zip(before["ticks"], after["ticks"]))
        user_share = user / (user + system) if user + system else 0.5
        backend_s = after["backends"] - before["backends"]
        client_s = after["clients"] - before["clients"]
        wall_s = after["clock"] - before["clock"]
        busy_s, stolen_s = (b - a for a, b in zip(before["machine"], after["machine"]))
        per_request = 1e6 / requests
        percent = 100 / wall_s
        return {
            "cpu_us": cpu_s * per_request,
            "user_us": cpu_s * user_share * per_request,
            "system_us": cpu_s * (1 - user_share) * per_request,
            "backend_us": backend_s * per_request,
            "client_us": client_s * per_request,
            "busy_percent": cpu_s * percent,
            "others_percent": max(0.0, busy_s - cpu_s - backend_s - client_s) * percent,
            "stolen_percent": stolen_s * percent,
            "peak_mib": peak_memory_mib(self._pid),
        }
