"""What may be asked for: a version's data and rejects, its documents, its archives; and nothing else.

Every path that reaches a disk has passed ``parse`` or ``is_shard``. They name what is allowed, so that nothing has to
be thought of that is not: ``..``, encoded or not, backslashes, hidden names, other alphabets' digits.
"""

import re
from dataclasses import dataclass, replace
from urllib.parse import quote

MANIFEST, CARD, REPORT = "manifest.json", "README.md", "report.html"
DOCUMENTS = (CARD, REPORT, MANIFEST)
"""What a version may hold besides its shards, in the order of an archive: the manifest is last there too."""
ARCHIVES = ("zip", "tar")
LATEST = "latest"

NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
"""A dataset's, as recipes have it."""
NUMBER = r"[1-9][0-9]{0,8}"
SHARD = r"(?:data|rejects)/[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.parquet"

_PLACE = re.compile(
    rf"(?P<name>{NAME})(?:/(?:v(?P<number>{NUMBER})|{LATEST})(?:\.(?P<archive>zip|tar)|/(?P<path>[^/].*))?)?/?"
)
_SHARD = re.compile(SHARD)
_NAME = re.compile(NAME)
_VERSION = re.compile(rf"v({NUMBER})")


@dataclass(frozen=True, slots=True)
class Place:
    """What a path below ``/datasets/`` means."""

    name: str
    number: int | None = None
    """The version; ``None`` with ``latest``, or where the dataset itself is meant."""
    latest: bool = False
    path: str = ""
    """Of a file of the version; empty for the version itself."""
    archive: str = ""
    """zip or tar: the whole version in one file."""

    def at(self, number: int) -> "Place":
        """The same in a version."""
        return replace(self, number=number, latest=False)

    @property
    def url(self) -> str:
        """Its path on a server."""
        version = LATEST if self.latest else f"v{self.number}"
        parts = ["/datasets", self.name]
        if self.latest or self.number is not None:
            parts.append(f"{version}.{self.archive}" if self.archive else version)
        return quote("/".join([*parts, self.path] if self.path else parts))


def parse(path: str) -> Place | None:
    """The meaning of a decoded path below ``/datasets/``; ``None`` if it has none."""
    match = _PLACE.fullmatch(path)
    if match is None:
        return None
    below, number = match["path"] or "", match["number"]
    if below and not is_file(below):
        return None
    at = path.removeprefix(match["name"])
    return Place(
        match["name"], int(number) if number else None, at.startswith(f"/{LATEST}"), below, match["archive"] or ""
    )


def is_file(path: str) -> bool:
    """Whether a version may hold a file of this relative path."""
    return path in DOCUMENTS or is_shard(path)


def is_shard(path: str) -> bool:
    """Whether a manifest may list this path."""
    return _SHARD.fullmatch(path) is not None


def is_name(name: str) -> bool:
    """Whether a dataset may be named so."""
    return _NAME.fullmatch(name) is not None


def version_number(folder: str) -> int | None:
    """7 for ``v7``; ``None`` for everything that is no version's folder."""
    match = _VERSION.fullmatch(folder)
    return int(match[1]) if match else None


def url_of(server: str, name: str, number: int, path: str = "", archive: str = "") -> str:
    """The URL of a version, of a file of it or of an archive, on the server with the address ``server``."""
    return server.rstrip("/") + Place(name, number, path=path, archive=archive).url
