"""Why a service with storage waits for a node: its claim, in most cases."""

import re

from seatrial.api.environment import Service
from seatrial.plan.pods import Trouble


def unbound_claim(service: Service, wrong: Trouble) -> str:
    """Names the claim that keeps a pod from being scheduled, and what provides it; empty if it is something else.

    The scheduler says only that there is one.
    """
    if (
        service.storage is None
        or wrong.reason != "Unschedulable"
        or "persistentvolumeclaim" not in wrong.message.lower()
    ):
        return ""
    pod = re.match(rf"pod ({re.escape(service.name)}-\d+):", wrong.message)
    claim = f"data-{pod.group(1)}" if pod else f"data-{service.name}-0"
    chosen = service.storage.storage_class
    provider = f"is there a provisioner for storage class {chosen}?" if chosen else "is there a default storage class?"
    return f"claim {claim} ({service.storage.size}) is not bound: {provider} {wrong.message}"
