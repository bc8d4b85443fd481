"""The folder in which the batches of one model outlive the process: what is sent, what it came to.

    <intent>.json              the record: file and batch at the endpoint, and whether the replies are here
    <intent>.requests.jsonl    what was sent; kept until the replies are here
    <intent>.output.jsonl      the replies, as the endpoint wrote them
    <intent>.errors.jsonl      its words on the requests that failed

The record is durable before anything is sent, and goes first when a batch is forgotten, so a file without a record is
of no use to anybody and is swept away. One process at a time uses a folder. Not here: what is asked again and when
anything is forgotten (``batch.py``).
"""

import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.errors import CorruptRun, RunFailed
from teachers.batch_lines import Line, marks_of, read_lines

_PART = ".part"


@dataclass(frozen=True, slots=True)
class Record:
    """One batch, from the intent to send it to its replies on this disk."""

    intent: str
    """A name of our own. The endpoint is told, so that a batch can be found whose id was never heard."""
    requests: int
    file_id: str = ""
    """Of the uploaded requests; "" until they are."""
    batch_id: str = ""
    """"" until the endpoint has told it: the batch may exist all the same."""
    collected: bool = False
    """Whether the replies are in this folder."""


class BatchStore:
    """The batches in ``folder``. Every change is on the disk when its call returns; the calls block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> list[Record]:
        """Make the folder if there is none, sweep it, and return its records.

        Raises:
            CorruptRun: a record that cannot be read.
            RunFailed: the folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            records = [_read(path) for path in sorted(self.folder.glob("*.json"))]
            known = {record.intent for record in records}
            for path in self.folder.iterdir():
                if path.suffix == _PART or (path.suffix == ".jsonl" and path.name.partition(".")[0] not in known):
                    path.unlink()
        except OSError as error:
            raise self.cannot_write(error) from error
        return records

    def begin(self, lines: Sequence[bytes]) -> Record:
        """Write down the requests that are about to be sent.

        Raises:
            RunFailed: they cannot be written.
        """
        record = Record(uuid.uuid4().hex, len(lines))
        try:
            with self.requests_file(record).open("wb") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self.cannot_write(error) from error
        self.save(record)
        return record

    def save(self, record: Record) -> None:
        """Put ``record`` in the place of its last version, in one durable step.

        Raises:
            RunFailed: it cannot be written.
        """
        path = self.record_file(record)
        part = path.with_name(path.name + _PART)
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(asdict(record), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync(self.folder)
        except OSError as error:
            raise self.cannot_write(error) from error

    def keep(self, part: Path, path: Path) -> None:
        """Make the downloaded ``part`` durable under its name.

        Raises:
            RunFailed: it cannot be written.
        """
        try:
            _sync(part)
            part.replace(path)
            _sync(self.folder)
        except OSError as error:
            raise self.cannot_write(error) from error

    def forget(self, record: Record) -> None:
        """Remove all that is here of a batch.

        Raises:
            RunFailed: it cannot be removed.
        """
        try:
            for path in (self.record_file(record), self.requests_file(record), *self.reply_files(record)):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise self.cannot_write(error) from error

    def marks(self, record: Record) -> list[str]:
        """What was sent in the batch, by ``custom_id``.

        Raises:
            CorruptRun: the requests of the batch are gone or cannot be read.
        """
        path = self.requests_file(record)
        try:
            return marks_of(path)
        except (OSError, ValueError, KeyError, TypeError):
            raise _unreadable(path, record.batch_id) from None

    def lines(self, record: Record) -> list[Line]:
        """The replies of a collected batch.

        Raises:
            CorruptRun: they cannot be read.
        """
        return [line for path in self.reply_files(record) if path.exists() for line in read_lines(path)]

    def record_file(self, record: Record) -> Path:
        """Where ``record`` lies."""
        return self.folder / f"{record.intent}.json"

    def requests_file(self, record: Record) -> Path:
        """What is uploaded."""
        return self.folder / f"{record.intent}.requests.jsonl"

    def reply_files(self, record: Record) -> tuple[Path, Path]:
        """Where replies and errors go; either may be missing."""
        return self.folder / f"{record.intent}.output.jsonl", self.folder / f"{record.intent}.errors.jsonl"

    def cannot_write(self, error: OSError) -> RunFailed:
        """What ends the run where the disk does not take what it should."""
        return RunFailed(
            f"{self.folder} cannot be written: {error.strerror}; mend that and run the same command again to resume"
        )


def _read(path: Path) -> Record:
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise _unreadable(path, "") from None


def _unreadable(path: Path, batch_id: str) -> CorruptRun:
    batch = f" of batch {batch_id}" if batch_id else ""
    return CorruptRun(f"{path}{batch} cannot be read; restore it, or move it away and pay for its requests again")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
