"""The line: limits hold, nobody is passed over for ever, and everybody sees a place."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.control import ConcurrencyPolicy
from seatrial.plan.queue import ADMITTED, Entry, Limits, Place, Room, decide
from tests.plan.situations import at

NONE = Limits()


def entry(name: str, since: float = 0, *, namespace: str = "shop", state: str = "waits", **more: object) -> Entry:
    flags = {"waits": (False, True), "runs": (True, False), "again": (True, True)}[state]
    whole = Entry(f"TestScenario/{namespace}/{name}", namespace, at(since), active=flags[0], wants=flags[1])
    return replace(whole, **more)  # type: ignore[arg-type] # any of its fields


def places(*entries: Entry, limits: Limits = NONE) -> dict[str, Place]:
    return {key.rpartition("/")[2]: place for key, place in decide(entries, limits).items()}


def admitted(*entries: Entry, limits: Limits = NONE) -> list[str]:
    return [name for name, place in places(*entries, limits=limits).items() if place.admitted]


def test_without_limits_everybody_begins() -> None:
    assert admitted(entry("a"), entry("b"), entry("c", state="again")) == ["c", "a", "b"]


def test_a_full_group_is_waited_for_in_order() -> None:
    found = places(
        entry("a", state="runs", group="db"),
        entry("c", 2, group="db"),
        entry("b", 1, group="db"),
        entry("other", 3, group="web"),
        entry("far", 3, namespace="bank", group="db"),
    )
    assert found["b"] == Place(False, "ConcurrencyLimit", 1, "TestScenario a")
    assert found["c"] == Place(False, "ConcurrencyLimit", 2, "TestScenario b")
    assert found["other"] == found["far"] == ADMITTED


def test_nobody_overtakes_within_a_group() -> None:
    # The first one wants to be alone; whoever comes later would keep it waiting for ever.
    found = places(
        entry("a", state="runs", group="db", max=3), entry("b", 1, group="db"), entry("c", 2, group="db", max=3)
    )
    assert [found[name].admitted for name in "bc"] == [False, False]


def test_who_wants_to_be_alone_is() -> None:
    assert admitted(entry("a", state="runs", group="db", max=1), entry("b", group="db", max=5)) == []
    assert admitted(entry("a", state="runs", group="db", max=5), entry("b", group="db", max=1)) == []


def test_the_namespace_with_the_fewest_runs_comes_first() -> None:
    busy = [entry(f"r{index}", state="runs") for index in range(3)]
    line = [entry("old", 1), entry("new", 2, namespace="bank"), entry("newer", 3, namespace="bank")]
    assert admitted(*busy, *line, limits=Limits(runs=4)) == ["new"]
    assert admitted(*busy, *line, limits=Limits(runs=5)) == ["new", "newer"]
    found = places(*busy, *line, limits=Limits(runs=4))
    assert (found["newer"].position, found["old"].position) == (1, 2)
    # What others are called in other namespaces is none of a tenant's business.
    assert (found["newer"].behind, found["old"].behind) == ("", "")


def test_the_limit_of_a_namespace_leaves_others_alone() -> None:
    found = places(
        entry("a", state="runs"), entry("b", 1), entry("c", 2, namespace="bank"), limits=Limits(runs_per_namespace=1)
    )
    assert found["b"] == Place(False, "NamespaceLimit", 1, "TestScenario a")
    assert found["c"].admitted


def test_whoever_wants_another_run_lines_up_and_leaves_its_room_to_who_waited() -> None:
    again, waits = entry("a", 5, state="again", group="db"), entry("b", 1, group="db")
    found = places(again, waits)
    assert not found["a"].admitted
    assert found["b"] == Place(False, "ConcurrencyLimit", 1, "TestScenario a")  # its room is still being left
    assert admitted(replace(again, active=False), waits) == ["b"]
    assert admitted(again) == ["a"]


def test_policies() -> None:
    runs = entry("a", state="runs", group="db")
    reject = ConcurrencyPolicy.REJECT
    assert places(runs, entry("b", 1, group="db", policy=reject))["b"].end == "Rejected"
    newest = entry("c", 2, group="db", policy=ConcurrencyPolicy.CANCEL_OLDEST)
    found = places(runs, entry("b", 1, group="db"), newest)
    assert {name: place.end for name, place in found.items()} == {"a": "Replaced", "b": "Replaced", "c": ""}
    two = places(replace(runs, max=2), entry("b", 1, state="runs", group="db", max=2), replace(newest, max=2))
    assert {name: place.end for name, place in two.items()} == {"a": "Replaced", "c": ""}
    assert two["a"].behind == "TestScenario c"


def test_far_places_are_rounded_so_that_few_change_at_once() -> None:
    line = [entry(f"e{index:04}", index, group="db") for index in range(1500)]
    before = decide([entry("a", state="runs", group="db"), *line], NONE)
    after = decide([entry("a", state="runs", group="db"), *line[1:]], NONE)
    changed = [key for key, place in after.items() if place != before[key]]
    assert len(changed) < 40
    assert sorted({place.position for place in before.values()})[9:13] == [10, 20, 30, 40]


ENTRIES = st.lists(
    st.builds(
        entry,
        st.integers(0, 9).map(str),
        st.integers(0, 50),
        namespace=st.sampled_from(["shop", "bank", "post"]),
        state=st.sampled_from(["waits", "runs", "again"]),
        group=st.sampled_from(["", "db", "web"]),
        max=st.integers(1, 3),
        policy=st.sampled_from(ConcurrencyPolicy),
    ),
    max_size=14,
    unique_by=lambda one: one.key,
)
LIMITS = st.builds(Limits, st.integers(0, 5), st.integers(0, 3))


def within(entries: list[Entry], limits: Limits) -> bool:
    """Whether all of these may have room at once."""
    room = Room(limits)
    for one in entries:
        if room.missing(one):
            return False
        room.take(one)
    return True


@given(ENTRIES, LIMITS)
def test_what_is_admitted_fits_beside_all_that_have_room(entries: list[Entry], limits: Limits) -> None:
    found = decide(entries, limits)
    room = Room(limits)
    for one in entries:
        if one.active:
            room.take(one)
    for one in entries:
        place = found.get(one.key, ADMITTED)
        if one.wants and not one.active and place.admitted:
            assert room.missing(one) == ""
            room.take(one)
        if not place.admitted and not place.end:
            assert place.position >= 1
            assert place.reason
    assert decide(reversed(entries), limits) == found  # the order of what is known decides nothing


@given(ENTRIES, LIMITS)
def test_whoever_asks_in_an_empty_place_is_admitted(entries: list[Entry], limits: Limits) -> None:
    waiting = [replace(one, active=False, wants=True) for one in entries]
    found = decide(waiting, limits)
    # Who is the eldest of a group may have to end for a younger one, which is then admitted.
    assert not waiting or any(place.admitted or place.end for place in found.values())


@given(ENTRIES, LIMITS, st.lists(st.integers(0, 99), max_size=60))
def test_everybody_comes_to_their_turn_whatever_comes_later(
    entries: list[Entry], limits: Limits, ends: list[int]
) -> None:
    """Every run ends some time, and whenever one does another newcomer of every kind arrives."""
    entries = [replace(one, policy=ConcurrencyPolicy.QUEUE) for one in entries]
    ours = {one.key for one in entries if one.wants}
    present = {one.key: one for one in entries}
    done: set[str] = set()
    picks = [*ends, *[0] * 200]
    for number, pick in enumerate(picks):
        if ours <= done:
            return
        found = decide(present.values(), limits)
        for key, place in found.items():
            one = present[key]
            if place.admitted and one.wants:
                present[key] = replace(one, active=True, wants=False)
                done.add(key)
            elif one.active and one.wants:
                present[key] = replace(one, active=False)  # it leaves its room and lines up
        active = sorted(key for key, one in present.items() if one.active)
        if active:
            gone = present.pop(active[pick % len(active)] if number < len(ends) else active[0])
            if number < len(ends):
                newcomer = replace(gone, key=f"{gone.key}-{number}", since=at(100 + number), active=False, wants=True)
                present[newcomer.key] = newcomer
    raise AssertionError(f"never came to their turn: {sorted(ours - done)}")
