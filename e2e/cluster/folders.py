"""Where the program keeps things: a cache that outlives a cluster and a state that ends with it."""

import os
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.failure import ClusterError

# A unix socket's address has 108 bytes (unix(7)); containerd's socket is the longest path that
# the cluster puts below its state folder.
SOCKET_LIMIT = 107


@dataclass(frozen=True)
class Folders:
    """The two roots everything lies under.

    Attributes:
        cache: Survives ``down``: built programs, image archives, root file systems, locks.
        state: One cluster's state: keys, logs, process records, etcd's and containerd's data.
    """

    cache: Path
    state: Path

    @classmethod
    def of_user(cls) -> "Folders":
        """Returns the folders of the XDG base directory specification for this user.

        Raises:
            ClusterError: The state folder's path is too long for a unix socket below it.
        """
        home = Path.home()
        cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
        state = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state")
        folders = cls(cache=cache / "seatrial" / "cluster", state=state / "seatrial" / "cluster")
        if len(os.fsencode(folders.containerd_socket)) > SOCKET_LIMIT:
            raise ClusterError(
                f"the state folder {folders.state} is too long for the unix sockets below it",
                "set XDG_STATE_HOME to a shorter path",
            )
        return folders

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        """One file a component."""
        return self.state / "log"

    @property
    def run(self) -> Path:
        """Process records and sockets."""
        return self.state / "run"

    @property
    def containerd_socket(self) -> Path:
        """The address of the cluster's own containerd."""
        return self.run / "containerd.sock"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state / "kubeconfig"

    @property
    def backend_record(self) -> Path:
        """The name of the backend that made the cluster, while one exists."""
        return self.state / "backend"

    @property
    def archives(self) -> Path:
        """Exported images, named after their content."""
        return self.cache / "images"
