"""Hard caps divided among processes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RecipeError
from schemas.recipe import Model
from teachers.shares import CAPS, check_shares, shared

whole = st.integers(min_value=1, max_value=60_000)


@given(concurrency=whole, requests=st.none() | whole, tokens=st.none() | whole, workers=st.integers(1, 64))
def test_shares_that_pass_the_check_never_exceed_a_cap_together(
    concurrency: int, requests: int | None, tokens: int | None, workers: int
) -> None:
    model = Model(model="m", concurrency=concurrency, requests_per_minute=requests, tokens_per_minute=tokens)
    share = shared(model, workers)
    caps = [(getattr(model, cap), getattr(share, cap)) for cap in CAPS]
    assert all(part is None if whole is None else part >= 1 for whole, part in caps)
    try:
        check_shares({"teacher": model}, workers)
    except RecipeError:
        assert any(whole is not None and whole < workers for whole, _ in caps)
    else:
        assert all(whole is None or whole - workers < part * workers <= whole for whole, part in caps)


def test_a_share_differs_from_the_model_in_its_caps_alone() -> None:
    model = Model(model="m", concurrency=9, requests_per_minute=100, temperature=0.5, base_url="http://127.0.0.1:1/v1")
    share = shared(model, 4)
    assert (share.concurrency, share.requests_per_minute, share.tokens_per_minute) == (2, 25, None)
    assert share.model_dump(exclude=set(CAPS)) == model.model_dump(exclude=set(CAPS))


def test_a_cap_that_cannot_be_shared_is_named_with_its_value() -> None:
    model = Model(model="m", requests_per_minute=3)
    with pytest.raises(RecipeError, match=r"models.judge.requests_per_minute: 3 cannot be shared by the 4 processes"):
        check_shares({"judge": model}, 4)
