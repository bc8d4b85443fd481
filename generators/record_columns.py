"""The layouts of ``seed_formats.py`` over columns: what that reads from one record, read from thousands at once.

The rules stand there. Here is the same for records that are as they should be, which nearly all are: one that is not,
or that needs more than columns can say, is *left* for ``seed_formats.read_record``. So no record has two meanings, and
a test compares both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from generators.record_batches import Fields, Kind
from generators.seed_formats import CHATS, INPUT, OUTPUT, PROMPT, QUESTION, ROLES, SYSTEM, TASK, layout_of, lower
from schemas.row import ROW_SCHEMA

SPACE = "".join(map(chr, [*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)])) + (
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What ``str.strip`` takes for white space; polars by itself takes a little less."""
OWN = "instructloom"
"""The layout of a dataset of ours: its rows are taken as they are."""
PAIRS = {"alpaca": TASK, "question_answer": QUESTION, "prompt_completion": PROMPT, "text": PROMPT}
"""Layouts of one question and perhaps one answer, and the fields that may hold the question."""
LABELS = ("language", "topic", "subtopic", "task_type", "reasoning")
"""Fields of a row that a foreign file may have, or be mapped to, besides those of its layout."""
TARGETS = ("instruction", "input", "response", "answer", "system", "messages", *LABELS)
"""What ``--map`` can fill."""

SEED: dict[str, pl.DataType] = {
    "instruction": pl.String(),
    "input": pl.String(),
    "response": pl.String(),
    "answer": pl.String(),
    "system": pl.String(),
    "turns": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
    "task_type": pl.String(),
}
"""The columns of a frame of seeds; see ``seed_formats.Seed``."""

_RECORDS = {"self_instruct": [*TASK, "instances", "is_classification"]}
"""What is read by layouts of which no record can be columns."""
_GOLD = r"\n?[ \t]*####[ \t]*([^\n]+?)\s*\z"
"""``seed_formats.GOLD`` as polars has it."""
_ODD_SPACE = "[\x1c-\x1f]"
"""White space to Python, and not to polars."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the records of a file are read."""

    layout: str
    fields: Fields
    left_out: tuple[str, ...] = ()
    """Fields, as the file spells them, that nothing is read from."""
    renamed: Mapping[str, str] | None = None
    """By a field in lower case, the name under which it is read: ``--map``, the other way round."""

    def named(self, record: Mapping[Any, Any]) -> dict[str, Any]:
        """A record with the names that ``read_record`` knows."""
        fields = lower(record)
        if not self.renamed:
            return fields
        targets = set(self.renamed.values())
        kept = {name: value for name, value in fields.items() if name not in targets or name in self.renamed}
        return {self.renamed.get(name, name): value for name, value in kept.items()}


def shape_of(records: Sequence[object], mapping: Mapping[str, str], own: bool = False) -> Shape | None:
    """How to read the file that begins with ``records``; None if no layout knows them.

    ``mapping``: by a name of ``TARGETS``, the field that holds it, in lower case. ``own``: whether it may be a dataset
    of ours.
    """
    renamed = {field: target for target, field in mapping.items()}
    bare = Shape("", Fields({}, {}), (), renamed)
    dicts = [record for record in records if isinstance(record, Mapping)]
    named = [bare.named(record) for record in dicts]
    if own and named and set(ROW_SCHEMA.names) <= set(named[0]):
        return Shape(OWN, Fields({}, {}), tuple(sorted(set(named[0]) - {*ROW_SCHEMA.names, "messages"})))
    layout = next((found for record in named if (found := layout_of(record))), None)
    if layout is None:
        return None
    labels = [name for name in LABELS if all(isinstance(record.get(name), str | None) for record in named)]
    wanted = [*_read_by(layout), *labels]
    spelled = _spellings(dicts, mapping)
    seen = list(dict.fromkeys(str(name) for record in dicts for name in record))
    names = {name: spelled.get(name, name) for name in wanted}
    known = {*names.values(), *_RECORDS.get(layout, ())}
    fields = Fields(names, _kinds(named, wanted), _turn_fields(named))
    return replace(
        bare,
        layout=layout,
        fields=fields,
        left_out=tuple(name for name in seen if name not in known and name.strip().lower() not in known),
    )


def _read_by(layout: str) -> list[str]:
    """The fields that a layout reads, and that can be columns."""
    if layout in PAIRS:
        return list(dict.fromkeys([*PAIRS[layout], *INPUT, *OUTPUT, *SYSTEM]))
    return [*CHATS, *SYSTEM] if layout in CHATS.values() else []


def _spellings(records: Sequence[Mapping[Any, Any]], mapping: Mapping[str, str]) -> dict[str, str]:
    """By a name that is read, how the file spells the field it is read from."""
    found = {str(name).strip().lower(): str(name) for record in records for name in record}
    return found | {target: found.get(field, field) for target, field in mapping.items()}


def _kinds(records: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {name: "turns" for name in CHATS if name in wanted}
    for name in OUTPUT:
        values = [record[name] for record in records if record.get(name) is not None]
        if name in wanted and values and all(type(value) is int for value in values):
            kinds[name] = "integer"
    return kinds


def _turn_fields(records: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """What the turns of the first chat call who speaks and what is said."""
    for record in records:
        for turns in (record.get(name) for name in CHATS):
            if isinstance(turns, list) and turns and isinstance(turns[0], Mapping):
                return ("role" if "role" in turns[0] else "from", "content" if "content" in turns[0] else "value")
    return ("role", "content")


@dataclass(frozen=True, slots=True)
class Read:
    """Seeds, and the labels that came with them."""

    frame: pl.DataFrame
    """Of ``SEED`` and ``LABELS``, one row a record that was read."""
    places: np.ndarray
    """int64: the records that it is of, by place in the frame that was given."""


def read_columns(shape: Shape, columns: pl.DataFrame) -> Read:
    """What can be read from ``columns``, of ``shape.fields``; the others are left."""
    if shape.layout in PAIRS:
        found = _pairs(columns, PAIRS[shape.layout])
    elif shape.layout in CHATS.values():
        found = _chats(columns, shape.fields.turn)
    else:
        return Read(pl.DataFrame(schema=SEED | dict.fromkeys(LABELS, pl.String())), np.zeros(0, np.int64))
    good = found["good"]
    labelled = _labelled(found.select(list(SEED)), columns)
    return Read(labelled.filter(good), good.arg_true().to_numpy().astype(np.int64))


def _labelled(found: pl.DataFrame, columns: pl.DataFrame) -> pl.DataFrame:
    labels = [
        columns[name].cast(pl.String) if name in columns.columns else pl.Series(name, [None] * found.height, pl.String)
        for name in LABELS
    ]
    own = found.with_columns(task_type=pl.coalesce("task_type", labels[LABELS.index("task_type")]))
    return own.with_columns(label.alias(label.name) for label in labels if label.name != "task_type")


def _pairs(columns: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """See ``seed_formats._pair``; left: text that holds question *and* answer."""
    there = columns.columns
    asked = next((name for name in names if name in there and columns[name].null_count() < columns.height), "")
    if not asked:
        return _seeds(pl.DataFrame({"good": [False] * columns.height}, schema={"good": pl.Boolean}))
    text = columns.with_columns(pl.col(pl.Int64).cast(pl.String))
    question = pl.col(asked).str.strip_chars(SPACE)
    context = _first([name for name in INPUT if name != asked], there)
    answered = _first(OUTPUT, there).fill_null("")
    others = [pl.col(name).is_not_null() for name in OUTPUT if name != "answer" and name in there]
    gold = pl.col("answered").str.extract(_GOLD).str.replace_all(",", "", literal=True)
    split = pl.col("answered").str.replace(_GOLD, "").str.strip_chars_end(SPACE)
    is_gold = pl.col("answered").str.contains("####", literal=True) & gold.is_not_null()
    beside = pl.when(pl.any_horizontal(others) if others else False).then(_first(["answer"], there))
    good = (question != "") & ~pl.col("answered").str.contains(_ODD_SPACE)
    if asked == "text":
        good &= (pl.col("answered") != "") | ~pl.col("text").str.contains("Question:", literal=True)
    found = text.with_columns(answered=answered).select(
        instruction=question,
        input=context.fill_null(""),
        response=pl.when(is_gold).then(split).otherwise("answered"),
        answer=pl.when(is_gold).then(gold).when(pl.col("answered") != "").then(beside),
        system=_first(SYSTEM, there),
        good=good.fill_null(False),
    )
    return _seeds(found)


def _first(names: Sequence[str], there: Sequence[str]) -> pl.Expr:
    """See ``seed_formats._optional``."""
    texts = [pl.col(name) for name in names if name in there]
    said = [pl.when(text.str.strip_chars(SPACE) != "").then(text) for text in texts]
    return pl.coalesce(said) if said else pl.lit(None, pl.String)


def _seeds(found: pl.DataFrame) -> pl.DataFrame:
    """All columns of ``SEED``, and ``good``."""
    there = found.columns
    full = [
        pl.col(name).cast(dtype) if name in there else pl.lit(_DEFAULTS.get(name)).cast(dtype).alias(name)
        for name, dtype in SEED.items()
    ]
    return found.select(*full, "good").with_columns(pl.col("turns").fill_null([]))


_DEFAULTS = {"instruction": "", "input": "", "response": ""}


def _chats(columns: pl.DataFrame, turn: tuple[str, str]) -> pl.DataFrame:
    """See ``seed_formats._chat``; left: whatever is not question, answer, question, answer, …"""
    speaker, said = turn
    chats = pl.coalesce(name for name in CHATS if name in columns.columns)
    given = columns.select(chat=chats, said_before=_first(SYSTEM, columns.columns)).with_row_index("record")
    long = given.lazy().filter(pl.col("chat").list.len() > 0).explode("chat").select(
        "record",
        role=pl.col("chat").struct.field(speaker).str.to_lowercase().replace_strict(ROLES, default=None),
        content=pl.col("chat").struct.field(said),
    )  # fmt: skip
    place = pl.int_range(pl.len()).over("record")
    led = (pl.col("role").first().over("record") == "system").fill_null(False)
    long = long.with_columns(led=led, place=place - led.cast(pl.Int64))
    expected = pl.when(pl.col("place") % 2 == 0).then(pl.lit("user")).otherwise(pl.lit("assistant"))
    filled = pl.col("content").str.strip_chars(SPACE) != ""
    fits = ((pl.col("role") == expected) & filled).fill_null(False) | (
        (pl.col("place") < 0) & (pl.col("content") != "")
    )
    last = pl.col("place").max().over("record")
    later = (pl.col("place") > 1) & ((last % 2 == 1) | (pl.col("place") < last))  # the last question has no answer
    first, second = pl.col("place") == 0, pl.col("place") == 1
    read = long.group_by("record").agg(
        instruction=pl.col("content").filter(first).first().str.strip_chars(SPACE),
        response=pl.col("content").filter(second).first().fill_null(""),
        led_by=pl.col("content").filter(pl.col("place") < 0).first(),
        turns=pl.struct("role", "content").filter(later),
        good=fits.fill_null(False).all() & first.any(),
    )  # fmt: skip
    joined = given.lazy().select("record", "said_before").join(read, on="record", how="left", maintain_order="left")
    found = joined.select(
        "instruction",
        "response",
        "turns",
        system=pl.coalesce("led_by", "said_before"),
        good=pl.col("good").fill_null(False),
    )
    return _seeds(found.collect())
