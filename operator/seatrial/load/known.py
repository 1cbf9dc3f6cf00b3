"""Header blocks of answers that a parser has read before.

Servers send the same block again and again; to recognize it costs a hundredth of parsing it.
"""

#: Header blocks that are remembered of each request; servers with a unique header in each answer never profit.
_LIMIT = 64

#: Status, headers and Set-Cookie headers of an answer, as far as they follow from its header block.
Head = tuple[int, dict[str, str], list[str]]
_NO_HEAD: Head = (0, {}, [])


class Known:
    """What is known of the answers to one request.

    Attributes:
        header: The header block that came last.
        size: Bytes of a whole answer that begins with it; -1 if there was none yet.
        head: What was read in it.
    """

    __slots__ = ("_blocks", "head", "header", "size")

    def __init__(self) -> None:
        self.header = b""
        self.size = -1
        self.head = _NO_HEAD
        self._blocks: dict[bytes, tuple[int, Head]] = {}

    def recognize(self, data: bytes) -> bool:
        """Says whether data is one whole answer that begins with one of the other blocks; that is the last then."""
        header = data[: data.find(b"\r\n\r\n") + 4]
        size, head = self._blocks.get(header, (-1, _NO_HEAD))
        if size != len(data):
            return False
        self.header, self.size, self.head = header, size, head
        return True

    def learn(self, header: bytes, size: int, head: Head = _NO_HEAD) -> None:
        """Takes in a header block from which the length of the answer follows.

        Args:
            header: The block, with the empty line at its end.
            size: Bytes of the whole answer.
            head: What was read in it.
        """
        if len(self._blocks) >= _LIMIT:
            self._blocks.clear()
        self._blocks[header] = (size, head)
        self.header, self.size, self.head = header, size, head
