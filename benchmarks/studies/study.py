"""A study whose photographs are prepared: what is known of them, and how it is kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.phantom import simulate_graders
from toolkit.phototable import PhotoTable
from toolkit.pigment import CLASSICAL_COLUMNS
from toolkit.prepared import Prepared
from toolkit.records import FacePatches, Patch, Window

SEED = 4100
EMPTY_PATCH = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Study:
    """Prepared photographs (n) and what is known of them: ``latent`` grades (n,), those of three ``graders``
    (n, 3), skin tones ``ita`` (n,), ``subjects`` (n,). ``rgb``: for each photo its patches' colours (h, w, 3)
    uint8 at the scale of the network's input. ``planted`` (n, 2): the mean of the planted map, green OD, and
    of its square root, over the measured skin: what a flawless network would predict. ``lost`` names photos
    that could not be used."""

    photos: tuple[Prepared, ...]
    latent: NDArray[np.float64]
    graders: NDArray[np.float64]
    ita: NDArray[np.float64]
    subjects: NDArray[np.str_]
    rgb: tuple[tuple[NDArray[np.uint8], ...], ...]
    planted: NDArray[np.float64]
    lost: tuple[str, ...] = ()

    def of(self, subjects: Sequence[str]) -> Study:
        """The photographs of some subjects."""
        rows = np.flatnonzero(np.isin(self.subjects, subjects)).tolist()
        return Study(
            tuple(self.photos[i] for i in rows), self.latent[rows], self.graders[rows], self.ita[rows],
            self.subjects[rows], tuple(self.rgb[i] for i in rows), self.planted[rows],
        )  # fmt: skip


def joined(studies: Sequence[Study]) -> Study:
    """All studies as one, graded anew by the same three graders."""
    latent = np.concatenate([study.latent for study in studies])
    subjects = np.concatenate([study.subjects for study in studies])
    return Study(
        tuple(photo for study in studies for photo in study.photos),
        latent,
        simulate_graders(latent, subjects.tolist(), np.random.default_rng(SEED)),
        np.concatenate([study.ita for study in studies]),
        subjects,
        tuple(photo for study in studies for photo in study.rgb),
        np.concatenate([study.planted for study in studies]),
        tuple(name for study in studies for name in study.lost),
    )


def slim(photo: Prepared) -> Prepared:
    """A prepared photograph without its pixels, which training does not need."""
    regions = [patch.region for patch in photo.face.patches] if photo.face else []
    return replace(photo, face=pictureless(photo.name, regions), quality=None)


def pictureless(name: str, regions: Sequence[str]) -> FacePatches:
    """The names of a photo's patches alone."""
    patches = tuple(
        Patch(region, EMPTY_PATCH, EMPTY_PATCH[..., 0] > 0, 1.0, np.eye(2, 3))  # type: ignore[arg-type]
        for region in regions
    )
    return FacePatches(name, "", patches)


def save_study(path: Path, study: Study, made_with: str) -> None:
    """As plain arrays: pictures side by side, their pixels one after another."""
    table = PhotoTable(study.photos)
    colours = [one for photo in study.rgb for one in photo]
    pictures = [picture for photo in study.photos for picture in photo.inputs]
    np.savez(
        path, made_with=made_with, names=table.photos, photo=table.photo, regions=table.regions,
        columns=table.columns, features=table.values, sides=table.sides, latent=study.latent,
        graders=study.graders,
        ita=study.ita, planted=study.planted, subjects=study.subjects, lost=np.array(study.lost, str),
        pictures=[len(photo.inputs) for photo in study.photos], shapes=[x.shape[:2] for x in pictures],
        windows=[astuple(window) for photo in study.photos for window in photo.windows],
        inputs=np.concatenate([x.reshape(-1, x.shape[-1]) for x in pictures]),
        parts=np.concatenate([x.ravel() for photo in study.photos for x in photo.parts]),
        colour_shapes=[one.shape[:2] for one in colours],
        rgb=np.concatenate([one.reshape(-1, 3) for one in colours]),
    )  # fmt: skip


def load_study(path: Path, made_with: str) -> Study | None:
    """What ``save_study`` wrote; None where it was made with other settings."""
    with np.load(path, allow_pickle=False) as file:
        if str(file["made_with"]) != made_with:
            return None
        known = {name: file[name] for name in file.files}
    inputs = unstacked(known["inputs"], known["shapes"])
    parts = [one[..., 0] for one in unstacked(known["parts"][:, None], known["shapes"])]
    colours = unstacked(known["rgb"], known["colour_shapes"])
    columns = [str(name) for name in known["columns"]]
    features = [dict(zip(columns, row, strict=True)) for row in known["features"].tolist()]
    firsts = np.cumsum([0, *known["pictures"].tolist()]).tolist()
    photos, rgb = [], []
    for number, name in enumerate(known["names"].tolist()):
        mine = np.flatnonzero(known["photo"] == number).tolist()
        its = slice(firsts[number], firsts[number + 1])
        side = dict(zip(CLASSICAL_COLUMNS, known["sides"][number].tolist(), strict=True))
        photos.append(
            Prepared(
                name,
                pictureless(name, known["regions"][mine].tolist()),
                tuple(features[i] for i in mine),
                tuple(inputs[its]),
                side=side,
                parts=tuple(parts[its]),
                windows=tuple(Window(*known["windows"][i].tolist()) for i in mine),
            )
        )
        rgb.append(tuple(colours[i] for i in mine))
    return Study(
        tuple(photos), known["latent"], known["graders"], known["ita"], known["subjects"], tuple(rgb),
        known["planted"], tuple(known["lost"].tolist()),
    )  # fmt: skip


def unstacked(pixels: NDArray, shapes: NDArray) -> list[NDArray]:
    """Pictures (h, w, c) from their pixels (n, c), one after another."""
    ends = np.cumsum([height * width for height, width in shapes.tolist()])[:-1]
    return [
        part.reshape(*shape, -1) for part, shape in zip(np.split(pixels, ends), shapes.tolist(), strict=True)
    ]
