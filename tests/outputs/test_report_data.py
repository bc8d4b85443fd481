"""The numbers of a report are the numbers of the files."""

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outputs.dataset import Dataset, read_rejects, read_rows
from outputs.report.counts import ELSEWHERE, SIMILARITY_BINS, histogram, round_width
from outputs.report.data import collect, moments
from outputs.report.model import DROPPED, KEPT, PASSED, REJECTED, ReportData
from outputs.report.plane import project
from outputs.report.samples import LONGEST, even_share, sample_kept, sample_rejected
from schemas.reject import Rejected
from schemas.row import Row, new_row, to_frame
from tests.outputs.made import any_rows, make_dataset
from tests.outputs.storied import kept_rows, storied

lengths = st.lists(st.integers(0, 10**7), max_size=60)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return storied(tmp_path_factory.mktemp("report"), families=12)


@pytest.fixture(scope="module")
def data(dataset: Dataset) -> ReportData:
    return collect(dataset.folder, dataset.manifest, thresholds={("minhash", "jaccard"): {"": 0.7}})


@given(kept=lengths, rejected=lengths)
def test_each_value_is_counted_once_in_the_bin_that_holds_it(kept: list[int], rejected: list[int]) -> None:
    shape = histogram({KEPT: np.array(kept, dtype=np.int64), REJECTED: np.array(rejected, dtype=np.int64)})
    for name, values in ((KEPT, kept), (REJECTED, rejected)):
        assert shape.total(name) == len(values)
        for place, count in enumerate(shape.counts[name]):
            last = place == len(shape.edges) - 2
            high = math.inf if last and shape.open_end else shape.edges[place + 1]
            assert count == sum(shape.edges[place] <= value < high for value in values)
    assert len(shape.edges) <= 30
    assert all(later > before for before, later in pairwise(shape.edges))


@given(least=st.floats(0, 1e9))
def test_a_bin_is_wide_enough_and_not_much_wider(least: float) -> None:
    assert max(least, 1) <= round_width(least) <= 2.5 * max(least, 1)


@given(sizes=st.lists(st.integers(1, 500), min_size=1, max_size=20), limit=st.integers(20, 1000))
def test_an_even_share_uses_the_room_and_no_more(sizes: list[int], limit: int) -> None:
    share = even_share(sizes, limit)
    assert sum(min(size, share) for size in sizes) <= limit
    assert all(size <= share for size in sizes) or sum(min(size, share + 1) for size in sizes) > limit


def test_totals_are_those_of_manifest_and_files(dataset: Dataset, data: ReportData) -> None:
    rows = read_rows(dataset).collect()
    assert data.lengths["instruction"].total(KEPT) == data.lengths["response"].total(KEPT) == dataset.manifest.rows
    assert data.tokens.total(KEPT) == rows["teacher"].is_not_null().sum()
    assert sum(count for _, count in data.languages) == dataset.manifest.rows
    assert sum(line.rows for line in data.topics) + data.without_topic == dataset.manifest.rows
    assert sum(sum(line.kept.values()) for line in data.operations) == dataset.manifest.rows
    lost = read_rejects(dataset).collect()
    named = lost.filter(pl.col("instruction") != "")
    assert data.lengths["instruction"].total(REJECTED) == sum(line.rejected for line in data.operations) == named.height
    reasons = Counter(zip(lost["rejected_by"], lost["reason"], strict=True))
    told = {
        (stage.stage, reason): count for stage in dataset.manifest.funnel for reason, count in stage.reasons.items()
    }
    assert reasons == told


def test_a_similarity_is_told_from_other_scores_and_split_by_what_its_stage_did(
    dataset: Dataset, data: ReportData
) -> None:
    (near,) = data.similarities
    assert (near.stage, near.measure, near.limits) == ("minhash", "jaccard", {"": 0.7})
    expected = Counter[tuple[str, int]]()
    for frame, by in ((read_rows(dataset), False), (read_rejects(dataset), True)):
        for record in frame.collect().iter_rows(named=True):
            for score in record["scores"]:
                if score["measure"] == "jaccard" and math.isfinite(score["value"]):
                    dropped = by and record["rejected_by"] == "minhash"
                    place = min(int(score["value"] * SIMILARITY_BINS + 1e-9), SIMILARITY_BINS - 1)
                    expected[DROPPED if dropped else PASSED, place] += 1
    counted = {
        (name, place): count
        for name in (PASSED, DROPPED)
        for place, count in enumerate(near.histogram.counts[name])
        if count
    }
    assert counted == expected
    (other,) = data.measured
    assert (other.measure, other.rows, other.mean) == ("words_added", 24, 3.0)


@settings(max_examples=15, deadline=None)
@given(rows=any_rows)
def test_a_report_can_be_made_of_any_rows(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> None:
    dataset = storied(tmp_path_factory.mktemp("any"), rows=rows, lost=[])
    data = collect(dataset.folder, dataset.manifest)
    assert data.lengths["response"].total(KEPT) == len(rows)
    assert sum(line.rows for line in data.topics) + data.without_topic == len(rows)
    finite = [score for row in rows for score in row.scores if math.isfinite(score.value)]
    similar = {(score.stage, score.measure) for score in finite if score.neighbour is not None}
    assert {(near.stage, near.measure) for near in data.similarities} == similar
    assert sum(near.histogram.total(PASSED) for near in data.similarities) + sum(
        each.rows for each in data.measured
    ) == len(finite)


def test_the_sub_topics_asked_for_are_shown_with_and_without_rows(dataset: Dataset) -> None:
    asked = pl.DataFrame(
        {"topic": ["Science", "Science", "History"], "subtopic": ["optics", "acoustics", "Rome"], "rows": [4, 0, 0]}
    )
    data = collect(dataset.folder, dataset.manifest, coverage=asked)
    lines = {line.topic: line for line in data.topics}
    assert (lines["Science"].asked, lines["Science"].covered, lines["History"].covered) == (2, 1, 0)
    assert lines[ELSEWHERE].rows == 2  # six rows have the topic
    assert sum(line.rows for line in data.topics) + data.without_topic == dataset.manifest.rows


def test_samples_are_the_same_each_time_and_hold_every_reason(dataset: Dataset) -> None:
    kept, rejects = read_rows(dataset), read_rejects(dataset)
    few = sample_kept(kept, 7)
    assert few == sample_kept(kept, 7)
    assert len(few) == 7
    assert {each.row.id for each in few} < {each.row.id for each in sample_kept(kept, 20)}
    lost = sample_rejected(rejects, 4)
    assert {each.reason for each in lost} == {"near_duplicate", "unparsable", "undecided"}
    everything = sample_rejected(rejects, 1000)
    assert [each.raw for each in everything] == read_rejects(dataset).collect()["raw"].to_list()


def test_a_text_is_cut_as_it_is_read(tmp_path: Path) -> None:
    row = new_row("x" * (LONGEST + 7), stage="s", response="kurz")
    dataset = storied(tmp_path, rows=[row], lost=[Rejected("s", "r", "row", 0, row, raw="y" * (LONGEST + 9))])
    data = collect(dataset.folder, dataset.manifest)
    assert data.kept[0].row.instruction == "x" * LONGEST + "… (7 more characters)"
    assert data.rejected[0].raw == "y" * LONGEST + "… (9 more characters)"
    assert data.kept[0].row.response == "kurz"
    assert data.lengths["instruction"].edges[0] <= LONGEST + 7


def test_pairs_show_both_texts_the_dropped_ones_first(data: ReportData) -> None:
    near = data.pairs[0]
    assert not near.sample.kept
    assert near.value == max(pair.value for pair in data.pairs)
    assert near.neighbour is not None
    assert near.neighbour.instruction + "!" == near.sample.row.instruction
    assert len({(pair.sample.row.id, pair.neighbour_id) for pair in data.pairs}) == len(data.pairs)


def test_a_chain_goes_from_the_proposal_to_the_last_evolution(data: ReportData) -> None:
    assert [row.depth for row in data.chains[0]] == [0, 1, 2]
    for chain in data.chains:
        assert all(child.parents[0] == parent.id for parent, child in pairwise(chain))


def test_a_parent_that_is_in_no_file_is_asked_for_where_the_run_keeps_it(tmp_path: Path) -> None:
    first, *later = kept_rows(1)
    dataset = storied(tmp_path, rows=later, lost=[])
    assert first.id not in collect(dataset.folder, dataset.manifest).others
    asked: list[list[str]] = []

    def lookup(ids: object) -> pl.DataFrame:
        asked.append(sorted(ids))  # type: ignore[call-overload]  # any iterable will do
        return to_frame([first])

    data = collect(dataset.folder, dataset.manifest, lookup=lookup)
    assert data.others[first.id].instruction == first.instruction
    assert asked == [[first.id]]
    assert [row.id for row in data.chains[0]] == [first.id, *(row.id for row in later)]


def test_a_parent_that_is_its_own_ancestor_ends_the_chain(tmp_path: Path) -> None:
    one, two = Row(id="a", instruction="one", parents=("b",), depth=1), Row(id="b", instruction="two", parents=("a",))
    dataset = storied(tmp_path, rows=[one, two], lost=[])
    chains = collect(dataset.folder, dataset.manifest).chains
    assert {len(chain) for chain in chains} == {2}


def test_points_are_of_the_sampled_rows_and_do_not_depend_on_the_order_of_vectors(dataset: Dataset) -> None:
    rng = np.random.default_rng(1)
    known = {id: rng.normal(size=8).astype(np.float32) for id in read_rows(dataset).collect()["id"][:30]}

    def vectors(ids: object) -> tuple[list[str], np.ndarray]:
        found = [id for id in ids if id in known]  # type: ignore[attr-defined]  # any iterable will do
        return found, np.array([known[id] for id in found])

    def backwards(ids: object) -> tuple[list[str], np.ndarray]:
        found, values = vectors(ids)
        return found[::-1], values[::-1]

    points = collect(dataset.folder, dataset.manifest, vectors=vectors).points
    assert {point.id for point in points} == set(known)
    assert points == collect(dataset.folder, dataset.manifest, vectors=backwards).points


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 40).flatmap(
        lambda n: st.lists(st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3), min_size=n, max_size=n)
    )
)
def test_a_plane_takes_any_vectors(values: list[list[float]]) -> None:
    points = project(np.array(values, dtype=np.float32).reshape(len(values), 3))
    assert points.shape == (len(values), 2)
    assert np.isfinite(points).all()
    assert np.abs(points).max(initial=0) <= 1 + 1e-9


def test_rows_that_are_alike_lie_near_one_another() -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(3, 50))
    vectors = np.repeat(centres, 40, axis=0) + 0.15 * rng.normal(size=(120, 50))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    points = project(vectors)
    assert (points == project(vectors)).all()
    groups = points.reshape(3, 40, 2)
    within = np.linalg.norm(groups - groups.mean(axis=1, keepdims=True), axis=2).mean()
    between = np.linalg.norm(groups.mean(axis=1)[:, None] - groups.mean(axis=1)[None], axis=2).max()
    assert between > 4 * within


@given(
    st.lists(
        st.tuples(st.floats(0, 1e6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**9)), max_size=900
    )
)
def test_a_timeline_is_thinned_out_but_keeps_its_ends(timeline: list[tuple[float, int, int, int]]) -> None:
    kept = moments(timeline, limit=50)
    assert len(kept) == min(len(timeline), 50)
    if timeline:
        assert (kept[0].seconds, kept[-1].seconds) == (min(timeline)[0], max(timeline)[0])


def test_a_dataset_without_rejects_or_scores_has_a_report(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, rows=1, rejects=0)
    data = collect(dataset.folder, dataset.manifest)
    assert (len(data.kept), data.rejected, data.similarities, data.pairs, data.chains) == (1, (), (), (), ())
