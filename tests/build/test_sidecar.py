"""The sidecar that hands a Job's files over, and the ConfigMaps of a report."""

import pytest

from seatrial.api import names
from seatrial.api.parcel import VARIABLE, Kind, read_wanted
from seatrial.api.step import Job
from seatrial.build.job import job
from seatrial.build.report import report_part
from seatrial.build.sidecar import attach
from tests.build.objects import ORIGIN, Object


def built(**fields: object) -> Object:
    spec = Job.model_validate({"image": "i:1", **fields})
    template: Object = job(ORIGIN, "trial", "contract", spec, 60)["spec"]["template"]
    attach(template, spec, image="seatrial:1", pull_policy="Never")
    pod: Object = template["spec"]
    return pod


ARTIFACTS = [{"name": "shot", "path": "/results/shot.png"}, {"name": "trace", "path": "/traces/deep/trace.zip"}]


def test_a_job_that_hands_nothing_over_has_no_sidecar() -> None:
    assert not {"initContainers", "volumes"} & built().keys()


def test_the_sidecar_sees_what_the_job_writes_and_cannot_write_there() -> None:
    pod = built(junit="/results/*.xml", artifacts=ARTIFACTS)
    [sidecar], [main] = pod["initContainers"], pod["containers"]
    assert [mount["mountPath"] for mount in main["volumeMounts"]] == ["/results", "/traces/deep"]
    assert [mount["mountPath"] for mount in sidecar["volumeMounts"]] == ["/collect/0", "/collect/1"]
    assert all(mount["readOnly"] for mount in sidecar["volumeMounts"])
    assert [mount["name"] for mount in main["volumeMounts"]] == [mount["name"] for mount in sidecar["volumeMounts"]]
    assert all(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"])
    wanted = read_wanted(next(entry["value"] for entry in sidecar["env"] if entry["name"] == VARIABLE))
    assert [(one.kind, one.folder, one.pattern) for one in wanted] == [
        (Kind.JUNIT, 0, "*.xml"),
        (Kind.ARTIFACT, 0, "shot.png"),
        (Kind.ARTIFACT, 1, "trace.zip"),
    ]


def test_the_sidecar_outlives_the_job_is_ready_before_it_and_has_no_privilege() -> None:
    [sidecar] = built(junit="/results/junit.xml")["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["lifecycle"]["postStart"]["exec"]["command"] == ["seatrial", "collect", "--await-ready"]
    assert sidecar["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert sidecar["imagePullPolicy"] == "Never"


@pytest.mark.parametrize(
    "path", ["junit.xml", "/junit.xml", "/a/../junit.xml", "/a/.b/x", "/proc/1/x", "/dev/x", "/a/*/x"]
)
def test_a_path_that_cannot_be_mounted_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"junit|mounted"):
        Job.model_validate({"image": "i:1", "junit": path})


def test_a_report_belongs_to_its_resource_and_is_no_leftover_of_its_run() -> None:
    body = report_part(ORIGIN, 2, {"report.json": "{}"})
    metadata = body["metadata"]
    assert metadata["name"] == names.report(ORIGIN.name, ORIGIN.uid, ORIGIN.run, 2)
    assert metadata["namespace"] == ORIGIN.namespace
    assert metadata["ownerReferences"] == [
        {"apiVersion": "seatrial.dev/v1alpha1", "kind": "TestScenario", "name": ORIGIN.name, "uid": ORIGIN.uid}
    ]
    assert names.OWNER_UID not in metadata["labels"]
    assert metadata["labels"][names.REPORT_OF] == ORIGIN.uid


def test_the_name_of_a_report_is_bounded() -> None:
    assert len(names.report("n" * 253, "u", "1" * 40, 5)) <= 253
    assert names.report("a", "u", "1") != names.report("a", "u", "2")
