"""The charts of a report, each from the numbers of ``ReportData`` alone."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from outputs.funnel import reasons_of
from outputs.report.chart import Chart, Empty
from outputs.report.model import (
    DROPPED,
    KEPT,
    PASSED,
    REJECTED,
    Histogram,
    Moment,
    ReportData,
    Similarity,
    TopicCount,
)
from outputs.report.shapes import Bar, Bars, Columns, Heat, Lines, Panel
from outputs.report.svg import number
from outputs.report.text import counted, percent
from schemas.manifest import StageCounts, sum_usage

MOST_BARS = 18
MOST_DEPTHS = 10
MEASURES = {"rouge_l": "ROUGE-L", "jaccard": "Jaccard similarity", "cosine": "cosine"}

_FATES = (
    ("passed", "passed on", "passed"),
    ("created", "made here", "created"),
    ("replaced", "replaced by what was made of them", "replaced"),
    ("rejected", "rejected", "rejected"),
    ("discarded", "made and not accepted", "discarded"),
)
"""Series, its name in the legend, and the field of ``StageCounts``."""
_KEPT_OR_NOT = ((KEPT, "kept"), (REJECTED, "rejected"))


def charts(data: ReportData) -> list[Chart]:
    """All charts, the most telling first; those without data say so."""
    return [
        funnel(data),
        reasons(data),
        topic_coverage(data),
        operations(data),
        *similarities(data),
        *lengths(data),
        tokens(data),
        spending(data),
        throughput(data.timeline),
    ]


def funnel(data: ReportData) -> Chart:
    """What each stage did with the rows that it took in."""
    stages = data.manifest.funnel
    title = "Funnel: what each stage did with its rows"
    headers = ("stage", "in", *(name for _, name, _ in _FATES), "out")
    if not stages:
        return Chart("funnel", title, "The manifest has no counts.", Empty("The manifest has no counts."), headers, ())
    rows = [
        (
            stage.stage,
            f"{stage.rows_in:,}",
            *(f"{_field(stage, name):,}" for _, _, name in _FATES),
            f"{stage.rows_out:,}",
        )
        for stage in stages
    ]
    made = sum(stage.created for stage in stages)
    says = f"{counted(made, 'row')} made along the way, {data.manifest.rows:,} in the dataset."
    if not made:
        says = f"{stages[0].rows_in:,} rows in, {data.manifest.rows:,} in the dataset."
    bars = Bars([_funnel_bar(stage) for stage in stages])
    return Chart("funnel", title, says, bars, headers, rows, tuple((series, name) for series, name, _ in _FATES))


def _field(stage: StageCounts, name: str) -> int:
    value: int = getattr(stage, name)
    return value


def _funnel_bar(stage: StageCounts) -> Bar:
    parts = tuple(
        (series, float(_field(stage, field)), f"{stage.stage}: {counted(_field(stage, field), 'row')} {name}")
        for series, name, field in _FATES
    )
    return Bar(stage.stage, parts, f"{stage.rows_in:,} → {stage.rows_out:,}")


def reasons(data: ReportData) -> Chart:
    """Why rows and candidates were dropped, by stage."""
    title = "Dropped rows, by stage and reason"
    found = reasons_of(data.manifest.funnel)
    headers = ("stage", "reason", "rows", "share")
    if not found:
        return Chart("reasons", title, "Nothing was dropped.", Empty("Nothing was dropped."), headers, ())
    total = sum(count for _, _, count in found)
    rows = [(stage, reason, f"{count:,}", percent(count, total)) for stage, reason, count in found]
    bars = [
        Bar(
            f"{stage}: {reason}",
            ((REJECTED, float(count), f"{stage}: {reason}: {counted(count, 'row')}"),),
            f"{count:,} · {percent(count, total)}",
        )
        for stage, reason, count in found[:MOST_BARS]
    ]
    says = f"{counted(total, 'row or candidate', 'rows and candidates')} in all, {counted(len(found), 'reason')}."
    says += _rest(len(found))
    return Chart("reasons", title, says, Bars(bars), headers, rows)


def _rest(count: int) -> str:
    return f" The {MOST_BARS} largest of {count:,} are drawn; the table has all." if count > MOST_BARS else ""


def topic_coverage(data: ReportData) -> Chart:
    """The kept rows by topic, and how many sub-topics they cover."""
    title = "Topics of the kept rows"
    headers = ("topic", "sub-topic", "rows")
    if not data.topics:
        why = "No row has a topic; a topic_guided stage gives rows theirs."
        return Chart("topics", title, why, Empty(why), headers, ())
    rows = [
        (line.topic, subtopic, f"{count:,}")
        for line in data.topics
        for subtopic, count in line.subtopics or (("", line.rows),)
    ]
    bars = [
        Bar(line.topic, ((KEPT, float(line.rows), _topic_tip(line)),), _topic_note(line))
        for line in data.topics[:MOST_BARS]
    ]
    asked = sum(line.asked or 0 for line in data.topics)
    covered = sum(line.covered for line in data.topics if line.asked)
    says = f"{counted(sum(line.rows for line in data.topics), 'row')} on a topic, {data.without_topic:,} on none."
    if asked:
        says += f" {covered:,} of {asked:,} sub-topics covered ({percent(covered, asked)})."
    return Chart("topics", title, says + _rest(len(data.topics)), Bars(bars), headers, rows)


def _topic_note(line: TopicCount) -> str:
    return f"{line.rows:,} · {line.covered:,} of {line.asked:,}" if line.asked else f"{line.rows:,}"


def _topic_tip(line: TopicCount) -> str:
    covered = f", {line.covered:,} of {line.asked:,} sub-topics covered" if line.asked else ""
    return f"{line.topic}: {counted(line.rows, 'row')}{covered}"


def operations(data: ReportData) -> Chart:
    """Kept rows by the operation that made them and by depth."""
    title = "Operations × depth"
    depths = sorted({depth for line in data.operations for depth in line.kept})
    headers = ("operation", *(f"depth {depth}" for depth in depths), "kept", "rejected")
    if not any(line.operation for line in data.operations):
        why = "No row was made by an operation; evol_instruct, for one, names its operations."
        return Chart("operations", title, why, Empty(why), headers, ())
    names = [(line.operation or "(none)", line) for line in data.operations]
    rows = [
        (
            name,
            *(f"{line.kept.get(depth, 0):,}" for depth in depths),
            f"{sum(line.kept.values()):,}",
            f"{line.rejected:,}",
        )
        for name, line in names
    ]
    shown, last = depths[:MOST_DEPTHS], depths[MOST_DEPTHS:]
    columns = [f"{depth:,}" for depth in shown] + ([f"{last[0]}+"] if last else [])
    cells = [
        (
            name,
            [line.kept.get(depth, 0) for depth in shown]
            + ([sum(line.kept.get(depth, 0) for depth in last)] if last else []),
            f"{percent(line.rejected, line.rejected + sum(line.kept.values()))} lost",
        )
        for name, line in names[:MOST_BARS]
    ]
    says = "Kept rows by what made them and by how many evolutions lie before them; on the right, the share dropped."
    heat = Heat(
        cells, columns, "evolutions", lambda name, depth, rows: f"{name}, depth {depth}: {counted(rows, 'kept row')}"
    )
    return Chart("operations", title, says, heat, headers, rows)


def similarities(data: ReportData) -> Iterator[Chart]:
    """One chart a similarity: how near rows came to a neighbour, and where the limit lies."""
    if not data.similarities:
        why = "No filter compared rows with one another."
        yield Chart("similarity", "Similarity to the nearest row", why, Empty(why), ("bin", "passed", "dropped"), ())
    for near in data.similarities:
        yield _similarity(near)


def _similarity(near: Similarity) -> Chart:
    shape = near.histogram
    legend = ((PASSED, "passed this stage"), (DROPPED, "dropped by it"))
    measure = MEASURES.get(near.measure, near.measure.replace("_", " "))
    columns = Columns(shape, f"{measure} to the nearest row (0 to 1)", dict(legend), True, near.limits)
    passed, dropped = shape.total(PASSED), shape.total(DROPPED)
    says = f"{counted(passed + dropped, 'row')} with a neighbour: {passed:,} passed, {dropped:,} dropped."
    key = f"similarity-{near.stage}-{near.measure}"
    title = f"Similarity: {near.stage}, {measure}"
    return Chart(key, title, says, columns, ("bin", "passed", "dropped"), _bins(columns), legend)


def lengths(data: ReportData) -> Iterator[Chart]:
    """Characters of instruction and response."""
    for name, shape in data.lengths.items():
        yield _columns(f"length-{name}", f"Length of the {name}", shape, "characters", "Rows")


def tokens(data: ReportData) -> Chart:
    """Tokens of the completion that a row's response came from."""
    return _columns("tokens", "Completion tokens", data.tokens, "tokens of the completion", "Rows with a completion")


def _columns(key: str, title: str, shape: Histogram, axis: str, who: str) -> Chart:
    headers = ("bin", "kept", "rejected")
    if shape.empty:
        why = "No row has any."
        return Chart(key, title, why, Empty(why), headers, ())
    columns = Columns(shape, axis, dict(_KEPT_OR_NOT))
    says = f"{who}: {shape.total(KEPT):,} kept, {shape.total(REJECTED):,} rejected."
    return Chart(key, title, says, columns, headers, _bins(columns), _KEPT_OR_NOT)


def _bins(columns: Columns) -> list[tuple[str, ...]]:
    """Bins that hold anything, as rows of a table."""
    counts = list(columns.histogram.counts.values())
    return [
        (columns.bin_name(place), *(f"{series[place]:,}" for series in counts))
        for place in range(len(columns.histogram.edges) - 1)
        if any(series[place] for series in counts)
    ]


def spending(data: ReportData) -> Chart:
    """Cost, or tokens where nothing has a price, by stage."""
    usage = {stage: used for stage, used in data.manifest.usage.items() if used.requests or used.replayed}
    headers = ("stage", "requests", "retries", "prompt tokens", "completion tokens", "US dollars")
    if not usage:
        why = "No model was asked."
        return Chart("cost", "Cost by stage", why, Empty(why), headers, ())
    total = sum_usage(usage.values())
    rows = [
        (
            stage, f"{used.requests + used.replayed:,}", f"{used.retries:,}", f"{used.prompt_tokens:,}",
            f"{used.completion_tokens:,}", f"{used.cost:,.4f}",
        )
        for stage, used in usage.items()
    ]  # fmt: skip
    requests = total.requests + total.replayed
    says = f"{counted(requests, 'request')}, {total.prompt_tokens:,} prompt and {total.completion_tokens:,} completion"
    says += f" tokens, ${total.cost:,.2f}" + (
        f" (${total.cost / data.manifest.rows:.5f} a row)." if _paid(data) else "."
    )
    if total.cost > 0:
        bars = [
            Bar(
                stage,
                (("cost", used.cost, f"{stage}: ${used.cost:,.4f}"),),
                f"${used.cost:,.2f} · {number(used.requests + used.replayed)} req.",
            )
            for stage, used in usage.items()
        ]
        return Chart("cost", "Cost by stage", says, Bars(bars), headers, rows)
    bars = [
        Bar(
            stage,
            (
                ("prompt", float(used.prompt_tokens), f"{stage}: {used.prompt_tokens:,} prompt tokens"),
                ("completion", float(used.completion_tokens), f"{stage}: {used.completion_tokens:,} completion tokens"),
            ),
            f"{number(used.requests + used.replayed)} req.",
        )
        for stage, used in usage.items()
    ]
    legend = (("prompt", "prompt tokens"), ("completion", "completion tokens"))
    return Chart("cost", "Tokens by stage (nothing had a price)", says, Bars(bars), headers, rows, legend)


def _paid(data: ReportData) -> bool:
    return sum_usage(data.manifest.usage.values()).cost > 0 and data.manifest.rows > 0


def throughput(timeline: Sequence[Moment]) -> Chart:
    """Rows kept so far, and requests and tokens a second, over time."""
    title, headers = "Throughput over time", ("seconds", "rows", "requests", "tokens")
    if len(timeline) < 2 or timeline[-1].seconds <= timeline[0].seconds:
        why = "Nothing was recorded over time."
        return Chart("throughput", title, why, Empty(why), headers, ())
    rows = [(f"{at.seconds:.0f}", f"{at.rows:,}", f"{at.requests:,}", f"{at.tokens:,}") for at in timeline]
    last = timeline[-1]
    says = f"{counted(last.rows, 'row')} in {counted(round(last.seconds), 'second')}."
    panels = [
        Panel("rows", "rows kept", [(at.seconds, float(at.rows)) for at in timeline]),
        Panel("requests", "requests a second", _rates([(at.seconds, at.requests) for at in timeline])),
        Panel("tokens", "tokens a second", _rates([(at.seconds, at.tokens) for at in timeline])),
    ]
    return Chart("throughput", title, says, Lines(panels), headers, rows)


def _rates(totals: Sequence[tuple[float, int]], points: int = 60) -> list[tuple[float, float]]:
    """What came in a second, over stretches long enough for the noise to go; a total that falls counts as none."""
    least = (totals[-1][0] - totals[0][0]) / points
    marks = [totals[0]]
    for moment in totals[1:]:
        if moment[0] - marks[-1][0] >= least and moment[0] > marks[-1][0]:
            marks.append(moment)
    return [(later[0], max(0.0, (later[1] - before[1]) / (later[0] - before[0]))) for before, later in pairwise(marks)]
