"""Rows of the house from batches of records: with an id, a source and a language, and a reject for each bad record.

Foreign records go through ``record_columns.py``, or, one by one, through ``seed_formats.py``; the rows of a dataset of
ours stay as they are, ids and all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import polars as pl

from generators.record_batches import Batch, Table
from generators.record_columns import LABELS, OWN, SEED, Shape, read_columns
from generators.seed_formats import BadRecord, Seed, read_record
from generators.seeds import is_unicode
from schemas.language import detect_all
from schemas.manifest import StageCounts
from schemas.reject import REJECT_SCHEMA
from schemas.row import ROW_SCHEMA, polars_schema

STAGE = "input"
"""The stage that reads; the ``stage`` of rows that no other program of ours made."""
RAW_SHOWN = 4_000
"""Characters of a bad record that its reject holds."""
_ROW, _REJECT = polars_schema(), polars_schema(REJECT_SCHEMA)
_ID_BYTES = 12
_CODE = r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*$"
"""What a language is called; a file that says ``English`` says nothing that a filter knows."""
_BIRTH = ["source", "instruction", "input", "response"]
"""What an id is the hash of; the source alone tells rows apart, the rest tells that a file was edited."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one batch gave."""

    rows: pl.DataFrame
    """Of ``ROW_SCHEMA``, in the order of the records."""
    rejects: pl.DataFrame
    """Of ``REJECT_SCHEMA``: a bad record each."""
    counts: StageCounts


@dataclass(frozen=True, slots=True)
class _Bad:
    place: int
    reason: str


def take_rows(
    batch: Batch, shape: Shape, source: str, language: str | None, shard: int, repeated: frozenset[int] = frozenset()
) -> Taken:
    """The rows of ``batch``, of the file called ``source``.

    ``language``: of all rows; None: what their column ``language`` says, else the instruction's script. ``repeated``:
    numbers of rows of ours whose ids an earlier row has: they get ids of their own.
    """
    if shape.layout == OWN:
        rows, bad = _own(cast(Table, batch), source, language, repeated), list[_Bad]()
        records = rows.height
    else:
        seeds, bad = _seeds(batch, shape)
        rows, records = _rows(seeds, batch.numbers, source, language), seeds["place"].n_unique()
    counts = StageCounts(
        stage=STAGE, use=STAGE, kind=STAGE, rows_in=len(batch), rejected=len(bad), rows_out=rows.height
    )
    counts.created = rows.height - records
    counts.passed = records
    for each in bad:
        counts.reasons[each.reason] = counts.reasons.get(each.reason, 0) + 1
    return Taken(rows, _rejects(bad, batch, source, shard), counts)


def _own(batch: Table, source: str, language: str | None, repeated: frozenset[int]) -> pl.DataFrame:
    """The rows of a dataset of ours, as they are."""
    rows = cast(pl.DataFrame, pl.from_arrow(batch.rows.select(ROW_SCHEMA.names).cast(ROW_SCHEMA)))
    if language is not None:
        rows = rows.with_columns(language=pl.lit(language))
    again = [place for place, number in enumerate(batch.numbers) if number in repeated] if repeated else []
    if again:
        ids = [_id(f"{source}:{batch.numbers[place]}\0{rows['id'][place]}") for place in again]
        rows = rows.with_columns(id=rows["id"].scatter(again, ids))
    return rows


def _seeds(batch: Batch, shape: Shape) -> tuple[pl.DataFrame, list[_Bad]]:
    """``SEED`` and ``LABELS`` behind ``place`` and ``instance``; and the records that give no row."""
    columns = batch.columns(shape.fields)
    read = read_columns(shape, columns.frame)
    places = columns.places[read.places]
    found = read.frame.select(
        pl.Series("place", places, pl.Int64), pl.lit(1, pl.Int64).alias("instance"), *SEED, *_OTHER_LABELS
    )
    left = np.ones(len(batch), dtype=bool)
    left[places] = False
    singles: list[dict[str, Any]] = []
    bad: list[_Bad] = []
    for place in np.flatnonzero(left).tolist():
        try:
            singles += _one_by_one(batch.record(place), shape, place)
        except BadRecord as reason:
            bad.append(_Bad(place, str(reason)))
    if singles:
        found = pl.concat([found, pl.DataFrame(singles, schema=found.schema)]).sort("place", "instance")
    return found, bad


_OTHER_LABELS = [name for name in LABELS if name not in SEED]


def _one_by_one(record: object, shape: Shape, place: int) -> list[dict[str, Any]]:
    """The seeds of one record, as ``seed_formats.py`` reads it.

    Raises:
        BadRecord: there is none in it.
    """
    if isinstance(record, BadRecord):
        raise record
    if not isinstance(record, Mapping):
        raise BadRecord("not_an_object")
    fields = shape.named(record)
    seeds = read_record(fields, shape.layout)
    labels = {name: value for name in LABELS if isinstance(value := fields.get(name), str)}
    if not all(map(is_unicode, [*seeds, Seed("".join(labels.values()))])):
        raise BadRecord("broken_unicode")
    return [_plain(seed, labels, place, instance) for instance, seed in enumerate(seeds, start=1)]


def _plain(seed: Seed, labels: Mapping[str, str], place: int, instance: int) -> dict[str, Any]:
    values = dict.fromkeys(_OTHER_LABELS) | asdict(seed)
    values["turns"] = [asdict(turn) for turn in seed.turns]
    return values | {name: value for name, value in labels.items() if values[name] is None} | {
        "place": place, "instance": instance
    }  # fmt: skip


def _rows(seeds: pl.DataFrame, numbers: Sequence[int], source: str, language: str | None) -> pl.DataFrame:
    lines = pl.Series(np.asarray(numbers, dtype=np.int64)).gather(seeds["place"])
    stated = seeds["language"].str.strip_chars()
    if language is not None:
        languages = pl.Series([language]).new_from_index(0, seeds.height)
    else:
        unlabelled = ~stated.str.contains(_CODE).fill_null(False)
        languages = stated.scatter(unlabelled.arg_true(), detect_all(seeds["instruction"].filter(unlabelled)))
    several = pl.when(pl.col("instance") > 1).then(pl.format(".{}", "instance")).otherwise(pl.lit(""))
    named = seeds.with_columns(
        language=languages,
        stage=pl.lit(STAGE),
        depth=pl.lit(0, pl.Int64),
        parents=pl.lit([], pl.List(pl.String)),
        scores=pl.lit([], _ROW["scores"]),
        source=pl.concat_str(pl.lit(f"{source}:"), lines, several),
    )
    births = named.select(pl.concat_str(_BIRTH, separator="\0")).to_series()
    named = named.with_columns(id=pl.Series([_id(birth) for birth in births], dtype=pl.String))
    return _complete(named, _ROW)


def _id(birth: str) -> str:
    return blake2b(birth.encode(), digest_size=_ID_BYTES).hexdigest()


def _complete(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The columns of ``schema``, null where there are none."""
    there = frame.columns
    return frame.select(
        pl.col(name).cast(dtype) if name in there else pl.lit(None, dtype).alias(name) for name, dtype in schema.items()
    )


def _rejects(bad: Sequence[_Bad], batch: Batch, source: str, shard: int) -> pl.DataFrame:
    if not bad:
        return pl.DataFrame(schema=_REJECT)
    sources = [f"{source}:{batch.numbers[each.place]}" for each in bad]
    raw = [batch.text(each.place)[:RAW_SHOWN].encode("utf-8", "replace").decode() for each in bad]
    head = pl.DataFrame(
        {
            "reason": [each.reason for each in bad],
            "raw": raw,
            "source": sources,
            "id": [_id(f"{source}\0{text}") for source, text in zip(sources, raw, strict=True)],
        },
        schema=dict.fromkeys(["reason", "raw", "source", "id"], pl.String),
    )
    filled = head.with_columns(
        rejected_by=pl.lit(STAGE), kind=pl.lit("row"), shard=pl.lit(shard, pl.Int64), stage=pl.lit(STAGE),
        instruction=pl.lit(""), input=pl.lit(""), response=pl.lit(""), language=pl.lit("en"), depth=pl.lit(0, pl.Int64),
        parents=pl.lit([], pl.List(pl.String)), turns=pl.lit([], _ROW["turns"]),
        scores=pl.lit([], _ROW["scores"]),
    )  # fmt: skip
    return _complete(filled, _REJECT)
