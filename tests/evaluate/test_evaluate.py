"""Methods side by side: folds, scores, what is kept of a run that stops, the workbook and the page."""

import base64
import csv
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from invented_comparison import FORMULA, MARKUP, PAIRS, SCRIPT, invented, invented_study
from made_up_study import SETTINGS, spots_make_the_grade, study
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.commands.graded import graded_photos
from toolkit.errors import ToolkitError, TrainingError
from toolkit.evaluate import METHODS, CompareOptions, Step, chosen_methods, score_all
from toolkit.evaluate import methods as methods_module
from toolkit.evaluate import study as study_module
from toolkit.evaluate.figures import GROUPINGS, by_group, confusion, levels_of, pool_tests, scores
from toolkit.evaluate.fits import Fit, together
from toolkit.evaluate.foldstore import FoldStore
from toolkit.evaluate.methods import PARTS, Answers, Context, Method, Outcome, method_title
from toolkit.evaluate.page import page
from toolkit.evaluate.progress import described
from toolkit.evaluate.run import Clock, _Runner
from toolkit.evaluate.sheets import meaning, sheets
from toolkit.evaluate.study import load_study
from toolkit.photos import find_photo_files
from toolkit.pool import Lost
from toolkit.prepared import Prepared
from toolkit.progress import duration
from toolkit.records import REGIONS, FacePatches, Patch
from toolkit.scores import score
from toolkit.settings import BaselineSettings, Settings
from toolkit.siamese import Encoder
from toolkit.siamese.backend import keras
from toolkit.study import subject_folds
from toolkit.tones import tone_name
from toolkit.workbook import write_sheets

RESAMPLES = 60
TRIVIAL = ("mean", "commonest")


@pytest.fixture(scope="module")
def compared():
    return invented(invented_study())


@pytest.fixture(scope="module")
def scored(compared):
    return score_all(compared, RESAMPLES)


@pytest.fixture(scope="module")
def text(compared, scored):
    return page(compared, scored)


# --- scores --------------------------------------------------------------------------------------


def test_scores_are_those_of_an_independent_reckoning(compared, scored):
    from sklearn.metrics import accuracy_score, confusion_matrix

    study = compared.study
    for line in scored["subject"]:
        plain, found = score(study.grades, line.answers.grades), line.scores
        for name in ("rmse", "mae", "bias", "within_half", "within_one"):
            assert found[name].value == pytest.approx(getattr(plain, name)), name
        for name, other in (("kappa", plain.kappa), ("spearman", plain.spearman), ("icc_2_1", plain.icc)):
            if line.name not in TRIVIAL:
                assert found[name].value == pytest.approx(other), name
        assert found["accuracy"].value == pytest.approx(accuracy_score(study.classes, line.answers.classes))
        assert line.accuracy["test"].value == pytest.approx(found["accuracy"].value)
        expected = confusion_matrix(study.classes, line.answers.classes, labels=range(7))
        assert np.array_equal(line.confusion, expected)
        assert found["rmse"].lower < found["rmse"].value < found["rmse"].upper


def test_the_gain_on_the_mean_is_the_difference_of_errors(scored):
    mean = scored["subject"][0]
    assert mean.name == "mean" and mean.scores["rmse_gain"].value == pytest.approx(0)
    for line in scored["subject"]:
        gain = mean.scores["rmse"].value - line.scores["rmse"].value
        assert line.scores["rmse_gain"].value == pytest.approx(gain)
    best = scored["subject"][-1].scores["rmse_gain"]
    assert 0 < best.lower < best.value < best.upper


def test_intervals_count_subjects_not_photographs():
    """The same photograph ten times over is no more evidence than once."""
    once = invented_study(12)
    answers = pool_tests(once, invented(once, leaky=False).outcomes["subject"]["hybrid"])
    rows = np.repeat(np.arange(len(once.grades)), 10)
    often = replace(
        once,
        grades=once.grades[rows],
        classes=once.classes[rows],
        subjects=once.subjects[rows],
        names=tuple(map(str, rows)),
    )
    many = replace(answers, grades=answers.grades[rows], classes=answers.classes[rows])
    narrow, wide = scores(often, many, many, 300)["rmse"], scores(once, answers, answers, 300)["rmse"]
    assert narrow.lower == pytest.approx(wide.lower) and narrow.upper == pytest.approx(wide.upper)


def test_every_photograph_has_one_level_of_every_grouping(compared):
    study = compared.study
    answers = pool_tests(study, compared.outcomes["subject"]["hybrid"])
    groups = by_group(study, answers, RESAMPLES)
    for grouping in GROUPINGS:
        assert sum(group.photos for group in groups if group.grouping == grouping) == len(study.names)
    error = answers.grades - study.grades
    left = next(group for group in groups if group.level == "left")
    of_left = error[[facts.side == "left" for facts in study.facts]]
    assert left.bias.value == pytest.approx(of_left.mean())
    assert left.rmse.value == pytest.approx(np.sqrt(np.mean(of_left**2)))
    assert [level for level in levels_of(study, "visit")[0] if level != MARKUP] == ["Baseline", "Week 4"]


def test_skin_tones_have_chardons_bounds():
    named = {
        56: "very light",
        55: "light",
        42: "light",
        41: "intermediate",
        28: "tan",
        10: "brown",
        -30: "dark",
    }
    assert {ita: tone_name(ita) for ita in named} == named


def test_a_photograph_that_no_fold_tested_is_an_error(compared):
    with pytest.raises(ValueError, match="tested in no fold"):
        pool_tests(compared.study, compared.outcomes["subject"]["hybrid"][:-1])


def test_counts_of_the_confusion_matrix_add_up(compared):
    counts = confusion(compared.study, pool_tests(compared.study, compared.outcomes["subject"]["siamese"]))
    assert counts.sum() == len(compared.study.names)
    assert np.array_equal(counts.sum(axis=1), np.bincount(compared.study.classes, minlength=7))


# --- methods -------------------------------------------------------------------------------------


def test_trivial_methods_are_always_there():
    assert chosen_methods("hybrid") == ("mean", "commonest", "hybrid")
    assert chosen_methods("all") == tuple(METHODS)
    assert chosen_methods("siamese, resnet50") == ("mean", "commonest", "resnet50", "siamese")
    for wrong in ("resnet", "", ",", "hybrid,none"):
        with pytest.raises(ToolkitError, match="--methods"):
            chosen_methods(wrong)


def test_trivial_answers_come_from_the_training_photographs_alone():
    study = invented_study()
    learn, test = subject_folds(list(study.subjects), study.grades, 4, 0)[0]
    context = Context(study, study.subjects, BaselineSettings(), None, 0)
    found = METHODS["mean"].run(context, learn, test).answers
    assert np.allclose(found["test"].grades, study.grades[learn].mean())
    values, counts = np.unique(study.grades[learn], return_counts=True)
    commonest = METHODS["commonest"].run(context, learn, test).answers["test"].grades
    assert np.allclose(commonest, values[counts.argmax()])
    held = found["validation"].photos
    assert not set(study.subjects[held]) & set(study.subjects[test])
    rest = np.setdiff1d(learn, held)
    assert np.allclose(found["validation"].grades, study.grades[rest].mean())


def test_held_out_subjects_are_neither_learnt_from_nor_tested():
    study = invented_study(30)
    learn, test = subject_folds(list(study.subjects), study.grades, 5, 0)[2]
    split = Context(study, study.subjects, BaselineSettings(), None, 4).split(learn, test)
    sets = [set(study.subjects[photos]) for photos in (split.fit, split.held, split.test)]
    assert not sets[0] & sets[1] and not sets[0] & sets[2] and not sets[1] & sets[2]
    assert 0.1 < len(sets[1]) / (len(sets[0]) + len(sets[1])) < 0.2
    assert sorted([*split.fit, *split.held, *split.test]) == list(range(len(study.names)))


def test_a_class_answers_with_the_mean_grade_of_its_training_photographs(monkeypatch):
    study = invented_study()
    learn, test = subject_folds(list(study.subjects), study.grades, 4, 0)[0]
    seen = {}

    def model(paths, classes, count, split, *, settings, seed, tell):
        seen["split"] = split
        return SimpleNamespace(classes=classes.copy(), grades=None, history=[], figures={})

    context = Context(study, study.subjects, BaselineSettings(), None, 0)
    found = methods_module._whole_photo(model, "whole")(context, learn, test).answers
    fit = seen["split"].fit
    for photo, grade, number in zip(
        *(getattr(found["test"], n) for n in ("photos", "grades", "classes")), strict=True
    ):
        of_class = study.grades[fit][study.classes[fit] == study.classes[photo]]
        assert number == study.classes[photo]
        assert grade == pytest.approx(of_class.mean())


def fingerprinted(subjects=24, seed=0):
    """A study whose features tell who it is, and nothing of the grade."""
    rng, plain = np.random.default_rng(seed), invented_study(subjects, seed)
    skin, place = np.ones((4, 4), bool), np.eye(2, 3)
    patch = Patch("chin", np.zeros((4, 4, 3), np.uint8), skin, 3.0, place)
    of_subject = {subject: rng.normal(size=8) for subject in np.unique(plain.subjects)}
    prepared = [
        Prepared(
            name,
            FacePatches(name, "", (patch,)),
            (
                {f"f{i}": float(v + 0.01 * rng.normal()) for i, v in enumerate(of_subject[owner])}
                | {"ita_deg": 30.0},
            ),
            (np.zeros((8, 8, 7), np.float16),),
        )
        for name, owner in zip(plain.names, plain.subjects.tolist(), strict=True)
    ]
    return replace(plain, prepared=tuple(prepared))


def test_a_split_by_photograph_lets_a_method_recognise_people(tmp_path):
    """Features that say who it is, not how pigmented: fooled by photo folds, no better than the mean by subject."""
    study = fingerprinted()
    runner = runner_of(study, ("mean", "features"), tmp_path, leaky=True)
    outcomes = runner.run()
    error = {
        split: {
            name: np.sqrt(np.mean((pool_tests(study, found[name]).grades - study.grades) ** 2))
            for name in found
        }
        for split, found in outcomes.items()
    }
    assert error["subject"]["features"] > 0.9 * error["subject"]["mean"]
    assert error["photo"]["features"] < 0.75 * error["photo"]["mean"]


@pytest.mark.slow
def test_a_fold_learns_the_same_whatever_was_learnt_before_in_its_process():
    made = study(spots_make_the_grade, subjects=4, visits=1, regions=REGIONS, first=900)
    settings = replace(SETTINGS, encoder=replace(SETTINGS.encoder, epochs=1))
    measured = replace(
        invented_study(), prepared=tuple(made.prepared), grades=np.array(made.grades), settings=settings
    )
    keras().utils.set_random_seed(3)
    start, subjects = Encoder(settings.encoder).in_onnx(), np.array(made.subjects)
    learn = np.flatnonzero(subjects != subjects[0])
    processes = [Context(measured, subjects, BaselineSettings(), start, 3) for _ in range(2)]
    first, second = (methods_module._trained(context, learn).embedding for context in processes)
    assert (
        np.array_equal(first, second) and (first > 0).all()
    )  # a grade that is cut off at 0 would tell nothing


# --- runs that stop ------------------------------------------------------------------------------


def runner_of(study, names, folder, leaky=False, **options):
    told, workers = options.pop("tell", lambda step: None), options.pop("workers", 1)
    chosen = CompareOptions(",".join(names), 4, leaky=leaky, **options)
    return _Runner(study, chosen, names, None, encoder="none", folder=folder, tell=told, workers=workers)


class Interrupted(BaseException):
    """As a user's Ctrl-C."""


@pytest.fixture
def counted(monkeypatch):
    """A method that counts its fits, and stops in the one that is asked for."""
    state = SimpleNamespace(fits=0, stop_in=None)

    def run(context, learn, test):
        state.fits += 1
        if state.fits == state.stop_in:
            raise Interrupted
        context.tell("epoch", 1, 2)
        grades = np.full(len(test), 4.25) + 1e-9 * state.fits
        part = Answers(test, grades, np.zeros(len(test), np.intp))
        return Outcome(dict.fromkeys(PARTS, part), [{"epoch": 1, "loss": 0.123456789}], {"pairs": 1.0})

    monkeypatch.setitem(METHODS, "counted", Method("counted", "Counts.", run, ("baselines",)))
    return state


def test_a_run_goes_on_where_it_stopped(counted, tmp_path):
    study, names = invented_study(), ("mean", "counted")
    counted.stop_in = 3
    with pytest.raises(Interrupted):
        runner_of(study, names, tmp_path).run()
    counted.stop_in = None
    again = runner_of(study, names, tmp_path)
    resumed = again.run()["subject"]
    assert counted.fits == 3 + 2 and again.taken_up == 2 + 3  # of the mean, three folds were done
    third = runner_of(study, names, tmp_path)
    taken = third.run()["subject"]
    assert counted.fits == 5 and third.taken_up == 8
    for one, other in zip(resumed["counted"], taken["counted"], strict=True):
        for part in PARTS:
            assert np.array_equal(one.answers[part].photos, other.answers[part].photos)
            assert np.array_equal(one.answers[part].grades, other.answers[part].grades)
            assert np.array_equal(one.answers[part].classes, other.answers[part].classes)
        assert one.history == other.history and one.figures == other.figures


def in_two_classes(study):
    index = replace(study.settings.index, class_edges=(0.0, 4.0))
    return replace(
        study, settings=replace(study.settings, index=index), classes=(study.grades >= 4).astype(int)
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda study: {"seed": 1},
        lambda study: {"baselines": BaselineSettings(epochs=31)},
        lambda study: {"study": replace(study, hashes=("1", *study.hashes[1:]))},
        lambda study: {"study": replace(study, grades=np.where(np.arange(len(study.grades)), study.grades, 9.0))},
        lambda study: {"study": in_two_classes(study)},
    ],
    ids=["seed", "option", "photograph", "grade", "classes"],
)  # fmt: skip
def test_what_depends_on_something_else_is_done_anew(change, counted, tmp_path):
    study = invented_study()
    runner_of(study, ("counted",), tmp_path).run()
    changed = change(study)
    runner_of(changed.pop("study", study), ("counted",), tmp_path, **changed).run()
    assert counted.fits == 8


def test_damaged_folds_are_done_anew(counted, tmp_path):
    study = invented_study()
    runner_of(study, ("counted",), tmp_path).run()
    table = tmp_path / "subject_counted_fold1.csv"
    table.write_bytes(table.read_bytes()[:200])
    (tmp_path / "subject_counted_fold2.json").write_text("{")
    (tmp_path / "subject_counted_fold3.csv").unlink()
    again = runner_of(study, ("counted",), tmp_path)
    again.run()
    assert counted.fits == 4 + 3 and again.taken_up == 1


def test_predictions_of_every_fold_are_tables_and_no_subject_is_on_both_sides(tmp_path):
    study = invented_study()
    runner_of(study, TRIVIAL, tmp_path).run()
    seen = []
    for fold in range(1, 5):
        with (tmp_path / f"subject_mean_fold{fold}.csv").open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        learnt = {row["subject"] for row in rows if row["part"] == "training"}
        answered = [row for row in rows if row["part"] == "test"]
        assert not learnt & {row["subject"] for row in answered}
        seen += [int(row["number"]) for row in answered]
        assert all(not row["photo"].startswith("=") for row in rows)
    assert sorted(seen) == list(range(len(study.names)))


def test_an_error_names_the_method_and_the_fold(counted, monkeypatch, tmp_path):
    def broken(context, learn, test):
        raise TrainingError("diverged")

    monkeypatch.setitem(METHODS, "counted", Method("counted", "", broken))
    with pytest.raises(TrainingError, match=r"^counted, fold 1 of 4: diverged$"):
        runner_of(invented_study(), ("counted",), tmp_path).run()


# --- on a crew -----------------------------------------------------------------------------------


def fit_of(method, number=1, split="subject"):
    return Fit(split, method, number, 2, np.zeros(0, np.intp), np.zeros(0, np.intp))


def test_fits_that_share_a_training_are_one_job_and_those_of_networks_come_first():
    fits = [fit_of(name, number) for number in (1, 2) for name in METHODS]
    names = [job.name for job in together(fits)]
    assert "embedding, fold 2 of 2 and hybrid, fold 2 of 2" in names
    assert len(names) == len(fits) - 2
    assert [name.split(",")[0] for name in names[-6:]] == ["mean", "commonest", "features"] * 2
    apart = together([fit_of("embedding"), fit_of("hybrid", split="photo"), fit_of("hybrid", 2)])
    assert len(apart) == 3


class Crew:
    """Does nothing: the first job is done by a process that dies."""

    count = 1

    def heavy(self):
        return self

    def run(self, task, jobs, start, *, limit_s, ordered):
        assert limit_s is None
        yield 0, Lost("its process ended unexpectedly 2 times (signal SIGKILL)")


def test_a_fit_that_is_lost_is_named(tmp_path):
    runner = runner_of(invented_study(), ("mean", "features"), tmp_path, workers=Crew())
    with pytest.raises(ToolkitError, match=r"^mean, fold 1 of 4: its process ended .*SIGKILL"):
        runner.run()


def test_a_machine_that_does_not_see_the_measurements_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(study_module, "_SEEN_WITHIN_S", 0.0)
    study = invented_study()
    elsewhere = (tmp_path / "elsewhere.png",) * len(study.names)
    unseen = replace(study, images=elsewhere, thresholded=elsewhere, measured=elsewhere)
    with pytest.raises(ToolkitError, match=r"elsewhere.png: is not seen on the machine .*--out must lie on"):
        unseen.without_photographs().with_photographs()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolkitError, match="name another for --out"):
        FoldStore(tmp_path / "file" / "folds", invented_study())


# --- progress ------------------------------------------------------------------------------------


def test_progress_names_method_fold_epoch_and_time_left(counted, tmp_path):
    steps = []
    runner_of(invented_study(), ("counted",), tmp_path, tell=steps.append).run()
    assert described(steps[1]) == "counted, fold 1 of 4, epoch 1 of 2"
    assert re.fullmatch(r"counted, fold 3 of 4, epoch 1 of 2, \d+ s left", described(steps[5]))
    assert [step.done for step in steps] == [0, 0, 1, 1, 2, 2, 3, 3] and steps[0].total == 4
    assert (
        described(Step("", "", 0, 5, "measuring photographs", 3, 40, 0, 0, None))
        == "measuring photographs 3 of 40"
    )
    assert described(Step("", "", 0, 5, "fits", 3, 40, 0, 0, 30.0)) == "fits 3 of 40, 30 s left"
    assert [duration(s) for s in (4, 89, 600, 7500)] == ["4 s", "89 s", "10 min", "2 h 5 min"]


def test_time_left_is_reckoned_by_method():
    clock = Clock()
    clock.note("subject", "mean", 1.0)
    assert clock.left(["mean", "hybrid"]) is None
    clock.note("subject", "hybrid", 100.0)
    clock.note("subject", "hybrid", 200.0)
    assert clock.left(["mean", "hybrid", "hybrid"]) == pytest.approx(301.0)
    assert clock.left(["hybrid", "hybrid"], 2) == clock.left(["hybrid"], 2) == pytest.approx(150.0)


# --- workbook and page ---------------------------------------------------------------------------


def test_the_workbook_holds_every_table_and_no_formula(compared, scored, tmp_path):
    import openpyxl

    made = sheets(compared, scored)
    write_sheets(tmp_path / "comparison.xlsx", made, number_format="0.000")
    book = openpyxl.load_workbook(tmp_path / "comparison.xlsx")
    assert book.sheetnames == [
        *("Comparison", "Folds", "Groups", "Confusion", "Predictions", "Curves", "Pairs", "Split by photo"),
        *("Left out", "Run", "Dictionary"),
    ]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    named = [cell for cell in cells if cell.value == FORMULA]
    assert named and all(cell.data_type == "s" and cell.quotePrefix for cell in named)
    rows = list(book["Comparison"].iter_rows(values_only=True))
    assert [row[1] for row in rows[1:]] == list(METHODS)
    told = {(row[0].value, row[1].value) for row in book["Dictionary"].iter_rows(min_row=2)}
    assert told == {(sheet.title, cell.value) for sheet in book for cell in next(sheet.iter_rows(max_row=1))}


def test_trivial_methods_are_in_every_table_of_methods(compared, scored):
    made = sheets(compared, scored)
    for title in ("Comparison", "Folds", "Groups", "Confusion", "Split by photo"):
        assert {"mean", "commonest"} <= {row["method"] for row in made[title]}, title
    assert {"predicted by mean", "predicted by commonest"} <= set(made["Predictions"][0])
    assert made["Pairs"][0]["always_different_accuracy"] == pytest.approx(0.849)


def test_columns_have_meanings():
    assert "lower bound" in meaning("rmse_low") and "upper" in meaning("kappa_high")
    assert "never saw" in meaning("predicted by hybrid")
    assert meaning("validation_rmse") == "rmse of the fold's validation part"


class Reader(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.words, self.tables = [], [], [], []
        self.inside = False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag == "table":
            self.inside = True
            self.tables.append("")

    def handle_endtag(self, tag):
        if tag == "table":
            self.inside = False

    def handle_data(self, data):
        self.words.append(data)
        if self.inside:
            self.tables[-1] += data


def test_the_page_runs_nothing_and_fetches_nothing(text):
    reader = Reader()
    reader.feed(text)
    assert not {"script", "iframe", "object", "link", "form"} & set(reader.tags)
    assert not [a for a in reader.attributes if a[1].startswith("on")]
    sources = [value for tag, name, value in reader.attributes if name in ("src", "href")]
    assert sources and all(value.startswith("data:image/svg+xml;base64,") for value in sources)
    assert "default-src 'none'" in text
    words = "".join(reader.words)
    assert SCRIPT.upper() in words and FORMULA in words  # shown as they are, as text


def test_the_pictures_are_drawings_without_anything_that_runs(text):
    pictures = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", text)
    curves = sum("baselines" in method.needs for method in METHODS.values())
    assert len(pictures) == 3 + 3 * len(METHODS) + curves
    shown = ""
    for picture in pictures:
        drawing = ElementTree.fromstring(base64.b64decode(picture))
        names = {element.tag.rpartition("}")[2] for element in drawing.iter()}
        assert not names & {"script", "foreignObject", "a"}
        shown += "".join(drawing.itertext())
    assert MARKUP[:20] in shown  # a visit's name, drawn letter by letter, no mathematics


def test_every_table_of_the_page_has_the_trivial_methods(text):
    reader = Reader()
    reader.feed(text)
    of_methods = [table for table in reader.tables if "RMSE" in table and "pair accuracy" not in table]
    assert len(of_methods) == 2 + len(METHODS) + len(GROUPINGS)
    assert all("always the mean" in table and "always the commonest" in table for table in of_methods)


def test_pair_scores_stand_beside_always_different(text, compared, scored):
    from toolkit.evaluate.text import comparison_text

    reader = Reader()
    reader.feed(text)
    pairs = next(table for table in reader.tables if "pair accuracy" in table)
    assert "81.2 %" in pairs and "84.9 %" in pairs and "0.390" in pairs and "0.358" in pairs
    said = comparison_text(compared, scored)
    assert 'siamese 81.2% right, always "different" 84.9%' in said
    assert "would have claimed" in said and PAIRS["pair_rmse"] == 0.39


def test_a_page_without_a_split_by_photograph_does_not_speak_of_it():
    plain = invented(invented_study(), ("mean", "commonest", "features"), leaky=False)
    text = page(plain, score_all(plain, RESAMPLES))
    assert "split by photo" not in text and "Scores on pairs" not in text and "random weights" not in text


def test_backbones_are_named_with_their_weights(tmp_path):
    assert (
        method_title("resnet50", BaselineSettings(weights="none"))
        == "transfer learning (resnet50 from scratch)"
    )
    assert "ImageNet weights" in method_title("threshold", BaselineSettings())
    assert "random weights" in method_title("patches-mlp", BaselineSettings(weights="none"))
    assert method_title("siamese", BaselineSettings(weights="x/lite0.keras")) == "pair network (lite0.keras)"
    assert method_title("hybrid", BaselineSettings()) == "toolkit"


# --- from photographs ----------------------------------------------------------------------------


def test_help_loads_nothing_heavy_and_the_package_neither():
    code = (
        "import sys, toolkit.evaluate, toolkit.baselines\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'jinja2', 'sklearn', 'scipy', 'pandas', 'openpyxl'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done


@pytest.fixture(scope="module")
def photographed(tmp_path_factory):
    """Six drawn subjects, both sides, and a picture that is none."""
    from toolkit.phantom import write_study

    folder = tmp_path_factory.mktemp("photographs") / "study"
    write_study(folder, 6, 1, "half", seed=3)
    return folder


@pytest.mark.slow
def test_what_is_measured_is_kept_and_the_same_when_read_back(photographed, tmp_path):
    images, grades = [photographed / "images"], photographed / "grades.xlsx"
    first = load_study(graded_photos(find_photo_files(images), grades), tmp_path / "cache", Settings(), 48)
    kept = sorted((tmp_path / "cache").iterdir())
    stamps = {path: path.stat().st_mtime_ns for path in kept}
    again = load_study(graded_photos(find_photo_files(images), grades), tmp_path / "cache", Settings(), 48)
    assert stamps == {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "cache").iterdir())}
    for one, other in zip(first.prepared, again.prepared, strict=True):
        assert one.features == other.features
        assert all(map(np.array_equal, one.inputs, other.inputs))
        for a, b in zip(one.face.patches, other.face.patches, strict=True):
            assert (a.region, a.px_per_mm) == (b.region, b.px_per_mm)
            assert np.array_equal(a.pixels, b.pixels) and np.array_equal(a.skin, b.skin)
    damaged = next(path for path in kept if path.suffix == ".npz")
    damaged.write_bytes(damaged.read_bytes()[:1000])
    load_study(graded_photos(find_photo_files(images), grades), tmp_path / "cache", Settings(), 48)
    assert damaged.stat().st_size > 1000


@pytest.mark.slow
def test_the_command_from_photographs_to_page_and_again(photographed, tmp_path):
    import keras

    picture = keras.layers.Input((32, 32, 3))
    keras.models.Model(picture, keras.layers.Conv2D(4, 3, strides=4)(picture)).save(tmp_path / "tiny.keras")
    out = tmp_path / "comparison"
    line = [
        "evaluate", photographed / "images", "--grades", photographed / "grades.xlsx", "--out", out,
        "--methods", "siamese,features", "--folds", "2", "--backbone-weights", tmp_path / "tiny.keras",
        "--image-size", "32", "--epochs", "1", "--workers", "1", "--quiet",
    ]  # fmt: skip
    done = CliRunner().invoke(app, [str(part) for part in line])
    assert done.exit_code == 0, done.output
    for words in ("12 photos of 6 subjects", "always the mean", "pigment features", "pair network (tiny.keras)",
                  "always \"different\"", "report.html", "comparison.xlsx"):  # fmt: skip
        assert words in done.output
    folds = sorted((out / "folds").glob("*.csv"))
    assert len(folds) == 4 * 2
    stamps = [path.stat().st_mtime_ns for path in folds]
    again = CliRunner().invoke(app, [str(part) for part in line])
    assert again.output == done.output
    assert stamps == [path.stat().st_mtime_ns for path in folds]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["--methods", "best"], "--methods best: choose all, or some of mean, commonest"),
        (["--backbone-weights", "none.h5"], "none.h5: there is no such file of weights"),
        (["--methods", "features", "--grades", "none.xlsx"], "none.xlsx"),
        (["--grades", "none.xlsx", "--backbone-weights", "none.h5"], "none.xlsx: there is no such file"),
        (["--resources", "GPU=1"], "--resources: goes with --cluster tcp://HOST:PORT"),
        (["--resources", "GPU=1", "--cluster", "local"], "--resources: goes with --cluster tcp://HOST:PORT"),
    ],
)
def test_mistakes_are_told_before_any_work(changes, told, tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 64), "grey").save(tmp_path / "photo.jpg")
    (tmp_path / "grades.csv").write_text("file,grade\nphoto.jpg,3\n")
    line = [
        "evaluate",
        tmp_path,
        "--grades",
        tmp_path / "grades.csv",
        "--out",
        tmp_path / "out",
        "--quiet",
        *changes,
    ]
    done = CliRunner().invoke(app, [str(part) for part in line])
    assert isinstance(done.exception, ToolkitError) and told in str(done.exception)
