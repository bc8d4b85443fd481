"""Vectors as points on a plane, so that rows which are alike lie near one another.

The first two principal components give the start, so that the large directions stay where they are; then each point
is drawn to its nearest neighbours and pushed away from points at random, in the manner of UMAP (L. McInnes, J. Healy,
J. Melville, arXiv 1802.03426), with plain numpy and a fixed seed. Not for measuring: near is alike, far says little.
"""

import numpy as np

NEIGHBOURS = 12
EPOCHS = 300
_PUSHES = 4
"""Random points that each drawn point is pushed from."""
_REACH = 4.0
"""The most that one epoch moves a point, before the rate."""


def project(vectors: np.ndarray) -> np.ndarray:
    """Points (n, 2) between -1 and 1 for vectors (n, d) of length 1; the same vectors give the same points."""
    count = len(vectors)
    if count == 0:
        return np.zeros((0, 2))
    start = principal(np.nan_to_num(vectors.astype(np.float64)))
    if count > 2 * NEIGHBOURS:
        start = _arranged(np.nan_to_num(vectors.astype(np.float32)), start)
    return _fitted(start)


def principal(vectors: np.ndarray) -> np.ndarray:
    """The first two principal components; of each axis the largest loading is positive, so that no run mirrors it."""
    centred = vectors - vectors.mean(axis=0)
    points = np.zeros((len(vectors), 2))
    if min(centred.shape) == 0 or not np.any(np.abs(centred) > 1e-9):
        return points
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    for place, axis in enumerate(axes[:2]):
        points[:, place] = centred @ (axis if axis[np.abs(axis).argmax()] > 0 else -axis)
    return points


def _arranged(vectors: np.ndarray, start: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    heads, tails, weights = _edges(vectors)
    scale = np.abs(start).max() or 1.0
    points = 10 * start / scale + rng.normal(0, 1e-3, start.shape)
    for epoch in range(EPOCHS):
        # An edge is followed as often as it is strong.
        now = rng.random(len(heads)) < weights
        moves = _moves(points, heads[now], tails[now], rng)
        points += (1 - epoch / EPOCHS) * np.clip(moves, -_REACH, _REACH)
    return points


def _moves(points: np.ndarray, heads: np.ndarray, tails: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """UMAP's gradients for a = 1.58, b = 0.9 (a minimal distance of 0.1), summed for each point."""
    a, b = 1.577, 0.895
    gaps = points[heads] - points[tails]
    squares = np.maximum((gaps**2).sum(axis=1), 1e-6)
    pull = -2 * a * b * squares ** (b - 1) / (1 + a * squares**b)
    drawn = np.clip(pull[:, None] * gaps, -_REACH, _REACH)
    pushed = np.repeat(heads, _PUSHES)
    strangers = rng.integers(0, len(points), len(pushed))
    apart = points[pushed] - points[strangers]
    far = np.maximum((apart**2).sum(axis=1), 1e-6)
    push = 2 * b / ((1e-3 + far) * (1 + a * far**b))
    away = np.clip(push[:, None] * apart, -_REACH, _REACH)
    moves = np.zeros_like(points)
    for axis in range(2):
        moves[:, axis] += np.bincount(heads, drawn[:, axis], len(points))
        moves[:, axis] -= np.bincount(tails, drawn[:, axis], len(points))
        moves[:, axis] += np.bincount(pushed, away[:, axis], len(points))
    return moves / 4


def _edges(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each point to its nearest ones, with a strength between 0 and 1 that falls with the distance."""
    count = len(vectors)
    nearest = np.zeros((count, NEIGHBOURS), dtype=np.int64)
    strength = np.zeros((count, NEIGHBOURS))
    for start in range(0, count, 512):  # a block of rows: 512 x n floats at a time
        block = vectors[start : start + 512] @ vectors.T
        block[np.arange(len(block)), start + np.arange(len(block))] = -np.inf
        best = np.argsort(-block, axis=1, kind="stable")[:, :NEIGHBOURS]
        gaps = 1 - np.take_along_axis(block, best, axis=1)
        nearest[start : start + len(block)] = best
        beyond = np.maximum(gaps - gaps[:, :1], 0)
        strength[start : start + len(block)] = np.exp(-beyond / np.maximum(beyond.mean(axis=1, keepdims=True), 1e-6))
    heads = np.repeat(np.arange(count), NEIGHBOURS)
    return heads, nearest.ravel(), strength.ravel()


def _fitted(points: np.ndarray) -> np.ndarray:
    """Centred and scaled alike on both axes, all between -1 and 1."""
    centred = points - (points.max(axis=0) + points.min(axis=0)) / 2
    largest = np.abs(centred).max()
    fitted: np.ndarray = centred / largest if largest > 0 else np.zeros_like(centred)
    return fitted
