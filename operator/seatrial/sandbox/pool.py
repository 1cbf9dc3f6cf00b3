"""Workers for everybody: one for what is quick, and some for what is not.

Everything is tried by the quick one first, and ended when it takes longer than its short time: so nobody waits long for
anybody. It is then done anew by a slow one. An owner who was ended is not tried by the quick one again for a while.
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from seatrial.sandbox.connection import Worker
from seatrial.sandbox.cut_off import Ended, cut_off, too_large
from seatrial.sandbox.limits import QUICK, SLOW, Budget
from seatrial.sandbox.message import Head, packed
from seatrial.sandbox.processes import OVERTIME, Processes
from seatrial.sandbox.turnstile import Turnstile

#: Slow evaluations at a time.
SLOW_PLACES = 2
#: Seconds for which an owner's evaluations go to the slow workers at once, after one that was slow.
SLOW_SECONDS = 60.0
#: Owners that this is remembered of.
SLOW_OWNERS = 1000
Changed = TypeVar("Changed")


class EvaluationBug(RuntimeError):
    """An evaluation went wrong in a way that is no user's fault."""


@dataclass(frozen=True)
class Owner:
    """Who an evaluation is for.

    Attributes:
        tenant: Namespace of the resource; tenants take turns.
        name: What tells the resource from others.
    """

    tenant: str
    name: str


class Pool:
    """Evaluates in workers.

    Args:
        processes: Starts and ends them.
    """

    def __init__(self, processes: Processes | None = None) -> None:
        self._processes = processes or Processes()
        self._owned = processes is None
        self._quick, self._slow = Turnstile(1), Turnstile(SLOW_PLACES)
        self._idle: Worker | None = None
        self._slow_until: OrderedDict[Owner, float] = OrderedDict()
        #: Workers that are being started or ended.
        self._changing: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Starts the first worker, so that the first call need not wait for it."""
        async with self._quick.entered(""):
            if self._idle is None:
                self._idle = await self._fork()

    async def close(self) -> None:
        """Ends all workers."""
        if self._idle is not None:
            self._end(self._idle)
            self._idle = None
        await self._settled()
        if self._owned:
            await asyncio.to_thread(self._processes.close)

    async def _settled(self) -> None:
        """Waits until no worker is being started or ended."""
        while self._changing:
            await asyncio.wait(self._changing)

    async def call(self, owner: Owner, task: str, head: Mapping[str, Any], body: bytes = b"") -> tuple[Head, bytes]:
        """Evaluates something.

        Args:
            owner: Who it is for.
            task: What to do, by its name in ``tasks.py``.
            head: What it is done with.
            body: Bodies of answers.

        Raises:
            CutOff: It took too much.
            EvaluationBug: It went wrong.
        """
        if not self._known_slow(owner):
            try:
                async with self._quick.entered(owner.tenant):
                    return await self._quickly(_call(task, head, body, QUICK, slow=False))
            except Ended as ended:
                if ended.signal == OVERTIME:
                    self._remember_slow(owner)
        async with self._slow.entered(owner.tenant):
            try:
                return await self._once(_call(task, head, body, SLOW, slow=True))
            except Ended as ended:
                raise cut_off(ended) from None

    async def _quickly(self, message: bytes) -> tuple[Head, bytes]:
        worker, self._idle = self._idle, None
        worker = worker or await self._fork()
        head, body = await self._answered(worker, message, QUICK)
        if head["worn"]:
            self._end(worker)
        else:
            self._idle = worker
        return head, body

    async def _once(self, message: bytes) -> tuple[Head, bytes]:
        worker = await self._fork()
        reply = await self._answered(worker, message, SLOW)
        self._end(worker)
        return reply

    async def _answered(self, worker: Worker, message: bytes, budget: Budget) -> tuple[Head, bytes]:
        """Has a worker answer a call; one that does not is ended.

        Raises:
            CutOff: It took too much memory.
            EvaluationBug: It went wrong.
            Ended: It has not answered.
        """
        told = ["", ""]
        try:
            async with asyncio.timeout(budget.wall):
                head, body = await worker.call(message, told)
        except (TimeoutError, EOFError, OSError) as error:
            signal = await self._end(worker)
            overtime = isinstance(error, TimeoutError) or signal == OVERTIME
            raise Ended(signal, (told[0], told[1]), overtime=overtime) from None
        except BaseException:
            self._end(worker)
            raise
        if "large" in head:
            self._end(worker)
            raise too_large(*head["large"])
        if "bug" in head:
            self._end(worker)
            raise EvaluationBug(head["bug"])
        return head, body

    async def _fork(self) -> Worker:
        forking = self._change(asyncio.to_thread(self._processes.fork))
        try:
            process, channel = await asyncio.shield(forking)
        except asyncio.CancelledError:
            forking.add_done_callback(self._unwanted)
            raise
        reader, writer = await asyncio.open_unix_connection(sock=channel)
        return Worker(process, reader, writer)

    def _unwanted(self, forking: asyncio.Task[tuple[int, socket.socket]]) -> None:
        if not forking.cancelled() and forking.exception() is None:
            process, channel = forking.result()
            channel.close()
            self._change(asyncio.to_thread(self._processes.end, process))

    def _end(self, worker: Worker) -> asyncio.Task[int]:
        async def ending() -> int:
            worker.writer.close()
            with suppress(OSError):
                await worker.writer.wait_closed()
            return await asyncio.to_thread(self._processes.end, worker.process)

        return self._change(ending())

    def _change(self, work: Coroutine[Any, Any, Changed]) -> asyncio.Task[Changed]:
        task = asyncio.create_task(work)
        self._changing.add(task)
        task.add_done_callback(self._changing.discard)
        return task

    def _known_slow(self, owner: Owner) -> bool:
        return self._slow_until.get(owner, 0.0) > asyncio.get_running_loop().time()

    def _remember_slow(self, owner: Owner) -> None:
        self._slow_until[owner] = asyncio.get_running_loop().time() + SLOW_SECONDS
        self._slow_until.move_to_end(owner)
        while len(self._slow_until) > SLOW_OWNERS:
            self._slow_until.popitem(last=False)


def _call(task: str, head: Mapping[str, Any], body: bytes, budget: Budget, *, slow: bool) -> bytes:
    return packed({**head, "task": task, "cpu": budget.cpu, "slow": slow}, body)
