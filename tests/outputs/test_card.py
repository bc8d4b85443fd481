"""The card tells what the manifest knows, and nothing that is private."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from outputs.card import card, size_category
from outputs.funnel import HEADERS, funnel, reasons_of
from schemas.manifest import Manifest, SeedReport, StageCounts
from tests.outputs.made import make_dataset


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return make_dataset(tmp_path).manifest


def front_matter(text: str) -> dict[str, Any]:
    head: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return head


def test_the_published_card_names_the_languages_of_its_rows(tmp_path: Path) -> None:
    text = (make_dataset(tmp_path).folder / "README.md").read_text(encoding="utf-8")
    assert front_matter(text)["language"] == ["en", "zh"]


def test_the_head_points_at_the_train_shards_and_leaves_the_licence_to_the_user(manifest: Manifest) -> None:
    head = front_matter(card(manifest))
    assert head["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert head["size_categories"] == ["n<1K"]
    assert "license" not in head


def test_the_text_shows_rows_funnel_reasons_models_and_seeds(manifest: Manifest) -> None:
    text = card(manifest)
    for part in [
        "**25 rows**",
        "| heuristics | 29 | 25 | 0 | 4 | 0 | 0 | 25 | too_short 4 |",
        "| heuristics | too_short | 4 |",
        "| teacher | builtin |",
        "| `seeds.jsonl` | alpaca | 7 | bad_json 1 |",
        "1. **respond**",
    ]:
        assert part in text


def test_a_version_that_adds_or_supersedes_says_which(manifest: Manifest) -> None:
    assert "adds to the dataset" not in card(manifest)
    told = card(manifest.model_copy(update={"earlier": [1, 2], "supersedes": [3]}))
    assert "no row is like one of v1, v2 by these filters" in told
    assert "It supersedes v3" in told


def test_a_run_that_ended_early_says_why(manifest: Manifest) -> None:
    early = manifest.model_copy(update={"complete": False, "rows_requested": 99, "stop_reason": "falling_yield"})
    assert "**25 rows**, of 99 asked for" in card(early)
    assert "`falling_yield`" in card(early)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/someone/secret/a.jsonl", "`a.jsonl`"),
        ("C:\\Users\\someone\\a.jsonl", "`a.jsonl`"),
        ("https://user:key@host/a.jsonl?token=secret", "`https://host/a.jsonl`"),
        ("s3://bucket/a.jsonl", "`s3://bucket/a.jsonl`"),
        ("builtin:en", "`builtin:en`"),
    ],
)
def test_a_seed_is_shown_without_folders_logins_and_tokens(manifest: Manifest, path: str, shown: str) -> None:
    seeds = [SeedReport(path=path, format="alpaca", rows=1)]
    assert shown in card(manifest.model_copy(update={"seeds": seeds}))


def test_endpoints_keys_and_local_models_are_not_in_the_card(manifest: Manifest) -> None:
    model = {
        "model": "/home/someone/weights",
        "base_url": "http://internal:8000/v1",
        "api_key_env": "MY_KEY",
        "extra_body": {"x": "hidden"},
    }
    stages = [{"use": "embedding", "model": "/home/someone/minilm", "threshold": 0.9}]
    recipe = {**manifest.recipe, "models": {"teacher": model}, "stages": stages}
    text = card(manifest.model_copy(update={"recipe": recipe}))
    for private in ["someone", "internal", "MY_KEY", "hidden"]:
        assert private not in text
    assert "1. **embedding**: model = minilm, threshold = 0.9" in text


@pytest.mark.parametrize(
    ("rows", "category"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**7, "n>10M")]
)
def test_the_size_category_is_the_hubs(rows: int, category: str) -> None:
    assert size_category(rows) == category


def _counts(**reasons: int) -> StageCounts:
    dropped = sum(reasons.values())
    return StageCounts(
        stage="novelty", use="novelty", kind="index", rows_in=dropped + 1, passed=1, rejected=dropped, rows_out=1,
        reasons=reasons,
    )  # fmt: skip


def test_a_funnel_line_has_a_cell_for_every_header() -> None:
    (line,) = funnel([_counts(a=1)])
    assert len(line.cells) == len(HEADERS)


def test_the_most_frequent_reasons_come_first_and_the_rest_is_summed() -> None:
    (line,) = funnel([_counts(d=1, b=2, a=2, c=3, e=1)])
    assert line.top() == "c 3, a 2, b 2, 2 others 2"
    assert reasons_of([_counts(d=1, b=2)]) == [("novelty", "b", 2), ("novelty", "d", 1)]
