"""The operator's end of the channel to a worker."""

import asyncio
import json
from dataclasses import dataclass

from seatrial.sandbox.message import LENGTHS, Head


@dataclass
class Worker:
    """A worker, as the operator knows it.

    Attributes:
        process: Its number.
        reader: What it says.
        writer: What it is told.
    """

    process: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def call(self, message: bytes, told: list[str]) -> tuple[Head, bytes]:
        """Sends a call and returns the reply.

        Raises:
            EOFError: It has ended.
            OSError: Likewise.
        """
        self.writer.write(message)
        while True:
            head_length, body_length = LENGTHS.unpack(await self.reader.readexactly(LENGTHS.size))
            head = json.loads(await self.reader.readexactly(head_length))
            body = await self.reader.readexactly(body_length)
            if "at" not in head:
                return head, body
            told[:] = head["at"]
