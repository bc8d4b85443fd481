"""What is told to Prefect, under names that it takes and that no two datasets share."""

import re

from hypothesis import given
from hypothesis import strategies as st

from flows.prefect_api import artifact_key

DATASETS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)


@given(DATASETS, DATASETS)
def test_no_two_datasets_share_an_artifact(one: str, other: str) -> None:
    first, second = artifact_key(one, "report"), artifact_key(other, "report")
    assert (first == second) == (one == other)
    assert re.fullmatch(r"[a-z0-9-]+", first)


def test_a_plain_name_is_its_own_key_and_names_that_differ_in_a_dash_alone_differ() -> None:
    assert artifact_key("nightly-math", "progress", "evol_instruct") == "nightly-math-progress-evol-instruct"
    keys = {artifact_key(name, "card") for name in ("a-b", "a.b", "a_b", "a--b", "a-b-")}
    assert len(keys) == 5
