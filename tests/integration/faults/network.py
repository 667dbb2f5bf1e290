"""Two network namespaces with a cable between them that can be cut: nothing is refused then, packets just get lost.

 minority ── hub (a bridge) ── majority          both also have a cable of their own to the test, which is never cut.

A node's address is on its namespace's lo, so that it outlives the cable.
"""

import functools
import os
import shutil
import subprocess

from cluster import Place

_PREFIX = f"faults{os.getpid()}"
_NET = "10.211"


def _run(command):
    done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")


@functools.lru_cache(maxsize=None)
def forbidden():
    """Why there can be no namespaces here; None if there can."""
    if not shutil.which("ip"):
        return "there is no ip command"
    probe = f"{_PREFIX}-probe"
    try:
        _run(f"ip netns add {probe}")
        _run(f"ip netns exec {probe} ip link add probe type veth peer name other")
        _run(f"ip netns exec {probe} ip link add probe-bridge type bridge")
        return None
    except RuntimeError as error:
        return str(error)
    finally:
        subprocess.run(["ip", "netns", "del", probe], capture_output=True, check=False)


class Network:
    """Needs remove() at the end. Its address range is this process's: two tests at a time do not meet."""

    def __init__(self):
        block = os.getpid() % 200
        self._spaces, self._cables = [], []
        self._names = {side: f"{_PREFIX}-{side}" for side in ("hub", "minority", "majority")}
        try:
            for name in self._names.values():
                _run(f"ip netns add {name}")
                self._spaces.append(name)
                _run(f"ip -n {name} link set lo up")
            hub = self._names["hub"]
            _run(f"ip -n {hub} link add bridge type bridge")
            _run(f"ip -n {hub} link set bridge up")
            self.minority = self._make_side("minority", block, 1)
            self.majority = self._make_side("majority", block, 2)
            for side, other in (("minority", 2), ("majority", 1)):
                own = 3 - other
                _run(f"ip -n {self._names[side]} route add {_NET}.{block}.{other}/32 via {_NET}.{block}.{16 + other} "
                     f"src {_NET}.{block}.{own}")
        except RuntimeError:
            self.remove()
            raise

    def _make_side(self, side, block, number):
        space, hub = self._names[side], self._names["hub"]
        address = f"{_NET}.{block}.{number}"
        _run(f"ip -n {space} addr add {address}/32 dev lo")
        _run(f"ip -n {space} link add trunk type veth peer name {side} netns {hub}")
        _run(f"ip -n {space} addr add {_NET}.{block}.{16 + number}/28 dev trunk")
        _run(f"ip -n {space} link set trunk up")
        _run(f"ip -n {hub} link set {side} master bridge up")
        ours = f"f{os.getpid()}{side[:2]}"
        _run(f"ip -n {space} link add control type veth peer name {ours} netns {os.getpid()}")
        self._cables.append(ours)
        base = 32 + 4 * number
        _run(f"ip -n {space} addr add {_NET}.{block}.{base + 1}/30 dev control")
        _run(f"ip -n {space} link set control up")
        _run(f"ip addr add {_NET}.{block}.{base + 2}/30 dev {ours}")
        _run(f"ip link set {ours} up")
        _run(f"ip route add {address}/32 via {_NET}.{block}.{base + 1}")
        return Place(address, ("ip", "netns", "exec", space))

    def cut(self):
        _run(f"ip -n {self._names['hub']} link set minority down")

    def heal(self):
        _run(f"ip -n {self._names['hub']} link set minority up")

    def remove(self):
        # The kernel takes its time with a namespace: our ends of the cables go first, for the next test's sake.
        for name in self._cables:
            subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)
        for name in self._spaces:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        self._spaces, self._cables = [], []
