"""Keys and the 16,384 slots of a Redis Cluster (CRC16/XMODEM of the hash tag, Redis Cluster specification)."""

import binascii
import functools

SLOT_COUNT = 16384


def slot_of(key):
    data = key if isinstance(key, bytes) else key.encode()
    start = data.find(b"{")
    if start >= 0:
        end = data.find(b"}", start + 1)
        if end > start + 1:
            data = data[start + 1:end]
    return binascii.crc_hqx(data, 0) % SLOT_COUNT


@functools.lru_cache(maxsize=None)
def tag_of(slot):
    """A short text that hashes to `slot`; keys like "{text}name" live there."""
    for number in range(1_000_000):
        if slot_of(str(number)) == slot:
            return str(number)
    raise ValueError(f"no tag found for slot {slot}")


def key_in(slot, name="key"):
    return "{%s}%s" % (tag_of(slot), name)
