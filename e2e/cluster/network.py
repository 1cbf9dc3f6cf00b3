"""The network namespace that the from-source cluster lives in.

Everything of the cluster runs in one namespace without a way out, so that no packet to a pod or
Service address can reach the machine's network. The addresses are of RFC 2544's range for
benchmarks, which no real network uses. A veth pair inside the namespace serves as the node's
``eth0``: some kernels have no ``dummy`` device. The default route makes Service addresses routable,
so that kube-proxy's rules see the packets and rewrite them.
"""

import ctypes
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.command import run
from e2e.cluster.failure import ClusterError

NAME = "seatrial"
HANDLE = Path("/var/run/netns") / NAME
POD_RANGE = "198.18.0.0/20"
SERVICE_RANGE = "198.18.128.0/20"
API_SERVICE_ADDRESS = "198.18.128.1"
DNS_SERVICE_ADDRESS = "198.18.128.10"
NODE_ADDRESS = "198.18.255.1"
GATEWAY_ADDRESS = "198.18.255.254"

_CLONE_NEWNET = 0x40000000


def entering(argv: list[str]) -> list[str]:
    """Returns the arguments that run a program inside the namespace.

    Not ``ip netns exec``: that mounts ``/sys`` anew, and the kubelet then finds no cgroups.
    """
    return ["nsenter", f"--net={HANDLE}", *argv]


def exists() -> bool:
    """Says whether the namespace's name is taken."""
    return HANDLE.exists()


def create() -> None:
    """Makes the namespace with its loopback, node address, routes and forwarding."""
    run(["ip", "netns", "add", NAME])
    batch = "\n".join(
        [
            "link set lo up",
            "link add eth0 type veth peer name eth0p",
            "link set eth0p up",
            f"addr add {NODE_ADDRESS}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {GATEWAY_ADDRESS} dev eth0",
        ]
    )
    run(["ip", "-netns", NAME, "-batch", "-"], stdin=batch + "\n")
    with inside():
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        bridged = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
        # Without it an answer from one pod to another on the same bridge skips the reverse
        # translation of the Service address. A kernel without the file does it always or cannot.
        if bridged.exists():
            bridged.write_text("1")


def remove() -> None:
    """Takes the namespace's name away; the kernel ends it with the last process inside."""
    if not exists():
        return
    try:
        run(["ip", "netns", "del", NAME])
    except ClusterError:
        # After a reboot or a killed `ip netns add` the name is a plain file and no mount.
        HANDLE.unlink(missing_ok=True)


@contextmanager
def inside() -> Iterator[None]:
    """Moves the calling thread, and no other, into the namespace for the length of a block.

    A socket belongs for all its life to the namespace it was opened in, so that only the opening
    needs to happen here.

    Raises:
        ClusterError: The namespace does not exist or may not be entered.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor: int) -> None:
        if libc.setns(descriptor, _CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise ClusterError(
                f"cannot enter the network namespace {NAME}: {os.strerror(code)}", "run the command as root"
            )

    own = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            target = os.open(HANDLE, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ClusterError(
                f"the network namespace {NAME} does not exist", "bring the cluster up: python3 -m e2e.cluster up"
            ) from error
        try:
            enter(target)
        finally:
            os.close(target)
        try:
            yield
        finally:
            enter(own)
    finally:
        os.close(own)


def open_socket(kind: socket.SocketKind, timeout: float) -> socket.socket:
    """Opens an IPv4 socket inside the namespace, with a timeout in seconds for all it does."""
    with inside():
        opened = socket.socket(socket.AF_INET, kind)
    opened.settimeout(timeout)
    return opened
