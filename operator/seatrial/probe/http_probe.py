"""The HTTP probe: one GET, judged by its status and by expectations."""

from seatrial.api.outcome import shortened
from seatrial.api.readiness import HttpProbe
from seatrial.judge.answer import Answer
from seatrial.judge.request import Request
from seatrial.probe.address import Address
from seatrial.probe.exchange import ExchangeFailed, Exchanger
from seatrial.sandbox.evaluator import Evaluator


async def probe_http(
    exchanger: Exchanger, address: Address, probe: HttpProbe, timeout: float, evaluator: Evaluator
) -> str:
    """Probes once.

    Args:
        exchanger: Sends the request.
        address: The Service's port.
        probe: What to ask for and what to expect.
        timeout: Seconds for everything.
        evaluator: Judges the answer.

    Returns:
        What was wrong; empty if nothing was.
    """
    headers = {header.name: header.value for header in probe.headers}
    try:
        answer = await exchanger.exchange(address, Request("GET", probe.path, headers, b"", timeout))
    except ExchangeFailed as error:
        return str(error)
    if not probe.accepts(answer.status):
        return f"GET {probe.path} answered {answer.status}{_redirect(answer)}"
    return await evaluator.probe(probe.expect, answer) if probe.expect else ""


def _redirect(answer: Answer) -> str:
    location = answer.headers.get("location", "")
    if not 300 <= answer.status < 400 or not location:
        return ""
    return f", a redirect to {shortened(location, 100)}, which probes do not follow"
