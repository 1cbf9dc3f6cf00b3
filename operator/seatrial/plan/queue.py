"""Whose turn it is: which of the runs that are asked for may begin, and what the others wait for."""

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from seatrial.api.control import ConcurrencyPolicy

#: Places up to here are told exactly; further back they are rounded up, so that one step forward of a long line does
#: not have the status of everybody in it written.
EXACT = 10

CONCURRENCY, NAMESPACE, OPERATOR = "ConcurrencyLimit", "NamespaceLimit", "OperatorLimit"


@dataclass(frozen=True)
class Limits:
    """How many runs there may be at a time; 0 stands for any number.

    Attributes:
        runs: Of the whole operator.
        runs_per_namespace: Of one namespace.
    """

    runs: int = 0
    runs_per_namespace: int = 0


@dataclass(frozen=True)
class Entry:
    """A resource that has room for a run, or wants it.

    Attributes:
        key: Names it: kind, namespace and name, with slashes.
        namespace: Where it is.
        since: When it asked for the run, or when the one that it has room for began.
        group: Its group within the namespace; empty if it has none.
        max: Runs of the group at a time.
        policy: What it does when the group is full.
        active: Whether it has room: from before the first effect of a run until after the last.
        wants: Whether it wants to begin a run; together with active, in the room that it has.
    """

    key: str
    namespace: str
    since: datetime
    group: str = ""
    max: int = 1
    policy: ConcurrencyPolicy = ConcurrencyPolicy.QUEUE
    active: bool = False
    wants: bool = False

    @property
    def title(self) -> str:
        """What people in its namespace call it."""
        kind, _, name = self.key.split("/")
        return f"{kind} {name}"


@dataclass(frozen=True)
class Place:
    """What was decided for a resource.

    Attributes:
        admitted: Whether its run may begin, or go on.
        reason: Which limit it waits for.
        position: Its place among those that wait for the same, from 1.
        behind: Whom it waits for next.
        end: Why it must end: Rejected or Replaced; empty if it need not.
        pending: Nothing is decided yet; a decision will wake it.
    """

    admitted: bool = True
    reason: str = ""
    position: int = 0
    behind: str = ""
    end: str = ""
    pending: bool = False


ADMITTED = Place()
PENDING = Place(admitted=False, pending=True)


@dataclass
class Room:
    """How much of each limit is taken, counted and never searched."""

    limits: Limits
    total: int = 0
    by_namespace: Counter[str] = field(default_factory=Counter)
    groups: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        """Counts an entry in."""
        self.total += 1
        self.by_namespace[entry.namespace] += 1
        if entry.group:
            self.groups.setdefault((entry.namespace, entry.group), {})[entry.key] = entry.max

    def give_back(self, entry: Entry) -> None:
        """Counts an entry out, which was counted in as it is."""
        self.total -= 1
        self.by_namespace[entry.namespace] -= 1
        if not self.by_namespace[entry.namespace]:
            del self.by_namespace[entry.namespace]
        if entry.group:
            members = self.groups[entry.namespace, entry.group]
            del members[entry.key]
            if not members:
                del self.groups[entry.namespace, entry.group]

    def missing(self, entry: Entry) -> str:
        """Which limit leaves no room for an entry; empty if there is some."""
        members = self.groups.get((entry.namespace, entry.group), {})
        # The least of all who are concerned: who says 1 is promised to run alone.
        if members and len(members) >= min(entry.max, *members.values()):
            return CONCURRENCY
        if 0 < self.limits.runs_per_namespace <= self.by_namespace[entry.namespace]:
            return NAMESPACE
        if 0 < self.limits.runs <= self.total:
            return OPERATOR
        return ""


def decide(entries: Iterable[Entry], limits: Limits) -> dict[str, Place]:
    """Decides for all who want a run, and for those who must make room for another.

    Whoever has room for a run and wants another lines up with the rest, and keeps the room only if it would get it
    anew: otherwise a resource that is changed again and again would keep everybody out.

    Args:
        entries: All who have room or want it.
        limits: Of namespaces and of the operator.

    Returns:
        Places by key. Whoever is active, wants nothing, and is not in it, goes on.
    """
    entries = list(entries)
    chosen, waiting = _line_up(entries, limits)
    places = {entry.key: ADMITTED for entry in chosen if entry.active}
    room = _taken((entry for entry in entries if entry.active), limits)
    late = []
    for entry in (entry for entry in chosen if not entry.active):
        why = room.missing(entry)
        if why:
            late.append((entry, why))  # its turn has come, and the room is still being left
        else:
            room.take(entry)
            places[entry.key] = ADMITTED
    waiting = [*late, *waiting]
    places |= _places(entries, waiting)
    return places | _ends(entries, waiting, places)


def _taken(entries: Iterable[Entry], limits: Limits) -> Room:
    room = Room(limits)
    for entry in entries:
        room.take(entry)
    return room


def _line_up(entries: list[Entry], limits: Limits) -> tuple[list[Entry], list[tuple[Entry, str]]]:
    """Goes through those who want, the namespace with the fewest runs first and in it whoever has waited longest.

    Returns:
        Those for whom there is room, and the others with what they wait for, both in order.
    """
    room = _taken((entry for entry in entries if entry.active and not entry.wants), limits)
    lines: dict[str, deque[Entry]] = {}
    for entry in sorted((entry for entry in entries if entry.wants), key=_age):
        lines.setdefault(entry.namespace, deque()).append(entry)
    turns = Counter(room.by_namespace)
    heads = [(turns[namespace], _age(line[0]), namespace) for namespace, line in lines.items()]
    heapq.heapify(heads)
    chosen: list[Entry] = []
    waiting: list[tuple[Entry, str]] = []
    closed: dict[tuple[str, str], str] = {}
    while heads:
        _, _, namespace = heapq.heappop(heads)
        entry = lines[namespace].popleft()
        # Nobody overtakes within a group, or one that allows fewer at a time might never come to its turn.
        why = closed.get((namespace, entry.group)) or room.missing(entry)
        if not why:
            room.take(entry)
            chosen.append(entry)
        else:
            waiting.append((entry, why))
            if entry.group:
                closed[namespace, entry.group] = why
        turns[namespace] += why in {"", OPERATOR}
        if lines[namespace]:
            heapq.heappush(heads, (turns[namespace], _age(lines[namespace][0]), namespace))
    return chosen, waiting


def _age(entry: Entry) -> tuple[datetime, str]:
    return entry.since, entry.key


def _scope(entry: Entry, why: str) -> tuple[str, str, str]:
    if why == CONCURRENCY:
        return why, entry.namespace, entry.group
    return why, entry.namespace if why == NAMESPACE else "", ""


def _places(entries: list[Entry], waiting: list[tuple[Entry, str]]) -> dict[str, Place]:
    """The place of each who waits among those who wait for the same."""
    ahead: dict[tuple[str, str, str], Entry] = {}
    for entry in sorted((entry for entry in entries if entry.active), key=_age):
        for why in (CONCURRENCY, NAMESPACE) if entry.group else (NAMESPACE,):
            ahead.setdefault(_scope(entry, why), entry)
    numbers: Counter[tuple[str, str, str]] = Counter()
    places = {}
    for entry, why in waiting:
        scope = _scope(entry, why)
        numbers[scope] += 1
        before = ahead.get(scope)
        # Names of other namespaces are none of a tenant's business.
        told = before is not None and before.namespace == entry.namespace and numbers[scope] <= EXACT
        behind = before.title if before and told and before is not entry else ""
        places[entry.key] = Place(admitted=False, reason=why, position=_rounded(numbers[scope]), behind=behind)
        ahead[scope] = entry
    return places


def _rounded(position: int) -> int:
    step = 1
    while position > EXACT * step:
        step *= 10
    return -(-position // step) * step


def _ends(entries: list[Entry], waiting: list[tuple[Entry, str]], places: Mapping[str, Place]) -> dict[str, Place]:
    """Who must end: those that will not wait, and those in whose place a newer one comes."""
    ends: dict[str, Place] = {}
    full = [entry for entry, why in waiting if why == CONCURRENCY]
    for entry in full:
        if entry.policy is ConcurrencyPolicy.REJECT:
            ends[entry.key] = replace(places[entry.key], end="Rejected")
        elif entry.policy is ConcurrencyPolicy.CANCEL_OLDEST:
            elders = sorted((one for one in entries if _elder(one, entry)), key=_age)
            for elder in elders[: max(len(elders) - (entry.max - 1), 0)]:
                end = Place(admitted=False, reason=CONCURRENCY, behind=entry.title, end="Replaced")
                ends[elder.key] = end
    return ends


def _elder(one: Entry, entry: Entry) -> bool:
    same = (one.namespace, one.group) == (entry.namespace, entry.group)
    return same and one.key != entry.key and ((one.active and not one.wants) or _age(one) < _age(entry))
