"""The table of features and the pictures beside it, from the command line and from the functions under it."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_photos import as_photo, cut_of, drawn_half
from PIL import Image
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.commands.measuring import measure_features
from toolkit.commands.phantoms import make_phantoms, phantom_report
from toolkit.errors import PhotoError, ToolkitError
from toolkit.landmarks import FaceFinder
from toolkit.photos import photo_files
from toolkit.pigment import measure
from toolkit.pigment.overlay import draw_pigment
from toolkit.records import Patch
from toolkit.settings import Settings
from toolkit.workers import measure_all

FACTS = ["photo", "subject", "side", "visit", "region", "quality", "note"]
HOSTILE = '=HYPERLINK("x")\n, 顔.png'
SPOT_OD = 0.5


def read(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def toolkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A left half face under two names, a text, and a picture of nothing."""
    folder = tmp_path_factory.mktemp("photos")
    half = Image.fromarray(drawn_half("left"))
    half.save(folder / "P0007_FACE_L_S00_V00D00W04.jpg", quality=95)
    half.save(folder / HOSTILE)
    (folder / "text.jpg").write_text("no picture")
    Image.new("RGB", (300, 300), (190, 150, 120)).save(folder / "plain.png")
    return folder


@pytest.fixture(scope="module")
def done(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    said = toolkit(
        *("features", folder, "--out", out / "f.csv", "--overlays", out / "seen", "--workers", 1, "--quiet")
    )
    return said, out


@pytest.fixture(scope="module")
def seen():
    """(photo, patches) of the left half face."""
    photo = as_photo(drawn_half("left"))
    settings = Settings()
    face = FaceFinder(None, settings.face).find(photo, "left")
    return photo, cut_of(photo, face)[0]


# --- the table -----------------------------------------------------------------------------------


def test_a_row_a_patch_with_the_facts_first_and_every_feature(folder, done, seen):
    said, out = done
    assert said.exit_code == 3, said.output
    rows = read(out / "f.csv")
    features = list(measure(seen[1][0], Settings().pigment)[0])
    assert list(rows[0]) == FACTS + features
    assert f"{len(features)} features of 6 patches of 2 of 4 photos" in said.output
    mine = [row for row in rows if row["photo"].startswith("P0007")]
    assert [row["region"] for row in mine] == ["forehead", "left_cheek", "chin"]
    assert {(r["subject"], r["side"], r["visit"], r["note"]) for r in mine} == {
        ("P0007", "left", "Week 4", "")
    }
    assert all(math.isfinite(float(row[name])) for row in mine for name in features)


def test_figures_are_those_of_measure_in_full(folder, done):
    (result,) = measure_all(photo_files([folder / "P0007_FACE_L_S00_V00D00W04.jpg"]), Settings(), None, 1)
    rows = [row for row in read(done[1] / "f.csv") if row["photo"].startswith("P0007")]
    for row, measured in zip(rows, result.figures, strict=True):
        assert row["region"] == measured.region
        for name, value in measured.values.items():
            assert float(row[name]) == value, name


def test_photos_that_fail_keep_a_row_with_the_reason(done):
    said, out = done
    rows = {row["photo"]: row for row in read(out / "f.csv")}
    for name, reason in (("text.jpg", "not a picture"), ("plain.png", "one colour")):
        assert reason in rows[name]["note"] and reason in said.output
        assert rows[name]["quality"] == "unusable"
        assert rows[name]["region"] == "" and set(list(rows[name].values())[7:]) == {""}


def test_no_name_is_a_formula(folder, done, tmp_path):
    assert sum(row["photo"] == f"'{HOSTILE}" for row in read(done[1] / "f.csv")) == 3
    measure_features([folder / HOSTILE, folder / "text.jpg"], tmp_path / "f.xlsx")
    import openpyxl

    sheet = openpyxl.load_workbook(tmp_path / "f.xlsx").active
    assert [cell.value for cell in sheet[1]][:7] == FACTS
    names = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in names] == [HOSTILE] * 3 + ["text.jpg"]
    assert {cell.data_type for cell in names} == {"s"}
    rows = [row for row in read(done[1] / "f.csv") if row["photo"].endswith(HOSTILE)]
    for row, cells in zip(rows, sheet.iter_rows(min_row=2, values_only=True), strict=False):
        assert [float(x) for x in list(row.values())[7:]] == pytest.approx(list(cells[7:]), rel=1e-14)


def test_nothing_but_bad_photos_is_status_1_with_a_table(folder, tmp_path):
    said = toolkit("features", folder / "text.jpg", "--out", tmp_path / "f.csv", "--workers", 1)
    assert said.exit_code == 1
    assert "0 of 1 photo:" in said.output
    assert [row["photo"] for row in read(tmp_path / "f.csv")] == ["text.jpg"]


def test_mistakes_are_told_before_anything_is_measured(folder, tmp_path):
    with pytest.raises(ToolkitError, match=r"\.xlsx or \.csv"):
        measure_features([folder], tmp_path / "f.txt")
    with pytest.raises(PhotoError, match="no photographs in"):
        measure_features([tmp_path], tmp_path / "f.csv")


def test_pictures_never_lie_among_the_photographs(folder, tmp_path):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for images, overlays in (
        ([folder], folder),
        ([folder], folder / "seen"),
        ([folder / "text.jpg"], folder),
        ([folder], folder.parent),
    ):
        with pytest.raises(ToolkitError, match="lies among the photographs"):
            measure_features(images, tmp_path / "f.csv", overlays)
    (tmp_path / "file").touch()
    with pytest.raises(ToolkitError, match="no folder can be made"):
        measure_features([folder], tmp_path / "f.csv", tmp_path / "file")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


# --- the pictures --------------------------------------------------------------------------------


def test_a_picture_a_measured_photo(done):
    pictures = sorted((done[1] / "seen").iterdir())
    assert {path.name for path in pictures} == {"P0007_FACE_L_S00_V00D00W04.jpg", f"{HOSTILE}.jpg"}
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.format == "JPEG"
            assert 1000 < max(picture.size) <= 1600


def with_spot(patch: Patch, density, shape=(1.0, 1.0, 1.0), radius=6):
    """The patch on even skin with one disc of added optical density, and where it lies."""
    pixels = np.full(patch.pixels.shape, (200, 160, 135), np.uint8)
    distance = cv2.distanceTransform(patch.skin.astype(np.uint8), cv2.DIST_L2, 5)
    y, x = np.unravel_index(distance.argmax(), distance.shape)
    disc = cv2.circle(np.zeros(patch.skin.shape, np.uint8), (int(x), int(y)), radius, 1, -1) > 0
    linear = (pixels / 255.0) ** 2.2
    linear[disc] *= np.exp(-density * np.array(shape))
    return replace(patch, pixels=np.round(255 * linear ** (1 / 2.2)).astype(np.uint8)), disc


def near_colour(picture, colour, tolerance=40):
    return np.abs(picture.astype(int) - colour).max(axis=-1) <= tolerance


@pytest.mark.parametrize(
    ("colour", "density", "shape"),
    [((86, 180, 233), 0.25, (0.4, 1.0, 2.0)), ((213, 94, 0), 0.4, (0.1, 1.0, 1.0))],
    ids=["pigment", "blood"],
)
def test_a_region_is_outlined_where_it_lies_in_the_colour_of_its_kind(seen, colour, density, shape):
    photo, patches = seen
    cheek = next(patch for patch in patches if patch.region == "left_cheek")
    spotted, disc = with_spot(cheek, density, shape)
    plain, _ = with_spot(cheek, 0.0)
    settings = Settings().pigment
    # The same photo under both, so that whatever differs in the last panel is the region.
    with_region, without = (draw_pigment(photo, [patch], settings) for patch in (spotted, plain))
    width = (with_region.shape[1] - 32) // 3
    last = (slice(34, -270), slice(-8 - width, -8))
    changed = (with_region[last] != without[last]).any(axis=-1)
    outline = near_colour(with_region[last], colour) & changed
    assert outline.sum() > 30
    ys, xs = np.nonzero(outline)
    holes = cv2.connectedComponents((~outline).astype(np.uint8), connectivity=4)[0]
    assert holes >= 3  # a closed line: an inside and an outside
    reach = max(np.ptp(ys), np.ptp(xs))
    scale = reach / (2 * np.sqrt(disc.sum() / np.pi))
    assert 0.8 * width / cheek.skin.shape[1] < scale < 2.5 * width / cheek.skin.shape[1]


def test_the_map_shows_the_deviation_on_its_scale(seen):
    photo, patches = seen
    cheek = next(patch for patch in patches if patch.region == "left_cheek")
    settings = Settings().pigment
    spotted, _ = with_spot(cheek, SPOT_OD, (0.4, 1.0, 2.0))
    picture = draw_pigment(photo, [spotted], settings)
    width = (picture.shape[1] - 32) // 3
    middle = picture[34:-270, 16 + width : 16 + 2 * width]
    brightest = cv2.applyColorMap(np.array([[255]], np.uint8), cv2.COLORMAP_VIRIDIS)[0, 0, ::-1]
    assert near_colour(middle, brightest, 10).any()
    plain = draw_pigment(photo, [with_spot(cheek, 0.0)[0]], settings)[34:-270, 16 + width : 16 + 2 * width]
    assert not near_colour(plain, brightest, 10).any()


@pytest.mark.parametrize("size", [(120, 4000), (4000, 120)])
def test_odd_shapes_fit_and_the_legend_stays_on(size):
    """A patch as long and thin as they come."""
    pixels = np.full((*size, 3), (190, 150, 120), np.uint8)
    eye = np.array([[1.0, 0, 0], [0, 1, 0]])
    patch = Patch("chin", pixels, np.ones(size, bool), 3.0, eye)
    picture = draw_pigment(as_photo(pixels), [patch], Settings().pigment, "é" * 400)
    assert picture.dtype == np.uint8
    assert 1000 < max(picture.shape[:2]) <= 1600
    assert near_colour(picture[-270:, :40], (86, 180, 233), 5).any()


def test_no_patches_is_refused():
    with pytest.raises(ValueError, match="no patch"):
        draw_pigment(as_photo(np.full((50, 50, 3), 120, np.uint8)), [], Settings().pigment)


# --- phantoms ------------------------------------------------------------------------------------


def test_phantoms_note_their_graders_and_write_maps(tmp_path):
    made = make_phantoms(tmp_path, 2, 1, "half", seed=3, grades=[2.0, 6.0], save_maps=True)
    note = json.loads((tmp_path / "phantom.json").read_text())
    truth = read(tmp_path / "truth.csv")
    latent = np.array([float(row["latent_grade"]) for row in truth])
    assert note["noise_floor"]["grader_rmse"] == made.grader_rmse
    assert set(note["graders"]) == {"grader_1", "grader_2", "grader_3"}
    for name, figures in note["graders"].items():
        given = np.array([float(row[name]) for row in truth])
        assert figures["bias"] == pytest.approx((given - latent).mean(), abs=1e-3)
        fitted = np.polynomial.Polynomial.fit(latent, given, 1)
        assert figures["slope"] == pytest.approx(fitted.convert().coef[1], abs=1e-3)
    assert "grader_2: bias " in phantom_report(tmp_path, made)
    maps = sorted(path.stem for path in (tmp_path / "maps").iterdir())
    assert maps == sorted(Path(row["file"]).stem for row in truth)


def test_one_phantom_has_no_line_to_speak_of(tmp_path):
    made = make_phantoms(tmp_path, 1, 1, "full", seed=3)
    assert json.loads((tmp_path / "phantom.json").read_text())["graders"]["grader_1"]["slope"] is None
    report = phantom_report(tmp_path, made)
    assert "slope" not in report and "straight line" not in report
