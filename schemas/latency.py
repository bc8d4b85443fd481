"""How long a reply takes: a fixed time, or a distribution to draw it from.

0.2                                     always 0.2 s; also fixed:0.2
lognormal:mean=0.2,sigma=1              log-normal; sigma is that of the logarithm
longtail:usual=0.2,slow=5,share=0.02    most take the usual time, a share takes much longer
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

LONGEST = 600.0
"""Seconds; what is drawn beyond is cut to this."""
_NEEDED = {"lognormal": ("mean", "sigma"), "longtail": ("usual", "slow", "share")}
_FORMS = "seconds, fixed:SECONDS, lognormal:mean=0.2,sigma=1 or longtail:usual=0.2,slow=5,share=0.02"
_MOST_SIGMA = 5.0
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution of seconds."""

    kind: str
    """fixed, lognormal or longtail."""
    numbers: Mapping[str, float]

    @classmethod
    def read(cls, text: float | str) -> "Latency":
        """The latency that a user wrote.

        Raises:
            ValueError: it has none of the forms above, or a number is out of range.
        """
        kind, colon, rest = str(text).strip().partition(":")
        if not colon:
            kind, rest = "fixed", kind
        if kind == "fixed":
            return cls(kind, {"seconds": _checked("seconds", _number(rest, text))})
        if kind not in _NEEDED:
            raise ValueError(f"{text!r} is no latency; give {_FORMS}")
        pairs = dict(_pair(part, text) for part in rest.split(","))
        if tuple(sorted(pairs)) != tuple(sorted(_NEEDED[kind])):
            raise ValueError(f"{text!r}: {kind} needs {' and '.join(_NEEDED[kind])}, once each; give {_FORMS}")
        return cls(kind, {name: _checked(name, value) for name, value in pairs.items()})

    def at(self, place: float) -> float:
        """The seconds below which a share of ``place`` (0 to 1) of the replies lie."""
        if self.kind == "fixed":
            return self.numbers["seconds"]
        if self.kind == "longtail":
            return self.numbers["slow" if place >= 1 - self.numbers["share"] else "usual"]
        mean, sigma = self.numbers["mean"], self.numbers["sigma"]
        if mean == 0:
            return 0.0
        # The mean of a log-normal is exp(mu + sigma²/2).
        deviation = _NORMAL.inv_cdf(min(1 - 1e-12, max(1e-12, place)))
        return min(LONGEST, math.exp(math.log(mean) - sigma * sigma / 2 + sigma * deviation))


def _pair(part: str, text: object) -> tuple[str, float]:
    name, _, value = part.partition("=")
    return name.strip(), _number(value, text)


def _number(value: str, text: object) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{text!r} is no latency; give {_FORMS}") from None
    return number


def _checked(name: str, value: float) -> float:
    most = {"share": 1.0, "sigma": _MOST_SIGMA}.get(name, LONGEST)
    if not 0 <= value <= most:
        raise ValueError(f"latency: {name} is {value:g}; give a number from 0 to {most:g}")
    return value
