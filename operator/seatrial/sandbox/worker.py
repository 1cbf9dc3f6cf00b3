"""A worker: evaluates what it is sent, one thing after another, until its channel is closed or it was too much.

It holds no credentials and writes nothing. What goes wrong is told by its kind alone, never with values.
"""

import json
import os
import socket
import traceback
from pathlib import Path

from seatrial.judge.progress import untold
from seatrial.sandbox.limits import GROWTH_BYTES, data_bytes, limited
from seatrial.sandbox.message import Head, packed, receive
from seatrial.sandbox.tasks import TASKS

#: Bytes of a reply: a request with its values filled in, and what encodes it.
REPLY_BYTES = 2 << 20
#: How much less a slow evaluation counts, where CPU is scarce, than the operator itself.
NICE = 10


def serve(channel: socket.socket) -> None:
    """Answers calls until there are no more, or until this process is better replaced."""
    began = data_bytes()
    while (call := receive(channel)) is not None:
        head, body = call
        if head["slow"]:
            os.nice(NICE)
        reply, reply_body = _evaluate(channel, head, body)
        worn = bool(head["slow"]) or "large" in reply or data_bytes() > began + GROWTH_BYTES
        channel.sendall(packed(reply | {"worn": worn}, reply_body))
        if worn:
            return


def warm_up() -> None:
    """Evaluates something of each kind, so that no worker has to pay for what is only done once."""
    answer = {"status": 200, "headers": {}, "length": 2, "seconds": 0.0}
    step = {"name": "a", "http": {"service": "a", "path": "/${run.id}"}, "expect": ["response.json.all(x, x == 1)"]}
    call = {"step": step, "context": {"run.id": "1"}, "secrets": [], "answers": [answer], "when": "run.id == ''"}
    for task in ("requests", "answers", "when"):
        TASKS[task](call, b"[]", untold)
    services = [{"name": "a", "image": "a", "ports": [{"name": "http", "port": 80}]}]
    spec = {"environment": {"services": services}, "steps": [step]}
    TASKS["spec"]({"kind": "TestScenario"}, json.dumps(spec).encode(), untold)


def _evaluate(channel: socket.socket, head: Head, body: bytes) -> tuple[Head, bytes]:
    last = ["", ""]

    def at(field: str, expression: str) -> None:
        last[:] = field, expression
        if head["slow"]:
            channel.sendall(packed({"at": last}))

    try:
        with limited(head["cpu"]):
            reply, reply_body = TASKS[head["task"]](head, body, at)
            large = len(packed(reply, reply_body)) > REPLY_BYTES
    except MemoryError:
        large = True
    except Exception as error:  # noqa: BLE001 - told as a bug, but without its message, which may hold values
        return {"bug": _where(error)}, b""
    return ({"large": last}, b"") if large else (reply, reply_body)


def _where(error: Exception) -> str:
    places = traceback.extract_tb(error.__traceback__)[-8:]
    return f"{type(error).__name__} at " + " > ".join(f"{Path(place.filename).name}:{place.lineno}" for place in places)
