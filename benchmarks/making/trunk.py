"""Teaches the network's trunk the pigment of phantoms, by the pixel, on charts of whole sides.

    python -m benchmarks.making.trunk trunk.npz --work FOLDER --faces FACES --faces MORE-FACES
    python -m benchmarks.making.trunk without.npz --work FOLDER --leave-out fields --rounds 2 ...

Phantoms are painted without end: drawn faces, and photographs of --faces whose own spots are filled first, by
the three painters of toolkit.phantom, under changing light, cameras, sizes, compression and masks. A round
paints some charts, trains on those of one or several rounds, and keeps the weights: rerun the command to resume.
The trunk is the mean of the last two rounds' weights (model soup, Wortsman et al. 2022), which have learnt to say
the same of one photograph saved in two ways.
Of every six people, counted in the order of their names in each folder, the trunk learns on four. On charts
of the third the severity is learnt, on what the trunk makes of people whom it never saw; but those of the
first folder are kept back for benchmarks.making.starter, which learns grades on them. The sixth is held out:
the weights are tried on them, on each painter, and across painters; with --leave-out on a painter that the
trunk never saw. Several hours on 2 cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from sklearn.isotonic import IsotonicRegression

from benchmarks.command import SeveralFaces, run
from benchmarks.making.lessons import SETTINGS, Lesson, Subject, Task, lessons_in, people_of, tasks_of
from benchmarks.people import HELD_OUT, THIRD, TRUNK
from toolkit.errors import TrainingError
from toolkit.phantom import PAINTERS, grade_of_load
from toolkit.pigment import MAP_COLUMNS
from toolkit.prepared import Prepared, severity_inputs_of
from toolkit.progress import Progress, progress_bars
from toolkit.siamese import Encoder, Severity, pretrain
from toolkit.visible import visible_pigment

SEVERITY_PARTS, SEVERITY_CHARTS = 2, 400
MEAN_OF = (12, 13)  # the trunk after the last round is a mean of these


@dataclass(frozen=True)
class Round:
    """``charts`` painted anew; ``epochs`` at a ``rate`` that falls to 0, on the charts of the rounds ``of``, from the mean
    of the rounds ``after``, or from the round before; ``twice``: charts of photographs in two versions, of which the same
    is to be said."""

    charts: int
    epochs: int
    rate: float
    of: tuple[int, ...]
    after: tuple[int, ...] = ()
    twice: bool = False


ROUNDS = (
    Round(1200, 6, 2.5e-3, (1,)),
    Round(600, 6, 2e-3, (1, 2)),
    Round(600, 8, 1.5e-3, (1, 2, 3)),
    Round(600, 5, 1e-3, (1, 2, 3, 4)),
    Round(600, 9, 1.5e-3, (1, 2, 3, 4, 5)),
    Round(3600, 24, 2e-3, (6,)),
    Round(3600, 14, 2e-3, (6, 7)),
    Round(1500, 28, 2e-3, (8,)),
    Round(0, 32, 1.5e-3, (8,)),
    Round(1500, 14, 1.5e-3, (10,)),
    Round(1500, 15, 1.5e-3, (11,)),
    Round(900, 12, 1.5e-3, (12,), twice=True),
    Round(0, 12, 1.2e-3, (12,), after=(11, 12), twice=True),
)
Pool = tuple[Path, list[Task]]  # the file of charts, and what they are of


def severity_file(trunk: Path) -> Path:
    """Beside a trunk: what its severity was learnt from, for benchmarks.making.starter to add to."""
    return trunk.with_name(f"{trunk.stem}-severity.npz")


def looked_at(encoder: Encoder, lessons: Sequence[Lesson]) -> tuple[np.ndarray, np.ndarray]:
    """What severity is told from (n, q), and the mean of what is visible of each chart's planted map (n,)."""
    photos = [
        Prepared("", inputs=(one.picture,), parts=(one.parts,), side={"ita_deg": one.ita}) for one in lessons
    ]
    inputs, truth = severity_inputs_of(encoder, photos), []
    for one in lessons:
        skin = one.picture[..., -1] > 0.5
        seen = visible_pigment(one.pigment.astype(np.float32), skin, SETTINGS.encoder.px_per_mm)
        truth.append(seen[skin].mean())
    return inputs, np.array(truth)


def show(
    severity: Severity, lessons: Sequence[Lesson], inputs: np.ndarray, truth: np.ndarray, usual: float
) -> None:
    """How well grades are met on people never seen, by painter, kind of face and tone."""
    grades = np.array([one.grade for one in lessons])
    figures = inputs[:, MAP_COLUMNS.index("net_core_power")]
    rising = IsotonicRegression(out_of_bounds="clip").fit(figures, grades)
    rows = {
        "severity": severity.grades(inputs),
        "isotonic on these, power of the map": rising.predict(figures),
        "always the mean": np.full(len(grades), usual),
        "flawless map": np.array([grade_of_load(load) for load in truth]),
    }
    groups = {"all": np.ones(len(lessons), bool)}
    groups |= {name: np.array([one.painter == name for one in lessons]) for name in PAINTERS}
    drawn = np.array([one.person.startswith("drawn") for one in lessons])
    groups |= {"drawn": drawn, "photographs": ~drawn}
    groups["whole"] = np.array([one.style == "both" for one in lessons])
    groups["ITA under 10"] = np.array([one.ita < 10 for one in lessons])
    groups |= {f"grade {low}-{low + 3}": (grades >= low) & (grades < low + 3) for low in (0, 3, 6)}
    print("RMSE (bias)" + "".join(f"{name:>38}" for name in rows))
    for name, mine in groups.items():
        errors = [found[mine] - grades[mine] for found in rows.values()]
        print(f"{name:12}" + "".join(f"{np.sqrt(np.mean(e**2)):30.2f} ({e.mean():+.2f})" for e in errors))


def show_drift(encoder: Encoder, trial: Sequence[Lesson], seen: np.ndarray) -> None:
    """How far grades move when the same photographs come under another exposure, turned, reduced, compressed."""
    if encoder.severity is None:
        raise TrainingError("the trunk has no severity")
    twins, _ = looked_at(encoder, [replace(one, picture=one.twin) for one in trial])
    drifts = encoder.severity.grades(twins) - encoder.severity.grades(seen)
    middle, high = np.percentile(np.abs(drifts), [50, 95])
    print(f"saved anew: median {middle:.2f}, 95 % {high:.2f}, mean shift {drifts.mean():+.2f}")


def across_painters(
    lessons: Sequence[Lesson], inputs: np.ndarray, trial: Sequence[Lesson], seen: np.ndarray, seed: int
) -> None:
    """Severity learnt without a painter, on that one and people never seen."""
    painters, grades = np.array([one.painter for one in lessons]), np.array([one.grade for one in lessons])
    for name in PAINTERS:
        others = painters != name
        mine = np.array([one.painter == name for one in trial])
        found = Severity.fit(inputs[others], grades[others], seed).grades(seen[mine])
        error = found - np.array([one.grade for one in trial])[mine]
        rmse = np.sqrt(np.mean(error**2))
        print(f"severity learnt without {name:8} on it: RMSE {rmse:.2f} (bias {error.mean():+.2f})")


def taught_on(
    pools: Sequence[Pool],
    painters: Sequence[str],
    start: Encoder | None,
    seed: int,
    *,
    epochs: int,
    rate: float,
    stage: str,
    tell: Progress,
) -> Encoder:
    """A trunk that learns on from ``start`` on the charts of pools, painted where they are not there yet."""
    lessons: list[Lesson] = []
    for file, tasks in pools:
        lessons += [
            one for one in lessons_in(file, tasks, f"charts of {stage}", tell) if one.painter in painters
        ]
    return pretrain(
        [one.picture for one in lessons], [one.pigment for one in lessons], SETTINGS.encoder, seed,
        progress=lambda epoch, total, loss: tell(f"{stage}, loss {loss:.4f}", epoch, total),
        epochs=epochs, start=start, learning_rate=rate,
        twins=[one.twin for one in lessons] if all(one.twin.size for one in lessons) else None,
    )  # fmt: skip


def taught_in_rounds(
    out: Path,
    work: Path,
    people: Sequence[Subject],
    painters: Sequence[str],
    encoder: Encoder | None,
    *,
    rounds: int,
    seed: int,
    tell: Progress,
) -> Encoder:
    """The trunk after the last round; what an earlier run made is taken up."""

    def kept(number: int) -> Path:
        return work / f"{out.stem}-{number}.npz"

    def mean_after(numbers: Sequence[int]) -> Encoder:
        return mean_of([Encoder.load(kept(number), SETTINGS.encoder) for number in numbers])

    pools: dict[int, Pool] = {}
    for number, one in enumerate(ROUNDS[:rounds], 1):
        tasks = tasks_of(people, one.charts, seed + number, twice=one.twice)
        pools[number] = work / f"charts-{seed}-{number}.npz", tasks
        if not kept(number).exists():
            start = mean_after(one.after) if one.after else encoder
            taught_on(
                [pools[of] for of in one.of], painters, start, seed + number,
                epochs=one.epochs, rate=one.rate, stage=f"round {number}", tell=tell,
            ).save(kept(number))  # fmt: skip
        encoder = Encoder.load(kept(number), SETTINGS.encoder)
    if encoder is None:
        raise TrainingError("no round and no --start: there is no trunk")
    return mean_after(MEAN_OF) if rounds == len(ROUNDS) else encoder


def mean_of(encoders: Sequence[Encoder]) -> Encoder:
    """An encoder with the mean of the weights of loaded encoders, of which one has learnt on from another; without
    severity."""
    several = [one.weights for one in encoders if one.weights is not None]
    names = several[0]
    mean = {name: np.asarray(np.mean([one[name] for one in several], axis=0), np.float32) for name in names}
    return Encoder(encoders[0].settings, weights=mean)


def severity_lessons(
    people: Sequence[Subject], work: Path, painters: Sequence[str], seed: int, tell: Progress
) -> list[Lesson]:
    """Charts of every third person, but for those of the first folder, who are kept back for grades."""
    kept_back = {one.name for one in people if one.folder == people[0].folder}
    third = [one for one in people if one.place in THIRD and one.name not in kept_back]
    lessons = []
    for part in range(SEVERITY_PARTS):
        tasks = tasks_of(third, SEVERITY_CHARTS, 700 + part)
        stage = f"charts of severity, part {part + 1}"
        lessons += lessons_in(work / f"severity-{seed}-{part}.npz", tasks, stage, tell)
    return [one for one in lessons if one.painter in painters and one.person not in kept_back]


def main(
    out: Annotated[Path, typer.Argument(help="Weights to write (.npz).")],
    work: Annotated[Path, typer.Option(help="Keep canvases, charts and rounds here.")],
    faces: SeveralFaces = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="Painter to train without.")] = None,
    rounds: Annotated[int, typer.Option(help="Of training.", max=len(ROUNDS))] = len(ROUNDS),
    charts: Annotated[int, typer.Option(help="Charts to try the trunk on.")] = 240,
    start: Annotated[Path | None, typer.Option(help="Learn on from these weights.")] = None,
    seed: int = 1,
) -> None:
    """Paints, teaches and tries."""
    work.mkdir(parents=True, exist_ok=True)
    painters = [name for name in sorted(PAINTERS) if name not in (leave_out or ())]
    with progress_bars(quiet=False) as tell:
        people = people_of(faces or [], work, tell)
        others = tasks_of([one for one in people if one.place in HELD_OUT], charts, 900, twice=True)
        trial = lessons_in(work / f"tried-{charts}.npz", others, "charts to try", tell)
        training = [one for one in people if one.place in TRUNK]
        known = Encoder.load(start, SETTINGS.encoder) if start else None
        encoder = taught_in_rounds(out, work, training, painters, known, rounds=rounds, seed=seed, tell=tell)
        lessons = severity_lessons(people, work, painters, seed, tell)
    inputs, _ = looked_at(encoder, lessons)
    grades = np.array([one.grade for one in lessons])
    encoder.severity = Severity.fit(inputs, grades, seed)
    encoder.save(out)
    people_learnt = np.array([one.person for one in lessons])
    np.savez(severity_file(out), inputs=inputs, grades=grades, people=people_learnt)
    seen, truth = looked_at(encoder, trial)
    print(f"{out.name}: severity learnt on {len(lessons)} charts, tried on {len(trial)} of other people")
    show(encoder.severity, trial, seen, truth, float(grades.mean()))
    show_drift(encoder, trial, seen)
    if len(painters) == len(PAINTERS):
        across_painters(lessons, inputs, trial, seen, seed)


if __name__ == "__main__":
    run(main, __doc__)
