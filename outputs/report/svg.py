"""Draws SVG by hand: shapes with classes, colours in one place, text that is escaped and fits.

An SVG in an ``<img>`` sees neither the page's colours nor its theme switch, only what the browser is set to. So a
chart that stands alone has a card of its own, light or dark, on which each of its texts has a contrast of at least
4.5 to 1, whatever page it is on. Inside ``report.html`` the same classes get the page's colours.
"""

import math
from dataclasses import dataclass, field

from outputs.report.text import fitted, xml

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', sans-serif"
SIZE = 13
"""Pixels of a text, in a drawing of 700 pixels; Prefect shows it some 15 % smaller."""

LIGHT = {
    "card": "#ffffff", "edge": "#d5dbe3", "ink": "#1b2430", "muted": "#566171", "grid": "#e6eaef", "axis": "#97a1ae",
    "blue": "#2c6fb8", "teal": "#12897b", "orange": "#cf5a1b", "grey": "#99a4b3", "amber": "#d8a31a",
    "violet": "#7658b8",
}  # fmt: skip
DARK = {
    "card": "#171c27", "edge": "#313a4b", "ink": "#e9edf3", "muted": "#a9b4c4", "grid": "#293142", "axis": "#67728a",
    "blue": "#67a6e6", "teal": "#3dbfab", "orange": "#f08a55", "grey": "#7d899c", "amber": "#e6bd51",
    "violet": "#a88fe6",
}  # fmt: skip
SERIES = {
    "kept": "blue", "passed": "blue", "created": "teal", "rejected": "orange", "dropped": "orange", "replaced": "grey",
    "discarded": "amber", "prompt": "violet", "completion": "teal", "cost": "amber", "rows": "blue",
    "requests": "violet", "tokens": "teal",
}  # fmt: skip
"""The colour of each series."""


def palette(selector: str, colours: dict[str, str]) -> str:
    """The colours as custom properties."""
    return f"{selector}{{{''.join(f'--{name}:{value};' for name, value in colours.items())}}}"


def series_css() -> str:
    """What the classes look like; the colours are those of ``palette``."""
    shapes = (
        f".chart text{{font-family:{FONT};font-variant-numeric:tabular-nums}}"
        ".card{fill:var(--card);stroke:var(--edge)}"
        ".ink{fill:var(--ink)}.muted{fill:var(--muted)}.strong{fill:var(--ink);font-weight:650}"
        ".grid{stroke:var(--grid)}.axis{stroke:var(--axis)}.limit{stroke:var(--ink);stroke-dasharray:4 3}"
        ".trace{fill:none;stroke-width:2;stroke-linejoin:round}.heat{fill:var(--blue)}"
    )
    fills = "".join(
        f".s-{name}{{fill:var(--{colour})}}.trace.s-{name}{{fill:none;stroke:var(--{colour})}}"
        for name, colour in SERIES.items()
    )
    return shapes + fills


@dataclass
class Drawing:
    """Shapes on a sheet. ``alone`` tells whether it will be an image of its own."""

    alone: bool
    parts: list[str] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, kind: str, *, radius: float = 0) -> None:
        """A rectangle with the classes ``kind``."""
        if width > 0 and height > 0:
            rounded = f' rx="{_n(radius)}"' if radius else ""
            size = f'width="{_n(width)}" height="{_n(height)}"'
            self.parts.append(f'<rect class="{kind}" x="{_n(x)}" y="{_n(y)}" {size}{rounded}/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        kind: str = "muted",
        anchor: str = "start",
        size: float = SIZE,
        room: float | None = None,
    ) -> None:
        """A line of text with its baseline at ``y``, cut where it is wider than ``room``."""
        shown = fitted(text, size, room if room is not None else 10_000)
        place = f'x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"'
        end = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(f'<text class="{kind}" {place}{end}>{xml(shown)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line."""
        ends = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
        self.parts.append(f'<line class="{kind}" {ends}/>')

    def trace(self, points: list[tuple[float, float]], kind: str) -> None:
        """A line through points."""
        path = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        self.parts.append(f'<path class="trace {kind}" d="M{path}"/>')

    def raw(self, part: str) -> None:
        """Markup that is already safe."""
        self.parts.append(part)

    def mark(self, series: str, tip: str) -> None:
        """What follows, until ``end``, is one mark: it can be pointed at, and hidden with its series."""
        if not self.alone:
            self.parts.append(f'<g class="mark" data-s="{xml(series)}" data-tip="{xml(tip)}">')

    def end(self) -> None:
        """The mark is complete."""
        if not self.alone:
            self.parts.append("</g>")


def ticks(top: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to at least ``top``; whole ones where ``top`` is 1 or more."""
    if not math.isfinite(top) or top < 1e-6:
        return [0.0, 1.0]
    rough = top / count
    power = 10.0 ** math.floor(math.log10(rough))
    steps_known = [step * power for step in (1, 2, 2.5, 5, 10, 20, 50, 100)]
    step = next(
        step for step in steps_known if step >= rough * 0.999 and (top < 1 or float(step).is_integer())
    )  # fmt: skip
    steps = math.ceil(top / step - 1e-9)
    return [round(step * place, 10) for place in range(steps + 1)]


def number(value: float) -> str:
    """``12,345``, ``0.25``, ``1.2M``: as an axis shows it; never NaN."""
    if not math.isfinite(value):
        return "–"
    for limit, unit in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= limit:
            return f"{value / limit:,.2f}".rstrip("0").rstrip(".") + unit
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


def _n(value: float) -> str:
    """A coordinate with one decimal at most."""
    if not math.isfinite(value):
        return "0"
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text
