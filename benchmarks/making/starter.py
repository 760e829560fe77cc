"""Trains models/starter on digital phantoms: drawn faces, and with --faces also painted photographs.

    python -m benchmarks.making.trunk trunk.npz ...                       # first, several hours
    python -m benchmarks.making.starter --trunk trunk.npz --faces FACES --faces MORE-FACES

The network's trunk, which benchmarks.making.trunk has taught, is kept; severity, head, references and blend
learn the grades of other phantoms, the severity beside what it has learnt from already. Grades are the known
latent ones, half of them spread evenly over 0-9, half as in a real cohort. Of every six photographs of each
folder of --faces the trunk learns from four; on the third grades are learnt, so that blend and intervals know how the
network errs on people whom it never saw; the sixth is held out, for tests on people whom no part of the model
has seen. The references in the index come from drawn faces alone. Seeded: the same photographs and versions
give the same model. About twenty minutes on 2 cores; --work keeps the phantoms, so that a second run takes
them up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.command import SeveralFaces, Work, folder_for, run
from benchmarks.making.lessons import person_name
from benchmarks.making.trunk import severity_file
from benchmarks.people import BROAD_TONES, THIRD, broad_tone_of, some_of
from benchmarks.phantoms import prepared_photos, sitter_of
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.errors import TrainingError
from toolkit.images import find_photos
from toolkit.landmarks import landmarks_name
from toolkit.model import Model, save_model, starter_folder
from toolkit.modelcard import OutOfFold, card_facts
from toolkit.phantom import draw_latent_grades
from toolkit.phototable import PhotoTable
from toolkit.prepared import Prepared, severity_inputs_of, through_trunk
from toolkit.progress import Progress, progress_bars
from toolkit.scores import Scores, score, score_table, trivial_baselines
from toolkit.settings import Settings
from toolkit.siamese import Encoder, Severity
from toolkit.study import WHITE, subject_folds
from toolkit.thumbnails import thumbnails_of
from toolkit.training import Trained, rebuild_index, train
from toolkit.watch.figures import KEPT
from toolkit.watch.trained import trained_figures

CREDIT = (
    " and painted photographs of the Face Research Lab London Set (DeBruine & Jones 2017, CC BY 4.0, doi "
    "10.6084/m9.figshare.5047666.v5) and of Young Adult White Faces (the same, doi "
    "10.6084/m9.figshare.4220517.v1), every sixth person held out, and of official portraits (US Government "
    "Printing Office, public domain)"
)
DEFAULT_OUT = starter_folder()
FOLDS = 5
SETTINGS = Settings()


@dataclass(frozen=True)
class Study:
    """A phantom study: drawn subjects, or (0 subjects) so many ``paintings`` of each photograph."""

    name: str
    style: str
    subjects: int
    seed: int
    paintings: int = 1


STUDIES = (  # what head, references and blend learn grades on
    Study("grades-drawn-half", "half", 100, 201),
    Study("grades-drawn-full", "full", 60, 202),
    Study("grades-painted-half", "half", 0, 211, 4),
    Study("grades-painted-full", "full", 0, 212, 4),
)


def mixed_grades(subjects: int, seed: int) -> list[float]:
    """Latent grades of subjects, in random order: half spread evenly over 0-9, half as in a real cohort."""
    rng = np.random.default_rng(seed)
    even = np.linspace(0.1, 8.9, subjects - subjects // 2)
    cohort = [one["left"][0] for one in draw_latent_grades(rng, subjects // 2, 1)]
    return [float(grade) for grade in rng.permutation([*even, *cohort])]


@dataclass(frozen=True)
class Graded:
    """A prepared phantom photograph, its latent grade, its subject, who painted it, its style, and whether it is painted on
    a photograph."""

    photo: Prepared
    grade: float
    subject: str
    painter: str
    style: str
    painted: bool


def prepared(folder: Path, people: Mapping[str, Path], tell: Progress) -> Iterator[Graded]:
    """Makes the studies that are not there yet, and prepares their photographs; ``people``: folders of photographs."""
    for study in STUDIES:
        if study.subjects:
            yield from prepared_study(study, folder / study.name, None, tell)
            continue
        for place, (name, photos) in enumerate(people.items()):
            named = replace(study, name=f"{study.name}-{name}", seed=study.seed + 10 * place)
            yield from prepared_study(named, folder / named.name, photos, tell)


def prepared_study(study: Study, where: Path, faces: Path | None, tell: Progress) -> Iterator[Graded]:
    """The photographs of one study, painted on ``faces`` or drawn."""
    sitters = [person_name(photo) for photo in find_photos([faces])] if faces else []
    count = study.subjects or study.paintings * len(sitters)
    if not (where / "truth.csv").exists():
        make_phantoms(
            where, count, 1, study.style, seed=study.seed, faces=faces, workers=default_workers(),
            tell=tell, grades=mixed_grades(count, study.seed), save_maps=True,
        )  # fmt: skip
    for photo, row in prepared_photos(where, SETTINGS, f"patches of {study.name}", tell):
        if photo.error or photo.face is None:
            print(f"left out: {study.name}/{photo.name}: {photo.error}", file=sys.stderr)
            continue
        who = sitter_of(row["subject"], sitters) if sitters else f"{study.name}:{row['subject']}"
        named = replace(photo, name=f"{study.name}/{photo.name}")
        yield Graded(named, float(row["latent_grade"]), who, row["painter"], study.style, bool(sitters))


def severity_learnt_on(
    graded: Sequence[Graded], start: Encoder, trunk: Path, seed: int
) -> tuple[Encoder, list[Prepared]]:
    """The encoder with a severity that knows these photographs as well, and the photographs as seen with one
    that does not know their subjects."""
    kept = severity_file(trunk)
    if not kept.is_file():
        raise TrainingError(f"{kept} is missing: benchmarks.making.trunk writes it beside the trunk")
    with np.load(kept) as file:
        known_inputs, known_grades, known_people = file["inputs"], file["grades"], file["people"]
    photos, grades = [one.photo for one in graded], np.array([one.grade for one in graded])
    subjects = np.array([one.subject for one in graded])
    inputs = severity_inputs_of(start, photos)

    def learnt(rows: np.ndarray, without: np.ndarray) -> Encoder:
        known = ~np.isin(known_people, without)
        both = (
            np.concatenate([known_inputs[known], inputs[rows]]),
            np.concatenate([known_grades[known], grades[rows]]),
        )
        return Encoder(start.settings, weights=start.weights, severity=Severity.fit(*both, seed))

    for rest, test in subject_folds(subjects.tolist(), grades, FOLDS, seed):
        encoder = learnt(rest, subjects[test])
        for row in test:
            photos[row] = replace(photos[row], trunk_output=through_trunk(encoder, [photos[row]]))
    return learnt(np.arange(len(grades)), np.array([])), photos


def kinds_of(graded: Sequence[Graded]) -> dict[str, np.ndarray]:
    """Photographs of one kind, by its name: drawn or painted, half or whole, and of which skin tone."""
    painted = np.array([one.painted for one in graded])
    styles = np.array([one.style for one in graded])
    tones = np.array([broad_tone_of(one.photo.tone) for one in graded])
    kinds = {"drawn": ~painted, "painted": painted, **{name: tones == name for name in BROAD_TONES}}
    for style in np.unique(styles):
        kinds |= {
            f"drawn, {style}": ~painted & (styles == style),
            f"painted, {style}": painted & (styles == style),
        }
    return kinds


def by_painter(graded: Sequence[Graded]) -> dict[str, np.ndarray]:
    """The photographs of each painter."""
    painters = np.array([one.painter for one in graded])
    return {f"painter {name}": painters == name for name in np.unique(painters)}


def scores(trained: Trained, graded: Sequence[Graded]) -> dict[str, Scores]:
    """Out-of-fold scores against the latent grade, beside trivial answers."""
    truth = np.array([one.grade for one in graded])
    rows = {
        "starter, out of fold": score(truth, trained.predicted),
        "curve of the severity alone": score(truth, np.clip(trained.parts[:, 0], 0, 9)),
        "LightGBM alone": score(truth, np.clip(trained.parts[:, 1], 0, 9)),
        "ridge alone": score(truth, np.clip(trained.parts[:, 2], 0, 9)),
        "embedding alone": score(truth, trained.embedding),
        "class of highest similarity": score(truth, trained.argmax),
        **trivial_baselines(truth, trained.folds),
    }
    for label, mine in (kinds_of(graded) | by_painter(graded)).items():
        if mine.any():
            rows[f"  {label}"] = score(truth[mine], trained.predicted[mine])
    return rows


def widenings(
    trained: Trained, graded: Sequence[Graded], kinds: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """By kind of photographs, the factor by which intervals hold on it alone; kinds of fewer than 30 are left out."""
    truth = np.array([one.grade for one in graded])
    size = np.abs(trained.predicted - truth) / trained.half_widths
    return {
        name: float(np.quantile(size[mine], SETTINGS.blend.coverage))
        for name, mine in kinds.items()
        if mine.sum() >= 30
    }


def told_of(trained: Trained, model: Model, graded: Sequence[Graded], wider: float) -> dict[str, Any]:
    """What the model keeps of its phantoms for its card, and for runs to be compared with: distances are to the
    references that it has."""
    photos, subjects = [one.photo for one in graded], np.array([one.subject for one in graded])
    table = PhotoTable(photos)
    output = table.trunk_output(model.encoder)
    figures = trained_figures(
        table, output, model.encoder, model.index, subjects=subjects, grades=trained.predicted.tolist()
    )
    never_seen = OutOfFold(
        np.array([one.grade for one in graded]), trained.predicted, wider * trained.half_widths, trained.folds,
        subjects, [photo.facts for photo in photos], [photo.tone for photo in photos],
    )  # fmt: skip
    methods = {"starter, subjects never seen": trained.predicted, "embedding alone": trained.embedding}
    return {KEPT: figures.card(), "mode": WHITE, **card_facts(never_seen, methods)}


def model_of(trained: Trained, graded: Sequence[Graded], rows: dict[str, Scores], painted: bool) -> Model:
    """The model with references of drawn faces alone, and intervals that hold on each kind of photographs."""
    truth = np.array([one.grade for one in graded])
    inside = float(np.mean(np.abs(trained.predicted - truth) <= trained.half_widths))
    curve = trained.model.blend.curve
    print(f"Curve: scale {curve.scale:.4f}, power {curve.power:.3f}; shares {trained.model.blend.shares}")
    print(f"Intervals: {inside:.0%} inside, half-width {trained.half_widths.mean():.2f} on average")
    needed = widenings(trained, graded, kinds_of(graded))
    of_painters = widenings(trained, graded, by_painter(graded))
    told = ", ".join(f"{name} {x:.2f}" for name, x in (needed | of_painters).items())
    print(f"to hold on one kind alone, times {told}")
    # A study is of one kind, and which is not known. A hand never seen may be as any painter: none of them counts alone.
    wider = max(1.0, *needed.values())
    print(f"Intervals made wider by {wider:.2f}, to hold on each kind of photographs alone")
    drawn = [one for one in graded if not one.painted]
    photos = [one.photo for one in drawn]
    model = rebuild_index(trained.model, photos, [one.grade for one in drawn], [one.subject for one in drawn])
    interval = replace(model.blend.interval, factor=wider * model.blend.interval.factor)
    card = {
        **model.card,
        "half_width": wider * float(trained.half_widths.mean()),
        "intervals wider by": round(wider, 3),
        "landmarks": landmarks_name(None),
        "trained on": "digital phantoms: drawn faces" + (CREDIT if painted else ""),
        "grades": "latent grades of simulated pigment; recalibrate on clinical grades before using a number",
        "out of fold RMSE": {name: round(one.rmse, 3) for name, one in rows.items()},
        "inside their interval": round(inside, 3),
        **told_of(trained, model, graded, wider),
    }
    blend = replace(model.blend, interval=interval)
    return replace(model, blend=blend, card=card, thumbnails=thumbnails_of(photo.face for photo in photos))


def main(
    trunk: Annotated[Path, typer.Option(help="Weights of benchmarks.making.trunk (.npz).")],
    out: Annotated[Path, typer.Option(help="Model folder.")] = DEFAULT_OUT,
    faces: SeveralFaces = None,
    work: Work = None,
    seed: int = 1,
) -> None:
    """Makes the phantoms, learns their grades, and writes the model."""
    with folder_for(work) as folder, progress_bars(quiet=False) as tell:
        others = {one.name: some_of(one, folder / f"people-{one.name}", THIRD) for one in faces or []}
        start = Encoder.load(trunk, SETTINGS.encoder)
        graded = list(prepared(folder, others, tell))
        start, photos = severity_learnt_on(graded, start, trunk, seed)
        trained = train(
            photos, [one.grade for one in graded], [one.subject for one in graded], SETTINGS,
            folds=FOLDS, seed=seed, progress=tell, start=start,
        )  # fmt: skip
    rows = scores(trained, graded)
    print(score_table(rows))
    save_model(model_of(trained, graded, rows, painted=bool(faces)), out)
    print(f"Model: {out}")


if __name__ == "__main__":
    run(main, __doc__)
