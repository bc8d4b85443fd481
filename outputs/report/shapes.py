"""The shapes that charts have: bars in rows, columns over bins, a table of counts, lines over time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from outputs.report.model import Histogram
from outputs.report.svg import SIZE, Drawing, number, ticks
from outputs.report.text import fitted, seconds_text, width_of

_NARROW = 480
"""Below this many pixels a bar's label stands above the bar, not beside it."""


@dataclass(frozen=True)
class Bar:
    """One row: its parts, in order, and what is written beside it."""

    label: str
    parts: tuple[tuple[str, float, str], ...]
    """Series, value and the sentence that a pointer is shown."""
    note: str

    @property
    def total(self) -> float:
        """How long it is."""
        return sum(value for _, value, _ in self.parts)


@dataclass(frozen=True)
class Bars:
    """Stacked bars, one under the other, on one scale that begins at 0."""

    bars: Sequence[Bar]

    def height(self, width: float) -> float:
        """A line a bar, two on a phone."""
        return (42.0 if width < _NARROW else 28.0) * len(self.bars) + 4

    def draw(self, drawing: Drawing, width: float) -> None:
        """Labels, bars, notes."""
        longest = max((bar.total for bar in self.bars), default=0) or 1
        narrow = width < _NARROW
        labels = 0.0 if narrow else min(0.38 * width, 10 + max(width_of(bar.label, SIZE) for bar in self.bars))
        notes = 0.0 if narrow else 10 + max(width_of(bar.note, SIZE) for bar in self.bars)
        for place, bar in enumerate(self.bars):
            top = (42.0 if narrow else 28.0) * place
            if narrow:
                note = width_of(bar.note, SIZE)
                drawing.text(0, top + 14, bar.label, kind="ink", room=width - note - 10)
                drawing.text(width, top + 14, bar.note, anchor="end")
            else:
                drawing.text(0, top + 18, bar.label, kind="ink", room=labels - 10)
                drawing.text(width, top + 18, bar.note, anchor="end")
            scale = (width - labels - notes) / longest
            _bar(drawing, bar, labels, top + (20 if narrow else 5), scale, 13 if narrow else 18)


def _bar(drawing: Drawing, bar: Bar, x: float, y: float, scale: float, thick: float) -> None:
    for series, value, tip in bar.parts:
        if value <= 0:
            continue
        # Even one of a million is seen.
        wide = max(1.5, value * scale)
        drawing.mark(series, tip)
        drawing.rect(x, y, wide, thick, f"s-{series}", radius=2)
        drawing.end()
        x += wide


@dataclass(frozen=True)
class Columns:
    """A histogram: in each bin a column a series, side by side or on top of one another."""

    histogram: Histogram
    axis: str
    """What the bins measure, with its unit."""
    names: Mapping[str, str]
    """What a series' rows are called in a tip."""
    stacked: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)

    def height(self, width: float) -> float:
        """The same at any width."""
        return 246.0 + 16 * bool(self.limits)

    def draw(self, drawing: Drawing, width: float) -> None:
        """Axes, columns, limits."""
        shape = self.histogram
        steps = ticks(self._highest())
        left = 12 + max(width_of(number(step), SIZE) for step in steps)
        top, bottom = 26.0 + 16 * bool(self.limits), self.height(width) - 42
        drawing.text(0, 10, "rows")
        for step in steps:
            y = bottom - (bottom - top) * step / steps[-1]
            drawing.line(left, y, width, y, "grid" if step else "axis")
            drawing.text(left - 7, y + 4.5, number(step), anchor="end")
        bins = len(shape.edges) - 1
        wide = (width - left) / bins
        for place in range(bins):
            self._column(drawing, place, left + wide * place, wide, bottom, (bottom - top) / steps[-1])
        self._axis(drawing, left, wide, bottom)
        drawing.text((left + width) / 2, bottom + 38, self.axis, anchor="middle", room=width - left)
        for place, (language, limit) in enumerate(sorted(self.limits.items(), key=lambda entry: entry[1])):
            self._limit(drawing, language, limit, place, left, width, top, bottom)

    def _highest(self) -> float:
        columns = list(zip(*self.histogram.counts.values(), strict=True))
        return max((sum(column) if self.stacked else max(column) for column in columns), default=0)

    def _column(self, drawing: Drawing, place: int, x: float, wide: float, bottom: float, scale: float) -> None:
        series = list(self.histogram.counts)
        gap = min(2.0, 0.15 * wide)
        own = wide - gap if self.stacked else (wide - gap) / len(series)
        base = bottom
        for number_of, name in enumerate(series):
            count = self.histogram.counts[name][place]
            if not count:
                continue
            high = max(1.0, count * scale)
            drawing.mark(name, f"{self.bin_name(place)}: {count:,} {self.names[name]}")
            drawing.rect(x + gap / 2 + (0 if self.stacked else own * number_of), base - high, own, high, f"s-{name}")
            drawing.end()
            base -= high if self.stacked else 0

    def bin_name(self, place: int) -> str:
        """The values of a bin in words, as whole numbers where its edges are that far apart."""
        low, high = self.histogram.edges[place : place + 2]
        if self.histogram.open_end and place == len(self.histogram.edges) - 2:
            return f"{number(low)} and more"
        if high - low < 1:
            return f"{low:.2f} to {high:.2f}"
        return number(low) if high - low == 1 else f"{number(low)} to {number(high - 1)}"

    def _axis(self, drawing: Drawing, left: float, wide: float, bottom: float) -> None:
        edges = self.histogram.edges
        widest = max(width_of(_edge(edge, edges), SIZE) for edge in edges) + 14
        every = next(step for step in (1, 2, 5, 10, 20, 25, 50, 100) if step * wide >= widest or step >= len(edges))
        # The last bin of an open end has no edge to name: it is "240+".
        last = len(edges) - 2 if self.histogram.open_end else len(edges) - 1
        for place in range(0, last + 1, every):
            x = left + wide * place
            at_end = place == len(edges) - 1
            drawing.line(x, bottom, x, bottom + 4, "axis")
            if not self.histogram.open_end or left + wide * (last + 0.5) - x >= widest:
                drawing.text(x, bottom + 18, _edge(edges[place], edges), anchor="end" if at_end else "middle")
        if self.histogram.open_end:
            drawing.text(left + wide * (last + 1), bottom + 18, f"{_edge(edges[last], edges)}+", anchor="end")

    def _limit(
        self,
        drawing: Drawing,
        language: str,
        limit: float,
        place: int,
        left: float,
        right: float,
        top: float,
        bottom: float,
    ) -> None:
        low, high = self.histogram.edges[0], self.histogram.edges[-1]
        x = left + (right - left) * (min(max(limit, low), high) - low) / (high - low)
        # Two limits, of two languages, are written one above the other.
        y = top - 9 - 15 * (place % 2)
        drawing.line(x, y + 3, x, bottom, "limit")
        name = f"limit {limit:g}{f' ({language})' if language else ''}"
        beyond = x + width_of(name, SIZE) / 2 > right
        drawing.text(right if beyond else x, y, name, kind="ink", anchor="end" if beyond else "middle")


def _edge(edge: float, edges: Sequence[float]) -> str:
    return number(edge) if edges[-1] - edges[0] > 1 else f"{edge:g}"


@dataclass(frozen=True)
class Heat:
    """A table of counts whose cells are the darker the more they hold."""

    rows: Sequence[tuple[str, Sequence[int], str]]
    """Label, a count for each column, and what is written behind."""
    columns: Sequence[str]
    axis: str
    tip: Callable[[str, str, int], str]
    """The sentence for a row's label, a column and a count."""

    def height(self, width: float) -> float:
        """A line a row, and two for the head."""
        return 44.0 + 30 * len(self.rows)

    def draw(self, drawing: Drawing, width: float) -> None:
        """Head, labels, cells, notes."""
        labels = min(0.34 * width, 12 + max(width_of(label, SIZE) for label, _, _ in self.rows))
        notes = 10 + max(width_of(note, SIZE) for _, _, note in self.rows)
        wide = (width - labels - notes) / len(self.columns)
        most = max((count for _, counts, _ in self.rows for count in counts), default=0) or 1
        drawing.text(labels, 12, self.axis, room=width - labels)
        for place, column in enumerate(self.columns):
            drawing.text(labels + wide * (place + 0.5), 34, column, anchor="middle", room=wide)
        for place, (label, counts, note) in enumerate(self.rows):
            top = 42.0 + 30 * place
            drawing.text(0, top + 18, label, kind="ink", room=labels - 10)
            drawing.text(width, top + 18, note, anchor="end")
            for at, (column, count) in enumerate(zip(self.columns, counts, strict=True)):
                self._cell(drawing, labels + wide * at, top, wide, count, count / most, self.tip(label, column, count))

    def _cell(self, drawing: Drawing, x: float, y: float, wide: float, count: int, share: float, tip: str) -> None:
        drawing.mark("kept", tip)
        shade = 0.06 + 0.5 * share if count else 0.03
        box = f'x="{x + 1:.1f}" y="{y:.1f}" width="{max(1, wide - 2):.1f}" height="28" rx="3"'
        drawing.raw(f'<rect class="heat" {box} fill-opacity="{shade:.2f}"/>')
        if count:
            shown = fitted(f"{count:,}", SIZE, wide - 4)
            shown = shown if "…" not in shown else number(float(count))
            drawing.text(x + wide / 2, y + 18.5, shown, kind="ink", anchor="middle", size=SIZE if wide > 30 else 10)
        drawing.end()


@dataclass(frozen=True)
class Panel:
    """One quantity over time."""

    series: str
    title: str
    points: Sequence[tuple[float, float]]
    """Seconds since the start, and the value."""


@dataclass(frozen=True)
class Lines:
    """Panels one under the other, all on the same time axis."""

    panels: Sequence[Panel]

    def height(self, width: float) -> float:
        """The same at any width."""
        return 112.0 * len(self.panels) + 40

    def draw(self, drawing: Drawing, width: float) -> None:
        """Each panel with its scale; the time below the last."""
        end = max(seconds for panel in self.panels for seconds, _ in panel.points) or 1
        scales = [ticks(max(value for _, value in panel.points), 2) for panel in self.panels]
        left = 12 + max(width_of(number(step), SIZE) for steps in scales for step in steps)
        for place, (panel, steps) in enumerate(zip(self.panels, scales, strict=True)):
            self._panel(drawing, panel, steps, 112.0 * place, left, width, end)
        bottom = 112.0 * len(self.panels) - 8
        for place in range(5):
            x = left + (width - left) * place / 4
            anchor = "end" if place == 4 else "start" if not place else "middle"
            drawing.text(x, bottom + 18, seconds_text(end * place / 4), anchor=anchor)
        drawing.text((left + width) / 2, bottom + 40, "time since the start of the run", anchor="middle")

    def _panel(
        self, drawing: Drawing, panel: Panel, steps: Sequence[float], top: float, left: float, width: float, end: float
    ) -> None:
        drawing.text(left, top + 14, panel.title, kind="ink", room=width - left)
        high, low = top + 26, top + 104
        for step in steps:
            y = low - (low - high) * step / steps[-1]
            drawing.line(left, y, width, y, "grid" if step else "axis")
            drawing.text(left - 7, y + 4.5, number(step), anchor="end")
        places = [
            (left + (width - left) * seconds / end, low - (low - high) * value / steps[-1])
            for seconds, value in panel.points
        ]
        drawing.trace(places, f"s-{panel.series}")
        # Marks to point at, not more than a pointer can tell apart.
        for at in range(0, len(places), max(1, len(places) // 60)):
            if drawing.alone:
                break
            (x, y), (seconds, value) = places[at], panel.points[at]
            drawing.mark(panel.series, f"after {seconds_text(seconds)}: {number(value)} {panel.title}")
            drawing.raw(f'<circle class="dot s-{panel.series}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
            drawing.end()
