from io import StringIO

from rich.console import Console

from flows.estimate import estimate
from flows.progress import Progress, add_counts, plain_line, watch
from flows.session import tried
from schemas.manifest import Manifest, SeedReport, StageCounts, Usage
from schemas.recipe import Recipe


def counts(**values: object) -> StageCounts:
    return StageCounts.model_validate({"stage": "s", "use": "s", "kind": "filter", **values})


def manifest(survivors: int, usage: dict[str, Usage]) -> Manifest:
    return Manifest(
        dataset="d", version=1, instructloom="0", recipe={}, recipe_digest="", rows_requested=1, rows=1, complete=True,
        stop_reason="complete", funnel=[counts(rows_in=survivors)], usage=usage, rounds=100,
        seeds=[SeedReport(path="s", format="self_instruct", rows=100_000)],
    )  # fmt: skip


def test_counts_add_up_by_name_and_reason() -> None:
    total = add_counts(
        add_counts(None, counts(rows_in=3, reasons={"b": 1})), counts(rows_in=4, reasons={"a": 2, "b": 1})
    )
    assert (total.rows_in, total.reasons) == (7, {"a": 2, "b": 2})


def test_a_line_says_what_is_kept_what_works_and_when_it_ends() -> None:
    progress = Progress(wanted=10)
    progress.begin("evol_instruct", 4)
    assert plain_line(progress) == "0/10 rows · evol_instruct 4 jobs · ETA unknown yet"
    progress.begin("evol_instruct", -4)
    progress.keep(25)
    assert plain_line(progress) == "10/10 rows · ETA 0:00"


def test_a_terminal_shows_every_stage() -> None:
    screen = Console(file=StringIO(), force_terminal=True, width=100)
    progress = Progress(wanted=10, dataset="demo")
    progress.done("minhash", counts(rows_in=9, rows_out=8, rejected=1))
    with watch(progress, screen):
        progress.keep(8)
    assert isinstance(screen.file, StringIO)
    shown = screen.file.getvalue()
    assert "8 of 10 rows kept" in shown
    assert "minhash" in shown


def recipe(shard_rows: int = 1, **limits: object) -> Recipe:
    fields = {"rows": 1000, "stages": [{"use": "minhash"}], "seeds": {"path": "s", "shard_rows": shard_rows}}
    return Recipe.model_validate({"dataset": "d", "limits": limits, **fields})


USAGE = {
    "a": Usage(requests=200, prompt_tokens=6000, completion_tokens=4000, cost=5.0),
    "b": Usage(replayed=200),
}


def shown(ended: Manifest, wanted: Recipe) -> str:
    return estimate(tried(ended, wanted), wanted)


def test_an_estimate_scales_what_the_small_run_asked_and_says_how_sure_it_is() -> None:
    few, many = (shown(manifest(rows, USAGE), recipe()) for rows in (10, 1000))
    assert "28,476 to 134,404 requests" in few
    assert "388 to 836 requests" in many
    assert "9,700 to 20,900 tokens, $4.85 to $10.45" in many


def test_an_estimate_counts_whole_shards() -> None:
    # The small run asked 4 requests for each of its shards of one seed.
    assert "4,000 to 4,000 requests" in shown(manifest(1000, USAGE), recipe(shard_rows=1000))


def test_an_estimate_says_which_budget_may_end_the_run() -> None:
    told = shown(manifest(1000, USAGE), recipe(budget_usd=6.0, budget_tokens=10**6, max_rounds=5000))
    assert told.endswith("limits.budget_usd may end it before.")
    # The small run had 100 rounds, and 209 may be needed.
    told = shown(manifest(1000, USAGE), recipe(max_rounds=150))
    assert told.endswith("limits.max_rounds may end it before.")
    assert "may end it before" not in shown(manifest(1000, USAGE), recipe(max_rounds=5000))


def test_nothing_is_estimated_where_nothing_survived() -> None:
    assert "nothing can be estimated" in shown(manifest(0, {}), recipe())
