"""report.html as a file: one piece, nothing loaded, nothing a model wrote is markup, the same numbers."""

import json
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings

from outputs.dataset import Dataset
from outputs.report.charts import charts
from outputs.report.data import collect
from outputs.report.embed import page_json
from outputs.report.model import ReportData
from outputs.report.page import POLICY, SCRIPTS, report_html
from outputs.report.text import json_in_html
from outputs.report.writer import write_report
from schemas.reject import Rejected
from schemas.row import Row, Score, new_row
from tests.outputs.made import any_rows
from tests.outputs.storied import ATTACKS, hostile_text, storied


class Elements(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag if tag in self.raw else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[self._inside].append(data)


def read(page: str) -> Elements:
    elements = Elements()
    elements.feed(page)
    elements.close()
    return elements


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return storied(tmp_path_factory.mktemp("page"), families=12)


@pytest.fixture(scope="module")
def data(dataset: Dataset) -> ReportData:
    return collect(dataset.folder, dataset.manifest)


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    return report_html(data)


def test_nothing_outside_the_file_is_named_and_the_policy_would_forbid_it(page: str) -> None:
    elements = read(page)
    policies = [
        each for tag, each in elements.found if tag == "meta" and each.get("http-equiv") == "Content-Security-Policy"
    ]
    assert [each["content"] for each in policies] == [POLICY]
    assert POLICY.startswith("default-src 'none';")
    assert not [
        tag for tag, _ in elements.found if tag in {"link", "iframe", "img", "object", "embed", "base", "form action"}
    ]
    for _, attributes in elements.found:
        assert not {"src", "srcset", "action", "onclick", "onerror", "onload", "style"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    code = "".join(resources.files("outputs.report").joinpath("assets", name).read_text("utf-8") for name in SCRIPTS)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(|XMLHttpRequest|import\(", code
    )
    assert "url(" not in "".join(elements.raw["style"])


def test_the_rows_are_embedded_as_they_are(data: ReportData, page: str) -> None:
    scripts = read(page).raw["script"]
    assert len(scripts) == 2  # a text that ended a script early would make more, or less of the first
    content = json.loads(scripts[0])
    assert [row["id"] for row in content["rows"]] == [each.row.id for each in (*data.kept, *data.rejected)]
    assert [row["instruction"] for row in content["rows"]] == [
        each.row.instruction for each in (*data.kept, *data.rejected)
    ]
    assert {row.get("raw") for row in content["rows"] if "by" in row} >= set(ATTACKS)
    assert (content["kept"], content["rejected"]) == (data.manifest.rows, data.reject_rows)
    assert "private" not in page  # a seed's folder


def test_no_element_is_made_of_a_model_s_text(data: ReportData, dataset: Dataset) -> None:
    def tags(rows: tuple[Row, ...]) -> set[str]:
        harmless = storied(dataset.folder.parents[1] / "harmless", rows=list(rows), lost=[])
        return {tag for tag, _ in read(report_html(collect(harmless.folder, harmless.manifest))).found}

    plain = tags((new_row("plain", stage="s", topic="t", operation="o", language="en"),))
    attack = "</text></svg></script><img src=x onerror=alert(1)><b>"
    hostile = new_row(
        attack, stage=attack, topic=attack, subtopic=attack, operation=attack, language=attack, task_type=attack
    )
    assert tags((hostile.scored(Score(attack, attack, 0.5, attack)),)) <= plain | {"section", "details", "summary"} | {
        "table", "tr", "th", "td", "thead", "tbody", "caption", "line", "rect", "g", "button", "figure",
    }  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(rows=any_rows)
def test_any_row_can_be_embedded(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> None:
    lost = [Rejected("s", "r", "candidate", 0, row, raw=row.instruction) for row in rows]
    dataset = storied(tmp_path_factory.mktemp("any"), rows=rows, lost=lost)
    embedded = json.loads(page_json(collect(dataset.folder, dataset.manifest)))
    assert sum("by" in row for row in embedded["rows"]) == len(rows)
    json.dumps(embedded, allow_nan=False)


@given(text=hostile_text)
def test_json_in_a_page_stays_json_and_ends_no_script(text: str) -> None:
    shown = json_in_html(json.dumps({"text": text + "\u2028\ud800"}, ensure_ascii=False))
    assert not re.search("[<>&\u2028\u2029]", shown)
    shown.encode("utf-8")
    assert json.loads(shown) == {"text": text + "\u2028\ufffd"}


def test_every_chart_is_there_in_two_widths_with_its_numbers(data: ReportData, page: str) -> None:
    elements = read(page)
    drawn = [chart for chart in charts(data) if not chart.empty]
    assert [each["data-chart"] for tag, each in elements.found if "data-chart" in each] == [
        chart.key for chart in drawn
    ]
    assert sum(each.get("class") == "draw wide" for _, each in elements.found) == len(drawn)
    assert sum(each.get("class") == "draw narrow" for _, each in elements.found) == len(drawn)
    for chart in drawn:
        for row in chart.rows:
            assert f"<td>{row[-1]}</td>" in page


def test_a_page_stays_small_whatever_the_dataset(tmp_path: Path) -> None:
    rows = [new_row(f"{number} " + "长文本 " * 3000, stage="s", response="y" * 9000) for number in range(400)]
    dataset = storied(tmp_path, rows=rows, lost=[Rejected("s", "r", "row", 0, row, raw="z" * 9000) for row in rows])
    page = report_html(collect(dataset.folder, dataset.manifest))
    assert len(page.encode("utf-8")) < 5_000_000
    embedded = json.loads(read(page).raw["script"][0])
    assert 50 < len(embedded["rows"]) < 800
    assert embedded["kept"] == 400


def test_the_file_is_written_whole(data: ReportData, tmp_path: Path) -> None:
    path = write_report(tmp_path, data)
    assert path.name == "report.html"
    assert path.read_text(encoding="utf-8") == report_html(data)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_the_assets_are_part_of_the_package() -> None:
    assets = resources.files("outputs.report").joinpath("assets")
    assert {each.name for each in assets.iterdir()} == {*SCRIPTS, "report.css"}
