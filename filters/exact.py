"""Drops rows that an earlier kept row equals: the same text but for case, blanks, width and the mark that ends it.

One pass of hashes, for datasets so large that a similarity is too dear, or as the cheap step before one. Not a
near-duplicate filter: one changed word makes another row (see ``minhash``, whose first step is this one).

Kept keys stand in sorted runs, each at least twice as long as the next (the logarithmic method: J. L. Bentley and J. B.
Saxe, "Decomposable searching problems", 1980), so that a shard is looked up by binary search in a few arrays.
"""

from pathlib import Path

import numpy as np
import polars as pl
from pydantic import Field

from filters.keys import Fields, keys, texts
from filters.order import BestBy, Keep, judging_order
from filters.text import base_language, same_but_for_case
from schemas.stage import Index, Signatures, StageConfig
from schemas.verdicts import Measured, Verdicts

_KEYS, _IDS = "keys.npy", "ids.npy"


class Config(StageConfig):
    """What ``exact`` can be told."""

    use: str = "exact"
    fields: Fields = Field(
        default="instruction_and_input",
        description="What is compared: instruction and input, the instruction, the response, or the conversation "
        "(all its turns as one text).",
    )
    keep: Keep = Field(default="first", description="Which of equal rows stays: the first, or the best of a shard.")
    best_by: BestBy = Field(
        default="response_length", description="What best means: the longest response, or the highest such score."
    )


INDEX_VERSION = 1
"""Goes up when signatures or saved indexes change their meaning."""


def open_index(config: Config, saved: Path | None = None) -> Index:
    """The index that ``saved`` holds, which it leaves as it is; an empty one without."""
    return _ExactIndex(config, saved)


class _ExactIndex:
    def __init__(self, config: Config, saved: Path | None) -> None:
        self._config = config
        self._kept = Kept(saved)
        self._counts: dict[str, int] = {}

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """Arrays: ``keys`` (n, uint64) and ``filled`` (n, bool), false where nothing is there to be compared."""
        languages = [base_language(language) for language in frame["language"]]
        fields = [[same_but_for_case(text) for text in field] for field in texts(frame, self._config.fields)]
        filled = np.array([any(row) for row in zip(*fields, strict=True)], dtype=bool)
        return {"keys": keys(languages, fields), "filled": filled}

    def decide(self, frame: pl.DataFrame, signatures: Signatures) -> Verdicts:
        order = judging_order(frame, self._config.keep, self._config.best_by)
        places = np.array([place for place in order if signatures["filled"][place]], dtype=np.int64)
        if len(places) < frame.height:
            self._counts["uncompared_empty"] = self._counts.get("uncompared_empty", 0) + frame.height - len(places)
        own, ids = signatures["keys"][places], frame["id"].to_list()
        known = self._kept.find(own)
        _, first, group = np.unique(own, return_index=True, return_inverse=True)
        neighbours: list[str | None] = [None] * frame.height
        fresh = []
        for number, place in enumerate(places.tolist()):
            leader = int(first[group[number]])
            neighbours[place] = known[number] or (ids[places[leader]] if leader != number else None)
            if neighbours[place] is None:
                fresh.append(number)
        self._kept.add(own[fresh], [ids[places[number]] for number in fresh])
        dropped = np.array([neighbour is not None for neighbour in neighbours], dtype=bool)
        equal = Measured(self._config.label, "equal", dropped.astype(np.float64), dropped, neighbours)
        return Verdicts(["exact_duplicate" if drop else None for drop in dropped], (equal,))

    def add(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        filled = np.flatnonzero(signatures["filled"]).tolist()
        self._kept.add(signatures["keys"][filled], [frame["id"][place] for place in filled])

    def save(self, folder: Path) -> bool:
        return self._kept.save(folder)

    def counts(self) -> dict[str, int]:
        return dict(self._counts)


class Kept:
    """Keys of kept rows with their ids: 8 bytes a key, and the id's own length (24 bytes)."""

    def __init__(self, saved: Path | None = None) -> None:
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []
        self._saved: list[tuple[np.ndarray, np.ndarray]] = []
        if saved is not None:
            self._saved = [(np.load(saved / _KEYS, mmap_mode="r"), np.load(saved / _IDS, mmap_mode="r"))]

    def add(self, keys: np.ndarray, ids: list[str]) -> None:
        """``keys`` (n, uint64) of the rows ``ids`` join, behind those of the same key that are there."""
        if not len(keys):
            return
        run = _sorted(keys, np.array([id.encode("utf-8", "surrogatepass") for id in ids], dtype=np.bytes_))
        while self._runs and len(self._runs[-1][0]) < 2 * len(run[0]):
            older = self._runs.pop()
            run = _sorted(np.concatenate([older[0], run[0]]), np.concatenate([older[1], run[1]]))
        self._runs.append(run)

    def find(self, keys: np.ndarray) -> list[str | None]:
        """The id of the earliest row of each key, or none."""
        found: list[str | None] = [None] * len(keys)
        for held, ids in [*reversed(self._runs), *self._saved]:  # the oldest run last, so that its word counts
            places = np.minimum(np.searchsorted(held, keys), len(held) - 1)
            for number in np.flatnonzero(held[places] == keys).tolist():
                found[number] = ids[places[number]].decode("utf-8", "surrogatepass")
        return found

    def save(self, folder: Path) -> bool:
        """Write all of it into ``folder`` as one run; false if there is nothing."""
        runs = [*self._saved, *self._runs]
        if not runs:
            return False
        keys, ids = _sorted(np.concatenate([run[0] for run in runs]), np.concatenate([run[1] for run in runs]))
        np.save(folder / _KEYS, keys)
        np.save(folder / _IDS, ids)
        return True


def _sorted(keys: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(keys, kind="stable")  # of equal keys the earlier row stays in front
    return keys[order], ids[order]
