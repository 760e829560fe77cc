"""Every command from end to end, as a user calls it: one tiny study of phantoms, one tiny model, once."""

import csv
import io
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from command_line import toolkit
from PIL import Image
from places import REAL_FACES, ROOT
from typer.main import get_command

from toolkit.cli import app
from toolkit.model import FILES, load_model, read_card, starter_folder
from toolkit.modelcard import PAGES
from toolkit.patches import load_patches
from toolkit.pigment import map_skin, patch_features
from toolkit.records import REGIONS, half_step
from toolkit.settings import Settings

pytestmark = pytest.mark.slow

FACES = REAL_FACES / "neutral"
GRADES = [
    *("photo", "subject", "side", "visit", "grade", "grade_half_step", "lower", "upper", "severity"),
    *("nearest_class", "forehead", "left_cheek", "right_cheek", "chin", "explanation", "visible_cm2"),
    *("measured_cm2", "quality", "note"),
]
MANIFEST = {"photo", "sha256", "patch", "region", "found_by", "score", "px_per_mm", "skin_fraction", "note"}
SHOWN = {
    "left": {"forehead", "left_cheek", "chin"},
    "right": {"forehead", "right_cheek", "chin"},
    "both": set(REGIONS),
}
CONTRACT = {
    "suggest": {"--out", "--model", "--number"},
    "demo": {"--subjects"},
    "app": {"--port"},
    "match-cameras": {"--cameras", "--out"},
    "phantom": {"out", "--subjects", "--visits", "--style", "--seed", "--faces", "--maps"},
    "extract-patches": {"images", "--out", "--overlays", "--landmarks", "--landmark-model", "--workers"},
    "features": {"images", "--out", "--overlays", "--landmarks", "--landmark-model", "--workers"},
    "train": {
        *("images", "--grades", "--out", "--folds", "--epochs", "--seed", "--encoder", "--from-scratch"),
        *("--thumbnails", "--class-edges", "--column", "--retakes"),
    },
    "build-index": {"patches", "--grades", "--model", "--out", "--thumbnails", "--column", "--retakes"},
    "grade": {"images", "--out", "--model", "--workers", "--weights", "--expert-grades", "--retakes"},
    "merge": {"parts", "--out", "--model", "--report", "--report-dir", "--expert-grades", "--no-change"},
    "agreement": {"files", "--column", "--scale", "--out", "--retakes"},
    "evaluate": {
        "images",
        "--grades",
        "--out",
        "--methods",
        "--folds",
        "--leaky",
        "--backbone-weights",
        "--retakes",
    },
    "trial": {
        *(
            "results",
            "--arms",
            "--out",
            "--report",
            "--long",
            "--redcap",
            "--column",
            "--arm-column",
            "--reference",
        ),
        *("--baseline", "--responder", "--effect", "--power", "--scale", "--overwrite", "--json"),
    },
    "info": set(),
    "glossary": {"term"},
}


def succeeds(*arguments) -> str:
    done = toolkit(*arguments)
    assert done.status in (0, 3), done  # 3: some photographs could not be used
    return done.out


def read_table(path, **options):
    import pandas as pd

    read = pd.read_csv if path.suffix == ".csv" else pd.read_excel
    return read(path, **options)


def grades_of(workbook):
    return read_table(workbook, sheet_name="Grades")


def run_of(workbook):
    return read_table(workbook, sheet_name="Run").dropna().set_index("item")["value"]


def grade(out, *arguments):
    succeeds("grade", *arguments, "--out", out, "--workers", 1)
    return grades_of(out)


# --- one study, one model ------------------------------------------------------------------------


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Six subjects: P0001, P0003, P0005 as two half faces, the others as one whole face."""
    folder = tmp_path_factory.mktemp("study") / "phantoms"
    said = succeeds("phantom", folder, "--subjects", 6, "--style", "mixed", "--seed", 5, "--workers", 1)
    assert "9 photos of 6 subjects" in said
    assert "Noise floor: RMSE " in said and "after its best straight line" in said
    for grader in (1, 2, 3):
        assert re.search(rf"grader_{grader}: bias [+-]\d\.\d\d, slope \d\.\d\d, error SD \d\.\d\d", said)
    return folder


@pytest.fixture(scope="session")
def photos(study):
    return sorted((study / "images").iterdir())


@pytest.fixture(scope="session")
def patches(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut") / "patches"
    said = succeeds("extract-patches", study / "images", "--out", folder, "--overlays", "--workers", 1)
    assert said == f"30 patches of 9 of 9 photos: {folder / 'manifest.csv'}\n"
    return folder


@pytest.fixture(scope="session")
def training(study, tmp_path_factory):
    """The model's folder and what training said."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    options = ("--grades", study / "grades.xlsx", "--out", folder, "--folds", 2, "--epochs", 1)
    options += ("--from-scratch",)
    return folder, succeeds("train", study / "images", *options, "--workers", 1)


@pytest.fixture(scope="session")
def model(training):
    return training[0]


@pytest.fixture(scope="session")
def workbook(study, model, tmp_path_factory):
    path = tmp_path_factory.mktemp("graded") / "new folder" / "grades.xlsx"
    said = succeeds("grade", study / "images", "--out", path, "--model", model, "--workers", 1)
    like, worth, done, grades, review, *_ = said.splitlines()
    assert re.match(
        r"(?:Photographs unlike|No difference from) the training study .*\(6 subjects here, 6 in that study[;)]",
        like,
    )
    assert worth.startswith("the model: On people it never saw") and "do not use it" in worth
    assert re.fullmatch(rf"9 of 9 photos graded in \d+ s: {re.escape(str(path))}", done)
    assert re.fullmatch(r"Grades: mean \d\.\d, SD \d\.\d; \d none, \d mild, \d moderate, \d severe", grades)
    assert review.startswith("Needs review: ")
    return path


# --- the flow ------------------------------------------------------------------------------------


def test_phantom_writes_photos_grades_and_truth(study, photos):
    clinical = re.compile(r"P\d{4}_FACE_[LRF]_S00_V\d\dD\d\dW\d\d\.jpg")
    assert all(clinical.fullmatch(photo.name) for photo in photos)
    with (study / "truth.csv").open(newline="") as file:
        truth = list(csv.DictReader(file))
    assert {"file", "latent_grade", "pigment_load", "redness", "grader_1", "grader_2"} <= set(truth[0])
    assert sorted(row["file"] for row in truth) == [photo.name for photo in photos]
    given = read_table(study / "grades.xlsx")
    assert list(given.columns) == ["SUBJID", "side", "VISITNUM", "VISIT", "Mottled hyperpigmentation"]
    assert list(given["SUBJID"]) == [row["subject"] for row in truth]
    assert list(given["Mottled hyperpigmentation"]) == [float(row["grader_1"]) for row in truth]


def test_the_manifest_describes_every_patch(patches, photos):
    manifest = read_table(patches / "manifest.csv", keep_default_na=False)
    assert set(manifest.columns) >= MANIFEST
    cut = manifest[manifest["patch"] != ""]
    assert len(cut) == 30
    for row in cut.itertuples():
        with Image.open(patches / row.patch) as picture:
            assert (picture.format, picture.mode) == ("PNG", "RGBA")
            skin = np.asarray(picture)[..., 3] > 127
        assert skin.mean() == pytest.approx(float(row.skin_fraction), abs=1e-3)
    assert (cut["score"].astype(float) > 0).all()
    left_out = manifest[manifest["patch"] == ""]
    assert left_out["note"].str.len().min() > 0  # a region without a patch has its reason
    pictures = sorted(path.name for path in (patches / "overlays").iterdir())
    assert pictures == [photo.name for photo in photos]


def test_a_half_face_gives_its_own_side_and_a_whole_face_all_regions(patches):
    faces = load_patches(patches)
    assert {face.face.side for face in faces} == {"left", "right", "both"}
    for face in faces:
        side = {"L": "left", "R": "right", "F": "both"}[face.name.split("_")[2]]
        assert face.face.side == side, face.name
        assert {patch.region for patch in face.patches} == SHOWN[side], face.name


def test_training_writes_a_model_and_prints_scores_beside_trivial_ones(training):
    folder, said = training
    assert {path.name for path in folder.iterdir()} == {*FILES, *PAGES, "model.json"}
    card = read_card(folder)
    assert card["scores"]["all"]["photos"] == 9 and sum(card["data"]["grade"].values()) == 9
    assert {len(kept) for kept in card["figures"].values()} == {9} and len(card["figures"]) == 8
    read = (folder / "model_card.md").read_text(encoding="utf-8")
    assert "9 photographs of 6 subjects." in read and "always the mean" in read and "white light" in read
    told = succeeds("info", "--model", folder)
    assert str(folder / "model_card.html") in told and "on subjects never seen; always the mean:" in told
    assert (card["photos"], card["subjects"], card["folds"]) == (9, 6, 2)
    assert "9 of 9 photos have a grade" in said
    rows = {line.split("  ")[0]: line.split() for line in said.splitlines()}
    assert {"toolkit, subjects never seen", "always the mean", "always the commonest"} <= set(rows)
    assert said.splitlines()[-1] == f"Model: {folder}"


def test_the_model_keeps_a_small_picture_of_every_reference(model, patches):
    loaded = load_model(model)
    bank = loaded.index.references
    assert len(loaded.thumbnails) == len(bank.grades) == 30
    cut = {(face.name, patch.region): patch for face in load_patches(patches) for patch in face.patches}
    for data, photo, region in zip(loaded.thumbnails, bank.photos, bank.regions, strict=True):
        patch = cut[str(photo), str(region)]
        with Image.open(io.BytesIO(data)) as picture:
            shown = np.asarray(picture).astype(float)
        assert max(shown.shape) == 96
        # The picture is that patch's own: dark where it is no skin, of its colour where it is.
        own = np.where(patch.skin[..., None], patch.pixels, 0).reshape(-1, 3).mean(axis=0)
        assert np.abs(shown.reshape(-1, 3).mean(axis=0) - own).max() < 3


def test_another_models_network_is_kept_whole(study, model, tmp_path):
    graders = ("--column", "grade=grader_1", "--column", "grade=grader_2", "--plain-mean")
    options = ("--out", tmp_path / "second", "--folds", 2, "--encoder", model, *graders, "--no-thumbnails")
    said = succeeds("train", study / "images", "--grades", study / "truth.csv", *options, "--workers", 1)
    assert "toolkit, subjects never seen" in said
    truth = read_table(study / "truth.csv")
    between = np.sqrt(np.mean((truth["grader_1"] - truth["grader_2"]) ** 2))
    assert read_card(tmp_path / "second")["scores"]["between"]["rmse"] == pytest.approx(between)
    page = (tmp_path / "second" / "model_card.md").read_text(encoding="utf-8")
    assert f"| one grader against another | {between:.2f} |" in page
    old, new = load_model(model), load_model(tmp_path / "second")
    assert new.card["trunk"] == "kept" and new.thumbnails == ()
    for part in ("trunk", "head"):
        weights = zip(
            getattr(old.encoder, part).get_weights(), getattr(new.encoder, part).get_weights(), strict=True
        )
        assert all(np.array_equal(a, b) for a, b in weights)
    assert len(new.index.references.grades) == 30


def test_a_study_starts_from_the_starters_trunk(study, tmp_path):
    if not (starter_folder() / "model.json").is_file():
        pytest.skip("models/starter is not there: python -m benchmarks.making.starter makes it")
    starter = load_model()
    options = ("--grades", study / "grades.xlsx", "--out", tmp_path / "m", "--folds", 2, "--epochs", 1)
    succeeds(
        "train", study / "images", *options, "--class-edges", "0,3,5", "--scale", "0-9/0.25", "--workers", 1
    )
    new = load_model(tmp_path / "m")
    weights = zip(starter.encoder.trunk.get_weights(), new.encoder.trunk.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in weights)
    assert list(new.index.class_counts()) == ["<3", "3-4.5", ">4.5"]
    assert new.card["trunk"] == "kept" and new.card["grade_step"] == 0.25  # the page reviews in these steps


def test_build_index_counts_every_patch_and_leaves_the_old_model(patches, study, model, tmp_path):
    before = read_card(model)
    new = tmp_path / "indexed"
    said = succeeds("build-index", patches, "--grades", study / "grades.xlsx", "--model", model, "--out", new)
    counts = {label: int(count) for label, count in re.findall(r"(\S+): (\d+)(?=\s)", said)}
    graded = read_table(study / "grades.xlsx")["Mottled hyperpigmentation"]
    size = read_table(study / "truth.csv")["side"].map(lambda side: len(SHOWN[side]))
    labels = Settings().index.class_labels()
    place = np.digitize(graded, Settings().index.class_edges) - 1
    wanted = {label: int(size[place == number].sum()) for number, label in enumerate(labels)}
    assert counts == wanted
    assert sum(counts.values()) == 30
    assert said.startswith("30 references on the ")
    assert read_card(model) == before
    assert len(load_model(new).index.references.grades) == 30
    assert len(load_model(new).thumbnails) == 30


def test_build_index_takes_only_graded_photos(patches, study, model, tmp_path):
    graded = read_table(study / "grades.xlsx")
    few = graded[graded["SUBJID"].isin(["P0001", "P0002"])]
    few.rename(columns={"Mottled hyperpigmentation": "Dr. A"}).to_csv(tmp_path / "few.csv", index=False)
    own = shutil.copytree(model, tmp_path / "own")
    options = ("--grades", tmp_path / "few.csv", "--column", "grade=Dr. A", "--model", own, "--no-thumbnails")
    assert succeeds("build-index", patches, *options).startswith("10 references on the ")
    assert set(load_model(own).index.references.subjects) == {"P0001", "P0002"}
    assert load_model(own).thumbnails == ()
    assert load_model(own).sha256 != load_model(model).sha256


def test_the_workbook_of_grades(workbook, photos):
    found = grades_of(workbook)
    assert list(found.columns) == GRADES
    assert list(found["photo"]) == [photo.name for photo in photos]
    assert list(found["subject"]) == [photo.name.split("_")[0] for photo in photos]
    assert set(found["visit"]) == {"Baseline"}
    assert found["grade"].between(0, 9).all()
    assert ((found["lower"] < found["grade"]) & (found["grade"] < found["upper"])).all()
    assert (2 * found["grade_half_step"] % 1 == 0).all()
    assert (found["grade_half_step"] - found["grade"]).abs().max() <= 0.25
    assert set(found["severity"]) <= {"none", "mild", "moderate", "severe"}
    assert set(found["nearest_class"].astype(str)) <= set(Settings().index.class_labels())
    for row in found.to_dict("records"):
        assert {region for region in REGIONS if np.isfinite(row[region])} == SHOWN[row["side"]]


def test_the_sheet_of_patches_holds_what_a_grade_is_shown_with(workbook, patches):
    sheet = read_table(workbook, sheet_name="Patches")
    patch, pigment = load_patches(patches)[0].patches[0], Settings().pigment
    features = patch_features(patch, map_skin(patch, pigment, every_figure=False), pigment)
    similarities = {f"similarity_{label}" for label in Settings().index.class_labels()}
    assert set(sheet.columns) >= {"photo", "region", "grade", *features, *similarities, "embedding_score"}
    assert len(sheet) == 30
    grades = grades_of(workbook).set_index("photo")
    for row in sheet.itertuples():
        assert row.grade == pytest.approx(grades.loc[row.photo, row.region], abs=1e-5)
    assert sheet["skin_fraction"].between(0.02, 1).all()  # what the frame cuts off counts with what is left
    assert sheet["melanin_index"].nunique() > 20  # figures of the patches, not one figure for all


def test_the_sheets_of_contributions_and_evidence(workbook, patches):
    sides = read_table(workbook, sheet_name="Sides")
    figures = set(sides.columns)
    assert set(sides["region"]) == {"side"} and len(sides) == len(grades_of(workbook))
    assert "load" not in read_table(workbook, sheet_name="Patches").columns  # each sheet has its own columns
    photos = set(grades_of(workbook)["photo"])
    why = read_table(workbook, sheet_name="Contributions")
    assert list(why.columns) == ["photo", "region", "figure", "value", "contribution"]
    assert set(why["photo"]) == photos
    assert set(why["figure"]) <= figures | {"usual_grade", "other_figures"} and set(why["region"]) == {"side"}
    grades = grades_of(workbook).set_index("photo")["grade"]
    assert why.groupby("photo")["contribution"].sum()[grades.index].to_numpy() == pytest.approx(
        grades.to_numpy(), abs=0.06
    )
    evidence = read_table(workbook, sheet_name="Evidence")
    assert list(evidence.columns) == [
        *("photo", "region", "place", "reference_photo", "reference_region", "reference_grade", "distance"),
        "reference",
    ]
    assert set(evidence["photo"]) == photos and evidence["place"].between(1, 3).all()
    for row in evidence.itertuples():
        assert row.photo.split("_")[0] != row.reference_photo.split("_")[0]
        assert row.region.split("_")[-1] == row.reference_region.split("_")[-1]
    near_first = evidence.sort_values(["photo", "region", "place"]).groupby(["photo", "region"])["distance"]
    assert near_first.apply(lambda d: d.is_monotonic_increasing).all()
    # The class of a photo can be told from this sheet alone.
    evidence["weight"] = 1 / evidence["distance"]
    evidence["weighed"] = evidence["reference_grade"] * evidence["weight"]
    sums = evidence.groupby("photo")[["weighed", "weight"]].sum()
    steps = (sums["weighed"] / sums["weight"]).map(half_step)
    settings = Settings().index
    labels = [settings.class_labels()[place - 1] for place in np.digitize(steps, settings.class_edges)]
    assert list(grades_of(workbook).set_index("photo")["nearest_class"].astype(str)[steps.index]) == labels


def test_the_sheet_of_the_run(workbook, model):
    run = run_of(workbook)
    assert run["model"] == model.name
    assert run["model sha256"] == load_model(model).sha256
    assert [int(run[item]) for item in ("photos", "graded", "not graded")] == [9, 9, 0]
    assert run["weights"] == "learned"
    assert re.fullmatch(r"\d+\.\d+\.\d+", run["toolkit"])
    assert float(run["seconds"]) > 0


def test_weights_make_the_face_of_its_patches(workbook, photos, model, tmp_path):
    half_and_whole = [photos[0], photos[2]]
    learned = grades_of(workbook).set_index("photo")
    for name, weights in (("equal", (1, 1, 1, 1)), ("mmasi", (0.3, 0.3, 0.3, 0.1))):
        found = grade(tmp_path / f"{name}.xlsx", *half_and_whole, "--model", model, "--weights", name)
        patches = found[list(REGIONS)].to_numpy(float)
        shares = np.isfinite(patches) * np.array(weights)
        patchwise = np.nansum(patches * shares, axis=1) / shares.sum(axis=1)
        assert found["grade"].to_numpy() == pytest.approx(patchwise, abs=1e-4)
        # The patches are graded as ever; only what is made of them differs.
        before = learned.loc[found["photo"]]
        assert patches == pytest.approx(before[list(REGIONS)].to_numpy(float), abs=1e-4, nan_ok=True)
        assert np.abs(found["grade"].to_numpy() - before["grade"].to_numpy()).max() > 1e-4


def test_csv_results_hold_the_same(workbook, photos, model, tmp_path):
    succeeds("grade", photos[0], photos[2], "--out", tmp_path / "x.csv", "--model", model, "--workers", 1)
    found = read_table(tmp_path / "x.csv", encoding="utf-8-sig")
    assert list(found.columns) == GRADES
    before = grades_of(workbook).set_index("photo").loc[found["photo"]]
    assert found["grade"].to_numpy() == pytest.approx(before["grade"].to_numpy(), abs=1e-4)
    assert len(read_table(tmp_path / "x_patches.csv")) == 7
    assert len(read_table(tmp_path / "x_sides.csv")) == 2
    reasons = read_table(tmp_path / "x_contributions.csv")
    in_sheet = read_table(workbook, sheet_name="Contributions")
    in_sheet = in_sheet[in_sheet["photo"].isin(found["photo"])]
    assert reasons["figure"].tolist() == in_sheet["figure"].tolist() and set(reasons["photo"]) == set(
        found["photo"]
    )
    sums = reasons.groupby("photo")["contribution"].sum().loc[found["photo"]]
    assert sums.to_numpy() == pytest.approx(found["grade"].to_numpy(), abs=0.02)  # reasons of 0.00 are none
    assert len(read_table(tmp_path / "x_evidence.csv")) <= 21
    assert "model sha256" in set(read_table(tmp_path / "x_run.csv")["item"])


def test_photos_are_graded_in_the_order_given_and_once(photos, model, tmp_path):
    given = [photos[3], photos[0], photos[3].parent / ".." / "images" / photos[3].name, photos[1]]
    found = grade(tmp_path / "x.xlsx", *given, "--model", model)
    assert list(found["photo"]) == [photos[3].name, photos[0].name, photos[1].name]


def test_two_workers_give_the_grades_of_one(workbook, photos, model, tmp_path):
    out = tmp_path / "two.xlsx"
    succeeds("grade", *photos[:4], "--out", out, "--model", model, "--workers", 2)
    found, before = grades_of(out), grades_of(workbook).head(4)
    assert list(found["photo"]) == list(before["photo"])
    assert found["grade"].to_numpy() == pytest.approx(before["grade"].to_numpy(), abs=1e-4)


def test_the_starter_model_grades_and_says_what_it_is(photos, tmp_path):
    if not (starter_folder() / "model.json").is_file():
        pytest.skip("models/starter is not there: python -m benchmarks.making.starter makes it")
    out = tmp_path / "starter.xlsx"
    said = succeeds("grade", *photos[:3], "--out", out, "--workers", 1)
    assert "starter model, calibrated on simulated pigment" in said
    assert "3 of 3 photos graded" in said
    assert grades_of(out)["grade"].between(0, 9).all()
    run = run_of(out)
    assert run["model"] == "starter"


def test_compare_reads_what_grade_and_phantom_write(workbook, study):
    script = ROOT / "scripts" / "compare"
    command = [sys.executable, str(script), str(workbook), str(study / "truth.csv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("9 of 9 photos graded")
    assert all(
        name in done.stdout for name in ("toolkit", "always this study's mean", "one simulated grader")
    )


@pytest.mark.skipif(not FACES.is_dir(), reason="the real photographs are not on this machine")
def test_real_photographs_are_graded_or_say_which_region_is_missing(model, tmp_path):
    faces = sorted(FACES.glob("*.jpg"))[:3]
    found = grade(tmp_path / "real.xlsx", *faces, "--model", model)
    assert list(found["photo"]) == [face.name for face in faces]
    assert found["grade"].notna().all()
    notes = found["note"].dropna()
    told = ("patch: too little skin", "out of range: unlike every graded reference")  # of phantoms alone
    assert all(any(one in note for one in told) for note in notes), list(notes)
    assert found[["forehead", "left_cheek", "right_cheek"]].notna().all(axis=None)  # a beard may hide a chin


# --- photographs that cannot be used -------------------------------------------------------------

BAD = {
    "empty.jpg": "empty",
    "noface.jpg": "no face found",
    "text.jpg": "not a picture",
    "truncated.jpg": "damaged",
}
GOOD = ("=1+1.jpg", "x.jpg/inside.jpg", "лицо-顔.jpg")


@pytest.fixture(scope="session")
def mixed_bag(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bag")
    data = photos[0].read_bytes()
    (folder / "x.jpg").mkdir()
    for name in GOOD:
        (folder / name).write_bytes(data)
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no picture")
    (folder / "truncated.jpg").write_bytes(data[: len(data) // 3])
    grain = np.array([190, 150, 120]) + np.random.default_rng(0).integers(0, 12, (500, 400, 3))
    Image.fromarray(grain.astype(np.uint8)).save(folder / "noface.jpg")
    return folder


def test_bad_photos_keep_their_row_and_the_others_are_graded(mixed_bag, model, tmp_path):
    found = grade(tmp_path / "bag.xlsx", mixed_bag, "--model", model).set_index("photo")
    assert set(found.index) == {*BAD, *GOOD}
    for name, reason in BAD.items():
        row = found.loc[name]
        assert row[["grade", "lower", "upper", "severity", *REGIONS]].isna().all(), name
        assert reason in row["note"], name
        assert "\n" not in row["note"]
    assert found.loc[list(GOOD), "grade"].notna().all()
    # The model learnt from that picture: it is told, and its own references do not answer.
    assert found.loc[list(GOOD), "note"].str.startswith("the same picture as P0").all()
    assert found.loc[list(GOOD), "grade"].nunique() == 1  # one picture under three names
    import openpyxl

    sheet = openpyxl.load_workbook(tmp_path / "bag.xlsx")["Grades"]
    cell = next(row[0] for row in sheet.iter_rows(min_row=2) if row[0].value == "=1+1.jpg")
    assert cell.data_type == "s"  # text, no formula


def test_patches_of_a_mixed_bag_name_the_failures(mixed_bag, tmp_path):
    said = succeeds("extract-patches", mixed_bag, "--out", tmp_path / "out", "--overlays", "--workers", 1)
    lines = said.splitlines()
    assert lines[0].startswith("9 patches of 3 of 7 photos")
    assert {line.split(":")[0] for line in lines[1:]} == set(BAD)
    faces = {face.name: face for face in load_patches(tmp_path / "out")}
    assert set(faces) == {*BAD, *GOOD}
    assert all(reason in faces[name].notes[0] for name, reason in BAD.items())
    assert all((tmp_path / "out" / "overlays" / name).is_file() for name in GOOD)


def test_a_name_that_is_no_text_is_graded(photos, model, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    try:
        path.write_bytes(photos[0].read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")
    assert grade(tmp_path / "x.xlsx", path, "--model", model)["grade"].notna().all()


def test_nothing_but_bad_photos_still_gives_a_workbook_and_status_1(mixed_bag, model, tmp_path):
    bad = [mixed_bag / name for name in BAD]
    done = toolkit("grade", *bad, "--out", tmp_path / "bad.xlsx", "--model", model, "--workers", 1)
    assert done.status == 1
    assert "0 of 4 photos graded" in done.out
    found = grades_of(tmp_path / "bad.xlsx")
    assert list(found["photo"]) == list(BAD)
    assert found["grade"].isna().all() and found["note"].notna().all()
    assert toolkit("extract-patches", *bad, "--out", tmp_path / "none", "--workers", 1).status == 1


def test_training_leaves_bad_photos_out_and_says_so(study, tmp_path):
    (tmp_path / "P0001_FACE_L_S00_V00D00W00.jpg").write_text("no picture")
    options = ("--grades", study / "grades.xlsx", "--out", tmp_path / "m", "--workers", 1)
    done = toolkit("train", tmp_path, *options)
    assert done.status == 1
    assert done.err.startswith("toolkit: no photograph could be used: ")
    assert "not a picture" in done.err
    assert not (tmp_path / "m").exists()


# --- mistakes on the command line ----------------------------------------------------------------

MISTAKES = {
    "missing photos": ("grade nowhere --out {tmp}/x.xlsx --model {model}", "nowhere: no such file"),
    "folder without photos": ("grade {tmp} --out {tmp}/x.xlsx --model {model}", "no photographs in"),
    "missing model": ("grade {photo} --out {tmp}/x.xlsx --model {tmp}/none", "none: there is no such folder"),
    "model that is a file": (
        "grade {photo} --out {tmp}/x.xlsx --model {grades}",
        "is a file, and a model is a folder",
    ),
    "no results format": ("grade {photo} --out {tmp}/x.txt --model {model}", ".xlsx or .csv"),
    "results into a folder": ("grade {photo} --out {folder}.xlsx --model {model}", "is a folder"),
    "missing landmark model": (
        "grade {photo} --out {tmp}/x.xlsx --model {model} --landmark-model no.dat --workers 1",
        "no.dat: no such landmark model",
    ),
    "landmarks of no kind": (
        "extract-patches {photo} --out {tmp}/p --landmarks mesh --workers 1",
        "choose one of facemesh, dlib",
    ),
    "landmarks of two kinds": (
        "extract-patches {photo} --out {tmp}/p --landmarks facemesh --landmark-model {grades} --workers 1",
        "leave out --landmarks facemesh",
    ),
    "landmark model of no kind": (
        "extract-patches {photo} --out {tmp}/p --landmark-model {grades} --workers 1",
        "not a dlib shape predictor",
    ),
    "missing grades": ("train {photo} --grades none.xlsx --out {tmp}/m", "none.xlsx: there is no such file"),
    "grades that are a photo": ("train {photo} --grades {photo} --out {tmp}/m", ".xlsx, .xlsm, .csv"),
    "damaged grades": ("train {photo} --grades {tmp}/bad.xlsx --out {tmp}/m", "bad.xlsx"),
    "no column of that name": (
        "train {photo} --grades {grades} --out {tmp}/m --column grade=Nope",
        "no column 'Nope'",
    ),
    "no role of that name": (
        "train {photo} --grades {grades} --out {tmp}/m --column nope=side",
        "unknown column role 'nope'",
    ),
    "column without a role": (
        "train {photo} --grades {grades} --out {tmp}/m --column Score",
        "--column Score: write it as role=name",
    ),
    "no patches": ("build-index {tmp} --grades {grades} --model {model}", "no manifest"),
    "index over other files": (
        "build-index {patches} --grades {grades} --model {model} --out {study}",
        "is not a model folder",
    ),
    "patches over a file": ("extract-patches {photo} --out {grades} --workers 1", "a file has that name"),
    "phantoms over other files": ("phantom {folder}", "holds files already (images)"),
    "no faces to paint on": ("phantom {tmp}/new --faces {tmp}/none", "none is no folder"),
}


@pytest.mark.parametrize(("line", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_status_1(line, told, study, photos, patches, model, tmp_path):
    (tmp_path / "folder.xlsx").mkdir()
    (tmp_path / "folder" / "images").mkdir(parents=True)
    (tmp_path / "folder" / "images" / "mine.txt").write_text("mine")
    (tmp_path / "bad.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    places = {
        "tmp": tmp_path,
        "folder": tmp_path / "folder",
        "model": model,
        "photo": photos[0],
        "grades": study / "grades.xlsx",
        "patches": patches,
        "study": study,
    }
    done = toolkit(*(part.format(**places) for part in line.split()))
    assert done.status == 1, done
    assert done.err.count("\n") == 1 and done.err.startswith("toolkit: ")
    assert told in done.err
    assert not (tmp_path / "m").exists() and not (tmp_path / "x.xlsx").exists()
    assert (study / "truth.csv").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("grade", "nowhere", "--out", "x.xlsx"),
        ("build-index", "nowhere", "--grades", "grades.xlsx", "--model", "none"),
    ],
)
def test_a_mistake_in_a_process_of_its_own(arguments, tmp_path):
    command = [sys.executable, "-m", "toolkit.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("toolkit: "), done.stderr
    assert done.stdout == ""


def test_a_failed_run_leaves_earlier_results(workbook, model, tmp_path):
    kept = tmp_path / "grades.xlsx"
    shutil.copy2(workbook, kept)
    assert toolkit("grade", "nowhere", "--out", kept, "--model", model).status == 1
    assert kept.read_bytes() == workbook.read_bytes()


# --- help ----------------------------------------------------------------------------------------


def test_commands_and_options_are_those_promised():
    commands = get_command(app).commands
    assert set(commands) == set(CONTRACT)
    for name, wanted in CONTRACT.items():
        assert wanted <= {option for parameter in commands[name].params for option in parameter.opts}, name


@pytest.mark.parametrize("name", CONTRACT)
def test_help_ends_in_an_example_of_the_command(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    said = succeeds(name, "--help")
    last = said.strip().splitlines()[-1].strip()
    assert last.startswith("Example:")
    words = last.removeprefix("Example:").split()
    assert words[:2] == ["toolkit", name]
    known = {option for parameter in get_command(app).commands[name].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_info_loads_nothing_that_takes_seconds():
    code = "import sys; from toolkit.info import describe; print(*describe()); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not {"tensorflow", "keras", "faiss", "sklearn"} & set(done.stdout.splitlines()[-1].split())
    assert "NVIDIA GPUs" in done.stdout


def test_info_names_versions_and_models(model, monkeypatch):
    monkeypatch.chdir(model.parent.parent)
    (model.parent.parent / "models").symlink_to(model.parent)
    said = succeeds("info")
    assert "missing" not in said.replace(f"{starter_folder()}: is no model (model.json is missing)", "")
    assert all(name in said for name in ("numpy", "dlib-bin", "tensorflow", "faiss", "lightgbm"))
    assert f"{model}: 9 photos of 6 subjects" in said
    assert "facemesh68.onnx (Apache License 2.0)" in said


def test_version():
    from toolkit import __version__

    assert succeeds("--version") == f"{__version__}\n"


def test_a_kept_network_and_a_new_one_exclude_each_other(tmp_path):
    arguments = ("train", tmp_path, "--grades", tmp_path / "g.xlsx", "--out", tmp_path / "m")
    done = toolkit(*arguments, "--encoder", tmp_path / "other", "--from-scratch")
    assert done.status == 1 and "choose one of them" in done.err
