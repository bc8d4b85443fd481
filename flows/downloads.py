"""The download server as ``up`` sees it: how it is started, and whether one serves a folder already."""

from pathlib import Path


def serve_arguments(root: Path, host: str, port: int) -> list[str]:
    """Arguments of the command line that serve the datasets below ``root``."""
    return ["serve", "--root", str(root), "--host", host, "--port", str(port)]


def downloads_at(url: str, root: Path) -> bool | None:
    """Whether the download server at ``url`` serves ``root``; None if none answers there."""
    return None
