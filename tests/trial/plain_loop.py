"""What everybody writes first: SCAN, then DUMP and PTTL of a page's keys in one pipeline, then RESTORE in one pipeline to each master.

    plain_loop.py SOURCE-PORT PASSWORD TARGET-PORT
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import resp
from cluster import HOST
from slots import slot_of

PAGE = 500


def main(source_port, password, target_port):
    source = resp.Connection(HOST, int(source_port), password, 120)
    with resp.Connection(HOST, int(target_port), password) as node:
        masters = [(first, last, owner[1]) for first, last, owner, *_ in node.command("CLUSTER", "SLOTS")]
    links = {port: resp.Connection(HOST, port, password, 120) for port in {port for _, _, port in masters}}
    port_of = {slot: port for first, last, port in masters for slot in range(first, last + 1)}
    cursor = b"0"
    while True:
        cursor, names = source.command("SCAN", cursor, "COUNT", PAGE)
        source.send(resp.pack_all(request for name in names for request in (("DUMP", name), ("PTTL", name))))
        batches = {}
        for name in names:
            payload, left = source.read(), source.read()
            if payload is not None:
                batches.setdefault(port_of[slot_of(name)], []).append(("RESTORE", name, max(0, left), payload, "REPLACE"))
        for port, batch in batches.items():
            links[port].send(resp.pack_all(batch))
        for port, batch in batches.items():
            for _ in batch:
                reply = links[port].read()
                if isinstance(reply, resp.ReplyError):
                    sys.exit(f"RESTORE: {reply}")
        if cursor == b"0":
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
