"""Records by the thousand come out as ``seed_formats`` reads them one by one."""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import record_batches
from generators.record_batches import Batch, Lines, Objects, Table, open_batches
from generators.record_columns import Shape, shape_of
from generators.record_rows import Taken, take_rows
from generators.seed_files import find_sources
from generators.seed_formats import BadRecord, layout_of, lower, read_record
from generators.seeds import is_unicode
from schemas.language import detect, detect_all
from schemas.row import from_frame, new_row, to_frame

TEXTS = st.sampled_from(["", " ", "a", " b\n", "\x1c", "\x85", "#### 4", "x\n#### 1,000 ", "什么是猫", "Question: a\nAnswer: b", "\ud83d"]) | st.text(max_size=6)  # fmt: skip
VALUES: st.SearchStrategy[Any] = (
    TEXTS | st.none() | st.integers(-5, 5) | st.booleans() | st.floats(allow_nan=False) | st.just([]) | st.just({})
)
MOSTLY_TEXTS = st.one_of(TEXTS, TEXTS, TEXTS, VALUES)
PAIR_FIELDS = ["instruction", "指令", "input", "context", "output", "response", "answer", "system", "question", "text", "prompt", "data", "topic", "other"]  # fmt: skip
PAIRS = st.dictionaries(st.sampled_from(PAIR_FIELDS), MOSTLY_TEXTS, max_size=6)
TURNS = st.fixed_dictionaries({}, optional={"role": st.sampled_from(["user", "assistant", "system", "GPT", "human", "?"]) | VALUES, "content": MOSTLY_TEXTS, "extra": VALUES})  # fmt: skip
TALKS = st.lists(MOSTLY_TEXTS, max_size=5).map(
    lambda texts: [{"role": ["user", "assistant"][place % 2], "content": text} for place, text in enumerate(texts)]
)
LED = st.tuples(MOSTLY_TEXTS, TALKS).map(lambda both: [{"role": "system", "content": both[0]}, *both[1]])
CHATS = st.fixed_dictionaries({"messages": TALKS | LED | st.lists(TURNS | st.none(), max_size=4) | VALUES}, optional={"system": MOSTLY_TEXTS})  # fmt: skip
INSTANCES = st.fixed_dictionaries({"instruction": MOSTLY_TEXTS, "instances": st.lists(PAIRS, max_size=3) | VALUES})
RECORDS = st.one_of(*(st.lists(kind, min_size=1, max_size=8) for kind in (PAIRS, CHATS, INSTANCES)))


def lines(records: list[dict[Any, Any]]) -> Lines:
    return Lines(range(1, len(records) + 1), [json.dumps(record).encode() for record in records])


def expected(records: list[dict[Any, Any]], layout: str) -> tuple[list[tuple[Any, ...]], dict[str, int]]:
    """What seeds would be, and which records would be bad."""
    rows: list[tuple[Any, ...]] = []
    bad: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        try:
            seeds = read_record(lower(record), layout)
            labels = [
                value for name in ("topic", "reasoning", "subtopic") if isinstance(value := record.get(name), str)
            ]
            if not all(map(is_unicode, seeds)) or not all(is_unicode_text(label) for label in labels):
                raise BadRecord("broken_unicode")
        except BadRecord as reason:
            bad[str(reason)] = bad.get(str(reason), 0) + 1
            continue
        for instance, seed in enumerate(seeds, start=1):
            where = f"f:{number}" if instance == 1 else f"f:{number}.{instance}"
            rows.append((seed.instruction, seed.input, seed.response, seed.answer, seed.system, seed.turns, where))
    return rows, bad


def is_unicode_text(text: str) -> bool:
    return text.encode("utf-8", "ignore").decode() == text


def compared(taken: Taken) -> tuple[list[tuple[Any, ...]], dict[str, int]]:
    found = from_frame(taken.rows)
    rows = [(r.instruction, r.input, r.response, r.answer, r.system, r.turns, r.source) for r in found]
    return rows, taken.counts.reasons


def taken(batch: Batch, shape: Shape) -> Taken:
    result = take_rows(batch, shape, "f", None, 0)
    assert result.counts.balanced()
    assert result.counts.rows_in == len(batch)
    assert result.rejects.height == result.counts.rejected
    assert result.rows["id"].is_unique().all()
    return result


@settings(max_examples=400, deadline=None)
@given(RECORDS)
def test_records_in_columns_are_those_read_one_by_one(records: list[dict[Any, Any]]) -> None:
    shape = shape_of(records, {})
    layout = next((found for record in records if (found := layout_of(lower(record)))), None)
    assert (shape and shape.layout) == layout
    if shape is None or layout is None:
        return
    wanted = expected(records, layout)
    for batch in (lines(records), Objects(range(1, len(records) + 1), records)):
        assert compared(taken(batch, shape)) == wanted


@settings(max_examples=200, deadline=None)
@given(st.lists(PAIRS, min_size=1, max_size=8))
def test_a_parquet_file_of_the_same_records_gives_the_same_rows(records: list[dict[Any, Any]]) -> None:
    texts = [{name: value for name, value in record.items() if isinstance(value, str | None)} for record in records]
    full = [{name: record.get(name) for name in PAIR_FIELDS} for record in texts]
    if not all(is_unicode_text(value) for record in full for value in record.values() if value):
        return
    table = pl.DataFrame(full, schema=dict.fromkeys(PAIR_FIELDS, pl.String)).to_arrow()
    shape = shape_of(full, {})
    assert shape is not None
    batch = Table(range(1, len(full) + 1), table)
    assert compared(taken(batch, shape)) == compared(taken(lines(full), shape))


LETTERS = st.text(st.sampled_from("abt of theﬁ 什么是ひカー한글їіЙйабвگپچéقה Äἀ’\n1-Ωא"), max_size=20)


@settings(max_examples=400, deadline=None)
@given(st.lists(LETTERS | st.text(st.characters(exclude_categories=["Cs"]), max_size=10)))
def test_languages_by_the_thousand_are_those_told_one_by_one(texts: list[str]) -> None:
    assert detect_all(pl.Series(texts, dtype=pl.String)).to_list() == [detect(text) for text in texts]


def batches(path: Path) -> list[Batch]:
    (source,) = find_sources([str(path)])
    return list(open_batches(source).batches)


LINE_BYTES = st.lists(
    st.sampled_from(
        [
            b'{"text": "a"}',
            b"",
            b"  ",
            b"{",
            b"[1]",
            b'{"text": "\xff"}',
            b'{"text": "a"} {"text": "b"}',
            b'{"text":',
            b'"b"}',
            b'{"text": "' + b"x" * 90 + b'"}',
        ]
    )
)


@settings(max_examples=150, deadline=None)
@given(given_lines=LINE_BYTES, chunk=st.integers(1, 64), ending=st.sampled_from([b"\n", b"\r\n"]), last=st.booleans())
def test_lines_keep_their_numbers_however_the_file_is_cut(
    tmp_path_factory: pytest.TempPathFactory, given_lines: list[bytes], chunk: int, ending: bytes, last: bool
) -> None:
    path = tmp_path_factory.mktemp("lines") / "some.jsonl"
    every = [*[b'{"text": "first"}'] * 3, *given_lines]
    path.write_bytes(ending.join(every) + (ending if last else b""))
    wanted = [(number, line) for number, line in enumerate(every, 1) if line.strip()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_batches, "CHUNK", chunk)
        patch.setattr(record_batches, "BATCH", 3)
        found = batches(path)
    assert [
        (n, line.strip()) for b in found if isinstance(b, Lines) for n, line in zip(b.numbers, b.lines, strict=True)
    ] == wanted
    shape = shape_of([{"text": "first"}], {})
    assert shape is not None
    results = [taken(batch, shape) for batch in found if len(batch)]
    sources = [source for result in results for source in (*result.rows["source"], *result.rejects["source"])]
    assert sorted(sources) == sorted(f"f:{number}" for number, _ in wanted)
    bad = {raw for result in results for raw in result.rejects["raw"]}
    assert '{"text": "a"} {"text": "b"}' in bad or b'{"text": "a"} {"text": "b"}' not in given_lines


def test_a_compressed_file_a_list_and_a_table_are_the_same_records(tmp_path: Path) -> None:
    records = [{"question": f"How much is {n} + {n}?", "answer": f"It is\n#### {2 * n}"} for n in range(50)]
    text = "".join(json.dumps(record) + "\n" for record in records)
    (tmp_path / "a.jsonl").write_text("\ufeff" + text, encoding="utf-8")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "c.json").write_text(json.dumps(records, indent=1), encoding="utf-8")
    pl.DataFrame(records).write_parquet(tmp_path / "d.parquet")
    pl.DataFrame(records).write_csv(tmp_path / "e.csv")
    found = []
    for path in sorted(tmp_path.iterdir()):
        shape = shape_of(records, {})
        assert shape is not None
        rows = [from_frame(taken(batch, shape).rows) for batch in batches(path)]
        found.append([(row.instruction, row.response, row.answer) for part in rows for row in part])
    assert found[0][:2] == [("How much is 0 + 0?", "It is", "0"), ("How much is 1 + 1?", "It is", "2")]
    assert len(found[0]) == 50
    assert all(other == found[0] for other in found)


def test_a_field_can_be_mapped_and_what_nobody_reads_is_named() -> None:
    records = [{"Frage": "Was ist 1?", "Antwort": "1", "thema": "Zahlen", "text": "no"}] * 2
    shape = shape_of(records, {"instruction": "frage", "response": "antwort", "topic": "thema"})
    assert shape is not None
    (row, _) = from_frame(take_rows(lines(records), shape, "f", "de", 0).rows)
    assert (row.instruction, row.response, row.topic, row.language) == ("Was ist 1?", "1", "Zahlen", "de")
    assert shape.left_out == ("text",)


def test_rows_of_ours_stay_as_they_are_but_for_ids_that_come_twice() -> None:
    rows = [new_row(f"task {n}", stage="s", response="r", topic="t", parents=("p",), difficulty=2.0) for n in range(3)]
    frame = to_frame(rows)
    records = frame.to_dicts()
    shape = shape_of(records, {}, own=True)
    assert shape is not None
    batch = Table(range(1, 4), frame.to_arrow())
    assert from_frame(taken(batch, shape).rows) == rows
    again = take_rows(batch, shape, "f", None, 0, frozenset({2})).rows
    assert again.drop("id").equals(frame.drop("id"))
    assert [new == old for new, old in zip(again["id"], frame["id"], strict=True)] == [True, False, True]


def test_an_id_tells_content_and_place() -> None:
    shape = shape_of([{"text": "a"}], {})
    assert shape is not None
    rows = take_rows(lines([{"text": "a"}, {"text": "a"}, {"text": "b"}]), shape, "f", None, 0).rows
    edited = take_rows(lines([{"text": "a"}, {"text": "b"}, {"text": "b"}]), shape, "f", None, 0).rows
    assert rows["id"].is_unique().all()
    assert [new == old for new, old in zip(edited["id"], rows["id"], strict=True)] == [True, False, True]
