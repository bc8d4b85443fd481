import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"

Records = list[dict[str, Any]]


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Records]:
    """Reads a file of real rows beside the repository; without the folder the test is skipped, except in CI."""

    def read(name: str) -> Records:
        path = DATA / name
        if not path.exists() and not os.environ.get("CI"):
            pytest.skip(f"no real data here: {path}")
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            records: Records = json.loads(text)
            return records
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    return read
