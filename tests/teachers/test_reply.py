"""Response bodies as real servers send them: thoughts apart, several samples, tokens of all kinds."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.exchange import Completion
from schemas.recipe import Model, Price
from teachers.failures import Failure
from teachers.reply import cost_of, read_reply

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def read(
    *messages: dict[str, Any], finish: str | None = "stop", n: int = 1, usage: Any = None, price: Price | None = None
) -> Completion:
    """What is read of a body with these messages."""
    choices = [{"index": at, "message": message, "finish_reason": finish} for at, message in enumerate(messages)]
    raw = json.dumps({"choices": choices, "usage": usage}).encode()
    model = Model(model="m", price=price or Price())
    return read_reply(raw, {"n": n} if n > 1 else {}, model)


# Thoughts


@pytest.mark.parametrize(
    "message",
    [
        # vLLM with a reasoning parser (the older name), llama.cpp, DeepSeek, SGLang
        {"content": "Four.", "reasoning_content": "2 + 2"},
        # vLLM now, Ollama, Groq
        {"content": "Four.", "reasoning": "2 + 2", "reasoning_content": None},
        # OpenRouter sends the text twice, or only in parts
        {"content": "Four.", "reasoning": "2 + 2", "reasoning_details": [{"type": "reasoning.text", "text": "2 + 2"}]},
        {
            "content": "Four.",
            "reasoning": None,
            "reasoning_details": [
                {"type": "reasoning.summary", "summary": "2 "},
                {"type": "reasoning.encrypted", "data": "x"},
                {"type": "reasoning.text", "text": "+ 2"},
            ],
        },
        # Mistral, and Anthropic behind a gateway
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "2 + 2"}]},
                {"type": "text", "text": "Four."},
            ]
        },
        {"content": [{"type": "thinking", "thinking": "2 + 2"}, {"type": "text", "text": "Four."}]},
    ],
)
def test_thoughts_are_kept_apart_from_the_answer(message: dict[str, Any]) -> None:
    completion = read(message)
    assert (completion.text, completion.reasoning, completion.error) == ("Four.", "2 + 2", None)


@pytest.mark.parametrize("text", ["<think>2 + 2</think>Four.", "2 + 2</think>Four.", "<think>2 + 2"])
def test_thoughts_that_stand_in_the_text_stay_there(text: str) -> None:
    # vLLM and llama.cpp without a reasoning parser; the readers of the generators part them.
    assert (read({"content": text}).text, read({"content": text}).reasoning) == (text, None)


def test_a_reply_that_was_cut_while_it_thought_is_a_completion_and_truncated() -> None:
    completion = read({"content": None, "reasoning_content": "First, I"}, finish="length")
    assert (completion.text, completion.error, completion.truncated) == ("", None, True)


def test_a_reply_that_was_cut_before_its_first_word_is_truncated_by_name() -> None:
    # The limit was spent on thoughts that the endpoint does not show.
    completion = read({"content": ""}, finish="length", usage={"prompt_tokens": 3, "completion_tokens": 9})
    assert (completion.error, completion.truncated, completion.completion_tokens) == ("truncated", True, 9)


# Samples


def test_every_sample_is_read_in_order() -> None:
    completion = read({"content": "a"}, {"content": "b", "reasoning": "r"}, {"content": "c"}, n=3)
    assert [(each.text, each.reasoning) for each in completion.samples()] == [("a", None), ("b", "r"), ("c", None)]


def test_tokens_and_cost_are_counted_once() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 20}
    completion = read({"content": "a"}, {"content": "b"}, n=2, usage=usage, price=Price(prompt=1, completion=2))
    first, second = completion.samples()
    assert first is completion
    assert (first.prompt_tokens, first.completion_tokens, first.cost) == (10, 20, 50 / 1e6)
    assert (second.prompt_tokens, second.completion_tokens, second.cost, second.others) == (0, 0, 0.0, ())
    assert second.model == "m"


def test_an_endpoint_that_sends_fewer_samples_is_taken_at_its_word() -> None:
    assert [each.text for each in read({"content": "a"}, n=4).samples()] == ["a"]


def test_an_endpoint_that_sends_more_than_were_asked_for_is_cut_short() -> None:
    assert [each.text for each in read({"content": "a"}, {"content": "b"}).samples()] == ["a"]


def test_an_empty_sample_is_told_and_never_stands_for_the_others() -> None:
    completion = read({"content": ""}, {"content": "b"}, {"content": None}, n=3)
    assert (completion.text, completion.error) == ("b", None)
    assert [(each.text, each.error) for each in completion.samples()] == [
        ("b", None),
        ("", "empty_completion"),
        ("", "empty_completion"),
    ]


def test_samples_that_are_all_empty_are_an_error() -> None:
    completion = read({"content": ""}, {"content": ""}, n=2, finish="content_filter")
    assert (completion.error, len(completion.samples())) == ("content_filter", 2)


# Tokens


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 100, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 60}},
        {"prompt_tokens": 100, "completion_tokens": 50, "prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40},
    ],
)
def test_cached_prompt_tokens_are_counted_and_have_their_own_price(usage: dict[str, Any]) -> None:
    completion = read({"content": "a"}, usage=usage, price=Price(prompt=10, cached=1, completion=100))
    assert (completion.prompt_tokens, completion.cached_tokens) == (100, 60)
    assert completion.cost == pytest.approx((40 * 10 + 60 * 1 + 50 * 100) / 1e6)


def test_cached_tokens_cost_the_same_where_no_price_is_named_and_nothing_where_it_is_zero() -> None:
    assert cost_of(Price(prompt=10), 100, 0, 60) == cost_of(Price(prompt=10), 100, 0)
    assert cost_of(Price(prompt=10, cached=0), 100, 0, 100) == 0


@pytest.mark.parametrize(
    ("prompt", "said", "total", "thought", "counted"),
    [
        pytest.param(5, 50, 55, 40, 50, id="thoughts are part of the completion"),
        pytest.param(20, 198, 623, 405, 603, id="thoughts stand only in the total, and are paid for"),
    ],
)
def test_tokens_of_thoughts_are_counted(prompt: int, said: int, total: int, thought: int, counted: int) -> None:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": said,
        "total_tokens": total,
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    completion = read({"content": "a"}, usage=usage)
    assert (completion.completion_tokens, completion.reasoning_tokens) == (counted, thought)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {"prompt_tokens": None, "total_tokens": 9},
        {"prompt_tokens_details": None, "completion_tokens_details": "x"},
        {"prompt_tokens": -1, "completion_tokens": "many", "prompt_tokens_details": {"cached_tokens": 7}},
    ],
)
def test_counts_that_are_missing_or_nonsense_are_reckoned_by_what_was_sent_and_said(usage: Any) -> None:
    first, second = {"content": "a" * 39}, {"content": "b" * 20, "reasoning_content": "c" * 20}
    completion = read(first, second, n=2, usage=usage, price=Price(prompt=1, completion=1))
    sent = len(b'{"n":2}')
    assert (completion.prompt_tokens, completion.completion_tokens) == (-(-sent // 4), 20)
    assert completion.cost == pytest.approx(22e-6)
    assert (completion.cached_tokens, completion.reasoning_tokens) == (0, 0)


@pytest.mark.parametrize(
    ("usage", "counts"), [({"prompt_tokens": 7}, (7, 5)), ({"completion_tokens": 7}, (1, 7)), ({}, (1, 5))]
)
def test_only_the_count_that_is_missing_is_reckoned(usage: Any, counts: tuple[int, int]) -> None:
    completion = read({"content": "a" * 20}, usage=usage)
    assert (completion.prompt_tokens, completion.completion_tokens) == counts


@pytest.mark.parametrize("finish", ["error", "abort"])
def test_half_an_answer_does_not_pass_for_a_whole_one(finish: str) -> None:
    broken = {"message": {"content": "This answer was cut in the mid"}, "finish_reason": finish}
    whole = {"message": {"content": "This one was not."}, "finish_reason": "stop"}
    with pytest.raises(Failure, match="unreadable_reply"):
        read_reply(json.dumps({"choices": [broken]}).encode(), {}, Model(model="m"))
    completion = read_reply(json.dumps({"choices": [broken, whole]}).encode(), {"n": 2}, Model(model="m"))
    assert (completion.text, completion.error) == ("This one was not.", None)
    assert [sample.error for sample in completion.others] == ["unreadable_reply"]


@given(JSON, JSON, st.integers(1, 3))
def test_any_choices_and_usage_are_read_without_an_error(message: Any, usage: Any, n: int) -> None:
    raw = json.dumps({"choices": [{"message": message}, message], "usage": usage}).encode()
    completion = read_reply(raw, {"n": n}, Model(model="m"))
    assert len(completion.samples()) <= n


@given(JSON)
def test_any_body_is_an_empty_completion_or_an_unreadable_reply(body: Any) -> None:
    try:
        read_as: str | None = read_reply(json.dumps(body).encode(), {}, Model(model="m")).error
    except Failure as failure:
        read_as = failure.word
    assert read_as in ("empty_completion", "unreadable_reply")


@given(
    st.dictionaries(
        st.sampled_from(["content", "reasoning", "reasoning_content", "reasoning_details", "refusal"]),
        JSON | st.lists(st.dictionaries(st.sampled_from(["type", "text", "thinking", "summary"]), JSON)),
    )
)
def test_any_message_is_read_without_an_error(message: dict[str, Any]) -> None:
    completion = read(message)
    assert (completion.error is None) == bool(completion.text or completion.reasoning)
