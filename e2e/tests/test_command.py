"""The command `seatrial run` on a real cluster: what it prints, and that it exits by the verdict."""

from pathlib import Path

import pytest

from .conftest import ROOT, Run, Trials

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    ("example", "code", "words"),
    [
        ("wrong-total.yaml", 1, ["Failed", "ExpectationFailed", "response.json.total > 0 is false"]),
        ("missing-image.yaml", 3, ["Error", "ImagePullFailed"]),
    ],
)
def test_run_exits_by_the_verdict(trials: Trials, seatrial: Run, example: str, code: int, words: list[str]) -> None:
    done = seatrial("run", str(EXAMPLES / example), "--namespace", trials.namespace)
    assert done.returncode == code, done.stdout + done.stderr
    for word in words:
        assert word in done.stdout
    name = example.removesuffix(".yaml")
    stored = trials.get("tscn", name)
    trials.nothing_left(stored["metadata"]["uid"], timeout=2)


@pytest.mark.exclusive
def test_running_a_load_test_twice_runs_it_twice(trials: Trials, kubectl: Run, seatrial: Run) -> None:
    trials.apply(EXAMPLES / "load-target.yaml")
    kubectl("rollout", "status", "deployment/inventory", "-n", trials.namespace, "--timeout=60s")
    for run in (1, 2):
        done = seatrial("run", str(EXAMPLES / "load/open.yaml"), "--namespace", trials.namespace)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Passed" in done.stdout
        assert "p99" in done.stdout
        assert len(trials.get("ldt", "open")["status"].get("history", [])) == run - 1


def test_run_refuses_what_is_invalid(trials: Trials, seatrial: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "bad.yaml"
    manifest.write_text((EXAMPLES / "missing-image.yaml").read_text().replace("service: web", "service: wep"))
    done = seatrial("run", str(manifest), "--namespace", trials.namespace)
    assert done.returncode == 2
    assert "did you mean 'web'?" in done.stdout + done.stderr
