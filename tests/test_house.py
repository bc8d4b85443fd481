"""The house's rules that a reader cannot check at a glance: who imports whom, and what an import costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("flows", "outputs", "generators", "filters", "teachers", "schemas", "recipes")

MAY_IMPORT = {
    "flows": {"flows", "outputs", "generators", "filters", "teachers", "schemas"},
    "outputs": {"outputs", "schemas"},
    "generators": {"generators", "teachers", "schemas"},
    "filters": {"filters", "schemas"},
    "teachers": {"teachers", "schemas"},
    "schemas": {"schemas"},
    "recipes": set[str](),
}
KEPT_TO = {
    "prefect": "flows/",
    "prefect_ray": "flows/runners.py",
    "ray": "flows/runners.py",
    "openai": "teachers/",
    "tenacity": "teachers/",
    "datasketch": "filters/minhash.py",
    "numba": "filters/kernels/",
    "phonenumbers": "filters/personal.py",
    "py3langid": "filters/language.py",
    "sentence_transformers": "filters/encoder.py",
    "stdnum": "filters/personal.py",
    "torch": "filters/encoder.py",
}


def imports(path: Path) -> Iterator[str]:
    """The top-level names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    upward = {name for name in imports(path) if name in ROOMS} - MAY_IMPORT[room]
    assert not upward, f"{room} may not import {upward}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_heavy_libraries_stay_in_their_room(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    strangers = {library for library in imports(path) if library in KEPT_TO and not name.startswith(KEPT_TO[library])}
    assert not strangers


def test_importing_every_generator_and_filter_loads_no_heavy_library() -> None:
    code = (
        "import sys; from flows.stages import known_stages; known_stages();"
        "print(sorted({'prefect', 'ray', 'openai', 'datasketch', 'numba', 'torch', 'sentence_transformers', 'transformers', 'py3langid', 'phonenumbers', 'stdnum'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
