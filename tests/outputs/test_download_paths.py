"""Which paths mean something, and that all others mean nothing."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from outputs.download.paths import Place, is_name, is_shard, parse, url_of, version_number
from schemas.recipe import Recipe

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)
numbers = st.integers(1, 999_999_999)
paths = st.sampled_from(["", "README.md", "manifest.json", "report.html", "data/train-00000-of-00001.parquet"])
places = st.one_of(
    st.builds(Place, names),
    st.builds(Place, names, numbers, path=paths),
    st.builds(Place, names, st.none(), st.just(True), path=paths),
    st.builds(Place, names, numbers, archive=st.sampled_from(["zip", "tar"])),
)


@given(places)
def test_what_a_place_is_called_means_that_place(place: Place) -> None:
    assert parse(unquote(place.url).removeprefix("/datasets/")) == place


@given(st.text())
def test_a_path_that_means_something_has_no_part_that_leads_elsewhere(text: str) -> None:
    place = parse(text)
    if place is not None:
        assert re.fullmatch(r"[A-Za-z0-9._/-]+", text)
        assert not any(part.startswith(".") for part in text.rstrip("/").split("/"))


@pytest.mark.parametrize(
    "path",
    [
        "sums/v1/../v2/README.md", "sums/v1/data/../../../secret", "../secret", "sums/v1/data/", "sums/v1//README.md",
        "sums/v1/data/..", "/sums/v1/README.md", "sums/v1/README.md/", "sums/v1/data/a/b.parquet", "sums/.v2.partial",
        "sums/.v2.partial/README.md", "sums/v0/README.md", "sums/v01/README.md", "sums/v-1/README.md", "sums/v１/README.md",
        "sums/v1/data/.train.part.parquet", "sums/v1/README.md\n", "sums\n/v1/README.md", "sums/v1\\README.md",
        "sums/v1/data\\train.parquet", "SUMS/v1/README.md", "sums/v1/readme.md", "sums/v1/README.md\0", "sums/v1.zip/x",
        "sums/v1.rar", "sums/latest.zip/x", "sums/v9999999999/README.md", f"sums/v1/data/{'a' * 300}.parquet",
        f"{'a' * 65}/v1/README.md", "sums/v1/%2e%2e/README.md", "sums/v1/recipe.yaml", "sums/v1/data/x.parquet.py",
    ],
)  # fmt: skip
def test_what_is_not_named_means_nothing(path: str) -> None:
    assert parse(path) is None


@given(st.one_of(names, st.text(max_size=70)))
def test_datasets_may_be_named_as_recipes_name_them(name: str) -> None:
    try:
        Recipe.model_validate({"dataset": name, "rows": 1, "stages": [{"use": "respond"}]})
    except ValidationError:
        assert not is_name(name)
    else:
        assert is_name(name)


@pytest.mark.parametrize(
    "path", ["data/../x.parquet", "../data/x.parquet", "/data/x.parquet", "data/x", "other/x.parquet"]
)
def test_a_manifest_cannot_list_what_lies_elsewhere(path: str) -> None:
    assert not is_shard(path)


def test_a_url_is_written_for_a_server() -> None:
    path = "data/train-00000-of-00001.parquet"
    assert url_of("http://host:4300/", "sums", 2, path) == f"http://host:4300/datasets/sums/v2/{path}"
    assert url_of("http://host:4300", "sums", 2, archive="zip") == "http://host:4300/datasets/sums/v2.zip"
    assert version_number("v12") == 12
