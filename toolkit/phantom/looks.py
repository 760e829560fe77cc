"""What a drawn person looks like, apart from the landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from toolkit.phantom import optics
from toolkit.phantom.optics import Float

ITA_RANGE: Final = (-55.0, 65.0)


@dataclass(frozen=True)
class Looks:
    """What a person looks like, apart from the landmarks."""

    ita: float
    tone: float  # constitutive melanin, green OD
    flush: float  # blood in plain skin, green OD
    blood_t: float
    hairline: float  # canonical height of its middle
    hair: str  # "back", "parted", "cropped" or "bald"
    hair_od: Float
    brow_strength: float
    age: float  # 0 to 1: folds and texture
    relief: float  # how deep the features are
    beard: float  # OD of shaven stubble

    @classmethod
    def draw(cls, rng: np.random.Generator, ita: float | None = None) -> Looks:
        """A random person, of skin tone ``ita`` (degrees) where it is given."""
        drawn, flush = float(rng.uniform(*ITA_RANGE)), float(rng.uniform(0.08, 0.22))
        ita = drawn if ita is None else ita
        hair = str(rng.choice(["back", "parted", "cropped", "bald"], p=[0.42, 0.28, 0.22, 0.08]))
        dark = 1 - rng.uniform(0, 0.25 if ita < 28 else 0.75)
        grey = max(0.0, rng.normal(-0.35, 0.45))
        hair_od = (0.6 + 3.0 * dark) * np.array([0.55 + 0.42 * dark, 1.0, 1.35 - 0.3 * dark])
        hair_od += min(grey, 0.7) * (np.array([0.75, 0.78, 0.82]) - hair_od)
        man = hair in ("cropped", "bald") and rng.random() < 0.6
        return cls(
            ita=ita, tone=optics.tone_for_ita(ita, flush), flush=flush,
            blood_t=float(rng.uniform(0, 1)),
            hairline=float(rng.uniform(-0.95, -0.72)), hair=hair, hair_od=hair_od.astype(np.float32),
            brow_strength=float(rng.uniform(0.5, 1.0)), age=float(rng.beta(2, 2)),
            relief=float(rng.uniform(1.0, 1.5)), beard=float(rng.uniform(0.1, 0.35)) if man else 0.0,
        )  # fmt: skip
