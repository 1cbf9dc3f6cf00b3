"""The flows of a worker's share, ready to be sent."""

from seatrial.api.load_scope import request_scope
from seatrial.load.assignment import Assignment
from seatrial.load.draft import Draft


class Flows:
    """The flows of an assignment with their requests compiled."""

    def __init__(self) -> None:
        self.steps: list[list[Draft]] = []
        self.drafts: list[Draft] = []


def compiled(assignment: Assignment) -> Flows:
    """Compiles the flows of an assignment."""
    flows = Flows()
    for flow in assignment.flows:
        captured: list[str] = []
        steps = []
        for step in flow.steps:
            draft = Draft(
                step,
                len(flows.drafts),
                assignment.host_header,
                request_scope(assignment.data, captured),
                assignment.secrets,
                flow.think_time.total_seconds(),
                lasting=assignment.lasting,
            )
            flows.drafts.append(draft)
            steps.append(draft)
            captured += step.capture
        flows.steps.append(steps)
    return flows
