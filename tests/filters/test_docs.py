import importlib
import json
import re
from pathlib import Path
from typing import get_args

import pytest

from filters.heuristics import Reason
from filters.pii import KINDS
from schemas.row import new_row, to_frame

DOCS = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    return DOCS.split(f"\n## {name}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    "name",
    [
        "heuristics",
        "language",
        "length",
        "repetition",
        "pii",
        "exact",
        "novelty",
        "minhash",
        "embedding",
        "decontaminate",
    ],
)
def test_the_settings_in_the_docs_are_those_of_the_config(name: str) -> None:
    config = importlib.import_module(f"filters.{name}").Config
    expected = {
        field: "required" if info.is_required() else json.dumps(info.get_default(call_default_factory=True))
        for field, info in config.model_fields.items()
        if field not in ("use", "name")
    }
    table = section(name).split("|---|---|---|\n")[1].split("\n\n")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", table, re.MULTILINE)) == expected
    assert all(info.description for field, info in config.model_fields.items() if field != "use")


def test_every_reason_of_the_heuristics_is_in_the_docs() -> None:
    assert [reason for reason in get_args(Reason) if f"`{reason}`" not in section("heuristics")] == []


def test_every_kind_of_personal_data_is_in_the_docs() -> None:
    assert [kind for kind in KINDS if f"`{kind}`" not in section("pii")] == []


def test_the_filter_of_the_docs_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", section("Add a filter"), re.DOTALL)
    (tmp_path / "questions_of_the_docs.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("questions_of_the_docs")
    frame = to_frame([new_row("Why is it so?", stage="s"), new_row("Sort these.", stage="s")])
    assert [verdict.reason for verdict in module.judge(frame, module.Config())] == [None, "no_question"]
