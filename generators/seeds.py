"""Seed tasks from files: found, opened, cut into records, read into rows, counted.

Sources are local files and folders, any fsspec URL, and ``builtin:en`` / ``builtin:zh``. What a file is, is told
from its content: compression, Parquet, JSON, JSON lines or CSV here, the layout of a record in
``generators/seed_formats.py``. An unusable *file* stops the run with a ``SeedError``; an unusable *record* among good
ones is counted by reason. JSON lines and CSV are read line by line; a JSON document and a Parquet file as a whole.
"""

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from lzma import LZMAError
from typing import Any

from generators.seed_files import Record, Source, find_sources, open_records
from generators.seed_formats import EXPECTED, LAYOUTS, BadRecord, Seed, layout_of, lower, read_record
from schemas.errors import SeedError
from schemas.language import detect
from schemas.manifest import SeedReport
from schemas.recipe import Seeds
from schemas.row import Row, new_row

_FIELDS_SHOWN = 12


def read_seeds(seeds: Seeds, *, override: str | list[str] | None = None) -> tuple[list[Row], list[SeedReport]]:
    """Every seed of every source, in order, and a report for each file.

    ``override`` takes the place of the recipe's ``path`` and, since another file may be of another format, ``format``.
    Exact duplicates, across files too, are dropped and counted as ``duplicate``.

    Raises:
        SeedError: a source is missing, unreadable, or holds no usable record.
    """
    if override is not None:
        seeds = seeds.model_copy(update={"path": override, "format": "auto"})
    rows: list[Row] = []
    reports: list[SeedReport] = []
    seen: set[bytes] = set()
    for source in find_sources(seeds.paths):
        if seeds.limit is not None and len(rows) >= seeds.limit:
            break
        reading = _Reading(source, seeds, None if seeds.limit is None else seeds.limit - len(rows), seen)
        rows += reading.read()
        reports.append(reading.report())
    return rows, reports


@dataclass
class _Reading:
    """One file on its way into rows."""

    source: Source
    seeds: Seeds
    limit: int | None
    seen: set[bytes]
    """Digests of all seeds so far, of other files too."""
    rows: list[Row] = field(default_factory=list)
    bad: Counter[str] = field(default_factory=Counter)
    fields: dict[str, None] = field(default_factory=dict)
    """Field names met, in order."""
    layout: str | None = None
    container: str = ""

    def read(self) -> list[Row]:
        """The rows of the file."""
        self.layout = self.seeds.format if self.seeds.format in LAYOUTS else None
        try:
            with self.source.open() as file:
                self.container, records = open_records(file, self.source.shown, self.seeds.format)
                self._read_all(records)
        except (OSError, EOFError, zlib.error, LZMAError) as error:
            raise SeedError(
                f"{self.source.shown}: cannot be read to its end ({type(error).__name__}: {error}); get the file again"
            ) from error
        if not self.rows and not self.bad["duplicate"]:
            raise SeedError(self._no_seed())
        return self.rows

    def report(self) -> SeedReport:
        """What was read."""
        return SeedReport(
            path=self.source.shown,
            format=self.container if self.container in ("csv", "parquet") else self.layout or "",
            rows=len(self.rows),
            bad_lines=dict(sorted(self.bad.items())),
            sha256=self.source.sha256(),
        )

    def _read_all(self, records: Iterator[Record]) -> None:
        for number, record in records:
            try:
                found = self._seeds_in(record)
            except BadRecord as bad:
                self.bad[str(bad)] += 1
                continue
            for instance, seed in enumerate(found, start=1):
                self._add(seed, f"{number}" if instance == 1 else f"{number}.{instance}")
                if self.limit is not None and len(self.rows) == self.limit:
                    return

    def _seeds_in(self, record: object) -> list[Seed]:
        if isinstance(record, BadRecord):
            raise record
        if not isinstance(record, Mapping):
            raise BadRecord("not_an_object")
        fields = lower(record)
        if len(self.fields) < _FIELDS_SHOWN:
            self.fields.update(dict.fromkeys(fields))
        self.layout = self.layout or layout_of(fields)
        if self.layout is None:
            raise BadRecord("missing_instruction")
        seeds = read_record(fields, self.layout)
        if not all(map(is_unicode, seeds)):
            raise BadRecord("broken_unicode")
        return seeds

    def _add(self, seed: Seed, number: str) -> None:
        digest = hashlib.blake2b(repr(seed).encode(), digest_size=16).digest()
        if digest in self.seen:
            self.bad["duplicate"] += 1
            return
        self.seen.add(digest)
        self.rows.append(_row(seed, f"{self.source.name}:{number}", self.seeds.language))

    def _no_seed(self) -> str:
        bad = ", ".join(f"{count} × {reason}" for reason, count in self.bad.most_common())
        if not bad:
            return f"{self.source.shown}: holds no record; give a file with at least one seed task"
        found = f"found the fields {', '.join(list(self.fields)[:_FIELDS_SHOWN])}" if self.fields else "found no fields"
        return f"{self.source.shown}: no record can be used ({bad}); {found}; expected {EXPECTED}"


def _row(seed: Seed, source: str, language: str) -> Row:
    values: dict[str, Any] = {name: getattr(seed, name) for name in Seed.__slots__ if name != "instruction"}
    if language == "auto":
        # The instruction is in the asker's language; an input to translate is not.
        language = detect(seed.instruction)
    return new_row(seed.instruction, stage="seed", source=source, language=language, **values)


def is_unicode(seed: Seed) -> bool:
    r"""Whether all text can be stored: JSON may escape half a surrogate pair, ``"\ud83d"``."""
    texts = [seed.instruction, seed.input, seed.response, seed.answer or "", seed.system or ""]
    try:
        "".join(texts + [turn.content for turn in seed.turns]).encode()
    except UnicodeEncodeError:
        return False
    return True
