"""From the steps as written to the steps as run: a step with a matrix becomes one instance for each combination.

The plan, the engine and validation all see steps through this one pure function.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from seatrial.api import matrix, names
from seatrial.api.matrix import AxisValue
from seatrial.api.step import Step

#: Steps that a scenario may come to.
STEPS = 200
#: Longest name of a step, in bytes, which labels and names of objects have room for.
_NAME = 50


@dataclass(frozen=True)
class Instance:
    """A step as it is run.

    Attributes:
        step: The step, under the instance's own name.
        parent: Name of the step with the matrix; empty for a step without.
        values: Value of each axis.
    """

    step: Step
    parent: str = ""
    values: Mapping[str, AxisValue] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name, unique in the scenario."""
        return self.step.name

    @property
    def written(self) -> str:
        """The name by which the spec knows it."""
        return self.parent or self.step.name

    @property
    def variables(self) -> dict[str, AxisValue]:
        """Its values, as expressions know them."""
        return {f"matrix.{axis}": value for axis, value in self.values.items()}


def expanded(steps: Iterable[Step]) -> list[Instance]:
    """Returns the steps as they are run, in the order of the spec and of their combinations."""
    return [instance for step in steps for instance in _instances(step)]


def _instances(step: Step) -> Iterator[Instance]:
    if not step.matrix:
        yield Instance(step)
        return
    for index, values in enumerate(matrix.combinations(step.matrix)):
        yield Instance(step.model_copy(update={"name": names.instance(step.name, index)}), step.name, values)


def mistakes(steps: list[Step], others: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Finds matrices that are wrong or too large, and names that instances or attempts would share with others.

    Args:
        steps: The steps as written.
        others: Names of setup and teardown Jobs.

    Yields:
        Path of the field, its value, and what to do.
    """
    for index, step in enumerate(steps):
        for place, value, remedy in matrix.mistakes(step.matrix):
            yield f"spec.steps[{index}].matrix.{place}", value, remedy
    sizes = [matrix.size(step.matrix) if step.matrix else 1 for step in steps]
    for index, size in enumerate(sizes):
        if size > matrix.COMBINATIONS:
            remedy = f"a step has at most {matrix.COMBINATIONS}: take values out, or split the step"
            yield f"spec.steps[{index}].matrix", f"{size} combinations", remedy
    if any(size > matrix.COMBINATIONS for size in sizes):
        return
    if sum(sizes) > STEPS:
        yield "spec.steps", f"{sum(sizes)} steps with all combinations", f"a scenario has at most {STEPS}: split it"
        return
    yield from _names(steps, sizes, others)


def _names(steps: list[Step], sizes: list[int], others: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    written = {step.name for step in steps} | set(others)
    made: dict[str, str] = {}
    for index, (step, size) in enumerate(zip(steps, sizes, strict=True)):
        place = f"spec.steps[{index}].name"
        instances = [names.instance(step.name, number) for number in range(size)] if step.matrix else [step.name]
        if len(instances[-1]) > _NAME:
            remedy = f"its instances are called {instances[-1]} and the like, of at most {_NAME} characters: shorten it"
            yield place, repr(step.name), remedy
        further = range(2, 2 + (step.retry.limit if step.retry else 0))
        attempts = [names.attempt(instance, number) for instance in instances for number in further]
        new = [*(instances if step.matrix else []), *attempts]
        taken = next((name for name in new if name in written or name in made), None)
        if taken:
            owner = f"step {made[taken]}" if taken in made else "another step"
            what = "instance" if taken in instances else "attempt"
            yield place, repr(step.name), f"its {what} {taken} would have the same name as one of {owner}: rename one"
        made.update(dict.fromkeys(new, step.name))
