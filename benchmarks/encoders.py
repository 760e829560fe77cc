"""Compares encoders on one phantom study: losses, pretraining, what they are fed, backbones, flips.

    python -m benchmarks.encoders --work FOLDER                             # every variant
    python -m benchmarks.encoders --work FOLDER --variant "kept trunk" --variant "kept trunk, pair loss"
    python -m benchmarks.encoders --list

Every variant is trained by the product's own training on the same study (see benchmarks.studies, whose --work
it shares), the same subject-disjoint folds, seeds and epochs, from the grades of simulated grader 1. Printed:
RMSE of the embedding's own grade and of the whole blend, mean and SD over seeds, beside trivial answers.
Minutes for the variants that keep their trunk; those that learn it from scratch take the time of their epochs
on a CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.command import Faces, Json, Work, folder_for, run, write_json
from benchmarks.people import DATA
from benchmarks.studies.preparing import prepared_study
from benchmarks.studies.study import Study
from benchmarks.studies.tables import cell
from benchmarks.studies.training import encoder_of, floor_of, over_seeds, within
from benchmarks.tables import table_text
from toolkit.errors import ToolkitError
from toolkit.prepared import Prepared
from toolkit.progress import Progress, progress_bars
from toolkit.records import Window
from toolkit.scores import score, trivial_predictions
from toolkit.settings import EncoderSettings, Settings
from toolkit.siamese import Encoder
from toolkit.siamese.inputs import CHANNELS
from toolkit.study import subject_folds
from toolkit.training import train

BACKBONE = DATA / "backbone" / "efficientnet_lite0_notop.keras"
BACKBONE_SIDE = 224


# Encoders ---------------------------------------------------------------------------------------------------


class Remembering(Encoder):
    """An encoder that looks at the same patches once, however often it is asked; with ``flips``, at their
    four mirror images, whose pooled features and maps it averages."""

    def __init__(self, encoder: Encoder, flips: bool = False) -> None:
        super().__init__(encoder.settings, encoder.trunk, encoder.head)
        self._ways = [(1, 1), (1, -1), (-1, 1), (-1, -1)] if flips else [(1, 1)]
        self._seen: tuple[list[Any], Any] | None = None

    def look_through(
        self, pictures: Sequence[NDArray], windows: Sequence[Window]
    ) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
        """What was seen the last time, where the very same arrays and equal windows are asked for again."""
        asked: list[Any] = [*pictures, *windows]
        if self._seen is None or not same_things(self._seen[0], asked):
            self._seen = asked, self._look(pictures, windows)
        return self._seen[1]

    def _look(
        self, pictures: Sequence[NDArray], windows: Sequence[Window]
    ) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
        pooled, maps = [], []
        for down, across in self._ways:
            turned = [
                turned_window(window, pictures[window.picture].shape, down, across) for window in windows
            ]
            features, seen = super().look_through([one[::down, ::across] for one in pictures], turned)
            pooled.append(features)
            maps.append([one[::down, ::across] for one in seen])
        return np.mean(pooled, axis=0), tuple(np.mean(same, axis=0) for same in zip(*maps, strict=True))


def same_things(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two lists hold the same arrays, not only equal ones, and equal windows."""
    return len(one) == len(other) and all(
        a is b or (isinstance(a, Window) and a == b) for a, b in zip(one, other, strict=True)
    )


def turned_window(window: Window, shape: tuple[int, ...], down: int, across: int) -> Window:
    """A window of a mirrored picture."""
    top = window.top if down == 1 else shape[0] - window.top - window.height
    left = window.left if across == 1 else shape[1] - window.left - window.width
    return replace(window, top=top, left=left)


def backbone_encoder(path: Path, gain: float, settings: EncoderSettings) -> Encoder:
    """A frozen ImageNet network as a trunk: the first three channels times ``gain`` -> its pooled features;
    its map of pigment is empty."""
    import keras

    if not path.is_file():
        raise ToolkitError(f"{path}: no backbone there; give one with --backbone")
    layers = keras.layers
    network = keras.models.load_model(path, compile=False)
    network.trainable = False
    picture = layers.Input((None, None, CHANNELS))
    fitted = layers.Resizing(
        BACKBONE_SIDE, BACKBONE_SIDE, pad_to_aspect_ratio=True, fill_mode="constant", fill_value=0.0
    )(picture[..., :3] * gain)  # fmt: skip
    pooled = layers.GlobalAveragePooling2D()(network(fitted, training=False))
    return Backbone(
        settings, keras.models.Model(picture, {"pigment": picture[..., :1] * 0.0, "pooled": pooled})
    )


class Backbone(Encoder):
    """An encoder whose trunk pools in a way of its own: each patch is looked at alone."""

    def look_through(self, pictures: Sequence[NDArray], windows: Sequence[Window]) -> tuple[NDArray, tuple]:
        """One look at each picture."""
        outs = [self.trunk.predict_on_batch(one[None].astype(np.float32)) for one in pictures]
        pooled = np.concatenate([np.asarray(outs[window.picture]["pooled"]) for window in windows])
        return pooled, tuple(np.zeros(one.shape[:2], np.float32) for one in pictures)


def looked_at(photo: Prepared, inputs: Sequence[NDArray]) -> Prepared:
    """The photograph with other pictures of its patches, one each, in place of the chart."""
    return replace(
        photo,
        inputs=tuple(inputs),
        parts=tuple(np.zeros(one.shape[:2], np.uint8) for one in inputs),
        windows=tuple(Window(n, 0, 0, *one.shape[:2]) for n, one in enumerate(inputs)),
    )


def in_colour(study: Study) -> Study:
    """The study with colours in place of maps: R, G, B as (level - 127) / 128 on skin, and the mask last."""
    photos = []
    for photo, colours in zip(study.photos, study.rgb, strict=True):
        inputs = []
        for picture, rgb in zip(photo.patch_inputs(), colours, strict=True):
            skin = picture[..., -1:].astype(np.float32)
            scaled = (rgb.astype(np.float32) - 127) / 128 * skin
            empty = np.zeros((*skin.shape[:2], CHANNELS - 4))
            inputs.append(np.dstack([scaled, empty, skin]).astype(np.float16))
        photos.append(looked_at(photo, inputs))
    return replace(study, photos=tuple(photos))


def reshaped(study: Study, change: Callable[[NDArray], NDArray]) -> Study:
    """The study with every patch changed by a function."""
    return replace(
        study, photos=tuple(looked_at(one, [change(x) for x in one.patch_inputs()]) for one in study.photos)
    )


def at_half_scale(picture: NDArray) -> NDArray:
    """The patch on half as many pixels either way."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture.astype(np.float32), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return small.astype(np.float16)


def middle(picture: NDArray) -> NDArray:
    """A quarter of the patch, from its middle, or from the middle of its skin where that lies at one side."""
    height, width = (size // 2 for size in picture.shape[:2])
    rows, columns = np.nonzero(picture[..., -1] > 0.5)
    top, left = (
        int(np.clip(np.median(places) - extent / 2, 0, extent)) if len(places) else extent // 2
        for places, extent in ((rows, height), (columns, width))
    )
    return picture[top : top + height, left : left + width]


# Variants ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """What a variant is made of."""

    study: Study
    start: Encoder | None
    settings: Settings
    backbone: Path

    @property
    def encoder(self) -> EncoderSettings:
        """The network's."""
        return self.settings.encoder

    def kept(self, flips: bool = False) -> Remembering:
        """The encoder whose trunk is kept."""
        if self.start is None:
            raise ToolkitError("this variant keeps a trunk: it needs --encoder")
        return Remembering(self.start, flips)


Made = tuple[Study, Encoder | None, Settings]  # a study, the encoder whose trunk is kept, settings


def kept_trunk(given: Given, loss: str = "rnc", flips: bool = False) -> Made:
    """A head on a trunk that is not taught further."""
    settings = replace(given.settings, encoder=replace(given.encoder, loss=loss))
    return given.study, given.kept(flips), settings


def random_trunk(given: Given) -> Made:
    """A head on a trunk that has learnt nothing."""
    import keras

    keras.utils.set_random_seed(0)
    return given.study, Remembering(Encoder(given.encoder)), given.settings


def from_scratch(given: Given, study: Study) -> Made:
    """Trunk and head learn from the study's grades alone."""
    return study, None, given.settings


def on_backbone(given: Given, colour: bool) -> Made:
    """A head on a network that has learnt on photographs of anything."""
    study = in_colour(given.study) if colour else given.study
    gain = 1.0 if colour else 1.0 / given.encoder.map_clip
    return study, Remembering(backbone_encoder(given.backbone, gain, given.encoder)), given.settings


VARIANTS: dict[str, Callable[[Given], Made]] = {
    "kept trunk": kept_trunk,
    "kept trunk, pair loss": lambda given: kept_trunk(given, "pair"),
    "kept trunk, contrastive loss": lambda given: kept_trunk(given, "contrastive"),
    "kept trunk, log-ratio loss": lambda given: kept_trunk(given, "log-ratio"),
    "kept trunk, flips": lambda given: kept_trunk(given, flips=True),
    "random trunk, kept": random_trunk,
    "backbone on RGB": lambda given: on_backbone(given, colour=True),
    "backbone on maps": lambda given: on_backbone(given, colour=False),
    "from scratch on maps": lambda given: from_scratch(given, given.study),
    "from scratch on RGB": lambda given: from_scratch(given, in_colour(given.study)),
    "from scratch, half the scale": lambda given: from_scratch(given, reshaped(given.study, at_half_scale)),
    "from scratch, a quarter of each patch": lambda given: from_scratch(given, reshaped(given.study, middle)),
}


# Running ----------------------------------------------------------------------------------------------------


def trained_figures(made: Made, folds: int, seed: int, tell: Progress) -> dict[str, Any]:
    """One training: RMSE and rank correlation of the embedding's grade and of the blend, and seconds."""
    study, start, settings = made
    began = time.perf_counter()
    trained = train(
        study.photos, study.graders[:, 0].tolist(), study.subjects.tolist(), settings,
        folds=folds, seed=seed, progress=tell, start=start,
    )  # fmt: skip
    return {
        "embedding": both(study, trained.embedding),
        "blend": both(study, trained.predicted),
        "seconds": time.perf_counter() - began,
    }


def both(study: Study, grades: NDArray) -> dict[str, float | None]:
    """Against both truths."""
    latent = score(study.latent, grades)
    grader = score(study.graders[:, 0], grades)
    return {"latent": latent.rmse, "grader": grader.rmse, "Spearman": latent.spearman}


def baselines(study: Study, folds: int, seeds: int) -> dict[str, Any]:
    """Always the mean, on the same folds."""
    truth = study.graders[:, 0]
    found = []
    for seed in range(seeds):
        splits = subject_folds(study.subjects.tolist(), truth, folds, seed)
        found.append({"blend": both(study, trivial_predictions(truth, splits)["always the mean"])})
    return {"always the mean": over_seeds(found)}


def show(study: Study, found: Mapping[str, Any]) -> None:
    """A row a variant."""
    columns = [
        (part, figure) for part in ("embedding", "blend") for figure in ("latent", "grader", "Spearman")
    ]
    rows = []
    for name, one in found.items():
        figures = [cell(one.get(part, {}).get(figure), figure != "Spearman") for part, figure in columns]
        rows.append([name, *figures, cell(one.get("seconds"))])
    names = [f"{part}, {'rho' if figure == 'Spearman' else figure}" for part, figure in columns]
    floor = floor_of(study).truth_vs_one
    title = f"RMSE against the latent grade and grader 1 (SD over seeds), rank correlation; floor {floor:.2f}"
    people = len(np.unique(study.subjects))
    print(f"{len(study.photos)} photos of {people} subjects", end=" ")
    print(table_text(title, ["", *names, "seconds"], rows), flush=True)


def main(
    variant: Annotated[list[str] | None, typer.Option(help="One row; may be repeated. See --list.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="Name the variants, and stop.")] = False,
    kind: Annotated[str, typer.Option("--set", help="Set of benchmarks.studies.")] = "drawn half",
    load: Annotated[str, typer.Option(help="Grades: cohort or spread.")] = "cohort",
    drawn: Annotated[int, typer.Option(min=10, help="Drawn subjects of the study.")] = 150,
    subjects: Annotated[int | None, typer.Option(min=10, help="Use only so many of them.")] = None,
    faces: Faces = None,
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    folds: Annotated[int, typer.Option(min=2)] = 5,
    epochs: Annotated[int | None, typer.Option(min=1, help="The same for every variant.")] = None,
    encoder: Annotated[
        str, typer.Option(help="Model folder or weights (.npz) whose trunk is kept.")
    ] = "starter",
    backbone: Annotated[Path, typer.Option(help="EfficientNet-Lite0 without its top (.keras).")] = BACKBONE,
    work: Work = None,
    json_path: Json = None,
) -> None:
    """Trains every variant and prints its row."""
    chosen = variant or list(VARIANTS)
    if list_all or not set(chosen) <= set(VARIANTS):
        print(*VARIANTS, sep="\n")
        raise typer.Exit(0 if list_all else 1)
    settings, start = Settings(), None
    if epochs:
        settings = replace(settings, encoder=replace(settings.encoder, epochs=epochs))
    with folder_for(work) as folder, progress_bars(quiet=False) as tell:
        if any(name.startswith("kept") for name in chosen):
            start, settings = encoder_of(encoder, settings)
        study = prepared_study(folder, kind, load, drawn, faces, settings, tell)
        if subjects:
            study = study.of(np.unique(study.subjects)[:subjects].tolist())
        found = baselines(study, folds, seeds)
        for name in chosen:
            made, stages = VARIANTS[name](Given(study, start, settings, backbone)), within(f"{name}: ", tell)
            found[name] = over_seeds([trained_figures(made, folds, seed, stages) for seed in range(seeds)])
            show(study, {name: found[name]})
        show(study, found)
    write_json(json_path, found)


if __name__ == "__main__":
    run(main, __doc__)
