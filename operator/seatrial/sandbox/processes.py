"""The operator's side of the forkserver: starts it, and has it fork and end workers."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading

from seatrial.sandbox.forkserver import COMMAND, END, FORK, RESULT

logger = logging.getLogger(__name__)

#: Seconds within which the forkserver must have answered; its first answer waits until it has imported everything.
ANSWER_SECONDS = 30.0
#: Seconds that it is given to end.
END_SECONDS = 5.0


class Processes:
    """Workers, forked from a process of their own, which is started with the first of them.

    Its methods block for some milliseconds, the first one for a second, and may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def fork(self) -> tuple[int, socket.socket]:
        """Starts a worker. Returns its process and the channel to it.

        Raises:
            OSError: It does not start.
        """
        with self._lock:
            try:
                return self._fork()
            except OSError as error:
                if self._server is None:
                    raise
                logger.warning("the process that expressions are evaluated in has ended (%s); starting another", error)
                self._stop()
                return self._fork()

    def end(self, process: int) -> int:
        """Ends a worker, if it has not ended. Returns the signal that did, or 0."""
        with self._lock:
            if self._control is None:
                return 0
            try:
                return _signal(self._ask(self._control, END, process)[1])
            except OSError:
                return 0  # the server has ended, and with it every worker

    def close(self) -> None:
        """Ends everything."""
        with self._lock:
            self._stop()

    def _fork(self) -> tuple[int, socket.socket]:
        control = self._control or self._start()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process, _ = self._ask(control, FORK, 0, theirs)
        except OSError:
            ours.close()
            raise
        return process, ours

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(ANSWER_SECONDS)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "seatrial.sandbox.forkserver"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ},
                start_new_session=True,  # Ctrl-C at a terminal is for the operator alone
            )
        self._control = ours
        return ours

    @staticmethod
    def _ask(
        control: socket.socket, command: bytes, process: int, channel: socket.socket | None = None
    ) -> tuple[int, int]:
        socket.send_fds(control, [COMMAND.pack(command, process)], [channel.fileno()] if channel else [])
        answer = control.recv(RESULT.size, socket.MSG_WAITALL)
        if len(answer) < RESULT.size:
            raise ConnectionResetError("it has closed its channel")
        found: tuple[int, int] = RESULT.unpack(answer)
        return found

    def _stop(self) -> None:
        control, server = self._control, self._server
        self._control = self._server = None
        if control is not None:
            control.close()
        if server is not None:
            try:
                server.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _signal(status: int) -> int:
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


#: What the kernel ends a worker with that has used up its time.
OVERTIME = signal.SIGPROF
