"""Names, labels and annotations of the objects that Seatrial makes.

Names follow from the resource's UID, the run and the step alone. So an operator that was killed after a write finds
what it made under the name it would give it now, and adopts it instead of making it twice.
"""

import hashlib

from seatrial.api.base import GROUP

MANAGED_BY = "app.kubernetes.io/managed-by"
OWNER_UID = f"{GROUP}/uid"
RUN = f"{GROUP}/run"
SERVICE = f"{GROUP}/service"
STEP = f"{GROUP}/step"
ATTEMPT = f"{GROUP}/attempt"
OWNER = f"{GROUP}/owner"
RUN_SPEC = f"{GROUP}/run-spec"
#: When load begins, on the pods of its workers; empty until all are ready.
START = f"{GROUP}/start"
#: On pods whose script is shared out by a master: the address of worker 0, where that is.
LEADER = f"{GROUP}/leader"
FINALIZER = f"{GROUP}/teardown"
#: On reports in the place of OWNER_UID: whatever takes away what a run made must leave its report alone.
REPORT_OF = f"{GROUP}/report-of"
REPORT_RUN = f"{GROUP}/report-run"


def labels(uid: str, run: str, **more: str) -> dict[str, str]:
    """The labels of every object made for a run.

    Args:
        uid: UID of the TestScenario or LoadTest.
        run: Name of the run.
        more: ``service`` or ``step`` and ``attempt``, to tell the run's objects apart.
    """
    keys = {"service": SERVICE, "step": STEP, "attempt": ATTEMPT}
    return {MANAGED_BY: "seatrial", OWNER_UID: uid, RUN: run, **{keys[key]: value for key, value in more.items()}}


def owner(kind: str, namespace: str, name: str) -> dict[str, str]:
    """The annotation that leads from an object to the resource it was made for."""
    return {OWNER: f"{kind}/{namespace}/{name}"}


def environment_namespace(name: str, uid: str, run: str) -> str:
    """Name of the ephemeral namespace of a run, or of the record that stands for it in the resource's own."""
    return f"trial-{name[:40].rstrip('.-').replace('.', '-')}-{_digest(uid, run)}"


def load_job(name: str, uid: str, run: str) -> str:
    """Name of the Job with the workers of a LoadTest's run, in the LoadTest's own namespace."""
    return f"{name[:40].rstrip('.-').replace('.', '-')}-load-{_digest(uid, run)}"


def beside(name: str, uid: str, run: str) -> str:
    """Name, for the resource's own namespace, of an object that has a name of its own in an ephemeral one only.

    60 bytes at most: the pods of an Indexed Job put their index behind it.
    """
    return f"{name[:50].rstrip('-')}-{_digest(uid, run, name)}"


def instance(step: str, index: int) -> str:
    """Name of an instance of a step with a matrix."""
    return f"{step}-{index}"


def attempt(step: str, number: int) -> str:
    """Name of an attempt at a step: what becomes of one never counts for another. The first has the step's own."""
    return step if number <= 1 else f"{step}-a{number}"


def report(name: str, uid: str, run: str, part: int = 1) -> str:
    """Name of the ConfigMap with a part, counted from 1, of a run's report, in the resource's own namespace."""
    first = f"{name[:150].rstrip('.-')}-report-{run[:20].lower()}-{_digest(uid, run)}"
    return first if part == 1 else f"{first}-{part}"


def report_labels(uid: str, run: str) -> dict[str, str]:
    """The labels of a report, which outlives its run and goes with its resource."""
    return {MANAGED_BY: "seatrial", REPORT_OF: uid, REPORT_RUN: run}


def _digest(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]
