"""Markdown and tables: what a model wrote is shown, and does nothing; nothing is larger than it may be."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from outputs.report.data import collect
from outputs.report.markdown import (
    LARGEST,
    card_markdown,
    download_markdown,
    report_markdown,
    sample_tables,
)
from outputs.report.model import ReportData
from outputs.report.text import cell, cell_lines, line, markdown
from outputs.report.words import REASONS, meaning
from schemas.manifest import ShardFile, StageCounts
from schemas.reject import Rejected
from schemas.row import new_row
from tests.outputs.made import make_dataset
from tests.outputs.storied import ATTACKS, hostile_text, storied

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
READER.validateLink = lambda url: True  # type: ignore[method-assign]  # Prefect's readers take data:, and so must this
PLAIN = {"inline", "text", "softbreak", "paragraph_open", "paragraph_close"}
LINKED = re.compile(r"https?://[-.\w]|www\.[-.\w]|[-.\w+]@[-\w]+\.", re.IGNORECASE)
"""What GitHub's flavour makes a link of in a text that is already read."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    dataset = storied(tmp_path_factory.mktemp("markdown"), families=12)
    return collect(dataset.folder, dataset.manifest)


def tokens_of(text: str) -> Iterable[Token]:
    for token in READER.parse(text):
        yield token
        yield from token.children or ()


def shown(text: str) -> str:
    return "".join(token.content for token in tokens_of(text) if token.type == "text")


def visible(text: str) -> str:
    return re.sub("[\u200b\u200a]", "", text)


def in_lines(text: str, limit: int) -> str:
    return cell_lines(text, limit, 12)


@pytest.mark.parametrize("escape", [markdown, cell, in_lines])
@given(text=hostile_text)
def test_no_text_becomes_markup(escape: object, text: str) -> None:
    assert callable(escape)
    escaped = escape(text, 400)
    assert {token.type for token in tokens_of(escaped)} <= PLAIN | {"text_special"}
    assert not LINKED.search(re.sub(r"\\(.)", r"\1", escaped))


@given(text=hostile_text)
def test_escaped_markdown_reads_as_the_text_itself(text: str) -> None:
    seen = "".join(
        token.content for token in tokens_of(markdown(text, 10_000)) if token.type in ("text", "text_special")
    )
    assert visible(seen) == line(text, 10_000)


@given(text=hostile_text)
def test_a_cell_looks_like_its_text_where_it_is_shown_as_it_is(text: str) -> None:
    assert visible(cell(text, 10_000)) == visible(line(text, 10_000)).replace("`", "\u02cb")


@given(text=hostile_text, width=st.integers(1, 60))
def test_a_cell_in_lines_has_the_same_text_in_lines_of_that_width(text: str, width: int) -> None:
    told = cell_lines(text, 10_000, width)
    assert all(len(visible(part)) <= width for part in told.splitlines())
    assert "".join(visible(told).split()) == "".join(visible(cell(text, 10_000)).split())


@given(text=hostile_text, limit=st.integers(1, 80))
def test_a_line_is_one_line_and_no_longer_than_it_may_be(text: str, limit: int) -> None:
    told = line(text, limit)
    assert len(told) <= limit
    assert len(told.splitlines()) <= 1


def test_a_report_of_hostile_rows_has_our_own_images_and_links_only(data: ReportData) -> None:
    page = report_markdown(
        data, {"Download": "http://127.0.0.1:4201/d", "bad": "javascript:alert(1)", "Run": "/runs/1"}
    )
    tokens = list(tokens_of(page))
    assert not [token for token in tokens if token.type in ("html_inline", "html_block")]
    images = [str(token.attrs["src"]) for token in tokens if token.type == "image"]
    assert len(images) >= 8
    assert all(source.startswith("data:image/svg+xml;base64,") for source in images)
    assert [token.attrs["href"] for token in tokens if token.type == "link_open"] == [
        "http://127.0.0.1:4201/d",
        "/runs/1",
    ]


def test_a_report_tells_the_funnel_and_the_reasons_in_words(data: ReportData) -> None:
    page = report_markdown(data)
    for stage in data.manifest.funnel:
        row = next(line for line in page.splitlines() if re.match(rf"\| {re.escape(markdown(stage.stage))} \|", line))
        assert f"| {stage.rows_in:,} |" in row
        assert row.endswith(f"| {stage.rows_out:,} |")
    assert "**9 rows** (47 %) that share most of their wording with an earlier row" in page
    assert "5,000,000 prompt" in page
    assert "**$12.50**" in page


def test_a_report_stays_small_whatever_the_dataset(tmp_path: Path) -> None:
    long = "字" * 50_000
    rows = [new_row(f"{number} {long}", stage="s", topic=f"{number}{long}", response=long) for number in range(60)]
    lost = [Rejected(f"stage{n % 40}", f"reason_{n}", "row", 0, row, raw=long) for n, row in enumerate(rows)]
    dataset = storied(tmp_path, rows=rows, lost=lost)
    stages = [StageCounts(stage=f"{n}{long}", use="x", kind="filter", reasons={long: 1}) for n in range(30)]
    manifest = dataset.manifest.model_copy(update={"funnel": stages})
    data = collect(dataset.folder, manifest)
    assert len(report_markdown(data).encode("utf-8")) < LARGEST
    for table in sample_tables(data).values():
        assert len(json.dumps(table).encode("utf-8")) < LARGEST


def test_what_does_not_fit_is_named(data: ReportData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outputs.report.markdown.LARGEST", 40_000)
    page = report_markdown(data)
    assert len(page.encode("utf-8")) < 40_000
    assert "Left out, since this page would be too large: " in page


def test_sample_tables_are_short_strings_under_names_that_stay(data: ReportData) -> None:
    tables = sample_tables(data)
    assert list(tables) == [
        "accepted", "rejected-minhash", "rejected-self-instruct", "rejected-evol-instruct", "similar-pairs", "evolution",
    ]  # fmt: skip
    for name, table in tables.items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert len({tuple(entry) for entry in table}) == 1
        for value in (value for entry in table for value in entry.values()):
            assert isinstance(value, str)
            assert len(value) < 800
            assert {token.type for token in tokens_of(value)} <= PLAIN
    near = tables["rejected-minhash"][0]
    assert near["score"].endswith("jaccard 0.90") or "jaccard 0.9" in near["score"]
    assert visible(near["like"])[:6] == visible(near["instruction"])[:6]
    assert tables["evolution"][0]["step"] == "0"


@pytest.mark.parametrize("base", [None, "http://localhost:4201/datasets/storied/v1/", "javascript:alert(1)"])
def test_a_download_page_has_each_shard_with_its_digest(data: ReportData, base: str | None) -> None:
    page = download_markdown(data.manifest, base)
    links = [token.attrs["href"] for token in tokens_of(page) if token.type == "link_open"]
    files = [*data.manifest.files, *data.manifest.rejects]
    good = base is not None and base.startswith("http")
    assert links == ([f"{str(base).rstrip('/')}/{shard.path}" for shard in files] if good else [])
    for shard in files:
        assert f"| {shard.rows:,} |" in page
        assert shard.sha256 in page
    assert f"instructloom download storied@1{' --from http://localhost:4201' if good else ''}\n" in page
    assert "javascript" not in page


def test_the_lines_to_copy_load_the_dataset(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, rows=25, shard_rows=10)
    page = download_markdown(dataset.manifest, "http://localhost/base").replace(
        "http://localhost/base", str(dataset.folder)
    )
    code = re.search(r"```python\n(.*?)\nfrom datasets", page, re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)
    assert len(names["rows"]) == 25  # type: ignore[arg-type]  # a frame
    assert len(names["files"]) == 3  # type: ignore[arg-type]  # a list


def test_a_page_of_many_shards_shows_some_and_counts_all(data: ReportData) -> None:
    many = [
        ShardFile(path=f"data/train-{n:05d}-of-01000.parquet", rows=10, bytes=5, sha256="a" * 64) for n in range(1000)
    ]
    page = download_markdown(data.manifest.model_copy(update={"files": many}), "http://h/d")
    assert "1,000 files, 10,000 rows, 5,000 bytes. 800 more are in the manifest." in page
    assert 'train-{n:05d}-of-01000.parquet" for n in range(1000)]' in page
    assert len(page) < 60_000


def test_the_card_is_shown_without_its_head(data: ReportData) -> None:
    page = card_markdown(data.manifest, ["en"])
    assert page.startswith("# storied, version 1")
    assert "configs:" not in page


def test_reasons_that_stages_know_are_told_in_words() -> None:
    documented: set[str] = set()
    for name in ("generators.md", "evolution_and_reasoning.md", "filters.md"):
        in_table = False
        for told in (Path(__file__).parents[2] / "docs" / name).read_text(encoding="utf-8").splitlines():
            in_table = told.startswith("| reason |") or (in_table and told.startswith("|"))
            documented |= set(re.findall(r"`([a-z_]+)`", told.split("|")[1])) if in_table else set()
    assert len(documented) > 50
    assert documented <= set(REASONS)
    assert meaning("my_own_reason") == "were dropped as “my own reason”"


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_stage_may_have_any_name(data: ReportData, attack: str) -> None:
    stages = [StageCounts(stage=attack, use="x", kind="filter", rows_in=5, rejected=5, reasons={attack: 5})]
    page = report_markdown(replace(data, manifest=data.manifest.model_copy(update={"funnel": stages})))
    assert not [token for token in tokens_of(page) if token.type in ("html_inline", "html_block", "link_open", "fence")]
    assert sum(token.type == "table_open" for token in tokens_of(page)) == 1
