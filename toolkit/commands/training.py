"""Trains a model on a study."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.commands.colours import read_colours
from toolkit.commands.graded import card_of, graded_photos, listed, pictures_of, usable_photos
from toolkit.commands.intervals import coverage_told, supported, widths_told
from toolkit.commands.shared import read_files
from toolkit.errors import ToolkitError
from toolkit.images import file_sha256
from toolkit.judgement import judge
from toolkit.landmarks import landmarks_name
from toolkit.model import GRADE_STEP, Model, check_model_target, load_model, refuse_other_model, save_model
from toolkit.modelcard import STARTER, OutOfFold, card_facts, worth_words
from toolkit.outputs import counted
from toolkit.photos import find_photo_files
from toolkit.prepared import Prepared
from toolkit.progress import Progress, reported, silent
from toolkit.scores import Scores, score, score_table, trivial_baselines
from toolkit.settings import IndexSettings, Settings
from toolkit.severalgraders import Choice, SeveralGraders, graders_of, train_on_graders
from toolkit.study import Columns, JoinedGrades
from toolkit.study.copies import one_subject_each
from toolkit.thumbnails import thumbnails_of
from toolkit.training import Trained, train
from toolkit.workers import prepare_all

_PARTS = {"curve": "curve of the pigment seen", "booster": "LightGBM", "ridge": "ridge"}  # of the blend


@dataclass(frozen=True)
class TrainRun:
    """What ``train_study`` did: the model, the join, the photos left out with their reasons, a line for each picture
    that stands under two subjects, and which grades of several graders were learnt. ``truth`` (n,), grades 0-9: the plain
    means; ``starter`` (n,): grades by the starter as it is, None where training did not start from it."""

    trained: Trained
    model: Model
    joined: JoinedGrades
    truth: np.ndarray
    left_out: Mapping[str, str]
    copies: tuple[str, ...] = ()
    choice: Choice | None = None
    starter: np.ndarray | None = None


def train_study(
    images: Sequence[Path],
    grades_file: Path | Sequence[Path],
    out: Path,
    folds: int = 5,
    *,
    epochs: int | None = None,
    seed: int = 0,
    columns: Columns = None,
    landmark_model: Path | None = None,
    workers: int = 1,
    tell: Progress = silent,
    settings: Settings | None = None,
    encoder: Path | None = None,
    from_scratch: bool = False,
    thumbnails: bool = True,
    step: float | None = 0.5,
    overwrite: bool = False,
    retakes: bool = False,
    mode: str | None = None,
    plain_mean: bool = False,
    colour: str | Path | None = None,
) -> TrainRun:
    """Train on a study's graded photographs and write a model folder.

    The network starts from the starter model's, which has learnt what pigment looks like; with ``encoder`` that
    model's is kept whole, ``from_scratch`` it learns from this study alone. ``thumbnails``: whether the model
    keeps small pictures of its reference patches. ``grades_file``: one or several, and ``columns``, as for
    ``join_files``. ``step``: grades must be multiples of it, None: any number in 0-9. ``overwrite``: also over a
    model of other subjects; files in its folder that are not the model's are never touched. ``retakes`` as for
    ``refuse_shared``; ``mode``: only photographs whose names end so, as for ``study_photos``.
    Of several graders combined grades are tried as well (``toolkit.severalgraders``), unless ``plain_mean``.
    ``colour`` as for ``read_colours``.
    """
    if from_scratch and encoder is not None:
        raise ToolkitError("--encoder keeps a network, --from-scratch learns a new one: choose one of them")
    colours = read_colours(colour)
    found, files = colours.without_charts(find_photo_files(images)), listed(grades_file)
    read = [*files, *colours.files, *read_files(encoder, landmark_model)]
    check_model_target(out, [*(one.path for one in found), *read])
    graded = graded_photos(found, grades_file, columns, step=step, retakes=retakes, mode=mode)
    joined, photos = graded.joined, colours.given_to(graded.photos)
    if not overwrite:
        people = {one.subject for one in joined.facts.values()}
        refuse_other_model(out, people, lambda: [file_sha256(one.path) for one in found])
    settings, known = _starting_point(settings or Settings(), encoder, from_scratch)
    start = known.encoder if known else None
    if epochs is not None:
        settings = replace(settings, encoder=replace(settings.encoder, epochs=epochs))
    prepared = prepare_all(photos, settings, landmark_model, workers)
    everything = list(reported(prepared, len(photos), "finding faces", tell))
    usable, left_out = usable_photos(everything)
    truth = [joined.grades[photo.name] for photo in usable]
    subjects, copies = one_subject_each(pictures_of(usable, joined))
    learn = partial(
        train, usable, truth, subjects, settings, folds=folds, seed=seed, progress=tell, start=start,
        keep_encoder=encoder is not None,
    )  # fmt: skip
    several = graders_of(joined.by_grader, [one.name for one in usable], subjects)
    trained, choice = train_on_graders(several, learn) if several and not plain_mean else (learn(), None)
    pictures = thumbnails_of(photo.face for photo in usable) if thumbnails else ()
    model = replace(trained.model, name=Path(out).name, thumbnails=pictures)
    told = {"landmarks": landmarks_name(landmark_model), GRADE_STEP: step, **card_of(usable)}
    starter = _by_starter(known if encoder is None else None, usable)
    told |= _scores_told(
        trained, usable, np.array(truth), subjects, joined=joined, graders=several, starter=starter
    )
    told |= {"learnt": choice.used} if choice else {}
    told |= {"colours": colours.kind} if colours.kind else {}
    model = replace(model, card={**model.card, **told})
    model = replace(model, sha256=save_model(model, out))
    left_out |= graded.left_out
    return TrainRun(trained, model, joined, np.array(truth), left_out, tuple(copies), choice, starter)


def _by_starter(starter: Model | None, photos: Sequence[Prepared]) -> np.ndarray | None:
    """Grades (n,) of the photographs by the starter, which saw none of them; None without it."""
    return None if starter is None else judge(starter, photos, [""] * len(photos), None).grades


def _scores_told(
    trained: Trained,
    photos: Sequence[Prepared],
    truth: np.ndarray,
    subjects: Sequence[str],
    *,
    joined: JoinedGrades,
    graders: SeveralGraders | None,
    starter: np.ndarray | None,
) -> dict[str, Any]:
    """What the model card tells of the data and of scores on subjects never seen."""
    never_seen = OutOfFold(
        truth, trained.predicted, trained.half_widths, trained.folds, np.array(subjects, str),
        [joined.facts[photo.name] for photo in photos], [photo.tone for photo in photos], joined.sexes(),
        graders.grades if graders else None,
    )  # fmt: skip
    return card_facts(never_seen, _methods(trained, starter))


def _methods(trained: Trained, starter: np.ndarray | None) -> dict[str, np.ndarray]:
    """Grades out of fold of the model and of parts of it, by name, and those of the starter where there are any."""
    return {
        "toolkit, subjects never seen": trained.predicted,
        "embedding alone": trained.embedding,
        "class of highest similarity": trained.argmax,
        **({} if starter is None else {STARTER: starter}),
    }


def class_settings(edges: str | None) -> Settings:
    """Default settings with the classes that begin at ``edges``, a text such as "0,3,4,5"; raises ToolkitError."""
    if edges is None:
        return Settings()
    try:
        numbers = tuple(float(edge) for edge in edges.split(","))
    except ValueError:
        numbers = ()
    if (
        len(numbers) < 2
        or numbers[0] != 0
        or any(a >= b for a, b in itertools.pairwise(numbers))
        or numbers[-1] > 9
    ):
        raise ToolkitError(
            f"--class-edges {edges!r}: use increasing numbers from 0 to at most 9, e.g. 0,3,4,5"
        )
    return Settings(index=IndexSettings(class_edges=numbers))


def _starting_point(
    settings: Settings, encoder: Path | None, from_scratch: bool
) -> tuple[Settings, Model | None]:
    """Settings whose patches the network to start from can see, those it was trained with, and its model."""
    if from_scratch:
        return settings, None
    known = load_model(encoder)
    network = replace(known.settings.encoder, epochs=settings.encoder.epochs, loss=settings.encoder.loss)
    kept = replace(known.settings, index=settings.index, blend=settings.blend, encoder=network)
    return kept, known


def training_scores(run: TrainRun) -> dict[str, Scores]:
    """Cross-validated scores, by subject, beside the trivial baselines."""
    by_method = {
        name: score(run.truth, grades) for name, grades in _methods(run.trained, run.starter).items()
    }
    return by_method | trivial_baselines(run.truth, run.trained.folds)


def training_record(run: TrainRun) -> dict[str, Any]:
    """What a program may want to know of a training, for ``toolkit.asjson``."""
    card = run.model.card
    return {
        **{name: card[name] for name in ("photos", "subjects", "folds", "half_width", "shares")},
        "joined": run.joined.summary(),
        "coverage": supported(run.model),
        "scores": training_scores(run),
        "left_out": run.left_out,
        "warnings": run.copies,
        "several_graders": run.choice,
    }


def training_report(run: TrainRun) -> str:
    """Cross-validated scores beside the trivial baselines, and who was left out."""
    trained, card, model = run.trained, run.model.card, run.model
    lines = [
        run.joined.summary(),
        f"{counted(card['photos'], 'photo')} of {counted(card['subjects'], 'subject')}, {card['folds']} folds by subject:",
        score_table(training_scores(run)),
        worth_words(card),
        f"Interval: the grade +- {card['half_width']:.2f} on average ({coverage_told(model)}; "
        f"{np.mean(np.abs(trained.predicted - trained.labels) <= trained.half_widths):.0%} of these photos inside)",
        f"Interval widths: {widths_told(model)}",
        *([f"Several graders: {run.choice.told()}"] if run.choice else []),
        "Shares of the grade: "
        + ", ".join(f"{_PARTS[part]} {share:.0%}" for part, share in card["shares"].items()),
        *(f"left out: {name}: {reason}" for name, reason in run.left_out.items()),
        *(f"warning: {line}" for line in run.copies),
    ]
    return "\n".join(lines)
