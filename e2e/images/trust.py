"""Certificates for builds behind a proxy that signs with an authority of its own.

The machine's bundle is shown to the build as a read-only volume, so that nothing of it stays in an
image.
"""

import os
from pathlib import Path

# Where Debian's images have theirs: mounting over a file that exists leaves no trace in the image.
INSIDE = "/etc/ssl/certs/ca-certificates.crt"
VARIABLES = ("PIP_CERT", "SSL_CERT_FILE")


def bundle() -> Path | None:
    """Returns the machine's bundle: what its environment names for pip or TLS, else Debian's place."""
    named = [os.environ[name] for name in VARIABLES if os.environ.get(name)]
    candidates = [Path(path) for path in [*named, INSIDE]]
    return next((path for path in candidates if path.is_file()), None)
