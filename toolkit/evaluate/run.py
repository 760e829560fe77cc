"""Every method on every fold, what is done already taken up, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.baselines import check_backbone
from toolkit.commands.colours import read_colours
from toolkit.commands.graded import graded_photos, listed
from toolkit.errors import ToolkitError
from toolkit.evaluate.foldstore import FoldStore, is_answer
from toolkit.evaluate.methods import METHODS, Context, Outcome, chosen_methods, options_of
from toolkit.evaluate.study import MeasuredStudy, fingerprint, load_study
from toolkit.model import load_model
from toolkit.outputs import Output, check_folder, check_outputs, has_text, is_stamped
from toolkit.photos import find_photo_files
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
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


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
    workers: int = 1,
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
    )
    outcomes = {split: runner.run(split) for split in (SPLITS if options.leaky else ("subject",))}
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

    def left(self, todo: Sequence[str]) -> float | None:
        """Seconds for the fits to come, by method; None while one of them has not been seen."""
        usual = {method: seconds for (_, method), seconds in self.spent.items()}
        if any(method not in usual for method in todo):
            return None
        return sum(float(np.mean(usual[method])) for method in todo)


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
    ) -> None:
        self.study, self.options, self.methods = study, options, methods
        self.start, self.encoder, self.tell = start, encoder, tell
        self.store = FoldStore(folder, study)
        self.clock = Clock()
        self.taken_up = 0
        self.memo: dict[str, object] = {}
        splits = 2 if options.leaky else 1
        self.todo = list(methods) * (options.folds * splits)
        self.total = len(self.todo)

    def run(self, split: str) -> dict[str, list[Outcome]]:
        """Outcomes by method, one a fold, in order."""
        groups = self.study.subjects if split == "subject" else np.array(self.study.names, str)
        folds = subject_folds(list(groups), self.study.grades, self.options.folds, self.options.seed)
        found: dict[str, list[Outcome]] = {name: [] for name in self.methods}
        for number, fold in enumerate(folds, 1):
            for name in self.methods:
                found[name].append(self._one(split, groups, name, number, fold=fold))
        return found

    def _one(self, split: str, groups: NDArray[np.str_], name: str, number: int, *, fold: Fold) -> Outcome:
        file = f"{split}_{name}_fold{number}"
        key = self._key(split, groups, name, fold)
        known = self.store.load(file, key)
        if known is None:
            outcome, seconds = self._fit(split, groups, name, number, fold=fold)
            self.store.save(file, key, outcome, seconds)
        else:
            outcome, seconds = known
            self.taken_up += 1
        self.todo.remove(name)
        self.clock.note(split, name, seconds)
        return outcome

    def _fit(
        self, split: str, groups: NDArray[np.str_], name: str, number: int, *, fold: Fold
    ) -> tuple[Outcome, float]:
        options = self.options

        def told(stage: str, done: int, total: int) -> None:
            done_fits = self.total - len(self.todo)
            left = self.clock.left(self.todo)
            self.tell(
                Step(split, name, number, options.folds, stage, done, total, done_fits, self.total, left)
            )

        told("start", 0, 1)
        seed = options.seed + number
        context = Context(self.study, groups, options.baselines, self.start, seed, told, self.memo)
        started = time.monotonic()
        try:
            outcome = METHODS[name].run(context, *fold)
        except ToolkitError as error:
            raise type(error)(f"{name}, fold {number} of {options.folds}: {error}") from None
        return outcome, time.monotonic() - started

    def _key(self, split: str, groups: NDArray[np.str_], name: str, fold: Fold) -> str:
        """A hash of everything that the answers depend on."""
        study, options = self.study, self.options
        baselines = options.baselines
        weights = Path(baselines.weights)
        return fingerprint(
            [
                __version__, code_hash(), name, split, options.seed, study.names, study.hashes, study.grades.tolist(),
                groups.tolist(), fold[0].tolist(), fold[1].tolist(), study.settings.to_json(),
                options_of(name, baselines, self.encoder),
                _file_hash(weights) if "baselines" in METHODS[name].needs and weights.is_file() else "",
            ]
        )  # fmt: skip


def _file_hash(path: Path) -> str:
    from toolkit.images import file_sha256

    return file_sha256(path)
