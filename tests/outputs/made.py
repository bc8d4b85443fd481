"""Rows and datasets that the tests of this folder are made from."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
from hypothesis import strategies as st

from outputs.dataset import Dataset, publish, start_draft
from outputs.parquet import RejectWriter, TrainWriter
from schemas.manifest import Manifest, SeedReport, StageCounts, Usage
from schemas.recipe import Output, Recipe
from schemas.reject import Rejected, rejects_frame
from schemas.row import Row, Score, TeacherNote, Turn, new_row, to_frame

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_maybe = st.none() | _texts
_floats = st.floats(allow_nan=False)
_teachers = st.builds(TeacherNote, model=_texts, temperature=st.none() | _floats, cost=_floats)
_scores = st.lists(st.builds(Score, stage=_texts, measure=_texts, value=_floats, neighbour=_maybe), max_size=2)
_turns = st.lists(st.builds(Turn, role=st.sampled_from(["user", "assistant"]), content=_texts), max_size=3)

any_rows = st.lists(
    st.builds(
        Row, id=_texts, instruction=_texts, input=_texts, response=_texts, reasoning=_maybe, answer=_maybe,
        system=_maybe, turns=_turns.map(tuple), language=st.sampled_from(["en", "zh"]), topic=_maybe,
        difficulty=st.none() | _floats, parents=st.lists(_texts, max_size=2).map(tuple), stage=_texts,
        round=st.none() | st.integers(0, 9), teacher=st.none() | _teachers, scores=_scores.map(tuple),
    ),
    max_size=12,
)  # fmt: skip
"""Rows of any content at all."""


def some_rows(count: int, start: int = 0) -> list[Row]:
    """Rows that differ, and do so in a way that compresses like text does."""
    return [
        new_row(
            f"Add {number} and {number * 7}.",
            stage="respond",
            response=f"The sum is {number * 8}.",
            reasoning=f"{number} + {number * 7} = {number * 8}",
            source=f"made:{number}",
            language="zh" if number % 3 == 0 else "en",
            teacher=TeacherNote(model="builtin", temperature=0.7),
        )
        for number in range(start, start + count)
    ]


def cut(frame: pl.DataFrame, sizes: Sequence[int]) -> list[pl.DataFrame]:
    """The frame in pieces of these sizes, the rest last."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(frame.slice(start, size))
        start += size
    return [*pieces, frame.slice(start)]


def write_train(root: Path, frames: Iterable[pl.DataFrame], output: Output | None = None) -> TrainWriter:
    """Frames through a ``TrainWriter``; the closed writer."""
    with TrainWriter(root, output or Output()) as writer:
        for frame in frames:
            writer.write(frame)
    return writer


def rejected(count: int) -> list[Rejected]:
    """Rejected rows, none of them among ``some_rows`` of fewer than 1,000."""
    return [
        Rejected("heuristics", "too_short", "row", shard=0, row=row, raw="raw text")
        for row in some_rows(count, start=1000)
    ]


def manifest_of(version: int, kept: TrainWriter, dropped: RejectWriter, dataset: str = "sums") -> Manifest:
    """A manifest for what two writers wrote."""
    rows, rejects = sum(shard.rows for shard in kept.files), sum(shard.rows for shard in dropped.files)
    recipe = Recipe.model_validate({"dataset": dataset, "rows": rows or 1, "stages": [{"use": "respond"}]})
    return Manifest(
        dataset=dataset,
        version=version,
        instructloom="0.1.0",
        recipe=recipe.model_dump(mode="json"),
        recipe_digest="abc123",
        rows_requested=rows,
        rows=rows,
        complete=True,
        stop_reason="complete",
        rounds=2,
        seeds=[SeedReport(path="/home/someone/my/seeds.jsonl", format="alpaca", rows=7, bad_lines={"bad_json": 1})],
        funnel=[
            StageCounts(
                stage="heuristics", use="heuristics", kind="filter", rows_in=rows + rejects, passed=rows,
                rejected=rejects, rows_out=rows, reasons={"too_short": rejects} if rejects else {},
            )
        ],
        usage={"respond": Usage(requests=rows, prompt_tokens=10, completion_tokens=20)},
        files=kept.files,
        rejects=dropped.files,
        started="2026-01-01T00:00:00Z",
        finished="2026-01-01T00:01:00Z",
    )  # fmt: skip


def make_dataset(
    root: Path, rows: int = 25, rejects: int = 4, shard_rows: int = 10, dataset: str = "sums", start: int = 0
) -> Dataset:
    """The next version of a small dataset, published."""
    draft = start_draft(root, dataset)
    output = Output(shard_rows=shard_rows)
    kept = write_train(draft.folder, [to_frame(some_rows(rows, start))], output)
    with RejectWriter(draft.folder, output) as dropped:
        dropped.write(rejects_frame(rejected(rejects)))
    return publish(draft, manifest_of(draft.version, kept, dropped, dataset))
