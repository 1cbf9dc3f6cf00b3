"""Expressions and bodies, ordinary and nasty."""

from datetime import timedelta
from typing import Any

from seatrial.api.step import Step
from seatrial.judge.answer import Answer

MIB = 1 << 20
#: Hundreds of thousands of entries: some tenths of a second to read, and as much again for each expression.
DENSE = b"[" + b"[]," * (MIB // 3 - 1) + b"[]]"
LONG = b"a" * MIB
RUN = {"run.id": "1"}

#: Text that is joined to itself again and again: 256 MiB in the end.
DOUBLED = "['aaaaaaaa']" + ".map(a, a + a)" * 25 + ".size() == 1"
#: The same without any list, from the body.
REPLACED = "response.text.replace('a', response.text.substring(0, 1000)).size() > 1"
_TEN = "[1,2,3,4,5,6,7,8,9,10]"
#: A thousand times through a MiB.
GROUND = f"{_TEN}.all(a, {_TEN}.all(b, {_TEN}.all(c, response.text.replace('a', 'bb').size() > 0)))"


def step(*expect: str, **more: Any) -> Step:
    return Step.model_validate({"name": "look", "http": {"service": "web"}, "expect": list(expect)} | more)


def answer(body: bytes = b'{"id": 7}', status: int = 200) -> Answer:
    return Answer(status, {"content-type": "application/json"}, body, timedelta(milliseconds=5))
