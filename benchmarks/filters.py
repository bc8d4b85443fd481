"""What the filters that compare wording cost, beside the libraries as their documentation uses them.

All figures are ratios of CPU time on one core, taken in one run, in turn; absolute times are of this machine. Rows are
composed: a built-in seed's beginning, words (characters in Chinese) in Zipf's frequencies, as long as instructions are,
and near copies of earlier ones.

- **signatures**: texts to MinHash signatures, beside datasketch's ``update`` a shingle. The values are equal.
- **minhash**: texts to verdicts by Jaccard alone, beside ``MinHashLSH`` as documented; recall and precision of both
  against the exact greedy answer, on a part of the rows.
- **novelty**: texts to verdicts, beside ``rouge_score`` with every earlier row, extrapolated from a sample.

    python -m benchmarks.filters [--rows 52000] [--plain] [--only signatures minhash novelty]
"""

import argparse
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import polars as pl
from datasketch import MinHash, MinHashLSH
from rouge_score import rouge_scorer
from scipy import sparse

from filters import kernels, minhash, novelty
from filters.codepoints import GONE, PUNCTUATION, SPACE, encode, flags
from filters.text import normalise, tokens
from generators.seeds import read_seeds
from schemas.recipe import Seeds
from schemas.row import polars_schema, to_frame

SHARD = 4096
VOCABULARY = 20_000
"""Words of as many short English instructions as are measured here."""
COPIES = 0.3
"""Share of rows that are near copies of earlier ones."""
SAMPLE = 300
"""Rows of which a slow library's time is measured."""
JACCARD = 0.7

Clock = Callable[[], float]
clock: Clock = time.process_time


def composed(language: str, count: int, seed: int = 0) -> list[str]:
    """``count`` composed instructions: the beginning of a seed, and words as frequent as words are."""
    rows, _ = read_seeds(Seeds(path=f"builtin:{language}"))
    split: Callable[[str], list[str]] = list if language == "zh" else str.split
    seeds = [split(row.instruction) for row in rows if row.language == language and row.instruction]
    rng, made = random.Random(seed), list[list[str]]()
    words, weights = _vocabulary(seeds, language, rng)
    while len(made) < count:
        if made and rng.random() < COPIES:
            text = list(made[rng.randrange(len(made))])
            for _ in range(rng.randint(1, 2)):
                text[rng.randrange(len(text))] = rng.choices(words, cum_weights=weights)[0]
        else:
            text = rng.choice(seeds)[: rng.randint(2, 5)]
            text = text + rng.choices(words, cum_weights=weights, k=rng.randint(6, 14))
        made.append(text)
    return [("" if language == "zh" else " ").join(text) for text in made]


def _vocabulary(seeds: Sequence[Sequence[str]], language: str, rng: random.Random) -> tuple[list[str], list[float]]:
    """Words from frequent to rare, and Zipf's weights, summed up; those of the seeds come first."""
    words = [word for word, _ in Counter(word for text in seeds for word in text).most_common()]
    while language != "zh" and len(words) < VOCABULARY:
        words.append("".join(rng.choice("bcdfglmnprstv") + rng.choice("aeiou") for _ in range(rng.randint(2, 4))))
    if language == "zh":
        words += [chr(0x4E00 + place) for place in rng.sample(range(5000), 2500)]
    return words, list(accumulate(1 / (rank + 3) for rank in range(len(words))))


def shards(texts: Sequence[str], language: str) -> Iterator[pl.DataFrame]:
    """The texts as rows, some thousands at a time."""
    empty = to_frame([])
    for start in range(0, len(texts), SHARD):
        part = texts[start : start + SHARD]
        columns = {
            "id": [f"{number:024x}" for number in range(start, start + len(part))], "instruction": part,
            "input": [""] * len(part), "language": [language] * len(part),
        }  # fmt: skip
        frame = pl.DataFrame(columns, schema={name: empty.schema[name] for name in columns})
        yield pl.concat([empty, frame], how="diagonal").select(list(polars_schema()))


def decided(
    module: Any, config: Any, texts: Sequence[str], language: str
) -> tuple[float, list[bool], list[int | None]]:
    """CPU seconds, which rows are kept, and the number of each one's neighbour; without the time to compile."""
    warm = module.open_index(config, worth=0)
    frame = next(shards(texts, language))
    warm.decide(frame, warm.sign(frame))
    index, kept, near, spent = module.open_index(config, worth=0), list[bool](), list[int | None](), 0.0
    for frame in shards(texts, language):
        started = clock()
        verdicts = index.decide(frame, index.sign(frame))
        spent += clock() - started
        kept += [reason is None for reason in verdicts.reasons]
        near += [None if id is None else int(id, 16) for id in verdicts.measured[0].neighbours]
    return spent, kept, near


def shingled(texts: Sequence[str]) -> list[set[str]]:
    """Character 5-grams of normalised texts, as strings: what a user of datasketch would make."""
    return [{text[place : place + 5] for place in range(max(1, len(text) - 4))} for text in map(normalise, texts)]


def documented(texts: Sequence[str]) -> tuple[float, list[bool]]:
    """``MinHash.update`` a shingle, ``MinHashLSH.query``, ``insert``; CPU seconds, and which rows are kept."""
    started, lsh, kept = clock(), MinHashLSH(threshold=JACCARD, num_perm=128), list[bool]()
    for number, grams in enumerate(shingled(texts)):
        sketch = MinHash(num_perm=128)
        for gram in grams:
            sketch.update(gram.encode("utf-8"))
        kept.append(not lsh.query(sketch))
        if kept[-1]:
            lsh.insert(number, sketch)
    return clock() - started, kept


def exact(texts: Sequence[str]) -> list[bool]:
    """The greedy answer by true Jaccard similarities: a row stays unless it is near one that stays."""
    sets = shingled(texts)
    names = {gram: number for number, gram in enumerate(sorted(set().union(*sets)))}
    ends = np.cumsum([0, *map(len, sets)])
    columns = np.array([names[gram] for grams in sets for gram in sorted(grams)])
    table = sparse.csr_matrix((np.ones(len(columns), dtype=np.int32), columns, ends), shape=(len(sets), len(names)))
    sizes, kept = np.diff(ends), np.ones(len(sets), dtype=bool)
    for start in range(0, len(sets), 512):
        common = (table[start : start + 512] @ table.T).tocsr()
        for row in range(start, min(start + 512, len(sets))):
            at = slice(common.indptr[row - start], common.indptr[row - start + 1])
            others, both = common.indices[at], common.data[at]
            near = both / (sizes[row] + sizes[others] - both) >= JACCARD
            kept[row] = not (kept[others] & near & (others < row)).any()
    return kept.tolist()


def judged(kept: Sequence[bool], true: Sequence[bool]) -> str:
    """Precision and recall of what was dropped."""
    dropped, right = ~np.array(kept), ~np.array(true)
    both = int((dropped & right).sum())
    return f"precision {both / max(1, dropped.sum()):.4f} recall {both / max(1, right.sum()):.4f}"


def _truly_near(texts: Sequence[str], kept: Sequence[bool], near: Sequence[int | None]) -> float:
    sets = shingled(texts)
    pairs = [(sets[row], sets[other or 0]) for row, other in enumerate(near[: len(sets)]) if not kept[row]]
    return float(np.mean([len(one & other) / len(one | other) >= JACCARD for one, other in pairs]))


def signatures(texts: Sequence[str]) -> None:
    """Texts to signatures, and whether they are datasketch's."""
    kernel, (a, b) = kernels.text(len(texts)), minhash.permutations(128, 1)

    def made(part: Sequence[str]) -> tuple[Any, Any, Any]:
        block = encode(part)
        bare = kernel.fold(block.points, block.starts, flags(), SPACE | PUNCTUATION, GONE)
        sets, ends = kernel.character_sets(*bare, 5)
        return sets, ends, kernel.minhashes(sets, ends, a, b)

    made(texts[:100])
    started = clock()
    for start in range(0, len(texts), SHARD):
        sets, ends, values = made(texts[start : start + SHARD])
    ours = (clock() - started) / len(texts)
    sample = shingled(texts[:SAMPLE])
    started = clock()
    for grams in sample:
        sketch = MinHash(num_perm=128)
        for gram in grams:
            sketch.update(gram.encode("utf-8"))
    theirs = (clock() - started) / len(sample)
    same = all(_sketch(sets[ends[row] : ends[row + 1]]) == values[row].tolist() for row in range(len(values)))
    print(f"signatures  {1 / ours:9,.0f} rows/s  {theirs / ours:6.0f} x datasketch's update loop; equal values: {same}")


def _sketch(values: np.ndarray) -> list[int]:
    sketch = MinHash(num_perm=128, seed=1, scheme="affine32", hashfunc=int)
    sketch.update_batch(values.tolist())
    found: list[int] = sketch.hashvalues.tolist()
    return found


def by_minhash(texts: Sequence[str]) -> None:
    """Texts to verdicts by Jaccard, and how right they are."""
    config = minhash.Config(fields="instruction", jaccard=JACCARD, rouge_l=None, digit_guard=False)
    spent, kept, near = decided(minhash, config, texts, "en")
    part = texts[: min(len(texts), 20_000)]
    theirs, theirs_kept = documented(part)
    true = exact(part)
    ratio = theirs / len(part) / (spent / len(texts))
    print(f"minhash     {len(texts) / spent:9,.0f} rows/s  {ratio:6.0f} x MinHashLSH as documented")
    print(f"            dropped: ours {judged(kept[: len(part)], true)}; documented {judged(theirs_kept, true)}")
    print(f"            of our dropped rows {_truly_near(part, kept, near):.2%} are truly near the one they name")
    whole, *_ = decided(minhash, minhash.Config(), texts, "en")
    print(
        f"            {len(texts) / whole:9,.0f} rows/s with its defaults: by ROUGE-L, field by field, numbers guarded"
    )


def by_novelty(texts: Sequence[str], language: str) -> None:
    """Texts to verdicts by ROUGE-L, beside rouge_score over all earlier rows."""
    spent, kept, _ = decided(novelty, novelty.Config(), texts, language)
    pairs = sum(np.cumsum(kept)[:-1].tolist())
    scorer = rouge_scorer.RougeScorer(["rougeL"], tokenizer=_Tokens(language))
    sample = texts[:SAMPLE]
    started = clock()
    for one, other in zip(sample[1:], sample, strict=False):
        scorer.score(one, other)
    theirs = (clock() - started) / (len(sample) - 1) * pairs
    print(
        f"novelty {language}  {len(texts) / spent:9,.0f} rows/s  {theirs / spent:6,.0f} x rouge_score, which would take"
        f" {theirs / 3600:.1f} hours; {kept.count(False):,} dropped"
    )


class _Tokens:
    """rouge_score's tokens; for Chinese, of which it finds none, characters."""

    def __init__(self, language: str) -> None:
        self._language = language

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""
        return tokens(text, self._language)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=52_000)
    parser.add_argument("--plain", action="store_true", help="without numba")
    parser.add_argument("--only", nargs="*", default=["signatures", "minhash", "novelty"])
    options = parser.parse_args()
    if options.plain:
        os.environ[kernels.PLAIN] = "1"
    english = composed("en", options.rows)
    print(f"{len(english):,} rows of {sum(map(len, english)) / len(english):.0f} characters")
    if "signatures" in options.only:
        signatures(english)
    if "minhash" in options.only:
        by_minhash(english)
    if "novelty" in options.only:
        by_novelty(english, "en")
        by_novelty(composed("zh", options.rows), "zh")


if __name__ == "__main__":
    main()
