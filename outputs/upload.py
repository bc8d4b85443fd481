"""A published version copied to another folder, or to a store such as S3: beside ``datasets/`` of this machine.

The manifest comes last, and a folder of this machine gets its name last, so whoever reads there sees the whole version
or none. What is copied to ``url`` can be served with ``instructloom serve --root url``.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import fsspec

from outputs.dataset import CARD, MANIFEST, Dataset
from outputs.files import sync
from schemas.errors import RunFailed

REPORT = "report.html"
_AT_ONCE = 8


def copy_version(dataset: Dataset, url: str) -> str:
    """Copy a version to ``<url>/datasets/<name>/v<n>``, and say that place. ``url``: a folder, or any fsspec URL.

    What is there already is left as it is.

    Raises:
        RunFailed: the place cannot be written to, or another version has that number there.
    """
    manifest = dataset.manifest
    scheme, sign, rest = url.rpartition("://")
    place = f"{scheme}{sign}{rest.rstrip('/')}/datasets/{manifest.dataset}/v{manifest.version}"
    try:
        fs, path = fsspec.core.url_to_fs(place)
        if not _is_there(fs, path, dataset, place):
            _copy(fs, path, dataset)
    except RunFailed:
        raise
    except Exception as error:
        # Every store has errors of its own.
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise RunFailed(
            f"{dataset.label} is published in {dataset.folder} but could not be copied to {place} ({said}); mend"
            " output.copy_to or that place, and run the same command again"
        ) from error
    return place


def _is_there(fs: Any, path: str, dataset: Dataset, place: str) -> bool:
    """Whether it was copied before. Raises ``RunFailed`` if something else was."""
    try:
        there = json.loads(fs.cat_file(f"{path}/{MANIFEST}"))
    except FileNotFoundError:
        return False
    if there != json.loads((dataset.folder / MANIFEST).read_bytes()):
        raise RunFailed(
            f"{place} is another version of that number; a version never changes: give output.copy_to a place of its"
            " own, or remove that one"
        )
    return True


def _copy(fs: Any, path: str, dataset: Dataset) -> None:
    if "file" in _protocols(fs):
        _copy_here(Path(path), dataset)
        return
    names = _names(dataset)
    sources, targets = [str(dataset.folder / name) for name in names], [f"{path}/{name}" for name in names]
    if not fs.async_impl:
        # Those that are have no folders, and some would make a bucket for a name that was mistyped.
        for folder in {target.rpartition("/")[0] for target in targets}:
            fs.makedirs(folder, exist_ok=True)
    for at in range(0, len(names), _AT_ONCE):
        # fsspec sends those of one call at once, where a store can; more of them would fill the memory.
        fs.put(sources[at : at + _AT_ONCE], targets[at : at + _AT_ONCE])
    for source, target in zip(sources, targets, strict=True):
        _check(fs.info(target)["size"], Path(source).stat().st_size, target)
    # A store has an object whole or not at all; where files grow, the last step is another name.
    last, growing = f"{path}/{MANIFEST}", f"{path}/.{MANIFEST}.part"
    fs.put_file(str(dataset.folder / MANIFEST), growing)
    _check(fs.info(growing)["size"], (dataset.folder / MANIFEST).stat().st_size, growing)
    fs.mv(growing, last)


def _copy_here(folder: Path, dataset: Dataset) -> None:
    """To a folder of this machine, under a hidden name that is given up in one rename."""
    draft = folder.with_name(f".{folder.name}.partial")
    if draft.exists():
        shutil.rmtree(draft)
    for name in [*_names(dataset), MANIFEST]:
        target = draft / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(dataset.folder / name, target)
        sync(target)
        _check(target.stat().st_size, (dataset.folder / name).stat().st_size, str(target))
    for inner in {(draft / name).parent for name in _names(dataset)}:
        sync(inner)
    draft.rename(folder)
    sync(folder.parent)


def _names(dataset: Dataset) -> list[str]:
    """The files besides the manifest, relative to the version's folder."""
    shards = [shard.path for shard in [*dataset.manifest.files, *dataset.manifest.rejects]]
    return [*shards, *(name for name in (CARD, REPORT) if (dataset.folder / name).is_file())]


def _check(found: int, wanted: int, target: str) -> None:
    if found != wanted:
        raise OSError(f"{target} has {found} bytes there, and {wanted} here")


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
