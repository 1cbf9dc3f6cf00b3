"""Messages between the operator and its workers: a head in JSON, and a body of bytes as they are.

Nothing of what users control is ever code here, as it would be in a pickle.
"""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

Head = dict[str, Any]

#: Lengths of the head and of the body, before both.
LENGTHS = struct.Struct("!II")


def packed(head: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Writes a message."""
    written = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((LENGTHS.pack(len(written), len(body)), written, body))


def receive(channel: socket.socket) -> tuple[Head, bytes] | None:
    """Waits for a message. Returns None once there will be none any more."""
    lengths = _exactly(channel, LENGTHS.size)
    if lengths is None:
        return None
    head_length, body_length = LENGTHS.unpack(lengths)
    head, body = _exactly(channel, head_length), _exactly(channel, body_length)
    return None if head is None or body is None else (json.loads(head), body)


def _exactly(channel: socket.socket, size: int) -> bytes | None:
    received = bytearray(size)
    view, count = memoryview(received), 0
    while count < size:
        more = channel.recv_into(view[count:])
        if not more:
            return None
        count += more
    return bytes(received)
