"""What ``instructloom filter`` costs around its filters, and with them: rows a second, peak memory, by part.

    python -m benchmarks.filter_command                        # 100,000 and 1,000,000 rows
    python -m benchmarks.filter_command --rows 20000 --command # also the command as a user starts it, with Prefect

Each size runs in a process of its own, on one thread of polars, without Prefect, so that the parts add up.
``--use minhash`` takes that filter only; ``--around`` measures what is around the filters: all rows pass unseen.

The rows are made from those in ``../shared/data``, or from our own seeds where that folder is absent: each row is one
of them with most words of its instruction changed, one in ten is repeated as it is, one in ten with a word changed. The
same number of rows is always the same file.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
SHARED = HERE.parent / "shared" / "data"
FILES = ["gsm8k_train.jsonl", "zh_instructions_hikariming.jsonl", "huatuo_8658.jsonl"]
PARTS = ("read", "normalise", "judge", "sign", "decide", "sift", "write", "publish")
FILTERS = ["heuristics", "minhash"]
CHANGED = 0.6
"""Of a new row's words, those that are another row's."""


def main() -> None:
    """Measure each size in a process of its own."""
    arguments = _arguments()
    if arguments.one:
        print(json.dumps(_measure(Path(arguments.one), arguments.use, arguments.around)))
        return
    took: list[float] = []
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory(prefix="filter-bench-") as folder:
            file = make_rows(Path(folder) / "rows.jsonl", rows)
            found = _child(rows, arguments, file)
            _show(rows, found)
            took.append(found["cpu"])
            if arguments.command:
                _show_command(rows, file)
    if len(took) > 1:
        print(
            f"{arguments.rows[-1]:,} rows cost {took[-1] / took[0]:.1f} times the CPU that {arguments.rows[0]:,} cost"
        )


def make_rows(path: Path, rows: int) -> Path:
    """Write so many Alpaca records as JSON lines."""
    base = list(_base())
    words: dict[bool, list[str]] = {True: [], False: []}
    for asked, _ in base:
        words[asked.isascii()] += _cut(asked)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            rng = random.Random(number)
            instruction, output = base[rng.randrange(len(base))]
            record = {"instruction": _edited(instruction, words, number, rng), "input": "", "output": output}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return path


def _base() -> Iterator[tuple[str, str]]:
    paths = [SHARED / name for name in FILES if (SHARED / name).exists()]
    for path in paths or sorted((HERE / "recipes" / "seeds").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            answer = record["instances"][0]["output"] if "instances" in record else record.get("output")
            asked = record.get("instruction") or record.get("question")
            if asked:
                yield asked, answer or record.get("answer", "")


def _cut(text: str) -> list[str]:
    return text.split(" ") if text.isascii() else list(text)


def _edited(text: str, words: dict[bool, list[str]], number: int, rng: random.Random) -> str:
    parts, others = _cut(text), words[text.isascii()]
    kind = number % 10
    if kind == 0:
        return text
    places = [rng.randrange(len(parts))] if kind == 1 else range(len(parts))
    for place in places:
        if kind == 1 or rng.random() < CHANGED:
            parts[place] = others[int(rng.random() * len(others))]
    return (" " if text.isascii() else "").join(parts)


def _child(rows: int, arguments: argparse.Namespace, file: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.filter_command", "--rows", str(rows), "--one", str(file)]
    command += ["--use", *arguments.use, *(["--around"] if arguments.around else [])]
    done = subprocess.run(
        command, env=os.environ | {"POLARS_MAX_THREADS": "1"}, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(file: Path, use: list[str], around: bool) -> dict[str, Any]:
    """CPU seconds by part, and peak memory, of this process."""
    from flows import filter_publish, filter_run, filter_work, indexes
    from flows.filter_input import Shards, look_at
    from flows.stages import known_stages
    from schemas.recipe import FilterRecipe
    from schemas.verdicts import Verdicts

    parts = dict.fromkeys(PARTS, 0.0)
    stages = [{"use": name} for name in (["heuristics"] if around else use)]
    recipe = FilterRecipe.model_validate({"dataset": "measured", "stages": stages})
    if around:
        module: Any = known_stages()["heuristics"]
        module.judge = lambda frame, config: Verdicts([None] * frame.height)
    _time(parts, "read", Shards, "read")
    _time(parts, "normalise", filter_work, "take")
    _time(parts, "judge", known_stages()["heuristics"], "judge")
    _time(parts, "sign", indexes.OpenIndex, "sign")
    _time(parts, "decide", indexes.OpenIndex, "decide")
    _time(parts, "sift", filter_work, "sift")
    _time(parts, "write", filter_run.LegFolder, "save_leg")
    began, cpu = time.perf_counter(), time.process_time()
    run = filter_run.open_filter_run(recipe, file.parent, look_at(str(file), file.parent))
    run.prepare()
    looked = time.process_time() - cpu
    records, shard = run.records(), 0
    while taken := records.read(shard):
        run.loaded[shard] = taken
        filter_work.filter_shard(run, shard)
        shard += 1
    filtered = time.process_time()
    manifest = filter_publish.publish_filtered(run, shard)
    parts["publish"] = time.process_time() - filtered
    parts["read"] += looked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "parts": parts, "peak_kib": peak,
        "kept": manifest.rows,
    }  # fmt: skip


def _time(parts: dict[str, float], part: str, owner: Any, name: str) -> None:
    """Have ``owner.name`` book its CPU seconds under ``part``."""
    timed: Callable[..., Any] = getattr(owner, name)

    @wraps(timed)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        began = time.process_time()
        try:
            return timed(*arguments, **options)
        finally:
            parts[part] += time.process_time() - began

    setattr(owner, name, wrapper)


def _show(rows: int, found: dict[str, Any]) -> None:
    seconds = found["seconds"]
    print(
        f"{rows:,} rows: {rows / seconds:,.0f} rows/s ({seconds:.1f} s, CPU {found['cpu']:.1f} s),"
        f" {found['kept']:,} kept, peak {found['peak_kib'] / 1024:,.0f} MiB"
    )
    for part in PARTS:
        spent = found["parts"][part]
        print(f"  {part:<10} {spent:7.2f} s CPU  {1e6 * spent / rows:6.2f} us a row")


def _show_command(rows: int, file: Path) -> None:
    """The whole command, with Prefect and its temporary server."""
    home = {"PREFECT_HOME": str(file.parent / "prefect"), "PYTHONPATH": str(HERE), "POLARS_MAX_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "filter",
        str(file),
        "--name",
        "commanded",
        "--root",
        str(file.parent),
    ]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=os.environ | home, cwd=file.parent, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds = time.perf_counter() - began
    print(f"  the command: {rows / seconds:,.0f} rows/s ({seconds:.1f} s, CPU {cpu:.1f} s, Prefect's server included)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--use", nargs="+", default=FILTERS, help="the filters, in order")
    parser.add_argument("--around", action="store_true", help="without what the filters themselves cost")
    parser.add_argument("--command", action="store_true", help="also the whole command")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
