from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.language import Config, judge, told
from schemas.row import new_row, to_frame
from schemas.verdicts import Verdicts

EN = "Explain in a few sentences how rain forms in the clouds."
DE = "Erkläre in wenigen Sätzen, wie der Regen in den Wolken entsteht."
FR = "Expliquez en quelques phrases comment la pluie se forme dans les nuages."
ES = "Explica en pocas frases cómo se forma la lluvia en las nubes."
RU = "Объясните в нескольких предложениях, как образуется дождь в облаках."
UK = "Поясніть кількома реченнями, як утворюється дощ у хмарах."
ZH = "请用几句话解释一下雨是怎样在云中形成的。"
JA = "雨が雲の中でどのようにできるのかを、いくつかの文で説明してください。"
KO = "구름 속에서 비가 어떻게 만들어지는지 몇 문장으로 설명해 주세요."
EL = "Εξηγήστε με λίγες προτάσεις πώς σχηματίζεται η βροχή στα σύννεφα."
AR = "اشرح في بضع جمل كيف يتكون المطر في السحب ولماذا يسقط على الأرض."

BY_LANGUAGE = {
    "en": EN,
    "de": DE,
    "fr": FR,
    "es": ES,
    "ru": RU,
    "uk": UK,
    "zh": ZH,
    "ja": JA,
    "ko": KO,
    "el": EL,
    "ar": AR,
}

CODE = "```python\nfor number in range(10):\n    print(number)\n```\nimport os\nx = open(path).read()"


def judged(instruction: str, response: str = "", language: str = "en", input: str = "", **config: Any) -> Verdicts:
    row = new_row(instruction, response=response, language=language, input=input, stage="s")
    return judge(to_frame([row]), Config(**config))


def reason(*texts: str, **values: Any) -> str | None:
    return judged(*texts, **values).reasons[0]


@pytest.mark.parametrize("language", BY_LANGUAGE)
def test_a_row_in_the_language_of_its_label_stays_and_has_it_as_a_score(language: str) -> None:
    verdicts = judged(BY_LANGUAGE[language], BY_LANGUAGE[language], language)
    assert list(verdicts.reasons) == [None]
    assert [score.measure for score in verdicts[0].scores] == [f"language_{language}"]
    assert 0.3 <= verdicts[0].scores[0].value <= 1
    assert not verdicts.notes


@pytest.mark.parametrize("label", BY_LANGUAGE)
@pytest.mark.parametrize("written", BY_LANGUAGE)
def test_a_response_in_another_language_than_the_label_says_goes(label: str, written: str) -> None:
    verdicts = judged(BY_LANGUAGE[label], BY_LANGUAGE[written], label)
    assert verdicts.reasons[0] == (None if label == written else "wrong_language")
    assert verdicts[0].scores[0].measure == f"language_{written}"


def test_an_instruction_in_another_language_goes() -> None:
    assert reason(DE, language="en") == "wrong_language"
    assert reason(DE, language="de-AT") is None


@pytest.mark.parametrize(
    ("instruction", "label", "languages", "expected"),
    [
        (DE, "de", ["en", "zh"], "language_not_wanted"),
        (DE, "de", ["de-DE"], None),
        (DE, "en", ["en"], "language_not_wanted"),
        (DE, "en", ["en", "de"], "wrong_language"),
        ("12 + 30", "de", ["en"], "language_not_wanted"),
        ("12 + 30", "en", ["en"], None),
    ],
)
def test_only_wanted_languages_stay(instruction: str, label: str, languages: list[str], expected: str | None) -> None:
    assert reason(instruction, language=label, languages=languages) == expected


def test_the_label_may_be_left_out_of_it() -> None:
    assert reason(DE, language="en", languages=["de"], as_labelled=False) is None
    assert reason(DE, language="en", as_labelled=False) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hallo Welt",
        "42",
        CODE,
        "https://beispiel.example/eine/lange/adresse",
        "- Ragu alla Bolognese\n- Spaghetti alla Carbonara\n- Risotto alla Milanese",
        f"{EN} {ZH}",
        "rnbqkbnr/pp1ppppp/8/2p5/4P3/5N2/PPPP1PPP/RNBQKB1R b KQkq - 1 2",
    ],
)
def test_what_is_too_short_too_mixed_or_no_language_is_unknown_and_stays(text: str) -> None:
    verdicts = judged(text, language="fr")
    assert list(verdicts.reasons) == [None]
    assert verdicts.notes == {"unknown": 1}
    assert not verdicts[0].scores


def test_code_in_a_row_is_of_no_language() -> None:
    assert reason(DE, f"Hier ist das Programm, das die Zahlen der Reihe nach ausgibt:\n{CODE}", "de") is None
    assert told(CODE, Config()) is None


@pytest.mark.parametrize(
    ("instruction", "response", "language"),
    [
        ("Translate the sentence.", FR, "en"),
        ("Write a short poem about rain in French.", FR, "en"),
        ("Übersetze den Satz.", FR, "de"),
        ("Which language is this?", RU, "en"),
        ("把这句话翻译成英文", EN, "zh"),
    ],
)
def test_tasks_about_languages_are_not_judged(instruction: str, response: str, language: str) -> None:
    assert reason(instruction, response, language) is None


def test_of_a_label_that_cannot_be_told_nothing_is_said() -> None:
    assert reason(EN, language="tlh") is None
    assert reason(EN, language="") is None


def test_a_few_han_characters_may_be_japanese() -> None:
    assert reason("株式会社日本総合研究所", language="ja") is None
    assert reason("株式会社日本総合研究所", language="en") == "wrong_language"
    assert reason(ZH, language="ja") == "wrong_language"


def test_names_of_one_language_do_not_contradict_each_other() -> None:
    norwegian = "Forklar med noen få setninger hvordan regnet dannes i skyene, og hvorfor det faller ned."
    assert reason(norwegian, language="nb") is None
    assert reason(norwegian, language="no", languages=["nb"]) is None


def test_real_english_and_chinese_rows_stay(real_data: Callable[[str], list[dict[str, Any]]]) -> None:
    english = [new_row(each["question"], response=each["answer"], stage="s") for each in real_data("gsm8k_test.jsonl")]
    chinese = [
        new_row(each["instruction"], response=each["output"], language="zh", stage="s", source=str(place))
        for place, each in enumerate(real_data("huatuo_8658.jsonl")[:500])
    ]
    assert not any(judge(to_frame([*english, *chinese]), Config()).reasons)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=4),
    st.sampled_from(["en", "zh", "", "xx"]),
)
def test_odd_text_never_crashes_and_every_row_is_told_or_counted(texts: list[str], language: str) -> None:
    rows = [
        new_row(text, response=text[::-1], language=language, stage="s", source=str(i)) for i, text in enumerate(texts)
    ]
    verdicts = judge(to_frame(rows), Config())
    assert len(verdicts) == len(rows)
    assert sum(bool(verdict.scores) for verdict in verdicts) + verdicts.notes.get("unknown", 0) == len(rows)
