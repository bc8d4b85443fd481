"""Which benchmark question stands in a text, and how much of it: shared n-grams, and whole short questions.

An inverted index of the questions: each n-gram of tokens leads to where it stands in which question. The *coverage* of
a question is the share of its tokens that lie in an n-gram which the text has too, so that a long text that holds a
short question covers it wholly. A question of fewer tokens than the n-gram has none: it is found if the text holds it
whole or, where it is so short that other texts hold it by chance, if it is all the text there is.

Exact: n-grams are compared as they are, not by a hash. Not for paraphrases: one word in six changed leaves no 8-gram.

Source: the decontamination of Tülu 3, N. Lambert et al., arXiv 2411.15124, section 3.2 (8-grams, half of the tokens).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from filters.text import is_unspaced, tokens

Gram = tuple[str, ...]

LEAST_WORDS, LEAST_CHARACTERS = 4, 6
"""A question of fewer words, or of fewer characters where each is a token, is in other texts by chance: "Who am I"."""


@dataclass(frozen=True, slots=True)
class Found:
    """A question that a text shares something with."""

    item: int
    """Its number, in the order in which the questions were given."""
    share: float
    """Of the question's tokens, those that the text has in n-grams, from 0 to 1; 1 where it holds it whole."""
    whole: bool = False
    """Whether it is a short question, found whole."""


class Coverage:
    """Questions in which texts are looked up.

    Args:
        questions: the texts of the benchmark, of any language.
        words: tokens in an n-gram.
        characters: the same for a question in Chinese or another script in which each character is a token.
    """

    def __init__(self, questions: Sequence[str], *, words: int, characters: int) -> None:
        kinds = _Kind(words, LEAST_WORDS), _Kind(characters, LEAST_CHARACTERS)
        for item, question in enumerate(questions):
            gram = _gram(question)
            if gram:
                kinds[is_unspaced(list(gram))].add(item, gram)
        self._kinds = [kind for kind in kinds if kind.lengths]

    def find(self, text: str) -> Found | None:
        """The question that ``text`` covers best, the first one on a tie; none, if it has nothing of any."""
        gram = _gram(text)
        found = [each for kind in self._kinds if (each := kind.find(gram)) is not None]
        return min(found, key=lambda each: (-each.share, each.item), default=None)


class _Kind:
    """The questions that are cut into n-grams of one size."""

    def __init__(self, n: int, least: int) -> None:
        self.lengths: dict[int, int] = {}
        """Of each question, its tokens."""
        self._n, self._least = n, least
        self._places: dict[Gram, list[tuple[int, int]]] = {}
        """Of each n-gram, the questions that have it, and where."""
        self._short: dict[Gram, list[tuple[int, Gram]]] = {}
        """Short questions by their first tokens."""
        self._tiny: dict[Gram, int] = {}
        """The shortest ones."""

    def add(self, item: int, gram: Gram) -> None:
        self.lengths[item] = len(gram)
        if len(gram) < self._least:
            self._tiny.setdefault(gram, item)
        elif len(gram) < self._n:
            self._short.setdefault(gram[: self._least], []).append((item, gram))
        for start in range(len(gram) - self._n + 1):
            self._places.setdefault(gram[start : start + self._n], []).append((item, start))

    def find(self, gram: Gram) -> Found | None:
        whole = self._whole(gram)
        if whole is not None:
            return Found(whole, 1.0, whole=True)
        # One bit a token of the question.
        window, covered = (1 << self._n) - 1, dict[int, int]()
        for start in range(len(gram) - self._n + 1):
            for item, place in self._places.get(gram[start : start + self._n], ()):
                covered[item] = covered.get(item, 0) | window << place
        shares = {item: bits.bit_count() / self.lengths[item] for item, bits in covered.items()}
        best = min(shares, key=lambda item: (-shares[item], item), default=None)
        return None if best is None else Found(best, shares[best])

    def _whole(self, gram: Gram) -> int | None:
        """The first short question that the text holds."""
        found = [self._tiny[gram]] if gram in self._tiny else []
        if self._short:
            for start in range(len(gram) - self._least + 1):
                for item, short in self._short.get(gram[start : start + self._least], ()):
                    if gram[start : start + len(short)] == short:
                        found.append(item)
        return min(found, default=None)


def _gram(text: str) -> Gram:
    # No language: a question and a row are cut alike, whatever the row's label says.
    return tuple(tokens(text, None))
