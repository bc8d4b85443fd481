"""What is measured, in a process of its own: prints one line of JSON.

    python -m benchmarks.prefect_cost.child plain|flow RECIPE ROOT
    python -m benchmarks.prefect_cost.child million RECIPE ROOT ROWS SHARE

RECIPE is a JSON file. The last is the synthetic run of ROWS rows, after the example of a real run of RECIPE.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from flows.recipe_file import check_recipe
from flows.run import open_run


def timed(kind: str, recipe: dict[str, Any], root: Path) -> dict[str, Any]:
    """One real run: with Prefect, or the same work in plain threads. Opening and checking it is not timed."""
    from benchmarks.prefect_cost import plain
    from flows.generate import generate

    run = open_run(check_recipe(recipe, "benchmark"), root)
    run.prepare()
    began, worked = time.monotonic(), time.process_time()
    manifest = plain.make(run) if kind == "plain" else generate(recipe, str(root))
    seconds, cpu = time.monotonic() - began, time.process_time() - worked
    run.close()
    files = [file.sha256 for file in manifest.files + manifest.rejects]
    return {"seconds": seconds, "cpu": cpu, "rows": manifest.rows, "shards": manifest.rounds, "files": files}


def million(recipe: dict[str, Any], root: Path, rows: int, share: float) -> dict[str, Any]:
    """The synthetic run."""
    from benchmarks.prefect_cost.million import run_made_up, small_run

    made_up = small_run(recipe, root, share)
    large = recipe | {"rows": rows, "limits": {"max_rounds": rows}}
    began, worked = time.monotonic(), time.process_time()
    manifest = run_made_up(large, root, made_up)
    cpu = time.process_time() - worked
    index_stages = sum(counts.use in ("minhash", "embedding") for counts in manifest.funnel)
    return {
        "seconds": time.monotonic() - began,
        "cpu": cpu,
        "shards": manifest.rounds,
        "stages": len(manifest.funnel) - 1,
        "phases": len(manifest.funnel) - 1 + index_stages,
    }


def main() -> None:
    """Measure and print."""
    kind, recipe_file, root, *more = sys.argv[1:]
    recipe = json.loads(Path(recipe_file).read_text(encoding="utf-8"))
    if kind == "million":
        rows, share = more
        told = million(recipe, Path(root), int(rows), float(share))
    else:
        told = timed(kind, recipe, Path(root))
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
