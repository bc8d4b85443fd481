"""How much contamination ``decontaminate`` finds, and what else it drops: the table of docs/filters.md.

The benchmark is GSM8K's test set. To be caught are its questions in other words (``gsm8k_test_rephrased.jsonl`` of
lm-sys/llm-decontaminator, one for each); to be left alone are the questions of its training set, which are of the same
kind and about other things. Rules are tuned on every other record, from the first on, and measured on the rest. Rows of
other kinds are measured too, as far as their files are there.

    python -m benchmarks.decontamination [--data ../shared/data] [--every 1]

The files are not part of the project: put gsm8k_test.jsonl, gsm8k_train.jsonl (openai/grade-school-math) and
gsm8k_test_rephrased.jsonl into a folder and name it. It embeds 10,000 questions: some minutes on a CPU.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from filters.coverage import Coverage
from filters.decontaminate import LEAST_NUMBERS, Config, open_index
from filters.embedding import embed
from filters.encoder import DEFAULT_MODEL
from filters.text import numbers
from schemas.benchmarks import BenchmarkFile
from schemas.row import Row, new_row, to_frame

EXAM, REPHRASED, TRAIN = "gsm8k_test.jsonl", "gsm8k_test_rephrased.jsonl", "gsm8k_train.jsonl"
OTHERS = ("self_instruct_seed_tasks.jsonl", "evolved_samples.json", "ultrachat_eval_385.json")
"""Rows of other kinds, none of which is contaminated as far as anybody knows."""

Caught = np.ndarray
"""bool, one a row."""


@dataclass(frozen=True)
class Compared:
    """Rows and the benchmark, with all that the rules look at."""

    exam: Sequence[str]
    texts: Sequence[str]
    cosines: np.ndarray
    """float32 (rows, questions)."""

    def covered(self, n: int, share: float) -> Caught:
        """N-grams of a row cover this share of a question."""
        coverage = Coverage(self.exam, words=n, characters=13)
        return np.array([found is not None and found.share >= share for found in map(coverage.find, self.texts)])

    def near(self, limit: float) -> Caught:
        """The nearest question is that near."""
        caught: Caught = self.cosines.max(axis=1) >= limit
        return caught

    def ahead(self, limit: float, margin: float) -> Caught:
        """The nearest question is that near, and by that much nearer than the second nearest."""
        second, first = np.sort(np.partition(self.cosines, -2, axis=1)[:, -2:]).T
        caught: Caught = (first >= limit) & (first - second >= margin)
        return caught

    def alike(self, limit: float) -> Caught:
        """A question that near has the same numbers."""
        own = [numbers(text) for text in self.exam]
        found = []
        for row, text in zip(self.cosines, self.texts, strict=True):
            given = numbers(text)
            near = np.flatnonzero(row >= limit).tolist() if len(given) >= LEAST_NUMBERS else []
            found.append(any(own[place] == given for place in near))
        return np.array(found)


RULES: Mapping[str, Callable[[Compared], Caught]] = {
    "an 8-gram in common": lambda rows: rows.covered(8, 1e-9),
    "8-grams cover 0.5": lambda rows: rows.covered(8, 0.5),
    "5-grams cover 0.3": lambda rows: rows.covered(5, 0.3),
    "cosine 0.8": lambda rows: rows.near(0.8),
    "cosine 0.82": lambda rows: rows.near(0.82),
    "cosine 0.85": lambda rows: rows.near(0.85),
    "cosine 0.9": lambda rows: rows.near(0.9),
    "cosine 0.7, and 0.15 above the second nearest": lambda rows: rows.ahead(0.7, 0.15),
    "cosine 0.6 and the same numbers": lambda rows: rows.alike(0.6),
    "cosine 0.7 and the same numbers": lambda rows: rows.alike(0.7),
    "cosine 0.82, or 0.7 and the same numbers": lambda rows: rows.near(0.82) | rows.alike(0.7),
    "cosine 0.85, or 0.6 and the same numbers": lambda rows: rows.near(0.85) | rows.alike(0.6),
    "cosine 0.88, or 0.7 and the same numbers": lambda rows: rows.near(0.88) | rows.alike(0.7),
    "**8-grams cover 0.5, or cosine 0.85, or 0.7 and the same numbers**": (
        lambda rows: rows.covered(8, 0.5) | rows.near(0.85) | rows.alike(0.7)
    ),
}
"""By name; the last one is the filter's default."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--every", type=int, default=1, help="take every so many-th training question: a quick look")
    options = parser.parse_args()
    missing = [name for name in (EXAM, REPHRASED, TRAIN) if not (options.data / name).exists()]
    if missing:
        sys.exit(f"--data: {options.data} has no {missing[0]}; give the folder with the files (see --help)")
    exam = [record["question"] for record in records(options.data / EXAM)]
    train = [record["question"] for record in records(options.data / TRAIN)]
    rephrased = [asked(record["text"]) for record in records(options.data / REPHRASED)]
    show(*compared(exam, rephrased, train[:: options.every]))
    show_others(options.data)
    show_speed(exam, train)


def compared(exam: Sequence[str], *groups: Sequence[str]) -> list[Compared]:
    """Each group of texts beside the benchmark."""
    vectors = [
        embed(DEFAULT_MODEL, texts, [None] * len(texts))["vectors"].astype(np.float32) for texts in (exam, *groups)
    ]
    return [Compared(exam, texts, own @ vectors[0].T) for texts, own in zip(groups, vectors[1:], strict=True)]


def show(rephrased: Compared, train: Compared) -> None:
    """The table of rules: caught and falsely caught, on either half."""
    print("| rule | rephrased caught: tuned on, measured on | others dropped: tuned on, measured on |\n|---|---|---|")
    for name, rule in RULES.items():
        caught = [f"{100 * half.mean():.1f} %" for half in halves(rule(rephrased))]
        dropped = [f"{100 * half.mean():.2f} %" for half in halves(rule(train))]
        print(f"| {name} | {', '.join(caught)} | {', '.join(dropped)} |", flush=True)


def halves(caught: Caught) -> tuple[Caught, Caught]:
    """Every other record, from the first on, on which the rules were tuned; and the rest."""
    return caught[0::2], caught[1::2]


def show_others(data: Path) -> None:
    """What the filter itself drops of rows of other kinds."""
    index = open_index(Config(benchmarks=[BenchmarkFile(path=str(data / EXAM))]))
    for name in OTHERS:
        if (data / name).exists():
            frame = to_frame(rows_of(records(data / name)))
            verdicts = index.decide(frame, index.sign(frame))
            print(f"{name}: {sum(not verdict.keep for verdict in verdicts)} of {len(verdicts)} dropped")


def show_speed(exam: Sequence[str], train: Sequence[str]) -> None:
    """Rows a second through the n-gram part, CPU time of one core."""
    coverage = Coverage(exam, words=8, characters=13)
    started = time.process_time()
    for text in train:
        coverage.find(text)
    print(f"n-grams: {len(train) / (time.process_time() - started):,.0f} questions a second on one core")


def rows_of(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Rows of whatever layout the other files have."""
    texts = [next(str(record[name]) for name in ("instruction", "data", "input") if name in record) for record in found]
    return [new_row(text, stage="seed", source=str(place)) for place, text in enumerate(texts)]


def records(path: Path) -> list[Any]:
    """The records of a JSON or JSON lines file."""
    text = path.read_text(encoding="utf-8")
    return (
        list(json.loads(text)) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines() if line]
    )


def asked(text: str) -> str:
    """The question of a rephrased record, which has question and answer in one text."""
    return text.removeprefix("Question: ").partition("\nAnswer:")[0].strip()


if __name__ == "__main__":
    main()
