"""Unit vectors as 384 signs, which tell in 48 bytes which vectors cannot be near.

Not a measure of its own: signs only say which of a million vectors are worth an exact look. Each bit is the side of a
random plane on which a vector lies; two vectors at the angle θ lie on different sides of one with probability θ/π,
whatever their dimension. So the bits in which vectors with cosine ``t`` differ are binomial (384, arccos(t)/π), and a
radius can be given that a pair *at* the threshold exceeds with a probability as small as one likes.

All sums are exact (see ``exact``), so that signs are the same on every machine and however vectors are batched.

Source: M. Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002.
"""

import math
from functools import cache

import numpy as np

BITS = 384
WORDS = BITS // 64

MISS = 1e-6
"""The probability, over the draw of planes, that a pair with cosine exactly at the threshold is not looked at."""

# The draw of planes. Another one is another index: saved signs would mean nothing (embedding.INDEX_VERSION).
_SEED = 20_240_802

# Vectors signed at once: 12 MB as float64.
_STEP = 4096

# Brings planes of up to 4,096 dimensions to a length of at most 1 or so, as exact sums want them.
_SCALE = 64.0


def exact(vectors: np.ndarray) -> np.ndarray:
    """float16 vectors of about unit length as float64, whose products then add up without any rounding.

    A float16 is a multiple of 2⁻²⁴, a product of two a multiple of 2⁻⁴⁸, and by Cauchy and Schwarz no partial sum of
    two unit vectors' products is above 1: 49 bits, of the 53 that a float64 has. So a cosine does not depend on the
    order of summation, thus neither on the shape of a batch, nor on threads, nor on the library that multiplies.
    """
    widened: np.ndarray = vectors.astype(np.float64)
    return widened


def signs(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, 6), uint64, and squared lengths (n), float64, of float16 unit vectors (n, dimension)."""
    codes, squares = np.empty((len(vectors), WORDS), dtype=np.uint64), np.empty(len(vectors))
    normals = exact(_planes(vectors.shape[1])).T
    for start in range(0, len(vectors), _STEP):
        wide = exact(vectors[start : start + _STEP])
        packed = np.packbits(wide @ normals > 0, axis=1)
        codes[start : start + _STEP] = packed.view(np.uint64)
        squares[start : start + _STEP] = np.einsum("ij,ij->i", wide, wide)
    return codes, squares


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """In how many bits each code of ``one`` (n, 6) differs from each of ``other`` (m, 6): (n, m), uint16."""
    counted = np.zeros((len(one), len(other)), dtype=np.uint16)
    for word in range(WORDS):
        counted += np.bitwise_count(one[:, word, None] ^ other[None, :, word])
    return counted


@cache
def radius(cosine: float, miss: float = MISS) -> int:
    """The fewest bits that a pair with this cosine exceeds with probability ``miss`` at most.

    The tail is summed as it is: the usual mean and 4.5 standard deviations of a normal distribution would miss four
    times as often, since a binomial with a small share is skewed.
    """
    share = math.acos(cosine) / math.pi
    if share == 0:
        return 0
    tail = 0.0
    for bits in range(BITS, -1, -1):
        log = math.lgamma(BITS + 1) - math.lgamma(bits + 1) - math.lgamma(BITS - bits + 1)
        tail += math.exp(log + bits * math.log(share) + (BITS - bits) * math.log1p(-share))
        if tail > miss:
            return bits
    return 0


@cache
def _planes(dimension: int) -> np.ndarray:
    """The planes' normals: (384, dimension), float16. RandomState's streams are promised never to change."""
    normals: np.ndarray = np.random.RandomState(_SEED).standard_normal((BITS, dimension)) / _SCALE
    return normals.astype(np.float16)
