"""Compiled and plain kernels give the same, and that is what the rules for single texts say."""

import itertools
import unicodedata
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import example, given
from hypothesis import strategies as st

from filters import kernels, text
from filters.codepoints import GONE, PUNCTUATION, SPACE, encode, flags
from filters.kernels import text_plain

SIGNS = st.sampled_from([*"ab.C!?-/*:_1 é中日ﬁΣßİ(“–'x&\t", "\u200b", "\ud800", "\x00", "e\u0301", "。"])
CHARACTERS, WORDS, KEYS = [2645020806, 2899566089], [11487280576882961034], [15851566073893034339]
TEXTS = st.lists(st.lists(SIGNS, max_size=14).map("".join) | st.text(max_size=9), max_size=6)


@pytest.fixture(scope="module")
def compiled() -> ModuleType:
    if not kernels.compiled():
        pytest.skip("numba is not installed")
    return kernels.text(kernels.WORTH)


def folded(string: str) -> str:
    if string.isascii():
        return string.lower()
    return unicodedata.normalize("NFKC", string).casefold().lower().translate(text.TYPOGRAPHY)


def parts(points: np.ndarray, starts: np.ndarray) -> list[str]:
    found = points.astype(np.uint32)
    return [
        found[start:stop].tobytes().decode("utf-32-le", "surrogatepass")
        for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    ]


def of_sets(found: tuple[np.ndarray, np.ndarray]) -> list[list[int]]:
    values, starts = found
    return [sorted(values[start:stop].tolist()) for start, stop in itertools.pairwise(starts)]


@given(TEXTS)
@example(["a\x00b", "\u1e9e", "ΑΣ", ""])
def test_texts_come_back_from_their_code_points(texts: list[str]) -> None:
    block = encode(texts)
    assert parts(block.points, block.starts) == [folded(each) for each in texts]


@given(TEXTS, st.data())
def test_compiled_and_plain_kernels_agree(compiled: ModuleType, texts: list[str], data: st.DataObject) -> None:
    block, known = encode(texts), flags()
    english = np.array([data.draw(st.booleans()) for _ in texts], dtype=bool)

    def same(name: str, *values: object) -> tuple[np.ndarray, ...]:
        results = [getattr(module, name)(*values) for module in (compiled, text_plain)]
        first, second = (result if isinstance(result, tuple) else (result,) for result in results)
        for one, other in zip(first, second, strict=True):
            assert (one.dtype, one.tolist()) == (other.dtype, other.tolist()), name
        return tuple(first)

    plain = same("fold", block.points, block.starts, known, SPACE, GONE)
    bare = same("fold", *plain, known, SPACE | PUNCTUATION, GONE)
    (ends,) = same("sentence_ends", *plain, known)
    (groups,) = same("hashes", *plain, ends)
    same("formal", block.points, block.starts, known)
    words, starts, _ = same("tokens", block.points, block.starts, known, english)
    for n in (1, 5):
        assert of_sets(compiled.character_sets(*bare, n)) == of_sets(text_plain.character_sets(bare[0], bare[1], n))
    for sizes in (np.array([1, 2]), np.array([5])):
        assert of_sets(compiled.token_sets(words, starts, sizes)) == of_sets(
            text_plain.token_sets(words, starts, sizes)
        )
    sets = text_plain.character_sets(bare[0], bare[1], 5)
    a, b = np.array([3, 5, 7, 9], dtype=np.uint32), np.array([1, 2, 3, 4], dtype=np.uint32)
    (values,) = same("minhashes", *sets, a, b)
    same("band_keys", values, groups, 2, 2)


@given(TEXTS)
def test_kernels_follow_the_rules_for_single_texts(texts: list[str]) -> None:
    block, known = encode(texts), flags()
    points, plain_starts = text_plain.fold(block.points, block.starts, known, SPACE, GONE)
    keys = text_plain.hashes(points, plain_starts, text_plain.sentence_ends(points, plain_starts, known))
    rules = [text.same_but_for_case(each) for each in texts]
    for one, key in zip(rules, keys, strict=True):
        assert [one == other for other in rules] == (keys == key).tolist()
    formal = text_plain.formal(block.points, block.starts, known)
    assert all(formal[place] for place, each in enumerate(texts) if text.calculation(each))
    for english, language in ((True, "en"), (False, "de")):
        spoken = np.full(len(texts), english)
        _, starts, alone = text_plain.tokens(block.points, block.starts, known, spoken)
        true = [text.tokens(folded(each), language) for each in texts]
        assert np.diff(starts).tolist() == [len(each) for each in true]
        assert (2 * alone > np.diff(starts)).tolist() == [text.is_unspaced(each) for each in true]


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=9, unique=True), max_size=4), st.integers(0, 9))
def test_signatures_are_those_of_datasketch(sets: list[list[int]], seed: int) -> None:
    sketches = [MinHash(num_perm=16, seed=seed, scheme="affine32", hashfunc=lambda shingle: shingle) for _ in sets]
    for sketch, values in zip(sketches, sets, strict=True):
        sketch.update_batch(values)
    a, b = MinHash(num_perm=16, seed=seed, scheme="affine32").permutations
    flat = np.array([value for values in sets for value in values], dtype=np.uint32)
    offsets = np.cumsum([0, *map(len, sets)])
    found = text_plain.minhashes(flat, offsets, a.astype(np.uint32), b.astype(np.uint32))
    assert found.tolist() == [sketch.hashvalues.tolist() for sketch in sketches]


def grams(values: Sequence[object], n: int, least: int) -> set[object]:
    """All n-grams; of fewer values than ``least``, all of them as one."""
    if len(values) < least:
        return {tuple(values)} if values else set()
    return {tuple(values[place : place + n]) for place in range(len(values) - n + 1)}


def similarities(found: tuple[np.ndarray, np.ndarray]) -> list[list[float]]:
    sets = [set(each) for each in of_sets(found)]
    return [[len(one & other) / max(1, len(one | other)) for other in sets] for one in sets]


@given(st.lists(st.text("abc ", max_size=12), max_size=6), st.integers(1, 6))
def test_sets_of_characters_have_the_similarities_of_true_sets(texts: list[str], n: int) -> None:
    block, true = encode(texts), [grams(each, n, n) for each in texts]
    expected = [[len(one & other) / max(1, len(one | other)) for other in true] for one in true]
    assert similarities(text_plain.character_sets(block.points, block.starts, n)) == expected


@given(st.lists(st.lists(st.integers(0, 3), max_size=8), max_size=5), st.sampled_from([(1, 2), (5,)]))
def test_sets_of_tokens_have_the_similarities_of_true_sets(texts: list[list[int]], sizes: tuple[int, ...]) -> None:
    tokens = text_plain.mix(np.array([token + 1 for each in texts for token in each], dtype=np.uint64))
    starts = np.cumsum([0, *map(len, texts)])
    true = [set.union(*(grams(each, n, min(sizes)) for n in sizes)) for each in texts]
    expected = [[len(one & other) / max(1, len(one | other)) for other in true] for one in true]
    assert similarities(text_plain.token_sets(tokens, starts, np.array(sizes))) == expected


def test_hashes_stay_the_same_between_versions() -> None:
    """Signatures are saved: a change here needs another INDEX_VERSION."""
    block = encode(["hello!"])
    characters, _ = text_plain.character_sets(block.points, block.starts, 5)
    words, _, _ = text_plain.tokens(block.points, block.starts, flags(), np.ones(1, dtype=bool))
    keys = text_plain.hashes(block.points, block.starts, block.starts[1:])
    assert (characters.tolist(), words.tolist(), keys.tolist()) == (CHARACTERS, WORDS, KEYS)


def test_a_megabyte_of_text_is_taken(compiled: ModuleType) -> None:
    texts = ["x" * 1_000_000, "na " * 300_000, "中" * 500_000]
    block, known = encode(texts), flags()
    for module in (compiled, text_plain):
        words, starts, _ = module.tokens(block.points, block.starts, known, np.ones(3, dtype=bool))
        assert np.diff(starts).tolist() == [1, 300_000, 500_000]
        assert [len(each) for each in of_sets(module.token_sets(words, starts, np.array([5])))] == [1, 1, 1]
