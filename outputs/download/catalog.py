"""What there is: datasets, their versions, and the files that a version's manifest lists."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Protocol

from pydantic import ValidationError

from outputs.download.local import Missing
from outputs.download.paths import is_name, is_shard
from schemas.manifest import Manifest, ShardFile
from schemas.row import SCHEMA_VERSION

_PARSED = 64
"""Manifests that are kept as read, at most: each can be as long as its dataset has shards."""

_LONGEST = 2**63
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Store(Protocol):
    """Where versions lie."""

    def names(self) -> list[str]:
        """The datasets, in order."""
        ...

    def numbers(self, name: str) -> list[int]:
        """The versions of a dataset, and perhaps some that are not whole: those have no manifest."""
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
        return {shard.path: shard for shard in listed if _is_possible(shard)}

    @property
    def bytes(self) -> int:
        """Of all shards together."""
        return sum(shard.bytes for shard in self.shards.values())


def _is_possible(shard: ShardFile) -> bool:
    good = is_shard(shard.path) and _SHA256.fullmatch(shard.sha256) is not None
    return good and 0 <= shard.bytes < _LONGEST and 0 <= shard.rows < _LONGEST


class Catalog:
    """The versions of a store. One whose manifest cannot be read is not shown."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def newest_of_each(self, limit: int) -> dict[str, list[Version]]:
        """The datasets that have a version, in order, each with its newest ``limit`` versions."""
        found = {name: list(islice(self._versions(name), limit)) for name in self._store.names()}
        return {name: versions for name, versions in found.items() if versions}

    def newest(self, name: str, limit: int | None = None) -> list[Version]:
        """The versions of a dataset, the newest first, at most ``limit``.

        Raises:
            Missing: there is no such dataset.
        """
        versions = list(islice(self._versions(name), limit)) if is_name(name) else []
        if not versions:
            raise Missing("there is no such dataset")
        return versions

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

    def _versions(self, name: str) -> Iterator[Version]:
        """The newest first; no more is read than is taken."""
        for number in sorted(self._store.numbers(name), reverse=True):
            with suppress(Missing):
                yield self.version(name, number)


@lru_cache(maxsize=_PARSED)
def _parsed(content: bytes) -> Manifest | None:
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError:
        return None
    return manifest if manifest.schema_version <= SCHEMA_VERSION else None
