"""Charts: well-formed, readable on any page, right in their numbers, and quiet where there is nothing to show."""

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outputs.report.chart import NARROW, WIDE, Chart, Empty
from outputs.report.charts import charts, funnel, throughput
from outputs.report.data import collect
from outputs.report.model import Histogram, Moment, ReportData
from outputs.report.shapes import Bar, Bars, Columns, Heat
from outputs.report.svg import DARK, LIGHT, number, ticks
from outputs.report.text import fitted, human_bytes, percent, seconds_text, width_of
from tests.outputs.made import make_dataset
from tests.outputs.storied import ATTACKS, any_text, storied

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    dataset = storied(tmp_path_factory.mktemp("charts"), families=12)
    timeline = [(float(second), 3 * second, 20 * second, 900 * second) for second in range(60)]
    return collect(
        dataset.folder, dataset.manifest, timeline=timeline, thresholds={("minhash", "jaccard"): {"en": 0.7, "zh": 0.8}}
    )


def texts_of(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def drawn(chart: Chart) -> list[str]:
    return [chart.image(WIDE), chart.image(NARROW), chart.inline(560), chart.inline(300)]


def test_every_chart_is_well_formed_named_and_inside_its_frame(data: ReportData) -> None:
    made = charts(data)
    assert len({chart.key for chart in made}) == len(made)
    for chart in made:
        for svg in drawn(chart):
            root = ElementTree.fromstring(svg)
            assert root.get("role") == "img"
            assert chart.title in (root.get("aria-label") or "")
            _, _, width, height = map(float, (root.get("viewBox") or "").split())
            for rect in root.iter(f"{SVG}rect"):
                x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
                assert -0.5 <= x <= x + float(rect.get("width", 0)) <= width + 0.5
                assert -0.5 <= y <= y + float(rect.get("height", 0)) <= height + 0.5
            assert not re.search(r"\bnan\b|\binf\b", svg, re.IGNORECASE)
        assert ElementTree.fromstring(chart.image()).find(f"{SVG}title") is not None


def test_an_image_brings_its_own_colours_and_an_inline_drawing_takes_those_of_the_page(data: ReportData) -> None:
    image, inline = funnel(data).image(), funnel(data).inline(560)
    assert LIGHT["card"] in image
    assert DARK["card"] in image
    assert "prefers-color-scheme:dark" in image
    assert "<style" not in inline
    assert 'data-tip="minhash: 9 rows rejected"' in inline
    assert "data-tip" not in image


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(colour: str, ground: str, share: float) -> str:
    pairs = [(int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * over + (1 - share) * under):02x}" for over, under in pairs)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_texts_and_marks_stand_out_from_the_card(theme: dict[str, str]) -> None:
    for text in ("ink", "muted"):
        assert contrast(theme[text], theme["card"]) >= 4.5
    assert contrast(theme["ink"], mixed(theme["blue"], theme["card"], 0.56)) >= 4.5  # in the darkest cell
    for mark in ("blue", "teal", "orange", "violet"):
        assert contrast(theme[mark], theme["card"]) >= 3


def test_the_numbers_below_a_chart_are_the_manifest_s(data: ReportData) -> None:
    by_key = {chart.key: chart for chart in charts(data)}
    stages = data.manifest.funnel
    assert [row[0] for row in by_key["funnel"].rows] == [stage.stage for stage in stages]
    assert [int(row[-1].replace(",", "")) for row in by_key["funnel"].rows] == [stage.rows_out for stage in stages]
    assert sum(int(row[2].replace(",", "")) for row in by_key["reasons"].rows) == data.reject_rows
    assert by_key["cost"].rows == [("evol_instruct", "1,234", "0", "5,000,000", "2,000", "12.5000")]
    assert "$12.50" in by_key["cost"].says
    kept = sum(int(row[1].replace(",", "")) for row in by_key["length-instruction"].rows)
    assert kept == data.manifest.rows


def test_a_bar_is_as_long_as_its_number_and_the_smallest_is_still_seen() -> None:
    bars = Bars(
        [
            Bar("a", (("kept", 1_000_000.0, ""),), ""),
            Bar("b", (("kept", 500_000.0, ""),), ""),
            Bar("c", (("kept", 1.0, ""),), ""),
        ]
    )
    chart = Chart("k", "t", "s", bars, (), ())
    widths = [float(rect.get("width", 0)) for rect in ElementTree.fromstring(chart.inline(600)).iter(f"{SVG}rect")]
    assert widths[1] == pytest.approx(widths[0] / 2, abs=0.2)
    assert widths[2] >= 1


def test_limits_of_two_languages_are_both_marked(data: ReportData) -> None:
    (chart,) = [chart for chart in charts(data) if chart.key == "similarity-minhash-jaccard"]
    assert {"limit 0.7 (en)", "limit 0.8 (zh)"} <= set(texts_of(chart.image()))


def test_a_chart_without_data_says_so(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, rows=3, rejects=0)
    empty = [chart for chart in charts(collect(dataset.folder, dataset.manifest)) if chart.empty]
    assert {chart.key for chart in empty} == {"reasons", "topics", "operations", "similarity", "throughput"}
    for chart in empty:
        assert chart.says.rstrip(".") in " ".join(texts_of(chart.image()))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_name_stays_text(attack: str) -> None:
    bars = Bars([Bar(attack, (("kept", 1.0, attack),), attack)])
    heat = Heat([(attack, [1], attack)], [attack], attack, lambda *parts: attack)
    for shape in (bars, heat, Empty(attack)):
        for svg in drawn(Chart(attack, attack, attack, shape, (attack,), [(attack,)], (("kept", attack),))):
            tags = {each.tag.removeprefix(SVG) for each in ElementTree.fromstring(svg).iter()}
            assert tags <= {"svg", "title", "style", "rect", "g", "text", "line", "path", "circle"}
            assert "evil" not in re.sub(r'(aria-label|data-tip)="[^"]*"|<(text|title)[^>]*>[^<]*<', "", svg)


@given(counts=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=30))
def test_columns_of_any_counts_fit(counts: list[tuple[int, int]]) -> None:
    edges = tuple(float(place) for place in range(len(counts) + 1))
    shape = Histogram(edges, {"kept": tuple(a for a, _ in counts), "rejected": tuple(b for _, b in counts)})
    columns = Columns(shape, "x", {"kept": "kept", "rejected": "rejected"}, stacked=True)
    height = columns.height(560)
    for rect in ElementTree.fromstring(Chart("k", "t", "s", columns, (), ()).inline(560)).iter(f"{SVG}rect"):
        assert float(rect.get("y", 0)) >= -len(counts)  # a pixel for what is too small to draw may add up
        assert float(rect.get("y", 0)) + float(rect.get("height", 0)) <= height


@given(top=st.floats(0, 1e12))
def test_ticks_are_round_few_and_reach_the_top(top: float) -> None:
    steps = ticks(top)
    assert steps[0] == 0
    assert steps[-1] >= top * 0.999
    assert 2 <= len(steps) <= 8
    if top >= 1:
        assert all(step == int(step) for step in steps)
    gaps = [later - before for before, later in pairwise(steps)]
    assert all(gap == pytest.approx(gaps[0], rel=1e-6) for gap in gaps)


@given(text=any_text, room=st.floats(20, 400))
def test_a_fitted_text_fits(text: str, room: float) -> None:
    assert width_of(fitted(text, 13, room), 13) <= room


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1234, "1,234"),
        (0.25, "0.25"),
        (12.345, "12.3"),
        (1_500_000, "1.5M"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_numbers_have_separators_and_never_nan(value: float, shown: str) -> None:
    assert number(value) == shown


def test_small_words_for_large_numbers() -> None:
    assert [percent(1, 0), percent(0, 5), percent(1, 300), percent(1, 3)] == ["–", "0 %", "0.3 %", "33 %"]
    assert [human_bytes(size) for size in (0, 999, 1500, 123_456_789)] == ["0 B", "999 B", "1.5 kB", "123 MB"]
    assert [seconds_text(s) for s in (5, 187, 7500)] == ["5 s", "3:07 min", "2:05 h"]


def test_throughput_is_told_in_rates(data: ReportData) -> None:
    inline = throughput(data.timeline).inline(560)
    assert "20 requests a second" in inline
    assert "900 tokens a second" in inline
    assert throughput([]).empty
    assert throughput([Moment(3, 1, 1, 1), Moment(3, 2, 2, 2)]).empty
