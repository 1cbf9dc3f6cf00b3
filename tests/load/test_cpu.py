"""What a container's control group says about the CPU that a worker may use."""

from pathlib import Path

import pytest

from seatrial.load.cpu import Cpu


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000\n", 1.0), ("50000 100000\n", 0.5), ("400000 100000\n", 1.0), ("", 1.0)]
)
def test_the_limit_is_one_core_or_the_quota(tmp_path: Path, quota: str, cores: float) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert Cpu(tmp_path, {}).limit == cores


@pytest.mark.parametrize(("told", "cores"), [("250", 0.25), ("8000", 1.0), ("0", 1.0), ("", 1.0)])
def test_the_limit_may_be_told_instead(tmp_path: Path, told: str, cores: float) -> None:
    assert Cpu(tmp_path, {"SEATRIAL_CPU_LIMIT": told}).limit == cores


def test_the_first_version_of_control_groups(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("20000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "cpu/cpu.stat").write_text("nr_throttled 4\nthrottled_time 2500000000\n")
    assert (Cpu(tmp_path, {}).limit, Cpu(tmp_path).throttled()) == (0.2, 2.5)


def test_throttling_is_read_where_it_is_counted(tmp_path: Path) -> None:
    assert Cpu(tmp_path).throttled() == 0.0
    (tmp_path / "cpu.stat").write_text("usage_usec 9\nnr_throttled 4\nthrottled_usec 1500000\n")
    assert Cpu(tmp_path).throttled() == 1.5


@pytest.mark.parametrize(("quota", "limit"), [("max", 1.0), ("200000", 0.5), ("800000", 1.0)])
def test_several_cores_share_the_container_s_limit_and_its_throttling(tmp_path: Path, quota: str, limit: float) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota} 100000\n")
    (tmp_path / "cpu.stat").write_text("throttled_usec 2000000\n")
    cpu = Cpu(tmp_path, {}, cores=4)
    assert (cpu.limit, cpu.throttled()) == (limit, 0.5)
