"""An index that knows all rows that a dataset holds, without judging them again: saved beside the run, or made anew.

What an index is made of are the signatures of the published shards, which are kept below the run directory by the
shard's digest. An index made of them is saved, too, so that it is there at once when the next run begins: whoever
opens it reads only the parts that it needs. A saved index that is stale, damaged or of another version is not used;
one that lacks the newest versions is used beside them, and made anew when they are many.
"""

import json
import logging
import os
import shutil
import sys
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from flows.earlier import Earlier
from flows.stages import Stage, index_version, own_digest
from flows.store import ShardFolder
from schemas.errors import CorruptRun
from schemas.stage import Index

_HEAD = "index.json"
_MANY = 0.25
"""Rows beside a saved index, as a share of its own, from which on it is made anew."""


@dataclass(frozen=True)
class _Saved:
    """A saved index, and the digests of the shards whose rows it holds."""

    folder: Path
    files: list[str]


def open_knowing(stage: Stage, store: Path, earlier: Earlier) -> Index:
    """The index of ``stage``, knowing all ``earlier`` rows; ``store`` is the dataset's run directory.

    Raises:
        DatasetError: an earlier version cannot be read.
        RecipeError: what the filter needs cannot be loaded.
    """
    root = store / "indexes" / f"{stage.use}-{own_digest(stage)[:12]}"
    files = {shard.sha256: shard.rows for dataset in earlier.datasets for shard in dataset.manifest.files}
    saved = _usable(root, stage, list(files))
    if saved is not None:
        known = sum(files[name] for name in saved.files)
        opened = _opened(stage, saved.folder)
        if opened is not None and sum(files.values()) - known <= _MANY * known:
            _feed(opened, stage, store, earlier, set(saved.files))
            return opened
    index: Index = _module(stage).open_index(stage.config)
    _feed(index, stage, store, earlier, set())
    if files and _save(index, root, stage, list(files)):
        return _opened(stage, root / _name(list(files))) or index
    return index


def _module(stage: Stage) -> Any:
    return stage.module


def _opened(stage: Stage, folder: Path) -> Index | None:
    try:
        index: Index = _module(stage).open_index(stage.config, folder)
    except (OSError, ValueError, KeyError, EOFError, CorruptRun) as error:
        logging.getLogger(__name__).warning("%s is damaged (%s); the index is made anew", folder, error)
        return None
    return index


def _usable(root: Path, stage: Stage, files: list[str]) -> _Saved | None:
    """The saved index with the most of these files, from the first on."""
    found = []
    for head in root.glob(f"*/{_HEAD}"):
        try:
            data = json.loads(head.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if data.get("made_by") == _made_by(stage) and data["files"] == files[: len(data["files"])]:
            found.append(_Saved(head.parent, data["files"]))
    return max(found, key=lambda saved: len(saved.files), default=None)


def _made_by(stage: Stage) -> dict[str, Any]:
    """What must be the same for saved arrays to mean the same."""
    return {"index": index_version(stage), "unicode": unicodedata.unidata_version, "order": sys.byteorder}


def _feed(index: Index, stage: Stage, store: Path, earlier: Earlier, known: set[str]) -> None:
    """Let ``index`` know the rows of all files but the ``known`` ones. Each row is signed once, whoever asks."""
    for sha256, frame in earlier.frames(known):
        folder = ShardFolder(store / "earlier" / f"{stage.use}-{own_digest(stage)[:12]}" / sha256[:24])
        signatures = folder.signatures()
        if signatures is None:
            signatures = index.sign(frame)
            folder.save_signatures(signatures)
        index.add(frame, signatures)


def _save(index: Index, root: Path, stage: Stage, files: list[str]) -> bool:
    """Save the index, whole or not at all, and drop those before it."""
    draft = root / f"draft-{uuid4().hex[:8]}"
    draft.mkdir(parents=True)
    try:
        if not index.save(draft):
            return False
        head = {"made_by": _made_by(stage), "files": files}
        (draft / _HEAD).write_text(json.dumps(head), encoding="utf-8")
        _sync(draft)
        target = root / _name(files)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        for other in root.iterdir():
            if other not in (target, draft):
                shutil.rmtree(other, ignore_errors=True)
        return True
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        with suppress(OSError):  # it stays unless it is empty
            root.rmdir()


def _sync(folder: Path) -> None:
    """Have the files on the disk before the folder gets its name: a head that is there vouches for them."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _name(files: list[str]) -> str:
    return f"{len(files):05d}-{files[-1][:12]}"
