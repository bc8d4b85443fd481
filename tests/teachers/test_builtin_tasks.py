"""Every task that the offline teacher composes can be read back from its text, evolved, moved and solved."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachers.builtin import families as rooms
from teachers.builtin.catalog import families
from teachers.builtin.compose import (
    complete,
    compose,
    language_of,
    move,
    read,
    read_text,
    reopen,
    solve,
    text_of,
    write,
)
from teachers.builtin.evolve import broaden, evolve
from teachers.builtin.family import Family
from teachers.builtin.riders import kinds
from teachers.builtin.riders.reply_frame import length
from teachers.builtin.scenes import names, scenes, towns
from teachers.builtin.spoil import spoil
from teachers.builtin.task import Language, Params, Task

OPERATIONS = ("add_constraints", "deepen", "concretize", "increase_reasoning", "complicate_input")
LANGUAGES: tuple[Language, ...] = ("en", "zh")
TOPICS = {
    "en": ("house cleaning", "acids and bases", "3D printing", "Topic: odd, very"),
    "zh": ("家务清洁", "酸与碱", "3D打印", "主题：怪"),
}
EVERY = [(name, language) for name in families() for language in LANGUAGES]

each_family = pytest.mark.parametrize(("name", "language"), EVERY)
seeds = given(seed=st.integers(0, 2**32))
few = settings(max_examples=25, deadline=None, derandomize=True)


def made(name: str, language: Language, seed: int, riders: int = 0) -> tuple[Task, Random]:
    rng = Random(seed)
    topic = rng.choice([None, *TOPICS[language]])
    task = compose(rng, language, names=[name], topic=topic)
    for _ in range(riders):
        task = evolve(task, rng.choice(OPERATIONS), rng) or task
    return task, rng


@each_family
@seeds
@few
def test_a_task_reads_back_from_its_text(name: str, language: Language, seed: int) -> None:
    task, _ = made(name, language, seed)
    assert read_text(text_of(task)) == task


@each_family
@seeds
@few
def test_an_evolved_task_reads_back_and_its_answer_stands_in_the_response(
    name: str, language: Language, seed: int
) -> None:
    task, _ = made(name, language, seed, riders=4)
    assert read(*write(task)) == task
    solution = solve(task)
    assert solution is not None
    assert solution.answer
    assert solution.steps
    assert solution.answer in solution.response
    assert solution == solve(task)


@each_family
@seeds
@few
def test_a_task_moved_to_a_topic_keeps_its_meaning(name: str, language: Language, seed: int) -> None:
    task, rng = made(name, language, seed, riders=2)
    moved = move(task, TOPICS[language][0], rng)
    assert read(*write(moved)) == moved
    assert moved.meaning == task.meaning
    assert TOPICS[language][0] in write(moved)[0]
    answers = [solution.answer for solution in (solve(task), solve(moved)) if solution]
    assert len(set(answers)) == 1
    assert len(answers) == 2


@each_family
@seeds
@few
def test_an_open_task_gets_instances_of_its_own_instruction(name: str, language: Language, seed: int) -> None:
    task, rng = made(name, language, seed)
    open_task = read(write(reopen(task))[0])
    assert open_task is not None
    if open_task.open:
        assert solve(open_task) is None
        filled = complete(open_task, rng)
        assert not filled.open
        assert write(filled)[0] == write(open_task)[0]
        assert write(filled)[1]
        assert solve(filled) is not None


@each_family
def test_wordings_are_many_and_end_a_sentence(name: str, language: Language) -> None:
    templates = families()[name].templates[language]
    assert len({template.instruction.text for template in templates}) >= 5
    for template in templates:
        assert template.instruction.text.endswith((".", "?", "!", "。", "？", "！"))
        assert "\n" not in template.instruction.text
        assert len(template.instruction.key) >= 4


@each_family
@seeds
@settings(max_examples=8, deadline=None, derandomize=True)
def test_no_text_of_one_language_holds_words_of_the_other(name: str, language: Language, seed: int) -> None:
    task, _ = made(name, language, seed, riders=3)
    solution = solve(task)
    assert solution is not None
    assert language_of(text_of(task)) == language
    if language == "en":
        assert language_of(solution.response + "".join(solution.steps)) == "en"


@each_family
@seeds
@settings(max_examples=8, deadline=None, derandomize=True)
def test_a_spoilt_solution_is_wrong_and_consistent(name: str, language: Language, seed: int) -> None:
    task, rng = made(name, language, seed, riders=1)
    solution = solve(task)
    assert solution is not None
    wrong = spoil(task, solution, rng)
    assert wrong.answer != solution.answer
    assert wrong.answer in wrong.response


@pytest.mark.parametrize("operation", OPERATIONS)
@each_family
def test_each_operation_applies_to_fresh_tasks(name: str, language: Language, operation: str) -> None:
    tasks = [made(name, language, seed) for seed in range(12)]
    evolved = [evolve(task, operation, rng) for task, rng in tasks]
    assert sum(task is not None for task in evolved) >= 11
    for (before, _), after in zip(tasks, evolved, strict=True):
        assert after is None or after.meaning != before.meaning


def test_the_example_in_the_readme_is_a_family() -> None:
    readme = Path(rooms.__path__[0]) / "README.md"
    code = readme.read_text("utf-8").split("```python\n")[1].split("```")[0]
    room: dict[str, Any] = {}
    exec(code, room)
    family = room["FAMILY"]
    assert isinstance(family, Family)
    for language in LANGUAGES:
        for template in family.templates[language]:
            scene = scenes(language)[0]
            cast, params = scene.cast(Random(1), language), template.draw(family, scene, Random(1), {})
            text = template.write(params, cast)
            words = {word: cast[word] for word in template.words}
            assert template.read(text, "") == (params, words, False)
            solution = family.solve(Params(params, language))
            assert solution.answer in solution.response


def test_every_rider_kind_has_four_wordings_that_start_with_their_own_words() -> None:
    starts: set[tuple[str, str]] = set()
    for kind in kinds().values():
        for language, patterns in kind.patterns.items():
            assert len(patterns) >= 4, kind.name
            for pattern in patterns:
                start = pattern.parts[0]
                if kind.place != "front":
                    assert isinstance(start, str), pattern.text
                    assert (language, pattern.text) not in starts
                    starts.add((language, pattern.text))


def test_a_word_limit_is_obeyed_even_after_further_evolutions() -> None:
    checked = 0
    for seed in range(300):
        task, _ = made("stock_count", "en", seed, riders=4)
        limits = [dict(rider.values)["most"] for rider in task.riders if rider.kind == "limit"]
        solution = solve(task)
        assert solution is not None
        for most in limits:
            assert isinstance(most, int)
            assert length(solution.response, "en") <= most
            checked += 1
    assert checked > 5


def test_breadth_keeps_the_topic_and_changes_the_family() -> None:
    task = compose(Random(5), "en", topic="beekeeping")
    other = broaden(task, Random(6))
    assert other.family != task.family
    assert "beekeeping" in write(other)[0]


def test_a_changed_text_is_not_read() -> None:
    task, _ = made("stock_count", "en", 3)
    text = text_of(task)
    assert read_text(text + " Thanks.") is None
    assert read_text(text.replace(" the ", " that ")) is None
    assert read_text("Write a haiku about rain.") is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_sixty_settings_with_enough_goods(language: Language) -> None:
    assert len({scene.place for scene in scenes(language)}) >= 60
    assert all(len(set(scene.goods)) >= 6 for scene in scenes(language))
    assert len(set(names(language))) == len(names(language))
    assert len(set(towns(language))) == len(towns(language))
