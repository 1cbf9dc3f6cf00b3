"""``seatrial validate``: the operator's own checks, without a cluster."""

import sys
from collections.abc import Sequence

from seatrial.cli.exits import Exit
from seatrial.cli.manifests import Mistake, Reading, read_file
from seatrial.cli.printing import complain, console_for, print_lines
from seatrial.report.line import Line, Span, Tone, line


def validate(files: Sequence[str]) -> int:
    """Checks files and prints what is wrong with them on standard error, what is well on standard output.

    Returns:
        The exit code.
    """
    readings = {file: read_file(file) for file in files}
    complain(mistake_line(mistake) for reading in readings.values() for mistake in reading.mistakes)
    out = console_for(sys.stdout)
    for file, reading in readings.items():
        print_lines(out, _found(file, reading))
    if any(reading.mistakes for reading in readings.values()):
        return Exit.INVALID
    if not any(reading.trials for reading in readings.values()):
        complain([line(Span("no TestScenario or LoadTest found: nothing was checked", Tone.BAD))])
        return Exit.INVALID
    return Exit.PASSED


def mistake_line(mistake: Mistake) -> Line:
    """A mistake as a line: place, document, field, value, remedy."""
    problem = mistake.problem
    title = f"{mistake.title}: " if mistake.title else ""
    value = f"{problem.value}: " if problem.value else ""
    return line(
        Span(f"{mistake.place}: ", Tone.QUIET),
        title,
        Span(problem.field, Tone.HEADING),
        ": ",
        Span(value, Tone.BAD),
        problem.remedy,
    )


def _found(file: str, reading: Reading) -> list[Line]:
    name = "<stdin>" if file == "-" else file
    valid = [line(f"{name}: {trial.title}: ", Span("valid", Tone.GOOD)) for trial in reading.trials]
    others = [
        line(f"{name}: {other.title}: ", Span("left unchecked: not a kind of Seatrial's", Tone.QUIET))
        for other in reading.foreign
    ]
    return valid + others
