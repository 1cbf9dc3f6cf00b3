"""Opens connections: finds an address, connects, and speaks TLS where that is wanted."""

import asyncio
import errno
from time import monotonic_ns

from seatrial.load.addresses import Addresses
from seatrial.load.assignment import Assignment
from seatrial.load.connection import Connection
from seatrial.load.handshake import client_context, error_kind

#: What a machine says that has no port, file or memory left: it is the generator's failure and not the service's.
_EXHAUSTED = frozenset({errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
#: Seconds for which a handshake may go on beyond the time of its request, which ends it earlier.
_GRACE = 5.0


class DialError(Exception):
    """A connection could not be opened.

    Attributes:
        kind: The kind of error as which its request counts.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Dialler:
    """Opens connections to the target of an assignment.

    Raises:
        AssignmentError: The certificate authorities cannot be read.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._addresses = Addresses(assignment.host, assignment.port, assignment.index)
        self._name = assignment.server_name
        self._limit = assignment.timeout / 1e9 + _GRACE
        self._context = client_context(assignment.tls, assignment.ca) if assignment.tls else None
        self._loop = asyncio.get_running_loop()

    async def open(self, connection: Connection) -> None:
        """Opens a connection at the next address, or at another one if nobody answers there.

        Args:
            connection: Gets the transport, and has its times noted.

        Raises:
            DialError: It cannot be opened.
        """
        try:
            candidates = await self._addresses.candidates()
        except (OSError, UnicodeError) as error:
            raise DialError("dns") from error  # the name has no address, or cannot be one
        for address, port in candidates:
            connection.dialled = monotonic_ns()
            try:
                if self._context is None:
                    await self._loop.create_connection(lambda: connection, address, port)
                    return
                transport, _ = await self._loop.create_connection(asyncio.Protocol, address, port)
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    raise DialError("exhausted") from error
                continue
            await self._secure(connection, transport)
            return
        raise DialError("connect")

    async def _secure(self, connection: Connection, transport: asyncio.Transport) -> None:
        connection.connected = monotonic_ns()
        # Sends at once, as the connection itself asks for without TLS.
        transport.set_write_buffer_limits(0)
        assert self._context is not None  # noqa: S101 - only called with TLS
        try:
            secured = await self._loop.start_tls(
                transport,
                connection,
                self._context,
                server_hostname=self._name,
                ssl_handshake_timeout=self._limit,
            )
        except OSError as error:
            transport.abort()
            raise DialError(error_kind(error)) from error
        except BaseException:
            transport.abort()
            raise
        if secured is None or secured.is_closing():
            raise DialError("tls")
        connection.connection_made(secured)
