"""The prompt files and their loader; titles and fields are held to docs/prompts.md, which the offline teacher follows."""

import re
from importlib import resources
from pathlib import Path

import pytest

from generators import prompts
from generators.prompts import Template, digest, load, parse

ROOT = resources.files("generators.prompts")
FILES = sorted(
    (stage.name, *file.name.removesuffix(".txt").rsplit(".", 1))
    for stage in ROOT.iterdir()
    if stage.is_dir()
    for file in stage.iterdir()
    if file.name.endswith(".txt")
)
NAMES = sorted({(stage, name) for stage, name, _ in FILES})
DOCS = Path(__file__).resolve().parents[2] / "docs" / "prompts.md"
TITLES = re.findall(
    r"^\| `(\w+)/(\w+)` \| `(# [^`]+)` / `(# [^`]+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.mark.parametrize(("stage", "name", "language"), FILES)
def test_every_file_parses_and_fills(stage: str, name: str, language: str) -> None:
    template = load(stage, name, language)
    messages = template.fill(**{field: f"<{field}>" for field in template.fields})
    assert template.language == language
    assert [message.role for message in messages] == (["system", "user"] if template.system else ["user"])
    assert not any("{{" in message.content or "}}" in message.content for message in messages)


@pytest.mark.parametrize(("stage", "name"), NAMES)
def test_every_prompt_is_there_in_english_and_chinese_with_the_same_fields(stage: str, name: str) -> None:
    english, chinese = load(stage, name, "en"), load(stage, name, "zh")
    assert (english.language, chinese.language) == ("en", "zh")
    assert english.fields == chinese.fields


def test_the_table_of_titles_was_found() -> None:
    assert len(TITLES) >= 15


@pytest.mark.parametrize(("stage", "name", "english", "chinese"), TITLES)
def test_titles_are_those_of_the_docs(stage: str, name: str, english: str, chinese: str) -> None:
    assert (load(stage, name, "en").title, load(stage, name, "zh").title) == (english, chinese)


@pytest.mark.parametrize(
    ("stage", "name", "language", "user"),
    [
        ("self_instruct", "propose", "en", "1. a\n\nWrite tasks 9 to 16."),
        ("self_instruct", "propose", "zh", "1. a\n\n请写出第 9 到第 16 个任务。"),
        ("self_instruct", "propose_classification", "en", "1. a\n\nWrite tasks 9 to 16."),
        ("self_instruct", "complete_tasks", "zh", "1. a\n\n请写出第 9 到第 16 个任务。"),
    ],
)
def test_the_user_message_of_a_list_ends_as_documented(stage: str, name: str, language: str, user: str) -> None:
    assert load(stage, name, language).fill(examples="1. a", first="9", last="16")[-1].content == user


@pytest.mark.parametrize(("language", "last"), [("en", "Write 20 examples."), ("zh", "请写 20 个示例。")])
def test_the_user_message_of_topic_examples_is_as_documented(language: str, last: str) -> None:
    user = load("topic_guided", "examples", language).fill(examples="<example>e</example>", topics="A, B", count="20")[
        -1
    ]
    assert user.content == f"<example>e</example>\n<topics>A, B</topics>\n\n{last}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_topic_examples_prompt_says_no_number_that_the_recipe_can_change(language: str) -> None:
    assert (
        re.search(
            r"\b(?:two|three|\d+) (?:examples|topics)|[两三\d]\s*[个条]",
            load("topic_guided", "examples", language).system,
        )
        is None
    )


def test_an_unknown_language_gets_the_english_prompt() -> None:
    assert load("self_instruct", "classify", "sw") == load("self_instruct", "classify", "en")


def test_an_unknown_prompt_is_named_in_the_error() -> None:
    with pytest.raises(FileNotFoundError, match=r"self_instruct/ has no nothing\.en\.txt"):
        load("self_instruct", "nothing", "zh")


def test_values_are_not_substituted_again() -> None:
    template = parse("s/n", "en", "[system]\n# T\n[user]\n{{a}} {{b}}\n")
    assert template.fill(a="{{b}}", b=r"\1 {{a}}")[-1].content == r"{{b}} \1 {{a}}"


@pytest.mark.parametrize("fields", [{}, {"a": "1", "b": "2"}, {"b": "2"}])
def test_missing_and_unused_fields_are_errors(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="missing fields"):
        parse("s/n", "en", "[user]\n{{a}}").fill(**fields)


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[system]\nx", "[user]\na\n[system]\nb", "x\n[user]\ny", "[user]\n[user]\n", "[shape]\na\n[user]\nb"],
)
def test_a_file_without_its_parts_in_order_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"write \[system\]"):
        parse("s/n", "en", text)


def test_a_file_without_system_part_sends_no_system_message() -> None:
    template = parse("s/n", "en", "[user]\nhi [user] there\n")
    assert (template.title, template.fill()[0].content, len(template.fill())) == ("", "hi [user] there", 1)


def test_the_hint_for_a_json_reply_is_no_part_of_the_messages() -> None:
    template = parse("s/n", "en", "[system]\n# T\n[user]\nhi\n[shape]\nSay {x}.\n")
    assert (template.shape, [message.content for message in template.fill()]) == ("Say {x}.", ["# T", "hi"])
    assert parse("s/n", "en", "[user]\nhi\n[shape]\nSay {x}.").shape == "Say {x}."


@pytest.mark.parametrize(("stage", "name"), NAMES)
def test_a_hint_is_there_in_both_languages_and_has_no_placeholders(stage: str, name: str) -> None:
    hints = [load(stage, name, language).shape for language in ("en", "zh")]
    assert all(hints) or not any(hints)
    assert not any("{{" in hint for hint in hints)


def test_a_marker_inside_a_line_is_text() -> None:
    assert parse("s/n", "en", "[system]\nsee [user] below\n[user]\nx").system == "see [user] below"


@pytest.mark.parametrize(("system", "title"), [("# T\nmore", "# T"), ("You are", ""), ("", "")])
def test_only_a_heading_is_a_title(system: str, title: str) -> None:
    assert Template("n", "en", system, "u").title == title


def test_the_digest_is_stable_and_differs_by_stage() -> None:
    assert digest("self_instruct") == digest.__wrapped__("self_instruct")
    assert digest("self_instruct") != digest("topic_guided")


def test_a_hint_counts_only_where_it_is_sent() -> None:
    assert digest("self_instruct", shaped=True) != digest("self_instruct")
    assert digest("chain_of_thought", shaped=True) == digest("chain_of_thought")


def test_prompts_are_loaded_through_importlib_resources() -> None:
    assert ROOT.joinpath("self_instruct/propose.en.txt").is_file()
    assert prompts.load("self_instruct", "propose", "en").title == "# Propose new tasks"
