"""The folder that a version is fetched into: what is right there already, and how the rest gets there.

A file is whole or not there, and the manifest comes last: a folder with a manifest is a version.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from outputs.dataset import Dataset, read_dataset
from outputs.download.paths import CARD, MANIFEST, REPORT, is_name, is_shard
from outputs.files import sha256_of, sync, write_atomically
from schemas.errors import BadInput, DatasetError, RunFailed
from schemas.manifest import Manifest, ShardFile

_OURS = {"data", "rejects", CARD, REPORT, MANIFEST}


class Target:
    """A folder for the version of a manifest. ``content`` is the manifest's file."""

    def __init__(self, folder: Path, content: bytes, rejects: bool = True) -> None:
        self.folder = folder
        self.manifest = Manifest.model_validate_json(content)
        for shard in [*self.manifest.files, *self.manifest.rejects]:
            if not is_shard(shard.path):
                raise RunFailed(f"{MANIFEST} lists {shard.path!r}, and no version holds such a file; do not trust it")
        if not is_name(self.manifest.dataset) or self.manifest.version < 1:
            raise RunFailed(f"{MANIFEST} does not say what version of which dataset this is; do not trust it")
        self._whole = self.shards
        if not rejects:
            self.manifest = self.manifest.model_copy(update={"rejects": []})
            content = (json.dumps(self.manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()
        self._content = content

    @property
    def shards(self) -> list[ShardFile]:
        """What it is to hold."""
        return [*self.manifest.files, *self.manifest.rejects]

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Make the folder and keep other downloads out of it while the block runs.

        Raises:
            BadInput: it holds something else, or another download is at work there.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise BadInput(f"--to {self.folder}: not a folder; give one, or none")
        self._refuse_strangers()
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # It ends with the process, however that ends.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise BadInput(f"--to {self.folder}: another download is at work there; wait for it") from None
        finally:
            os.close(handle)

    @property
    def is_whole(self) -> bool:
        """Whether the folder says it is the version."""
        path = self.folder / MANIFEST
        return path.is_file() and path.read_bytes() == self._content

    def has(self, shard: ShardFile) -> bool:
        """Whether a file is there and right."""
        path = self.folder / shard.path
        return path.is_file() and path.stat().st_size == shard.bytes and sha256_of(path) == shard.sha256

    def part(self, shard: ShardFile) -> Path:
        """Where a file grows. The name has its sum, so that what is left of another state of it is not taken up."""
        path = self.folder / shard.path
        return path.with_name(f".{path.name}.{shard.sha256[:16]}.part")

    def begin(self) -> None:
        """Files will change: from now on, and until ``finish``, the folder is no version."""
        for name in ("data", "rejects"):
            if any(shard.path.startswith(name) for shard in self.shards):
                (self.folder / name).mkdir(exist_ok=True)
        (self.folder / MANIFEST).unlink(missing_ok=True)
        sync(self.folder)

    def put(self, shard: ShardFile) -> None:
        """Give a file that has come as ``part`` its name.

        Raises:
            RunFailed: it is not what the manifest says.
        """
        part = self.part(shard)
        digest = sha256_of(part)
        if digest != shard.sha256:
            part.unlink()
            raise RunFailed(
                f"{shard.path}: the sha256 of what came is {digest}, the manifest says {shard.sha256}; the file was"
                " damaged where it lies or on its way"
            )
        sync(part)
        part.replace(self.folder / shard.path)
        sync(self.folder / Path(shard.path).parent)

    def finish(self) -> Dataset:
        """Remove what is left of earlier states, and write the manifest: the folder is a version."""
        known = {shard.path for shard in self.shards}
        for path in [*self.folder.glob("data/*"), *self.folder.glob("rejects/*")]:
            name = path.relative_to(self.folder).as_posix()
            if name not in known and (is_shard(name) or path.name.endswith((".part", ".part.etag"))):
                path.unlink()
        with suppress(OSError):
            if not self.manifest.rejects:
                (self.folder / "rejects").rmdir()
        if not self.is_whole:
            write_atomically(self.folder / MANIFEST, lambda part: part.write_bytes(self._content))
        return read_dataset(self.folder)

    def _refuse_strangers(self) -> None:
        """See to it that nobody's files are lost: the folder is empty, or of the same version."""
        before = self._before()
        label = f"{self.manifest.dataset}@{self.manifest.version}"
        if before is not None and (before.dataset, before.version) != (self.manifest.dataset, self.manifest.version):
            raise BadInput(f"--to {self.folder}: holds {before.dataset}@{before.version}; give another for {label}")
        listed = [*self._whole, *(before.files + before.rejects if before else [])]
        known = _OURS | {shard.path for shard in listed}
        for path in [*self.folder.glob("*"), *self.folder.glob("data/*"), *self.folder.glob("rejects/*")]:
            name = path.relative_to(self.folder).as_posix()
            if name not in known and not path.name.startswith("."):
                raise BadInput(f"--to {self.folder}: holds {name}, which is not of {label}; give an empty folder")

    def _before(self) -> Manifest | None:
        try:
            return read_dataset(self.folder).manifest
        except DatasetError:
            return None
