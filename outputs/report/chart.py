"""A chart: a shape with its title, its words, its legend and the same numbers as a table."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outputs.report.svg import DARK, LIGHT, SIZE, Drawing, palette, series_css
from outputs.report.text import line, width_of, xml

WIDE, NARROW = 700, 340
"""The widths, in pixels, that charts are drawn for."""
_PAD = 18


class Shape(Protocol):
    """What fills a chart: it says how high it is at a width, and draws itself there, from (0, 0) on."""

    def height(self, width: float) -> float:
        """Pixels at that width."""
        ...

    def draw(self, drawing: Drawing, width: float) -> None:
        """Draw it, with nothing beyond ``width`` and ``height(width)``."""
        ...


@dataclass(frozen=True)
class Chart:
    """One chart. ``rows`` are its numbers, as text, for those who read rather than look."""

    key: str
    title: str
    says: str
    """One sentence: what there is to see."""
    shape: Shape
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    legend: tuple[tuple[str, str], ...] = ()
    """Series and name."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show but a sentence."""
        return isinstance(self.shape, Empty)

    def inline(self, width: int) -> str:
        """The drawing for a page that has the classes, the title and the legend."""
        drawing = Drawing(alone=False)
        self.shape.draw(drawing, width)
        return _svg(drawing.parts, width, self.shape.height(width), self._label, "")

    def image(self, width: int = WIDE) -> str:
        """The drawing as an image of its own: title, legend and colours included, readable on any page."""
        drawing = Drawing(alone=True)
        room = width - 2 * _PAD
        top = self._head(drawing, room)
        height = top + self.shape.height(room) + _PAD
        drawing.raw(f'<g transform="translate({_PAD} {top:.0f})">')
        self.shape.draw(drawing, room)
        drawing.raw("</g>")
        card = f'<rect class="card" x=".5" y=".5" width="{width - 1}" height="{height - 1:.0f}" rx="8"/>'
        dark = f"@media (prefers-color-scheme:dark){{{palette('svg', DARK)}}}"
        head = f"<title>{xml(self.title)}</title><style>{palette('svg', LIGHT)}{dark}{series_css()}</style>{card}"
        return _svg(drawing.parts, width, height, self._label, head)

    def data_uri(self, width: int = WIDE) -> str:
        """``image`` as the address of an inline image."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.image(width).encode('utf-8')).decode('ascii')}"

    @property
    def _label(self) -> str:
        return line(f"{self.title}. {self.says}", 400)

    def _head(self, drawing: Drawing, room: float) -> float:
        """Title, sentence and legend; where the shape begins."""
        drawing.text(_PAD, _PAD + 13, self.title, kind="strong", size=16, room=room)
        top = _PAD + 13
        for part in _lines(self.says, room):
            top += 18
            drawing.text(_PAD, top, part)
        x, top = float(_PAD), top + 24
        for series, name in self.legend:
            wide = width_of(name, SIZE) + 30
            if x > _PAD and x + wide > _PAD + room:
                x, top = float(_PAD), top + 20
            drawing.rect(x, top - 10, 11, 11, f"s-{series}", radius=2)
            drawing.text(x + 17, top, name, kind="ink")
            x += wide
        return top + (16 if self.legend else -10)


@dataclass(frozen=True)
class Empty:
    """Stands for a chart without data, and says so."""

    why: str

    def height(self, width: float) -> float:
        """One line, or two on a phone."""
        return 24.0 + 18 * len(_lines(self.why, width))

    def draw(self, drawing: Drawing, width: float) -> None:
        """The sentence."""
        for place, part in enumerate(_lines(self.why, width)):
            drawing.text(0, 24 + 18 * place, part)


def _svg(parts: list[str], width: float, height: float, label: str, head: str) -> str:
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    opened = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} role="img" aria-label="{xml(label)}">'
    return f"{opened}{head}{''.join(parts)}</svg>"


def _lines(text: str, room: float) -> list[str]:
    """A sentence in lines that fit."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, SIZE) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
