"""A small soak: every fault, three kills, and the same bytes. `make soak` is the large one."""

from pathlib import Path

from benchmarks.soak import Plan, soak


def test_kills_and_faults_of_every_kind_change_not_a_byte_and_nothing_is_paid_for_twice(
    tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    found = soak(Plan(rows=80, prompts=5, kills=3), tmp_path, prefect_environment)
    assert found.broken == []
    assert found.figures["storm"]["answered_prompts"] > 600
    assert sum(found.figures["storm"]["faults"].values()) > 60
