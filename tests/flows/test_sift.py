"""Verdicts as columns divide a shard as verdicts row by row would."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sift import sift
from schemas.reject import Rejected, rejects_frame
from schemas.row import Row, Score, new_row, to_frame
from schemas.stage import Verdict
from schemas.verdicts import columns

SCORES = st.lists(
    st.builds(
        Score,
        stage=st.just("near"),
        measure=st.sampled_from(["jaccard", "rouge_l", "cosine"]),
        value=st.floats(allow_nan=False),
        neighbour=st.none() | st.text(),
    ),
    max_size=3,
    unique_by=lambda score: score.measure,
).map(lambda scores: tuple(sorted(scores, key=lambda score: score.measure)))
VERDICTS = st.lists(
    st.builds(Verdict, st.booleans(), st.sampled_from(["near_duplicate", "echo"]), SCORES), min_size=0, max_size=12
)


def rows(count: int) -> list[Row]:
    earlier = (Score("votes", "votes", 3.0),)
    return [new_row(f"task {n}", stage="s", scores=earlier if n % 2 else ()) for n in range(count)]


@given(VERDICTS)
def test_a_shard_is_divided_as_row_by_row(verdicts: list[Verdict]) -> None:
    # All measures are known from the first row on, so that their order is the one within a row.
    verdicts = [
        Verdict(True, None, tuple(Score("near", name, 0.5) for name in ("cosine", "jaccard", "rouge_l"))),
        *verdicts,
    ]
    given_rows = rows(len(verdicts))
    done = sift("near", 7, to_frame(given_rows), columns(verdicts))
    scored = [row.scored(*verdict.scores) for row, verdict in zip(given_rows, verdicts, strict=True)]
    pairs = list(zip(scored, verdicts, strict=True))
    gone = [Rejected("near", str(verdict.reason), "row", 7, row) for row, verdict in pairs if not verdict.keep]
    assert done.kept.equals(to_frame(row for row, verdict in pairs if verdict.keep))
    assert done.rejects.equals(rejects_frame(gone))
    assert done.reasons == {
        reason: sum(each.reason == reason for each in gone) for reason in sorted({each.reason for each in gone})
    }


@given(VERDICTS)
def test_columns_read_one_by_one_are_the_verdicts(verdicts: list[Verdict]) -> None:
    same = [Verdict(each.keep, None if each.keep else each.reason, each.scores) for each in verdicts]
    for each, read in zip(same, columns(same), strict=True):
        assert (read.keep, read.reason, set(read.scores)) == (each.keep, each.reason, set(each.scores))


def test_without_scores_nothing_is_added() -> None:
    frame = to_frame(rows(3))
    done = sift("heuristics", 0, frame, columns([Verdict(True), Verdict(False), Verdict(True)]))
    assert done.kept.equals(frame[[0, 2]])
    assert (done.rejects["reason"].to_list(), done.reasons) == (["rejected"], {"rejected": 1})


def test_no_rows_no_verdicts() -> None:
    done = sift("near", 0, to_frame([]), columns([]))
    assert (done.kept.height, done.rejects.height, done.reasons) == (0, 0, {})
    assert done.rejects.schema == rejects_frame([]).schema
    with pytest.raises(ValueError, match="1 verdicts on 0 rows"):
        sift("near", 0, to_frame([]), columns([Verdict(True)]))


def test_null_scores_of_a_foreign_frame_count_as_none() -> None:
    frame = to_frame(rows(1)).with_columns(scores=pl.lit(None, dtype=to_frame([]).schema["scores"]))
    done = sift("near", 0, frame, columns([Verdict(True, None, (Score("near", "jaccard", 0.1, "a"),))]))
    assert done.kept["scores"].to_list() == [[{"stage": "near", "measure": "jaccard", "value": 0.1, "neighbour": "a"}]]
