"""What a request looks like and how a reply is laid out, English and Chinese. The protocol itself: docs/prompts.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from teachers.builtin.task import Language

TITLES: Mapping[str, tuple[str, Language]] = {
    "# Propose new tasks": ("propose", "en"),
    "# 提出新任务": ("propose", "zh"),
    "# Propose new classification tasks": ("propose_classification", "en"),
    "# 提出新的分类任务": ("propose_classification", "zh"),
    "# Classification or not": ("classify", "en"),
    "# 是否为分类任务": ("classify", "zh"),
    "# Write examples, input first": ("input_first", "en"),
    "# 编写示例：先写输入": ("input_first", "zh"),
    "# Write examples, label first": ("label_first", "en"),
    "# 编写示例：先写标签": ("label_first", "zh"),
    "# Write complete tasks": ("complete_tasks", "en"),
    "# 编写完整任务": ("complete_tasks", "zh"),
    "# Evolve an instruction: add constraints": ("add_constraints", "en"),
    "# 指令进化：增加约束": ("add_constraints", "zh"),
    "# Evolve an instruction: deepen": ("deepen", "en"),
    "# 指令进化：加深": ("deepen", "zh"),
    "# Evolve an instruction: concretize": ("concretize", "en"),
    "# 指令进化：具体化": ("concretize", "zh"),
    "# Evolve an instruction: increase reasoning": ("increase_reasoning", "en"),
    "# 指令进化：增加推理步骤": ("increase_reasoning", "zh"),
    "# Evolve an instruction: complicate the input": ("complicate_input", "en"),
    "# 指令进化：复杂化输入": ("complicate_input", "zh"),
    "# Create a rarer instruction": ("breadth", "en"),
    "# 创造更少见的指令": ("breadth", "zh"),
    "# Equal or not": ("equal", "en"),
    "# 是否相同": ("equal", "zh"),
    "# Write instructions on given topics": ("topic_examples", "en"),
    "# 按主题编写指令": ("topic_examples", "zh"),
    "# Move an instruction to a topic": ("topic_rewrite", "en"),
    "# 将指令改写到主题": ("topic_rewrite", "zh"),
    "# Explain a known answer": ("rationalize", "en"),
    "# 解释已知答案": ("rationalize", "zh"),
    "# Same problem or not": ("same_problem", "en"),
    "# 是否为同一道题": ("same_problem", "zh"),
    "# Safety categories of a row": ("safety", "en"),
    "# 训练数据的安全类别": ("safety", "zh"),
}
_RANGE = {
    "en": re.compile(r"Write tasks (\d+) to (\d+)"),
    "zh": re.compile(r"请写出第\s*(\d+)\s*到第\s*(\d+)\s*个任务"),
}
_COUNT = {"en": re.compile(r"Write (\d+) examples"), "zh": re.compile(r"请写\s*(\d+)\s*个示例")}
_AT_MOST = {"en": re.compile(r"at most (\d+)"), "zh": re.compile(r"最多\s*(\d+)\s*个")}
NO_CATEGORY, NOT_TOLD = "none", "cannot tell"
"""Names of categories are English in both languages."""
_EXAMPLES = 3
_MOST = 64
"""More items than this are never asked for in one prompt."""


@dataclass(frozen=True, slots=True)
class Speech:
    """The fixed words of replies in one language."""

    unknown: str
    yes: str
    no: str
    equal: str
    not_equal: str
    same: str
    different: str
    undecided: str
    input: str
    output: str
    instruction: str
    label: str
    example: str
    task: str
    no_input: str
    answer: str
    answer_marks: tuple[str, ...]


SPEECH: Mapping[Language, Speech] = {
    "en": Speech(
        unknown="I cannot compute an answer to this task offline.",
        yes="Yes", no="No", equal="Equal", not_equal="Not equal",
        same="Same", different="Different", undecided="Cannot tell",
        input="Input: ", output="Output: ", instruction="Instruction: ", label="Class label: ",
        example="Example", task="### Task", no_input="<noinput>", answer="Answer: ", answer_marks=("Answer:",),
    ),
    "zh": Speech(
        unknown="我无法离线计算这个任务的答案。",
        yes="是", no="否", equal="相同", not_equal="不同",
        same="相同", different="不同", undecided="无法判断",
        input="输入：", output="输出：", instruction="指令：", label="类别标签：",
        example="示例", task="### 任务", no_input="<无输入>", answer="答案：", answer_marks=("答案：", "答案:"),
    ),
}  # fmt: skip


def tag(text: str, name: str) -> str | None:
    """What stands between ``<name>`` and its end tag, the last one if there are several opening tags."""
    start = text.find(f"<{name}>")
    end = text.rfind(f"</{name}>")
    return text[start + len(name) + 2 : end].strip() if 0 <= start < end else None


def task_range(text: str, language: Language) -> tuple[int, int]:
    """Numbers of the first and last task that are asked for."""
    found = _RANGE[language].findall(text)
    if not found:
        return 1, 1
    first, last = int(found[-1][0]), int(found[-1][1])
    return first, max(first, min(last, first + _MOST - 1))


def example_count(text: str, language: Language) -> int:
    """How many examples are asked for."""
    found = _COUNT[language].findall(text)
    return min(int(found[-1]), _MOST) if found else 1


def most_examples(text: str, language: Language) -> int:
    """How many examples of one task are allowed: three where nothing is said."""
    found = _AT_MOST[language].search(text)
    return max(1, min(int(found[1]), _MOST)) if found else _EXAMPLES


def topics(text: str) -> list[str]:
    """The topics of a ``<topics>`` list."""
    return [part.strip() for part in re.split(r"[,，、]", tag(text, "topics") or "") if part.strip()]
