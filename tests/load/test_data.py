"""Values that requests are made of, and the cookies that users keep."""

import uuid
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.exchange import Data
from seatrial.load.cookies import Cookies
from seatrial.load.data import drawing


def chance(seed: int | str) -> Random:
    return Random(seed)  # noqa: S311 - no secret is made of it


def data(**more: object) -> Data:
    return Data.model_validate({"name": "d", **more})


@given(st.integers(1, 5), st.integers(0, 20))
def test_workers_never_take_the_same_number(workers: int, each: int) -> None:
    draw = drawing([data(sequence={"start": 7})], chance(0))
    numbers = [draw(index + turn * workers)["data.d"] for index in range(workers) for turn in range(each)]
    assert sorted(numbers) == list(range(7, 7 + workers * each))


def test_lines_are_taken_in_turn_and_again() -> None:
    draw = drawing([data(csv='name,note\nada,"a, b"\n\ngrace,c\n')], chance(0))
    assert [draw(number)["data.d.name"] for number in range(3)] == ["ada", "grace", "ada"]
    assert draw(0)["data.d.note"] == "a, b"


def test_chance_is_the_same_for_the_same_run_and_worker() -> None:
    def draws(seed: str) -> list[object]:
        draw = drawing([data(uuid="Random"), Data(name="p", pick=["a", "b"])], chance(seed))
        return [draw(number) for number in range(20)]

    assert draws("1/0") == draws("1/0") != draws("1/1")
    values = drawing([data(uuid="Random"), Data(name="p", pick=["a", "b"])], chance(1))(0)
    assert uuid.UUID(values["data.d"]).version == 4
    assert values["data.p"] in {"a", "b"}


def test_cookies_are_set_replaced_and_removed() -> None:
    cookies = Cookies()
    for header in ("a=1; Path=/; HttpOnly", "b=x=y", "a=2", "c", "=d", "e=1; Max-Age=60"):
        cookies.take(header)
    assert cookies.header == "a=2; b=x=y; e=1"
    cookies.take("b=; Max-Age=0")
    cookies.take("e=; max-age=-1")
    assert cookies.header == "a=2"
