"""Where to put the threshold of ``embedding``: pairs of rows by how near they are, for a person to read.

Thresholds do not carry over from one model to another, nor from one kind of data to another. So each row is paired
with the nearest row before it, the pairs are sorted into bands of cosine, and a few of each are shown with their texts:
the threshold belongs where pairs stop being paraphrases. No row is kept or dropped here, so a row may be paired with
one that a filter would have dropped.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from filters.embedding import Config, open_index, texts_of
from filters.signs import exact

# Rows whose cosines to all before them are in memory at once: 40 MB at 10,000 rows.
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Pair:
    """A row and the nearest one before it."""

    cosine: float
    id: str
    neighbour: str
    text: str
    neighbour_text: str


@dataclass(frozen=True, slots=True)
class Band:
    """Pairs with ``low`` <= cosine < ``high`` (the last band: <= 1)."""

    low: float
    high: float
    rows: int
    """How many rows have their nearest in the band."""
    rows_from: int
    """How many have it here or nearer: what a threshold of ``low`` would drop, or nearly so."""
    pairs: tuple[Pair, ...]
    """Some of them, the nearest first."""


def bands(
    frame: pl.DataFrame, config: Config, *, lowest: float = 0.8, width: float = 0.02, pairs: int = 5, seed: int = 0
) -> list[Band]:
    """Bands of ``width`` from ``lowest`` to 1, with ``pairs`` pairs each, drawn by ``seed``; near ones last.

    ``frame`` is of ``ROW_SCHEMA``. Every row is compared with every one before it of its language and calculation, so
    take a sample of some ten thousand rows: 20,000 need as many seconds as encoding 1,000.

    Raises:
        ValueError: there is no band between ``lowest`` and 1.
        RecipeError: the model cannot be loaded.
    """
    if not (-1 <= lowest < 1 and width > 0):
        raise ValueError(f"lowest is {lowest} and width {width}; give a lowest cosine below 1 and a width above 0")
    signatures = open_index(config).sign(frame)
    cosines, neighbours = _nearest_before(signatures["vectors"], signatures["groups"], signatures["compared"])
    texts, ids, rng = texts_of(frame, config.text), frame["id"].to_list(), np.random.default_rng(seed)
    edges = [round(float(edge), 6) for edge in np.arange(lowest, 1 - width / 2, width)]
    found = []
    for low, high in zip(edges, [*edges[1:], 1.0], strict=True):
        inside = np.flatnonzero((cosines >= low) & ((cosines < high) | (high == 1)))
        shown = rng.choice(inside, size=min(pairs, len(inside)), replace=False)
        told = tuple(
            Pair(float(cosines[row]), ids[row], ids[neighbours[row]], texts[row], texts[neighbours[row]])
            for row in sorted(shown.tolist(), key=lambda row: (-cosines[row], row))
        )
        found.append(Band(low, high, len(inside), int((cosines >= low).sum()), told))
    return found


def _nearest_before(vectors: np.ndarray, groups: np.ndarray, compared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The highest cosine of each row to one before it in its group, and that row; -inf where there is none."""
    wide = exact(vectors)
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    best, number = np.full(len(vectors), -np.inf), np.zeros(len(vectors), dtype=np.int64)
    for start in range(0, len(vectors), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(vectors)))
        with np.errstate(invalid="ignore"):  # of rows without a vector
            cosines = wide[rows] @ wide[: rows[-1] + 1].T / np.outer(lengths[rows], lengths[: rows[-1] + 1])
        fit = (groups[rows, None] == groups[None, : rows[-1] + 1]) & compared[rows, None] & compared[: rows[-1] + 1]
        cosines[~fit | (np.arange(rows[-1] + 1) >= rows[:, None])] = -np.inf
        number[rows] = cosines.argmax(axis=1)
        best[rows] = cosines.max(axis=1)
    return best, number
