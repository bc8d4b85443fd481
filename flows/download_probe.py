"""The download server as ``up`` sees it: how it is started, and whether one serves a folder already."""

import json
from pathlib import Path

from flows.servers import ask
from outputs.root_mark import root_mark


def serve_arguments(root: Path, host: str, port: int) -> list[str]:
    """Arguments of the command line that serve the datasets below ``root``."""
    return ["serve", "--root", str(root), "--host", host, "--port", str(port)]


def serves(url: str, root: Path) -> bool:
    """Whether a download server at ``url`` serves ``root``."""
    try:
        told = json.loads(ask(f"{url}/health"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("root") == root_mark(str(root))
