"""Texts become vectors: the same ones in whatever company, and near those of the plain library."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.embedding import Config, open_index
from filters.encoder import Encoder, is_steady, load_encoder
from schemas.errors import RecipeError
from schemas.row import new_row, to_frame

WORDS = ["the", "sea", "a", "poem", "write", "explain", "how", "bread", "is", "made", "in", "seven", "short", "steps"]
TEXTS = [" ".join(WORDS[start:] + WORDS[:start] * (start % 5)) for start in range(len(WORDS))] * 3


@pytest.fixture(scope="module", params=[False, True], ids=["as they come", "filled"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return replace(load_encoder("minilm"), filled=request.param)


def static_model(folder: Path) -> str:
    """A model without a transformer: the mean of one vector a word; a word that it does not know has none."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    names = ["[UNK]", *sorted(set(WORDS))]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.random.default_rng(0).standard_normal((len(names), 32)).astype(np.float32)
    weights[0] = 0
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)]).save(str(folder))
    return str(folder)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=40))
def test_a_text_has_one_vector_in_whatever_company(encoder: Encoder, places: list[int]) -> None:
    whole, _ = encoder.encode(TEXTS)
    some, fits = encoder.encode([TEXTS[place] for place in places])
    assert fits.all()
    assert np.array_equal(some, whole[places])


def test_threads_change_no_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load_encoder("minilm")
    whole, _ = encoder.encode(TEXTS)
    for threads in (1, 3):
        monkeypatch.setattr("filters.encoder.available", lambda threads=threads: threads)
        assert np.array_equal(encoder.encode(TEXTS)[0], whole)


def test_vectors_are_those_of_the_plain_library() -> None:
    encoder = load_encoder("minilm", "float32")
    plain = encoder.model.encode(TEXTS, normalize_embeddings=True)
    ours, _ = encoder.encode(TEXTS)
    assert np.abs(ours - plain).max() < 5e-4  # float16
    half, _ = load_encoder("minilm", "bfloat16").encode(TEXTS)
    assert (half.astype(float) * plain).sum(axis=1).min() > 0.999


def test_shapes_change_a_vector_by_rounding_alone() -> None:
    free = load_encoder("minilm", "float32")
    assert np.abs(free.encode(TEXTS)[0] - replace(free, filled=True).encode(TEXTS)[0]).max() < 2e-3


def test_the_probe_tells_a_model_whose_sums_depend_on_the_batch() -> None:
    class Unsteady(Encoder):
        def encode(self, texts: object) -> tuple[np.ndarray, np.ndarray]:
            count = len(texts)  # type: ignore[arg-type]
            return np.full((count, 2), 1 + count / 1024, dtype=np.float16), np.ones(count, dtype=bool)

    steady = load_encoder("minilm")
    assert is_steady(steady)
    fields = [getattr(steady, name) for name in ("model", "prompt", "precision", "tokens", "filled", "lock")]
    assert not is_steady(Unsteady(*fields))


def test_a_text_that_is_not_read_to_its_end_has_no_vector(encoder: Encoder) -> None:
    vectors, fits = encoder.encode(["word " * 254, "word " * 255, "x"])
    assert fits.tolist() == [True, False, True]
    assert vectors.any(axis=1).tolist() == [True, False, True]


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    vectors, fits = encoder.encode([])
    assert (vectors.shape, fits.shape) == ((0, 384), (0,))


def test_a_static_model_in_a_folder_serves_too(tmp_path: Path) -> None:
    config = Config(model=static_model(tmp_path), threshold=0.9, languages=["en"])
    index = open_index(config)
    texts = ["the sea", "explain bread", "sea the", "qwerty asdf"]
    frame = to_frame([new_row(text, stage="s", source=str(place)) for place, text in enumerate(texts)])
    verdicts = index.decide(frame, index.sign(frame))
    assert [verdict.reason for verdict in verdicts] == [None, None, "same_meaning", None]
    assert index.counts() == {"uncompared_no_direction": 1}


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(RecipeError, match=r"embedding.device 'abacus'"):
        open_index(Config(device="abacus"))
