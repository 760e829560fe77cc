"""Which photograph's colours are corrected by what, and that grades by one chart are never taken for those by another."""

import csv
import dataclasses

import numpy as np
import pytest
from colour_charts import LOOKS, chart_picture, seen
from command_line import toolkit
from graded_study import write_photos
from PIL import Image

from toolkit.commands.colours import NO_COLOURS, PatternRow, read_colours
from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest
from toolkit.errors import ToolkitError
from toolkit.phantom.colourchart import draw_colour_chart
from toolkit.photos import find_photo_files
from toolkit.records import IN_FRAME, ColourCorrection, PhotoFacts, PhotoFile
from toolkit.store import open_store


def load_workbook(path):
    import openpyxl

    return openpyxl.load_workbook(path)


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    """A picture of a chart by each camera."""
    folder = tmp_path_factory.mktemp("charts")
    for look in LOOKS:
        Image.fromarray(chart_picture(look)).save(folder / f"{look}.png")
    Image.fromarray(np.full((300, 400, 3), 120, np.uint8)).save(folder / "grey.png")
    return folder


def table(path, *rows, heading=("photos", "chart")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heading, *rows])
    return path


def files(*paths):
    return [PhotoFile(path, path.name, PhotoFacts(path.stem)) for path in paths]


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("site-A", "site-A/visit 1/x.jpg", True),
        ("SITE-a/*", "site-A/x.jpg", True),
        ("site-A", "site-AB/x.jpg", False),
        ("*_V02*", "P1_FACE_L_V02D00.jpg", True),
        ("*_V02*", "P1_FACE_L_V03D00.jpg", False),
        ("site-B/*_V02*", "site-A/P1_V02.jpg", False),
        ("site-A\\*", "site-A/x.jpg", True),
        ("*", "anything/x.jpg", True),
        ("x.jpg", "deep/down/x.jpg", True),
    ],
)
def test_patterns_name_photos_and_folders(tmp_path, pattern, path, wanted):
    assert PatternRow(2, pattern, {}).names(tmp_path / "study" / path) is wanted


def test_a_photograph_of_a_chart_corrects_every_photo(charts, tmp_path):
    colours = read_colours(str(charts / "warm.png"))
    (given,) = colours.given_to(files(tmp_path / "x.jpg"))
    assert isinstance(given.colour, ColourCorrection) and given.colour.source == "warm.png"
    assert colours.kind == "chart" and colours.files == (charts / "warm.png",)
    assert "warm.png: 2" in colours.remarks[0] and "CIEDE2000" in colours.remarks[0]


def test_nothing_asked_is_nothing_done(tmp_path):
    photos = files(tmp_path / "x.jpg")
    assert read_colours(None) is NO_COLOURS
    assert NO_COLOURS.given_to(photos) == photos and NO_COLOURS.kind == ""


def test_a_table_gives_each_camera_its_chart(charts, tmp_path):
    path = table(
        charts / "table.csv", ["A", "warm.png"], ["B/*_V01*", "flat.png"], ["B/*_V02*", "in-frame"], ["C", ""], ["", "flat.png"]
    )  # fmt: skip
    photos = files(*(tmp_path / name for name in ("A/x.jpg", "B/x_V01.jpg", "B/x_V02.jpg", "C/x.jpg")))
    colours = read_colours(path)
    given = [file.colour for file in colours.given_to(photos)]
    assert [given[0].source, given[1].source, *given[2:]] == ["warm.png", "flat.png", IN_FRAME, None]
    assert (
        set(colours.files) == {path, charts / "warm.png", charts / "flat.png"} and len(colours.remarks) == 2
    )
    with pytest.raises(ToolkitError, match=r"table.csv: 1 photo in no row \(D.jpg\): add a row"):
        colours.given_to(files(tmp_path / "D.jpg"))
    with pytest.raises(
        ToolkitError, match=r"table.csv: rows 2 and 3 both name x_V01.jpg, with different charts"
    ):
        colours.given_to(files(tmp_path / "A" / "B" / "x_V01.jpg"))


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda folder: folder / "missing.jpg", "missing.jpg: no such file: name a photograph of a colour chart"),
        (lambda folder: folder / "grey.png", "grey.png: no colour chart found: photograph a ColorChecker"),
        (lambda folder: folder / "missing.csv", "missing.csv: no such file"),
        (lambda folder: table(folder / "a.csv", ["x", "y"], heading=("photo", "colours")), "a.csv: no row reads as the header of a table with the columns photos and chart, or with those that toolkit match-cameras writes (first row: photo, colours): give its columns these headings"),
        (lambda folder: table(folder / "b.csv", ["", "y"]), "b.csv: no row names photographs"),
        (lambda folder: table(folder / "c.csv", ["*", "none.jpg"]), "none.jpg: no such file"),
        (lambda folder: table(folder / "d.csv", ["*", "1", "1", "1", "0", "1", "1"], heading=("photos", *(f"{c}_{f}" for f in ("gain", "power") for c in ("red", "green", "blue")))), "d.csv, row 2: gains and powers must be numbers, powers over 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_one_line(charts, make, wanted):
    with pytest.raises(ToolkitError) as told:
        read_colours(make(charts))
    assert wanted in str(told.value) and "\n" not in str(told.value)


def test_a_chart_among_the_photographs_is_no_face(charts, tmp_path):
    paths = write_photos(tmp_path / "photos", 1)
    Image.fromarray(chart_picture("warm")).save(tmp_path / "photos" / "chart.png")
    colours = read_colours(tmp_path / "photos" / "chart.png")
    found = find_photo_files([tmp_path / "photos"])
    assert len(found) == 2 and [file.path for file in colours.without_charts(found)] == paths
    with pytest.raises(ToolkitError, match="is the colour chart itself"):
        colours.without_charts(find_photo_files([tmp_path / "photos" / "chart.png"]))


def graded(photos, out, colour):
    run = grade_photos([photos], out, colour=colour)
    return run, [one.grade for one in run.grades]


@pytest.mark.slow
def test_grades_by_one_chart_are_not_those_by_another(charts, tmp_path):
    photos = tmp_path / "photos"
    write_photos(photos, 3)
    out = tmp_path / "grades.xlsx"
    plain, as_they_come = graded(photos, out, None)
    warm, by_warm = graded(photos, out, charts / "warm.png")
    assert plain.earlier == warm.earlier == 0 and as_they_come != by_warm
    again, same = graded(photos, out, charts / "warm.png")
    assert again.earlier == 3 and same == by_warm
    flat, by_flat = graded(photos, out, charts / "flat.png")
    assert flat.earlier == 0 and by_flat != by_warm
    back, without = graded(photos, out, None)
    assert back.earlier == 3 and without == as_they_come
    assert any("flat.png" in line for line in flat.remarks) and not any(
        "chart" in line for line in back.remarks
    )
    with open_store(out) as store:
        assert [colour for _, colour in store.colours()] == [None] * 3


@pytest.mark.slow
def test_the_workbook_tells_what_was_corrected(charts, tmp_path):
    photos = tmp_path / "photos"
    paths = write_photos(photos, 3)
    chart = seen(draw_colour_chart(20))
    pixels = np.asarray(Image.open(paths[2])).copy()  # a whole face
    pixels[-chart.shape[0] :, : chart.shape[1]] = chart
    Image.fromarray(pixels).save(paths[2], quality=95)
    out, columns = (
        tmp_path / "grades.xlsx",
        ("photo", "correction", "patches", "error_before", "error_after", "note"),
    )
    grade_photos([photos], out, colour=IN_FRAME, report=ReportRequest(tmp_path / "r.html"))
    book = load_workbook(out)
    rows = {row[0]: row for row in book["Colour"].iter_rows(values_only=True)}
    assert rows.pop("photo") == columns
    by_chart = [row for row in rows.values() if row[1]]
    assert len(rows) == 3 and [row[0] for row in by_chart] == [paths[2].name]
    assert by_chart[0][1] == "chart in the frame" and by_chart[0][2] >= 20 and by_chart[0][4] < 3
    notes = {row[0]: row[-1] or "" for row in book["Grades"].iter_rows(values_only=True)}
    assert sum("no colour chart found" in note for note in notes.values()) == 2
    told = {(row[0], row[1]) for row in book["Dictionary"].iter_rows(values_only=True)}
    assert {("Colour", name) for name in columns} <= told
    assert ("colours corrected by", IN_FRAME) in set(book["Run"].iter_rows(values_only=True))
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count("shown and measured with corrected colours (chart in the frame: 2") == 1
    grade_photos([photos], out)
    assert "Colour" not in load_workbook(out).sheetnames


@pytest.mark.slow
def test_cameras_are_matched_by_the_skin_of_the_same_people(tmp_path):
    photos = tmp_path / "photos"
    for path in write_photos(photos, 8):
        pixels = np.asarray(Image.open(path))
        other = np.where(pixels > 8, 255 * (pixels / 255.0) ** [1.1, 1.25, 1.3], pixels).astype(np.uint8)
        (photos / "B").mkdir(exist_ok=True)
        Image.fromarray(other).save(photos / "B" / path.name, quality=95)
    cameras = table(
        tmp_path / "cameras.csv", ["B", "second"], ["photos/P*", "first"], heading=("photos", "camera")
    )
    done = toolkit("match-cameras", photos, "--cameras", cameras, "--out", tmp_path / "m.csv", "--workers", 1)
    assert done.status == 0 and "before and" in done.out, done
    with (tmp_path / "m.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = {row["camera"]: row for row in csv.DictReader(file)}
    assert rows["first"]["photos"] == "photos/P*" and int(rows["first"]["subjects"]) >= 4
    colours = read_colours(tmp_path / "m.csv")
    assert colours.kind == "match"
    given = colours.given_to(find_photo_files([photos]))
    assert {file.colour.source for file in given} == {"match of camera first", "match of camera second"}
    again = toolkit(
        "features", photos, "--colour-match", tmp_path / "m.csv", "--out", tmp_path / "f.csv", "--workers", 1
    )
    assert again.status == 0
    plain = toolkit("features", photos, "--out", tmp_path / "p.csv", "--workers", 1)
    assert plain.status == 0
    assert apart(tmp_path / "f.csv") < 0.5 * apart(tmp_path / "p.csv")
    both = toolkit(
        "features",
        photos,
        "--colour-match",
        tmp_path / "m.csv",
        "--colour-chart",
        "x.jpg",
        "--out",
        tmp_path / "z.csv",
    )
    assert both.status == 1 and "choose one of them" in both.err


def test_one_camera_alone_is_not_matched(tmp_path):
    write_photos(tmp_path / "photos", 1)
    cameras = table(tmp_path / "cameras.csv", ["photos/*", "first"], heading=("photos", "camera"))
    done = toolkit("match-cameras", tmp_path / "photos", "--cameras", cameras, "--out", tmp_path / "m.csv")
    assert done.status == 1 and "cameras.csv: names 1 camera, and matching needs two" in done.err


def apart(path):
    """How far the two pictures of one face lie apart in their skin's melanin, on the mean."""
    found: dict = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["photo"].rpartition("/")[2], row["region"]), []).append(
                float(row["melanin_index"])
            )
    return np.mean([abs(a - b) for a, b in found.values()])


def test_a_correction_is_part_of_what_tells_two_photos_apart(charts, tmp_path):
    (photo,) = read_colours(charts / "warm.png").given_to(files(tmp_path / "x.jpg"))
    assert photo != dataclasses.replace(photo, colour=None)
