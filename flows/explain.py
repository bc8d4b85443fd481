"""The story of one row, from its seed on: every prompt, completion, score and verdict.

Reads what the run left: the rows of each stage give the ancestors, the completion logs give what was asked for them.
Where the run directory is gone, the dataset's own lineage and scores are told.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.markup import escape

from outputs.dataset import Dataset, Found, find_row, open_dataset
from schemas.reject import Rejected
from schemas.row import Row, from_frame, polars_schema
from teachers.log import Record, read_log


@dataclass
class Trail:
    """What is known of one row: where it stands in each stage's work, and its ancestors."""

    folders: list[Path]
    """The stage folders of the run, in order; empty if the run directory is gone."""
    rows: dict[str, list[tuple[Path, Row]]]
    """By row id: every stage shard that passed the row on, in stage order."""
    shard: str | None = None
    """The shard of a rejected row."""


def explain_row(name: str, row_id: str, root: Path, out: Console) -> None:
    """Print the story of the row of ``name`` whose id is, or begins with, ``row_id``.

    Raises:
        DatasetError: there is no such dataset or row.
    """
    dataset = open_dataset(name, root / "datasets")
    found = find_row(dataset, row_id)
    trail = _trail(dataset, found.row, root)
    if found.rejected is not None:
        trail.shard = f"{found.rejected.shard:05d}"
    for row in [*_ancestors(found.row, trail), found.row]:
        _tell_row(row, trail, dataset, out)
    _tell_end(found, dataset, out)


def _trail(dataset: Dataset, row: Row, root: Path) -> Trail:
    run = root / "runs" / dataset.manifest.dataset
    folders = [run / name for name in dataset.manifest.stage_folders if (run / name).is_dir()]
    trail = Trail(folders, {})
    wanted = {row.id}
    while new := wanted - trail.rows.keys():
        for each in new:
            trail.rows[each] = []
        for path, found in _find(folders, new):
            trail.rows[found.id].append((path, found))
            wanted |= set(found.parents)
        wanted |= set(row.parents)
    return trail


def _find(folders: Iterable[Path], ids: set[str]) -> Iterator[tuple[Path, Row]]:
    for folder in folders:
        paths = sorted(folder.glob("[0-9]*/rows.parquet"))
        if not paths:
            continue
        frame = pl.scan_parquet(paths, schema=polars_schema(), include_file_paths="_path")
        hits = frame.filter(pl.col("id").is_in(sorted(ids))).collect()
        yield from zip((Path(path).parent for path in hits["_path"]), from_frame(hits), strict=True)


def _ancestors(row: Row, trail: Trail) -> list[Row]:
    """From the oldest to the parent."""
    line: dict[str, Row] = {}

    def climb(child: Row) -> None:
        for parent in child.parents:
            places = trail.rows.get(parent, [])
            if places and parent not in line:
                climb(places[-1][1])
                line[parent] = places[-1][1]

    climb(row)
    return list(line.values())


def _tell_row(row: Row, trail: Trail, dataset: Dataset, out: Console) -> None:
    birth = " · ".join(
        str(part) for part in (row.stage, row.operation, _round(row), row.source and f"from {row.source}") if part
    )
    out.rule(f"[bold]{row.id}[/] {escape(birth)}", align="left")
    out.print(escape(row.instruction))
    if row.input:
        out.print(f"[dim]input:[/] {escape(row.input)}")
    for stage, records in _asked(row, trail):
        for record in records:
            _tell_record(stage, record, out)


def _round(row: Row) -> str | None:
    return None if row.round is None else f"round {row.round}"


def _asked(row: Row, trail: Trail) -> Iterator[tuple[str, list[Record]]]:
    """What was asked in each stage for the row: under its own id, or, where it was born, under its prompt's key."""
    keys = (f"{row.id}/", *_birth_keys(row))
    for folder in trail.folders:
        records: list[Record] = []
        for shard in _shards(row, folder, trail):
            log = shard / "completions.log"
            if log.exists():
                records += [record for record in read_log(log) if record.key.startswith(keys)]
        if records:
            yield folder.name.rsplit("-", 1)[0], sorted(records, key=_place)


def _birth_keys(row: Row) -> tuple[str, ...]:
    """The key of the prompt that proposed the row: its source is ``r<round>.<prompt>.i<item>``."""
    parts = (row.source or "").split(".")
    return (f"{parts[1]}/",) if len(parts) == 3 and row.round is not None and not row.parents else ()


def _place(record: Record) -> tuple[str, list[int]]:
    job, *steps = record.key.rsplit("/", 2)
    return job, [int(step) for step in steps]


def _shards(row: Row, folder: Path, trail: Trail) -> list[Path]:
    """The shard that holds the row: the same number in every stage."""
    numbers = {path.name for path, _ in trail.rows.get(row.id, [])}
    numbers |= {path.name for parent in row.parents for path, _ in trail.rows.get(parent, [])}
    if trail.shard is not None:
        numbers.add(trail.shard)
    return [folder / number for number in sorted(numbers)]


def _tell_record(stage: str, record: Record, out: Console) -> None:
    out.print(f"\n[bold cyan]{escape(stage)}[/] asked {escape(str(record.payload.get('model')))} [dim]{record.key}[/]")
    for message in record.payload.get("messages", []):
        out.print(f"[dim]{message['role']}:[/] {escape(message['content'])}")
    reply = record.completion
    out.print(
        f"[green]reply[/] [dim]({reply.finish_reason}, {reply.completion_tokens} tokens):[/] {escape(reply.text)}"
    )


def _tell_end(found: Found, dataset: Dataset, out: Console) -> None:
    row = found.row
    out.rule("[bold]verdicts[/]", align="left")
    for score in row.scores:
        near = f" to {score.neighbour}" if score.neighbour else ""
        out.print(f"{score.stage}: {score.measure} {score.value:.4g}{near}")
    for lost in found.candidates:
        _tell_loss(lost, out)
    if found.rejected is not None:
        _tell_loss(found.rejected, out)
        return
    out.print(f"[bold green]kept[/] in {dataset.label}")
    if row.reasoning:
        out.print(f"[dim]reasoning:[/] {escape(row.reasoning)}")
    out.print(f"[dim]response:[/] {escape(row.response)}")


def _tell_loss(lost: Rejected, out: Console) -> None:
    out.print(f"[bold red]{lost.kind} rejected[/] by {lost.rejected_by}: {lost.reason} (shard {lost.shard})")
    if lost.raw:
        out.print(f"[dim]read from:[/] {escape(lost.raw)}")
