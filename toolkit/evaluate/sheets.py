"""The sheets of comparison.xlsx, as rows; every column has its meaning in the dictionary."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from toolkit import __version__
from toolkit.agreement.reliability import Estimate
from toolkit.agreement.resample import RESAMPLES
from toolkit.agreement.sheets import MEANINGS
from toolkit.evaluate.figures import (
    GroupScore,
    Tested,
    accuracies,
    by_group,
    confusion,
    pair_scores,
    pool_tests,
    scores,
)
from toolkit.evaluate.methods import ALWAYS, PARTS, method_title
from toolkit.evaluate.run import SPLITS, Compared
from toolkit.tones import tone_name
from toolkit.workbook import Value

Row = dict[str, Value]

FIGURES = (
    *("rmse", "mae", "within_half", "within_one", "kappa", "icc_2_1", "icc_3_1", "spearman", "bias"),
    *("loa_lower", "loa_upper", "rmse_gain"),
)
_INTERVAL = "of the 95 % interval: 2.5th and 97.5th percentile over resamples of subjects with replacement"
_MEANINGS: dict[str, str] = {
    **MEANINGS,
    "split": "'subject': no subject on both sides of a fold; 'photo': photographs assigned at random, which lets "
    "a method meet the subjects it is tested on, so that its scores are wrong",
    "method": "name of the method, as --methods takes it",
    "title": "the method, with the backbone that it used",
    "photos": "photographs",
    "subjects": "their subjects",
    "training_accuracy": "accuracy on the training photographs, all folds together",
    "validation_accuracy": "accuracy on training photographs held out for validation",
    "test_accuracy": "accuracy on subjects that the fold never saw: the one that counts",
    "rmse_gain": "how much lower the RMSE is than that of always answering the mean; on the same resamples",
    "bias": "mean of predicted minus graded, in grades",
    "loa_lower": "lower limit of agreement of predicted minus graded (Bland and Altman 2007, repeated subjects)",
    "loa_upper": "upper limit of agreement",
    "seconds": "time of learning and answering, all folds",
    "fold": "number of the fold",
    "grouping": "what photographs are grouped by: expert's grade, side, visit, skin tone (ITA)",
    "level": "which of these",
    "class": "class given by the expert's grade",
    "predicted_class": "class predicted; of methods that regress, that of the nearest half step",
    "share": "photographs, of all of that graded class, 0 to 1",
    "pairs": "pairs of test photographs, the mean over folds",
    "pair_accuracy": "share of pairs correctly classified as same or different: says nothing about grading",
    "pair_rmse": "RMSE of the predicted probability of one class",
    "always_different_accuracy": "what always answering 'different' scores on the same pairs",
    "constant_probability_rmse": "what always answering the pairs' share of one class scores",
    "photo": "photograph",
    "subject": "its subject",
    "side": "its side, the subject's own left or right",
    "visit": "its visit",
    "ita": "individual typology angle of its skin, degrees",
    "skin_tone": "that angle in words: over 55 very light, 41 light, 28 intermediate, 10 tan, -30 brown, dark",
    "grade": "expert's grade",
    "reason": "why the photograph could not be used",
    "item": "what",
    "value": "the figure, or text",
    "sheet": "sheet of this workbook",
    "column": "column of that sheet",
    "meaning": "what it holds",
    "epoch": "epoch of learning",
    "loss": "training loss",
    "val_loss": "validation loss, on held-out subjects",
    "accuracy": "training accuracy, while learning (dropout on)",
    "val_accuracy": "the same on the held out subjects",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scored:
    """A method's scores on one kind of split."""

    name: str
    title: str
    split: str
    trivial: bool
    answers: Tested
    scores: Mapping[str, Estimate]
    accuracy: Mapping[str, Estimate]
    groups: Sequence[GroupScore]
    confusion: np.ndarray
    pairs: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def score_all(compared: Compared, resamples: int = RESAMPLES) -> dict[str, list[Scored]]:
    """Every method's scores by split; the trivial methods first. The same resamples of subjects for all."""
    study, found = compared.study, {}
    for split, by_method in compared.outcomes.items():
        mean = pool_tests(study, by_method["mean"])
        lines = []
        for name in compared.methods:
            answers = pool_tests(study, by_method[name])
            lines.append(
                Scored(
                    name,
                    method_title(name, compared.options.baselines),
                    split,
                    name in ALWAYS,
                    answers,
                    scores(study, answers, mean, resamples),
                    accuracies(study, by_method[name], resamples),
                    by_group(study, answers, resamples),
                    confusion(study, answers),
                    pair_scores(by_method[name]),
                    compared.seconds[split][name],
                )
            )
        found[split] = lines
    return found


def sheets(compared: Compared, scored: Mapping[str, Sequence[Scored]]) -> dict[str, list[Row]]:
    """Rows by sheet."""
    lines = [line for split in scored.values() for line in split]
    honest = scored["subject"]
    made: dict[str, list[Row]] = {
        "Comparison": [comparison_row(compared, line) for line in honest],
        "Folds": list(_fold_rows(compared)),
        "Groups": [row for line in honest for row in _group_rows(line)],
        "Confusion": [row for line in honest for row in _confusion_rows(compared, line)],
        "Predictions": list(_prediction_rows(compared, honest)),
        "Curves": list(_curve_rows(compared)),
    }
    pairs: list[Row] = [
        {"split": line.split, "method": line.name, **line.pairs} for line in lines if line.pairs
    ]
    if pairs:
        made["Pairs"] = pairs
    if len(scored) > 1:
        made["Split by photo"] = [comparison_row(compared, line) for line in scored["photo"]]
    if compared.study.left_out:
        made["Left out"] = [{"photo": n, "reason": why} for n, why in compared.study.left_out.items()]
    made["Run"] = run_rows(compared)
    columns = {
        title: list(dict.fromkeys(name for row in rows for name in row)) for title, rows in made.items()
    }
    made["Dictionary"] = list(_dictionary(columns))
    return {title: rows for title, rows in made.items() if rows}


def comparison_row(compared: Compared, line: Scored) -> Row:
    """One line of the comparison: counts, accuracies, every figure with its bounds."""
    study = compared.study
    row: Row = {
        "split": line.split,
        "method": line.name,
        "title": line.title,
        "photos": len(study.names),
        "subjects": len(np.unique(study.subjects)),
    }
    for part in PARTS:
        row |= _cells(f"{part}_accuracy", line.accuracy[part])
    for name in FIGURES:
        row |= _cells(name, line.scores[name])
    return row | {"seconds": round(line.seconds, 1)}


def _cells(name: str, estimate: Estimate) -> Row:
    return {name: estimate.value, f"{name}_low": estimate.lower, f"{name}_high": estimate.upper}


def _fold_rows(compared: Compared) -> Iterator[Row]:
    study = compared.study
    for split, by_method in compared.outcomes.items():
        for name, outcomes in by_method.items():
            for fold, outcome in enumerate(outcomes, 1):
                row: Row = {"split": split, "method": name, "fold": fold}
                for part in PARTS:
                    answers = outcome.answers[part]
                    error = answers.grades - study.grades[answers.photos]
                    right = answers.classes == study.classes[answers.photos]
                    row |= {
                        f"{part}_photos": len(error),
                        f"{part}_subjects": len(np.unique(study.subjects[answers.photos])),
                        f"{part}_accuracy": float(right.mean()),
                        f"{part}_rmse": math.sqrt(float(np.mean(error**2))),
                    }
                yield row


def _group_rows(line: Scored) -> Iterator[Row]:
    for group in line.groups:
        row: Row = {"method": line.name, "grouping": group.grouping, "level": group.level}
        row |= {"photos": group.photos, "subjects": group.subjects}
        yield row | _cells("bias", group.bias) | _cells("mae", group.mae) | _cells("rmse", group.rmse)


def _confusion_rows(compared: Compared, line: Scored) -> Iterator[Row]:
    labels = compared.study.settings.index.class_labels()
    for (given, predicted), count in np.ndenumerate(line.confusion):
        yield {
            "method": line.name,
            "class": labels[given],
            "predicted_class": labels[predicted],
            "photos": int(count),
            "share": float(count / max(line.confusion[given].sum(), 1)),
        }


def _prediction_rows(compared: Compared, lines: Sequence[Scored]) -> Iterator[Row]:
    study = compared.study
    for i, name in enumerate(study.names):
        facts = study.facts[i]
        yield {
            "photo": name,
            "subject": str(study.subjects[i]),
            "side": facts.side,
            "visit": facts.visit,
            "ita": float(study.tones[i]),
            "skin_tone": tone_name(float(study.tones[i])),
            "grade": float(study.grades[i]),
            **{f"predicted by {line.name}": float(line.answers.grades[i]) for line in lines},
        }


def _curve_rows(compared: Compared) -> Iterator[Row]:
    for split, by_method in compared.outcomes.items():
        for name, outcomes in by_method.items():
            for fold, outcome in enumerate(outcomes, 1):
                for point in outcome.history:
                    yield {"split": split, "method": name, "fold": fold, **point}


def run_rows(compared: Compared) -> list[Row]:
    """What was compared, with which options."""
    study, options = compared.study, compared.options
    told: dict[str, Value] = {
        "toolkit": __version__,
        "photographs with a grade": len(study.names),
        "subjects": len(np.unique(study.subjects)),
        "graded photographs that could not be used": len(study.left_out),
        "joined": study.joined,
        "classes": ", ".join(study.settings.index.class_labels()),
        "splits": "; ".join(f"{name}: {SPLITS[name]}" for name in compared.outcomes),
        "folds": options.folds,
        "seed": options.seed,
        "resamples of subjects per interval": RESAMPLES,
        "network of embedding and toolkit starts from": compared.encoder,
        **{f"baselines: {name}": str(value) for name, value in asdict(options.baselines).items()},
        "fits reused from an earlier run": compared.taken_up,
        "seconds of all fits": round(sum(sum(of.values()) for of in compared.seconds.values()), 1),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    return [{"item": item, "value": value} for item, value in told.items()]


def _dictionary(columns: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    for sheet, names in {**columns, "Dictionary": ("sheet", "column", "meaning")}.items():
        for name in names:
            yield {"sheet": sheet, "column": name, "meaning": meaning(name)}


def meaning(column: str) -> str:
    """What a column holds."""
    if column in _MEANINGS:
        return _MEANINGS[column]
    for ending, bound in (("_low", "lower"), ("_high", "upper")):
        if column.endswith(ending):
            return f"{bound} bound {_INTERVAL}"
    if column.startswith("predicted by "):
        return f"grade by the method {column.removeprefix('predicted by ')}, which never saw the subject"
    part, _, what = column.partition("_")
    return f"{what} of the fold's {part} part"
