"""What there is, as pages for people: no script, readable in light and dark and on a phone."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from outputs.download.catalog import Catalog, Version
from outputs.download.paths import CARD, DOCUMENTS, MANIFEST, REPORT, Place, url_of
from schemas.manifest import ShardFile

RECENT = 5
"""Versions of a dataset on the first page."""
_SHOWN_DIGITS = 12
_WORDS = {REPORT: "report", CARD: "card", MANIFEST: "manifest"}

STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --soft: #57606a; --line: #d8dee4; --back: #ffffff; --link: #0b57d0;
  --good: #1a7f37; --short: #9a6700; --code: #f2f4f7; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ee; --soft: #9aa4b2; --line: #333a45; --back: #14171c;
  --link: #8ab4f8; --good: #56d27a; --short: #e3b341; --code: #1f242c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: .5rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
a { color: var(--link); }
p { margin: .5rem 0; }
nav, .soft { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
.number { text-align: right; }
.good { color: var(--good); }
.short { color: var(--short); }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
pre { background: var(--code); padding: .75rem 1rem; border-radius: .375rem; overflow-x: auto; }
"""
_STYLE_SUM = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_SUM}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def index(catalog: Catalog, archives: Sequence[str]) -> str:
    """The first page: every dataset with its newest versions."""
    parts = [_dataset(name, found, archives) for name, found in catalog.newest_of_each(RECENT + 1).items()]
    none = '<p class="soft">There are none yet. A run that ends publishes one.</p>'
    return _page("Datasets", "<h1>Datasets</h1>", *(parts or [none]))


def dataset(catalog: Catalog, name: str, archives: Sequence[str]) -> str:
    """All versions of a dataset.

    Raises:
        Missing: there is no such dataset.
    """
    head = f'<nav><a href="/">Datasets</a></nav><h1>{escape(name)}</h1>'
    return _page(name, head, _versions(catalog.newest(name), archives))


def version(found: Version, archives: Sequence[str], server: str) -> str:
    """A version with its files, and how to load it from ``server``."""
    manifest, name = found.manifest, found.name
    title = f"{name}, version {found.number}"
    head = (
        f'<nav><a href="/">Datasets</a> / <a href="{Place(name).url}">{escape(name)}</a></nav><h1>{escape(title)}</h1>'
        f"<p>{manifest.rows:,} rows, {_state(found)}. {size(found.bytes)} in {len(found.shards):,} files."
        f"{_made(manifest.finished)}</p><p>{_links(found, archives)}</p>"
    )
    return _page(
        title, head, "<h2>Load it</h2>", _how(found, server),
        "<h2>Rows</h2>", _shards(found, manifest.files),
        *(["<h2>Rejected rows</h2>", _shards(found, manifest.rejects)] if manifest.rejects else []),
    )  # fmt: skip


def size(count: int) -> str:
    """Bytes as people read them."""
    number, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 999.5:
            break
        number, unit = number / 1000, larger
    return f"{number:.0f} {unit}" if unit == "B" or number >= 99.5 else f"{number:.1f} {unit}"


def _dataset(name: str, found: Sequence[Version], archives: Sequence[str]) -> str:
    link = Place(name).url
    more = f'<p><a href="{link}">All versions</a></p>' if len(found) > RECENT else ""
    return f'<h2><a href="{link}">{escape(name)}</a></h2>{_versions(found[:RECENT], archives)}{more}'


def _versions(versions: Iterable[Version], archives: Sequence[str]) -> str:
    rows = [
        [
            f'<a href="{Place(found.name, found.number).url}">v{found.number}</a>', f"{found.manifest.rows:,}",
            _state(found), size(found.bytes), escape(found.manifest.finished[:10]), _links(found, archives),
        ]
        for found in versions
    ]  # fmt: skip
    return _table(["version", "rows", "state", "size", "made", ""], rows, numbers=(1, 3))


def _state(found: Version) -> str:
    manifest = found.manifest
    if manifest.complete:
        return '<span class="good">complete</span>'
    return f'<span class="short">of {manifest.rows_requested:,} wanted: {escape(manifest.stop_reason)}</span>'


def _links(found: Version, archives: Sequence[str]) -> str:
    documents = [document for document in DOCUMENTS if document in found.documents]
    links = [(_WORDS[document], Place(found.name, found.number, path=document)) for document in documents]
    links += [(kind, Place(found.name, found.number, archive=kind)) for kind in archives]
    return " · ".join(f'<a href="{place.url}">{word}</a>' for word, place in links)


def _shards(found: Version, shards: Sequence[ShardFile]) -> str:
    rows = [
        [
            f'<a href="{Place(found.name, found.number, path=shard.path).url}">{escape(shard.path)}</a>',
            f"{shard.rows:,}", size(shard.bytes),
            f'<code title="{shard.sha256}">{shard.sha256[:_SHOWN_DIGITS]}…</code>',
        ]
        for shard in shards
        if shard.path in found.shards
    ]  # fmt: skip
    return _table(["file", "rows", "size", "sha256"], rows, numbers=(1, 2))


def _how(found: Version, server: str) -> str:
    name = f"{found.name}@{found.number}"
    lines = [f"instructloom download {name} --from {server.rstrip('/')}"]
    files = [shard.path for shard in found.manifest.files if shard.path in found.shards]
    if files:
        lines.append(f'polars.read_parquet("{url_of(server, found.name, found.number, files[0])}")')
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def _made(finished: str) -> str:
    return f" Made {escape(finished.replace('T', ' '))}." if finished else ""


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int]) -> str:
    kinds = [' class="number"' if place in numbers else "" for place in range(len(headers))]
    head = "".join(f"<th{kind}>{header}</th>" for header, kind in zip(headers, kinds, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell}</td>' for cell, kind in zip(row, kinds, strict=True))}</tr>" for row in rows
    )
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _page(title: str, *parts: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – instructloom</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )
