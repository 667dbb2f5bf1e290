"""Stands in for an OpenTelemetry collector, of which Debian has none: takes spans by OTLP over HTTP, decodes them with a
decoder of its own, and fails in whichever way a test wants.

Source: opentelemetry-proto 1.x (trace.proto, resource.proto, common.proto, trace_service.proto).
"""

import http.server
import socket
import socketserver
import threading

import processes

TAKE, BUSY, REFUSE, REJECT_ONE, HANG, SLOW = "take", "busy", "refuse", "reject one", "hang", "slow"
SLOW_SECONDS = 0.3
INTERNAL, SERVER, CLIENT = 1, 2, 3
ERROR = 2

# Message -> number of the field -> (name, kind). A kind is a message, or "text", "bytes", "number", "fixed"; with a * it may
# be there several times.
MESSAGES = {
    "Request": {1: ("resource_spans", "ResourceSpans*")},
    "ResourceSpans": {1: ("resource", "Resource"), 2: ("scope_spans", "ScopeSpans*")},
    "Resource": {1: ("attributes", "KeyValue*")},
    "ScopeSpans": {1: ("scope", "Scope"), 2: ("spans", "Span*")},
    "Scope": {1: ("name", "text"), 2: ("version", "text")},
    "Span": {1: ("trace_id", "bytes"), 2: ("span_id", "bytes"), 4: ("parent_span_id", "bytes"), 5: ("name", "text"), 6: ("kind", "number"),
             7: ("start", "fixed"), 8: ("end", "fixed"), 9: ("attributes", "KeyValue*"), 15: ("status", "Status"), 16: ("flags", "fixed")},
    "Status": {3: ("code", "number")},
    "KeyValue": {1: ("key", "text"), 2: ("value", "AnyValue")},
    "AnyValue": {1: ("text", "text"), 3: ("number", "number")},
}
WIRES = {"text": (2,), "bytes": (2,), "number": (0,), "fixed": (1, 5)}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def decode(data, message="Request"):
    """As a dict. Raises ValueError for whatever is not known."""
    found, at = {}, 0
    try:
        while at < len(data):
            tag, at = varint(data, at)
            if tag >> 3 not in MESSAGES[message]:
                raise ValueError(f"{message} has no field {tag >> 3}")
            name, kind = MESSAGES[message][tag >> 3]
            wire = tag & 7
            if wire == 0:
                value, at = varint(data, at)
            elif wire in (1, 5):
                size = 8 if wire == 1 else 4
                value = int.from_bytes(data[at:at + size], "little")
                at += size
            elif wire == 2:
                length, at = varint(data, at)
                value = data[at:at + length]
                if len(value) != length:
                    raise ValueError(f"{message}.{name} is cut off")
                at += length
            else:
                raise ValueError(f"{message}.{name} has the wire type {wire}")
            plain = kind.rstrip("*")
            if wire not in WIRES.get(plain, (2,)):
                raise ValueError(f"{message}.{name} has the wire type {wire}")
            if plain == "text":
                value = value.decode()
            elif plain in MESSAGES:
                value = decode(value, plain)
            if kind.endswith("*"):
                found.setdefault(name, []).append(value)
            elif name in found:
                raise ValueError(f"{message}.{name} is there twice")
            else:
                found[name] = value
    except IndexError as error:
        raise ValueError(f"{message} is cut off") from error
    return found


def attributes_of(found):
    pairs = [(each["key"], each["value"].get("text", each["value"].get("number"))) for each in found.get("attributes", ())]
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"an attribute is there twice: {pairs}")
    return dict(pairs)


class Span:
    def __init__(self, found, resource):
        self.trace = found["trace_id"].hex()
        self.id = found["span_id"].hex()
        self.parent = found.get("parent_span_id", b"").hex()
        self.name = found["name"]
        self.kind = found["kind"]
        self.start, self.end = found["start"], found["end"]  # nanoseconds of Unix time
        self.attributes = attributes_of(found)
        self.failed = found.get("status", {}).get("code") == ERROR
        self.flags = found["flags"]
        self.resource = resource
        if len(self.trace) != 32 or len(self.id) != 16 or len(self.parent) not in (0, 16):
            raise ValueError(f"an id has the wrong length: {self}")

    def __repr__(self):
        return f"<{self.name} {self.trace}/{self.parent}/{self.id} {self.attributes}>"


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False


class Collector:
    """`behaviour` may be changed at any time; it counts for the posts that come from then on."""

    def __init__(self, host="127.0.0.1"):
        self.host = host
        self.port = processes.free_port()
        self.behaviour = TAKE
        self.wrong = []  # what could not be understood
        self._lock = threading.Lock()
        self._spans = []
        self._bodies = []
        self._posts = []
        self._connections = set()
        self._released = threading.Event()
        self._server = None
        self.start()

    @property
    def endpoint(self):
        return f"http://{self.host}:{self.port}/v1/traces"

    def start(self):
        """Again on the same port, if it has been there before."""
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                with collector._lock:
                    collector._connections.add(self.request)

            def finish(self):
                with collector._lock:
                    collector._connections.discard(self.request)
                super().finish()

            def do_POST(self):
                collector._on_post(self)

            def log_message(self, *_):
                pass

        self._released.clear()
        self._server = _Server((self.host, self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """As a process that is killed: connections end, and new ones are refused."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        self._released.set()
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def spans(self, name=None):
        """All that were taken, or those of that name."""
        with self._lock:
            return [span for span in self._spans if name is None or span.name == name]

    def trace_of(self, span):
        """The spans of its trace, by their start."""
        return sorted((each for each in self.spans() if each.trace == span.trace), key=lambda each: (each.start, each.parent == span.id))

    def bodies(self):
        with self._lock:
            return b"".join(self._bodies)

    def posts(self):
        """The behaviours by which posts were answered, or were not."""
        with self._lock:
            return list(self._posts)

    def forget(self):
        with self._lock:
            self._spans.clear()
            self._bodies.clear()
            self._posts.clear()

    def _on_post(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        behaviour = self.behaviour
        try:
            spans = self._read(handler, body)
        except (ValueError, KeyError) as error:
            self.wrong.append(repr(error))
            spans = []
        with self._lock:
            self._posts.append(behaviour)
            self._bodies.append(body)
        if behaviour == HANG:
            self._released.wait()
            handler.close_connection = True
            return
        if behaviour == SLOW:
            self._released.wait(SLOW_SECONDS)
        status, answer, headers = 200, b"", {}
        if behaviour == BUSY:
            status, headers = 503, {"Retry-After": "1"}
        elif behaviour == REFUSE:
            status, answer = 400, b"no such thing"
        elif behaviour == REJECT_ONE:
            answer = bytes([0x0a, 5, 0x08, 1, 0x12, 1]) + b"x"
        if status == 200:
            with self._lock:
                self._spans += spans
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Type", "application/x-protobuf")
            handler.send_header("Content-Length", str(len(answer)))
            handler.end_headers()
            handler.wfile.write(answer)
        except OSError:
            handler.close_connection = True  # nobody waits any more

    def _read(self, handler, body):
        if handler.path != "/v1/traces" or handler.headers["Content-Type"] != "application/x-protobuf":
            raise ValueError(f"posted to {handler.path} as {handler.headers['Content-Type']}")
        if handler.headers["Host"] != f"{self.host}:{self.port}":
            raise ValueError(f"posted to {handler.headers['Host']}")
        spans = []
        for resource_spans in decode(body)["resource_spans"]:
            resource = attributes_of(resource_spans["resource"])
            for scope_spans in resource_spans["scope_spans"]:
                if scope_spans["scope"]["name"] != "slotless":
                    raise ValueError(f"the scope is {scope_spans['scope']}")
                spans += [Span(each, resource) for each in scope_spans["spans"]]
        return spans
