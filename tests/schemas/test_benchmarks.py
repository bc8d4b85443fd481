"""Benchmark files are read before a run, whole or not at all."""

import bz2
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.recipe_file import validated
from schemas.benchmarks import BenchmarkConfig, BenchmarkFile, read_benchmark
from schemas.errors import RecipeError

RECORDS = [{"question": "How many?", "answer": "3"}, {"question": "Who, in “all”\nthe world?", "answer": "I"}]


def lines(records: list[dict[str, str]]) -> bytes:
    return "\n".join(json.dumps(record) for record in records).encode()


def csv_of(records: list[dict[str, str]], separator: str = ",") -> bytes:
    return pl.DataFrame(records).write_csv(separator=separator).encode()


def texts(path: Path, field: str | None = None) -> list[str]:
    return [item.text for item in read_benchmark(BenchmarkFile(path=str(path), field=field))]


WRITERS: dict[str, Callable[[Path], object]] = {
    "b.jsonl": lambda path: path.write_bytes(lines(RECORDS)),
    "b.jsonl.gz": lambda path: path.write_bytes(gzip.compress(lines(RECORDS))),
    "b.json.bz2": lambda path: path.write_bytes(bz2.compress(json.dumps(RECORDS).encode())),
    "b": lambda path: path.write_bytes(b"\xef\xbb\xbf" + lines(RECORDS)),
    "b.csv": lambda path: path.write_bytes(csv_of(RECORDS)),
    "b.tsv": lambda path: path.write_bytes(csv_of(RECORDS, "\t")),
    "b.PARQUET": lambda path: pl.DataFrame(RECORDS).write_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_container_gives_the_same_questions(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    assert texts(tmp_path / name) == [record["question"] for record in RECORDS]
    assert [item.name for item in read_benchmark(BenchmarkFile(path=str(tmp_path / name)))] == ["b:1", "b:2"]


@pytest.mark.parametrize(
    ("record", "field", "text"),
    [
        ({"prompt": "p", "question": "q"}, None, "q"),
        ({"Problem": "q"}, None, "q"),
        ({"instruction": "Sort.", "input": "b a"}, None, "Sort.\n\nb a"),
        ({"instruction": "Sort.", "input": " "}, None, "Sort."),
        ({"input": "b a", "target": "x"}, None, "b a"),
        ({"question": "q", "input": "b a"}, None, "q"),
        ({"ctx": "q", "question": None}, " CTX", "q"),
        ({"turns": ["one", "two"]}, "turns", "one\n\ntwo"),
    ],
)
def test_the_question_is_found_in_known_fields_or_in_the_one_that_is_named(
    record: dict[str, object], field: str | None, text: str, tmp_path: Path
) -> None:
    (tmp_path / "b.jsonl").write_text(json.dumps(record))
    assert texts(tmp_path / "b.jsonl", field) == [text]


def test_numbers_are_those_of_lines_and_empty_questions_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('\n{"question": "a"}\n{"question": ""}\n{"question": null, "prompt": "b"}\n')
    names = [item.name for item in read_benchmark(BenchmarkFile(path=str(path), name="gsm8k"))]
    assert names == ["gsm8k:2", "gsm8k:4"]


BAD = [
    ("b.jsonl", b"", None, "holds no record"),
    ("b.jsonl", b"\n \n", None, "holds no record"),
    ("b.json", b"[]", None, "holds no record"),
    ("b.jsonl", b'{"question": ""}', None, "all its questions are empty"),
    ("b.jsonl", b'{"question": "a"}\n{"question": ', None, "line 2 is not JSON"),
    ("b.jsonl", b'{"q": "a", "a": "b"}', None, "record 1 has none of question, prompt"),
    ("b.jsonl", b'{"question": "a"}\n{"a": "b"}', None, "record 2 has none of question"),
    ("b.jsonl", b'{"question": "a"}', "ctx", "record 1 has no field 'ctx' (it has: question)"),
    ("b.jsonl", b'{"question": 5}', None, "record 1: question is not a text"),
    ("b.jsonl", b'["a"]', None, "record 1 is not an object"),
    ("b.jsonl", b'{"question": "\xff"}', None, "byte 14 is not UTF-8"),
    ("b.json", b'{"question": "a"}', None, "is not a list of objects"),
    ("b.json", b'{"question": "a"}\n{"question": "b"}', None, "call it .jsonl"),
    ("b.json", b"[" * 100_000, None, "is broken JSON"),
    ("b.parquet", b"PAR1 no", None, "is not a whole Parquet file"),
    ("b.csv", b'question\n"a', None, "is no CSV file"),
    ("b.jsonl.gz", b'{"question": "a"}', None, "cannot be read"),
]


@pytest.mark.parametrize(("name", "content", "field", "message"), BAD)
def test_a_file_that_cannot_be_read_whole_is_one_line_that_names_it(
    name: str, content: bytes, field: str | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        BenchmarkConfig.model_validate({"use": "clean", "benchmarks": [{"path": str(path), "field": field}]})
    assert str(caught.value).startswith(f"clean.benchmarks: {path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["/no/such/file.jsonl", "memory://no/such.jsonl", "nosuch://a/b.jsonl"])
def test_a_missing_file_stops_the_run(path: str) -> None:
    with pytest.raises(RecipeError, match=r"clean\.benchmarks: .*check the path"):
        BenchmarkConfig.model_validate({"use": "clean", "benchmarks": [path]})


def test_a_url_is_read_and_a_login_in_it_is_refused_unseen(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_bytes(lines(RECORDS))
    config = BenchmarkConfig.model_validate({"use": "clean", "benchmarks": [f"file://{tmp_path}/b.jsonl"]})
    assert [item.name for item in config.items] == ["b:1", "b:2"]
    for entry in ("s3://me:hunter2@bucket/b.jsonl", {"path": "s3://me:hunter2@bucket/b.jsonl"}):
        with pytest.raises(RecipeError, match=r"^r: benchmarks\.0\.path: there is a user name in the URL") as caught:
            validated(BenchmarkConfig, {"use": "clean", "benchmarks": [entry]}, "r")
        assert "hunter2" not in str(caught.value)


def test_a_misspelt_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"^r: benchmarks\.0\.feild: unknown key; did you mean 'field'\?$"):
        validated(BenchmarkConfig, {"use": "clean", "benchmarks": [{"path": "b", "feild": "q"}]}, "r")


def test_half_a_character_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text(r'{"question": "a \ud83d b"}')
    assert texts(tmp_path / "b.jsonl") == ["a ? b"]


def test_two_benchmarks_of_one_name_are_refused_until_one_is_renamed(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.jsonl").write_bytes(lines(RECORDS))
    one, two = (str(tmp_path / folder / "test.jsonl") for folder in ("one", "two"))
    with pytest.raises(RecipeError, match="two benchmarks are named 'test'"):
        BenchmarkConfig.model_validate({"use": "clean", "benchmarks": [one, two]})
    config = BenchmarkConfig.model_validate({"use": "clean", "benchmarks": [one, {"path": two, "name": "second"}]})
    assert [item.name for item in config.items] == ["test:1", "test:2", "second:1", "second:2"]
    second = config.named("second:1")
    assert second is not None
    assert (second.text, config.named("third:1")) == ("How many?", None)


def test_what_stands_in_the_files_is_part_of_what_the_configuration_is_dumped_to(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"

    def dumped(question: str) -> object:
        path.write_text(json.dumps({"question": question}))
        os.utime(path, ns=(1, len(question)))  # two writes within one tick of the clock
        return BenchmarkConfig.model_validate({"use": "clean", "benchmarks": [str(path)]}).model_dump(mode="json")

    assert dumped("How many?") == dumped("How many?")
    assert dumped("How many?") != dumped("How much?!")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, questions: list[str]) -> None:
    path = tmp_path_factory.mktemp("b") / "b.jsonl"
    path.write_text(
        "\n".join(json.dumps({"question": text}, ensure_ascii=False) for text in questions), "utf-8", newline="\n"
    )
    said = [text for text in questions if text.strip()]
    if said:
        assert texts(path) == said
