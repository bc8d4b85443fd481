"""Row ids by number: 24 bytes a row where a list of strings takes 80, and on disk as they are."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

_FILE = "ids.npy"


def as_bytes(ids: Iterable[str]) -> np.ndarray:
    """Ids as an array of fixed width."""
    return np.array([id.encode("utf-8", "surrogatepass") for id in ids], dtype=np.bytes_)


class Ids:
    """The ids of the rows that ``saved`` has, if given, then of those that are added."""

    def __init__(self, saved: Path | None = None) -> None:
        self._saved = np.zeros(0, "S24") if saved is None else np.load(saved / _FILE, mmap_mode="r")
        self._added = np.zeros(0, "S24")
        self._count = 0

    def __len__(self) -> int:
        return len(self._saved) + self._count

    def extend(self, ids: np.ndarray) -> None:
        """More rows, in order."""
        needed = self._count + len(ids)
        width = max(self._added.dtype.itemsize, ids.dtype.itemsize)
        if needed > len(self._added) or width > self._added.dtype.itemsize:
            larger = np.zeros(max(needed, self._count * 3 // 2), f"S{width}")
            larger[: self._count] = self._added[: self._count]
            self._added = larger
        self._added[self._count : needed] = ids
        self._count = needed

    def of(self, rows: np.ndarray) -> list[str | None]:
        """The ids of these row numbers; None for -1."""
        found: list[str | None] = [None] * len(rows)
        for place in np.flatnonzero(rows >= 0).tolist():
            number = int(rows[place])
            own = number - len(self._saved)
            id: bytes = self._saved[number] if own < 0 else self._added[own]
            found[place] = id.decode("utf-8", "surrogatepass")
        return found

    def save(self, folder: Path) -> None:
        """Write them all into ``folder``."""
        np.save(folder / _FILE, np.concatenate([self._saved, self._added[: self._count]]))
