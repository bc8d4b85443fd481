"""``instructloom serve`` and ``instructloom download``: datasets handed out, and fetched."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from outputs.dataset import Dataset, open_dataset
from schemas.errors import BadInput, DatasetError

TOKEN = "INSTRUCTLOOM_TOKEN"
"""The environment variable that holds the token, where no other is named."""


def serve_datasets(root: str, host: str, port: int, token_env: str, allow_hosts: Sequence[str], out: Console) -> None:
    """Serve the versions below ``root`` until interrupted. The first line that is printed ends with the address.

    Raises:
        BadInput: the root, the address or the token cannot be used.
    """
    from outputs.download.server import serve  # starlette and uvicorn: only who serves pays for them

    token = token_from(token_env)

    def ready(url: str) -> None:
        who = f"with the token in {token_env}" if token else "without a token"
        out.print(f"The datasets of {root} are served at {url}", soft_wrap=True, markup=False)
        out.print(f"({who}; Ctrl-C stops it)", soft_wrap=True, markup=False)

    serve(root, host, port, token, allow_hosts, ready)


_NAMED = re.compile(r"(?P<name>[^@]+)(?:@v?(?P<version>[1-9][0-9]{0,8}))?")


def fetch_dataset(
    dataset: str, root: Path, server: str | None, to: Path | None, token_env: str, rejects: bool, out: Console
) -> None:
    """Fetch ``dataset`` (``name`` or ``name@2``) from a server, or else from ``root``, and say where it is.

    Raises:
        BadInput: it is not there, or an argument is of no use.
        RunFailed: a file cannot be had, or is not what the manifest says.
    """
    from outputs.download.client import copy, download

    with _Shown(out) as shown:
        if server is None:
            made = copy(_local(dataset, root), to, rejects, shown)
        else:
            match = _NAMED.fullmatch(dataset)
            if match is None:
                raise BadInput(f"{dataset!r} names no dataset; give NAME or NAME@VERSION")
            version = int(match["version"]) if match["version"] else None
            made = download(server, match["name"], version, to, token_from(token_env), rejects, shown)
    _tell(made, shown.files, out)


def _local(dataset: str, root: Path) -> Dataset:
    try:
        return open_dataset(dataset, root / "datasets")
    except DatasetError as error:
        raise DatasetError(f"{error}; or --from URL, for one that a server has") from None


def _tell(made: Dataset, files: int, out: Console) -> None:
    came = f"{files} files came" if files else "nothing had to come"
    total = len(made.manifest.files) + len(made.manifest.rejects)
    out.print(
        f"{made.manifest.rows:,} rows of {made.label} in {made.folder} ({came}; {total} verified)",
        soft_wrap=True, markup=False,
    )  # fmt: skip
    out.print(f"Look at it:   instructloom show {made.folder}", soft_wrap=True, markup=False)
    out.print(f'Load it:      datasets.load_dataset("{made.folder}", split="train")', soft_wrap=True, markup=False)


class _Shown:
    """Progress on a terminal; nothing anywhere else."""

    def __init__(self, out: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        self._progress = Progress(
            *columns,
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=out,
            disable=not out.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("asking")
        self.files = 0

    def __enter__(self) -> "_Shown":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, label: str, files: int, size: int) -> None:
        """See ``Watch``."""
        self.files = files
        self._progress.update(self._task, description=label, total=size)

    def got(self, size: int) -> None:
        """See ``Watch``."""
        self._progress.advance(self._task, size)


def token_from(name: str) -> str | None:
    """The token that an environment variable holds; ``None`` if there is none.

    Raises:
        BadInput: this is no variable's name.
    """
    if not name.isidentifier():
        # Not shown: it may be the token itself.
        raise BadInput(f"--token-env: give the NAME of an environment variable, such as {TOKEN}, and not the token")
    return os.environ.get(name, "").strip() or None
