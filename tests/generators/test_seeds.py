"""Seed files of every format, the bad ones included: what is read, what is counted, what is refused."""

import bz2
import gzip
import json
import lzma
import re
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.seeds import read_seeds
from schemas.errors import SeedError
from schemas.language import detect
from schemas.manifest import SeedReport
from schemas.recipe import Seeds
from schemas.row import Row, Turn, from_frame, to_frame

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"


def jsonl(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read(tmp_path: Path, content: str | bytes, name: str = "seeds", **values: Any) -> tuple[list[Row], SeedReport]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows, (report,) = read_seeds(Seeds(path=str(path), **values))
    return rows, report


def refusal(tmp_path: Path, content: str | bytes, **values: Any) -> str:
    with pytest.raises(SeedError) as caught:
        read(tmp_path, content, **values)
    text = str(caught.value)
    assert "\n" not in text
    return text


ADD = {"instruction": "Add.", "input": "1 2", "output": "3"}
CHAT = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "See you")]
MESSAGES = {"messages": [{"role": role, "content": content} for role, content in CHAT]}
SHAREGPT = {
    "conversations": [
        {"from": {"user": "human", "assistant": "gpt"}.get(role, role), "value": content} for role, content in CHAT
    ]
}
SELF_INSTRUCT = {
    "instruction": "Add.",
    "instances": [{"input": "1 2", "output": "3"}, {"input": "2 2", "output": "4"}],
    "is_classification": False,
}
WORKED = {"question": "How many?", "answer": "He has 1,000 + 200.\n#### 1,200"}


@pytest.mark.parametrize(
    ("content", "layout", "expected"),
    [
        (jsonl(ADD), "alpaca", ("Add.", "1 2", "3")),
        (json.dumps([ADD]), "alpaca", ("Add.", "1 2", "3")),
        (json.dumps([ADD], indent=2), "alpaca", ("Add.", "1 2", "3")),
        (json.dumps(ADD, indent=2), "alpaca", ("Add.", "1 2", "3")),
        (jsonl({"instruction": "Add.", "response": "3"}), "alpaca", ("Add.", "", "3")),
        (jsonl({"Instruction": "Add."}), "alpaca", ("Add.", "", "")),
        (jsonl(SELF_INSTRUCT), "self_instruct", ("Add.", "1 2", "3")),
        (json.dumps(SELF_INSTRUCT, indent=1), "self_instruct", ("Add.", "1 2", "3")),
        (jsonl(MESSAGES), "messages", ("Hi", "", "Hello")),
        (json.dumps([MESSAGES]), "messages", ("Hi", "", "Hello")),
        (json.dumps([SHAREGPT]), "sharegpt", ("Hi", "", "Hello")),
        (jsonl(WORKED), "question_answer", ("How many?", "", "He has 1,000 + 200.")),
        (jsonl({"text": "Question: How many?\nAnswer: \n#### 3"}), "question_answer", ("How many?", "", "")),
        (jsonl({"prompt": "Add.", "completion": "3"}), "prompt_completion", ("Add.", "", "3")),
        (jsonl({"input": "Add.", "output": "3"}), "prompt_completion", ("Add.", "", "3")),
        (jsonl({"text": "Add."}), "text", ("Add.", "", "")),
        ("instruction,input,output\nAdd.,1 2,3\n", "csv", ("Add.", "1 2", "3")),
        ("Question;Answer\r\nAdd.;3\r\n", "csv", ("Add.", "", "3")),
        ("prompt\tcompletion\nAdd.\t3\n", "csv", ("Add.", "", "3")),
        ('instruction,output\n"Add, please.\nNow.",3\n', "csv", ("Add, please.\nNow.", "", "3")),
        ("text\nAdd.\n", "csv", ("Add.", "", "")),
        ("问题,回答\n多少？,3\n", "csv", ("多少？", "", "3")),
    ],
)
@pytest.mark.parametrize("bom", ["", "\ufeff"], ids=["plain", "bom"])
def test_a_format_is_told_from_the_content(
    tmp_path: Path, content: str, layout: str, expected: tuple[str, str, str], bom: str
) -> None:
    rows, report = read(tmp_path, bom + content)
    assert report.format == layout
    assert (rows[0].instruction, rows[0].input, rows[0].response) == expected
    assert report.bad_lines == {}


def test_the_extension_decides_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, jsonl(ADD), name="seeds.csv")[1].format == "alpaca"


def test_parquet_is_read_and_wide_columns_are_left(tmp_path: Path) -> None:
    pl.DataFrame([{**ADD, "vector": [0.5] * 4}]).write_parquet(tmp_path / "seeds")
    rows, (report,) = read_seeds(Seeds(path=str(tmp_path / "seeds")))
    assert (report.format, rows[0].response) == ("parquet", "3")


def test_parquet_may_hold_chats(tmp_path: Path) -> None:
    pl.DataFrame([MESSAGES]).write_parquet(tmp_path / "seeds")
    rows, _ = read_seeds(Seeds(path=str(tmp_path / "seeds")))
    assert rows[0].turns == (Turn("user", "Bye"), Turn("assistant", "See you"))


@pytest.mark.parametrize("record", [MESSAGES, SHAREGPT])
def test_a_chat_gives_its_system_message_its_first_exchange_and_its_later_turns(tmp_path: Path, record: object) -> None:
    (row,), _ = read(tmp_path, jsonl(record))
    assert row.system == "Be brief."
    assert row.turns == (Turn("user", "Bye"), Turn("assistant", "See you"))


def test_a_last_question_that_nobody_answered_is_left_out(tmp_path: Path) -> None:
    (row,), _ = read(tmp_path, jsonl({"messages": MESSAGES["messages"][:4]}))
    assert (row.response, row.turns) == ("Hello", ())


def test_a_worked_answer_gives_the_gold_answer_without_commas(tmp_path: Path) -> None:
    assert read(tmp_path, jsonl(WORKED))[0][0].answer == "1200"


def test_a_short_answer_beside_a_response_is_the_gold_answer(tmp_path: Path) -> None:
    (row,), _ = read(tmp_path, jsonl({"question": "1 + 2?", "response": "It is 3.", "answer": 3}))
    assert (row.response, row.answer) == ("It is 3.", "3")


def test_each_instance_is_a_row_with_a_source_and_an_id_of_its_own(tmp_path: Path) -> None:
    task = {**SELF_INSTRUCT, "instances": [{"input": "", "output": text} for text in "abc"]}
    rows, _ = read(tmp_path, "\n" + jsonl(task), name="tasks.jsonl")
    assert [row.source for row in rows] == ["tasks.jsonl:2", "tasks.jsonl:2.2", "tasks.jsonl:2.3"]
    assert len({row.id for row in rows}) == 3
    assert {(row.stage, row.task_type) for row in rows} == {("seed", "generation")}


def test_a_classification_task_is_labelled_so(tmp_path: Path) -> None:
    (row, _), _ = read(tmp_path, jsonl({**SELF_INSTRUCT, "is_classification": True}))
    assert row.task_type == "classification"


def test_a_csv_row_is_named_by_its_first_line(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, 'text\n"two\nlines"\n\nlast\n')
    assert [row.source for row in rows] == ["seeds:2", "seeds:5"]


@pytest.mark.parametrize(
    ("pack", "suffix"), [(gzip.compress, ".gz"), (bz2.compress, ""), (lzma.compress, ".xz"),
                         (lambda data: pa.compress(data, codec="zstd", asbytes=True), ".zst")],
)  # fmt: skip
def test_compressed_files_are_unpacked_by_their_content(tmp_path: Path, pack: Any, suffix: str) -> None:
    assert read(tmp_path, pack(jsonl(ADD).encode()), name=f"a{suffix}")[1].rows == 1


MANY = jsonl(*({"instruction": f"Task {number}"} for number in range(5)))


@pytest.mark.parametrize(
    ("content", "bad"),
    [
        (jsonl(ADD) + "{broken\n", {"bad_json": 1}),
        ("{broken\n" + jsonl(ADD), {"bad_json": 1}),
        ('{"instruction": "cut o\n' + jsonl(ADD), {"bad_json": 1}),
        (jsonl(ADD, 5, ["x"], None), {"not_an_object": 3}),
        (json.dumps([ADD, 5]), {"not_an_object": 1}),
        (jsonl(ADD, {"input": "x", "output": "y"}), {"missing_instruction": 1}),
        (jsonl(ADD, {"instruction": None}), {"missing_instruction": 1}),
        (jsonl(ADD, {"instruction": " \n"}), {"empty_instruction": 1}),
        (jsonl(ADD, {"instruction": ["Add."]}), {"wrong_type": 1}),
        (jsonl(ADD, {"instruction": "Add.", "output": {"a": 1}}), {"wrong_type": 1}),
        (jsonl(ADD, ADD, ADD), {"duplicate": 2}),
        (jsonl(ADD) + '{"instruction": "\\ud83d"}\n', {"broken_unicode": 1}),
        (jsonl(ADD) + "[" * 100_000 + "\n", {"bad_json": 1}),
        (jsonl(ADD) + '{"instruction": "n", "output": ' + "9" * 5000 + "}\n", {"bad_json": 1}),
        (jsonl(SELF_INSTRUCT, {**SELF_INSTRUCT, "instances": "none"}), {"wrong_type": 1}),
        (jsonl(SELF_INSTRUCT, {"instruction": "x"}), {"missing_instances": 1}),
        ("text\nAdd.\na,b\n", {"too_many_columns": 1}),
        ('text,output\nAdd.,3\n"a"b,4\n', {"bad_csv": 1}),
        ("text,output\nAdd.,3\n,4\n", {"empty_instruction": 1}),
    ],
)
def test_a_bad_record_among_good_ones_is_counted_and_the_run_goes_on(
    tmp_path: Path, content: str, bad: dict[str, int]
) -> None:
    rows, report = read(tmp_path, content)
    assert rows
    assert report.rows == len(rows)
    assert report.bad_lines == bad


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        (["assistant", "user"], "roles_do_not_alternate"),
        (["user", "user"], "roles_do_not_alternate"),
        (["user", "assistant", "system"], "roles_do_not_alternate"),
        (["user", "tool"], "unknown_role"),
        (["system"], "no_turns"),
        ([], "no_turns"),
    ],
)
def test_a_chat_out_of_order_is_counted(tmp_path: Path, roles: list[str], reason: str) -> None:
    chat = {"messages": [{"role": role, "content": "x"} for role in roles]}
    assert read(tmp_path, jsonl(MESSAGES, chat))[1].bad_lines == {reason: 1}


@pytest.mark.parametrize(
    ("content", "reason"), [("", "empty_turn"), (5, "wrong_type"), ([{"type": "image_url"}], "wrong_type")]
)
def test_a_turn_without_text_is_counted(tmp_path: Path, content: object, reason: str) -> None:
    chat = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": content}]}
    assert read(tmp_path, jsonl(MESSAGES, chat))[1].bad_lines == {reason: 1}


def test_the_text_of_content_parts_is_read(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    (row,), _ = read(tmp_path, jsonl({"messages": [{"role": "user", "content": parts}]}))
    assert row.instruction == "a\nb"


def test_an_instruction_without_an_output_is_a_seed(tmp_path: Path) -> None:
    assert read(tmp_path, jsonl({"instruction": "Add.", "instances": []}))[1].rows == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n \n", "holds no record"),
        ("[]", "holds no record"),
        ("instruction,output\n", "holds no record"),
        (jsonl(ADD).encode() + b'{"instruction": "\xff"}\n', r"line 2, byte 72: 0xff is not UTF-8; save the file"),
        ("prompt\nAdd.\n".encode("utf-16"), r"line 1, byte 0: 0xff is not UTF-8"),
        (json.dumps([ADD, ADD], indent=1)[:-20], r"line 10: broken JSON \(.*\), after 1 whole record; repair"),
        (json.dumps([ADD])[:-1], r"line 1: broken JSON \(no comma.*\), after 1 whole record"),
        ('[{"instruction": "a"} {"instruction": "b"}]', "line 1: broken JSON"),
        ('{\n "instruction": "a",\n', r"broken JSON \(.*\), after 0 whole records"),
        ("{broken\n{also\n", r"no record can be used \(2 × bad_json\); found no fields; expected instruction"),
        (jsonl({"code": "x", "api": 1}), r"\(1 × missing_instruction\); found the fields code, api; expected instr"),
        ("name,age\nAda,36\n", "line 1: 'name,age' is neither JSON nor the header of a CSV file with a known column"),
        ("Just some prose.\nMore.\n", "line 1: 'Just some prose.' is neither JSON nor"),
        ('instruction,output\nAdd.,3\nSub.,"4\nMul.,5\n', "line 3: a quote is opened here and not closed"),
        (b"PK\x03\x04abc", "zip archive or a spreadsheet"),
        (b"PAR1 and no more", "is not a whole Parquet file"),
        (gzip.compress(jsonl(ADD).encode(), mtime=0)[:-9], "cannot be read to its end"),
        (b"\x28\xb5\x2f\xfd rubbish", "cannot be read to its end"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    text = refusal(tmp_path, content)
    assert text.startswith(str(tmp_path / "seeds"))
    assert re.search(message, text)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.jsonl", "nowhere.jsonl: there is no such file; check the path"),
        ("builtin:xx", "'builtin:xx' does not come with the program; there are builtin:en, builtin:zh"),
        ("nothing://a/b", "nothing://a/b: cannot be opened .*; check the URL"),
        ("memory://nowhere.jsonl", "nowhere.jsonl: cannot be found; check the URL"),
        ("https://user:secret@[bad/a?token=secret", "cannot be found; check the URL and the network"),
        ([], "seeds.path: the list is empty"),
    ],
)
def test_a_source_that_is_not_there_is_refused_without_its_secrets(path: str | list[str], message: str) -> None:
    with pytest.raises(SeedError, match=message) as caught:
        read_seeds(Seeds(path=path))
    assert "secret" not in str(caught.value)


def test_a_folder_without_seed_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("no seeds")
    with pytest.raises(SeedError, match=r"holds no file of records; put one in it that ends in \.jsonl"):
        read_seeds(Seeds(path=str(tmp_path)))


def test_a_folder_is_read_file_by_file_in_order_and_hidden_files_are_not(tmp_path: Path) -> None:
    for name in ["b.jsonl", "a/z.json", ".hidden.jsonl", "notes.md"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(jsonl({"instruction": name}))
    rows, reports = read_seeds(Seeds(path=str(tmp_path)))
    assert [row.instruction for row in rows] == ["a/z.json", "b.jsonl"]
    assert [row.source for row in rows] == ["a/z.json:1", "b.jsonl:1"]
    assert len(reports) == 2


def test_files_of_one_name_are_told_apart_and_their_duplicates_dropped(tmp_path: Path) -> None:
    for folder, answer in [("x", "1"), ("y", "2")]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jsonl").write_text(jsonl(ADD, {"instruction": "Same.", "output": answer}))
    rows, reports = read_seeds(Seeds(path=[str(tmp_path / "x" / "a.jsonl"), str(tmp_path / "y" / "a.jsonl")]))
    assert [row.source for row in rows] == ["a.jsonl:1", "a.jsonl:2", "a.jsonl#2:2"]
    assert len({row.id for row in rows}) == 3
    assert reports[1].bad_lines == {"duplicate": 1}


def test_a_url_is_read_like_a_file_and_a_folder_of_urls_like_a_folder() -> None:
    system = fsspec.filesystem("memory")
    system.pipe({"/seeds/a.jsonl": jsonl(ADD).encode(), "/seeds/b.csv": b"text\nSub.\n", "/seeds/c.md": b"no"})
    try:
        (row,), (report,) = read_seeds(Seeds(path="memory://seeds/a.jsonl"))
        assert (row.source, report.path) == ("a.jsonl:1", "memory://seeds/a.jsonl")
        rows, reports = read_seeds(Seeds(path="memory://seeds"))
        assert [row.source for row in rows] == ["a.jsonl:1", "b.csv:2"]
        assert [report.format for report in reports] == ["alpaca", "csv"]
    finally:
        system.rm("/seeds", recursive=True)


def test_the_limit_takes_the_first_seeds_over_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(jsonl(ADD))
    (tmp_path / "b.jsonl").write_text(MANY)
    rows, reports = read_seeds(Seeds(path=str(tmp_path), limit=3))
    assert [row.instruction for row in rows] == ["Add.", "Task 0", "Task 1"]
    assert [report.rows for report in reports] == [1, 2]


def test_a_forced_format_is_taken(tmp_path: Path) -> None:
    both = {**MESSAGES, "instruction": "Add."}
    assert read(tmp_path, jsonl(both))[1].format == "alpaca"
    assert read(tmp_path, jsonl(both), format="messages")[1].format == "messages"
    assert "no record can be used (1 × missing_messages)" in refusal(tmp_path, jsonl(ADD), format="messages")
    assert "is not a whole Parquet file" in refusal(tmp_path, jsonl(ADD), format="parquet")
    assert "nor the header of a CSV" in refusal(tmp_path, jsonl(ADD), format="csv")


def test_an_override_replaces_path_and_format(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nAdd.\n")
    rows, _ = read_seeds(Seeds(path="nowhere", format="sharegpt"), override=str(tmp_path / "a.csv"))
    assert [row.instruction for row in rows] == ["Add."]


def test_the_language_is_told_by_script_unless_it_is_given(tmp_path: Path) -> None:
    content = jsonl({"instruction": "把下面的句子翻译成英文。", "input": "A long English input stays out of it."}, ADD)
    assert [row.language for row in read(tmp_path, content)[0]] == ["zh", "en"]
    assert [row.language for row in read(tmp_path, content, language="fr")[0]] == ["fr", "fr"]


def test_rows_and_report_are_the_same_each_time_and_hold_no_folder_names(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (first, one), (second, other) = read(here, MANY), read(there, MANY)
    assert first == second
    assert one.sha256 == other.sha256
    assert from_frame(to_frame(first)) == first


@settings(max_examples=40, deadline=None)
@given(
    tasks=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
            st.text(st.characters(exclude_categories=["Cs"])),
        ),
        min_size=1,
        unique_by=lambda task: (task[0].strip(), task[1] if task[1].strip() else ""),
    ),
    indent=st.none() | st.just(1),
)
def test_any_tasks_are_read_from_json_and_json_lines_alike(
    tmp_path_factory: pytest.TempPathFactory, tasks: list[tuple[str, str]], indent: int | None
) -> None:
    folder = tmp_path_factory.getbasetemp()
    records = [{"instruction": instruction, "output": output} for instruction, output in tasks]
    expected = [(instruction.strip(), output if output.strip() else "") for instruction, output in tasks]
    for content in (jsonl(*records), json.dumps(records, indent=indent)):
        rows, _ = read(folder, content)
        assert [(row.instruction, row.response) for row in rows] == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Add two numbers.", "en"), ("", "en"), ("1 + 2 = ?", "en"), ("把这句话翻译成英文：Good morning", "zh"),
        ("什么是LEGO MINDSTORMS EV3 Blocks？", "zh"), ("Translate 你好 into English.", "en"),
        ("東京へ行きます。", "ja"),
        ("한국어로 답하세요.", "ko"), ("Переведи это предложение.", "ru"), ("Переклади їй цей текст.", "uk"),
        ("ترجم هذه الجملة", "ar"), ("این جمله را ترجمه کن چرا", "fa"), ("תרגם את המשפט", "he"),
        ("वाक्य का अनुवाद करें", "hi"), ("แปลประโยคนี้", "th"), ("Μετάφρασε την πρόταση", "el"),
    ],
)  # fmt: skip
def test_a_language_is_told_by_its_script(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_seeds_that_come_with_the_program_are_all_usable_and_in_their_language(language: str) -> None:
    rows, (report,) = read_seeds(Seeds(path=f"builtin:{language}"))
    assert (report.format, report.bad_lines) == ("self_instruct", {})
    assert {row.language for row in rows} == {language}
    assert len({row.id for row in rows}) == len(rows)


real = pytest.mark.skipif(not SHARED.is_dir(), reason="the real data is not beside the repository: ../shared/data")


@real
@pytest.mark.parametrize(
    ("name", "layout", "rows", "bad"),
    [
        ("self_instruct_seed_tasks.jsonl", "self_instruct", 175, {}),
        ("evolved_samples.json", "prompt_completion", 61, {}),
        ("gsm8k_train.jsonl", "question_answer", 7473, {}),
        ("gsm8k_test.jsonl", "question_answer", 1319, {}),
        ("gsm8k_test_rephrased.jsonl", "question_answer", 1315, {"empty_instruction": 4}),
        ("sharegpt_demo_500.json", "sharegpt", 500, {}),
        ("ultrachat_eval_385.json", "text", 381, {"duplicate": 4}),
        ("zh_instructions_hikariming.jsonl", "alpaca", 9123, {"duplicate": 1158, "empty_instruction": 1}),
        ("huatuo_8658.jsonl", "alpaca", 8658, {}),
    ],
)
def test_real_files_are_read_in_full(name: str, layout: str, rows: int, bad: dict[str, int]) -> None:
    found, (report,) = read_seeds(Seeds(path=str(SHARED / name)))
    assert (report.format, report.rows, report.bad_lines) == (layout, rows, bad)
    assert len({row.id for row in found}) == rows
    if name.startswith("gsm8k"):
        assert all(row.answer and "," not in row.answer for row in found)


@real
def test_a_real_file_without_instructions_is_refused_with_its_fields() -> None:
    with pytest.raises(SeedError, match="found the fields code, api_call, provider, api_data; expected instruction"):
        read_seeds(Seeds(path=str(SHARED / "gorilla_torchhub_eval.jsonl")))
