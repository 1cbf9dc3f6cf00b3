"""What this process knows of the runs that are under way, one session for each resource."""

import asyncio
from itertools import chain

from seatrial.engine.key import Key
from seatrial.engine.session import Session


class Sessions:
    """Sessions by resource. A resource has one at a time: that of another run takes its place."""

    def __init__(self) -> None:
        self._by_key: dict[Key, Session] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def known(self, key: Key) -> Session | None:
        """The session of a resource, of whichever run, if there is one."""
        return self._by_key.get(key)

    def of(self, key: Key, run: str | None) -> Session:
        """The session of a run; None for what there is of a resource without one."""
        session = self._by_key.get(key)
        if session is None or session.run != (run or ""):
            self.forget(key)
            session = self._by_key[key] = Session(run or "", home=key.namespace)
        return session

    def checks(self) -> set[asyncio.Task[None]]:
        """The requests that are under way."""
        return set(chain.from_iterable(session.checks() for session in self._by_key.values()))

    def forget(self, key: Key) -> None:
        """Ends what goes on for a resource, and forgets what is known of it."""
        session = self._by_key.pop(key, None)
        if session is not None:
            session.stop()

    def stop(self) -> None:
        """Ends what goes on for any resource."""
        for session in self._by_key.values():
            session.stop()
