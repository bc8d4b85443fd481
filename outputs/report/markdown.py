"""The report as markdown and plain tables, fit for Prefect's artifacts: small, and without a word that acts.

Whatever a model wrote goes through ``text.markdown`` or ``text.cell``. A report stays below ``LARGEST`` bytes: charts
that would not fit are left out and named.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from outputs.card import card
from outputs.funnel import HEADERS, funnel, reasons_of
from outputs.report.chart import Chart
from outputs.report.charts import charts
from outputs.report.model import Pair, ReportData, Sample
from outputs.report.text import cell, cell_lines, counted, human_bytes, line, markdown, percent
from outputs.report.words import ending, meaning
from schemas.manifest import Manifest, ShardFile, sum_usage
from schemas.row import Row, text_of

LARGEST = 480_000
"""Bytes of a report."""
MOST_REASONS = 12
MOST_SHARDS = 200
ROWS_EACH = 40
"""Rows of a sample table."""
_EXAMPLES = 3
_CELL = 160
"""Characters of a text in a cell."""
_WIDTH = 40
"""Characters in a line of it: two columns of texts and a narrow one fit Prefect's page on a laptop."""


def report_markdown(data: ReportData, links: Mapping[str, str] | None = None) -> str:
    """The whole report: figures, funnel, what was dropped and why, charts, a few rows.

    ``links`` are shown at the top, name and address; an address that is not ``http``, ``https`` or a path is left out.
    """
    drawn = {chart.key: chart for chart in charts(data)}
    first = [drawn.pop("funnel"), drawn.pop("reasons")]
    opening = [
        f"# {markdown(data.name)}: {counted(data.manifest.rows, 'row')}",
        _summary(data),
        _links(links or {}),
        "## Funnel",
        _image(first[0]),
        _funnel_table(data.manifest),
        "## What was dropped, and why",
        _reasons(data),
        _image(first[1]) if not first[1].empty else "",
    ]
    closing = ["## A few rows", _examples(data.kept)] if data.kept else []
    used = sum(len(part.encode("utf-8")) + 2 for part in [*opening, *closing])
    parts, left_out = _fitting(list(drawn.values()), LARGEST - used - 1_000)
    told = f"Left out, since this page would be too large: {', '.join(map(markdown, left_out))}." if left_out else ""
    return "\n\n".join(part for part in [*opening, "## Charts", *parts, told, *closing] if part) + "\n"


def card_markdown(manifest: Manifest, languages: Sequence[str] = ()) -> str:
    """The dataset card, without the head that only a hub reads."""
    whole = card(manifest, languages)
    return re.sub(r"\A---\n.*?\n---\n+", "", whole, flags=re.DOTALL)


def download_markdown(manifest: Manifest, base_url: str | None = None) -> str:
    """Each shard with its link, rows, bytes and sha256, and lines to copy that load the dataset.

    ``base_url`` is the address of the version's folder, below which the files have the manifest's paths. Without one
    the page names the command that gives one.
    """
    base = base_url.rstrip("/") if base_url and _is_address(base_url) else None
    name = f"{manifest.dataset}@{manifest.version}"
    parts = [f"# Download {markdown(name)}"]
    if base is None:
        parts.append("No download server is known to this run: `instructloom up` starts one. The files are:")
    parts += [_shards(manifest.files, base)]
    if manifest.rejects:
        parts += ["## Rejects", "What was dropped, with stage, reason and raw text.", _shards(manifest.rejects, base)]
    parts += [
        "## Load it",
        _loading(manifest, base),
        "## Copy it, verified",
        f"```sh\ninstructloom download {name}{_source(base)}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _source(base: str | None) -> str:
    """The option that names the server of a version's folder."""
    server, found, _ = (base or "").rpartition("/datasets/")
    return f" --from {server}" if found else ""


def sample_tables(data: ReportData) -> dict[str, list[dict[str, Any]]]:
    """Rows as plain tables, by a name that is the same in every run: ``accepted``, ``rejected-<stage>``,
    ``similar-pairs``, ``evolution``. Cells are short strings; a table without rows is left out.
    """
    tables = {"accepted": [_row_line(sample.row) for sample in _spread(data.kept)]}
    by_stage: dict[str, list[Sample]] = {}
    for sample in data.rejected:
        by_stage.setdefault(sample.rejected_by or "", []).append(sample)
    for stage, dropped in by_stage.items():
        lines = [_reject_line(sample, data) for sample in _spread(dropped)]
        tables[f"rejected-{_key(stage)}"] = sorted(lines, key=lambda entry: entry["reason"])
    tables["similar-pairs"] = [_pair_line(pair) for pair in data.pairs[: 2 * ROWS_EACH]]
    tables["evolution"] = [
        _step_line(number, step, row) for number, chain in enumerate(data.chains, 1) for step, row in enumerate(chain)
    ]
    return {name: lines for name, lines in tables.items() if lines}


def _summary(data: ReportData) -> str:
    manifest = data.manifest
    total = sum_usage(manifest.usage.values())
    state = "all that were asked for" if manifest.complete else f"of {manifest.rows_requested:,} asked for"
    ended = "" if manifest.complete else f" The run ended early: {markdown(ending(manifest.stop_reason))}."
    languages = ", ".join(f"{markdown(name) or 'none'} {rows:,}" for name, rows in data.languages[:6])
    return (
        f"**{counted(manifest.rows, 'row')}**, {state}.{ended} {data.reject_rows:,} rows and candidates were dropped"
        f" and are kept apart. Languages: {languages or 'none'}.\n\n"
        f"{counted(total.requests + total.replayed, 'request')}, {total.prompt_tokens:,} prompt and"
        f" {total.completion_tokens:,} completion tokens, **${total.cost:,.2f}**. Recipe"
        f" `{line(manifest.recipe_digest, 40).replace('`', '')}`, instructloom {markdown(manifest.instructloom)}."
    )


def _links(links: Mapping[str, str]) -> str:
    good = [f"[{_label(name)}]({_address(url)})" for name, url in links.items() if _is_address(url)]
    return " · ".join(good)


def _is_address(url: str) -> bool:
    return re.match(r"https?://|/(?!/)", url) is not None


def _address(url: str) -> str:
    """An address that ends where it should: brackets and blanks would end it early."""
    return re.sub(r"[\s()<>\[\]\\\"'`|]", lambda match: f"%{ord(match[0]):02X}", url)


def _image(chart: Chart) -> str:
    return f"![{_label(f'{chart.title}. {chart.says}')}]({chart.data_uri()})"


def _label(text: str) -> str:
    """The text of a link or an image, where one of Prefect's interfaces shows a backslash as it is."""
    return cell(text.replace("[", "(").replace("]", ")"), 300)


def _fitting(drawn: Iterable[Chart], room: int) -> tuple[list[str], list[str]]:
    parts, left_out = [], []
    for chart in drawn:
        part = f"*{markdown(chart.title)}: {markdown(chart.says)}*" if chart.empty else _image(chart)
        if len(part.encode("utf-8")) + 2 > room:
            left_out.append(chart.title)
            continue
        room -= len(part.encode("utf-8")) + 2
        parts.append(part)
    return parts, left_out


def _funnel_table(manifest: Manifest) -> str:
    # Without the reasons: they have a list of their own, and a narrow page has no room for them here.
    return _table(
        HEADERS[:-1], [[markdown(entry.stage), *entry.cells[1:-1]] for entry in funnel(manifest.funnel)], numbers_from=1
    )


def _reasons(data: ReportData) -> str:
    found = reasons_of(data.manifest.funnel)
    if not found:
        return "Nothing."
    total = sum(count for _, _, count in found)
    lines = [
        f"- **{counted(count, 'row')}** ({percent(count, total)}) that {markdown(meaning(reason))}"
        f" · {markdown(stage)}, {markdown(reason)}"
        for stage, reason, count in found[:MOST_REASONS]
    ]
    if rest := found[MOST_REASONS:]:
        lines.append(f"- {sum(count for _, _, count in rest):,} for {counted(len(rest), 'rarer reason')}")
    return "\n".join(lines)


def _examples(kept: Sequence[Sample]) -> str:
    chosen = _spread(kept, _EXAMPLES)
    return "\n".join(
        f"- **{markdown(text_of(sample.row), 240)}**\n  → {markdown(sample.row.response or sample.row.answer, 240)}"
        for sample in chosen
    )


def _shards(files: Sequence[ShardFile], base: str | None) -> str:
    rows = [[_shard_name(shard, base), f"{shard.rows:,}", human_bytes(shard.bytes), f"`{shard.sha256}`"]
            for shard in files[:MOST_SHARDS]]  # fmt: skip
    table = _table(["file", "rows", "size", "sha256"], rows, numbers_from=1, numbers_to=3)
    total = f"{counted(len(files), 'file')}, {counted(sum(shard.rows for shard in files), 'row')},"
    total += f" {sum(shard.bytes for shard in files):,} bytes."
    more = f" {len(files) - MOST_SHARDS:,} more are in the manifest." if len(files) > MOST_SHARDS else ""
    return f"{table}\n\n{total}{more}"


def _shard_name(shard: ShardFile, base: str | None) -> str:
    return f"[{_label(shard.path)}]({_address(f'{base}/{shard.path}')})" if base else markdown(shard.path)


def _loading(manifest: Manifest, base: str | None) -> str:
    if not manifest.files:
        return "There are no rows."
    root = base or f"datasets/{manifest.dataset}/v{manifest.version}"
    first = manifest.files[0].path
    numbered = re.sub(r"\d{5}(?=-of-)", "{n:05d}", first)
    many = len(manifest.files) > 1
    files = f'[f"{root}/{numbered}" for n in range({len(manifest.files)})]' if many else f'"{root}/{first}"'
    return (
        f"```python\nfiles = {files}\n\nimport polars as pl\n\nrows = pl.read_parquet(files)\n\n"
        "from datasets import load_dataset\n\n"
        'train = load_dataset("parquet", data_files=files, split="train")\n```'
    )


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int, numbers_to: int = 99) -> str:
    """A table of cells that are markdown already; columns from one to before another are numbers."""
    marks = ["--:" if numbers_from <= place < numbers_to else "---" for place in range(len(headers))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [headers, marks, *rows])


def _spread(items: Sequence[Sample], count: int = ROWS_EACH) -> list[Sample]:
    """So many of them, evenly over all."""
    if len(items) <= count:
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]


def _key(stage: str) -> str:
    """A stage's label in the letters that an artifact's key may have."""
    return re.sub(r"[^a-z0-9]+", "-", stage.lower()).strip("-") or "stage"


def _row_line(row: Row) -> dict[str, str]:
    # What is read comes first: what is beyond the page's edge has to be scrolled to.
    return {
        "operation": cell(row.operation, 40),
        "instruction": _text(text_of(row)),
        "response": _text(row.response or row.answer),
        "topic": cell(row.subtopic or row.topic, 30),
        "language": cell(row.language, 10),
        "tokens": f"{row.teacher.completion_tokens:,}" if row.teacher else "",
        "id": cell(row.id, 40),
    }


def _reject_line(sample: Sample, data: ReportData) -> dict[str, str]:
    score = _own_score(sample)
    near = data.others.get(score[1] or "") if score else None
    return {
        "reason": cell(sample.reason, 40),
        "instruction": _text(text_of(sample.row) or sample.raw),
        "like": _text(text_of(near)) if near else "",
        "score": cell(score[0], 40) if score else "",
        "response": _text(sample.row.response or sample.row.answer),
        "operation": cell(sample.row.operation, 40),
        "kind": cell(sample.kind, 12),
        "id": cell(sample.row.id, 40),
    }


def _own_score(sample: Sample) -> tuple[str, str | None] | None:
    """What the stage that dropped the row measured on it, the highest first."""
    own = [score for score in sample.row.scores if score.stage == sample.rejected_by]
    best = max(own, key=lambda score: score.value, default=None)
    return (f"{best.measure} {best.value:.2f}", best.neighbour) if best else None


def _pair_line(pair: Pair) -> dict[str, str]:
    return {
        "similarity": f"{pair.value:.3f}",
        "row": _text(text_of(pair.sample.row), 2 * _CELL),
        "most like": _text(text_of(pair.neighbour), 2 * _CELL) if pair.neighbour else "(not in this version)",
        "fate": "kept" if pair.sample.kept else "dropped",
        "measure": cell(f"{pair.stage}: {pair.measure}", 60),
        "id": cell(pair.sample.row.id, 40),
        "neighbour": cell(pair.neighbour_id, 40),
    }


def _step_line(number: int, step: int, row: Row) -> dict[str, str]:
    return {
        "chain": f"{number}",
        "step": f"{step}",
        "operation": cell(row.operation or row.stage, 40),
        "instruction": _text(text_of(row), 2 * _CELL),
        "response": _text(row.response or row.answer),
        "depth": f"{row.depth}",
        "id": cell(row.id, 40),
    }


def _text(text: str | None, limit: int = _CELL) -> str:
    return cell_lines(text, limit, _WIDTH)
