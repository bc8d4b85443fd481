"""docs/generators.md and judging.md say what the program does: settings, defaults, reasons, the tree they show."""

import importlib
import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from generators import topics

PAGES = Path(__file__).parents[2] / "docs"
DOCS = (PAGES / "generators.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    text = "\n".join([DOCS, (PAGES / "judging.md").read_text(encoding="utf-8")])
    return text.split(f"\n## {name}\n")[1].split("\n## ")[0]


def default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    return json.dumps(value.model_dump() if isinstance(value, BaseModel) else value)


@pytest.mark.parametrize("name", ["self_instruct", "topic_guided", "same_problem", "safety"])
def test_the_settings_in_the_docs_are_those_of_the_config(name: str) -> None:
    config = importlib.import_module(f"generators.{name}").Config
    fields = {field: info for field, info in config.model_fields.items() if field not in ("use", "name")}
    expected = {field: "required" if info.is_required() else default(info) for field, info in fields.items()}
    table = section(name).split("|---|---|---|\n")[1].split("\n\n")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", table, re.MULTILINE)) == expected
    assert all(info.description for info in fields.values())


def test_the_tree_of_the_docs_can_be_used(tmp_path: Path) -> None:
    (tree,) = re.findall(r"```yaml\n(- id.*?)```", section("topic_guided"), re.DOTALL)
    path = tmp_path / "tree.yaml"
    path.write_text(tree, encoding="utf-8")
    assert [leaf.subtopic("zh") for leaf in topics.load(str(path))] == ["潮汐", "灯塔"]


def test_the_size_of_the_builtin_tree_is_as_documented() -> None:
    tree = topics.load()
    assert f"{len({leaf.category for leaf in tree})} categories and {len(tree)} sub-topics" in DOCS
