"""Every method's grades of a study, out of fold, and intervals round them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from benchmarks.studies.study import Study
from toolkit.blend import DIFFICULTY, Interval, TableBlend, best_share, mixed
from toolkit.phantom import grade_of_load
from toolkit.phototable import FIGURE, PhotoTable
from toolkit.pigment import CLASSICAL_COLUMNS
from toolkit.scores import trivial_predictions
from toolkit.settings import Settings
from toolkit.training import Trained


@dataclass(frozen=True, eq=False)
class Graded:
    """Out-of-fold ``grades`` (n,) and the ``half_widths`` (n,) of their intervals, or None."""

    grades: NDArray[np.float64]
    half_widths: NDArray[np.float64] | None = None


def graded_by_all(study: Study, trained: Trained, settings: Settings, seed: int) -> dict[str, Graded]:
    """Every method's grades on the same folds, by name."""
    columns = trained.model.blend.side.columns
    truth = study.graders[:, 0]
    nothing = np.full((len(truth), len(DIFFICULTY)), np.nan)
    trivial = trivial_predictions(truth, trained.folds)
    load = trained.values[:, columns.index("net_mean")]
    known_curve = np.array([grade_of_load(one) for one in load])
    parts = {
        "features alone": blended(study, trained, list(CLASSICAL_COLUMNS), settings, seed),
        "network's map": blended(study, trained, [c for c in columns if "net_" in c], settings, seed),
        "seed's argmax": trained.argmax,
        "embedding alone": trained.embedding,
        "load, known curve": known_curve,
        "load, isotonic": by_isotonic(load, study, trained),
        "power, isotonic": by_isotonic(trained.values[:, columns.index(FIGURE)], study, trained),
        "power, rising curve": trained.parts[:, 0],
        "side's table": mixed(trained.parts[:, 1], trained.parts[:, 2], 0.5),
        "planted map": by_isotonic(study.planted[:, 0], study, trained),
        "planted root": by_isotonic(study.planted[:, 1], study, trained),
    }
    found = {name: Graded(grades) for name, grades in trivial.items()}
    for name, grades in parts.items():
        found[name] = Graded(grades, half_widths(study, trained, grades, nothing, settings))
    table = PhotoTable(study.photos)
    apart = np.abs(trained.parts[:, 1] - trained.parts[:, 2])
    difficulty = table.difficulty(trained.values, columns, apart, trained.by_region, grades=trained.predicted)
    widths = half_widths(study, trained, trained.predicted, difficulty, settings)
    found["blend"] = Graded(trained.predicted, widths)
    order = [*trivial, "seed's argmax", "features alone", "load, known curve", "load, isotonic",
             "power, isotonic", "power, rising curve", "network's map", "embedding alone", "side's table",
             "blend", "planted map", "planted root"]  # fmt: skip
    return {name: found[name] for name in order}


def blended(
    study: Study, trained: Trained, chosen: Sequence[str], settings: Settings, seed: int
) -> NDArray[np.float64]:
    """Out-of-fold grades (n,) of LightGBM and ridge that see the chosen columns of the sides alone; what
    grades a fold is chosen on the others."""
    columns, truth = trained.model.blend.side.columns, study.graders[:, 0]
    values = trained.values[:, [columns.index(name) for name in chosen]]
    boosted, ridge = np.zeros(len(values)), np.zeros(len(values))
    for rest, test in trained.folds:
        fitted = TableBlend.fit(
            chosen, values[rest], truth[rest], study.subjects[rest], settings=settings.blend, seed=seed
        )
        boosted[test], ridge[test] = fitted.predict_both(chosen, values[test])
    grades = np.zeros(len(truth))
    for rest, test in trained.folds:
        share = best_share(boosted[rest], ridge[rest], truth[rest])
        grades[test] = mixed(boosted, ridge, share)[test]
    return grades


def half_widths(
    study: Study, trained: Trained, grades: NDArray, difficulty: NDArray, settings: Settings
) -> NDArray[np.float64]:
    """Half-widths (n,) of intervals round out-of-fold grades, a fold's calibrated on the other folds."""
    residuals, widths = grades - study.graders[:, 0], np.zeros(len(grades))
    for rest, test in trained.folds:
        fitted = Interval.fit(
            residuals[rest], difficulty[rest], study.subjects[rest], settings.blend.coverage
        )
        widths[test] = fitted.half_width(difficulty[test])
    return widths


def by_isotonic(figure: NDArray[np.float64], study: Study, trained: Trained) -> NDArray[np.float64]:
    """Out-of-fold grades (n,) of a rising staircase through one figure (n,) a photo (Barlow et al. 1972)."""
    grades, truth = np.zeros(len(figure)), study.graders[:, 0]
    for rest, test in trained.folds:
        rising = IsotonicRegression(out_of_bounds="clip").fit(figure[rest], truth[rest])
        grades[test] = rising.predict(figure[test])
    return grades
