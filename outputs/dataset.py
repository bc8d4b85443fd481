"""A dataset on disk: its versions, how one is published, and how it is read back.

    <root>/<dataset>/
    ├── v1/
    │   ├── README.md            the card (outputs/card.py); makes datasets.load_dataset(folder) work
    │   ├── report.html          the report (outputs/report/); a version is whole without it
    │   ├── data/train-*.parquet
    │   ├── rejects/rejects-*.parquet
    │   └── manifest.json        written last: what is in the other files, with their sha256
    └── .v2.partial/             a version in the making; becomes v2 in one rename

A folder named ``v<n>`` is complete, always. Nothing here keeps two writers apart: the run's own lock does.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
from pydantic import ValidationError

from outputs.card import card
from outputs.files import sha256_of, sync, write_json, write_text
from outputs.parquet import TRAIN_SCHEMA
from schemas.errors import DatasetError
from schemas.manifest import Manifest, ShardFile
from schemas.reject import REJECT_SCHEMA, Rejected
from schemas.row import SCHEMA_VERSION, Row, from_frame, polars_schema

MANIFEST = "manifest.json"
CARD = "README.md"

_VERSION = re.compile(r"v([1-9]\d*)")
_VERSIONED = re.compile(r"(?P<name>.+)@v?(?P<version>[1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Draft:
    """A version in the making: write shards into ``folder``, then ``publish``."""

    dataset: str
    version: int
    folder: Path

    @property
    def target(self) -> Path:
        """Where it will be."""
        return self.folder.parent / f"v{self.version}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """One published version."""

    folder: Path
    manifest: Manifest

    @property
    def label(self) -> str:
        """Name and version as a user writes them."""
        return f"{self.manifest.dataset}@{self.manifest.version}"


@dataclass(frozen=True, slots=True)
class Found:
    """A row that was looked up; ``rejected`` says who dropped it, ``None`` if it was kept.

    ``candidates`` are what was made for it and not accepted, such as losing samples and failed attempts.
    """

    row: Row
    rejected: Rejected | None = None
    candidates: tuple[Rejected, ...] = ()


def start_draft(root: Path, dataset: str, version: int | None = None) -> Draft:
    """An empty draft of a version (default: the next). What a killed run left of it is removed.

    Raises:
        DatasetError: the version is already published.
    """
    number = version or next_version(root, dataset)
    draft = Draft(dataset, number, root / dataset / f".v{number}.partial")
    _refuse_published(draft)
    if draft.folder.exists():
        shutil.rmtree(draft.folder)
    draft.folder.mkdir(parents=True)
    return draft


def publish(draft: Draft, manifest: Manifest) -> Dataset:
    """Write card and manifest into the draft and make it the version, in one durable rename.

    Raises:
        DatasetError: the version was published meanwhile.
        ValueError: the manifest is of another dataset or version.
    """
    if (manifest.dataset, manifest.version) != (draft.dataset, draft.version):
        raise ValueError(f"a manifest of {manifest.dataset}@{manifest.version} for {draft.dataset}@{draft.version}")
    _refuse_published(draft)
    write_text(draft.folder / CARD, card(manifest, _languages(draft.folder, manifest)))
    write_json(draft.folder / MANIFEST, manifest)
    sync(draft.folder)
    draft.folder.rename(draft.target)
    sync(draft.target.parent)
    return Dataset(draft.target, manifest)


def versions(root: Path, dataset: str) -> list[int]:
    """The published versions of a dataset, in order; none if there is no such dataset."""
    return [number for number in _numbers(root, dataset) if (root / dataset / f"v{number}" / MANIFEST).is_file()]


def next_version(root: Path, dataset: str) -> int:
    """The number of the version that will be published next."""
    return max(_numbers(root, dataset), default=0) + 1


def _numbers(root: Path, dataset: str) -> list[int]:
    """The numbers that are taken, also by a folder that someone emptied, in order."""
    folder = root / dataset
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(match[1]) for name in names if (match := _VERSION.fullmatch(name)))


def latest(root: Path, dataset: str) -> Dataset:
    """The highest version of a dataset.

    Raises:
        DatasetError: there is none.
    """
    published = versions(root, dataset)
    if not published:
        known = sorted(path.name for path in root.iterdir() if versions(root, path.name)) if root.is_dir() else []
        there = f"there are {', '.join(known)}" if known else "there are none yet; make one with `instructloom run`"
        raise DatasetError(f"dataset {dataset!r} is not in {root}; {there}")
    return read_dataset(root / dataset / f"v{published[-1]}")


def open_dataset(path_or_name: str | Path, root: Path) -> Dataset:
    """The dataset that a user means: ``name`` (its latest version), ``name@2``, or a folder.

    Raises:
        DatasetError: there is no such dataset or version, or its manifest cannot be read.
    """
    text, path = str(path_or_name), Path(path_or_name)
    is_name = path.name == text
    if is_name and versions(root, text):
        return latest(root, text)
    if path.is_dir() and (_VERSION.fullmatch(path.name) or (path / MANIFEST).exists()):
        return read_dataset(path)
    if path.is_dir() and versions(path.parent, path.name):
        return latest(path.parent, path.name)
    if versioned := _VERSIONED.fullmatch(text):
        name = Path(versioned["name"])
        return _version(root if is_name else name.parent, name.name, int(versioned["version"]))
    if is_name:
        return latest(root, text)
    raise DatasetError(f"{text}: no dataset here; give a name, name@version, or a folder that holds {MANIFEST}")


def read_dataset(folder: Path) -> Dataset:
    """The published version in ``folder``.

    Raises:
        DatasetError: its manifest is missing, damaged, or of a later schema than this program knows.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise DatasetError(f"{path}: not there, so {folder.name} is not a published version; choose another")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DatasetError(f"{path}: {where}: {first['msg']}; restore the file or make the dataset again") from None
    if manifest.schema_version > SCHEMA_VERSION:
        raise DatasetError(
            f"{path}: schema_version is {manifest.schema_version}, this program reads up to {SCHEMA_VERSION};"
            " upgrade instructloom"
        )
    return Dataset(folder, manifest)


def verify(dataset: Dataset) -> list[str]:
    """What is wrong with the files, a sentence each; empty if all are as the manifest says."""
    manifest = dataset.manifest
    known = {shard.path for shard in [*manifest.files, *manifest.rejects]}
    problems = [text for shard in [*manifest.files, *manifest.rejects] if (text := _problem(dataset.folder, shard))]
    found = {
        path.relative_to(dataset.folder).as_posix()
        for folder in ("data", "rejects")
        for path in (dataset.folder / folder).glob("*.parquet")
    }
    problems += [f"{name}: not in the manifest" for name in sorted(found - known)]
    rows = sum(shard.rows for shard in manifest.files)
    if rows != manifest.rows:
        problems.append(f"{MANIFEST}: rows is {manifest.rows}, its files hold {rows}")
    return problems


def read_rows(dataset: Dataset) -> pl.LazyFrame:
    """The kept rows, in order: ``ROW_SCHEMA`` and ``messages``."""
    return _scan(dataset, dataset.manifest.files, TRAIN_SCHEMA)


def read_rejects(dataset: Dataset) -> pl.LazyFrame:
    """The rejected rows and candidates, in order: ``REJECT_SCHEMA``."""
    return _scan(dataset, dataset.manifest.rejects, REJECT_SCHEMA)


def find_row(dataset: Dataset, row_id: str) -> Found:
    """The kept or rejected row of an id, or of the beginning of one. A kept row goes before a rejected one.

    Raises:
        DatasetError: no row has it, or several rows begin with it.
    """
    if not row_id:
        raise DatasetError("the row id is empty; give the id of a row, or its first characters")
    begins = pl.col("id").str.starts_with(row_id)
    kept, rejected = read_rows(dataset).filter(begins), read_rejects(dataset).filter(begins)
    ids = pl.concat([kept.select("id"), rejected.select("id")]).unique().sort("id").collect()["id"].to_list()
    if not ids:
        raise DatasetError(
            f"no row of {dataset.label} has the id {row_id!r}, kept or rejected; see `instructloom show`"
        )
    if len(ids) > 1 and row_id not in ids:
        raise DatasetError(
            f"{len(ids)} rows of {dataset.label} begin with {row_id!r}, such as {ids[0]} and {ids[1]}; give more of it"
        )
    exact = pl.col("id") == (row_id if row_id in ids else ids[0])
    rows = from_frame(kept.filter(exact).head(1).collect())
    lost = _rejects_of(rejected.filter(exact).collect())
    if rows:
        return Found(rows[0], None, tuple(lost))
    # The row's own rejection is the verdict; a candidate that shares its id is a part of the story.
    lost.sort(key=lambda reject: reject.kind != "row")
    return Found(lost[0].row, lost[0], tuple(lost[1:]))


def _rejects_of(frame: pl.DataFrame) -> list[Rejected]:
    heads = frame.select("rejected_by", "reason", "kind", "shard", "raw").iter_rows(named=True)
    return [Rejected(row=row, **head) for row, head in zip(from_frame(frame), heads, strict=True)]


def _refuse_published(draft: Draft) -> None:
    if draft.target.exists():
        raise DatasetError(
            f"{draft.target}: version {draft.version} of {draft.dataset!r} is already published;"
            " a version never changes, publish the next one"
        )


def _version(root: Path, name: str, number: int) -> Dataset:
    published = versions(root, name)
    if number in published or not published:
        return read_dataset(root / name / f"v{number}") if published else latest(root, name)
    raise DatasetError(f"dataset {name!r} has no version {number}; it has {', '.join(map(str, published))}")


def _scan(dataset: Dataset, shards: list[ShardFile], schema: pa.Schema) -> pl.LazyFrame:
    if not shards:
        return pl.LazyFrame(schema=polars_schema(schema))
    paths = [dataset.folder / shard.path for shard in shards]
    if missing := next((path for path in paths if not path.is_file()), None):
        raise DatasetError(f"{missing}: the manifest lists this file and it is not there; restore it")
    return pl.scan_parquet(paths)


def _problem(folder: Path, shard: ShardFile) -> str | None:
    path = folder / shard.path
    if not path.is_file():
        return f"{shard.path}: missing"
    if path.stat().st_size != shard.bytes:
        return f"{shard.path}: {path.stat().st_size} bytes, the manifest says {shard.bytes}"
    if (digest := sha256_of(path)) != shard.sha256:
        return f"{shard.path}: sha256 is {digest}, the manifest says {shard.sha256}"
    rows = pl.scan_parquet(path).select(pl.len()).collect().item()
    return None if rows == shard.rows else f"{shard.path}: {rows} rows, the manifest says {shard.rows}"


def _languages(folder: Path, manifest: Manifest) -> list[str]:
    """The languages of the rows, the most frequent first."""
    if not manifest.files:
        return []
    counts = (
        pl.scan_parquet([folder / shard.path for shard in manifest.files])
        .group_by("language").len()
        .sort("len", "language", descending=[True, False])
        .collect()
    )  # fmt: skip
    return counts["language"].drop_nulls().to_list()
