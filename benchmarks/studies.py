#!/usr/bin/env python
"""Trains on phantom studies as a user would, and scores every part beside trivial answers and the graders' own noise.

    scripts/study_benchmark                                            # drawn faces
    scripts/study_benchmark --faces ../shared/data/faces/neutral       # and painted photographs
    scripts/study_benchmark --set "drawn half" --curve                 # more subjects, smaller errors?

Four sets (drawn and painted, half and whole faces), with grades as in a real cohort and spread evenly over 0-9, and
all sets together. What is learnt from are the half-step grades of simulated grader 1, as in the study's workbook;
scores are against these and against the latent grade. All figures are out of fold by subject, intervals as well:
those of a fold are calibrated on the other folds. Only people that scripts/train_starter holds out are painted (the
starter network has learnt on the others), each several times, as one subject.

Photographs are prepared once, and kept with --work: the next run trains alone. Half an hour or more on 2 cores.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from toolkit.blend import DIFFICULTY, Interval, TableBlend, best_share, mixed
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.errors import ToolkitError
from toolkit.images import find_photos
from toolkit.model import load_model
from toolkit.phantom import grade_of_load, simulate_graders
from toolkit.photos import photo_files
from toolkit.phototable import FIGURE, PhotoTable
from toolkit.pigment import CLASSICAL_COLUMNS
from toolkit.prepared import Prepared
from toolkit.progress import progress_bars
from toolkit.records import FacePatches, Patch, Window
from toolkit.scores import NoiseFloor, noise_floor, score, trivial_predictions
from toolkit.settings import Settings
from toolkit.siamese import Encoder
from toolkit.siamese.inputs import CHANNELS
from toolkit.training import Trained, train
from toolkit.workers import prepare_all

Tell = Callable[[str, int, int], None]
SETS = {"drawn half": "half", "drawn whole": "full", "painted half": "half", "painted whole": "full"}
TOGETHER = "all together"
LOADS = {"cohort": "grades as in a real cohort", "spread": "grades spread over 0-9"}
PAINTINGS = 4  # of each photograph, all one subject
SEED = 4100
CURVE = (25, 50, 100, 200, 400)
EMPTY_PATCH = np.zeros((1, 1, 3), np.uint8)


def script(name: str) -> ModuleType:
    """Another script of this folder as a module."""
    if name not in sys.modules:
        loader = SourceFileLoader(name, str(Path(__file__).with_name(name)))
        spec = importlib.util.spec_from_loader(name, loader)
        if spec is None:
            raise ToolkitError(f"scripts/{name} cannot be loaded")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        loader.exec_module(sys.modules[name])
    return sys.modules[name]


# Studies ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Study:
    """Prepared photographs (n) and what is known of them: ``latent`` grades (n,), those of three ``graders`` (n, 3),
    skin tones ``ita`` (n,), ``subjects`` (n,). ``rgb``: for each photo its patches' colours (h, w, 3) uint8 at the
    scale of the network's input. ``planted`` (n, 2): the mean of the planted map, green OD, and of its square root, over
    the measured skin: what a flawless network would predict. ``lost`` names photos that could not be used."""

    photos: tuple[Prepared, ...]
    latent: NDArray[np.float64]
    graders: NDArray[np.float64]
    ita: NDArray[np.float64]
    subjects: NDArray[np.str_]
    rgb: tuple[tuple[NDArray[np.uint8], ...], ...]
    planted: NDArray[np.float64]
    lost: tuple[str, ...] = ()

    def of(self, subjects: Sequence[str]) -> Study:
        """The photographs of some subjects."""
        rows = np.flatnonzero(np.isin(self.subjects, subjects)).tolist()
        return Study(
            tuple(self.photos[i] for i in rows), self.latent[rows], self.graders[rows], self.ita[rows],
            self.subjects[rows], tuple(self.rgb[i] for i in rows), self.planted[rows],
        )  # fmt: skip


def prepared_study(
    work: Path, kind: str, load: str, subjects: int, faces: Path | None, settings: Settings, tell: Tell
) -> Study:
    """The study of a set and load; made and prepared, unless an earlier run with the same settings did."""
    painted = kind.startswith("painted")
    if painted and faces is None:
        raise ToolkitError(f"{kind}: needs --faces, a folder of frontal photographs")
    people = held_out_people(faces, work) if painted and faces else None
    count = PAINTINGS * len(find_photos([people])) if people else subjects
    folder = work / f"{kind}-{load}-{count}".replace(" ", "-")
    kept, made_with = folder / "prepared.npz", preparation(settings)
    if kept.is_file() and (study := load_study(kept, made_with)):
        return study
    if not (folder / "maps").is_dir() or not (folder / "truth.csv").is_file():
        seed = SEED + 10 * list(SETS).index(kind) + list(LOADS).index(load)
        make_phantoms(
            folder, count, 1, SETS[kind], seed=seed, faces=people, workers=default_workers(),
            tell=lambda _, done, total: tell(f"phantoms: {kind}, {load}", done, total), grades=baseline_grades(load, count, seed),
            save_maps=True,
        )  # fmt: skip
    study = prepare_study(folder, kind, people, settings, lambda *x: tell(f"patches: {kind}, {load}", *x))
    save_study(kept, study, made_with)
    return study


def held_out_people(faces: Path, work: Path) -> Path:
    """A folder of the photographs that scripts/train_starter does not learn from."""
    folder = work / "people"
    if not folder.is_dir():
        learnt = script("train_starter").training_faces(faces, work / "learnt-people")
        known = {path.name for path in find_photos([learnt])}
        folder.mkdir(parents=True)
        for photo in find_photos([faces]):
            if photo.name not in known:
                (folder / photo.name).write_bytes(photo.read_bytes())
    return folder


def baseline_grades(load: str, subjects: int, seed: int) -> list[float] | None:
    """Latent grades of subjects, in random order; None where they shall be drawn as in a real cohort."""
    spread = np.random.default_rng(seed).permutation(np.linspace(0.1, 8.9, subjects))
    return [float(grade) for grade in spread] if load == "spread" else None


def preparation(settings: Settings) -> str:
    """The settings that what is kept depends on."""
    parts = {name: asdict(getattr(settings, name)) for name in ("photo", "face", "chart", "patch", "pigment")}
    encoder = {name: getattr(settings.encoder, name) for name in ("px_per_mm", "map_gain", "map_clip")}
    return json.dumps({**parts, "encoder": encoder, "channels": CHANNELS, "planted": "side"})


def prepare_study(
    folder: Path, kind: str, people: Path | None, settings: Settings, tell: Callable[[int, int], None]
) -> Study:
    """Photographs on disk -> features, encoder inputs and small colour patches."""
    starter = script("train_starter")
    truth = starter.truth_of(folder)
    sitters = len(find_photos([people])) if people else 0
    paths = find_photos([folder / "images"])
    photos, rows, rgb, planted, lost = [], [], [], [], []
    for done, photo in enumerate(prepare_all(photo_files(paths), settings, None, default_workers()), 1):
        tell(done, len(paths))
        if photo.error or photo.face is None:
            lost.append(f"{photo.name}: {photo.error}")
            continue
        rows.append(truth[photo.name])
        sizes = [picture.shape[1::-1] for picture in photo.patch_inputs()]
        rgb.append(
            tuple(
                cv2.resize(patch.pixels, size, interpolation=cv2.INTER_AREA)
                for patch, size in zip(photo.face.patches, sizes, strict=True)
            )
        )
        graded = starter.Graded(photo, float(rows[-1]["latent_grade"]), rows[-1]["subject"], folder)
        planted.append(planted_figures(starter.planted_map(graded), photo.face))
        photos.append(slim(replace(photo, name=f"{kind}/{photo.name}")))
    return Study(
        tuple(photos),
        np.array([float(row["latent_grade"]) for row in rows]),
        np.array([[float(row[f"grader_{number}"]) for number in (1, 2, 3)] for row in rows]),
        np.array([float(row["ita"]) for row in rows]),
        np.array([starter.subject_of(row["subject"], kind, sitters) for row in rows]),
        tuple(rgb),
        np.array(planted).reshape(len(rows), 2),
        tuple(lost),
    )


def planted_figures(planted: NDArray[np.float32], face: FacePatches) -> tuple[float, float]:
    """The means of a photo's planted map (H, W), green OD, and of its square root, over the skin that is measured."""
    if face.chart is None:
        raise ToolkitError(f"{face.name}: there is no chart")
    skin = face.chart.skin
    there = np.maximum(cv2.warpAffine(planted, face.chart.to_chart, skin.shape[::-1]), 0)[skin]
    return float(there.mean()), float(np.sqrt(there).mean())


def slim(photo: Prepared) -> Prepared:
    """A prepared photograph without its pixels, which training does not need."""
    regions = [patch.region for patch in photo.face.patches]
    return replace(photo, face=pictureless(photo.name, regions), quality=None)


def pictureless(name: str, regions: Sequence[str]) -> FacePatches:
    patches = tuple(
        Patch(region, EMPTY_PATCH, EMPTY_PATCH[..., 0] > 0, 1.0, np.eye(2, 3))  # type: ignore[arg-type]
        for region in regions
    )
    return FacePatches(name, "", patches)


def save_study(path: Path, study: Study, made_with: str) -> None:
    """As plain arrays: pictures side by side, their pixels one after another."""
    table = PhotoTable(study.photos)
    colours = [one for photo in study.rgb for one in photo]
    pictures = [picture for photo in study.photos for picture in photo.inputs]
    np.savez(
        path, made_with=made_with, names=table.photos, photo=table.photo, regions=table.regions,
        columns=table.columns, features=table.values, sides=table.sides, latent=study.latent, graders=study.graders,
        ita=study.ita, planted=study.planted, subjects=study.subjects, lost=np.array(study.lost, str),
        pictures=[len(photo.inputs) for photo in study.photos], shapes=[x.shape[:2] for x in pictures],
        windows=[astuple(window) for photo in study.photos for window in photo.windows],
        inputs=np.concatenate([x.reshape(-1, x.shape[-1]) for x in pictures]),
        parts=np.concatenate([x.ravel() for photo in study.photos for x in photo.parts]),
        colour_shapes=[one.shape[:2] for one in colours],
        rgb=np.concatenate([one.reshape(-1, 3) for one in colours]),
    )  # fmt: skip


def load_study(path: Path, made_with: str) -> Study | None:
    """What ``save_study`` wrote; None where it was made with other settings."""
    with np.load(path, allow_pickle=False) as file:
        if str(file["made_with"]) != made_with:
            return None
        known = {name: file[name] for name in file.files}
    inputs = unstacked(known["inputs"], known["shapes"])
    parts = [one[..., 0] for one in unstacked(known["parts"][:, None], known["shapes"])]
    colours = unstacked(known["rgb"], known["colour_shapes"])
    columns = [str(name) for name in known["columns"]]
    features = [dict(zip(columns, row, strict=True)) for row in known["features"].tolist()]
    firsts = np.cumsum([0, *known["pictures"].tolist()]).tolist()
    photos, rgb = [], []
    for number, name in enumerate(known["names"].tolist()):
        mine = np.flatnonzero(known["photo"] == number).tolist()
        its = slice(firsts[number], firsts[number + 1])
        side = dict(zip(CLASSICAL_COLUMNS, known["sides"][number].tolist(), strict=True))
        photos.append(
            Prepared(
                name,
                pictureless(name, known["regions"][mine].tolist()),
                tuple(features[i] for i in mine),
                tuple(inputs[its]),
                side=side,
                parts=tuple(parts[its]),
                windows=tuple(Window(*known["windows"][i].tolist()) for i in mine),
            )
        )
        rgb.append(tuple(colours[i] for i in mine))
    return Study(
        tuple(photos), known["latent"], known["graders"], known["ita"], known["subjects"], tuple(rgb),
        known["planted"], tuple(known["lost"].tolist()),
    )  # fmt: skip


def unstacked(pixels: NDArray, shapes: NDArray) -> list[NDArray]:
    """Pictures (h, w, c) from their pixels (n, c), one after another."""
    ends = np.cumsum([height * width for height, width in shapes.tolist()])[:-1]
    return [
        part.reshape(*shape, -1) for part, shape in zip(np.split(pixels, ends), shapes.tolist(), strict=True)
    ]


def joined(studies: Sequence[Study]) -> Study:
    """All studies as one, graded anew by the same three graders."""
    latent = np.concatenate([study.latent for study in studies])
    subjects = np.concatenate([study.subjects for study in studies])
    return Study(
        tuple(photo for study in studies for photo in study.photos),
        latent,
        simulate_graders(latent, subjects.tolist(), np.random.default_rng(SEED)),
        np.concatenate([study.ita for study in studies]),
        subjects,
        tuple(photo for study in studies for photo in study.rgb),
        np.concatenate([study.planted for study in studies]),
        tuple(name for study in studies for name in study.lost),
    )


# Grading ----------------------------------------------------------------------------------------------------


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
    order = [*trivial, "seed's argmax", "features alone", "load, known curve", "load, isotonic", "power, isotonic",
             "power, rising curve", "network's map", "embedding alone", "side's table", "blend", "planted map",
             "planted root"]  # fmt: skip
    return {name: found[name] for name in order}


def blended(
    study: Study, trained: Trained, chosen: Sequence[str], settings: Settings, seed: int
) -> NDArray[np.float64]:
    """Out-of-fold grades (n,) of LightGBM and ridge that see the chosen columns of the sides alone; what grades a fold is
    chosen on the others."""
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
    """Half-widths (n,) of intervals round out-of-fold grades, those of a fold calibrated on the other folds."""
    residuals, widths = grades - study.graders[:, 0], np.zeros(len(grades))
    for rest, test in trained.folds:
        fitted = Interval.fit(
            residuals[rest], difficulty[rest], study.subjects[rest], settings.blend.coverage
        )
        widths[test] = fitted.half_width(difficulty[test])
    return widths


def by_isotonic(figure: NDArray[np.float64], study: Study, trained: Trained) -> NDArray[np.float64]:
    """Out-of-fold grades (n,) of a rising staircase laid through one figure (n,) a photo (Barlow et al. 1972)."""
    grades, truth = np.zeros(len(figure)), study.graders[:, 0]
    for rest, test in trained.folds:
        rising = IsotonicRegression(out_of_bounds="clip").fit(figure[rest], truth[rest])
        grades[test] = rising.predict(figure[test])
    return grades


# Figures ----------------------------------------------------------------------------------------------------


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


def tone_figures(study: Study, graded: Graded) -> dict[str, dict[str, float]]:
    """Of the blend, by skin tone: bias and RMSE against both truths, and coverage."""
    tones = script("pigment_benchmark")
    bins = np.array(list(tones.TONES))[[sum(ita <= edge for edge in tones.TONE_EDGES) for ita in study.ita]]
    figures = {}
    for tone in tones.TONES:
        mine = bins == tone
        if not mine.any():
            continue
        part = Graded(graded.grades[mine], graded.half_widths[mine])
        latent, grader = (figures_of(t[mine], part) for t in (study.latent, study.graders[:, 0]))
        figures[tone] = {
            "photos": float(mine.sum()),
            "bias, latent": latent["bias"],
            "RMSE, latent": latent["RMSE"],
            "bias, grader": grader["bias"],
            "RMSE, grader": grader["RMSE"],
            "coverage, grader": grader["coverage"],
        }
    return figures


def run(study: Study, start: Encoder | None, settings: Settings, folds: int, seed: int, tell: Tell) -> dict:
    """Trains once and scores everything: {"grader": {method: figures}, "latent": ..., "tones": ...}."""
    truth = study.graders[:, 0]
    began = time.perf_counter()
    trained = train(
        study.photos, truth, study.subjects, settings, folds=folds, seed=seed, progress=tell, start=start
    )
    seconds = time.perf_counter() - began
    graded = graded_by_all(study, trained, settings, seed)
    return {
        "grader": {name: figures_of(truth, one) for name, one in graded.items()},
        "latent": {name: figures_of(study.latent, one) for name, one in graded.items()},
        "tones": tone_figures(study, graded["blend"]),
        "training": {"all": {"seconds": seconds}},
    }


def over_seeds(runs: Sequence[Any]) -> Any:
    """Figures of several runs of one shape: each number's mean and SD."""
    first = runs[0]
    if isinstance(first, Mapping):
        return {key: over_seeds([one[key] for one in runs]) for key in first}
    known = [one for one in runs if one is not None]
    return {"mean": float(np.mean(known)), "SD": float(np.std(known))} if known else None


def floor_of(study: Study) -> NoiseFloor:
    return noise_floor(study.graders, study.latent)


def figures_of_study(
    study: Study, start: Encoder | None, settings: Settings, folds: int, seeds: int, tell: Tell
) -> dict:
    """The means over seeds of all that ``run`` finds, the noise floor, and what the study is."""
    runs = []
    for seed in range(seeds):
        runs.append(
            run(
                study,
                start,
                settings,
                folds,
                seed,
                lambda *x, seed=seed: tell(f"seed {seed}, {x[0]}", *x[1:]),
            )
        )
    floor = floor_of(study)
    first = study.graders[:, 0]
    return {
        "photos": len(study.photos),
        "subjects": len(np.unique(study.subjects)),
        "lost": list(study.lost),
        "floor": floor.truth_vs_one,
        "grader 1 against latent": score(study.latent, first).rmse,
        **over_seeds(runs),
    }


def curve_figures(
    study: Study,
    start: Encoder | None,
    settings: Settings,
    folds: int,
    seeds: int,
    sizes: Sequence[int],
    tell: Tell,
) -> dict[str, dict]:
    """By number of subjects: each seed takes the first so many of its own random order."""
    everybody = np.unique(study.subjects)
    found = {}
    for size in [size for size in sizes if size <= len(everybody)]:
        runs = []
        for seed in range(seeds):
            chosen = np.random.default_rng(seed).permutation(everybody)[:size]
            runs.append(run(study.of(chosen), start, settings, folds, seed, tell))
            tell(f"curve: {size} subjects", seed + 1, seeds)
        found[str(size)] = {"floor": floor_of(study).truth_vs_one, **over_seeds(runs)}
    return found


# Printing ---------------------------------------------------------------------------------------------------


def cell(figure: Mapping[str, float] | None, spread: bool = False) -> str | None:
    if figure is None:
        return None
    return f"{figure['mean']:.2f} ({figure['SD']:.2f})" if spread else f"{figure['mean']:.2f}"


def show_study(title: str, found: Mapping[str, Any]) -> None:
    """Two tables: against grader 1 and against the latent grade."""
    table_text = script("pigment_benchmark").table_text
    print(f"\n== {title}: {found['photos']} photos of {found['subjects']} subjects, {len(found['lost'])} photos lost; "
          f"training {found['training']['all']['seconds']['mean']:.0f} s")  # fmt: skip
    for target, floor in (("grader", found["floor"]), ("latent", None)):
        rows = [
            [
                name,
                cell(one["RMSE"], spread=True),
                *([one["RMSE"]["mean"] / floor] if floor else []),
                *(cell(one[figure]) for figure in list(one)[1:]),
            ]
            for name, one in found[target].items()
        ]
        head = ["", "RMSE (SD)", *(["/ floor"] if floor else []), *list(found[target]["blend"])[1:]]
        if floor:
            text = f"Against grader 1, who is learnt from. Floor (truth against one grader) {floor:.2f}; grader 1 himself"
            print(table_text(f"{text} {found['grader 1 against latent']:.2f}", head, rows))
        else:
            print(table_text("Against the latent grade", head, rows), flush=True)


def show_tones(studies: Mapping[str, Mapping[str, Any]]) -> None:
    rows = [
        [
            f"{name}, {tone}",
            str(round(one["photos"]["mean"])),
            *(cell(one[figure]) for figure in list(one)[1:]),
        ]
        for name, found in studies.items()
        for tone, one in found["tones"].items()
    ]
    if rows:
        head = [
            "",
            "photos",
            "bias, latent",
            "RMSE, latent",
            "bias, grader",
            "RMSE, grader",
            "coverage, grader",
        ]
        print(script("pigment_benchmark").table_text("The blend by skin tone (ITA)", head, rows))


def show_curve(found: Mapping[str, Any]) -> None:
    methods = ["always the mean", "features alone", "load, isotonic", "embedding alone", "blend"]
    rows = [
        [f"{size}, {target}", *(cell(one[target][method]["RMSE"], spread=True) for method in methods)]
        for target in ("latent", "grader")
        for size, one in found.items()
    ]
    print(
        script("pigment_benchmark").table_text(
            "Learning curve: RMSE (SD) by subjects and truth", ["", *methods], rows
        )
    )


# ------------------------------------------------------------------------------------------------------------


def encoder_of(choice: str, settings: Settings) -> tuple[Encoder, Settings]:
    """The encoder to start from, and the settings it was made with: "starter", a model folder, or weights (.npz)."""
    if choice.endswith(".npz"):
        return Encoder.load(Path(choice), settings.encoder), settings
    model = load_model(None if choice == "starter" else Path(choice))
    known = replace(model.settings.encoder, epochs=settings.encoder.epochs, loss=settings.encoder.loss)
    return model.encoder, replace(model.settings, encoder=known, index=settings.index, blend=settings.blend)


def studies_of(
    work: Path,
    sets: Sequence[str],
    load: str,
    subjects: int,
    faces: Path | None,
    settings: Settings,
    tell: Tell,
) -> Iterator[tuple[str, Study]]:
    """The chosen sets, and where all four are, these together."""
    made = []
    for kind in sets:
        made.append(prepared_study(work, kind, load, subjects, faces, settings, tell))
        yield kind, made[-1]
    if len(made) == len(SETS):
        yield TOGETHER, joined(made)


def main(
    faces: Annotated[Path | None, typer.Option(help="Frontal photographs to paint on.")] = None,
    subjects: Annotated[int, typer.Option(min=10, help="Drawn subjects a set.")] = 150,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings a set.")] = 3,
    folds: Annotated[int, typer.Option(min=2)] = 5,
    work: Annotated[Path | None, typer.Option(help="Keep the phantoms and what was measured here.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
    encoder: Annotated[str, typer.Option(help="Model folder or weights (.npz) to start from.")] = "starter",
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Start from nothing.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of training on a study.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=f"Of {', '.join(SETS)}.")] = None,
    load: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(LOADS)}.")] = None,
    curve: Annotated[bool, typer.Option("--curve", help="The learning curve alone.")] = False,
    size: Annotated[list[int] | None, typer.Option(help="Subjects of the curve.")] = None,
    prepare_only: Annotated[
        bool, typer.Option("--prepare-only", help="Make the studies, train nothing.")
    ] = False,
) -> None:
    chosen = sets or [kind for kind in SETS if faces or kind.startswith("drawn")]
    loads = load or list(LOADS)
    settings = Settings()
    try:
        if not set(chosen) <= set(SETS) or not set(loads) <= set(LOADS):
            raise ToolkitError(f"--set takes {', '.join(SETS)}; --load {', '.join(LOADS)}")
        if epochs:
            settings = replace(settings, encoder=replace(settings.encoder, epochs=epochs))
        start = None
        if not (from_scratch or prepare_only):
            start, settings = encoder_of(encoder, settings)
        with tempfile.TemporaryDirectory(prefix="study-") as temporary, progress_bars(quiet=False) as tell:
            folder = work or Path(temporary)
            if curve:
                sizes = size or CURVE
                study = prepared_study(folder, chosen[0], loads[0], max(sizes), faces, settings, tell)
                found = curve_figures(study, start, settings, folds, seeds, sizes, tell)
                show_curve(found)
                figures: dict[str, Any] = {"curve": found}
            else:
                figures = {}
                for one in loads:
                    found = {}
                    for name, study in studies_of(folder, chosen, one, subjects, faces, settings, tell):
                        if prepare_only:
                            continue
                        found[name] = figures_of_study(study, start, settings, folds, seeds, tell)
                        show_study(f"{name}, {LOADS[one]}", found[name])
                    show_tones(found)
                    figures[one] = found
    except ToolkitError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    if json_path is not None:
        json_path.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    typer.run(main)
