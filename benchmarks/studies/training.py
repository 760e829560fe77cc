"""One training after another, and the figures of all methods."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.people import TONES, tone_of
from benchmarks.studies.grading import Graded, graded_by_all
from benchmarks.studies.study import Study
from toolkit.model import load_model
from toolkit.progress import Progress
from toolkit.scores import NoiseFloor, noise_floor, score
from toolkit.settings import Settings
from toolkit.siamese import Encoder
from toolkit.training import train


def encoder_of(choice: str, settings: Settings) -> tuple[Encoder, Settings]:
    """The encoder of "starter", a model folder or weights (.npz), and the settings it was made with."""
    if choice.endswith(".npz"):
        return Encoder.load(Path(choice), settings.encoder), settings
    model = load_model(None if choice == "starter" else Path(choice))
    known = replace(model.settings.encoder, epochs=settings.encoder.epochs, loss=settings.encoder.loss)
    return model.encoder, replace(model.settings, encoder=known, index=settings.index, blend=settings.blend)


def figures_of(truth: NDArray, graded: Graded) -> dict[str, float | None]:
    """The scores of one method against one truth (n,)."""
    found = score(truth, graded.grades)
    figures: dict[str, float | None] = {
        "RMSE": found.rmse,
        "MAE": found.mae,
        "bias": found.bias,
        "within 0.5": found.within_half,
        "within 1.0": found.within_one,
        "kappa": found.kappa,
        "Spearman": found.spearman,
        "coverage": None,
        "width": None,
    }
    if graded.half_widths is not None:
        low = np.clip(graded.grades - graded.half_widths, 0, 9)
        high = np.clip(graded.grades + graded.half_widths, 0, 9)
        figures["coverage"] = float(np.mean((low <= truth) & (truth <= high)))
        figures["width"] = float(np.mean(high - low))
    return figures


def tone_figures(study: Study, graded: Graded) -> dict[str, dict[str, float | None]]:
    """Of the blend, by skin tone: bias and RMSE against both truths, and coverage."""
    bins = np.array([tone_of(ita) for ita in study.ita])
    figures: dict[str, dict[str, float | None]] = {}
    for tone in TONES:
        mine = bins == tone
        if not mine.any():
            continue
        widths = None if graded.half_widths is None else graded.half_widths[mine]
        part = Graded(graded.grades[mine], widths)
        latent, grader = (figures_of(truth[mine], part) for truth in (study.latent, study.graders[:, 0]))
        figures[tone] = {
            "photos": float(mine.sum()),
            "bias, latent": latent["bias"],
            "RMSE, latent": latent["RMSE"],
            "bias, grader": grader["bias"],
            "RMSE, grader": grader["RMSE"],
            "coverage, grader": grader["coverage"],
        }
    return figures


def run(
    study: Study, start: Encoder | None, settings: Settings, folds: int, seed: int, tell: Progress
) -> dict:
    """Trains once and scores everything: {"grader": {method: figures}, "latent": ..., "tones": ...}."""
    truth = study.graders[:, 0]
    began = time.perf_counter()
    trained = train(
        study.photos, truth.tolist(), study.subjects.tolist(), settings,
        folds=folds, seed=seed, progress=tell, start=start,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    graded = graded_by_all(study, trained, settings, seed)
    return {
        "grader": {name: figures_of(truth, one) for name, one in graded.items()},
        "latent": {name: figures_of(study.latent, one) for name, one in graded.items()},
        "tones": tone_figures(study, graded["blend"]),
        "training": {"all": {"seconds": seconds}},
    }


def within(what: str, tell: Progress) -> Progress:
    """Tells stages by longer names."""
    return lambda stage, done, total: tell(f"{what}{stage}", done, total)


def over_seeds(runs: Sequence[Any]) -> Any:
    """Figures of several runs of one shape: each number's mean and SD."""
    first = runs[0]
    if isinstance(first, Mapping):
        return {key: over_seeds([one[key] for one in runs]) for key in first}
    known = [one for one in runs if one is not None]
    return {"mean": float(np.mean(known)), "SD": float(np.std(known))} if known else None


def floor_of(study: Study) -> NoiseFloor:
    """What its graders' own disagreement does to any score."""
    return noise_floor(study.graders, study.latent)


def figures_of_study(
    study: Study, start: Encoder | None, settings: Settings, folds: int, seeds: int, tell: Progress
) -> dict:
    """The means over seeds of all that ``run`` finds, the noise floor, and what the study is."""
    runs = [run(study, start, settings, folds, seed, within(f"seed {seed}, ", tell)) for seed in range(seeds)]
    return {
        "photos": len(study.photos),
        "subjects": len(np.unique(study.subjects)),
        "lost": list(study.lost),
        "floor": floor_of(study).truth_vs_one,
        "grader 1 against latent": score(study.latent, study.graders[:, 0]).rmse,
        **over_seeds(runs),
    }


def curve_figures(
    study: Study,
    start: Encoder | None,
    settings: Settings,
    folds: int,
    seeds: int,
    sizes: Sequence[int],
    tell: Progress,
) -> dict[str, dict]:
    """By number of subjects: each seed takes the first so many of its own random order."""
    everybody = np.unique(study.subjects)
    found = {}
    for size in [size for size in sizes if size <= len(everybody)]:
        runs = []
        for seed in range(seeds):
            chosen = np.random.default_rng(seed).permutation(everybody)[:size]
            runs.append(run(study.of(chosen.tolist()), start, settings, folds, seed, tell))
            tell(f"curve: {size} subjects", seed + 1, seeds)
        found[str(size)] = {"floor": floor_of(study).truth_vs_one, **over_seeds(runs)}
    return found
