"""Find the face: a chain of steps, cheapest first; then its landmarks.

Steps (``Face.found_by`` names the one that found the face):

* ``half``: the picture was cut along a straight edge: mirrored along it and bordered in black;
* ``whole``: dlib's HOG detector on a much reduced picture, painted-out fill turned black;
* ``whole, bordered``: the same with a black border, for faces without a margin;
* ``small``: on a larger picture, for a face farther away;
* ``rolled`` (much reduced, turned by 25 degrees either way) and ``half at frame`` (mirrored along the left or
  right edge of the picture itself): all of them are tried, the best score wins;
* ``small`` on a larger picture still;
* ``cnn``: dlib's mmod network, when ``FaceSettings.use_cnn`` is set: seconds a photo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import FaceError
from toolkit.geometry import apply_affine, invert_affine
from toolkit.landmarks.midline import Midline, find_midlines
from toolkit.landmarks.models import (
    LandmarkModel,
    cnn_detector,
    default_landmark_model,
    hog_detector,
    landmark_model,
)
from toolkit.landmarks.refine import refine
from toolkit.landmarks.views import View, mirrored, reduced, turned
from toolkit.meanface import MEAN_FACE_MM, fit_similarity, similarity_scale
from toolkit.records import Face, Photo, Side
from toolkit.settings import FaceSettings

_ROLL_DEGREES = 25.0
_OFF_CENTRE = 0.1  # of its width that a mirrored face's box may lie beside the midline

# Plain, masked and half faces of people never seen in training get a confidence over 0.99, and lie within 7 mm
# of the mean face on the average; bars over the eyes and covered mouths get less than 0.7 (docs/explanation/landmarks.md).
_SURE = 0.9
_UPRIGHT_SCORE = 0.3  # of a face in a picture that had to be turned; dlib's predictors know no doubt
_TURNS = {1: "90 degrees to the left", 2: "180 degrees", 3: "90 degrees to the right"}
_UNLIKE_MM = 9.0

MORE_THAN_HALF = "more than half a face: cut about {:.0f} mm beside its middle"

# A step's name and the pictures it searches, made only when the steps before it failed.
Attempt = tuple[str, Callable[[], View]]


@dataclass(frozen=True, eq=False)
class _Found:
    """A detected face: first landmarks in the photograph, the detector's score, faces in view."""

    points: NDArray[np.float64]
    score: float
    count: int
    step: str
    midline: Midline | None


class FaceFinder:
    """Finds the largest face of a photograph; models are loaded at the first call."""

    def __init__(self, landmark_model: Path | None, settings: FaceSettings) -> None:
        """``landmark_model``: a 68-point dlib shape predictor; None takes the packaged network."""
        self._model = landmark_model
        self._settings = settings

    def find(self, photo: Photo, expected_side: Side | None = None, midline: Midline | None = None) -> Face:
        """The face's landmarks, side and scale; FaceError when no step of the chain finds one.

        ``expected_side`` is what a file name or workbook says: when the picture shows another, the
        picture's is kept and a note says so. ``midline`` gives the cut of a half face instead of having
        it found from the mask.
        """
        if not photo.skin.any():
            raise FaceError(
                f"{photo.path}: the whole picture is painted out or of one colour; take another photo"
            )
        model = landmark_model(self._model or default_landmark_model())
        small = reduced(photo, self._settings.whole_px**2)
        found = self._detect(photo, small, midline, model)
        if found is None:
            raise FaceError(
                f"{photo.path}: no face found; check that it shows a face from the front, not too small or dark"
            )
        points, belief, beside = refine(photo, small, found.points, found.midline, model=model)
        face = _describe(photo, found, points, belief, expected_side=expected_side)
        if not beside:
            return face
        return replace(face, notes=(*face.notes, MORE_THAN_HALF.format(beside)))

    def find_upright(self, photo: Photo, expected_side: Side | None = None) -> tuple[Photo, Face]:
        """``find``, and where no face is found, or none that the landmark network believes in, the same for the other
        three ways to hold the picture. The photograph as its face stands upright in it, and the face; raises FaceError.
        """
        try:
            found, missing = self.find(photo, expected_side), None
        except FaceError as error:
            found, missing = None, error
        if found and found.confidence >= _SURE:
            return photo, found
        for quarters in (1, 3, 2):
            turned = photo.turned(quarters)
            try:
                face = self.find(turned, expected_side)
            except FaceError:
                continue
            if face.confidence >= _SURE and face.score > _UPRIGHT_SCORE:
                note = f"the face did not stand upright: the picture was turned by {_TURNS[quarters]}"
                return turned, replace(face, notes=(note, *face.notes), quarter_turns=quarters)
        if found is None:
            raise missing or FaceError(f"{photo.path}: no face found")
        return photo, found

    def _detect(
        self, photo: Photo, small: View, midline: Midline | None, model: LandmarkModel
    ) -> _Found | None:
        for together in self._steps(photo, small, midline):
            found = [face for step, view in together if (face := self._search(step, view(), model))]
            if found:
                return max(found, key=lambda face: face.score)
        return None

    def _steps(self, photo: Photo, small: View, given: Midline | None) -> Iterator[list[Attempt]]:
        """Steps in their order; of those in one list the best score wins."""
        border = self._settings.border_fraction
        area, fine = self._settings.whole_px**2, self._settings.detect_width_px**2
        lines = [given] if given else find_midlines(photo.skin, photo.halo_px)
        halves: dict[bool, list[Attempt]] = {True: [], False: []}
        for line in lines:
            at_frame = line.at_frame and line is not given
            name = "half at frame" if at_frame else "half"
            unpainted = line.at_frame or given is not None
            halves[at_frame].append((name, partial(self._mirrored, photo, small, line, unpainted)))
        yield halves[False]
        yield [("whole", lambda: small)]
        yield [("whole, bordered", lambda: turned(small, 0.0, border, area))]
        yield [("small", lambda: reduced(photo, fine))]
        yield [
            ("rolled", lambda: turned(small, _ROLL_DEGREES, border, area)),
            ("rolled", lambda: turned(small, -_ROLL_DEGREES, border, area)),
            *halves[True],
        ]
        yield [("small", lambda: reduced(photo, 4 * fine))]
        if self._settings.use_cnn:
            yield [("cnn", lambda: reduced(photo, fine))]

    def _mirrored(self, photo: Photo, small: View, line: Midline, unpainted: bool) -> View:
        """A half face completed; one that is not painted out may be small in the picture."""
        border = self._settings.border_fraction
        if unpainted:
            fine = self._settings.detect_width_px**2
            return mirrored(photo, reduced(photo, fine), line, border, area=fine)
        return mirrored(photo, small, line, border, area=self._settings.half_px**2)

    def _search(self, step: str, view: View, model: LandmarkModel) -> _Found | None:
        """The largest face in one view, or None."""
        if step == "cnn":
            faces = [(face.confidence, face.rect) for face in cnn_detector()(view.pixels, 1)]
        else:
            lowest = self._settings.half_threshold if view.midline else self._settings.whole_threshold
            boxes, scores, _ = hog_detector().run(view.pixels, 0, lowest)
            faces = list(zip(scores, boxes, strict=True))
        if view.midline:
            middle = view.pixels.shape[1] / 2
            faces = [
                face for face in faces if abs(face[1].center().x - middle) < _OFF_CENTRE * face[1].width()
            ]
        if not faces:
            return None
        score, box = max(faces, key=lambda face: face[1].width())
        first = model.first(view.pixels, (box.left(), box.top(), box.right(), box.bottom()))
        points = apply_affine(invert_affine(view.from_photo), first)
        return _Found(points, float(score), 1 if view.midline else len(faces), step, view.midline)


def _describe(
    photo: Photo,
    found: _Found,
    points: NDArray[np.float64],
    belief: float,
    *,
    expected_side: Side | None,
) -> Face:
    transform = fit_similarity(points)
    notes = _doubts(points, transform, belief)
    side = _side_shown(photo, found, transform)
    if found.count > 1:
        notes.append(f"{found.count} faces: the largest was taken")
    if expected_side and side != expected_side:
        shown = "both sides" if side == "both" else f"the {side} side"
        notes.append(f"said to be {expected_side}, but the picture shows {shown}")
    return Face(
        points=points,
        side=side,
        found_by=found.step,
        score=found.score,
        px_per_mm=similarity_scale(transform),
        confidence=belief,
        notes=tuple(notes),
    )


def _doubts(points: NDArray[np.float64], transform: NDArray[np.float64], belief: float) -> list[str]:
    """What makes the landmarks uncertain, as notes for the user."""
    if belief < _SURE:
        return ["landmarks uncertain: part of the face is covered, or the light hides it"]
    off = np.linalg.norm(apply_affine(invert_affine(transform), points) - MEAN_FACE_MM, axis=1)
    if off.mean() > _UNLIKE_MM:
        return ["landmarks uncertain: they are unlike a face seen from the front"]
    return []


def _side_shown(photo: Photo, found: _Found, transform: NDArray[np.float64]) -> Side:
    """The subject's side that the picture shows, from the midline or from the cheeks left unpainted."""
    if found.midline:
        return "left" if found.midline.face_side == 1 else "right"
    grid = np.stack(np.meshgrid(np.linspace(15, 55, 9), np.linspace(20, 70, 11)), axis=-1).reshape(-1, 2)
    seen = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        x, y = np.round(apply_affine(transform, grid * [sign, 1.0])).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < photo.skin.shape[1]) & (y < photo.skin.shape[0])
        seen[side] = photo.skin[y[inside], x[inside]].sum() / len(grid)
    if seen["left"] > 0.4 and seen["right"] < 0.15:
        return "left"
    if seen["right"] > 0.4 and seen["left"] < 0.15:
        return "right"
    return "both"
