"""The description of the server is true, and nothing that follows it, or does not, makes the server fail."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.outputs.download_server import TOKEN, served
from tests.outputs.made import make_dataset

pytest.importorskip("schemathesis")


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "datasets", rows=5, dataset="demo")
    (dataset.folder / "report.html").write_text("<p>report")
    with served(tmp_path, TOKEN) as client:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("st")), "run", f"{client.base_url}/openapi.json", "--checks", "all",
                # 412 and 416 answer headers that are as they may be.
                "--exclude-checks", "positive_data_acceptance",
                "--max-examples", "10", "--seed", "1", "--suppress-health-check", "all", "--warnings", "off",
                "-H", f"Authorization: Bearer {TOKEN}",
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
    assert "Tested: 21" in done.stdout
