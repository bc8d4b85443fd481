from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from filters import kernels
from filters.novelty import Config, Novelty, open_index
from schemas.row import Row, new_row, to_frame
from schemas.stage import Verdict

WORDS = st.lists(st.lists(st.sampled_from("abcde"), max_size=6).map(" ".join), max_size=14)


def rows_of(*instructions: str, language: str = "en") -> list[Row]:
    return [new_row(text, stage="seed", source=str(i), language=language) for i, text in enumerate(instructions)]


def decide(rows: list[Row], cuts: tuple[int, ...] = (), /, **config: Any) -> list[Verdict]:
    """The verdicts on rows that arrive in the shards that ``cuts`` make."""
    index, verdicts = open_index(Config(**config)), list[Verdict]()
    for start, end in zip((0, *cuts), (*cuts, len(rows)), strict=True):
        frame = to_frame(rows[start:end])
        verdicts += index.decide(frame, index.sign(frame))
    return verdicts


def test_nearest_agrees_with_rouge_score_on_the_seeds_of_self_instruct(real_data: Callable[[str], Any]) -> None:
    instructions = [task["instruction"] for task in real_data("self_instruct_seed_tasks.jsonl")][:120]
    scorer, novelty = rouge_scorer.RougeScorer(["rougeL"]), Novelty()
    for number, text in enumerate(instructions):
        scores = [scorer.score(text, earlier)["rougeL"].fmeasure for earlier in instructions[:number]]
        best = max(scores, default=0.0)
        assert novelty.nearest(text, "en") == (best, str(scores.index(best)) if best else None)
        novelty.add(str(number), text, "en")


def test_exactly_the_threshold_passes_and_a_hair_above_does_not() -> None:
    ten, seven_of_ten = "a b c d e f g h i j", "a b c d e f g x y z"
    eight, seven_of_twelve = "k l m n o p q r", "k l m n o p q s t u v w"
    kept = [verdict.keep for verdict in decide(rows_of(ten, seven_of_ten, eight, seven_of_twelve))]
    assert kept == [True, True, True, False]


@pytest.mark.parametrize(("language", "thresholds"), [("zh", {}), ("fr", {"fr": 0.8})])
def test_a_threshold_of_ours_is_exact_for_all_lengths(language: str, thresholds: dict[str, float]) -> None:
    for common in range(2, 41, 2):
        total = 5 * common // 2  # F is 2 * common / total, exactly 0.8
        for shorter in range(common, total // 2 + 1):
            same = " ".join(chr(0x4E00 + i) for i in range(common))
            one = same + " " + " ".join(chr(0x5E00 + i) for i in range(shorter - common))
            other = same + " " + " ".join(chr(0x6E00 + i) for i in range(total - shorter - common))
            rows = rows_of(one, other, language=language)
            assert [verdict.keep for verdict in decide(rows, thresholds=thresholds)] == [True, True]


def test_a_reject_names_its_reason_its_score_and_its_neighbour() -> None:
    rows = rows_of("Write a poem about the sea", "Sort these numbers", "Write a poem about the sea!")
    verdict = decide(rows, name="pool")[2]
    (score,) = verdict.scores
    assert (verdict.keep, verdict.reason) == (False, "not_novel")
    assert (score.stage, score.measure, score.value, score.neighbour) == ("pool", "rouge_l", 1.0, rows[0].id)


def test_kept_rows_carry_their_nearest_neighbour_too() -> None:
    rows = rows_of("Write a poem about the sea", "Write a song about rain and snow")
    (score,) = decide(rows, record_from=0.1)[1].scores
    assert 0 < score.value < 0.7
    assert score.neighbour == rows[0].id


def test_chinese_is_compared_by_character() -> None:
    one, same = "请写一首关于大海的诗", "请写一首关于大海的诗。"
    assert rouge_scorer.RougeScorer(["rougeL"]).score(one, same)["rougeL"].fmeasure == 0  # why this test exists
    assert [verdict.keep for verdict in decide(rows_of(one, same, language="zh"))] == [True, False]


def test_chinese_has_a_higher_threshold_than_english() -> None:
    novelty = Novelty({"zh-CN": 0.85})
    assert [novelty.threshold(language) for language in ("en", "zh", "ja", "fr")] == [0.7, 0.85, 0.8, 0.7]


def test_languages_are_never_compared() -> None:
    rows = rows_of("Hola amigo mio") + rows_of("Hola amigo mio", language="es")
    assert all(verdict.keep for verdict in decide(rows))


def test_seeds_join_the_pool_untested() -> None:
    novelty = Novelty()
    for id in ("first", "second"):
        novelty.add(id, "Write a poem", "en")
    assert novelty.nearest("Write a poem", "en") == (1.0, "first")
    assert not novelty.is_new("write a POEM", "en")
    assert novelty.is_new("Sort these numbers", "en")


def test_the_input_counts_only_where_it_is_asked_for() -> None:
    rows = [new_row("Rewrite this", input=text, stage="seed", source=text) for text in ("a b c d e", "v w x y z")]
    assert [verdict.keep for verdict in decide(rows)] == [True, False]
    assert [verdict.keep for verdict in decide(rows, field="text")] == [True, True]


def test_rows_without_tokens_pass_and_are_counted() -> None:
    index, frame = open_index(Config()), to_frame(rows_of("", "?!", "", "😀"))
    assert all(verdict.keep for verdict in index.decide(frame, index.sign(frame)))
    assert index.counts() == {"uncompared_empty": 4}


@given(WORDS)
def test_sifting_is_a_loop_over_nearest_and_add(texts: list[str]) -> None:
    looped: list[tuple[float, str | None]] = []
    novelty = Novelty()
    for number, text in enumerate(texts):
        looped.append(novelty.nearest(text, "en"))
        if novelty.is_new(text, "en"):
            novelty.add(str(number), text, "en")
    assert Novelty().sift([str(number) for number in range(len(texts))], texts, "en") == looped


@given(WORDS, st.data())
def test_verdicts_do_not_depend_on_the_shards(texts: list[str], data: st.DataObject) -> None:
    rows = rows_of(*texts)
    cuts = tuple(sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=3))))
    verdicts = decide(rows, cuts)
    assert len(verdicts) == len(rows)
    assert verdicts == decide(rows)


@given(WORDS, st.integers(0, 14))
def test_a_resumed_run_decides_as_one_run(texts: list[str], done: int) -> None:
    rows = rows_of(*texts)
    whole, index = decide(rows), open_index(Config())
    kept = to_frame([row for row, verdict in zip(rows[:done], whole[:done], strict=True) if verdict.keep])
    index.add(kept, index.sign(kept))
    rest = to_frame(rows[done:])
    assert index.decide(rest, index.sign(rest)) == whole[done:]


@given(WORDS)
def test_kept_rows_are_pairwise_new(texts: list[str]) -> None:
    rows = rows_of(*texts)
    kept = [row.instruction for row, verdict in zip(rows, decide(rows), strict=True) if verdict.keep]
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    assert all(scorer.score(one, other)["rougeL"].fmeasure <= 0.7 for one, other in combinations(kept, 2))


@pytest.mark.parametrize("thresholds", [{"en": 0}, {"en": 1.2}])
def test_a_threshold_outside_its_range_is_refused(thresholds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"thresholds\.en"):
        Config(thresholds=thresholds)


RECORDED = st.none() | st.sampled_from([0.2, 0.5])
LANGUAGES = st.sampled_from(["en", "zh", "de"])
ODD_ROWS = st.lists(
    st.builds(
        lambda words, language: new_row(" ".join(words), stage="s", language=language),
        st.lists(st.sampled_from(["sort", "the", "list", "of", "naïve", "Straße", "中", "文", "ﬁne", "7"]), max_size=7),
        LANGUAGES,
    ),
    max_size=20,
).map(lambda rows: [row.with_(id=f"{place:024x}") for place, row in enumerate(rows)])


def through(rows: list[Row], config: Config, worth: int, cut: int = 0, saved: Path | None = None) -> list[Verdict]:
    index, verdicts = open_index(config, saved, worth=worth), list[Verdict]()
    for part in (rows[:cut], rows[cut:]):
        frame = to_frame(part)
        verdicts += index.decide(frame, index.sign(frame))
    return verdicts


@given(ODD_ROWS, RECORDED, st.sampled_from([0.4, 0.7, 1.0]), st.integers(0, 20))
def test_the_index_finds_what_the_whole_pool_finds(
    rows: list[Row], record_from: float | None, threshold: float, cut: int
) -> None:
    config = Config(record_from=record_from, thresholds=dict.fromkeys(["en", "zh", "de"], threshold))
    assert through(rows, config, 0, cut) == through(rows, config, 10**9)


@given(ODD_ROWS, ODD_ROWS, st.sampled_from([0.5, 1.0]))
@settings(max_examples=30)
def test_a_saved_index_knows_its_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], more: list[Row], threshold: float
) -> None:
    folder = tmp_path_factory.mktemp("index")
    config = Config(thresholds=dict.fromkeys(["en", "zh", "de"], threshold))
    index, frame = open_index(config, worth=0), to_frame(rows)
    index.decide(frame, index.sign(frame))
    assert index.save(folder) == kernels.compiled()
    later = [row.with_(id="f" + row.id[1:]) for row in more]
    if kernels.compiled():
        assert through(later, config, 0, saved=folder) == through([*rows, *later], config, 10**9)[len(rows) :]


def test_real_instructions_are_decided_as_by_rouge_score(real_data: Callable[[str], Any]) -> None:
    texts = [str(each["question"]) for each in real_data("gsm8k_train.jsonl")[:60]]
    rows = rows_of(*texts, *(text.replace("?", "").replace("how", "just how") for text in texts))
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    kept: list[Row] = []
    for row, verdict in zip(rows, through(rows, Config(), 0), strict=True):
        scores = [scorer.score(row.instruction, other.instruction)["rougeL"].fmeasure for other in kept]
        assert verdict.keep == (max(scores, default=0.0) <= 0.7)
        if verdict.keep:
            kept.append(row)
        else:
            assert (verdict.scores[0].value, verdict.scores[0].neighbour) == (
                max(scores),
                kept[scores.index(max(scores))].id,
            )
