"""``seatrial report``: reads the report of a run and prints it, or writes it to a file."""

import asyncio
import base64
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from seatrial.cli.cluster import Cluster, Object
from seatrial.cli.exits import Exit
from seatrial.cli.fetch import Fetched, NoReport, fetch
from seatrial.cli.printing import complain, console_for, print_lines
from seatrial.cli.reading import UnknownStatus
from seatrial.cli.refusals import explain
from seatrial.kube.errors import KubeError, NotFound
from seatrial.kube.resources import LOAD_TESTS, TEST_SCENARIOS, Resource
from seatrial.report.html import html
from seatrial.report.junit_xml import junit_xml
from seatrial.report.line import Span, Tone, line
from seatrial.report.model import Report
from seatrial.report.text import text

Connect = Callable[[str | None, str | None], AbstractAsyncContextManager[Cluster]]

KINDS = {
    "tscn": TEST_SCENARIOS,
    "testscenario": TEST_SCENARIOS,
    "testscenarios": TEST_SCENARIOS,
    "ldt": LOAD_TESTS,
    "loadtest": LOAD_TESTS,
    "loadtests": LOAD_TESTS,
}


@dataclass(frozen=True)
class ReportOptions:
    """The command line of ``seatrial report``; see its help.

    Attributes:
        name: NAME or KIND/NAME.
        namespace: Where the resource is.
        run: Name of the run; the last one where omitted.
        form: text, json, junit or html.
        output: File to write to.
        artifacts: Folder to write artifacts to.
        context: Context of the kubeconfig.
        kubeconfig: Its path.
    """

    name: str
    namespace: str | None = None
    run: str | None = None
    form: str = "text"
    output: str | None = None
    artifacts: str | None = None
    context: str | None = None
    kubeconfig: str | None = None


def report(options: ReportOptions, connect: Connect | None = None) -> int:
    """Prints a report.

    Args:
        options: The command line.
        connect: Opens a client; that of ``kube/`` where omitted.

    Returns:
        The exit code: 0 if there is a report, whatever its verdict.
    """
    kind, slash, name = options.name.rpartition("/")
    if slash and kind.lower() not in KINDS:
        return _failed(f"{kind!r} is no kind of Seatrial's: write tscn/{name} or ldt/{name}", Exit.INVALID)
    kinds = [KINDS[kind.lower()]] if slash else [TEST_SCENARIOS, LOAD_TESTS]
    try:
        fetched = asyncio.run(_fetched(options, kinds, name, connect or _connect))
    except KubeError as error:
        return _failed(explain(error, kinds[0], options.namespace or ""), Exit.ERROR)
    except (NoReport, UnknownStatus, ValueError) as error:
        return _failed(str(error), Exit.ERROR)
    if fetched.note:
        complain([line(Span(fetched.note, Tone.DOUBTFUL))])
    try:
        _print(fetched.report, options)
    except OSError as error:
        return _failed(f"{error.filename}: {error.strerror}", Exit.INVALID)
    return Exit.PASSED


def _connect(context: str | None, kubeconfig: str | None) -> AbstractAsyncContextManager[Cluster]:
    from seatrial.kube.connect import connect

    return connect(context, kubeconfig)


def _failed(message: str, code: Exit) -> Exit:
    complain([line(Span("error", Tone.BAD), f": {message}")])
    return code


async def _fetched(options: ReportOptions, kinds: Sequence[Resource], name: str, connect: Connect) -> Fetched:
    async with connect(options.context, options.kubeconfig) as cluster:
        namespace = options.namespace or cluster.default_namespace
        found: list[tuple[Resource, Object]] = []
        for resource in kinds:
            try:
                found.append((resource, await cluster.get(resource, name, namespace)))
            except NotFound:
                continue
        if not found:
            words = " or ".join(resource.kind for resource in kinds)
            raise NoReport(f"there is no {words} {name} in namespace {namespace}")
        if len(found) > 1:
            raise NoReport(f"there are a TestScenario and a LoadTest {name}: write tscn/{name} or ldt/{name}")
        resource, stored = found[0]
        return await fetch(cluster, resource, stored, options.run)


def _print(found: Report, options: ReportOptions) -> None:
    if options.artifacts:
        write_artifacts(found, Path(options.artifacts))
    if options.output is None and options.form == "text":
        print_lines(console_for(sys.stdout), text(found))
    elif options.output is None:
        sys.stdout.write(written([found], options.form))
    else:
        Path(options.output).write_text(written([found], options.form), encoding="utf-8")


def written(reports: Sequence[Report], form: str) -> str:
    """Writes reports in one of the forms; several in JSON are a list."""
    match form:
        case "json" if len(reports) == 1:
            return reports[0].to_json()
        case "json":
            return f"[{','.join(one.to_json() for one in reports)}]\n"
        case "junit":
            return junit_xml(reports)
        case "html":
            return html(reports)
        case _:
            return "".join(f"{each}\n" for one in reports for each in text(one))


def form_of(file: str) -> str:
    """The form that a file's ending asks for; text where it asks for none."""
    return {".json": "json", ".xml": "junit", ".html": "html", ".htm": "html"}.get(Path(file).suffix.lower(), "text")


def write_artifacts(found: Report, folder: Path) -> None:
    """Writes each artifact to a file of its name in a folder of its step's name."""
    for artifact in found.artifacts:
        if artifact.lack:
            continue
        # Names are checked at admission; a ConfigMap may have been changed since.
        place = folder / Path(artifact.step).name / Path(artifact.name).name
        place.parent.mkdir(parents=True, exist_ok=True)
        whole = artifact.content.encode() if artifact.encoding == "utf-8" else base64.b64decode(artifact.content)
        place.write_bytes(whole)
