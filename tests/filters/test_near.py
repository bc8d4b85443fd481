"""The compiled index of near rows decides what the plain one decides, however it came by its rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import kernels
from filters.ids import as_bytes
from filters.minhash import Config, open_index
from filters.near import KEPT, Judged, Prepared, Rule
from filters.near_fast import FastIndex
from filters.near_plain import PlainIndex
from schemas.row import Row, new_row, to_frame
from tests.filters.conftest import Records

WORDS = st.sampled_from(
    ["sort", "the", "list", "of", "names", "in", "order", "by", "length", "3", "7", "中", "文", "写", "诗"]
)
TEXTS = st.lists(WORDS, max_size=9).map(" ".join)
ROWS = st.lists(
    st.builds(
        lambda text, input, language: new_row(text, stage="s", input=input, language=language),
        TEXTS, st.just("") | TEXTS, st.sampled_from(["en", "zh"]),
    ),
    max_size=30,
).map(lambda rows: [row.with_(id=f"{place:024x}") for place, row in enumerate(rows)])  # fmt: skip
CONFIGS = st.builds(
    Config,
    fields=st.sampled_from(["instruction", "instruction_and_input"]),
    jaccard=st.sampled_from([0.3, 0.5, 0.7]),
    rouge_l=st.sampled_from([None, 0.5, 0.8]),
    bands=st.sampled_from([4, 25]),
    rows=st.sampled_from([1, 5]),
    long_tokens=st.sampled_from([5, 300]),
    digit_guard=st.booleans(),
)

pytestmark = pytest.mark.skipif(not kernels.compiled(), reason="numba is not installed")


def rule_of(config: Config) -> Rule:
    return Rule(2 if config.fields == "instruction_and_input" else 1, config.jaccard, config.rouge_l, config.bands)


def prepared(rows: list[Row], config: Config) -> tuple[Prepared, np.ndarray]:
    frame = to_frame(rows)
    return Prepared(**open_index(config).sign(frame)), as_bytes(frame["id"])


def told(index: FastIndex | PlainIndex, judged: Judged) -> list[tuple[Any, ...]]:
    """What was found, as a user reads it."""
    found = zip(judged.verdicts, index.ids.of(judged.rows), judged.jaccard, judged.rouge_l, strict=True)
    return [(int(verdict), id, jaccard, str(rouge_l)) for verdict, id, jaccard, rouge_l in found]


def judged_by(index: FastIndex | PlainIndex, rows: Prepared, ids: np.ndarray) -> list[tuple[Any, ...]]:
    return told(index, index.judge(rows, np.arange(len(rows)), ids))


@given(ROWS, CONFIGS)
def test_the_compiled_index_decides_as_the_plain_one(rows: list[Row], config: Config) -> None:
    ready, ids = prepared(rows, config)
    plain = judged_by(PlainIndex(rule_of(config)), ready, ids)
    assert judged_by(FastIndex(rule_of(config)), ready, ids) == plain


@given(ROWS, ROWS, CONFIGS)
@settings(max_examples=50)
def test_a_saved_index_decides_as_one_that_saw_the_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], more: list[Row], config: Config
) -> None:
    folder = tmp_path_factory.mktemp("index")
    (ready, ids), (later, later_ids) = prepared(rows, config), prepared(more, config)
    first = FastIndex(rule_of(config))
    first.judge(ready, np.arange(len(ready)), ids)
    first.save(folder)
    files = {path: path.read_bytes() for path in folder.iterdir()}
    reopened = FastIndex(rule_of(config), folder)
    assert judged_by(reopened, later, later_ids) == judged_by(first, later, later_ids)
    assert {path: path.read_bytes() for path in folder.iterdir()} == files


def test_an_index_on_a_saved_one_is_not_saved_again(tmp_path: Path) -> None:
    ready, ids = prepared([new_row("sort the list", stage="s")], Config())
    index = FastIndex(rule_of(Config()))
    index.add(ready, np.arange(1), ids)
    index.save(tmp_path)
    with pytest.raises(ValueError, match="stands on a saved one"):
        FastIndex(rule_of(Config()), tmp_path).save(tmp_path)


@given(ROWS, CONFIGS)
@settings(max_examples=50)
def test_rows_that_are_added_count_as_kept(rows: list[Row], config: Config) -> None:
    ready, ids = prepared(rows, config)
    one, other = FastIndex(rule_of(config)), FastIndex(rule_of(config))
    verdicts = one.judge(ready, np.arange(len(ready)), ids).verdicts
    other.add(ready, np.flatnonzero(verdicts == KEPT), ids)
    assert judged_by(other, ready, ids) == judged_by(one, ready, ids)


def instructions(records: Records) -> pl.DataFrame:
    texts = [str(each.get("instruction") or each.get("question") or each.get("instruction_zh")) for each in records]
    language = "zh" if any("\u4e00" <= sign <= "\u9fff" for sign in texts[0]) else "en"
    return to_frame(new_row(text, stage="s", source=str(n), language=language) for n, text in enumerate(texts))


@pytest.mark.parametrize(
    ("name", "rows"),
    [("zh_instructions_hikariming.jsonl", 3000), ("gsm8k_train.jsonl", 3000), ("huatuo_8658.jsonl", 2000)],
)
def test_real_rows_are_decided_alike(real_data: Callable[[str], Records], name: str, rows: int) -> None:
    frame, config = instructions(real_data(name)[:rows]), Config(digit_guard=False)
    ready, ids = Prepared(**open_index(config).sign(frame)), as_bytes(frame["id"])
    plain = judged_by(PlainIndex(rule_of(config)), ready, ids)
    assert any(verdict != KEPT for verdict, *_ in plain)
    assert judged_by(FastIndex(rule_of(config)), ready, ids) == plain


@given(st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=9), min_size=2, max_size=8))
def test_bands_propose_what_datasketch_proposes(sets: list[set[int]]) -> None:
    from filters.kernels import text_plain

    bands, rows = 4, 2
    lsh = MinHashLSH(num_perm=bands * rows, params=(bands, rows))
    sketches = [MinHash(num_perm=bands * rows, scheme="affine32", hashfunc=lambda shingle: shingle) for _ in sets]
    for number, (sketch, values) in enumerate(zip(sketches, sets, strict=True)):
        sketch.update_batch(sorted(values))
        lsh.insert(number, sketch)
    signatures = np.array([sketch.hashvalues for sketch in sketches], dtype=np.uint32)
    keys = text_plain.band_keys(signatures, np.zeros(len(sets), dtype=np.uint64), bands, rows)
    for number, sketch in enumerate(sketches):
        proposed = {other for other in range(len(sets)) if (keys[other] == keys[number]).any()}
        assert proposed == set(lsh.query(sketch))


def test_an_index_that_grows_past_the_worth_of_a_compiler_goes_on(tmp_path: Path) -> None:
    from filters.near_index import NearIndex

    rows = [
        new_row(f"{name} the {thing}", stage="s") for name in ("sort", "count", "draw") for thing in ("names", "cats")
    ]
    config = Config()
    ready, ids = prepared(rows, config)
    small, growing = NearIndex(rule_of(config), None, 10**9), NearIndex(rule_of(config), None, 8)
    for index in (small, growing):
        index.judge(ready, np.arange(len(ready)), ids)
    first, second = (index.judge(ready, np.arange(len(ready)), ids) for index in (small, growing))
    assert small.ids.of(first.rows) == growing.ids.of(second.rows) == [row.id for row in rows]
    assert (small.save(tmp_path), growing.save(tmp_path)) == (False, True)
