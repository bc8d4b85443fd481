"""One function a request: from the user's message and an RNG to the text of the reply. See docs/prompts.md."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from teachers.builtin import protocol
from teachers.builtin.catalog import families
from teachers.builtin.compose import complete, compose, move, read, read_text, reopen, solve, write
from teachers.builtin.evolve import broaden, evolve
from teachers.builtin.protocol import SPEECH, Speech, tag
from teachers.builtin.spoil import spoil
from teachers.builtin.task import Language, Solution, Task

_LABEL_WORDS = re.compile(
    r"\b(classif|categor|label|sentiment|true or false|yes or no|spam|positive or negative|fact or opinion|"
    r"one of (?:the|these)|which (?:category|class|genre|type|kind|section)|is (?:it|this|the) .{1,60} or )",
    re.IGNORECASE,
)
_LABEL_SIGNS = re.compile(r"分类|类别|归类|标签|情感|真假|对还是错|是否|正面|负面|属于|好评|哪一类|判断")
_LABEL_TRIES = 24
_TOPIC_TRIES = 8


@dataclass(frozen=True, slots=True)
class Request:
    """What a reply is made from."""

    text: str
    """The user's message."""
    language: Language
    rng: Random
    wrong: bool = False
    """Answers are to be spoiled: a fault on order."""
    system: str = ""
    """The system message, which may limit the number of examples."""

    @property
    def speech(self) -> Speech:
        """The fixed words of the reply."""
        return SPEECH[self.language]


def respond(request: Request) -> str:
    """The answer to a user's instruction."""
    solution = _answer(read_text(request.text), request)
    return solution.response if solution else request.speech.unknown


def reason(request: Request) -> str:
    """Reasoning, a step a line, then the answer line."""
    return _reasoned(read_text(request.text), request)


def rationalize(request: Request) -> str:
    """The same for a task whose answer is hinted at; the hint is not believed, the answer is computed."""
    return _reasoned(_tagged_task(request.text), request)


def propose(request: Request) -> str:
    """A numbered list of one-line instructions that goes on."""
    return _list(request, list(families()))


def propose_classification(request: Request) -> str:
    """The same, of families with labels."""
    return _list(request, [name for name, family in families().items() if family.classification])


def classify(request: Request) -> str:
    """Whether the answer is one of a few labels: known for our tasks, guessed from words for others."""
    text = tag(request.text, "task") or request.text
    task = read_text(text)
    if task is not None:
        yes = families()[task.family].classification
    else:
        yes = bool(_LABEL_WORDS.search(text) or _LABEL_SIGNS.search(text))
    return request.speech.yes if yes else request.speech.no


def input_first(request: Request) -> str:
    """Examples of a task, or just its output where it needs no input."""
    task, speech = _one_task(request.text), request.speech
    if task is None:
        return speech.unknown
    if not task.open:
        solution = _answer(task, request)
        return f"{speech.output}{solution.response}" if solution else speech.unknown
    blocks = []
    most = protocol.most_examples(request.system, request.language)
    for index in range(1, request.rng.randint(1, most) + 1):
        made = complete(task, request.rng)
        solution = _answer(made, request)
        if solution is not None:
            blocks.append(
                f"{speech.example} {index}\n{speech.input}{write(made)[1]}\n{speech.output}{solution.response}"
            )
    return "\n\n".join(blocks) or speech.unknown


def label_first(request: Request) -> str:
    """An example for each label of a task."""
    task, speech = _one_task(request.text), request.speech
    if task is None:
        return speech.unknown
    if not task.open:
        solution = _answer(task, request)
        return f"{speech.label}{solution.answer}" if solution else speech.unknown
    found: dict[str, str] = {}
    most = protocol.most_examples(request.system, request.language)
    for _ in range(_LABEL_TRIES):
        made = complete(task, request.rng)
        solution = _answer(made, request)
        if solution is not None and len(found) < most:
            found.setdefault(solution.answer, write(made)[1])
    return (
        "\n\n".join(f"{speech.label}{label}\n{speech.input}{text}" for label, text in found.items()) or speech.unknown
    )


def complete_tasks(request: Request) -> str:
    """Whole tasks: instruction, input, output."""
    first, last = protocol.task_range(request.text, request.language)
    speech, blocks = request.speech, []
    for number, task in zip(range(first, last + 1), _various(request, list(families())), strict=False):
        instruction, input = write(task)
        solution = _answer(task, request)
        output = solution.response if solution else speech.unknown
        blocks.append(
            f"{speech.task} {number}\n{speech.instruction}{instruction}\n"
            f"{speech.input}{input or speech.no_input}\n{speech.output}{output}"
        )
    return "\n\n".join(blocks)


def evolving(operation: str) -> Callable[[Request], str]:
    """The reply to one of the operations of Evol-Instruct."""

    def reply(request: Request) -> str:
        task = _tagged_task(request.text)
        evolved = evolve(task, operation, request.rng) if task is not None else None
        return _tags(evolved) if evolved is not None else request.speech.unknown

    return reply


def breadth(request: Request) -> str:
    """A task of another family in the same setting."""
    task = _tagged_task(request.text)
    return _tags(broaden(task, request.rng)) if task is not None else request.speech.unknown


def equal(request: Request) -> str:
    """Whether two tasks mean the same; for texts of others, whether they read the same."""
    first, second = tag(request.text, "first") or "", tag(request.text, "second") or ""
    one, other = read_text(first), read_text(second)
    same = one.meaning == other.meaning if one and other else _normal(first) == _normal(second)
    return request.speech.equal if same else request.speech.not_equal


def same_problem(request: Request) -> str:
    """Whether a task is a benchmark's question: known for our tasks and for equal texts, else not to be told."""
    first, second = tag(request.text, "benchmark") or "", tag(request.text, "task") or ""
    one, other = read_text(first), read_text(second)
    if _normal(first) == _normal(second) or (one and other and one.meaning == other.meaning):
        return request.speech.same
    return request.speech.different if one and other else request.speech.undecided


def safety(request: Request) -> str:
    """None, for a task of ours with our answer to it, which are harmless; of other texts nothing can be told."""
    task, said = _tagged_task(request.text), _normal(tag(request.text, "response") or "")
    solution = solve(task) if task is not None else None
    known = solution is not None and said in ("", *map(_normal, (solution.response, solution.answer)))
    return protocol.NO_CATEGORY if known else protocol.NOT_TOLD


def topic_examples(request: Request) -> str:
    """New tasks that go round the given topics."""
    given = protocol.topics(request.text) or [""]
    count = protocol.example_count(request.text, request.language)
    names = _cycle(request.rng, list(families()), count)
    return "\n".join(
        f"<example>{_on_topic(request, name, given[index % len(given)])}</example>" for index, name in enumerate(names)
    )


def topic_rewrite(request: Request) -> str:
    """The task with a story about the topic, or the verdict that it does not suit it."""
    task = _tagged_task(request.text)
    if task is None:
        return request.speech.unknown
    topic = tag(request.text, "subtopic") or tag(request.text, "topic") or ""
    if topic and families()[task.family].movable and not _odd_pair(topic, task):
        for _ in range(_TOPIC_TRIES):
            moved = move(task, topic, request.rng)
            if moved is not None and _reads_back(moved) and _same_answer(task, moved):
                return f"<verdict>ok</verdict>\n{_tags(moved)}"
    return "<verdict>unsuitable</verdict>"


def _answer(task: Task | None, request: Request) -> Solution | None:
    solution = solve(task) if task is not None else None
    return spoil(task, solution, request.rng) if task and solution and request.wrong else solution


def _reasoned(task: Task | None, request: Request) -> str:
    solution = _answer(task, request)
    if solution is None:
        return request.speech.unknown
    # The answer line must be the last one, so an answer of several lines becomes one.
    answer = re.sub(r"\s*\n\s*", " ", solution.answer)
    return "\n".join([*solution.steps, f"{request.speech.answer}{answer}"])


def _tagged_task(text: str) -> Task | None:
    instruction = tag(text, "instruction")
    return read(instruction, (tag(text, "input") or "").strip("\n")) if instruction else None


def _one_task(text: str) -> Task | None:
    return read_text(tag(text, "task") or "")


def _tags(task: Task) -> str:
    instruction, input = write(task)
    tagged = f"<instruction>{instruction}</instruction>"
    return f"{tagged}\n<input>{input}</input>" if input else tagged


def _list(request: Request, names: list[str]) -> str:
    first, last = protocol.task_range(request.text, request.language)
    tasks = _various(request, names)
    return "\n".join(
        f"{number}. {write(reopen(task))[0]}" for number, task in zip(range(first, last + 1), tasks, strict=False)
    )


def _various(request: Request, names: list[str]) -> list[Task]:
    first, last = protocol.task_range(request.text, request.language)
    order = _cycle(request.rng, names, last - first + 1)
    return [compose(request.rng, request.language, names=[name]) for name in order]


def _cycle(rng: Random, names: list[str], count: int) -> list[str]:
    """``count`` names, all different as long as there are enough."""
    order: list[str] = []
    while len(order) < count:
        order += rng.sample(names, len(names))
    return order[:count]


def _on_topic(request: Request, name: str, topic: str) -> str:
    for _ in range(_TOPIC_TRIES):
        task = compose(request.rng, request.language, names=[name], topic=topic or None)
        if _reads_back(task):
            break
    instruction, input = write(task)
    return f"{instruction}\n{input}" if input else instruction


def _reads_back(task: Task) -> bool:
    """A topic is free text and might be mistaken for a part of the sentence around it."""
    return read(*write(task)) == task


def _same_answer(task: Task, moved: Task) -> bool:
    """Longer words may break what a rider asks for, such as a limit; then the move is not one."""
    if task.open:
        return True
    one, other = solve(task), solve(moved)
    return one is not None and other is not None and one.answer == other.answer


def _odd_pair(topic: str, task: Task) -> bool:
    """About one topic in ten does not suit a task; which one is a matter of the two alone."""
    digest = hashlib.blake2b(f"{topic}\n{task.meaning!r}".encode(), digest_size=2).digest()
    return digest[0] < 26


def _normal(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


REPLIES: Mapping[str, Callable[[Request], str]] = {
    "propose": propose,
    "propose_classification": propose_classification,
    "classify": classify,
    "input_first": input_first,
    "label_first": label_first,
    "complete_tasks": complete_tasks,
    **{
        name: evolving(name)
        for name in ("add_constraints", "deepen", "concretize", "increase_reasoning", "complicate_input")
    },
    "breadth": breadth,
    "equal": equal,
    "same_problem": same_problem,
    "safety": safety,
    "topic_examples": topic_examples,
    "topic_rewrite": topic_rewrite,
    "rationalize": rationalize,
}
