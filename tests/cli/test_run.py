"""``seatrial run`` against a cluster that plays back: which verdict it waits for, what it prints, how it exits."""

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from seatrial.api.status import Phase, Verdict
from seatrial.cli.cluster import Cluster
from seatrial.cli.follow import Patience
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Conflict, Expired, NotFound, Unreachable

LOAD_TEST = """\
apiVersion: seatrial.dev/v1alpha1
kind: LoadTest
metadata: {name: peak, namespace: shop}
spec:
  target: {service: orders}
  profile: {rate: 50, duration: 10s}
"""


def test_the_real_client_has_what_the_command_needs() -> None:
    client: type[Cluster] = Client  # mypy compares the signatures
    assert {"get", "apply", "patch_json", "delete", "watch"} <= set(dir(client))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.PASSED, 0),
        (Verdict.FAILED, 1),
        (Verdict.ERROR, 3),
        (Verdict.INCONCLUSIVE, 4),
        (Verdict.TIMED_OUT, 5),
        (Verdict.CANCELLED, 6),
    ],
)
def test_it_exits_by_verdict(command: Any, capsys: Any, verdict: Verdict, code: int) -> None:
    assert command([command.running(1), command.ended(1, verdict)]) == code
    out = capsys.readouterr().out
    assert f"{verdict}  TestScenario shop/checkout, run 1, in 12.5s" in out
    assert "Reason: why" in out


def test_it_applies_the_manifest_and_nothing_of_what_the_server_wrote(command: Any) -> None:
    text = command.scenario.replace(
        "namespace: shop}", 'namespace: shop, labels: {team: a}, uid: "x", resourceVersion: "7", managedFields: []}'
    )
    assert command([command.ended(1, Verdict.PASSED)], text=text) == 0
    [body] = command.cluster.applied
    assert body["metadata"] == {"name": "checkout", "namespace": "shop", "labels": {"team": "a"}}
    assert set(body) == {"apiVersion", "kind", "metadata", "spec"}


def test_a_log_has_a_line_for_each_change(command: Any, capsys: Any) -> None:
    running = command.running(1)
    command([running, running, command.ended(1, Verdict.PASSED)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "TestScenario shop/checkout"
    progress = [line[9:] for line in lines[1 : lines.index("")]]
    assert progress == [
        "waiting for the operator",
        "run 1, environment in namespace trial-checkout-1",
        "phase Running",
        "service orders: Healthy after 3.2s",
        "step list: Running",
        "step list: Succeeded after 12ms",
        "verdict Passed (Reason: why)",
        "phase Done",
        "everything is taken away",
    ]


def test_an_earlier_verdict_is_never_taken_for_this_one(command: Any) -> None:
    command([command.ended(1, Verdict.PASSED)])
    changed = command.scenario.replace("path: /orders", "path: /other")
    code = command(
        [command.ended(1, Verdict.PASSED), command.running(2), command.ended(2, Verdict.FAILED)], text=changed
    )
    assert code == 1


def test_a_status_of_the_new_spec_that_still_carries_the_old_run_is_not_taken_for_the_new_run(command: Any) -> None:
    command([command.ended(1, Verdict.PASSED)])
    changed = command.scenario.replace("path: /orders", "path: /other")
    old_run = {**command.ended(1, Verdict.PASSED), "observedGeneration": 2}
    assert command([old_run, command.ended(2, Verdict.FAILED)], text=changed) == 1


def test_an_unchanged_spec_runs_again_by_a_new_token(command: Any, capsys: Any) -> None:
    command([command.ended(1, Verdict.PASSED)])
    assert command([command.ended(2, Verdict.FAILED)]) == 1
    first, same, again = command.cluster.applied
    assert "run" not in first["spec"]
    assert same == first
    assert len(again["spec"]["run"]) == 8
    assert "starting another run" in capsys.readouterr().out


def test_a_third_run_needs_no_token_for_taking_the_last_one_out_is_a_change(command: Any) -> None:
    for generation in (1, 2, 3):
        assert command([command.ended(generation, Verdict.PASSED)]) == 0
    assert command.cluster.stored["metadata"]["generation"] == 3


def test_a_run_of_the_same_spec_that_goes_on_is_followed(command: Any) -> None:
    assert command([command.running(1), _for_ever], timeout=0.05) == 5
    assert command([command.ended(1, Verdict.PASSED)]) == 0
    assert command.cluster.stored["metadata"]["generation"] == 1


def test_it_waits_until_everything_is_taken_away(command: Any, capsys: Any) -> None:
    command(
        [
            command.running(1, phase=Phase.TEARDOWN, verdict=Verdict.PASSED),
            command.running(1, phase=Phase.TEARDOWN, verdict=Verdict.PASSED, blocked="namespace x has a finalizer"),
            command.ended(1, Verdict.PASSED),
        ]
    )
    out = capsys.readouterr().out
    assert "taking away: namespace x has a finalizer" in out
    assert out.index("taking away") < out.index("everything is taken away")


def test_a_slow_teardown_is_explained(command: Any, capsys: Any) -> None:
    async def wait() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)

    blocked = command.running(1, phase=Phase.TEARDOWN, verdict=Verdict.PASSED, blocked="namespace x has a finalizer")
    patience = Patience(reconnect=0, longest=0, unnoticed=300, teardown=0)
    assert command([blocked, wait, command.ended(1, Verdict.PASSED)], patience=patience) == 0
    expected = "still waiting for everything to be taken away: Blocked: namespace x has a finalizer"
    assert expected in capsys.readouterr().out


def test_an_invalid_spec_ends_at_once(command: Any, capsys: Any) -> None:
    assert command([command.invalid(1, "spec.steps[0].http.port: 'htp': no such port")]) == 2
    out = capsys.readouterr().out
    assert "InvalidSpec  TestScenario shop/checkout" in out
    assert "spec.steps[0].http.port: 'htp': no such port" in out


def test_the_stall_of_an_earlier_spec_is_not_taken_for_this_one(command: Any) -> None:
    assert command([command.invalid(1, "wrong")]) == 2
    assert command([command.ended(2, Verdict.PASSED)]) == 0


def test_it_survives_dropped_streams_expiry_and_a_restarting_api_server(command: Any, capsys: Any) -> None:
    code = command(
        [command.running(1)],
        [Expired(410, "Expired", "too old resource version")],
        [Unreachable("the stream broke off")],
        [ApiError(503, "ServiceUnavailable", "apiserver is shutting down")],
        [command.ended(1, Verdict.PASSED)],
    )
    assert code == 0
    out = capsys.readouterr().out
    assert out.count("lost the API server, trying again: the stream broke off") == 1
    assert "connected to the API server again" in out
    assert command.cluster.watched_from == ["1", "2", "2", "2", "2"]


def test_what_happened_between_two_streams_is_seen(command: Any) -> None:
    async def end_unseen() -> None:
        command.cluster.put_status(command.ended(1, Verdict.FAILED))
        raise Unreachable("the stream broke off")

    assert command([command.running(1), end_unseen]) == 1


def test_an_api_server_that_stays_lost_is_given_up(command: Any, capsys: Any) -> None:
    assert command([Unreachable("no route")], patience=Patience(reconnect=0, lost=0)) == 3
    assert "the cluster cannot be reached: no route" in capsys.readouterr().err


def test_a_refusal_is_not_tried_again(command: Any, capsys: Any) -> None:
    forbidden = ApiError(403, "Forbidden", 'User "u" cannot watch resource "testscenarios"')
    assert command([command.running(1), forbidden]) == 3
    err = capsys.readouterr().err
    assert 'you lack a permission: User "u" cannot watch resource "testscenarios"' in err
    assert "needs get, watch, create and patch" in err


def test_a_deletion_during_the_run_cancels(command: Any, capsys: Any) -> None:
    assert command([command.running(1), "DELETED"]) == 6
    assert "the resource was deleted" in capsys.readouterr().out


def test_a_deletion_that_waits_for_the_teardown_is_said_once(command: Any, capsys: Any) -> None:
    async def ask() -> None:
        command.cluster.stored["metadata"]["deletionTimestamp"] = "2026-11-22T10:00:00Z"

    cancelled = command.running(1, phase=Phase.TEARDOWN, verdict=Verdict.CANCELLED, reason="Deleted")
    assert command([command.running(1), ask, cancelled, "DELETED"]) == 6
    assert capsys.readouterr().out.count("the resource is being deleted: the run is cancelled") == 1


def test_complete_without_a_verdict_is_an_error(command: Any, capsys: Any) -> None:
    ended = command.ended(1, Verdict.PASSED)
    del ended["verdict"]
    assert command([ended]) == 3
    assert "the run is complete and has no verdict" in capsys.readouterr().out


def test_a_spec_that_the_merge_made_invalid_is_replaced_by_the_files(command: Any) -> None:
    command.cluster.foreign_steps = [{"name": "theirs", "http": {"service": "no-such-service"}}]
    assert command([command.ended(2, Verdict.PASSED)]) == 0
    assert [step["name"] for step in command.cluster.stored["spec"]["steps"]] == ["list"]


def test_a_deletion_that_no_stream_saw_is_noticed(command: Any) -> None:
    async def delete_unseen() -> None:
        command.cluster.stored = None
        raise Unreachable("the stream broke off")

    assert command([command.running(1), delete_unseen]) == 6


def test_a_deletion_after_the_verdict_does_not_change_it(command: Any) -> None:
    assert command([command.running(1, phase=Phase.TEARDOWN, verdict=Verdict.FAILED), "DELETED"]) == 1


def test_another_resource_of_the_same_name_is_not_followed(command: Any) -> None:
    async def recreate() -> None:
        command.cluster.stored["metadata"]["uid"] = "uid-2"
        command.cluster.put_status(command.ended(1, Verdict.PASSED))
        raise Unreachable("the stream broke off")

    assert command([command.running(1), recreate]) == 6


def test_a_resource_that_is_being_deleted_is_waited_out(command: Any, capsys: Any) -> None:
    command([command.ended(1, Verdict.PASSED)])
    command.cluster.stored["metadata"]["deletionTimestamp"] = "2026-11-22T10:00:00Z"
    assert command(["DELETED"], [command.ended(1, Verdict.FAILED)]) == 1
    assert "waiting until it is gone" in capsys.readouterr().out


def test_a_run_that_another_spec_replaced_has_the_verdict_that_history_tells(command: Any) -> None:
    newer = command.running(2)
    newer["history"] = [{"id": "1", "verdict": "Failed", "reason": "StepFailed"}]
    assert command([command.running(1), newer]) == 1
    command.cluster.stored = None
    assert command([command.running(1), command.running(2)]) == 6


def test_a_spec_that_was_merged_with_somebody_elses_is_replaced_by_the_files(command: Any, capsys: Any) -> None:
    command.cluster.foreign_steps = [{"name": "theirs", "http": {"service": "orders"}}]
    assert command([command.ended(2, Verdict.PASSED)]) == 0
    assert [step["name"] for step in command.cluster.stored["spec"]["steps"]] == ["list"]
    assert "somebody else applied" in capsys.readouterr().out


def test_defaults_that_the_server_fills_in_are_no_difference(command: Any) -> None:
    text = command.scenario.replace("image: orders:1", "image: orders:1\n        replicas: 1")
    assert command([command.ended(1, Verdict.PASSED)], text=text) == 0
    assert command.cluster.stored["metadata"]["generation"] == 1


def test_no_operator_is_said(command: Any, capsys: Any) -> None:
    async def wait() -> None:
        await asyncio.sleep(0.001)

    patience = Patience(reconnect=0, longest=0, unnoticed=0)
    assert command([wait, command.ended(1, Verdict.PASSED)], patience=patience) == 0
    assert "no operator has taken it up: is Seatrial installed" in capsys.readouterr().out


async def _for_ever() -> None:
    await asyncio.Event().wait()


def test_timeout_stops_waiting_and_leaves_the_trial(command: Any, capsys: Any) -> None:
    assert command([command.running(1), _for_ever], timeout=0.05) == 5
    assert "--timeout passed before there was a verdict" in capsys.readouterr().out
    assert command.cluster.deleted == []


def test_a_verdict_that_fell_before_the_timeout_counts(command: Any, capsys: Any) -> None:
    torn = command.running(1, phase=Phase.TEARDOWN, verdict=Verdict.FAILED)
    assert command([torn, _for_ever], timeout=0.05) == 1
    assert "not everything is taken away yet" in capsys.readouterr().out


def test_rm_deletes_the_resource_that_it_ran(command: Any) -> None:
    assert command([command.ended(1, Verdict.FAILED)], remove=True) == 1
    assert command.cluster.deleted == ["testscenarios/shop/checkout/uid-1"]


def test_rm_deletes_after_the_timeout_too(command: Any) -> None:
    assert command([command.running(1), _for_ever], timeout=0.05, remove=True) == 5
    assert command.cluster.deleted == ["testscenarios/shop/checkout/uid-1"]


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (NotFound(404, "NotFound", "gone"), False),
        (Conflict(409, "Conflict", "the UID is another"), False),
        (ApiError(403, "Forbidden", "you may not"), True),
    ],
)
def test_a_deletion_that_fails_does_not_change_the_verdict(
    command: Any, capsys: Any, refusal: Exception, *, said: bool
) -> None:
    command.cluster.refused_deletion = refusal
    assert command([command.ended(1, Verdict.FAILED)], remove=True) == 1
    assert ("could not delete TestScenario/checkout: Forbidden: you may not" in capsys.readouterr().out) is said


async def _interrupted() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.Event().wait()


async def _terminated() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.Event().wait()


def test_ctrl_c_leaves_the_trial_and_says_how_to_go_on(command: Any, capsys: Any) -> None:
    assert command([command.running(1), _interrupted]) == 130
    err = capsys.readouterr().err
    assert "stopped following; TestScenario/checkout goes on" in err
    assert "kubectl delete testscenarios.seatrial.dev checkout --namespace shop" in err
    assert command.cluster.deleted == []


def test_ctrl_c_with_rm_deletes(command: Any, capsys: Any) -> None:
    assert command([command.running(1), _interrupted], remove=True) == 130
    assert command.cluster.deleted == ["testscenarios/shop/checkout/uid-1"]
    assert "is deleted" in capsys.readouterr().err


def test_sigterm_is_like_ctrl_c(command: Any, capsys: Any) -> None:
    assert command([command.running(1), _terminated], remove=True) == 143
    assert command.cluster.deleted == ["testscenarios/shop/checkout/uid-1"]
    assert "stopped" in capsys.readouterr().err


def test_json_is_all_that_standard_output_gets(command: Any, capsys: Any) -> None:
    assert command([command.running(1), command.ended(1, Verdict.FAILED)], json=True) == 1
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    [trial] = answer["trials"]
    assert answer["exitCode"] == trial["exitCode"] == 1
    assert (trial["kind"], trial["namespace"], trial["name"], trial["generation"]) == (
        "TestScenario",
        "shop",
        "checkout",
        1,
    )
    assert (trial["verdict"], trial["reason"], trial["message"]) == ("Failed", "Reason", "why")
    assert trial["status"]["steps"][0]["state"] == "Failed"
    assert "step list: Failed" in captured.err


def test_trials_of_one_file_run_one_after_another_and_the_worst_counts(command: Any, capsys: Any) -> None:
    ended = command.ended(1, Verdict.INCONCLUSIVE, "WorkerLost")
    load = {key: value for key, value in ended.items() if key not in {"services", "steps", "progress"}}
    text = f"{command.scenario}---\n{LOAD_TEST}"
    assert command([command.ended(1, Verdict.PASSED)], [load], text=text) == 4
    out = capsys.readouterr().out
    assert out.index("Passed  TestScenario shop/checkout") < out.index("Inconclusive  LoadTest shop/peak")


def test_what_is_left_of_the_file_is_not_started_after_the_timeout(command: Any) -> None:
    assert command([command.running(1), _for_ever], text=f"{command.scenario}---\n{LOAD_TEST}", timeout=0.05) == 5
    assert [body["kind"] for body in command.cluster.applied] == ["TestScenario"]


@pytest.mark.parametrize(
    ("refusal", "code", "words"),
    [
        (Unreachable("PATCH /apis: no answer"), 3, "the cluster cannot be reached"),
        (NotFound(404, "", "404 page not found"), 3, "Seatrial is not installed in this cluster"),
        (NotFound(404, "NotFound", 'namespaces "shop" not found'), 3, "there is no namespace shop: create it"),
        (ApiError(401, "Unauthorized", "Unauthorized"), 3, "Log in again"),
        (ApiError(403, "Forbidden", 'User "u" cannot patch'), 3, 'you lack a permission: User "u" cannot patch'),
        (ApiError(429, "TooManyRequests", "slow down"), 3, "Try again a little later"),
        (
            ApiError(422, "Invalid", "spec.steps: too many"),
            2,
            "the API server refuses TestScenario: spec.steps: too many",
        ),
    ],
)
def test_a_refusal_says_what_to_do(command: Any, capsys: Any, refusal: Exception, code: int, words: str) -> None:
    command.cluster.refusal = refusal
    assert command() == code
    assert words in capsys.readouterr().err


def test_a_status_of_another_version_is_no_verdict(command: Any, capsys: Any) -> None:
    assert command([{"observedGeneration": 1, "phase": "Dreaming"}]) == 3
    assert "install the operator's version" in capsys.readouterr().err


def test_the_namespace_comes_from_the_file_then_the_option_then_the_context(command: Any) -> None:
    bare = command.scenario.replace(", namespace: shop", "")
    for text, option, expected in (
        (command.scenario, None, "shop"),
        (command.scenario, "shop", "shop"),
        (bare, "mine", "mine"),
        (bare, None, "default"),
    ):
        command.cluster.stored = None
        assert command([command.ended(1, Verdict.PASSED)], text=text, namespace=option) == 0
        assert command.cluster.stored["metadata"]["namespace"] == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
            "ConfigMap/x: is not a kind of Seatrial's: apply it",
        ),
        ("", "holds no TestScenario or LoadTest"),
        (LOAD_TEST.replace("rate: 50", "rate: 0"), "spec.profile.rate: 0: "),
        (LOAD_TEST, "metadata.namespace: 'shop': is not the one of --namespace other"),
    ],
)
def test_a_file_that_will_not_do_is_refused_before_anything_is_applied(
    command: Any, capsys: Any, text: str, words: str
) -> None:
    assert command(text=text, namespace="other") == 2
    assert words in capsys.readouterr().err
    assert command.cluster.applied == []
