"""A comparison made of invented answers: everything after the fits, without any photograph or network."""

from __future__ import annotations

import numpy as np

from toolkit.evaluate import METHODS, Compared, CompareOptions
from toolkit.evaluate.methods import Answers, Outcome
from toolkit.evaluate.study import MeasuredStudy
from toolkit.index import class_of
from toolkit.prepared import Prepared
from toolkit.records import PhotoFacts
from toolkit.settings import BaselineSettings, Settings
from toolkit.study import subject_folds

SCRIPT, FORMULA = "<script>alert('x')</script>.jpg", "=cmd|' /C calc'!A0"
MARKUP = "<img src=x onerror=alert(2)> $x_{"
PAIRS = {
    "pairs": 100.0,
    "pair_accuracy": 0.8125,
    "pair_rmse": 0.39,
    "always_different_accuracy": 0.849,
    "constant_probability_rmse": 0.358,
}


def invented_study(subjects: int = 20, seed: int = 0) -> MeasuredStudy:
    """Both sides and two visits of each subject; some names are hostile."""
    rng, settings = np.random.default_rng(seed), Settings()
    rows = [
        (f"P{i:04}", side, v)
        for i in range(subjects)
        for side in ("left", "right")
        for v in ("Baseline", "Week 4")
    ]
    grades = np.clip(
        np.round(2 * (np.repeat(rng.normal(4, 1.2, subjects), 4) + rng.normal(0, 0.3, 4 * subjects))) / 2,
        0,
        9,
    )
    facts, names = [PhotoFacts(*row) for row in rows], [f"{s}_{side}_{v}.jpg" for s, side, v in rows]
    names[0], names[1], facts[0] = SCRIPT, FORMULA, PhotoFacts("=1+1", "left", MARKUP)
    owners = np.array([subject for subject, _, _ in rows])
    return MeasuredStudy(
        tuple(names), ("0",) * len(rows), tuple(facts), tuple(map(Prepared, names)), grades,
        class_of(grades, settings.index.class_edges).astype(np.intp), owners,
        np.repeat(rng.uniform(-40, 65, subjects), 4), (), (), settings, f"{len(rows)} photos",
        {SCRIPT.upper(): FORMULA},
    )  # fmt: skip


def invented(study: MeasuredStudy, methods: tuple[str, ...] = tuple(METHODS), leaky: bool = True) -> Compared:
    """Answers whose errors shrink from method to method, and when split by photo."""
    outcomes = {}
    for split, shrink in (("subject", 1.0), ("photo", 0.5))[: 1 + leaky]:
        groups = list(study.subjects) if split == "subject" else list(study.names)
        folds = subject_folds(groups, study.grades, 4, 0)
        outcomes[split] = {
            name: [_outcome(study, name, learn, test, shrink * (1.6 - 0.15 * place)) for learn, test in folds]
            for place, name in enumerate(methods)
        }
    seconds = {split: dict.fromkeys(methods, 1.0) for split in outcomes}
    options = CompareOptions(folds=4, leaky=leaky, baselines=BaselineSettings(weights="none"))
    return Compared(study, options, methods, outcomes, seconds, 0, "from scratch")


def _outcome(study: MeasuredStudy, name: str, learn: np.ndarray, test: np.ndarray, error: float) -> Outcome:
    rng = np.random.default_rng(len(name))

    def answers(photos: np.ndarray, spread: float) -> Answers:
        constant = {"mean": study.grades[learn].mean(), "commonest": 4.0}.get(name)
        noisy = np.clip(study.grades[photos] + rng.normal(0, spread, len(photos)), 0, 9)
        grades = noisy if constant is None else np.full(len(photos), constant)
        edges = study.settings.index.class_edges
        return Answers(photos, grades, class_of(np.round(2 * grades) / 2, edges).astype(np.intp))

    parts = {
        "training": answers(learn, error / 3),
        "validation": answers(learn[::6], error),
        "test": answers(test, error),
    }
    epochs = (
        [{"epoch": n, "loss": 1 / n, "val_loss": 1.5} for n in (1, 2, 3)]
        if "baselines" in METHODS[name].needs
        else []
    )
    return Outcome(parts, epochs, PAIRS if name == "siamese" else {})
