"""Files that are whole or not there: written under another name, synced, renamed.

A reader, or a run after ``kill -9`` or a power cut, sees the old file or the new one, never half of one. What a
killed writer leaves is a hidden ``.<name>.<token>.part.<suffix>`` beside it, which nothing reads.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

_HASH_CHUNK = 1 << 20


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file in ``path``'s folder, then put it in place in one durable step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays at the end: numpy and others add their own to a name without it.
    part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        write(part)
        sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, atomically and with ``\\n`` line ends on every system."""
    write_atomically(path, lambda part: part.write_bytes(text.encode("utf-8")))


def write_json(path: Path, value: BaseModel | dict[str, Any] | list[Any]) -> None:
    """Write a model or plain data as indented JSON, atomically; the same value gives the same bytes."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    write_text(path, json.dumps(plain, indent=2, ensure_ascii=False) + "\n")


def write_parquet(path: Path, table: pl.DataFrame | pa.Table) -> None:
    """Write a table atomically; for a dataset's shards see ``outputs.parquet``, which also fixes the bytes."""
    if isinstance(table, pl.DataFrame):
        write_atomically(path, lambda part: table.write_parquet(part))
    else:
        write_atomically(path, lambda part: pq.write_table(table, part, compression="zstd"))


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal; constant memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
