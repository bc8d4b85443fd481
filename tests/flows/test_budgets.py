"""Budgets end a run cleanly: what was asked is paid, logged and kept; what is through is a valid dataset."""

from collections.abc import Callable
from pathlib import Path

import pytest

from outputs.dataset import read_dataset
from teachers.builtin.server import serving_app
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import Counter, assert_sound, shards

WriteRecipe = Callable[..., str]
PRICED = {"model": "builtin", "price": {"prompt": 1.0, "completion": 2.0}}


def test_a_budget_leaves_a_valid_part_and_more_budget_goes_on_from_there(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    models = {"teacher": PRICED}
    done = command("run", write_recipe(rows=3000, models=models, limits={"budget_usd": 0.12}))
    assert done.returncode == 1
    assert "limits.budget_usd is spent" in done.stderr
    manifest = assert_sound(tmp_path / "datasets" / "tried" / "v1")
    assert (manifest.stop_reason, manifest.complete) == ("budget_usd", False)
    assert sum(usage.cost for usage in manifest.usage.values()) == pytest.approx(0.12, rel=0.05)
    assert command("run", write_recipe(rows=60, models=models)).returncode == 0
    assert command("run", write_recipe(rows=60, models=models), "--root", "calm").returncode == 0
    made, calm = (tmp_path / root / "datasets" / "tried" for root in ("", "calm"))
    assert shards(made / "v2") == shards(calm / "v1")


def test_no_request_is_sent_beyond_the_budget_over_all_attempts(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url:
        models = {"teacher": {"model": "builtin", "base_url": url, "structured": "off"}}
        for budget in (150, 250, 250):
            recipe = write_recipe(rows=3000, models=models, limits={"budget_requests": budget})
            assert command("run", recipe).returncode == 1
            assert counter.asked == budget


def test_the_ledger_is_shown_by_stage(command: Command, write_recipe: WriteRecipe, tmp_path: Path) -> None:
    assert command("run", write_recipe(rows=20, models={"teacher": PRICED})).returncode == 0
    usage = read_dataset(tmp_path / "datasets" / "tried" / "v1").manifest.usage
    shown = command("show", "tried").stdout
    stage, most = max(usage.items(), key=lambda item: item[1].requests)
    line = next(line for line in shown.splitlines() if line.startswith(f"{stage} ") and "$" in line)
    assert f" {most.requests:,} " in line
    assert f"${most.cost:,.2f}" in line
    total = next(line for line in shown.splitlines() if line.startswith("total"))
    assert f"${sum(each.cost for each in usage.values()):,.2f}" in total
