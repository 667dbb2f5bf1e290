"""A stretch of network between the daemon and one node, which can lose the connections that lead through it."""

import socket
import threading

from cluster import HOST


class Forwarder:
    """Listens on `port` of its own. Needs close() at the end."""

    def __init__(self, host, port):
        self._target = (host, port)
        self._lock = threading.Lock()
        self._flows = []
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_all(self):
        """What leads through here now gets nothing any more in either direction, and nobody is told; returns how many."""
        with self._lock:
            alive = [flow for flow in self._flows if flow.alive]
            for flow in alive:
                flow.lost = True
        return len(alive)

    def close(self):
        # A thread that waits in accept() holds the listener open: it has to be woken.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for flow in self._flows:
                flow.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, 10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._flows.append(_Flow(near, far))


class _Flow:
    def __init__(self, near, far):
        self.lost, self.alive = False, True
        self._ends = (near, far)
        for end in self._ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source, target):
        try:
            while True:
                data = source.recv(1 << 18)
                if self.lost:
                    return  # with both ends open
                if not data:
                    break
                target.sendall(data)
        except OSError:
            pass
        if not self.lost:
            self.alive = False
            self.close()

    def close(self):
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
