"""What there is, as JSON."""

from collections.abc import Sequence
from typing import Any

from outputs.download.catalog import Catalog, Version
from outputs.download.paths import url_of
from schemas.manifest import ShardFile


def datasets(catalog: Catalog, server: str) -> dict[str, Any]:
    """All datasets, each with its newest readable version. ``server`` is the address that the URLs begin with."""
    found = catalog.newest_of_each(1)
    return {"datasets": [{"name": name, "latest": summary(newest[0], server)} for name, newest in found.items()]}


def dataset(catalog: Catalog, name: str, server: str) -> dict[str, Any]:
    """All versions of a dataset, the newest first.

    Raises:
        Missing: there is no such dataset.
    """
    return {"name": name, "versions": [summary(version, server) for version in catalog.newest(name)]}


def details(version: Version, archives: Sequence[str], server: str) -> dict[str, Any]:
    """A version with all its files."""
    name, number = version.name, version.number
    return summary(version, server) | {
        "files": _shards(version, version.manifest.files, server),
        "rejects": _shards(version, version.manifest.rejects, server),
        "documents": [
            {"path": document, "url": url_of(server, name, number, document)} for document in version.documents
        ],
        "archives": {kind: url_of(server, name, number, archive=kind) for kind in archives},
    }


def summary(version: Version, server: str) -> dict[str, Any]:
    """A version in a few numbers; ``bytes`` are those of all shards, rejects included."""
    manifest = version.manifest
    return {
        "dataset": version.name,
        "version": version.number,
        "rows": manifest.rows,
        "rows_requested": manifest.rows_requested,
        "complete": manifest.complete,
        "stop_reason": manifest.stop_reason,
        "bytes": version.bytes,
        "finished": manifest.finished,
        "url": url_of(server, version.name, version.number),
    }


def _shards(version: Version, shards: Sequence[ShardFile], server: str) -> list[dict[str, Any]]:
    return [
        shard.model_dump() | {"url": url_of(server, version.name, version.number, shard.path)}
        for shard in shards
        if shard.path in version.shards
    ]
