"""The pure parts of the benchmark: what counts as met, how rounds are summed up, what a client is told."""

import dataclasses

import pytest

from benchmarks.teacher.figures import Figure, compared, table
from benchmarks.teacher.load import SYSTEM, Job, Measure, Meter, user_text
from benchmarks.teacher.slots import Seen, rate_of


def measure(seconds: float) -> Measure:
    return Measure(answered=90, rejected=10, seconds=seconds, cpu=0.5, peak=1, steady=1.0)


@pytest.mark.parametrize(
    ("ratio", "bound", "met"),
    [(1.4, "≥", True), (1.39, "≥", False), (1.4, "≤", True), (1.41, "≤", False), (1.4, "=", True), (1.3, "=", False)],
)
def test_a_target_is_met_up_to_its_bound(ratio: float, bound: str, met: bool) -> None:
    figure = Figure("case", "requests/s", 1.0, 1.0, "bare", ratio, bound, 1.4)  # type: ignore[arg-type]
    assert figure.met is met
    assert figure.to_dict()["met"] is met


def test_the_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_medians() -> None:
    pairs = [(measure(1), measure(1)), (measure(1), measure(2)), (measure(4), measure(2))]
    figure = compared("case", "requests/s", pairs, lambda each: each.rate, "bare", "≥", 1.0)
    assert (figure.ours, figure.baseline, figure.ratio) == (100, 50, 1.0)


def test_rejects_count_as_requests() -> None:
    assert measure(2).rate == 50
    assert measure(2).cpu_each == 5


def test_the_steady_rate_is_known_once_nine_tenths_are_answered() -> None:
    meter = Meter(10)
    for _ in range(8):
        meter.done(answered=True)
    assert meter.steady == 0
    meter.done(answered=False)
    assert meter.steady > 0
    assert (meter.answered, meter.rejected) == (8, 1)


def test_a_job_reaches_the_client_as_it_was() -> None:
    job = Job("ours", "http://127.0.0.1:1/v1", 5, 2, "/tmp/x", adaptive=False)
    assert Job.from_json(job.to_json()) == job
    assert Job.from_json(dataclasses.replace(job, adaptive=True).to_json()) != job


def test_each_request_is_another_and_of_a_real_size() -> None:
    texts = {user_text(number) for number in range(2_000)}
    assert len(texts) == 2_000
    assert all(500 <= len(SYSTEM) + len(text) <= 800 for text in texts)


def test_a_rate_is_taken_between_the_first_and_the_last_look() -> None:
    assert rate_of([Seen(10, 100, 0), Seen(11, 150, 9), Seen(12, 500, 0)]) == 200


def test_the_table_says_in_words_whether_a_target_is_met() -> None:
    figures = [
        Figure("a", "requests/s", 1234.5, 0.1234, "bare", 2.0, "≥", 1.0),
        Figure("b", "peak MiB", 1.0, 2.0, "of 5,000", 0.5, "≥", 1.0),
    ]
    head, first, second = table(figures).splitlines()
    assert head.split() == ["case", "what", "figure", "baseline", "ratio", "target", "met"]
    assert "1,234" in first
    assert "0.123 bare" in first
    assert first.endswith("yes")
    assert second.endswith("NO")
