"""TCP forwarders in front of servers, whose connections can be made to forget: nothing comes through any more, and nobody is told."""

import selectors
import socket
import threading

from cluster import HOST


class Forwarder:
    """Listens for one server. All connections are served by one thread."""

    def __init__(self, target_port):
        self._target = (HOST, target_port)
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._peers = {}
        self._forgotten = set()
        self._lock = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def forget(self):
        """All connections that there are; new ones work."""
        with self._lock:
            self._forgotten |= set(self._peers)
            return len(self._forgotten) // 2

    def stop(self):
        self._ended = True
        self._thread.join(timeout=5)
        for each in (self._listener, *self._peers):
            each.close()

    def _run(self):
        while not self._ended:
            for key, _ in self._selector.select(timeout=0.1):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._forward(key.fileobj)

    def _accept(self):
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(self._target, timeout=5)
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, one):
        other = self._peers.get(one)
        if other is None:
            return
        try:
            data = one.recv(1 << 16)
        except OSError:
            data = b""
        if one in self._forgotten:
            if not data:
                self._selector.unregister(one)
            return
        try:
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        for each in (one, other):
            self._selector.unregister(each)
            self._peers.pop(each, None)
            each.close()
