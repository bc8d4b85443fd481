"""The search among vectors, through the filter that uses it: against brute force, on disk, however rows are cut."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import nearest
from filters.embedding import Config, EmbeddingIndex, open_index
from filters.signs import BITS, MISS, distances, radius, signs
from filters.vectors import Signed, Vectors
from schemas.errors import CorruptRun
from schemas.row import new_row, to_frame
from schemas.stage import Signatures
from schemas.verdicts import Verdicts

ROOT = Path(__file__).parents[2]
DIMENSION = 384


def unit(vectors: np.ndarray) -> np.ndarray:
    halves: np.ndarray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    return halves


def clustered(seed: int, rows: int, dimension: int = DIMENSION, noise: float = 0.3) -> np.ndarray:
    """Unit vectors about few centres: cosines within one from about 0.75 to 1."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(1, rows // 6), dimension))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    off = rng.standard_normal((rows, dimension)) / np.sqrt(dimension)
    scale = rng.uniform(0, 2 * noise, (rows, 1)) * (rng.random((rows, 1)) > 0.1)
    return unit(centres[rng.integers(0, len(centres), rows)] + scale * off)


def signatures(vectors: np.ndarray, groups: np.ndarray | None = None) -> Signatures:
    rows = len(vectors)
    alike = np.zeros(rows, dtype=np.uint64) if groups is None else groups
    return {"compared": np.ones(rows, bool), "fits": np.ones(rows, bool), "vectors": vectors, "groups": alike}


def frame_of(rows: int, first: int = 0) -> Any:
    return to_frame([new_row(f"row {first + row}", stage="s", source=str(first + row)) for row in range(rows)])


def decide(
    index: EmbeddingIndex, vectors: np.ndarray, groups: np.ndarray, cuts: Sequence[int] = (), first: int = 0
) -> list[tuple[str | None, float | None, str | None]]:
    told = []
    for start, end in zip((0, *cuts), (*cuts, len(vectors)), strict=True):
        verdicts = index.decide(frame_of(end - start, first + start), signatures(vectors[start:end], groups[start:end]))
        assert isinstance(verdicts, Verdicts)
        for verdict in verdicts:
            score = verdict.scores[0] if verdict.scores else None
            told.append((verdict.reason, score.value if score else None, score.neighbour if score else None))
    return told


def brute_force(vectors: np.ndarray, groups: np.ndarray, threshold: float) -> list[int | None]:
    """Greedy by the definition: for each row the nearest kept row, the first of equals, if it is near."""
    plain = vectors.astype(np.float64)
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    kept: list[int] = []
    near: list[int | None] = []
    for row in range(len(plain)):
        others = [other for other in kept if groups[other] == groups[row]]
        cosines = plain[others] @ plain[row]
        near.append(others[int(cosines.argmax())] if others and cosines.max() >= threshold else None)
        if near[-1] is None:
            kept.append(row)
    return near


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 90),
    dimension=st.sampled_from([3, 64, 256, 384, 768]),
    threshold=st.sampled_from([0.6, 0.8, 0.9, 0.92, 0.97]),
    cut=st.lists(st.integers(0, 90), max_size=3),
)
def test_decisions_are_those_of_brute_force_however_rows_are_cut(
    seed: int, rows: int, dimension: int, threshold: float, cut: list[int]
) -> None:
    vectors = clustered(seed, rows, dimension)
    groups = np.random.default_rng(seed).integers(0, 2, rows).astype(np.uint64)
    told = decide(open_index(Config(threshold=threshold)), vectors, groups)
    ids = frame_of(rows)["id"].to_list()
    expected = brute_force(vectors, groups, threshold)
    assert [reason is not None for reason, _, _ in told] == [near is not None for near in expected]
    assert [neighbour for reason, _, neighbour in told if reason] == [
        ids[near] for near in expected if near is not None
    ]
    cuts = sorted(min(each, rows) for each in cut)
    assert decide(open_index(Config(threshold=threshold)), vectors, groups, cuts) == told


def test_no_planted_pair_is_overlooked() -> None:
    """Pairs a hair inside the threshold, where signs are most likely to hide one: 2,000 of them, all found."""
    rng = np.random.default_rng(5)
    first = unit(rng.standard_normal((2000, DIMENSION))).astype(np.float64)
    across = rng.standard_normal((2000, DIMENSION))
    across -= (across * first).sum(1, keepdims=True) * first / (first * first).sum(1, keepdims=True)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    angle = np.arccos(0.9205)
    second = unit(np.cos(angle) * first + np.sin(angle) * across)
    vectors = np.concatenate([first.astype(np.float16), second])
    told = decide(open_index(Config()), vectors, np.zeros(4000, np.uint64))
    assert [reason for reason, _, _ in told] == [None] * 2000 + ["same_meaning"] * 2000
    assert all(value == pytest.approx(0.9205, abs=5e-4) for _, value, _ in told[2000:])


@pytest.mark.parametrize(("near", "across", "whole"), [(3, 4, 5), (12, 5, 13), (24, 7, 25), (40, 9, 41), (1, 0, 1)])
def test_a_pair_exactly_at_the_threshold_is_near_and_one_just_below_is_not(near: int, across: int, whole: int) -> None:
    vectors = np.array([[1, 0], [near / 64, across / 64]], dtype=np.float16)
    groups, threshold = np.zeros(2, np.uint64), near / whole
    assert decide(open_index(Config(threshold=threshold)), vectors, groups)[1][:2] == ("same_meaning", threshold)
    if threshold < 1:
        above = float(np.nextafter(threshold, 2))
        assert decide(open_index(Config(threshold=above)), vectors, groups)[1][0] is None


def test_of_equally_near_rows_the_first_is_named() -> None:
    vectors = np.repeat(clustered(1, 2)[:1], 3, axis=0)
    vectors[1] = -vectors[0]
    ids = frame_of(3)["id"].to_list()
    assert decide(open_index(Config(threshold=1)), vectors, np.zeros(3, np.uint64))[2] == ("same_meaning", 1.0, ids[0])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), known=st.integers(0, 5000), asked=st.integers(1, 40), cosine=st.floats(0.3, 1))
def test_machine_code_finds_what_numpy_finds_to_the_last_bit(seed: int, known: int, asked: int, cosine: float) -> None:
    pytest.importorskip("numba")
    scan = nearest.compiled()
    assert scan is not None
    vectors = clustered(seed, known + asked, 64)
    groups = np.random.default_rng(seed).integers(0, 2, known + asked).astype(np.uint64)
    rows, queries = (Signed.of(vectors[part], groups[part]) for part in (slice(known), slice(known, None)))
    block = nearest.Block(np.ascontiguousarray(rows.codes.T), rows.vectors, rows.squares, rows.groups)
    found = [nearest.Found.none(asked), nearest.Found.none(asked)]
    for each, way in zip(found, (scan, nearest.scan_with_numpy), strict=True):
        way(block, known, 7, queries.queries(), radius(cosine), each)
    assert found[0].cosines.tolist() == found[1].cosines.tolist()
    assert found[0].numbers.tolist() == found[1].numbers.tolist()


def test_without_numba_decisions_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, groups = clustered(8, 300), np.zeros(300, np.uint64)
    told = decide(open_index(Config()), vectors, groups, (100, 200))
    monkeypatch.setattr(nearest, "compiled", lambda: None)
    assert decide(open_index(Config()), vectors, groups, (100, 200)) == told
    assert any(reason for reason, _, _ in told[100:])


def test_machine_code_needs_no_folder_to_be_kept_in() -> None:
    pytest.importorskip("numba")
    code = """
import numba.core.caching as caching
caching.CacheImpl._locator_classes = []
caching.CompileResultCacheImpl._locator_classes = []
import numpy as np
from filters.nearest import compiled, Block, Found, Queries
words, one = np.zeros((6, 1), np.uint64), np.ones(1)
block = Block(words, np.ones((1, 1), np.float16), one, words[0])
found = Found.none(1)
compiled()(block, 1, 0, Queries(words.T.copy(), np.ones((1, 1)), one, words[0]), 0, found)
print(found.cosines, found.numbers)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1.] [0]\n", "")


def test_many_rows_are_searched_as_few_are() -> None:
    """More rows than memory is asked for at once, and enough for several threads."""
    rows = 210_000
    vectors = clustered(3, rows, 4, noise=0.01)
    known = Vectors()
    known.add([str(row) for row in range(rows)], Signed.of(vectors, np.arange(rows, dtype=np.uint64) % 1000))
    places = np.random.default_rng(0).integers(0, rows, 250)
    found = known.nearest(Signed.of(vectors[places], places.astype(np.uint64) % 1000), radius(0.9))
    assert found.cosines.tolist() == [1.0] * 250
    same = (vectors[found.numbers] == vectors[places]).all(axis=1) & (found.numbers % 1000 == places % 1000)
    assert same.all()
    assert known.id(int(found.numbers[0])) == str(found.numbers[0])


def test_signs_do_not_depend_on_what_is_signed_beside() -> None:
    vectors = clustered(9, 5000)
    whole, squares = signs(vectors)
    for start in (0, 17, 4999):
        alone, square = signs(vectors[start : start + 1])
        assert alone.tolist() == whole[start : start + 1].tolist()
        assert square.tolist() == squares[start : start + 1].tolist()


@pytest.mark.parametrize("cosine", [0.5, 0.8, 0.92, 0.99])
def test_bits_differ_as_the_angle_says_and_the_radius_leaves_room(cosine: float) -> None:
    rng = np.random.default_rng(2)
    angle, turns = np.arccos(cosine), rng.uniform(0, 2 * np.pi, 400)
    one = unit(np.stack([np.cos(turns), np.sin(turns)], axis=1))
    other = unit(np.stack([np.cos(turns + angle), np.sin(turns + angle)], axis=1))
    differing = np.diag(distances(signs(one)[0], signs(other)[0]))
    assert differing.mean() == pytest.approx(BITS * angle / np.pi, rel=0.1)
    assert differing.max() <= radius(cosine)
    # Not so much room that nothing is ruled out: less than six standard deviations.
    share = angle / np.pi
    assert radius(cosine) < BITS * share + 6 * np.sqrt(BITS * share * (1 - share))


def test_a_smaller_chance_to_miss_takes_a_larger_radius() -> None:
    assert radius(0.92, 1e-3) < radius(0.92, MISS) < radius(0.92, 1e-9)
    assert radius(1.0) == 0


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), sizes=st.tuples(*[st.integers(0, 40)] * 3))
def test_a_saved_index_goes_on_as_one_that_was_never_closed(
    seed: int, sizes: tuple[int, int, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = sum(sizes)
    vectors = clustered(seed, rows)
    groups = np.random.default_rng(seed).integers(0, 2, rows).astype(np.uint64)
    whole = decide(open_index(Config()), vectors, groups)
    told, start, saved = [], 0, None
    for size in sizes:
        index, end = open_index(Config(), saved), start + size
        told += decide(index, vectors[start:end], groups[start:end], first=start)
        start, saved = end, tmp_path_factory.mktemp("index")
        index.save(saved)
    assert told == whole


def test_rows_that_come_later_leave_the_files_as_they_are(tmp_path: Path) -> None:
    vectors, groups = clustered(4, 60), np.zeros(60, np.uint64)
    index = open_index(Config())
    decide(index, vectors[:40], groups[:40])
    index.save(tmp_path)
    digest = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    again = open_index(Config(), tmp_path)
    decide(again, vectors[40:], groups[40:], first=40)
    again.add(frame_of(20, 100), signatures(vectors[40:]))
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()} == digest


def saved_index(folder: Path) -> None:
    index = open_index(Config())
    decide(index, clustered(4, 30), np.zeros(30, np.uint64))
    index.save(folder)


def cut_short(folder: Path) -> None:
    path = folder / "vectors.npy"
    path.write_bytes(path.read_bytes()[:-100])


def of_another_version(folder: Path) -> None:
    path = folder / "header.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 0}))


def with_fewer_ids(folder: Path) -> None:
    path = folder / "id_ends.npy"
    np.save(path, np.load(path)[:-1])


def without_header(folder: Path) -> None:
    (folder / "header.json").unlink()


def with_no_header_in_it(folder: Path) -> None:
    (folder / "header.json").write_text("[]")


@pytest.mark.parametrize(
    "spoil",
    [cut_short, of_another_version, with_fewer_ids, without_header, with_no_header_in_it],
    ids=lambda f: f.__name__,
)
def test_a_spoilt_index_is_refused_in_one_line(tmp_path: Path, spoil: Any) -> None:
    saved_index(tmp_path)
    spoil(tmp_path)
    with pytest.raises(CorruptRun) as caught:
        open_index(Config(), tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: ")
    assert "delete it" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("other", [{"text": "instruction"}, {"digit_guard": False}, {"precision": "float32"}])
def test_an_index_made_with_other_settings_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    saved_index(tmp_path)
    with pytest.raises(CorruptRun, match=f"another {next(iter(other))}"):
        open_index(Config(**other), tmp_path)


def test_another_threshold_may_use_the_same_index(tmp_path: Path) -> None:
    saved_index(tmp_path)
    assert open_index(Config(threshold=0.95), tmp_path).counts() == {}
