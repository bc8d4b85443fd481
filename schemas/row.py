"""The row: one instruction with its answer, its labels, its lineage and what was measured on it.

``ROW_SCHEMA`` is the only definition of the columns; polars dtypes are derived from it. Between rooms rows
travel as a ``polars.DataFrame`` of that schema, inside a generator as a frozen ``Row``. There is no clock in
a row: times stand in the manifest, so that the same recipe gives the same bytes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import polars as pl
import pyarrow as pa

SCHEMA_VERSION = 1
"""Goes up when a column is added, removed or changes its meaning; written in each shard and manifest."""

_TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
_TEACHER = pa.struct(
    [
        ("model", pa.string()),
        ("temperature", pa.float64()),
        ("top_p", pa.float64()),
        ("finish_reason", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("cost", pa.float64()),
    ]
)
_SCORE = pa.struct(
    [("stage", pa.string()), ("measure", pa.string()), ("value", pa.float64()), ("neighbour", pa.string())]
)

ROW_SCHEMA: pa.Schema = pa.schema(
    [
        # content
        ("id", pa.string()),
        ("instruction", pa.string()),
        ("input", pa.string()),
        ("response", pa.string()),
        ("reasoning", pa.string()),
        ("answer", pa.string()),
        ("system_generation", pa.string()),
        ("system", pa.string()),
        ("turns", pa.list_(_TURN)),
        # labels
        ("language", pa.string()),
        ("topic", pa.string()),
        ("subtopic", pa.string()),
        ("task_type", pa.string()),
        ("difficulty", pa.float64()),
        # lineage
        ("parents", pa.list_(pa.string())),
        ("stage", pa.string()),
        ("operation", pa.string()),
        ("depth", pa.int64()),
        ("round", pa.int64()),
        ("source", pa.string()),
        # teacher
        ("teacher", _TEACHER),
        # scores
        ("scores", pa.list_(_SCORE)),
    ],
    metadata={"instructloom.schema_version": str(SCHEMA_VERSION)},
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One later turn of a dialogue."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class TeacherNote:
    """Who wrote the response, and how it was sampled. ``cost`` is in US dollars."""

    model: str
    temperature: float | None = None
    top_p: float | None = None
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """What a stage measured on a row: ``rouge_l`` .62 to row ``neighbour``, ``votes`` 5, …"""

    stage: str
    measure: str
    value: float
    neighbour: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row. Field names and order are those of ``ROW_SCHEMA``."""

    id: str
    instruction: str
    input: str = ""
    """"" if the instruction needs none."""
    response: str = ""
    """What the assistant says; "" until a stage has answered."""
    reasoning: str | None = None
    """The trace that leads to the answer, without the answer line."""
    answer: str | None = None
    """The short final answer. On a seed row it is the gold answer."""
    system_generation: str | None = None
    """The system message that the teacher saw."""
    system: str | None = None
    """The system message that is trained on."""
    turns: tuple[Turn, ...] = ()
    """Turns after the first question and answer."""
    language: str = "en"
    """ISO 639-1."""
    topic: str | None = None
    subtopic: str | None = None
    task_type: str | None = None
    difficulty: float | None = None
    parents: tuple[str, ...] = ()
    stage: str = ""
    """The stage that made the row ("seed" for seeds)."""
    operation: str | None = None
    depth: int = 0
    """How many evolutions lie between the row and its seed or proposal."""
    round: int | None = None
    source: str | None = None
    """File and line of a seed; shard, prompt and item of a proposal."""
    teacher: TeacherNote | None = None
    scores: tuple[Score, ...] = ()

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed; the id stays, since it names the row's birth."""
        return replace(self, **changes)

    def scored(self, *scores: Score) -> Self:
        """A copy with more scores."""
        return replace(self, scores=(*self.scores, *scores))


def new_row(instruction: str, *, stage: str, **values: Any) -> Row:
    """A new row whose ``id`` is a stable hash of its content and lineage.

    Two rows of one run never share an id as long as ``source`` (seed line, or shard/prompt/item) or ``parents``
    with ``operation`` and ``round`` tell them apart, which every generator guarantees.
    """
    row = Row(id="", instruction=instruction, stage=stage, **values)
    birth = (row.instruction, row.input, row.stage, row.operation, row.round, row.parents, row.source)
    digest = hashlib.blake2b(repr(birth).encode("utf-8", "surrogatepass"), digest_size=12)
    return replace(row, id=digest.hexdigest())


def polars_schema(schema: pa.Schema = ROW_SCHEMA) -> pl.Schema:
    """The polars dtypes of an Arrow schema."""
    frame = pl.from_arrow(schema.empty_table())
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("an Arrow table became a Series")
    return frame.schema


def to_frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as a frame of ``ROW_SCHEMA``, in order."""
    return pl.DataFrame([_plain(row) for row in rows], schema=polars_schema(), orient="row")


def from_frame(frame: pl.DataFrame) -> list[Row]:
    """The rows of a frame of ``ROW_SCHEMA``, in order."""
    names = [field.name for field in fields(Row)]
    return [_row(record) for record in frame.select(names).iter_rows(named=True)]


def text_of(row: Row) -> str:
    """What a user would type: the instruction, then the input on its own lines if there is one."""
    return f"{row.instruction}\n\n{row.input}" if row.input else row.instruction


def _plain(row: Row) -> dict[str, Any]:
    record = {field.name: getattr(row, field.name) for field in fields(Row)}
    record["turns"] = [asdict(turn) for turn in row.turns]
    record["scores"] = [asdict(score) for score in row.scores]
    record["parents"] = list(row.parents)
    record["teacher"] = None if row.teacher is None else asdict(row.teacher)
    return record


def _row(record: dict[str, Any]) -> Row:
    record["turns"] = tuple(Turn(**turn) for turn in record["turns"] or ())
    record["scores"] = tuple(Score(**score) for score in record["scores"] or ())
    record["parents"] = tuple(record["parents"] or ())
    record["teacher"] = None if record["teacher"] is None else TeacherNote(**record["teacher"])
    return Row(**record)
