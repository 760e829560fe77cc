"""The figures of many measured photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

from benchmarks.people import TONES
from benchmarks.pigment.measuring import Measured
from benchmarks.pigment.photographs import LOADS
from toolkit.blend import Ridge
from toolkit.phantom import simulate_graders
from toolkit.scores import noise_floor, score, trivial_predictions
from toolkit.study import subject_folds

PLANTED_OD = 0.05
FOLDS = 5


def figures_of(measured: Sequence[Measured], changed: Sequence[Measured] = ()) -> dict[str, Any]:
    """All figures of the photos of one set and load; ``changed``: its people with one thing changed."""
    names, table, latent, subjects = as_table(measured)
    folds = subject_folds(subjects.tolist(), latent, FOLDS, seed=0)
    models = [Ridge.fit(table[train], latent[train], subjects[train]) for train, _ in folds]
    grades = np.full(len(latent), np.nan)
    owner: dict[str, Ridge] = {}
    for model, (_, test) in zip(models, folds, strict=True):
        grades[test] = np.clip(model.predict(table[test]), 0, 9)
        owner |= dict.fromkeys(subjects[test].tolist(), model)
    figures = {
        "photos": len(measured),
        "people": len(set(subjects.tolist())),
        "features": len(names),
        "pixels": pixel_figures(measured),
        "spearman": spearman_figures(names, table, latent),
        "ridge": ridge_figures(latent, subjects, grades, folds),
        "tones": tone_figures(measured, latent, grades),
        "RMSE by set": rmse_by_set(measured, latent, grades),
    }
    if changed:
        figures["changes"] = change_figures(changed, names, owner)
    return figures


def as_table(measured: Sequence[Measured]) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names of the features, features (n, p), latent grades (n,), subjects (n,)."""
    names = list(measured[0].features)
    table = np.array([[one.features[name] for name in names] for one in measured])
    latent = np.array([one.photo.latent for one in measured])
    return names, table, latent, np.array([one.photo.subject for one in measured])


def pixel_figures(measured: Sequence[Measured]) -> dict[str, Any]:
    """How well each map finds planted melanin by the pixel."""
    pixels = np.concatenate([one.pixels for one in measured if one.pixels is not None])
    positive = pixels[:, -1] > PLANTED_OD
    precision = average_precisions(measured[0].map_names, pixels)
    ratio = precision["melanin, near"] / precision["V - grey"] if precision else None
    return {"prevalence": float(positive.mean()), "average precision": precision, "melanin : seed": ratio}


def average_precisions(names: Sequence[str], pixels: np.ndarray) -> dict[str, float]:
    """Of each map; nothing where nothing is planted."""
    positive = pixels[:, -1] > PLANTED_OD
    if not positive.any():
        return {}
    return {name: float(average_precision_score(positive, pixels[:, i])) for i, name in enumerate(names)}


def spearman_figures(names: Sequence[str], table: np.ndarray, latent: np.ndarray) -> dict[str, float]:
    """Of every feature that varies, the strongest first."""
    found = {
        name: float(spearmanr(column, latent).statistic)
        for name, column in zip(names, table.T, strict=True)
        if np.ptp(column) > 0
    }
    return dict(sorted(found.items(), key=lambda item: -abs(item[1])))


def ridge_figures(
    latent: np.ndarray, subjects: np.ndarray, grades: np.ndarray, folds: Sequence
) -> dict[str, Any]:
    """RMSE against the latent grade, beside trivial answers and what a simulated grader's noise does."""
    trivial = trivial_predictions(latent, folds)
    graders = simulate_graders(latent, subjects.tolist(), np.random.default_rng(0))
    found = score(latent, grades)
    return {
        "RMSE": found.rmse,
        "spearman": found.spearman,
        **{f"RMSE of {name}": score(latent, guess).rmse for name, guess in trivial.items()},
        "RMSE of one grader": noise_floor(graders, latent).truth_vs_one,
    }


def tone_figures(measured: Sequence[Measured], latent: np.ndarray, grades: np.ndarray) -> dict[str, Any]:
    """Bias and RMSE of the ridge, and average precision of the melanin map, by skin tone."""
    tones = np.array([one.photo.tone for one in measured])
    figures = {}
    for tone in TONES:
        mine = tones == tone
        if not mine.any():
            continue
        error = grades[mine] - latent[mine]
        pixels = np.concatenate([one.pixels for one in measured if one.photo.tone == tone])
        figures[tone] = {
            "photos": int(mine.sum()),
            "bias": float(error.mean()),
            "RMSE": float(np.sqrt(np.mean(error**2))),
            "average precision": average_precisions(measured[0].map_names, pixels).get("melanin, near"),
        }
    return figures


def rmse_by_set(measured: Sequence[Measured], latent: np.ndarray, grades: np.ndarray) -> dict[str, float]:
    """Of one ridge on the photos of all the sets."""
    sets = np.array([one.photo.set for one in measured])
    return {
        name: score(latent[sets == name], grades[sets == name]).rmse for name in dict.fromkeys(sets.tolist())
    }


def change_figures(
    changed: Sequence[Measured], names: Sequence[str], owner: Mapping[str, Ridge]
) -> dict[str, Any]:
    """Mean and mean absolute change of the grade, by change, over all and by tone."""
    graded: dict[str, dict[tuple[str, str], float]] = {}
    for one in changed:
        if one.photo.subject in owner:
            row = np.array([[one.features[name] for name in names]])
            grade = float(np.clip(owner[one.photo.subject].predict(row)[0], 0, 9))
            graded.setdefault(one.photo.variant, {})[one.photo.set, one.photo.subject] = grade
    tone_of = {(one.photo.set, one.photo.subject): one.photo.tone for one in changed}
    calm = graded.pop("calm", {})
    figures: dict[str, Any] = {}
    for change, grades in graded.items():
        moved = {scene: grade - calm[scene] for scene, grade in grades.items() if scene in calm}
        for group in ("all", *TONES):
            steps = [step for scene, step in moved.items() if group in ("all", tone_of[scene])]
            if steps:
                figures.setdefault(change, {})[group] = {
                    "scenes": len(steps),
                    "mean": float(np.mean(steps)),
                    "mean absolute": float(np.abs(steps).mean()),
                }
    return figures


def time_figures(measured: Sequence[Measured]) -> dict[str, float]:
    """Median milliseconds of one core a photo."""
    return {
        "features": 1000 * float(np.median([one.seconds_features for one in measured])),
        "read, find and cut": 1000 * float(np.median([one.seconds_read for one in measured])),
    }


def figures_of_all(measured: Sequence[Measured]) -> dict[str, Any]:
    """By set and load; "all sets" joins them, a painted person's photos being one subject's."""
    good = [one for one in measured if not one.error]
    figures: dict[str, Any] = {}
    for name in [*dict.fromkeys(one.photo.set for one in good), "all sets"]:
        mine = [one for one in good if name in (one.photo.set, "all sets")]
        changed = [one for one in mine if one.photo.variant not in LOADS]
        by_load = {load: [one for one in mine if one.photo.variant == load] for load in LOADS}
        figures[name] = {
            load: figures_of(some, changed if load == "spread" else ()) for load, some in by_load.items()
        }
        figures[name]["milliseconds"] = time_figures(mine)
    figures["lost"] = [f"{one.photo.set}, {one.photo.variant}: {one.error}" for one in measured if one.error]
    return figures
