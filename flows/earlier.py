"""What a dataset already holds, for a run that adds to it: every new row is compared with all of that.

A run that adds takes another draw from the recipe's source than any version before it, so that it makes other rows
from the same recipe, and its filters with an index begin with the rows of all earlier versions (``saved_indexes``).
"""

import hashlib
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from flows.stages import Draw
from outputs.dataset import Dataset, read_dataset, versions
from schemas.errors import DatasetError
from schemas.row import polars_schema

INTERRUPTED = "interrupted"
"""Why a version ended short, if a person stopped its run: the next run goes on with it instead of drawing anew."""


@dataclass(frozen=True)
class Earlier:
    """The versions whose rows must not come again, and the draw that follows from them."""

    datasets: tuple[Dataset, ...] = ()
    draw: Draw = field(default_factory=Draw)
    goes_on: int | None = None
    """The version, ended short, that this run goes on with and will supersede."""

    @property
    def numbers(self) -> list[int]:
        """The versions' numbers."""
        return [dataset.manifest.version for dataset in self.datasets]

    def told(self) -> str:
        """In words, for a person."""
        rows = sum(dataset.manifest.rows for dataset in self.datasets)
        return f"{rows:,} rows of {', '.join(f'v{number}' for number in self.numbers)}"

    def frames(self, known: Set[str] = frozenset()) -> Iterator[tuple[str, pl.DataFrame]]:
        """All rows, a file at a time, with the file's sha256; without the files that are ``known``.

        Raises:
            DatasetError: a file that a manifest lists is not there, or is damaged.
        """
        for dataset in self.datasets:
            for shard in dataset.manifest.files:
                if shard.sha256 in known:
                    continue
                path = dataset.folder / shard.path
                try:
                    frame = pl.read_parquet(path, columns=list(polars_schema()))
                except (OSError, pl.exceptions.PolarsError) as error:
                    first = str(error).splitlines()[0]
                    raise DatasetError(f"{path}: {first}; restore it: new rows are compared with its rows") from error
                yield shard.sha256, frame


def earlier_of(root: Path, dataset: str, source: str, rows: int, folders: Callable[[Draw], list[str]]) -> Earlier:
    """What ``dataset`` below ``root`` holds, for a run of ``rows`` rows that begin from ``source``.

    ``folders`` gives the names of the run's stage folders, in order, for a draw: a version that a person stopped is
    gone on with only by a run that would do the very same work, and come at least as far.
    """
    folder = root / "datasets"
    published = [read_dataset(folder / dataset / f"v{number}") for number in versions(folder, dataset)]
    superseded = {number for each in published for number in each.manifest.supersedes}
    standing = [each for each in published if each.manifest.version not in superseded]
    drawn = [each for each in standing if each.manifest.source == source]
    newest = max(drawn, key=lambda each: (each.manifest.edition, each.manifest.version), default=None)
    if newest is not None and newest.manifest.stop_reason == INTERRUPTED and newest.manifest.rows <= rows:
        others = tuple(each for each in standing if each is not newest)
        same = Draw(newest.manifest.edition, _digest(others))
        if folders(same) == newest.manifest.stage_folders:
            return Earlier(others, same, newest.manifest.version)
    edition = 1 if newest is None else newest.manifest.edition + 1
    return Earlier(tuple(standing), Draw(edition, _digest(tuple(standing))))


def _digest(datasets: tuple[Dataset, ...]) -> str:
    names = [shard.sha256 for dataset in datasets for shard in dataset.manifest.files]
    return hashlib.blake2b("\n".join(names).encode(), digest_size=16).hexdigest() if names else ""
