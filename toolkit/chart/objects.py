"""Objects on the skin (rulers, stickers, arrows, printed dates) told from hair and highlights, which are left out too.

Told are pieces that lie on skin all round and have a colour that no skin, hair or lip has, or are grey and compact.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.chart.colour import Colours
from toolkit.chart.frame import Frame, pieces
from toolkit.records import REASONS, FaceChart

OBJECT_NOTE = "an object on the skin was left out"

_MAY_BE = np.array([name in ("highlight", "no skin", "hair") for name in REASONS])
_GLARE = REASONS.index("highlight")
_LEAST_MM2, _MOST_MM2 = 6.0, 1000.0
_ON_RIM = 0.1  # share of its outline that may border on lids, lips or the face's outline
# M and E (OD) of a quarter of a piece. Plain photographs have no such piece on skin all round: lips and glowing nostrils
# reach E 2.5, shadows in blue light M -0.6; spots of brown skin are told by what they are browner than the face.
_BROWN, _BROWNER, _RED, _BLUE, _GREEN = 1.5, 1.0, 2.8, -0.7, -0.15
# Both within these, in one compact piece below the hairline, are paper, plastic or ink; a moustache may be as grey.
_GREY_BROWN, _GREY_RED = (-0.4, 0.25), 0.25
_GREY_MM2, _SOLID, _FILLED, _HAIRLINE_MM = 60.0, 0.85, 0.6, -75.0


def objects_note(chart: FaceChart) -> tuple[str, ...]:
    """A note for the user where there is an object on the skin."""
    return (OBJECT_NOTE,) if (chart.reasons == REASONS.index("object")).any() else ()


def is_object(
    reasons: NDArray[np.uint8],
    look: Colours,
    bare: NDArray[np.bool_],
    beyond: NDArray[np.bool_],
    *,
    frame: Frame,
) -> NDArray[np.bool_]:
    """Of what ``reasons`` (h, w) leave out on ``bare`` skin (h, w), what is an object. It may border on bare skin and
    on what lies ``beyond`` a study's mask, not on lids, lips or the rim of an unmasked face."""
    found = np.zeros(reasons.shape, np.bool_)
    labels, counts = pieces(np.take(_MAY_BE, reasons) & bare)
    area = counts / frame.px_per_mm**2
    for number in np.flatnonzero((area > _LEAST_MM2) & (area < _MOST_MM2)):
        left, top, wide, high = cv2.boundingRect((labels == number).view(np.uint8))
        place = slice(max(top - 1, 0), top + high + 1), slice(max(left - 1, 0), left + wide + 1)
        piece = np.asarray(labels[place] == number)
        if not _on_skin(piece, (bare | beyond)[place]):
            continue
        glare = float((reasons[place][piece] == _GLARE).mean()) > 0.5  # may be as grey and as compact
        if _is_foreign(piece, look, place, frame, glare=glare):
            found[place] |= piece
    return found


def _on_skin(piece: NDArray[np.bool_], fit: NDArray[np.bool_]) -> bool:
    around = (cv2.dilate(piece.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~piece
    return float((~fit[around]).mean()) < _ON_RIM


def _is_foreign(
    piece: NDArray[np.bool_], look: Colours, place: tuple[slice, slice], frame: Frame, *, glare: bool
) -> bool:
    mask = piece.astype(np.uint8)
    core = cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0
    core = core if core.sum() >= 12 else piece
    colours = [np.percentile(one[place][core], (25, 50, 75)) for one in (look.melanin, look.erythema)]
    (low_brown, brown, high_brown), (low_red, red, high_red) = colours
    foreign_brown = max(_BROWN, float(look.level[1]) + _BROWNER)
    if high_brown > foreign_brown or high_red > _RED or low_brown < _BLUE or low_red < _GREEN:
        return True
    _, y = frame.face_mm()
    middle = float(y[place[0], 0].mean())
    area = piece.sum() / frame.px_per_mm**2
    grey = not glare and _GREY_BROWN[0] < brown < _GREY_BROWN[1] and red < _GREY_RED
    return grey and area > _GREY_MM2 and middle > _HAIRLINE_MM and _is_compact(mask)


def _is_compact(mask: NDArray[np.uint8]) -> bool:
    """Of a convex outline that fills most of its rectangle: a disc fills 0.79 of it, and has straight or round edges."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline: Any = max(outlines, key=len)
    (_, (wide, high), _), area = cv2.minAreaRect(outline), cv2.contourArea(outline)
    solid = area / max(cv2.contourArea(cv2.convexHull(outline)), 1.0)
    return solid > _SOLID and area > _FILLED * wide * high
