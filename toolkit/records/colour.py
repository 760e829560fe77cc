"""What brings the colours of one camera to those of sRGB."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Knots = tuple[tuple[float, float], ...]
Corner = tuple[float, float]
InFrame = Literal["in-frame"]
IN_FRAME: InFrame = "in-frame"  # the chart is to be looked for in each photograph itself


@dataclass(frozen=True)
class ColourCorrection:
    """A tone curve for each channel, then a matrix, both on linear light.

    ``source``: what it was learnt from. ``tone``: for R, G and B knots (ln of the light that the camera's sRGB tells, ln of
    what it was), both rising; between them a monotone cubic, beyond them a straight line. ``matrix`` (3, 3): rows give R,
    G and B from the three that the curves give. ``patches``: how many patches of a chart were used, of 24; 0 without a
    chart. ``before`` and ``after``: mean CIEDE2000 of these from the chart's reference; None without a chart. ``note``: what
    to know of it. ``outlines``: of each chart in the photograph itself, corners (x, y) in its pixels: no skin.
    """

    source: str
    tone: tuple[Knots, Knots, Knots]
    matrix: tuple[tuple[float, float, float], ...]
    patches: int = 0
    before: float | None = None
    after: float | None = None
    note: str = ""
    outlines: tuple[tuple[Corner, ...], ...] = ()

    def __post_init__(self) -> None:
        for knots in self.tone:
            rising = all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(knots))
            if len(knots) < 2 or not rising:
                raise ValueError(f"a tone curve needs two or more knots that rise, got {knots}")
        if len(self.tone) != 3 or [len(row) for row in self.matrix] != [3, 3, 3]:
            raise ValueError("a correction has three tone curves and a matrix (3, 3)")

    @property
    def key(self) -> str:
        """Names the correction: another one has another key."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ColourCorrection:
        """From ``dataclasses.asdict``, also after JSON has made lists of its tuples."""
        return cls(**{name: _frozen(value) for name, value in record.items()})


Colour = ColourCorrection | InFrame


def colour_key(colour: Colour | None) -> str:
    """What the result of a photograph belongs to, beside its bytes; "" where its colours stay as they are."""
    return colour.key if isinstance(colour, ColourCorrection) else colour or ""


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
