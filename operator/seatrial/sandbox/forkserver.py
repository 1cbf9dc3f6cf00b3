"""The process that workers are forked from: everything is imported once, so that another one costs milliseconds.

It is one process with one thread, so that forking is safe. Its standard input is the channel to the operator; when that
is closed, whatever became of the operator, it ends, and so do its workers when theirs are.
"""

import gc
import os
import resource
import signal
import socket
import struct

from seatrial.sandbox.worker import serve, warm_up

#: A command and the process it is about.
COMMAND = struct.Struct("!cI")
#: What came of it: a process, and how it ended (as of os.waitpid).
RESULT = struct.Struct("!II")
FORK, END = b"f", b"e"


def main() -> None:
    """Forks and ends workers, as it is told, until nobody tells any more."""
    control = socket.socket(fileno=os.dup(0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold secrets
    warm_up()
    gc.collect()
    gc.freeze()  # so that workers do not copy what they only have in common
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, COMMAND.size, 1)
        if len(message) < COMMAND.size:
            return
        command, process = COMMAND.unpack(message)
        if command == FORK:
            process = _fork(control, descriptors[0])
            control.sendall(RESULT.pack(process, 0))
        else:
            os.kill(process, signal.SIGKILL)  # a child that has not been waited for: the number is nobody else's
            control.sendall(RESULT.pack(process, os.waitpid(process, 0)[1]))


def _fork(control: socket.socket, descriptor: int) -> int:
    process = os.fork()
    if process:
        os.close(descriptor)
        return process
    try:
        control.close()
        os.close(0)
        with socket.socket(fileno=descriptor) as channel:
            serve(channel)
    except OSError:
        os._exit(1)  # the operator has gone in the middle
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
