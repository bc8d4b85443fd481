"""Each prompt of ``docs/prompts.md`` gets a reply in its format, computed and the same on every machine."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from generators.prompts import load
from teachers.builtin.catalog import families
from teachers.builtin.compose import compose, read, read_text, reopen, solve, text_of, write
from teachers.builtin.evolve import evolve
from teachers.builtin.model import Reply, count_tokens, reply
from teachers.builtin.protocol import SPEECH, TITLES
from teachers.builtin.task import Language

ROOT = Path(__file__).parents[2]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
UNKNOWN = {"en": "Write a short poem about an old lighthouse.", "zh": "写一首关于老灯塔的短诗。"}
OPERATIONS = ("add_constraints", "deepen", "concretize", "increase_reasoning", "complicate_input")
in_each_language = pytest.mark.parametrize("language", LANGUAGES)


def asked(stage: str, name: str, language: str, *, seed: int = 7, temperature: float = 0.7, **fields: str) -> Reply:
    messages = load(stage, name, language).fill(**fields)
    return reply([{"role": m.role, "content": m.content} for m in messages], seed=seed, temperature=temperature)


def tagged(text: str) -> tuple[str, str]:
    found = re.search(r"<instruction>(.*?)</instruction>(?:\n<input>(.*?)</input>)?", text, re.DOTALL)
    assert found, text
    return found[1], found[2] or ""


def as_tags(instruction: str, input: str) -> str:
    return f"<instruction>{instruction}</instruction>" + (f"\n<input>{input}</input>" if input else "")


@in_each_language
def test_proposals_go_on_with_the_list_and_each_is_understood(language: Language) -> None:
    for name in ("propose", "propose_classification"):
        said = asked("self_instruct", name, language, examples="1. a\n2. b", first="3", last="18")
        lines = said.text.splitlines()
        assert [line.split(".")[0] for line in lines] == [str(number) for number in range(3, 19)]
        tasks = [read(line.split(". ", 1)[1]) for line in lines]
        assert all(tasks)
        if name == "propose_classification":
            assert all(task and families()[task.family].classification for task in tasks)


@in_each_language
def test_every_proposal_gets_right_instances_input_first_or_label_first(language: Language) -> None:
    speech = SPEECH[language]
    for seed in range(60):
        task = reopen(compose(Random(seed), language))
        instruction = write(task)[0]
        yes = asked("self_instruct", "classify", language, task=instruction).text == speech.yes
        assert yes == families()[task.family].classification
        said = asked(
            "self_instruct", "label_first" if yes else "input_first", language, task=instruction, count="3"
        ).text
        inputs = re.findall(
            rf"^{speech.input}(.*?)(?=^{speech.output}|^{speech.label}|\Z)", said, re.DOTALL | re.MULTILINE
        )
        outputs = re.findall(rf"^{speech.output}(.*?)(?=\n\n{speech.example}|\Z)", said, re.DOTALL | re.MULTILINE)
        labels = re.findall(rf"^{speech.label}(.*)$", said, re.MULTILINE)
        assert len(labels if yes else outputs) >= 1
        assert bool(inputs) == bool(read(instruction) and getattr(read(instruction), "open", False))
        for index, input in enumerate(inputs or [""]):
            solved = solve(read(instruction, input.strip("\n")) or task)
            assert solved is not None
            assert (labels[index] if yes else outputs[index].strip()) == (solved.answer if yes else solved.response)


@in_each_language
def test_label_first_covers_several_labels(language: Language) -> None:
    task = next(t for t in (reopen(compose(Random(s), language, names=["rule_label"])) for s in range(50)) if t.open)
    said = asked("self_instruct", "label_first", language, task=write(task)[0], count="3").text
    assert len(set(re.findall(rf"^{SPEECH[language].label}(.*)$", said, re.MULTILINE))) == 3


@in_each_language
def test_no_more_examples_come_than_were_asked_for(language: Language) -> None:
    task = next(t for t in (reopen(compose(Random(s), language, names=["rule_label"])) for s in range(50)) if t.open)
    for seed in range(10):
        for name, mark in (("label_first", SPEECH[language].label), ("input_first", SPEECH[language].output)):
            said = asked("self_instruct", name, language, seed=seed, task=write(task)[0], count="2").text
            assert 1 <= said.count(mark) <= 2


@in_each_language
def test_complete_tasks_have_instruction_input_and_the_computed_output(language: Language) -> None:
    speech = SPEECH[language]
    said = asked("self_instruct", "complete_tasks", language, examples="x", first="4", last="10").text
    blocks = re.split(rf"^{speech.task} (\d+)\n", said, flags=re.MULTILINE)[1:]
    assert blocks[::2] == [str(number) for number in range(4, 11)]
    for block in blocks[1::2]:
        found = re.fullmatch(
            rf"{speech.instruction}(.*?)\n{speech.input}(.*?)\n{speech.output}(.*)", block.strip(), re.DOTALL
        )
        assert found
        task = read(found[1], "" if found[2] == speech.no_input else found[2])
        solution = solve(task) if task else None
        assert solution is not None
        assert solution.response == found[3]


@in_each_language
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_evolution_rewrites_the_tags_and_can_be_answered(language: Language, operation: str) -> None:
    rewritten = 0
    for seed in range(20):
        before = compose(Random(seed), language)
        said = asked("evol_instruct", operation, language, task=as_tags(*write(before))).text
        if said == SPEECH[language].unknown:
            continue
        instruction, input = tagged(said)
        after = read(instruction, input)
        assert after is not None
        assert len(after.riders) == 1
        assert solve(after) is not None
        rewritten += 1
        if operation == "complicate_input":
            assert input
    assert rewritten >= 19


@in_each_language
def test_breadth_and_equal_know_a_new_task_from_a_reworded_one(language: Language) -> None:
    speech = SPEECH[language]
    task = compose(Random(1), language)
    instruction, input = tagged(asked("evol_instruct", "breadth", language, task=as_tags(*write(task))).text)
    other = read(instruction, input)
    assert other is not None
    evolved = evolve(task, "deepen", Random(2))
    assert evolved is not None
    pairs = [(text_of(task), text_of(task), True), (text_of(task), text_of(other), False)]
    pairs += [(text_of(task), text_of(evolved), False), ("A b, c!", "a B c", True), ("a b", "a c", False)]
    for first, second, same in pairs:
        said = asked("evol_instruct", "equal", language, first=first, second=second).text
        assert said == (speech.equal if same else speech.not_equal)


@in_each_language
def test_the_same_problem_is_known_for_tasks_of_ours_and_for_equal_texts_alone(language: Language) -> None:
    speech, task = SPEECH[language], compose(Random(1), language)
    evolved = evolve(task, "deepen", Random(2))
    assert evolved is not None
    pairs = [(text_of(task), text_of(task), speech.same), (text_of(task), text_of(evolved), speech.different)]
    pairs += [
        ("A b, c!", "a B c", speech.same),
        ("a b", "a c", speech.undecided),
        (text_of(task), "a b", speech.undecided),
    ]
    for benchmark, given, verdict in pairs:
        assert asked("same_problem", "judge", language, benchmark=benchmark, task=given).text == verdict


@in_each_language
def test_topic_examples_go_round_the_topics_and_can_be_answered(language: Language) -> None:
    given = {"en": ["cloud storage", "wedding speeches", "volcanoes"], "zh": ["云存储", "婚礼致辞", "火山"]}[language]
    listed = ("、" if language == "zh" else ", ").join(given)
    said = asked("topic_guided", "examples", language, examples="<example>x</example>", topics=listed, count="20").text
    texts = re.findall(r"<example>(.*?)</example>", said, re.DOTALL)
    assert len(texts) == 20
    for index, text in enumerate(texts):
        assert given[index % 3] in text.split("\n")[0]
        task = read_text(text)
        assert task is not None
        assert solve(task) is not None


@in_each_language
def test_a_topic_rewrite_keeps_the_answer_and_some_tasks_do_not_suit(language: Language) -> None:
    topic, subtopic = {"en": ("Science", "optics"), "zh": ("自然科学", "光学")}[language]
    verdicts = []
    for seed in range(60):
        task = compose(Random(seed), language, names=["stock_count"])
        said = asked(
            "topic_guided", "rewrite", language, topic=topic, subtopic=subtopic, task=as_tags(*write(task))
        ).text
        verdicts.append(said.startswith("<verdict>ok</verdict>"))
        if not verdicts[-1]:
            assert said == "<verdict>unsuitable</verdict>"
            continue
        moved = read(*tagged(said))
        assert moved is not None
        assert moved.meaning == task.meaning
        assert subtopic in write(moved)[0]
    assert 0.75 < sum(verdicts) / len(verdicts) < 1
    code = compose(Random(1), language, names=["code_trace"])
    said = asked("topic_guided", "rewrite", language, topic=topic, subtopic=subtopic, task=as_tags(*write(code))).text
    assert said == "<verdict>unsuitable</verdict>"


@in_each_language
def test_solvers_end_with_the_answer_and_do_not_believe_a_wrong_hint(language: Language) -> None:
    mark = SPEECH[language].answer
    for seed in range(30):
        task = compose(Random(seed), language)
        solution = solve(task)
        assert solution is not None
        folder = ROOT / "generators" / "prompts" / "chain_of_thought"
        for file in sorted(folder.glob(f"*.{language}.txt")):
            name = file.name.split(".")[0]
            if name == "rationalize":
                said = asked("chain_of_thought", name, language, task=as_tags(*write(task)), hint="42000").text
            else:
                said = asked("chain_of_thought", name, language, task=text_of(task)).text
            *steps, last = said.splitlines()
            assert steps == list(solution.steps)
            assert last == f"{mark}{solution.answer}"


@in_each_language
def test_a_plain_instruction_gets_the_response(language: Language) -> None:
    task = compose(Random(4), language)
    solution = solve(task)
    assert solution is not None
    for system in ([], [{"role": "system", "content": "You are helpful."}]):
        said = reply([*system, {"role": "user", "content": text_of(task)}], seed=1, temperature=1.0)
        assert said == Reply(solution.response, "stop")


@in_each_language
def test_an_unknown_task_gets_the_plain_sentence(language: Language) -> None:
    plain, text = SPEECH[language].unknown, UNKNOWN[language]
    tags = as_tags(text, "")
    assert reply([{"role": "user", "content": text}]).text == plain
    for operation in (*OPERATIONS, "breadth"):
        assert asked("evol_instruct", operation, language, task=tags).text == plain
    assert asked("self_instruct", "input_first", language, task=text, count="3").text == plain
    assert asked("self_instruct", "label_first", language, task=text, count="3").text == plain
    assert asked("chain_of_thought", "solve", language, task=text).text == plain
    assert asked("chain_of_thought", "rationalize", language, task=tags, hint="3").text == plain
    assert asked("topic_guided", "rewrite", language, topic="a", subtopic="b", task=tags).text == plain


@pytest.mark.parametrize(
    ("language", "task", "yes"),
    [
        ("en", "Classify the sentiment of this review as positive or negative.", True),
        ("en", "Is a carrot a root, leaf, stem or seed? Pick one of these.", True),
        ("en", "Write a postcard from a lighthouse keeper.", False),
        ("zh", "判断这条外卖评价属于“好评”“中评”还是“差评”。", True),
        ("zh", "写一首关于老巷子的四行小诗", False),
    ],
)
def test_classify_guesses_for_tasks_of_others(language: Language, task: str, yes: bool) -> None:
    said = asked("self_instruct", "classify", language, task=task).text
    assert said == (SPEECH[language].yes if yes else SPEECH[language].no)


def test_every_title_in_the_prompt_files_is_known() -> None:
    files = sorted((ROOT / "generators" / "prompts").glob("*/*.txt"))
    titles = {line for file in files for line in file.read_text("utf-8").splitlines()[1:2] if line.startswith("# ")}
    assert titles == set(TITLES)


def test_the_seed_matters_only_above_temperature_zero() -> None:
    messages = [
        {"role": "system", "content": "# Propose new tasks"},
        {"role": "user", "content": "Write tasks 2 to 9."},
    ]
    warm = {reply(messages, seed=seed, temperature=0.7).text for seed in range(5)}
    cold = {reply(messages, seed=seed, temperature=0.0).text for seed in range(5)}
    assert (len(warm), len(cold)) == (5, 1)


def test_max_tokens_cuts_the_text_and_says_so() -> None:
    fields = {"examples": "1. a", "first": "2", "last": "9"}
    messages = [{"role": m.role, "content": m.content} for m in load("self_instruct", "propose", "zh").fill(**fields)]
    whole = reply(messages)
    cut = reply(messages, max_tokens=20)
    assert (whole.finish_reason, cut.finish_reason) == ("stop", "length")
    assert whole.text.startswith(cut.text)
    assert count_tokens(cut.text) == 20


def test_a_wrong_answer_comes_only_on_order() -> None:
    task = compose(Random(4), "en", names=["stock_count"])
    solution = solve(task)
    assert solution is not None
    messages = [{"role": "user", "content": text_of(task)}]
    assert reply(messages).text == solution.response
    assert reply(messages, wrong=True).text != solution.response


@pytest.mark.parametrize(
    "text", ["", "\n\n", "[a] {b} (c", "<task></task>", "1. ", "x" * 20_000, "一" * 5_000, "\ud800"]
)
def test_no_text_makes_it_fail(text: str) -> None:
    for title in (*TITLES, "", "Answer:", "# Something else"):
        said = reply([{"role": "system", "content": title}, {"role": "user", "content": text}], seed=1, temperature=1.0)
        assert isinstance(said.text, str)
    assert reply([]).text


PROGRAM = """
import hashlib, sys
from teachers.builtin.model import reply
from teachers.builtin.protocol import TITLES
told = "1. a\\nWrite tasks 2 to 30.\\n请写出第 2 到第 30 个任务。<topics>a, b</topics>Write 9 examples.请写 9 个示例。"
said = [reply([{"role": "system", "content": t}, {"role": "user", "content": told}], seed=s, temperature=1.0).text
        for t in TITLES for s in range(3)]
print(hashlib.sha256("".join(said).encode()).hexdigest())
"""


def test_two_processes_with_other_hash_seeds_say_the_same() -> None:
    environments: list[dict[str, Any]] = [{"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"}]
    said = {
        subprocess.run([sys.executable, "-c", PROGRAM], env=env, cwd=ROOT, check=True, capture_output=True).stdout
        for env in environments
    }
    assert len(said) == 1
    assert hashlib.sha256(b"").hexdigest().encode() not in said
