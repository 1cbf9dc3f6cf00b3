"""``seatrial run``: applies the trials of a file, follows them, prints what came of them, exits by verdict."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial.cli.cluster import Cluster
from seatrial.cli.exits import Exit, worst
from seatrial.cli.follow import Patience
from seatrial.cli.manifests import Trial, read_file
from seatrial.cli.printing import complain
from seatrial.cli.reading import UnknownStatus
from seatrial.cli.refusals import exit_for, explain
from seatrial.cli.report import form_of, written
from seatrial.cli.screen import Output
from seatrial.cli.trial import Result, run_trial
from seatrial.cli.validate import mistake_line
from seatrial.kube.errors import KubeError
from seatrial.report.line import Line, Span, Tone, line
from seatrial.report.model import Report
from seatrial.report.summary import summary
from seatrial.report.wording import because, worded

#: Opens a client: context and kubeconfig, either of which may be None.
Connect = Callable[[str | None, str | None], AbstractAsyncContextManager[Cluster]]


@dataclass(frozen=True)
class RunOptions:
    """The command line of ``seatrial run``; see its help.

    Attributes:
        file: Manifest; ``-`` is standard input.
        namespace: For documents that name none.
        context: Context of the kubeconfig.
        kubeconfig: Its path.
        timeout: Seconds to wait at most.
        remove: Delete the resources afterwards.
        json: Print JSON on standard output.
        junit: File for the reports as JUnit XML.
        report: File for the reports, in the form of its ending.
        patience: Limits that are not on the command line.
    """

    file: str
    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
    timeout: float | None = None
    remove: bool = False
    json: bool = False
    junit: str | None = None
    report: str | None = None
    patience: Patience = field(default_factory=Patience)


def run(options: RunOptions, connect: Connect | None = None) -> int:
    """Runs every trial of a file.

    Args:
        options: The command line.
        connect: Opens a client; that of ``kube/`` where omitted.

    Returns:
        The exit code.
    """
    trials, complaints = _trials(options)
    if complaints:
        complain(complaints)
        return Exit.INVALID
    session = _Session(options, trials)
    try:
        return asyncio.run(session.run(connect or _connect))
    except KeyboardInterrupt:
        complain(session.broken_off())
        return Exit.INTERRUPTED


def _connect(context: str | None, kubeconfig: str | None) -> AbstractAsyncContextManager[Cluster]:
    # A second of imports, which a manifest with a mistake in it need not wait for.
    from seatrial.kube.connect import connect

    return connect(context, kubeconfig)


def _trials(options: RunOptions) -> tuple[tuple[Trial, ...], list[Line]]:
    reading = read_file(options.file)
    complaints = [mistake_line(mistake) for mistake in reading.mistakes]
    complaints += [
        line(
            f"{options.file}: {other.title}: is not a kind of Seatrial's: apply it with `kubectl apply` and take it out"
        )
        for other in reading.foreign
    ]
    complaints += [
        line(
            f"{options.file}: {trial.title}: metadata.namespace: {trial.namespace!r}: "
            f"is not the one of --namespace {options.namespace}: leave one of them out"
        )
        for trial in reading.trials
        if options.namespace and trial.namespace not in {None, options.namespace}
    ]
    if not complaints and not reading.trials:
        complaints.append(line(f"{options.file}: holds no TestScenario or LoadTest"))
    return reading.trials, complaints


class _Session:
    """One call of the command: its trials, one after another, and what is known of them so far."""

    def __init__(self, options: RunOptions, trials: tuple[Trial, ...]) -> None:
        self._options, self._trials = options, trials
        self._output = Output(machine=options.json)
        self._reports: list[dict[str, Any]] = []
        self._whole: list[Report] = []
        self._current: tuple[Trial, str] | None = None

    async def run(self, connect: Connect) -> Exit:
        """Runs the trials and returns the worst of their exit codes."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        terminated = asyncio.Event()

        def terminate() -> None:
            terminated.set()
            if task:
                task.cancel()

        loop.add_signal_handler(signal.SIGTERM, terminate)
        try:
            code = await self._run_all(connect)
        except asyncio.CancelledError:
            if not terminated.is_set():
                raise
            complain(self.broken_off())
            code = Exit.TERMINATED
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
        if self._options.json:
            sys.stdout.write(json.dumps({"exitCode": int(code), "trials": self._reports}, indent=2) + "\n")
        return self._write_reports(code)

    def _write_reports(self, code: Exit) -> Exit:
        """Writes the files that were asked for. A missing one is an error: a pipeline would take it for no tests."""
        options = self._options
        wanted = [(options.junit, "junit")] if options.junit else []
        wanted += [(options.report, form_of(options.report))] if options.report else []
        for file, form in wanted:
            try:
                Path(file).write_text(written(self._whole, form), encoding="utf-8")
            except OSError as error:
                complain([line(Span("error", Tone.BAD), f": {file}: {error.strerror}")])
                code = worst([code, Exit.ERROR])
        return code

    def broken_off(self) -> list[Line]:
        """What to say after Ctrl-C."""
        if not self._current:
            return [line("stopped")]
        trial, namespace = self._current
        name = f"{trial.resource.plural}.{trial.resource.group} {trial.name} --namespace {namespace}"
        if self._options.remove:
            return [line(f"stopped: {trial.title} is deleted, and the operator takes away what it made")]
        return [
            line(f"stopped following; {trial.title} goes on"),
            line(f"  to follow it:  kubectl get {name} --watch"),
            line(f"  to cancel it:  kubectl delete {name}"),
        ]

    async def _run_all(self, connect: Connect) -> Exit:
        timeout = self._options.timeout
        deadline = asyncio.get_running_loop().time() + timeout if timeout else None
        codes: list[Exit] = []
        try:
            async with connect(self._options.context, self._options.kubeconfig) as cluster:
                for trial in self._trials:
                    codes.append(await self._run_one(cluster, trial, deadline))
                    if codes[-1] is Exit.TIMED_OUT and deadline and asyncio.get_running_loop().time() >= deadline:
                        break  # of what is left nothing could be waited for
        except KubeError as error:
            resource = (self._current[0] if self._current else self._trials[0]).resource
            namespace = self._current[1] if self._current else self._options.namespace or ""
            complain([line(Span("error", Tone.BAD), f": {explain(error, resource, namespace)}")])
            codes.append(exit_for(error))
        except UnknownStatus as error:
            complain([line(Span("error", Tone.BAD), f": {error}")])
            codes.append(Exit.ERROR)
        return worst(codes)

    async def _run_one(self, cluster: Cluster, trial: Trial, deadline: float | None) -> Exit:
        options = self._options
        namespace = trial.namespace or options.namespace or cluster.default_namespace
        self._current = (trial, namespace)
        title = f"{trial.resource.kind} {namespace}/{trial.name}"
        with self._output.screen(title) as screen:
            result = await run_trial(
                cluster,
                trial,
                namespace,
                screen=screen,
                deadline=deadline,
                remove=options.remove,
                patience=options.patience,
                report=bool(options.junit or options.report),
            )
        if result.report:
            self._whole.append(result.report)
        self._output.print(_worded(result, title))
        self._reports.append(_report(result, trial, namespace))
        return result.ended.exit


def _worded(result: Result, title: str) -> list[Line]:
    ended = result.ended
    if ended.status and ended.verdict and ended.status.verdict == ended.verdict:
        return [Line(), *summary(ended.status, title), Line()]
    state = worded(ended.verdict) if ended.verdict else Span(ended.reason or "no verdict", Tone.BAD)
    why = because(ended.reason, ended.message) if ended.verdict else ended.message
    return [Line(), line(state, f"  {title}"), line(f"  {why}"), Line()]


def _report(result: Result, trial: Trial, namespace: str) -> dict[str, Any]:
    ended = result.ended
    return {
        "kind": trial.resource.kind,
        "namespace": namespace,
        "name": trial.name,
        "generation": result.generation,
        "verdict": ended.verdict,
        "reason": ended.reason,
        "message": ended.message,
        "exitCode": int(ended.exit),
        "status": ended.status.to_kubernetes() if ended.status else None,
    }
