"""What can be seen without running anything: a checked recipe, a dataset's rows, funnel and rejects."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from flows.stages import check_resources, resolve
from generators import topic_guided
from generators.seeds import read_seeds
from outputs.dataset import Dataset, open_dataset, read_dataset, read_rows, verify, versions
from outputs.funnel import HEADERS, funnel, reasons_of
from schemas.errors import RunFailed
from schemas.manifest import SeedReport, StageCounts, Usage, sum_usage
from schemas.recipe import Model, Recipe
from schemas.row import Row, from_frame

LEDGER = {
    "requests": "requests", "replayed": "replayed", "retries": "retries", "failed": "failed",
    "prompt_tokens": "prompt", "cached_tokens": "cached", "completion_tokens": "reply", "reasoning_tokens": "thought",
}  # fmt: skip
"""What the ledger counts, and over which columns."""
MOST_FILES = 20
"""Files that are named, of those that rows or seeds were read from."""
SHOWN = 600
"""Characters of a text that the terminal shows of one field; the dataset holds all."""


def check(recipe: Recipe, origin: str, out: Console) -> None:
    """Check seeds and stages, and say what the recipe would do.

    Raises:
        BadInput: something in it cannot be used.
    """
    seeds, reports = read_seeds(recipe.seeds)
    stages = resolve(recipe, "", origin)
    check_resources(stages)
    out.print(f"{escape(origin)}: valid. {recipe.rows:,} rows for dataset {recipe.dataset!r}.")
    for report in reports:
        out.print(f"  seeds   {seed_line(report)}", soft_wrap=True)
    for name, model in recipe.models.items():
        out.print(f"  model   {name}: {model.model} at {_places(model)}")
    out.print(f"  stages  {' → '.join(stage.label for stage in stages)}", soft_wrap=True)
    if len(seeds) < 8:
        out.print(f"  note    only {len(seeds)} seeds: proposals will look alike")


def _places(model: Model) -> str:
    named = [url for url in model.endpoints if url]
    return ", ".join(named) or ("this machine" if model.offline else "api")


def seed_line(report: SeedReport) -> str:
    """One seed source in words."""
    bad = ", ".join(f"{reason} {count}" for reason, count in report.bad_lines.items())
    return f"{report.path}: {report.rows:,} rows, read as {report.format}{f'; skipped: {bad}' if bad else ''}"


def show_dataset(name: str, root: Path, rows: int, out: Console) -> None:
    """Rows, funnel and rejects of a dataset.

    Raises:
        DatasetError: there is no such dataset.
        RunFailed: its files are not what the manifest says.
    """
    dataset = open_dataset(name, root / "datasets")
    manifest = dataset.manifest
    state = "complete" if manifest.complete else f"{manifest.rows_requested:,} were asked for: {manifest.stop_reason}"
    out.print(f"[bold]{dataset.label}[/] in {dataset.folder}: {manifest.rows:,} rows ({state})", soft_wrap=True)
    later = _superseded_by(dataset)
    if later:
        out.print(f"v{later} begins with the same rows and has more: its run went on", soft_wrap=True)
    read = "input" if manifest.command == "filter" else "seeds"
    for report in manifest.seeds[:MOST_FILES]:
        out.print(f"{read} {seed_line(report)}", soft_wrap=True)
    if len(manifest.seeds) > MOST_FILES:
        out.print(f"{read} {len(manifest.seeds) - MOST_FILES:,} more files; all are in manifest.json")
    out.print(funnel_table(manifest.funnel))
    out.print(_reasons_table(manifest.funnel))
    if manifest.usage:
        out.print(ledger_table(manifest.usage))
    for table in _topic_tables(dataset):
        out.print(table)
    print_rows(dataset, rows, out)
    problems = verify(dataset)
    if problems:
        raise RunFailed(f"{len(problems)} files are not as the manifest says: {problems[0]}; restore or make them anew")
    out.print(f"{len(manifest.files) + len(manifest.rejects)} files verified against their sha256.")


def _superseded_by(dataset: Dataset) -> int | None:
    root, name = dataset.folder.parent.parent, dataset.folder.parent.name
    for number in versions(root, name):
        if dataset.manifest.version in read_dataset(root / name / f"v{number}").manifest.supersedes:
            return number
    return None


def funnel_table(stages: Iterable[StageCounts]) -> Table:
    """The funnel as a table; the reasons, which need room, have one of their own."""
    table = Table(title="Funnel", title_justify="left", box=None, padding=(0, 1, 0, 0))
    for place, header in enumerate(HEADERS[:-1]):
        table.add_column(header, justify="right" if place else "left", no_wrap=True)
    for line in funnel(stages):
        table.add_row(*line.cells[:-1])
    return table


def ledger_table(usage: Mapping[str, Usage]) -> Table:
    """What the models were asked, by stage, over all attempts at the run; what nothing was spent on is left out."""
    table = Table(title="Ledger", title_justify="left", box=None, padding=(0, 1, 0, 0))
    total = sum_usage(usage.values())
    shown = [name for name in LEDGER if name == "requests" or getattr(total, name)]
    for place, header in enumerate(("stage", *(LEDGER[name] for name in shown), "cost")):
        table.add_column(header, justify="right" if place else "left", no_wrap=True)
    for stage, line in [*usage.items(), *([("total", total)] if len(usage) > 1 else [])]:
        table.add_row(stage, *(f"{getattr(line, name):,}" for name in shown), f"${line.cost:,.2f}")
    return table


def print_rows(dataset: Dataset, rows: int, out: Console) -> None:
    """Some rows, evenly spread over the dataset."""
    total = dataset.manifest.rows
    if not rows or not total:
        return
    step = max(1, total // rows)
    for row in from_frame(read_rows(dataset).gather_every(step).head(rows).collect()):
        out.print(_panel(row))


def _topic_tables(dataset: Dataset) -> Iterator[Table]:
    """The coverage of each topic stage, a line a category; ``topic_guided.coverage`` has it by sub-topic."""
    labelled = read_rows(dataset).select("topic", "subtopic", "language").collect()
    for entry in dataset.manifest.recipe["stages"]:
        if entry["use"] != "topic_guided":
            continue
        leaves = topic_guided.coverage(labelled, topic_guided.Config.model_validate(entry))
        table = Table(title="Topics", title_justify="left", box=None, padding=(0, 2, 0, 0))
        table.add_column("category")
        for column in ("sub-topics", "of them covered", "rows"):
            table.add_column(column, justify="right")
        for (topic,), group in leaves.group_by("topic", maintain_order=True):
            covered = group.filter(pl.col("rows") > 0).height
            table.add_row(str(topic), *(f"{number:,}" for number in (group.height, covered, group["rows"].sum())))
        yield table


def _panel(row: Row) -> Panel:
    parts = [("", row.instruction), ("input", row.input), ("reasoning", row.reasoning), ("response", row.response)]
    body = "\n".join(f"{f'[bold]{label}:[/] ' if label else ''}{escape(_short(text))}" for label, text in parts if text)
    labels = [row.language, row.topic, row.subtopic, row.operation, f"depth {row.depth}" if row.depth else None]
    return Panel(
        body, title=row.id, subtitle=escape(" · ".join(label for label in labels if label)), title_align="left"
    )


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text) - SHOWN:,} more characters)"


def _reasons_table(stages: Iterable[StageCounts]) -> Table:
    table = Table(title="Rejected and discarded", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("stage")
    table.add_column("reason")
    table.add_column("rows", justify="right")
    for stage, reason, count in reasons_of(stages):
        table.add_row(stage, reason, f"{count:,}")
    return table
