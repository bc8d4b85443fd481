"""The main job through the command line, against a real Prefect server: exactly N, same bytes, nothing lost."""

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.dataset
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from outputs.dataset import read_dataset, verify
from schemas.manifest import Manifest
from teachers.builtin.server import create_app, serving_app
from tests.flows.conftest import Command

WriteRecipe = Callable[..., str]


def manifest_of(folder: Path) -> Manifest:
    return read_dataset(folder).manifest


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*/*.parquet"))}


def assert_sound(folder: Path) -> Manifest:
    """What must hold for every dataset: files as the manifest says, books balanced, ids unique."""
    manifest = manifest_of(folder)
    assert verify(read_dataset(folder)) == []
    assert all(counts.balanced() for counts in manifest.funnel)
    outs = [counts.rows_out for counts in manifest.funnel]
    assert [counts.rows_in for counts in manifest.funnel[1:]] == outs[:-1]
    rows = pl.read_parquet(folder / "data" / "*.parquet")
    assert rows.height == manifest.rows == rows["id"].n_unique()
    rejected = sum(shard.rows for shard in manifest.rejects)
    assert rejected == sum(counts.rejected + counts.discarded for counts in manifest.funnel)
    return manifest


class Counting:
    """An endpoint that counts the completions asked of it, and calls ``then`` before answering number ``at``."""

    def __init__(self, app: ASGIApp, counter: "Counter") -> None:
        self.app = app
        self.counter = counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/chat/completions"):
            self.counter.asked += 1
            if self.counter.asked == self.counter.at and self.counter.then is not None:
                self.counter.then()
        await self.app(scope, receive, send)


class Counter:
    """See ``Counting``."""

    def __init__(self) -> None:
        self.asked = 0
        self.at = 0
        self.then: Callable[[], None] | None = None

    def app(self) -> Starlette:
        return Starlette(routes=create_app().routes, middleware=[Middleware(Counting, counter=self)])


def test_a_run_ends_with_exactly_the_rows_asked_for_and_every_reader_reads_them(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    stages = [
        {"use": "self_instruct", "prompts_per_round": 4},
        {"use": "evol_instruct", "rounds": 1},
        {"use": "topic_guided", "share": 0.5},
        {"use": "respond"},
        {"use": "chain_of_thought"},
        {"use": "heuristics"},
        {"use": "minhash"},
        {"use": "embedding"},
    ]
    seeds = {"path": ["builtin:en", "builtin:zh"]}
    done = command("run", write_recipe(rows=37, output={"shard_rows": 10}, seeds=seeds, stages=stages))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    folder = tmp_path / "datasets" / "tried" / "v1"
    assert assert_sound(folder).complete
    assert pl.read_parquet(folder / "data" / "*.parquet").height == 37
    assert pyarrow.dataset.dataset(folder / "data").count_rows() == 37
    assert len(list((folder / "data").iterdir())) == 4
    assert "<h1>tried@1</h1>" in (folder / "report.html").read_text(encoding="utf-8")
    code = (
        "import datasets, sys; d = datasets.load_dataset(sys.argv[1], split='train', cache_dir=sys.argv[2]);"
        "print(d.num_rows, [m['role'] for m in d[0]['messages']])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(tmp_path / "cache")], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "37 ['user', 'assistant']"


def test_a_filter_that_rejects_half_still_leaves_exactly_n(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    stages = [
        {"use": "self_instruct", "prompts_per_round": 4},
        {"use": "respond"},
        {"use": "heuristics", "min_instruction": 50},
        {"use": "minhash"},
    ]
    done = command("run", write_recipe(rows=50, stages=stages))
    assert done.returncode == 0, done.stderr
    manifest = assert_sound(tmp_path / "datasets" / "tried" / "v1")
    lengths = next(counts for counts in manifest.funnel if counts.stage == "heuristics")
    assert manifest.rows == 50
    assert lengths.rejected > lengths.passed


def test_concurrency_does_not_change_a_byte(command: Command, write_recipe: WriteRecipe, tmp_path: Path) -> None:
    recipe = write_recipe()
    made = []
    for concurrency in ("1", "64"):
        root = tmp_path / concurrency
        done = command("run", recipe, "--concurrency", concurrency, "--root", str(root))
        assert done.returncode == 0, done.stderr
        made.append(shards(root / "datasets" / "tried" / "v1"))
    assert made[0] == made[1]
    assert any(name.startswith("train-") for name in made[0])


def test_a_run_killed_ten_times_ends_with_the_same_bytes_and_asks_only_what_was_in_flight(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    counter = Counter()
    in_flight = 8
    with serving_app(counter.app()) as url:
        models = {"teacher": {"model": "builtin", "base_url": url, "concurrency": in_flight}}
        recipe = write_recipe(models=models)
        assert command("run", recipe, "--root", "calm").returncode == 0
        uninterrupted, counter.asked = counter.asked, 0

        moments = random.Random(11).sample(range(1, uninterrupted), 10)
        gaps = [moment - before for before, moment in zip([0, *sorted(moments)], sorted(moments), strict=False)]
        for gap in gaps:
            with subprocess.Popen(
                [sys.executable, "-m", "flows.cli", "run", recipe, "--root", "killed"],
                env=prefect_environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                counter.at, counter.then = (
                    counter.asked + gap,
                    lambda process=process: process.send_signal(signal.SIGKILL),
                )
                assert process.wait(timeout=120) == -signal.SIGKILL
        counter.then = None
        assert command("run", recipe, "--root", "killed").returncode == 0
        asked = counter.asked

    folders = [tmp_path / root / "datasets" / "tried" / "v1" for root in ("calm", "killed")]
    assert shards(folders[0]) == shards(folders[1])
    assert asked <= uninterrupted + in_flight * len(gaps)
    assert_sound(folders[1])


def test_a_finished_run_is_not_made_twice_and_more_rows_reuse_its_work(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    recipe = write_recipe(rows=20)
    assert command("run", recipe).returncode == 0
    again = command("run", recipe)
    assert "Already made" in again.stdout
    more = command("run", recipe, "--rows", "60")
    assert more.returncode == 0
    assert "no completion is asked for twice" in more.stdout
    versions = tmp_path / "datasets" / "tried"
    assert sorted(path.name for path in versions.iterdir()) == ["v1", "v2"]
    first, second = (pl.read_parquet(versions / version / "data" / "*.parquet") for version in ("v1", "v2"))
    assert second.head(20)["id"].to_list() == first["id"].to_list()


def test_a_run_that_cannot_reach_n_publishes_what_there_is_and_says_why(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    stages = [{"use": "heuristics"}, {"use": "minhash"}]
    done = command("run", write_recipe(rows=5000, stages=stages))
    assert done.returncode == 1
    assert "the seeds are used up" in done.stderr
    manifest = assert_sound(tmp_path / "datasets" / "tried" / "v1")
    assert (manifest.stop_reason, manifest.complete) == ("exhausted_seeds", False)
    assert 150 < manifest.rows < 5000


def test_faults_of_every_kind_become_counted_rejects_and_never_a_crash(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    faults = {"malformed": 0.1, "truncated": 0.05, "refusal": 0.05, "duplicate": 0.05, "server_error": 0.05}
    models = {"teacher": {"model": "builtin", "faults": faults}}
    done = command("run", write_recipe(models=models, rows=30))
    assert done.returncode == 0, done.stderr
    manifest = assert_sound(tmp_path / "datasets" / "tried" / "v1")
    reasons = {reason for counts in manifest.funnel for reason in counts.reasons}
    assert {"truncated", "unparsable"} & reasons


def test_every_row_kept_or_rejected_can_be_explained(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    assert command("run", write_recipe(rows=20)).returncode == 0
    folder = tmp_path / "datasets" / "tried" / "v1"
    kept = pl.read_parquet(folder / "data" / "*.parquet")
    evolved = kept.filter(pl.col("depth") > 0)["id"][0]
    story = command("explain", "tried", evolved)
    assert story.returncode == 0, story.stderr
    for told in ("# Propose new tasks", "# Classification or not", "kept in tried@1"):
        assert told in story.stdout
    assert "# Evolve an instruction" in story.stdout or "# Create a rarer instruction" in story.stdout
    for (reason,), rows in pl.read_parquet(folder / "rejects" / "*.parquet").group_by("reason"):
        answer = command("explain", "tried", rows["id"][0])
        assert answer.returncode == 0, answer.stderr
        assert f": {reason} (shard" in answer.stdout
        by_model = rows["rejected_by"][0] in ("self_instruct", "evol_instruct")
        assert "reply (" in answer.stdout or not by_model


BAD = [
    ({"rowz": 1}, "unknown key"),
    ({"seeds": {"path": "nowhere.jsonl"}}, "nowhere.jsonl"),
    ({"models": {"teacher": {"model": "m", "base_url": "http://127.0.0.1:9/v1"}}}, "does not answer"),
    ({"models": {"teacher": {"model": "m", "base_url": "http://127.0.0.1:9/v1", "api_key_env": "NOT_SET"}}}, "NOT_SET"),
    ({"stages": [{"use": "embedding", "threshold": 1.4}]}, "threshold"),
    ({"stages": [{"use": "minhash"}, {"use": "minhash"}]}, "minhash"),
    ({"stages": [{"use": "embedding", "model": "/no/model", "threshold": 0.9, "languages": ["en"]}]}, "/no/model"),
    ({"stages": [{"use": "length", "tokenizer": "/no/tokenizer"}]}, "/no/tokenizer"),
]


@pytest.mark.parametrize(("changes", "word"), BAD)
def test_bad_input_is_one_line_with_exit_code_2_and_nothing_written(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path, changes: dict[str, object], word: str
) -> None:
    done = command("run", write_recipe(**changes))
    assert done.returncode == 2
    assert word in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml"]


def test_an_interrupt_stops_cleanly_and_says_how_to_go_on(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url:
        recipe = write_recipe(models={"teacher": {"model": "builtin", "base_url": url, "concurrency": 4}})
        with subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "run", recipe],
            env=prefect_environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=tmp_path,
            # A test run started in the background of a shell inherits an ignored Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            counter.at, counter.then = 60, lambda: process.send_signal(signal.SIGINT)
            told, _ = process.communicate(timeout=120)
        assert process.returncode == 130
        assert "run the same command again" in told
        assert "Traceback" not in told
        assert command("run", recipe).returncode == 0
    assert assert_sound(tmp_path / "datasets" / "tried" / "v1").rows == 40


def test_preview_shows_rows_and_an_estimate_and_leaves_nothing_behind(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    done = command("preview", write_recipe(rows=10_000), "--rows", "3")
    assert done.returncode == 0, done.stderr
    assert "Estimate for 10,000 rows" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml"]


def test_an_endpoint_that_fails_everything_stops_the_run_and_a_mended_one_resumes_it(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    broken = {"model": "builtin", "max_attempts": 1, "faults": {"server_error": 1.0}}
    done = command("run", write_recipe(models={"teacher": broken}))
    assert done.returncode == 1
    assert "server_error" in done.stderr
    assert "run the same command again" in done.stderr
    assert not (tmp_path / "datasets").exists()


def test_a_run_that_ended_short_is_not_published_twice(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    recipe = write_recipe(rows=5000, seeds={"path": "builtin:en", "limit": 30}, stages=[{"use": "heuristics"}])
    assert [command("run", recipe).returncode for _ in range(2)] == [1, 1]
    assert [path.name for path in (tmp_path / "datasets" / "tried").iterdir()] == ["v1"]


def test_a_run_of_which_nothing_survives_publishes_nothing(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    done = command("run", write_recipe(rows=5, stages=[{"use": "heuristics", "min_response": 7999}]))
    assert done.returncode == 1
    assert "no row survived" in done.stderr
    assert "response_too_short" in done.stderr
    assert not list(tmp_path.glob("datasets/*/v*"))


def test_validate_says_what_the_recipe_would_do(command: Command, write_recipe: WriteRecipe) -> None:
    done = command("validate", write_recipe())
    assert done.returncode == 0
    assert "self_instruct → self_instruct.instances → evol_instruct" in done.stdout


def test_validate_tries_what_a_stage_names(command: Command, write_recipe: WriteRecipe) -> None:
    done = command("validate", write_recipe(stages=[{"use": "pii", "regions": ["UK"]}]))
    assert (done.returncode, done.stdout) == (2, "")
    assert "pii.regions: 'UK' is not a region" in done.stderr


def test_the_schema_knows_every_stage(command: Command) -> None:
    schema = json.loads(command("schema").stdout)
    assert {"stage_evol_instruct", "stage_minhash", "stage_embedding"} <= set(schema["$defs"])
