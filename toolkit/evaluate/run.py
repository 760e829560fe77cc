"""Every method on every fold, what is done already taken up, and how long the rest will take."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from toolkit import __version__
from toolkit.baselines import check_backbone
from toolkit.commands.colours import read_colours
from toolkit.commands.graded import graded_photos, listed
from toolkit.evaluate.fits import Fit, Fitter, Made, fit_on, weights_hash
from toolkit.evaluate.foldstore import FoldStore, is_answer
from toolkit.evaluate.methods import METHODS, Outcome, chosen_methods, options_of
from toolkit.evaluate.study import MeasuredStudy, fingerprint, load_study
from toolkit.model import load_model
from toolkit.outputs import Output, check_folder, check_outputs, has_text, is_stamped
from toolkit.photos import find_photo_files
from toolkit.pool import Crew, Workers
from toolkit.settings import BaselineSettings, Settings
from toolkit.siamese import Encoder
from toolkit.stagecode import code_hash
from toolkit.study import Columns, subject_folds
from toolkit.workbook import check_target

SPLITS = {
    "subject": "no subject on both sides",
    "photo": "photographs assigned at random: subjects on both sides",
}
WORKBOOK, PAGE, FOLDS = "comparison.xlsx", "report.html", "folds"
KIND, MARK = "evaluate", 'content="toolkit evaluate"'  # what tells workbook and page from those of others


@dataclass(frozen=True)
class Step:
    """Where a run is: ``split``, ``method``, ``fold`` of ``folds``, what it is doing and how far ("epoch", 3, 30);
    ``done`` of ``total`` fits; ``left`` seconds, None while that cannot be told."""

    split: str
    method: str
    fold: int
    folds: int
    stage: str
    number: int
    of: int
    done: int
    total: int
    left: float | None


Tell = Callable[[Step], None]


@dataclass(frozen=True)
class CompareOptions:
    """What to compare and how; see the command's help."""

    methods: str = "all"
    folds: int = 5
    seed: int = 0
    leaky: bool = False
    baselines: BaselineSettings = field(default_factory=BaselineSettings)
    settings: Settings = field(default_factory=Settings)
    encoder_epochs: int | None = None
    from_scratch: bool = False
    step: float | None = 0.5  # of the expert grades; None for any number
    retakes: bool = False  # whether photographs in different folders may share a row of the grades
    mode: str | None = None  # only photographs whose names end so
    colour: str | Path | None = None  # as for ``read_colours``


@dataclass(frozen=True, eq=False)
class Compared:
    """The outcomes by split ("subject", "photo"), method and fold; ``seconds`` likewise; ``taken_up`` counts
    those of an earlier run."""

    study: MeasuredStudy
    options: CompareOptions
    methods: tuple[str, ...]
    outcomes: Mapping[str, Mapping[str, Sequence[Outcome]]]
    seconds: Mapping[str, Mapping[str, float]]
    taken_up: int
    encoder: str


def compare(
    images: Sequence[Path],
    grades_file: Path | Sequence[Path],
    out: Path,
    options: CompareOptions,
    *,
    columns: Columns = None,
    landmark_model: Path | None = None,
    workers: Workers = 1,
    tell: Tell = lambda step: None,
    overwrite: bool = False,
) -> Compared:
    """Fit and test every chosen method on the same folds; see ``evaluate``."""
    methods = chosen_methods(options.methods)
    colours = read_colours(options.colour)
    files = colours.without_charts(find_photo_files(images))
    graded = graded_photos(
        files, grades_file, columns, step=options.step, retakes=options.retakes, mode=options.mode
    )
    graded = replace(graded, photos=tuple(colours.given_to(graded.photos)))
    settings, start, encoder = options.settings, None, "none"
    if any("baselines" in METHODS[name].needs for name in methods):
        check_backbone(options.baselines)
    if any("encoder" in METHODS[name].needs for name in methods):
        settings, start, encoder = _encoder(options)
    read = [
        *listed(grades_file),
        *colours.files,
        Path(options.baselines.weights),
        *([landmark_model] if landmark_model else []),
    ]
    _check_out(out, images, [file.path for file in files], read, overwrite=overwrite)

    def loading(stage: str, done: int, total: int) -> None:
        tell(Step("", "", 0, options.folds, stage, done, total, 0, 0, None))

    study = load_study(
        graded,
        out / "cache",
        settings,
        options.baselines.image_size,
        landmark_model=landmark_model,
        workers=workers,
        tell=loading,
    )
    runner = _Runner(
        study,
        replace(options, settings=settings),
        methods,
        start,
        encoder=encoder,
        folder=out / FOLDS,
        tell=tell,
        workers=workers,
    )
    outcomes = runner.run()
    return Compared(
        study, runner.options, methods, outcomes, runner.clock.by_method(), runner.taken_up, encoder
    )


def _check_out(
    out: Path, images: Sequence[Path], photos: Sequence[Path], read: Sequence[Path], *, overwrite: bool
) -> None:
    """Refuse, before any work, a comparison among the photographs or over anybody's files."""
    check_folder(out, images, photos, "--out")
    kept = out / FOLDS
    outputs = [
        Output(out / WORKBOOK, "--out", is_stamped(KIND)),
        Output(out / PAGE, "--out", has_text(MARK)),
        *(Output(path, "--out", is_answer) for path in (sorted(kept.iterdir()) if kept.is_dir() else ())),
    ]
    check_outputs(outputs, [*photos, *read], overwrite)
    check_target(out / WORKBOOK, (".xlsx",))


def _encoder(options: CompareOptions) -> tuple[Settings, Encoder | None, str]:
    """Settings, the encoder whose trunk is kept, and what it is: as ``toolkit train`` starts."""
    settings, told = options.settings, "from scratch"
    start = None
    if not options.from_scratch:
        known = load_model(None)
        network = replace(known.settings.encoder, loss=settings.encoder.loss, epochs=settings.encoder.epochs)
        settings = replace(known.settings, index=settings.index, blend=settings.blend, encoder=network)
        start, told = known.encoder, f"starter model {known.sha256[:12]}"
    if options.encoder_epochs is not None:
        settings = replace(settings, encoder=replace(settings.encoder, epochs=options.encoder_epochs))
    return settings, start, told


class Clock:
    """What each method took, and so what the rest will take."""

    def __init__(self) -> None:
        self.spent: dict[tuple[str, str], list[float]] = {}

    def note(self, split: str, method: str, seconds: float) -> None:
        """A fit is done."""
        self.spent.setdefault((split, method), []).append(seconds)

    def by_method(self) -> dict[str, dict[str, float]]:
        """Seconds by split and method."""
        found: dict[str, dict[str, float]] = {}
        for (split, method), seconds in self.spent.items():
            found.setdefault(split, {})[method] = sum(seconds)
        return found

    def left(self, todo: Sequence[str], at_a_time: int = 1) -> float | None:
        """Seconds for the fits to come, by method, so many at a time; None while one of them has not been seen."""
        usual = {method: seconds for (_, method), seconds in self.spent.items()}
        if any(method not in usual for method in todo):
            return None
        together = max(1, min(at_a_time, len(todo)))
        return sum(float(np.mean(usual[method])) for method in todo) / together


class _Runner:
    def __init__(
        self,
        study: MeasuredStudy,
        options: CompareOptions,
        methods: tuple[str, ...],
        start: Encoder | None,
        *,
        encoder: str,
        folder: Path,
        tell: Tell,
        workers: Workers = 1,
    ) -> None:
        self.study, self.options, self.methods = study, options, methods
        self.encoder, self.tell, self.workers = encoder, tell, workers
        self.fitter = Fitter(study, options.baselines, options.seed, start)
        self.store = FoldStore(folder, study)
        self.clock = Clock()
        self.taken_up = self.total = 0
        self.todo: list[str] = []

    def run(self) -> dict[str, dict[str, list[Outcome]]]:
        """Outcomes by split and method, one a fold, in order."""
        splits = SPLITS if self.options.leaky else ("subject",)
        fits = {split: self._fits(split) for split in splits}
        keys = self._keys([fit for some in fits.values() for fit in some])
        found = self._taken_up(keys)
        todo = [fit for fit in keys if fit not in found]
        self.taken_up, self.total, self.todo = len(found), len(keys), [fit.method for fit in todo]
        for fit, outcome, seconds in self._made(todo):
            self.store.save(_file(fit), keys[fit], outcome, seconds)
            self.todo.remove(fit.method)
            self.clock.note(fit.split, fit.method, seconds)
            found[fit] = outcome
        return {
            split: {name: [found[fit] for fit in some if fit.method == name] for name in self.methods}
            for split, some in fits.items()
        }

    def _fits(self, split: str) -> list[Fit]:
        """Fold by fold, so that methods which share a training follow each other."""
        options, groups = self.options, list(self.study.groups(split))
        folds = subject_folds(groups, self.study.grades, options.folds, options.seed)
        return [
            Fit(split, name, number, options.folds, learn, test)
            for number, (learn, test) in enumerate(folds, 1)
            for name in self.methods
        ]

    def _taken_up(self, keys: Mapping[Fit, str]) -> dict[Fit, Outcome]:
        """The outcomes of an earlier run."""
        found = {}
        for fit, key in keys.items():
            if known := self.store.load(_file(fit), key):
                found[fit], seconds = known
                self.clock.note(fit.split, fit.method, seconds)
        return found

    def _made(self, fits: Sequence[Fit]) -> Iterator[Made]:
        """Fits as they are done: here one after the other, since a network uses all cores; on a cluster many at a time."""
        if isinstance(self.workers, int):
            for fit in fits:
                self._tell_of(fit, "start", 0, 1)
                yield self.fitter.fit(fit, partial(self._tell_of, fit))
            return
        crew = self.workers.heavy()
        with contextlib.closing(fit_on(crew, self.fitter, fits)) as made:
            self._tell_count(crew)
            for one in made:
                yield one
                self._tell_count(crew)

    def _tell_of(self, fit: Fit, stage: str, number: int, of: int) -> None:
        done, left = self.total - len(self.todo), self.clock.left(self.todo)
        self.tell(
            Step(fit.split, fit.method, fit.number, fit.folds, stage, number, of, done, self.total, left)
        )

    def _tell_count(self, crew: Crew) -> None:
        done, left = self.total - len(self.todo), self.clock.left(self.todo, crew.count)
        self.tell(Step("", "", 0, self.options.folds, "fits", done, self.total, 0, 0, left))

    def _keys(self, fits: Sequence[Fit]) -> dict[Fit, str]:
        """Of each fit a hash of everything that its answers depend on."""
        study, baselines = self.study, self.options.baselines
        weights = weights_hash(baselines)
        return {
            fit: fingerprint(
                [
                    __version__, code_hash(), fit.method, fit.split, self.options.seed, study.names, study.hashes,
                    study.grades.tolist(), study.groups(fit.split).tolist(), fit.learn.tolist(), fit.test.tolist(),
                    study.settings.to_json(), options_of(fit.method, baselines, self.encoder),
                    weights if "baselines" in METHODS[fit.method].needs else "",
                ]
            )
            for fit in fits
        }  # fmt: skip


def _file(fit: Fit) -> str:
    return f"{fit.split}_{fit.method}_fold{fit.number}"
