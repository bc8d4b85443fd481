"""``report.html``: the whole report in one file that needs no network, no server and no other file.

The charts are drawn here, twice: for a screen and for a phone; the script shows what a pointer points at, hides a
series, and does the table of rows and the map. The rows are embedded as JSON, and the script puts a model's text into
the page as text only. A content security policy forbids the page to load anything at all.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import resources

from outputs.report.chart import Chart
from outputs.report.charts import charts
from outputs.report.embed import page_json
from outputs.report.model import Measured, ReportData
from outputs.report.svg import DARK, LIGHT, number, palette, series_css
from outputs.report.text import counted, line, percent, xml
from outputs.report.words import ending
from schemas.manifest import sum_usage

WIDE, NARROW = 560, 300
"""Widths, in pixels, that the charts are drawn for: beside one another on a screen, and on a phone."""
SCRIPTS = ("base.js", "charts.js", "rows.js", "diff.js", "detail.js", "map.js", "start.js")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
MOST_LINES = 400
"""Lines of a table below a chart."""


def report_html(data: ReportData) -> str:
    """The page."""
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{xml(data.name)} – report</title><style>{_css()}</style>"
    )
    body = "".join([
        '<a class="skip" href="#rows">Skip to the rows</a>',
        _header(data),
        f"<main>{_figures(data)}{_charts(data)}{_measured(data.measured)}{_map(data)}{_rows()}</main>",
        f'<footer>Recipe {xml(data.manifest.recipe_digest)} · instructloom {xml(data.manifest.instructloom)}'
        f" · {xml(data.manifest.finished)}</footer>",
        '<div id="tip" role="status" aria-live="polite" hidden></div>',
        '<dialog id="detail" aria-labelledby="detail-title"></dialog>',
        f'<script type="application/json" id="data">{page_json(data)}</script>',
        f"<script>{''.join(map(_asset, SCRIPTS))}</script>",
    ])  # fmt: skip
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _asset(name: str) -> str:
    return resources.files("outputs.report").joinpath("assets", name).read_text(encoding="utf-8")


def _css() -> str:
    dark = palette(':root:not([data-theme="light"])', DARK)
    themes = [
        palette(":root", LIGHT),
        f"@media (prefers-color-scheme:dark){{{dark}}}",
        palette(':root[data-theme="dark"]', DARK),
        # Paper is light, whatever the screen is; three times, to weigh more than the themes.
        f"@media print{{{palette(':root:root:root', LIGHT)}}}",
    ]
    return "".join([*themes, series_css(), _asset("report.css")])


def _header(data: ReportData) -> str:
    manifest = data.manifest
    state = (
        "complete" if manifest.complete else f"{manifest.rows_requested:,} asked for: {ending(manifest.stop_reason)}"
    )
    when = f" · {xml(_when(manifest.started, manifest.finished))}" if manifest.started and manifest.finished else ""
    links = (("charts", "Charts"), ("map", "Map"), ("rows", "Rows"))
    menu = "".join(f'<a href="#{place}">{name}</a>' for place, name in links)
    return (
        f"<header><div><h1>{xml(data.name)}</h1><p>{xml(counted(manifest.rows, 'row'))} · {xml(state)}{when}</p></div>"
        f'<nav aria-label="Sections">{menu}<button type="button" id="theme" aria-live="polite">Theme</button></nav>'
        "</header>"
    )


def _when(started: str, finished: str) -> str:
    """``2026-11-25 00:37 to 00:38``, with the later date where it is another one; as given where it is no date."""
    try:
        first, last = datetime.fromisoformat(started), datetime.fromisoformat(finished)
    except ValueError:
        return f"{started} to {finished}"
    end = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"{first:%Y-%m-%d %H:%M} to {end}{' UTC' if first.utcoffset() == timedelta(0) else ''}"


def _figures(data: ReportData) -> str:
    total = sum_usage(data.manifest.usage.values())
    handled = data.manifest.rows + data.reject_rows
    languages = ", ".join(f"{name or 'none'} {percent(rows, data.manifest.rows)}" for name, rows in data.languages[:4])
    languages = languages.replace(" %", "\u00a0%")
    figures = [
        ("rows kept", f"{data.manifest.rows:,}"),
        ("dropped", f"{data.reject_rows:,} ({percent(data.reject_rows, handled)})"),
        ("requests", f"{total.requests + total.replayed:,}"),
        ("tokens", number(total.prompt_tokens + total.completion_tokens)),
        ("cost", f"${total.cost:,.2f}"),
        ("languages", languages or "–"),
    ]
    tiles = "".join(f"<div><dt>{name}</dt><dd>{xml(value)}</dd></div>" for name, value in figures)
    return f'<dl class="figures">{tiles}</dl>'


def _charts(data: ReportData) -> str:
    cards = "".join(map(_card, charts(data)))
    title = '<section id="charts" aria-labelledby="charts-title"><h2 id="charts-title">Charts</h2>'
    return f'{title}<div class="cards">{cards}</div></section>'


def _card(chart: Chart) -> str:
    keys = "".join(
        f'<button type="button" class="key" data-s="{series}" aria-pressed="true">'
        f'<svg width="11" height="11" aria-hidden="true"><rect class="s-{series}" width="11" height="11" rx="2"/></svg>'
        f"{xml(name)}</button>"
        for series, name in chart.legend
    )
    legend = f'<div class="legend" role="group" aria-label="Series, shown or hidden">{keys}</div>' if keys else ""
    if chart.empty:
        return f'<figure class="card-box empty"><h3>{xml(chart.title)}</h3><p>{xml(chart.says)}</p></figure>'
    drawings = "".join(
        f'<div class="draw {kind}" tabindex="0">{chart.inline(width)}</div>'
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return (
        f'<figure class="card-box" data-chart="{xml(chart.key)}"><h3>{xml(chart.title)}</h3><p>{xml(chart.says)}</p>'
        f"{legend}{drawings}{_numbers(chart.title, chart.headers, chart.rows)}</figure>"
    )


def _numbers(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{xml(header)}</th>' for header in headers)
    body = "".join(
        f"<tr>{''.join(f'<td>{xml(line(entry, 120))}</td>' for entry in row)}</tr>" for row in rows[:MOST_LINES]
    )
    more = f"<p>{len(rows) - MOST_LINES:,} more lines are not shown.</p>" if len(rows) > MOST_LINES else ""
    return (
        f'<details><summary>The numbers</summary><div class="scroll" tabindex="0" role="region"'
        f' aria-label="{xml(title)}, numbers"><table><caption class="unseen">{xml(title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}</details>"
    )


def _measured(measured: Sequence[Measured]) -> str:
    """The scores that are no similarity, as a table; nothing if there are none."""
    if not measured:
        return ""
    rows = [
        (each.stage, each.measure, f"{each.rows:,}", number(each.lowest), number(each.mean), number(each.highest))
        for each in measured
    ]
    table = _numbers("Other scores", ("stage", "score", "rows", "lowest", "mean", "highest"), rows)
    says = "What stages noted on rows, kept and dropped."
    return f'<section class="card-box"><h3>Other scores</h3><p>{says}</p>{table}</section>'


def _map(data: ReportData) -> str:
    title = '<section id="map" aria-labelledby="map-title"><h2 id="map-title">Map</h2>'
    if not data.points:
        why = "No vectors of these rows: there is no embedding stage, or its model knows none of their languages."
        return f'{title}<p class="card-box empty">{why}</p></section>'
    buttons = "".join(
        f'<button type="button" data-zoom="{sign}" aria-label="{name}">{shown}</button>'
        for sign, name, shown in (("+", "Zoom in", "+"), ("-", "Zoom out", "−"), ("0", "Show all", "Show all"))
    )
    says = (
        f"{counted(len(data.points), 'kept row')} of {data.manifest.rows:,} by the meaning of their instructions: rows"
        " that are alike lie near one another; how far apart groups lie says little. Choose a point to read its row."
        " Keys: arrows go from point to point, + and − zoom, 0 shows all, Enter opens."
    )
    return (
        f'{title}<div class="card-box"><p id="map-says">{says}</p><div class="tools"><label>Colour by'
        '<select id="map-by"></select></label>'
        f'<span class="zoom">{buttons}</span></div><div class="legend" id="map-legend" role="group"'
        ' aria-label="Groups, shown or hidden"></div><div class="plane" id="plane" tabindex="0" role="application"'
        ' aria-label="Map of rows" aria-describedby="map-says"></div></div></section>'
    )


def _rows() -> str:
    filters = "".join(
        f'<label>{name}<select id="by-{key}" data-filter="{key}"><option value="">all</option></select></label>'
        for key, name in (
            ("state", "Kept or not"), ("why", "Reason"), ("stage", "Made by"), ("topic", "Topic"),
            ("operation", "Operation"), ("language", "Language"),
        )
    )  # fmt: skip
    return (
        '<section id="rows" aria-labelledby="rows-title"><h2 id="rows-title">Rows</h2><p id="rows-says"></p>'
        '<form class="tools" id="filters" role="search" aria-label="Rows"><label class="search">Search'
        '<input type="search" id="search" autocomplete="off" placeholder="words, or an id"></label>'
        f'{filters}<button type="reset">Clear</button></form><p id="found" role="status" aria-live="polite"></p>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Rows"><table id="table"><thead><tr>'
        '<th scope="col">Fate</th><th scope="col">Instruction</th><th scope="col">Response</th>'
        '<th scope="col">Topic</th><th scope="col">Operation</th><th scope="col">Language</th></tr></thead>'
        '<tbody></tbody></table></div><nav class="pages" aria-label="Pages">'
        '<button type="button" id="back">Back</button><span id="page"></span>'
        '<button type="button" id="next">Next</button></nav>'
        "<noscript><p>The table of rows and the map need JavaScript.</p></noscript></section>"
    )
