"""The report on a version: what the run's folder knows beyond the version's own files goes into it.

That is the vectors of the embedding stage, for the map, and rows that became other rows, for the lines of descent.
Where the run's folder is gone, the report does without.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from flows.recipe_file import check_recipe, validated
from flows.stages import Stage, resolve, resolve_filters
from flows.store import ShardFolder
from flows.thresholds import thresholds
from generators import topic_guided
from outputs.dataset import Dataset, open_dataset, read_rows
from outputs.report.data import collect
from outputs.report.model import ReportData
from outputs.report.samples import cut_texts
from outputs.report.writer import write_report
from schemas.errors import InstructloomError
from schemas.manifest import Manifest
from schemas.recipe import FilterRecipe
from schemas.row import polars_schema

Timeline = Sequence[tuple[float, int, int, int]]
"""Seconds since the start, and rows kept, requests and tokens so far."""

log = logging.getLogger("instructloom.report")


def add_report(
    folder: Path, manifest: Manifest, stages: Sequence[Stage], work: Path, timeline: Timeline = ()
) -> ReportData | None:
    """Write report.html into a draft, or into a published version; what it holds, None if it could not be made.

    Nothing that goes wrong here is raised: rows that were paid for are not lost for a picture of them. It is logged
    as a warning that names what happened.
    """
    try:
        data = report_data(folder, manifest, stages, work, timeline)
        write_report(folder, data)
        return data
    except Exception as error:  # also what is a bug of ours
        name = f"{manifest.dataset}@{manifest.version}"
        log.warning(
            "%s: report.html could not be made (%s: %s); the rows are complete without it;"
            " `instructloom report %s` tries again",
            name, type(error).__name__, " ".join(str(error).split()), name,
        )  # fmt: skip
        return None


def report_data(
    folder: Path, manifest: Manifest, stages: Sequence[Stage], work: Path, timeline: Timeline = ()
) -> ReportData:
    """What the report on a version, or a draft, is made from; ``work`` is the run's folder, which need not be there.

    Raises:
        DatasetError: a file that the manifest lists is missing.
    """
    labels = read_rows(Dataset(folder, manifest)).select("topic", "subtopic", "language").collect(engine="streaming")
    kept_work = _Work([work / name for name in manifest.stage_folders])
    return collect(
        folder,
        manifest,
        thresholds=thresholds(stages, sorted(set(labels["language"].drop_nulls()))),
        timeline=timeline,
        vectors=_vectors(stages, kept_work),
        coverage=_coverage(stages, labels),
        lookup=lambda ids: _looked_up(ids, kept_work, folder.parent, manifest.earlier),
    )


def report_of(dataset: Dataset, work: Path) -> ReportData | None:
    """What the report on a published version holds, without its timeline; None, and a warning, if it cannot be made."""
    return add_report(dataset.folder, dataset.manifest, _stages(dataset.manifest), work)


def remake(name: str, root: Path, to: Path | None = None) -> Path:
    """Make the report on a published version anew, beside its card or in the folder ``to``; gives the file's path.

    Raises:
        DatasetError: there is no such dataset, or a file of it is missing.
    """
    dataset = open_dataset(name, root / "datasets")
    work = root / "runs" / dataset.manifest.dataset
    data = report_data(dataset.folder, dataset.manifest, _stages(dataset.manifest), work)
    return write_report(to or dataset.folder, data)


def _stages(manifest: Manifest) -> list[Stage]:
    """The stages as they would be today; none, and so no thresholds, where the recipe cannot be read any more."""
    where = f"{manifest.dataset}@{manifest.version}: recipe"
    try:
        if manifest.command == "filter":
            return resolve_filters(validated(FilterRecipe, manifest.recipe, where), "", where)
        return resolve(check_recipe(manifest.recipe, where), "", where)
    except InstructloomError as error:
        log.warning("%s; the report does without thresholds and topics", error)
        return []


@dataclass(frozen=True)
class _Work:
    """What the stages left, in order."""

    folders: list[Path]

    def shards(self, place: int) -> list[ShardFolder]:
        """The finished shards of one stage."""
        found = [ShardFolder(path) for path in sorted(self.folders[place].glob("[0-9]*"))]
        return [shard for shard in found if shard.done]

    def lookup(self, ids: Sequence[str]) -> pl.DataFrame:
        """Rows by id, as the last stage that had them passed them on."""
        found = [pl.DataFrame(schema=polars_schema())]
        for folder in reversed(self.folders):
            paths = sorted(folder.glob("[0-9]*/rows.parquet"))
            if paths and ids:
                frame = pl.scan_parquet(paths, schema=polars_schema()).filter(pl.col("id").is_in(list(ids)))
                found.append(cut_texts(frame).collect(engine="streaming"))
                ids = sorted(set(ids) - set(found[-1]["id"]))
        return pl.concat(found)


def _vectors(stages: Sequence[Stage], work: _Work) -> Callable[[Collection[str]], tuple[list[str], np.ndarray]] | None:
    """Where vectors come from, of the last embedding stage; None where there is no such stage, or none of its work."""
    places = [place for place, stage in enumerate(stages) if stage.use == "embedding" and 0 < place < len(work.folders)]
    if not places:
        return None
    place = places[-1]

    def vectors(wanted: Collection[str]) -> tuple[list[str], np.ndarray]:
        named = set(wanted)
        found: list[tuple[str, np.ndarray]] = []
        for shard in work.shards(place):
            # A stage signs what the one before it passed on.
            found += _signed(work.folders[place - 1] / shard.path.name, shard, named)
        ids = [id for id, _ in found]
        return ids, np.array([vector for _, vector in found], dtype=np.float32)

    return vectors


def _signed(before: Path, shard: ShardFolder, wanted: set[str]) -> Iterable[tuple[str, np.ndarray]]:
    signatures = shard.signatures()
    rows = before / "rows.parquet"
    if signatures is None or not rows.exists():
        return []
    ids = pl.read_parquet(rows, columns=["id"])["id"].to_list()
    compared, values = signatures["compared"], signatures["vectors"]
    if len(ids) != len(values):
        return []
    # Copies: a slice would hold the whole shard's vectors in memory.
    return [(id, values[place].copy()) for place, id in enumerate(ids) if id in wanted and compared[place]]


def _looked_up(ids: Sequence[str], work: _Work, dataset: Path, earlier: Sequence[int]) -> pl.DataFrame:
    """Rows by id, from what the stages left and from the versions that the rows were compared with."""
    found = work.lookup(ids)
    missing = sorted(set(ids) - set(found["id"]))
    paths = [path for number in earlier for path in sorted((dataset / f"v{number}").glob("data/*.parquet"))]
    if not missing or not paths:
        return found
    columns = list(polars_schema())
    frame = pl.scan_parquet(paths).select(columns).filter(pl.col("id").is_in(missing))
    return pl.concat([found, cut_texts(frame).collect(engine="streaming")])


def _coverage(stages: Sequence[Stage], labels: pl.DataFrame) -> pl.DataFrame | None:
    """The sub-topics that the recipe asks for, with their rows; None where it asks for none."""
    tables = [
        topic_guided.coverage(labels, stage.config) for stage in stages if isinstance(stage.config, topic_guided.Config)
    ]
    return pl.concat(tables) if tables else None
