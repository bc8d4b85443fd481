"""The rows of ``report.html`` as plain data: no more text than a page should carry, and no number that JSON lacks."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from outputs.report.model import ReportData, Sample
from outputs.report.text import json_in_html
from schemas.row import Row

KEPT_BYTES = 1_900_000
REJECTED_BYTES = 1_000_000
OTHERS_BYTES = 900_000

_FIELDS = (
    "input",
    "response",
    "reasoning",
    "answer",
    "system",
    "topic",
    "subtopic",
    "task_type",
    "operation",
    "language",
)


def page_json(data: ReportData) -> str:
    """What the page's script reads, as JSON that can stand in HTML."""
    kept = _within(map(_sample, data.kept), KEPT_BYTES)
    rejected = _within(map(_sample, data.rejected), REJECTED_BYTES)
    rows = [*kept, *rejected]
    content = {
        "rows": rows,
        "others": _others(data.others, {row["id"] for row in rows}),
        "points": _points(data, {row["id"]: place for place, row in enumerate(kept)}),
        "kept": data.manifest.rows,
        "rejected": data.reject_rows,
    }
    return json_in_html(json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def _points(data: ReportData, places: Mapping[str, int]) -> list[list[float]]:
    """Number of the row, x, y; points whose row found no room are left out."""
    return [[places[point.id], round(point.x, 4), round(point.y, 4)] for point in data.points if point.id in places]


def _others(others: Mapping[str, Row], known: set[str]) -> dict[str, dict[str, Any]]:
    """Parents and neighbours that are not in the table."""
    lines = _within((_row(row) for id, row in others.items() if id not in known), OTHERS_BYTES)
    return {line["id"]: line for line in lines}


def _within(lines: Iterable[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """As many as fit; one that is too large leaves room for smaller ones behind it."""
    taken = []
    for line in lines:
        size = len(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")) + 1
        if size <= room:
            room -= size
            taken.append(line)
    return taken


def _sample(sample: Sample) -> dict[str, Any]:
    line = _row(sample.row)
    if sample.kept:
        return line
    return line | _filled({"by": sample.rejected_by, "why": sample.reason, "kind": sample.kind, "raw": sample.raw})


def _row(row: Row) -> dict[str, Any]:
    line = {"id": row.id, "instruction": row.instruction}
    return line | _filled({name: getattr(row, name) for name in _FIELDS}) | _filled({
        "stage": row.stage,
        "depth": row.depth,
        "round": row.round,
        "difficulty": _finite(row.difficulty),
        "source": _last_part(row.source),
        "parents": list(row.parents),
        "turns": [[turn.role, turn.content] for turn in row.turns],
        "scores": [[each.stage, each.measure, _finite(each.value), each.neighbour] for each in row.scores],
        "teacher": _teacher(row),
    })  # fmt: skip


def _teacher(row: Row) -> dict[str, Any] | None:
    if row.teacher is None:
        return None
    note = row.teacher
    return _filled({
        "model": note.model,
        "temperature": _finite(note.temperature),
        "finish": note.finish_reason,
        "prompt tokens": note.prompt_tokens,
        "completion tokens": note.completion_tokens,
        "cost": _finite(note.cost),
    })  # fmt: skip


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _last_part(source: str | None) -> str:
    """A seed's file and line without its folders: a page is passed on, a folder is nobody's business."""
    return re.split(r"[\\/]", source)[-1] if source else ""
