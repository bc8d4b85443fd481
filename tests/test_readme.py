"""The README is held to the program: its commands exist, its examples work as printed."""

import random
import re
import types
from pathlib import Path

import polars as pl
import pytest
import yaml

from flows.cli import app
from flows.recipe_file import check_recipe
from flows.stages import resolve
from schemas.exchange import Completion
from schemas.row import new_row, to_frame
from schemas.stage import Outcome, Reject, answer_with

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, word: str) -> str:
    """The fenced block of ``language`` that contains ``word``."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.S)
    return next(text for text in blocks if word in text)


def module(word: str) -> types.ModuleType:
    made = types.ModuleType("example")
    exec(compile(block("python", word), "README.md", "exec"), made.__dict__)
    return made


def test_every_command_is_in_the_readme_and_every_command_in_it_exists() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    mentioned = set(re.findall(r"^\| `instructloom (\w+)", README, re.M))
    assert mentioned == commands | {"teacher", "schedule"}


def test_the_generator_of_the_readme_works() -> None:
    made = module("no_title")
    row = new_row("Add 2 and 3.", stage="test")
    steps = made.grow(row, made.Config(), random.Random(0))
    outcome: Outcome = answer_with(steps, lambda prompt: Completion(f"Title of {prompt.messages[0].content[-12:]}"))
    assert outcome.passed is not None
    assert outcome.passed.task_type == "Title of Add 2 and 3."
    with pytest.raises(Reject, match="no_title"):
        answer_with(made.grow(row, made.Config(), random.Random(0)), lambda prompt: Completion(" "))


def test_the_filter_of_the_readme_works() -> None:
    made = module("shouting")
    frame = to_frame(new_row("a", stage="test", response=text) for text in ("Yes!", "Yes!!!!"))
    assert [verdict.reason for verdict in made.judge(frame, made.Config())] == [None, "shouting"]


def test_the_recipe_of_the_readme_is_valid() -> None:
    recipe = check_recipe(yaml.safe_load(block("yaml", "my-data")), "README.md")
    assert len(resolve(recipe, "", "README.md")) == 7


def test_the_rooms_of_the_readme_exist() -> None:
    for link in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_numbers_of_the_readme_are_those_of_the_data() -> None:
    for name, language in (("English", "en"), ("Chinese", "zh")):
        seeds = (ROOT / "recipes" / "seeds" / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
        assert f"{len(seeds)} {name}" in README
    topics = pl.read_json(ROOT / "generators" / "topics.json")
    assert f"{topics['subtopics'].list.len().sum()} sub-topics" in README
