"""The verdict goes on record, and what failed may be kept for a while."""

from dataclasses import replace
from datetime import datetime

from seatrial.api.status import Phase
from seatrial.plan import teardown
from seatrial.plan.control import stopped
from seatrial.plan.decision import Decision, ScenarioDecision
from seatrial.plan.observed import Observed
from seatrial.plan.phases.environment import usable
from seatrial.plan.phases.teardown import tear_down
from seatrial.plan.retain import retained, retention_ends
from seatrial.plan.steps import cut_off
from seatrial.plan.trial import Scenario, judged
from seatrial.plan.verdict import Judgement


def end_run(scenario: Scenario, observed: Observed, now: datetime, judgement: Judgement) -> ScenarioDecision:
    """Records the verdict. Taking away begins in the next turn, when no crash can change the verdict any more."""
    status = scenario.status
    why = judgement.reason
    status = status.model_copy(
        update={
            "setup": cut_off(status.setup, now, why, "the run ended before it"),
            "steps": cut_off(status.steps, now, why, "the run ended before it"),
        }
    )
    status = judged(status, stopped(status, judgement), now)
    if observed.namespace is None and not teardown.left(observed):
        return tear_down(replace(scenario, status=status), observed, now)
    if observed.namespace is None:
        return Decision(status)
    where = status.run.namespace if status.run and status.run.namespace else observed.namespace.name
    status = retained(scenario, status, f"kubectl -n {where} get pods" if usable(observed) else "", now)
    kept = replace(scenario, status=status) if status.phase is Phase.RETAINED else None
    return Decision(status, wake_at=retention_ends(kept, observed, now, there=True) if kept else None)
