import io
import random
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.minhash import Config, open_index
from filters.rouge_l import Vocabulary, similarities
from filters.text import calculation, normalise, tokens
from schemas.row import Row, Score, Turn, new_row, to_frame
from schemas.stage import Verdict

ROOT = Path(__file__).parents[2]

POEM = "Write a short poem about the sea and the sky at night"
ARTICLE = "The harbour of Trieste was built in the eighteenth century and grew with the empire behind it. " * 3

# So many bands of one row each that a near pair cannot slip through: 1 - (1 - .7) ** 128 is 1.
SURE: dict[str, Any] = {"bands": 128, "rows": 1}

SHORT_ROWS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["x", "yy"]), st.integers(1, 3)).map(
        lambda parts: f"sort {parts[0] * 3} then {parts[1]} and the list of names {parts[2]}"
    ),
    max_size=12,
)


def rows_of(*instructions: str, **values: Any) -> list[Row]:
    return [new_row(text, stage="seed", source=str(i), **values) for i, text in enumerate(instructions)]


def decide(rows: list[Row], cuts: tuple[int, ...] = (), /, **config: Any) -> list[Verdict]:
    index, verdicts = open_index(Config(**config)), list[Verdict]()
    for start, end in zip((0, *cuts), (*cuts, len(rows)), strict=True):
        frame = to_frame(rows[start:end])
        verdicts += index.decide(frame, index.sign(frame))
    return verdicts


def reasons(rows: list[Row], **config: Any) -> list[str | None]:
    return [verdict.reason for verdict in decide(rows, **config)]


def truly_near(one: str, other: str, rouge_l: float | None = 0.8) -> bool:
    """The rule for short English instructions, by brute force on Python sets."""
    first, second = normalise(one), normalise(other)
    sets = [{text[i : i + 5] for i in range(max(1, len(text) - 4))} for text in (first, second)]
    vocabulary = Vocabulary()
    encoded = [vocabulary.encode(tokens(text, "en")) for text in (one, other)]
    jaccard = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    near = jaccard >= 0.7 or similarities(encoded[0], [encoded[1]])[0] >= (rouge_l or 2)
    return bool(near) and calculation(one) == calculation(other)


def test_minhash_keeps_the_first_of_each_cluster() -> None:
    rows = rows_of(POEM, "Sort the numbers", POEM + "!", POEM + " please", "Sort the numbers")
    verdicts = decide(rows)
    assert [verdict.reason for verdict in verdicts] == [
        None,
        None,
        "exact_duplicate",
        "near_duplicate",
        "exact_duplicate",
    ]
    assert verdicts[2].scores == (Score("minhash", "jaccard", 1.0, rows[0].id),)
    assert {score.neighbour for score in verdicts[3].scores} == {rows[0].id}
    assert {score.measure for score in verdicts[3].scores} == {"jaccard", "rouge_l"}


def test_scores_are_exact_and_stand_on_kept_rows_too() -> None:
    rows = rows_of("Write a poem about rain in the city", "Write a poem about rain and wind in the hills")
    (jaccard,) = decide(rows, rouge_l=None, **SURE)[1].scores
    sets = [{text[i : i + 5] for i in range(len(text) - 4)} for text in (normalise(row.instruction) for row in rows)]
    assert jaccard.value == len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    assert jaccard.neighbour == rows[0].id


@pytest.mark.parametrize(("guard", "kept"), [(True, [True, True, True]), (False, [True, False, False])])
def test_the_digit_guard_keeps_other_calculations(guard: bool, kept: list[bool]) -> None:
    rows = rows_of(
        *(f"A train travels {n} km in 2 hours on a sunny day; what is its mean speed in km/h?" for n in (60, 80, 90))
    )
    assert [verdict.keep for verdict in decide(rows, digit_guard=guard)] == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is (2 + 3) * 4?", "What is 2 + (3 * 4)?"),
        ("What is 5!?", "What is 5?"),
        ("1.25 plus 2", "1, 25 plus 2"),
        ("Simplify 2:3", "Simplify 2.3"),
        ("What does {} mean in Python?", "What does [] mean in Python?"),
        ("not (a and b)", "(not a) and b"),
        ("print([1, 2][0])", "print((1, 2)[0])"),
        ('{"a": 1}', '{"a", 1}'),
        ("Write a program in C# that sorts names", "Write a program in C that sorts names"),
        ("Solve x - y = 3", "Solve x + y = 3"),
        ("a && b", "a || b"),
        ("a + b * c", "a * b + c"),
        ("计算（2+3）×4的值", "计算2+（3×4）的值"),
        ("Tom has 5 apples and gives 3 to Ann", "Tom has 3 apples and gives 5 to Ann"),
    ],
)
def test_other_signs_or_another_order_of_numbers_make_another_task(one: str, other: str) -> None:
    assert reasons(rows_of(one, other)) == [None, None]
    inputs = [new_row("Say what this means.", input=text, stage="s", source=text) for text in (one, other)]
    assert reasons(inputs) == [None, None]


@pytest.mark.parametrize(
    ("edited", "reason"),
    [
        (POEM.upper() + ".", "exact_duplicate"),
        (POEM.replace(" and", ", and"), "near_duplicate"),
        (POEM.replace(" and", " - and"), "near_duplicate"),
    ],
)
def test_case_and_punctuation_of_prose_make_no_other_task(edited: str, reason: str) -> None:
    assert reasons(rows_of(POEM, edited)) == [None, reason]


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (("Summarise the text.", ARTICLE), ("Who built the harbour, and when was that?", ARTICLE), None),
        (("Rewrite this sentence in the passive voice.", "The cat saw a dog."), None, None),
        (
            ("Summarise the text, please.", ARTICLE),
            ("Summarise the text please", ARTICLE + "It fell."),
            "near_duplicate",
        ),
        ((POEM, "Trieste"), (POEM, ""), None),
        ((POEM, ""), (POEM, "Trieste"), None),
        (("Summarise the text.", ARTICLE), ("Summarise the text!", ARTICLE), "exact_duplicate"),
    ],
)
def test_instruction_and_input_are_compared_field_by_field(
    first: tuple[str, str], second: tuple[str, str] | None, reason: str | None
) -> None:
    second = second or (first[0], "Rain fell on the hills all through the week.")
    rows = [new_row(text, input=input, stage="seed", source=str(i)) for i, (text, input) in enumerate([first, second])]
    assert reasons(rows)[1] == reason


def test_only_the_instruction_counts_where_that_is_asked_for() -> None:
    rows = [new_row("Summarise the text.", input=text, stage="seed", source=text) for text in ("one", "two words")]
    assert reasons(rows, fields="instruction") == [None, "exact_duplicate"]


def test_conversations_are_compared_as_a_whole() -> None:
    hello, others = "Hello, who are you?", ("Tell me about whales in the north sea", "How do I boil an egg?")
    rows = [
        new_row(hello, response="Hi!", turns=(Turn("user", text), Turn("assistant", "Well …")), stage="s", source=text)
        for text in (*others, others[0].upper())
    ]
    assert reasons(rows, fields="conversation") == [None, None, "exact_duplicate"]


def test_chinese_is_compared_by_character() -> None:
    rows = rows_of("请写一首关于大海的短诗", "请列出三种常见的水果", "请写一首关于大海的短诗吧", language="zh")
    assert reasons(rows) == [None, None, "near_duplicate"]


def test_long_texts_are_compared_by_groups_of_five_words() -> None:
    rng = random.Random(1)
    words = [f"w{rng.randrange(500)}x" for _ in range(600)]
    changed = list(words)
    changed[300] = "another"
    shuffled = sorted(words)
    rows = rows_of(" ".join(words), " ".join(changed), " ".join(shuffled))
    verdicts = decide(rows, digit_guard=False)
    assert [verdict.reason for verdict in verdicts] == [None, "near_duplicate", None]
    assert verdicts[1].scores[0].value == pytest.approx(1 - 10 / 601, abs=0.005)


def test_of_equally_near_rows_the_first_is_the_neighbour() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    rows = rows_of(" ".join(["ah", "oh", *words[2:]]), " ".join([*words[:-2], "uh", "eh"]), " ".join(words))
    verdicts = decide(rows, jaccard=1)
    assert [verdict.keep for verdict in verdicts] == [True, True, False]
    assert {(score.measure, score.neighbour) for score in verdicts[2].scores} == {
        ("jaccard", rows[0].id),
        ("rouge_l", rows[0].id),
    }


def test_languages_are_never_compared() -> None:
    rows = rows_of(POEM) + rows_of(POEM, language="fr")
    assert reasons(rows) == [None, None]


def test_empty_rows_are_no_duplicates_of_each_other() -> None:
    index, frame = open_index(Config()), to_frame(rows_of("", "", " ", "\0"))
    assert all(verdict.keep for verdict in index.decide(frame, index.sign(frame)))
    assert index.counts() == {"uncompared_empty": 4}


def test_short_texts_are_duplicates_only_of_themselves() -> None:
    assert reasons(rows_of("?", "!", "a", "b", "a")) == [None, None, None, None, "exact_duplicate"]


@pytest.mark.parametrize(
    ("best_by", "kept"), [("response_length", [False, False, True]), ("votes", [False, True, False])]
)
def test_the_best_of_a_shard_stays_and_verdicts_keep_their_order(best_by: str, kept: list[bool]) -> None:
    votes = [None, 5.0, 3.0]
    rows = [
        new_row(POEM + "!" * i, response="x" * i, stage="s", source=str(i)).scored(
            *([] if vote is None else [Score("chain_of_thought", "votes", vote)])
        )
        for i, vote in enumerate(votes)
    ]
    verdicts = decide(rows, keep="best", best_by=best_by)
    assert [verdict.keep for verdict in verdicts] == kept
    assert {score.neighbour for verdict in verdicts for score in verdict.scores} == {rows[kept.index(True)].id}


def test_signatures_survive_a_file() -> None:
    rows = to_frame(rows_of(POEM, POEM + " please", "你好吗", ""))
    index, file = open_index(Config()), io.BytesIO()
    np.savez(file, **index.sign(rows))  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file) as loaded:
        verdicts = index.decide(rows, dict(loaded))
    again = open_index(Config())
    assert verdicts == again.decide(rows, again.sign(rows))


@settings(deadline=None, max_examples=40)
@given(SHORT_ROWS, st.data())
def test_verdicts_do_not_depend_on_the_shards(texts: list[str], data: st.DataObject) -> None:
    rows = rows_of(*texts)
    cuts = tuple(sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=3))))
    verdicts = decide(rows, cuts)
    assert len(verdicts) == len(rows)
    assert verdicts == decide(rows)


@settings(deadline=None, max_examples=40)
@given(SHORT_ROWS, st.integers(0, 12))
def test_a_resumed_run_decides_as_one_run(texts: list[str], done: int) -> None:
    rows = rows_of(*texts)
    whole, index = decide(rows), open_index(Config())
    kept = to_frame([row for row, verdict in zip(rows[:done], whole[:done], strict=True) if verdict.keep])
    index.add(kept, index.sign(kept))
    rest = to_frame(rows[done:])
    assert index.decide(rest, index.sign(rest)) == whole[done:]


@settings(deadline=None, max_examples=40)
@given(SHORT_ROWS)
def test_greedy_verdicts_are_those_of_brute_force(texts: list[str]) -> None:
    verdicts = decide(rows_of(*texts), **SURE)
    kept: list[str] = []
    for text, verdict in zip(texts, verdicts, strict=True):
        assert verdict.keep is not any(truly_near(text, earlier) for earlier in kept)
        if verdict.keep:
            kept.append(text)
    assert not any(truly_near(one, other) for one, other in combinations(kept, 2))


@given(st.lists(st.text(max_size=8), max_size=5), st.sampled_from(["en", "zh", ""]))
@settings(deadline=None, max_examples=40)
def test_odd_text_never_crashes(texts: list[str], language: str) -> None:
    rows = [
        new_row(text, input=text[::-1], response=text, stage="s", source=str(i), language=language)
        for i, text in enumerate(texts)
    ]
    for fields in ("instruction_and_input", "conversation"):
        assert len(decide(rows, fields=fields)) == len(rows)


@pytest.mark.parametrize("rouge_l", [0.8, None])
def test_planted_edits_of_real_questions_are_found(rouge_l: float | None, real_data: Callable[[str], Any]) -> None:
    """Against an exact join: precision 1, and the recall that 25 bands of 5 rows promise (at least .99)."""
    rng = random.Random(7)
    questions = [task["question"] for task in real_data("gsm8k_test.jsonl")[:130]]
    texts = questions + [edited(text, rng) for text in questions]
    verdicts = decide(rows_of(*texts), rouge_l=rouge_l)
    kept = [text for text, verdict in zip(texts, verdicts, strict=True) if verdict.keep]
    seen: list[str] = []
    false, missed, found = 0, 0, 0
    for text, verdict in zip(texts, verdicts, strict=True):
        near = any(truly_near(text, earlier, rouge_l) for earlier in seen)
        false += near < (not verdict.keep)
        missed += near and verdict.keep
        found += near and not verdict.keep
        if verdict.keep:
            seen.append(text)
    assert seen == kept
    assert false == 0
    assert found >= 90
    assert missed <= 0.01 * found


def edited(text: str, rng: random.Random) -> str:
    """One word in twelve is another one."""
    words = text.split()
    for _ in range(max(1, len(words) // 12)):
        words[rng.randrange(len(words))] = rng.choice(["perhaps", "garden", "quickly", "blue"])
    return " ".join(words)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"bands": 33, "rows": 4}, r"33 \* 4 = 132, more than num_perm 128; lower bands or rows"),
        ({"jaccard": 1.4}, "jaccard"),
        ({"fields": "answer"}, "fields"),
        ({"treshold": 0.7}, "treshold"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**config)


def test_importing_the_filters_loads_no_heavy_library() -> None:
    code = (
        "import sys, filters.minhash, filters.embedding, filters.novelty, filters.heuristics;"
        "print({'datasketch', 'scipy', 'torch', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "set()"
