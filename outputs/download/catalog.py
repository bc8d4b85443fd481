"""What there is: datasets, their versions, and the files that a version's manifest lists."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

from pydantic import ValidationError

from outputs.download.local import Missing
from outputs.download.paths import is_name, is_shard
from schemas.manifest import Manifest, ShardFile
from schemas.row import SCHEMA_VERSION

_PARSED = 64
"""Manifests that are kept as read, at most: each can be as long as its dataset has shards."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Store(Protocol):
    """Where versions lie."""

    def names(self) -> list[str]:
        """The datasets, in order."""
        ...

    def numbers(self, name: str) -> list[int]:
        """The published versions of a dataset, in order."""
        ...

    def manifest(self, name: str, number: int) -> bytes:
        """The manifest of a version. Raises ``Missing``."""
        ...

    def documents(self, name: str, number: int) -> list[str]:
        """Which of ``paths.DOCUMENTS`` a version has, in that order."""
        ...


@dataclass(frozen=True)
class Version:
    """One published version, as its manifest has it."""

    name: str
    number: int
    manifest: Manifest
    documents: tuple[str, ...]

    @cached_property
    def shards(self) -> dict[str, ShardFile]:
        """By path, in order; only what a version may hold, whatever the manifest says."""
        listed = [*self.manifest.files, *self.manifest.rejects]
        return {shard.path: shard for shard in listed if is_shard(shard.path) and _SHA256.fullmatch(shard.sha256)}

    @property
    def bytes(self) -> int:
        """Of all shards together."""
        return sum(shard.bytes for shard in self.shards.values())


class Catalog:
    """The versions of a store. Versions whose manifest cannot be read are not shown."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self) -> list[str]:
        """The datasets that have a version, in order."""
        return [name for name in self._store.names() if self._store.numbers(name)]

    def latest(self, name: str) -> int:
        """The number of the newest version.

        Raises:
            Missing: there is no such dataset.
        """
        return self._numbers(name)[-1]

    def newest(self, name: str, limit: int | None = None) -> list[Version]:
        """The versions of a dataset, the newest first, at most ``limit``.

        Raises:
            Missing: there is no such dataset.
        """
        return list(self._readable(name, self._numbers(name)[::-1][:limit]))

    def count(self, name: str) -> int:
        """How many versions a dataset has."""
        return len(self._store.numbers(name))

    def version(self, name: str, number: int) -> Version:
        """One version.

        Raises:
            Missing: it is not there, or its manifest cannot be read.
        """
        try:
            content = self._store.manifest(name, number)
        except Missing:
            raise Missing(f"there is no version {number} of {name}") from None
        manifest = _parsed(content)
        if manifest is None:
            raise Missing(f"the manifest of {name}@{number} cannot be read")
        return Version(name, number, manifest, tuple(self._store.documents(name, number)))

    def _numbers(self, name: str) -> list[int]:
        numbers = self._store.numbers(name) if is_name(name) else []
        if not numbers:
            raise Missing("there is no such dataset")
        return numbers

    def _readable(self, name: str, numbers: list[int]) -> Iterator[Version]:
        for number in numbers:
            try:
                yield self.version(name, number)
            except Missing:
                continue


@lru_cache(maxsize=_PARSED)
def _parsed(content: bytes) -> Manifest | None:
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError:
        return None
    return manifest if manifest.schema_version <= SCHEMA_VERSION else None
