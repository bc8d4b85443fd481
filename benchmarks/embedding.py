"""What the embedding filter costs: encoding against the plain library, searching against encoding, memory.

    python -m benchmarks.embedding [--only encoding|search|memory] [--texts FILE.jsonl …] [--sample 1500] [--rounds 3]
                                   [--known 400000] [--rows 1000000] [--all-cores]

Encoding: `SentenceTransformer.encode()` as it comes and the filter's encoder in turn, in one process; a figure is the
median of the rounds' ratios, of CPU time on one core or, with ``--all-cores``, of what a clock on the wall says.
Decisions: the filter on the plain library's float32 vectors, against the filter on its own. Search: the index is filled
with random unit vectors in clusters, the rows that count are real. Memory: the peak of a process that keeps ``--rows``
rows, and of one that opens what it saved.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from filters.embedding import INDEX_VERSION, Config, EmbeddingIndex, open_index
from filters.encoder import load_encoder
from filters.signs import exact
from schemas.row import new_row, to_frame
from schemas.stage import Signatures

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FILES = [DATA / name for name in ("gsm8k_test.jsonl", "gsm8k_test_rephrased.jsonl", "self_instruct_seed_tasks.jsonl")]
"""A paraphrase stands beside each question, so that there is something to decide."""

CENTRES = 50_000
CHUNK = 10_000


def texts_of(files: list[Path], sample: int) -> list[str]:
    """``sample`` texts of the files, drawn evenly: the field `instruction`, `question` or `text` of each line."""
    found = []
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            found.append(next(str(record[name]) for name in ("instruction", "question", "text") if record.get(name)))
    places = np.random.default_rng(0).permutation(len(found))[:sample]
    return [found[place] for place in places.tolist()]


def frame_of(texts: list[str]) -> pl.DataFrame:
    """Texts as rows."""
    return to_frame([new_row(text, stage="s", source=str(place)) for place, text in enumerate(texts)])


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of all threads."""
    started = time.process_time()
    work()
    return time.process_time() - started


def wall(work: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def encoding(texts: list[str], rounds: int, clock: Callable[[Callable[[], object]], float]) -> float:
    """Print how many times faster than the plain library; seconds a text."""
    plain, ours, full = load_encoder("minilm", "float32"), load_encoder("minilm"), load_encoder("minilm", "float32")
    ways: dict[str, Callable[[], object]] = {
        "encode() with defaults": lambda: plain.model.encode(texts),
        f"ours, {ours.precision}": lambda: ours.encode(texts),
        f"ours, {ours.precision}, shards of 100": lambda: [
            ours.encode(texts[start : start + 100]) for start in range(0, len(texts), 100)
        ],
        "ours, float32": lambda: full.encode(texts),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            times[name].append(clock(work))
    base = times["encode() with defaults"]
    for name, taken in times.items():
        ratio = statistics.median(first / each for first, each in zip(base, taken, strict=True))
        print(f"{name:32} {len(texts) / statistics.median(taken):7.1f} texts/s  ×{ratio:.2f}")
    return statistics.median(times[f"ours, {ours.precision}"]) / len(texts)


def decisions(texts: list[str]) -> None:
    """Print how many rows get the verdict that float32 gives them; the guard is off, so that more is near."""
    config, frame = Config(digit_guard=False), frame_of(texts)
    signatures = open_index(config).sign(frame)
    places = np.flatnonzero(signatures["compared"])
    vectors = signatures["vectors"].copy()
    encoder = load_encoder("minilm", "float32")
    vectors[places] = encoder.model.encode([texts[place] for place in places], normalize_embeddings=True)
    for threshold in (0.85, 0.9, 0.92, 0.95):
        changed = config.model_copy(update={"threshold": threshold})
        full = open_index(changed).decide(frame, {**signatures, "vectors": vectors}).reasons
        ours = open_index(changed).decide(frame, signatures).reasons
        same = sum(one == other for one, other in zip(full, ours, strict=True))
        both = sum(bool(one and other) for one, other in zip(full, ours, strict=True))
        dropped = f"dropped {sum(map(bool, full))} and {sum(map(bool, ours))}, both {both}"
        print(f"threshold {threshold}: {same / len(texts):.4f} of {len(texts)} verdicts are float32's ({dropped})")


def clusters(rows: int, seed: int = 0) -> Iterator[Signatures]:
    """Chunks of random unit vectors, cosine about .7 to others of their cluster, all in one group."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CENTRES, 384), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        off = rng.standard_normal((count, 384), dtype=np.float32) * (0.65 / np.sqrt(384))
        vectors = centres[rng.integers(0, CENTRES, count)] + off
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        known = np.ones(count, dtype=bool)
        groups = np.zeros(count, dtype=np.uint64)
        yield {"compared": known, "fits": known, "vectors": vectors.astype(np.float16), "groups": groups}


def ids_of(first: int, count: int) -> pl.DataFrame:
    """All that an index reads of rows whose vectors are there."""
    text = pl.repeat("x", count, dtype=pl.String, eager=True)
    ids = pl.Series("id", [f"{number:024x}" for number in range(first, first + count)])
    return pl.DataFrame({"id": ids, "instruction": text, "input": text, "language": text})


def filled(rows: int) -> EmbeddingIndex:
    """An index that knows ``rows`` rows."""
    index, known = open_index(Config(digit_guard=False)), 0
    for signatures in clusters(rows):
        index.add(ids_of(known, len(signatures["groups"])), signatures)
        known += len(signatures["groups"])
    return index


def searching(texts: list[str], known: int, each: float) -> None:
    """Print what deciding a row costs beside encoding it, and the recall against brute force."""
    index = filled(known)
    frame = frame_of(texts)
    real = index.sign(frame)
    real["groups"][:] = 0
    index.decide(ids_of(2 * 10**9, 256), next(clusters(256, seed=3)))  # the first search loads machine code
    took = cpu(lambda: index.decide(frame, real)) / len(texts)
    print(f"{known:,} known rows: real texts {1 / took:,.0f} rows/s, {took / each:.1%} of the encoder's time")
    near = next(clusters(2000, seed=1))
    stored = [part["vectors"] for part in clusters(known)]
    rng = np.random.default_rng(2)
    picked = np.concatenate(stored)[rng.integers(0, known, 2000)].astype(np.float32)
    picked += rng.standard_normal(picked.shape, dtype=np.float32) * (0.42 / np.sqrt(384))
    near["vectors"] = (picked / np.linalg.norm(picked, axis=1, keepdims=True)).astype(np.float16)
    threshold, wide = Config().cosine, exact(near["vectors"])
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    best = np.full(2000, -1.0)
    for part in stored:
        other = exact(part)
        other /= np.linalg.norm(other, axis=1, keepdims=True)
        best = np.maximum(best, (wide @ other.T).max(axis=1))
    started = time.process_time()
    reasons = index.decide(ids_of(10**9, 2000), near).reasons
    took = (time.process_time() - started) / 2000
    found = sum(reason is not None for reason, cosine in zip(reasons, best, strict=True) if cosine >= threshold)
    print(f"planted near the threshold {1 / took:,.0f} rows/s; {found} of {(best >= threshold).sum()} near rows found")


def memory(rows: int) -> None:
    """Print the peak of a process that keeps ``rows`` rows, and of one that opens them again."""
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        for step in ("keep", "open"):
            code = f"from benchmarks.embedding import {step}; {step}({rows}, {folder!r})"
            subprocess.run([sys.executable, "-c", code], check=True)


def keep(rows: int, folder: str) -> None:
    """Fill an index and save it."""
    base, index = _peak(), filled(rows)
    full, started = _peak(), time.perf_counter()
    index.save(Path(folder))
    size = sum(path.stat().st_size for path in Path(folder).iterdir())
    print(
        f"{rows:,} rows kept: peak {full:.2f} GiB, of it {base:.2f} before the first import of a model; saved in "
        f"{time.perf_counter() - started:.1f} s, {size / rows:.0f} bytes a row; peak then {_peak():.2f} GiB"
    )


def open_and_decide(folder: str) -> tuple[float, float]:
    """Seconds to open a saved index, and to decide the first 256 rows with it."""
    load_encoder("minilm")
    started = time.perf_counter()
    index = open_index(Config(digit_guard=False), Path(folder))
    opened = time.perf_counter() - started
    near = next(clusters(256, seed=1))
    started = time.perf_counter()
    index.decide(ids_of(10**9, 256), near)
    return opened, time.perf_counter() - started


def open(rows: int, folder: str) -> None:
    """Open what ``keep`` saved."""
    opened, decided = open_and_decide(folder)
    print(
        f"{rows:,} rows opened in {opened * 1000:.0f} ms, 256 more decided in {decided:.2f} s; peak {_peak():.2f} GiB, "
        "files in the page cache included"
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["encoding", "search", "memory"])
    parser.add_argument("--texts", type=Path, nargs="+", default=FILES)
    parser.add_argument("--sample", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--known", type=int, default=400_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--all-cores", action="store_true")
    options = parser.parse_args()
    if (
        hasattr(os, "sched_setaffinity") and not options.all_cores
    ):  # one core, so that a ratio is one of work and not of threads
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    texts = texts_of(options.texts, options.sample)
    print(f"index version {INDEX_VERSION}; {len(texts)} texts")
    if options.only in (None, "encoding", "search"):
        each = encoding(texts, options.rounds, wall if options.all_cores else cpu)
    if options.only in (None, "encoding"):
        decisions(texts)
    if options.only in (None, "search"):
        searching(texts, options.known, each)
    if options.only in (None, "memory"):
        memory(options.rows)


if __name__ == "__main__":
    main()
