"""Scene words that speak of a topic: "the quiz on diabetes" where another task has "the harbour regatta".

A phrase is the word's value, so that a task stays plain data; ``topic_of`` finds the topic in it again. A text holds at
most a few such phrases: the rest of its words come from a setting where any topic is at home (``scenes.studies``).
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from random import Random

from teachers.builtin.scenes import read_lines, vocabulary

_TOPIC = r"(?:[^\n.?!:;。？！：；]|\.(?=\S)){1,80}?"
"""Within a clause: a phrase must not be found across the border of two sentences, or of a sentence and its data."""
_MOST_PHRASES = 2
"""In one wording: a third mention of a long topic reads like a form letter."""


@cache
def phrases(language: str) -> dict[str, tuple[str, ...]]:
    """For each word slot that can carry a topic: its phrases, ``{}`` for the topic."""
    rows = (line.split("|") for line in read_lines(f"topical.{language}.txt"))
    return {slot.strip(): tuple(text.strip() for text in texts.split(";")) for slot, texts in rows}


@cache
def regexes(slot: str, language: str) -> tuple[str, ...]:
    """A regex without groups for each phrase of the slot; none where it cannot carry a topic."""
    return tuple(_TOPIC.join(re.escape(part) for part in text.split("{}")) for text in phrases(language).get(slot, ()))


def carriers(words: Iterable[str], topic: str, language: str) -> list[str]:
    """Those of the words that can speak of the topic: none where it could not be read back."""
    return [word for word in words if word in phrases(language)] if re.fullmatch(_TOPIC, topic) else []


def bind(words: Iterable[str], cast: Mapping[str, str], topic: str, language: str, rng: Random) -> dict[str, str]:
    """The cast with some of ``words`` speaking of the topic; as it was if none of them can."""
    able = carriers(words, topic, language)
    count = min(len(able), rng.randint(1, _MOST_PHRASES))
    chosen = rng.sample(able, count)
    return {**cast, **{word: rng.choice(phrases(language)[word]).replace("{}", topic) for word in chosen}}


def topic_of(slot: str, text: str, language: str) -> str | None:
    """The topic in a scene word; ``None`` for a word of the vocabulary, and for what is no word at all."""
    if text in vocabulary(language).get(slot, ()):
        return None
    for phrase, regex in zip(phrases(language).get(slot, ()), regexes(slot, language), strict=True):
        if re.fullmatch(regex, text):
            before, after = phrase.split("{}")
            return text.removeprefix(before).removesuffix(after)
    return None


def is_word(slot: str, text: str, language: str) -> bool:
    """Whether the text can stand in the slot: a word of the vocabulary, or one that speaks of a topic."""
    return text in vocabulary(language)[slot] or topic_of(slot, text, language) is not None


def topics_of(words: Iterable[tuple[str, str]], language: str) -> set[str]:
    """The topics that words speak of; ``topic`` itself is one."""
    found = {text if slot == "topic" else topic_of(slot, text, language) for slot, text in words}
    return {topic for topic in found if topic is not None}
