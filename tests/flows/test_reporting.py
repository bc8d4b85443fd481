"""Every published version has a report, with what the run's folder knows; and no report ever costs a dataset."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.publish import publish
from flows.reporting import remake, report_data
from flows.run import open_run
from flows.stages import resolve
from flows.store import ShardResult
from flows.thresholds import thresholds
from outputs.dataset import open_dataset, verify
from outputs.report import writer
from schemas.manifest import StageCounts, Usage
from schemas.recipe import Recipe
from schemas.reject import rejects_frame
from schemas.row import Score, new_row, to_frame


def recipe_of(**changes: Any) -> Recipe:
    stages = [{"use": "topic_guided", "categories": ["science"]}, {"use": "minhash"}, {"use": "embedding"}]
    plain = {"dataset": "told", "rows": 3, "models": {"teacher": {"model": "builtin"}}, "stages": stages}
    return Recipe.model_validate(plain | changes)


def finished(root: Path) -> Any:
    """A run whose only shard is done: a seed became three rows, of which all were kept."""
    import numpy as np

    run = open_run(recipe_of(), root)
    seed = new_row("Name a colour.", stage="seed")
    made = [
        new_row(
            f"Name a colour, {n}.", stage="topic_guided", parents=(seed.id,), topic="Science", subtopic="optics"
        ).scored(Score("minhash", "jaccard", 0.2 * n, seed.id))
        for n in range(3)
    ]
    for place, stage in enumerate(run.stages):
        rows = [seed] if not place else made
        counts = StageCounts(
            stage=stage.label, use=stage.use, kind="generator" if place < 2 else "filter", rows_in=[0, 1, 3, 3][place],
            passed=[0, 0, 3, 3][place], replaced=[0, 1, 0, 0][place], created=[1, 3, 0, 0][place], rows_out=len(rows),
        )  # fmt: skip
        shard = run.store.shard(stage, 0)
        shard.save(ShardResult(to_frame(rows), rejects_frame([]), counts, Usage()))
        if stage.use == "embedding":
            shard.save_signatures({"compared": np.array([True, False, True]), "vectors": np.eye(3, dtype=np.float32)})
    return run


def test_a_published_version_has_a_report_that_knows_parents_vectors_topics_and_limits(tmp_path: Path) -> None:
    run = finished(tmp_path)
    manifest = publish(run, 1, "complete")
    dataset = open_dataset("told", tmp_path / "datasets")
    assert (manifest.rows, verify(dataset)) == (3, [])
    page = (dataset.folder / "report.html").read_text(encoding="utf-8")
    embedded = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert embedded is not None
    content = json.loads(embedded[1])
    assert [each["instruction"] for each in content["others"].values()] == ["Name a colour."]
    assert [place for place, _, _ in content["points"]] in ([0, 2], [2, 0])
    data = report_data(dataset.folder, manifest, run.stages, run.store.root, [(0, 0, 0, 0), (5, 3, 9, 100)])
    assert data.similarities[0].limits == {"": 0.7}
    (topic,) = data.topics
    assert topic.asked is not None
    assert (topic.topic, topic.rows, topic.covered, topic.asked > 5) == ("Science", 3, 1, True)
    assert data.timeline[-1].tokens == 100


def test_a_report_that_cannot_be_made_costs_nothing_but_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> str:
        raise KeyError("a bug")

    monkeypatch.setattr(writer, "report_html", fail)
    manifest = publish(finished(tmp_path), 1, "complete")
    dataset = open_dataset("told", tmp_path / "datasets")
    assert (manifest.rows, verify(dataset)) == (3, [])
    assert not (dataset.folder / "report.html").exists()
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "told@1: report.html could not be made (KeyError: 'a bug')" in warning
    assert "`instructloom report told@1`" in warning


def test_a_report_is_made_anew_also_where_the_run_is_gone(tmp_path: Path) -> None:
    publish(finished(tmp_path), 1, "complete")
    shutil.rmtree(tmp_path / "runs")
    before = (tmp_path / "datasets/told/v1/report.html").read_text(encoding="utf-8")
    path = remake("told", tmp_path, tmp_path / "elsewhere")
    page = path.read_text(encoding="utf-8")
    assert path == tmp_path / "elsewhere" / "report.html"
    assert "limit 0.7" not in before or "limit 0.7" in page
    assert '"points":[]' in page
    assert '"points":[]' not in before


def test_thresholds_are_those_that_the_filters_hold_to(tmp_path: Path) -> None:
    exam = str(tmp_path / "exam.jsonl")
    Path(exam).write_text('{"question": "How many?"}')
    stages = [
        {"use": "self_instruct", "novelty": {"en": 0.6}},
        {"use": "novelty", "name": "new"},
        {"use": "minhash", "jaccard": 0.65, "rouge_l": None},
        {"use": "minhash", "name": "again"},
        {"use": "embedding"},
        {"use": "heuristics"},
        {"use": "decontaminate", "benchmarks": [exam]},
        {"use": "decontaminate", "name": "words", "benchmarks": [exam], "embedding": False, "coverage": 0.4},
    ]
    found = thresholds(resolve(recipe_of(stages=stages), "", "recipe"), ["en", "zh"])
    assert found == {
        ("self_instruct", "rouge_l"): {"en": 0.6, "zh": 0.8},
        ("self_instruct.instances", "rouge_l"): {"en": 0.6, "zh": 0.8},
        ("new", "rouge_l"): {"en": 0.7, "zh": 0.8},
        ("minhash", "jaccard"): {"": 0.65},
        ("again", "jaccard"): {"": 0.7},
        ("again", "rouge_l"): {"": 0.8},
        ("embedding", "cosine"): {"": 0.92},
        ("decontaminate", "coverage"): {"": 0.5},
        ("decontaminate", "cosine"): {"": 0.85},
        ("words", "coverage"): {"": 0.4},
    }
    assert thresholds(resolve(recipe_of(stages=stages), "", "recipe"), ["zh"])["new", "rouge_l"] == {"": 0.8}


def test_the_command_makes_a_report_anew_and_says_where(tmp_path: Path) -> None:
    publish(finished(tmp_path), 1, "complete")
    report = tmp_path / "datasets" / "told" / "v1" / "report.html"
    report.unlink()
    done = CliRunner().invoke(app, ["report", "told@1", "--root", str(tmp_path)])
    assert (done.exit_code, done.output.split()) == (0, [str(report)])
    assert report.stat().st_size > 50_000
    assert CliRunner().invoke(app, ["report", "nothing", "--root", str(tmp_path)]).exit_code != 0
