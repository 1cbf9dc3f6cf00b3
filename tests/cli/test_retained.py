"""``seatrial run`` when what failed is kept to be looked into."""

from typing import Any

from seatrial.api.status import Phase, Verdict


def test_it_does_not_wait_for_an_environment_that_is_kept(command: Any, capsys: Any) -> None:
    look = "status is 500 (kept until 10:30: kubectl -n trial-checkout-1 get pods)"
    kept = command.running(1, phase=Phase.RETAINED, verdict=Verdict.FAILED, reason="Reason", message=look)
    assert command([command.running(1), kept]) == 1
    out = capsys.readouterr().out
    assert f"Reason: {look}" in out
    assert "what failed is kept: delete the resource to take it away now" in out
    assert "taking away" not in out
    assert "taken away yet" not in out
