"""What is measured, in a process of its own: prints one line of JSON.

    python -m benchmarks.prefect_cost.child plain|flow|million RECIPE ROOT [FUNNEL]

RECIPE and FUNNEL are JSON files: a recipe, and the manifest of a small run of it.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from flows.recipe_file import check_recipe
from flows.run import open_run
from schemas.manifest import Manifest, StageCounts


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


def made_up(recipe: dict[str, Any], root: Path, funnel: Path) -> dict[str, Any]:
    """The synthetic run of a million rows."""
    from benchmarks.prefect_cost.million import Made, run_million

    small = json.loads(funnel.read_text(encoding="utf-8"))
    counts = [StageCounts.model_validate(each) for each in small["funnel"]]
    began, worked = time.monotonic(), time.process_time()
    manifest: Manifest = run_million(recipe, root, Made(counts, small["shards"]))
    return {
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - worked,
        "shards": manifest.rounds,
        "stages": len(counts),
    }


def main() -> None:
    """Measure and print."""
    kind, recipe_file, root, *funnel = sys.argv[1:]
    recipe = json.loads(Path(recipe_file).read_text(encoding="utf-8"))
    made = made_up(recipe, Path(root), Path(funnel[0])) if kind == "million" else timed(kind, recipe, Path(root))
    print(json.dumps(made), flush=True)


if __name__ == "__main__":
    main()
