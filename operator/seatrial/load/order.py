"""What the environment of a worker tells it to do."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from seatrial.api.load import LoadSpec
from seatrial.load.assignment import Assignment, AssignmentError, assignment

#: Names of the environment variables.
SPEC_VARIABLE = "SEATRIAL_LOAD"
TARGET_VARIABLE = "SEATRIAL_TARGET"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
RUN_VARIABLE = "SEATRIAL_RUN"
CA_VARIABLE = "SEATRIAL_CA"


@dataclass(frozen=True)
class Order:
    """What the environment says.

    Attributes:
        spec: The whole load.
        host: Name or address to connect to.
        port: Port to connect to.
        index: Number of the worker, from 0.
    """

    spec: LoadSpec
    host: str
    port: int
    index: int


def assignments_from(environment: Mapping[str, str]) -> list[Assignment]:
    """Reads the worker's assignment from environment variables: the shares of its cores.

    Raises:
        AssignmentError: One of them is missing or wrong.
    """
    order = order_from(environment)
    secrets = {source: environment[name] for source, name in order.spec.secrets.items() if name in environment}
    return [
        assignment(
            order.spec,
            host=order.host,
            port=order.port,
            index=order.index,
            core=core,
            run=environment.get(RUN_VARIABLE, ""),
            secrets=secrets,
            ca=environment.get(CA_VARIABLE, ""),
        )
        for core in range(order.spec.cores)
    ]


def order_from(environment: Mapping[str, str]) -> Order:
    """Reads environment variables.

    Args:
        environment: ``SEATRIAL_LOAD`` holds the LoadSpec as JSON, ``SEATRIAL_TARGET`` host:port, and
            ``JOB_COMPLETION_INDEX`` the number of the worker, which an Indexed Job sets (0 if it is not there).

    Raises:
        AssignmentError: One of them is missing or wrong.
    """
    try:
        spec = LoadSpec.model_validate_json(environment[SPEC_VARIABLE])
        target = environment[TARGET_VARIABLE]
    except KeyError as error:
        raise AssignmentError(f"{error.args[0]} is not set: give {SPEC_VARIABLE} and {TARGET_VARIABLE}") from error
    except ValidationError as error:
        raise AssignmentError(f"{SPEC_VARIABLE} is not a load spec: {error}") from error
    host, colon, port = target.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise AssignmentError(f"{TARGET_VARIABLE} is {target!r}: write host:port, for example orders.shop.svc:8080")
    index = environment.get(INDEX_VARIABLE, "0")
    if not index.isdecimal():
        raise AssignmentError(f"{INDEX_VARIABLE} is {index!r}: it must be the number of the worker, from 0")
    return Order(spec, host.removeprefix("[").removesuffix("]"), int(port), int(index))
