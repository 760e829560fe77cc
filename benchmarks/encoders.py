#!/usr/bin/env python
"""Compares encoders on one phantom study: losses, pretraining, what they are fed, backbones, flips.

    scripts/encoder_experiments --work FOLDER                             # every variant
    scripts/encoder_experiments --work FOLDER --variant "kept trunk" --variant "kept trunk, pair loss"
    scripts/encoder_experiments --list

Every variant is trained by the product's own training on the same study (see scripts/study_benchmark, whose --work
it shares), the same subject-disjoint folds, seeds and epochs, from the grades of simulated grader 1. Printed: RMSE
of the embedding's own grade and of the whole blend, mean and SD over seeds, beside trivial answers. Minutes for the
variants that keep their trunk; those that learn it from scratch take the time of their epochs on a CPU.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from toolkit.errors import ToolkitError
from toolkit.progress import progress_bars
from toolkit.records import Window
from toolkit.scores import score, trivial_predictions
from toolkit.settings import EncoderSettings, Settings
from toolkit.siamese import Encoder
from toolkit.siamese.inputs import CHANNELS
from toolkit.training import train


def _benchmark() -> Any:
    if "study_benchmark" not in sys.modules:
        loader = SourceFileLoader("study_benchmark", str(Path(__file__).with_name("study_benchmark")))
        spec = spec_from_loader("study_benchmark", loader)
        if spec is None:
            raise ToolkitError("scripts/study_benchmark cannot be loaded")
        sys.modules["study_benchmark"] = module_from_spec(spec)
        loader.exec_module(sys.modules["study_benchmark"])
    return sys.modules["study_benchmark"]


benchmark = _benchmark()
BACKBONE = Path(__file__).parents[2] / "shared" / "data" / "backbone" / "efficientnet_lite0_notop.keras"
BACKBONE_SIDE = 224


# Encoders ---------------------------------------------------------------------------------------------------


class Remembering(Encoder):
    """An encoder that looks at the same patches once, however often it is asked; with ``flips``, at their four
    mirror images, whose pooled features and maps it averages."""

    def __init__(self, encoder: Encoder, flips: bool = False) -> None:
        super().__init__(encoder.settings, encoder.trunk, encoder.head)
        self._ways = [(1, 1), (1, -1), (-1, 1), (-1, -1)] if flips else [(1, 1)]
        self._seen: tuple[list[NDArray], Any] | None = None

    def look_through(
        self, pictures: Sequence[NDArray], windows: Sequence[Window]
    ) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
        asked = [*pictures, *windows]
        same = self._seen is not None and len(self._seen[0]) == len(asked)
        if not same or any(
            a is not b and not (isinstance(a, Window) and a == b)
            for a, b in zip(self._seen[0], asked, strict=True)
        ):
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


def turned_window(window: Window, shape: tuple[int, ...], down: int, across: int) -> Window:
    """A window of a mirrored picture."""
    top = window.top if down == 1 else shape[0] - window.top - window.height
    left = window.left if across == 1 else shape[1] - window.left - window.width
    return replace(window, top=top, left=left)


def backbone_encoder(path: Path, gain: float, settings: EncoderSettings) -> Encoder:
    """A frozen ImageNet network as a trunk: the first three channels times ``gain`` -> its pooled features; its map
    of pigment is empty."""
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
        outs = [self.trunk.predict_on_batch(one[None].astype(np.float32)) for one in pictures]
        pooled = np.concatenate([np.asarray(outs[window.picture]["pooled"]) for window in windows])
        return pooled, tuple(np.zeros(one.shape[:2], np.float32) for one in pictures)


def by_patch(photo: Any) -> Any:
    """The photograph with each patch as a picture of its own, in place of the chart."""
    inputs = tuple(photo.patch_inputs())
    return replace(
        photo,
        inputs=inputs,
        parts=tuple(np.zeros(one.shape[:2], np.uint8) for one in inputs),
        windows=tuple(Window(n, 0, 0, *one.shape[:2]) for n, one in enumerate(inputs)),
    )


def in_colour(study: Any) -> Any:
    """The study with colours in place of maps: R, G, B as (level - 127) / 128 on skin, and the mask last."""
    photos = []
    for photo, colours in zip(study.photos, study.rgb, strict=True):
        inputs = []
        for picture, rgb in zip(photo.patch_inputs(), colours, strict=True):
            skin = picture[..., -1:].astype(np.float32)
            scaled = (rgb.astype(np.float32) - 127) / 128 * skin
            empty = np.zeros((*skin.shape[:2], CHANNELS - 4))
            inputs.append(np.dstack([scaled, empty, skin]).astype(np.float16))
        photos.append(replace(by_patch(photo), inputs=tuple(inputs)))
    return replace(study, photos=tuple(photos))


def reshaped(study: Any, change: Callable[[NDArray], NDArray]) -> Any:
    """The study with every encoder input changed by a function."""
    photos = []
    for one in map(by_patch, study.photos):
        inputs = tuple(change(x) for x in one.inputs)
        windows = tuple(Window(n, 0, 0, *x.shape[:2]) for n, x in enumerate(inputs))
        parts = tuple(np.zeros(x.shape[:2], np.uint8) for x in inputs)
        photos.append(replace(one, inputs=inputs, windows=windows, parts=parts))
    return replace(study, photos=tuple(photos))


def at_half_scale(picture: NDArray) -> NDArray:
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

    study: Any
    start: Encoder | None
    settings: Settings
    backbone: Path

    @property
    def encoder(self) -> EncoderSettings:
        return self.settings.encoder

    def kept(self, flips: bool = False) -> Remembering:
        if self.start is None:
            raise ToolkitError("this variant keeps a trunk: it needs --encoder")
        return Remembering(self.start, flips)


Made = tuple[Any, Encoder | None, Settings]  # a study, the encoder whose trunk is kept, settings


def kept_trunk(given: Given, loss: str = "rnc", flips: bool = False) -> Made:
    settings = replace(given.settings, encoder=replace(given.encoder, loss=loss))
    return given.study, given.kept(flips), settings


def random_trunk(given: Given) -> Made:
    import keras

    keras.utils.set_random_seed(0)
    return given.study, Remembering(Encoder(given.encoder)), given.settings


def from_scratch(given: Given, colour: bool) -> Made:
    return in_colour(given.study) if colour else given.study, None, given.settings


def from_scratch_on(given: Given, change: Callable[[NDArray], NDArray]) -> Made:
    return reshaped(given.study, change), None, given.settings


def on_backbone(given: Given, colour: bool) -> Made:
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
    "from scratch on maps": lambda given: from_scratch(given, colour=False),
    "from scratch on RGB": lambda given: from_scratch(given, colour=True),
    "from scratch, half the scale": lambda given: from_scratch_on(given, at_half_scale),
    "from scratch, a quarter of each patch": lambda given: from_scratch_on(given, middle),
}


# Running ----------------------------------------------------------------------------------------------------


def run(made: Made, folds: int, seed: int, tell: Callable[[str, int, int], None]) -> dict[str, Any]:
    """One training: RMSE and rank correlation of the embedding's grade and of the blend, and seconds."""
    study, start, settings = made
    truth = study.graders[:, 0]
    began = time.perf_counter()
    trained = train(
        study.photos, truth, study.subjects, settings, folds=folds, seed=seed, progress=tell, start=start
    )
    return {
        "embedding": both(study, trained.embedding),
        "blend": both(study, trained.predicted),
        "seconds": time.perf_counter() - began,
    }


def both(study: Any, grades: NDArray) -> dict[str, float | None]:
    latent = score(study.latent, grades)
    grader = score(study.graders[:, 0], grades)
    return {"latent": latent.rmse, "grader": grader.rmse, "Spearman": latent.spearman}


def baselines(study: Any, folds: int, seeds: int) -> dict[str, Any]:
    """Always the mean, and nothing but the classical features, on the same folds."""
    from toolkit.study import subject_folds

    truth = study.graders[:, 0]
    found = []
    for seed in range(seeds):
        splits = subject_folds(list(study.subjects), truth, folds, seed)
        found.append(both(study, trivial_predictions(truth, splits)["always the mean"]))
    return {"always the mean": benchmark.over_seeds([{"blend": one} for one in found])}


def show(study: Any, found: Mapping[str, Any]) -> None:
    table_text = benchmark.script("pigment_benchmark").table_text
    columns = [
        (part, figure) for part in ("embedding", "blend") for figure in ("latent", "grader", "Spearman")
    ]
    rows = [
        [
            name,
            *(
                benchmark.cell(one.get(part, {}).get(figure), figure != "Spearman")
                for part, figure in columns
            ),
            benchmark.cell(one.get("seconds")),
        ]
        for name, one in found.items()
    ]
    head = [
        "",
        *(f"{part}, {'rho' if figure == 'Spearman' else figure}" for part, figure in columns),
        "seconds",
    ]
    floor = benchmark.floor_of(study).truth_vs_one
    title = f"RMSE against the latent grade and grader 1 (SD over seeds), rank correlation; floor {floor:.2f}"
    print(
        f"{len(study.photos)} photos of {len(np.unique(study.subjects))} subjects",
        table_text(title, head, rows),
        flush=True,
    )


def chosen_study(
    work: Path,
    kind: str,
    load: str,
    drawn: int,
    subjects: int | None,
    faces: Path | None,
    settings: Settings,
    tell: Any,
) -> Any:
    """A study of scripts/study_benchmark, or the first so many of its subjects."""
    study = benchmark.prepared_study(work, kind, load, drawn, faces, settings, tell)
    everybody = np.unique(study.subjects)
    return study.of(everybody[:subjects]) if subjects else study


def main(
    variant: Annotated[list[str] | None, typer.Option(help="One row; may be repeated. See --list.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="Name the variants, and stop.")] = False,
    kind: Annotated[str, typer.Option("--set", help="Set of scripts/study_benchmark.")] = "drawn half",
    load: Annotated[str, typer.Option(help="Grades: cohort or spread.")] = "cohort",
    drawn: Annotated[int, typer.Option(min=10, help="Drawn subjects of the study.")] = 150,
    subjects: Annotated[int | None, typer.Option(min=10, help="Use only so many of them.")] = None,
    faces: Annotated[Path | None, typer.Option(help="Photographs, for painted sets.")] = None,
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    folds: Annotated[int, typer.Option(min=2)] = 5,
    epochs: Annotated[int | None, typer.Option(min=1, help="The same for every variant.")] = None,
    encoder: Annotated[
        str, typer.Option(help="Model folder or weights (.npz) whose trunk is kept.")
    ] = "starter",
    backbone: Annotated[Path, typer.Option(help="EfficientNet-Lite0 without its top (.keras).")] = BACKBONE,
    work: Annotated[Path | None, typer.Option(help="Folder of scripts/study_benchmark --work.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
) -> None:
    chosen = variant or list(VARIANTS)
    if list_all or not set(chosen) <= set(VARIANTS):
        print(*VARIANTS, sep="\n")
        raise typer.Exit(0 if list_all else 1)
    settings = Settings()
    if epochs:
        settings = replace(settings, encoder=replace(settings.encoder, epochs=epochs))
    try:
        with tempfile.TemporaryDirectory(prefix="study-") as temporary, progress_bars(quiet=False) as tell:
            start = None
            if any(name.startswith("kept") for name in chosen):
                start, settings = benchmark.encoder_of(encoder, settings)
            folder = work or Path(temporary)
            study = chosen_study(folder, kind, load, drawn, subjects, faces, settings, tell)
            found = baselines(study, folds, seeds)
            for name in chosen:
                made = VARIANTS[name](Given(study, start, settings, backbone))
                runs = [
                    run(made, folds, seed, lambda *x, n=name: tell(f"{n}: {x[0]}", *x[1:]))
                    for seed in range(seeds)
                ]
                found[name] = benchmark.over_seeds(runs)
                show(study, {name: found[name]})
            show(study, found)
    except ToolkitError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    if json_path is not None:
        json_path.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    typer.run(main)
