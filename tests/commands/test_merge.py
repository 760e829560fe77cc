"""Shares of a study graded by runs of their own, and joined: the same workbook as one run's, or a refusal in one line."""

import json
import sqlite3
from pathlib import Path

import pytest
from colour_charts import chart_picture
from command_line import toolkit
from graded_study import write_photos
from PIL import Image
from workbooks import cells, load

from toolkit.commands.grading import grade_photos
from toolkit.commands.merging import merge_parts
from toolkit.errors import ToolkitError
from toolkit.shares import Share, parse_share, share_of, take
from toolkit.store import store_path
from toolkit.workbook import write_sheets

pytestmark = pytest.mark.slow
PARTS = 2
PHOTOS = 7  # one of them broken


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Six photos, two of them visits of one side, and one that is broken; their grades in one run, and in shares."""
    folder = tmp_path_factory.mktemp("study")
    paths = write_photos(folder / "photos", 6)
    paths[3].rename(folder / "photos" / "P0000_FACE_L_S00_V00D00W04.jpg")
    (folder / "photos" / "broken.jpg").write_bytes(paths[0].read_bytes()[:5000])
    grade_photos([folder / "photos"], folder / "whole.xlsx")
    for number in range(1, PARTS + 1):
        grade_photos([folder / "photos"], folder / f"{number}.xlsx", share=Share(number, PARTS))
    return folder


@pytest.fixture
def parts(study):
    return [study / f"{number}.xlsx" for number in range(1, PARTS + 1)]


def copied(part, folder, name=None):
    """A part's workbook and store under another name."""
    target = folder / (name or part.name)
    target.write_bytes(part.read_bytes())
    store_path(target).write_bytes(store_path(part).read_bytes())
    return target


def test_merged_shares_are_the_workbook_of_one_run(study, parts, tmp_path):
    run = merge_parts(parts[::-1], tmp_path / "all.xlsx", report=None)
    assert (run.photos, run.graded) == (7, 6)
    whole = cells(study / "whole.xlsx")
    assert cells(tmp_path / "all.xlsx") == whole
    assert "Change" in load(tmp_path / "all.xlsx").sheetnames
    assert max(len(list(load(part)["Grades"].iter_rows())) for part in parts) < PHOTOS


def test_a_merged_workbook_goes_on_like_any_other(study, parts, tmp_path):
    out = tmp_path / "all.xlsx"
    merge_parts(parts, out)
    first = cells(out)
    assert grade_photos([study / "photos"], out).earlier == PHOTOS
    assert cells(out) == first
    merge_parts(parts, out)  # over its own results
    assert cells(out) == first


def test_the_page_is_made_of_the_parts_too(study, parts, tmp_path):
    call = ["--out", tmp_path / "all.xlsx", "--report", tmp_path / "r.html"]
    done = toolkit("merge", *parts, *call, "--quiet")
    assert done.status == 3, done  # one photo is broken
    assert "6 of 7 photos graded" in done.out and f"Page: {tmp_path / 'r.html'}" in done.out
    page = (tmp_path / "r.html").read_text()
    assert all(path.name in page for path in (study / "photos").iterdir())


def test_without_the_photographs_a_workbook_can_be_made(study, parts, tmp_path):
    (study / "photos").rename(study / "away")
    try:
        merge_parts(parts, tmp_path / "all.xlsx", change=False)
    finally:
        (study / "away").rename(study / "photos")
    whole = {
        cell: value
        for cell, value in cells(study / "whole.xlsx").items()
        if cell[0] not in ("Change", "Dictionary")
    }
    merged = {cell: value for cell, value in cells(tmp_path / "all.xlsx").items() if cell[0] != "Dictionary"}
    assert merged == whole


def test_runs_without_shares_follow_one_another(study, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    photos = sorted((study / "photos").glob("P*"))
    for number, path in enumerate(photos):
        folder = tmp_path / "ab"[number % 2]
        (folder / f"P000{number // 2}_FACE_L_V00D00W00.jpg").write_bytes(path.read_bytes())
    for name in "ab":
        grade_photos([tmp_path / name], tmp_path / f"{name}.xlsx")
    run = merge_parts([tmp_path / "a.xlsx", tmp_path / "b.xlsx"], tmp_path / "all.xlsx")
    names = [one.name for one in run.grades]
    assert names[:3] == [f"P000{n}_FACE_L_V00D00W00.jpg" for n in range(3)]
    assert names[3:] == [f"b/P000{n}_FACE_L_V00D00W00.jpg" for n in range(3)]
    assert all(one.grade is not None for one in run.grades)


def test_merged_parts_keep_their_corrected_colours(tmp_path):
    write_photos(tmp_path / "photos", 2)
    chart = tmp_path / "warm.png"
    Image.fromarray(chart_picture("warm")).save(chart)
    grade_photos([tmp_path / "photos"], tmp_path / "whole.xlsx", colour=chart)
    parts = [tmp_path / f"{number}.xlsx" for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        grade_photos([tmp_path / "photos"], part, share=Share(number, 2), colour=chart)
    out = tmp_path / "all.xlsx"
    assert not any("colours were" in line for line in merge_parts(parts, out).remarks)
    assert cells(out) == cells(tmp_path / "whole.xlsx")
    book = load(out)
    assert ("colours corrected by", "warm.png") in set(book["Run"].iter_rows(values_only=True))
    assert [row[1] for row in book["Colour"].iter_rows(min_row=2, values_only=True)] == ["warm.png"] * 2
    grade_photos([tmp_path / "photos"], parts[1], share=Share(2, 2))  # as they come
    (told,) = [line for line in merge_parts(parts, out).remarks if "colours were" in line]
    assert "warm.png, nothing (as they come)" in told


# --- what is refused -------------------------------------------------------------------------------


def refused(message, parts, tmp_path):
    with pytest.raises(ToolkitError, match=message) as told:
        merge_parts(parts, tmp_path / "all.xlsx")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "all.xlsx").exists()


def test_gaps_and_overlaps_are_named(study, parts, tmp_path):
    refused(r"1 share of 2 missing \(--part 2\)", [parts[0]], tmp_path)
    again = copied(parts[1], tmp_path, "again.xlsx")
    refused(r"again.xlsx: holds what .*2.xlsx holds \(share 2/2\)", [*parts, again], tmp_path)
    refused(r"whole.xlsx: is no share \(--part\)", [*parts, study / "whole.xlsx"], tmp_path)
    twice = copied(study / "whole.xlsx", tmp_path, "twice.xlsx")
    refused(
        r"twice.xlsx: holds what .*whole.xlsx holds \(broken.jpg, P0000",
        [study / "whole.xlsx", twice],
        tmp_path,
    )
    refused(r"none.xlsx: none.toolkit.sqlite.* is missing", [tmp_path / "none.xlsx"], tmp_path)


def changed_record(part, **changes):
    with sqlite3.connect(store_path(part)) as db:
        record = json.loads(db.execute("SELECT value FROM run").fetchone()[0])
        for key, value in changes.items():
            record[key] |= value
        db.execute("UPDATE run SET value = ?", (json.dumps(record),))


def test_shares_of_other_photographs_are_refused(parts, tmp_path):
    other = copied(parts[1], tmp_path)
    changed_record(other, taken={"photos": 8, "whole": "0"})
    refused(r"2.xlsx: is share 2/2 of 8 photos, .*1.xlsx is share 1/2 of 7", [parts[0], other], tmp_path)


def test_other_models_weights_and_versions_are_refused(parts, tmp_path):
    other = copied(parts[1], tmp_path)
    changed_record(other, versions={"numpy": "1.0"})
    refused(r"2.xlsx: was graded with numpy 1.0, ", [parts[0], other], tmp_path)
    for old, new, what in (
        ("learned", "equal", r"choice of --weights \(equal, not learned\)"),
        ('"model": "', '"model": "0', r"model \(0.*: name its model with --model"),
        ('"toolkit": "', '"toolkit": "9', r"version of toolkit \(9.*: grade it again with this version"),
    ):
        with sqlite3.connect(store_path(other)) as db:
            db.execute("UPDATE photos SET options = replace(options, ?, ?)", (old, new))
        refused(rf"2.xlsx: was graded with another {what}", [parts[0], other], tmp_path)


def test_what_was_not_finished_or_is_damaged_is_refused(parts, tmp_path):
    bad = copied(parts[0], tmp_path)
    with sqlite3.connect(store_path(bad)) as db:
        db.execute("UPDATE results SET grade = grade + 0.25 WHERE grade IS NOT NULL")
    refused(r"1.xlsx: [0-9]+ results? damaged: rerun", [bad, parts[1]], tmp_path)
    with sqlite3.connect(store_path(bad)) as db:
        db.execute("DELETE FROM results")
        db.execute(
            "UPDATE photos SET note = 'not reached: the run was interrupted; rerun the command to resume'"
        )
    refused(r"1.xlsx: [0-9]+ photos? not graded yet \(", [bad, parts[1]], tmp_path)


def test_nothing_that_is_read_is_written(parts, tmp_path):
    before = parts[0].read_bytes(), store_path(parts[0]).read_bytes()
    with pytest.raises(ToolkitError, match="would overwrite an input"):
        merge_parts(parts, parts[0], overwrite=True)
    assert (parts[0].read_bytes(), store_path(parts[0]).read_bytes()) == before
    write_sheets(tmp_path / "mine.xlsx", {"Table": [{"photo": "x"}]})
    with pytest.raises(ToolkitError, match="--overwrite"):
        merge_parts(parts, tmp_path / "mine.xlsx")


def test_grades_of_other_photographs_are_not_dropped_in_silence(study, parts, tmp_path):
    (tmp_path / "other").mkdir()
    whole = (study / "photos" / "P0001_FACE_F_S00_V00D00W00.jpg").read_bytes()
    (tmp_path / "other" / "x.jpg").write_bytes(whole + b"another file")
    out = tmp_path / "all.xlsx"
    grade_photos([tmp_path / "other"], out)
    with pytest.raises(ToolkitError, match=r"holds grades of 1 photo not among the 7 given \(x.jpg\)"):
        merge_parts(parts, out)
    assert merge_parts(parts, out, overwrite=True).photos == PHOTOS


# --- Parquet parts ---------------------------------------------------------------------------------


def test_a_folder_of_parts_is_resumed_and_merged_to_the_workbook_of_one_run(study, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    from toolkit.commands import partsrun
    from toolkit.store import parquet

    monkeypatch.setattr(parquet, "_ROWS", 2)
    folder, asked = tmp_path / "run.parts", []

    def stops(files, *rest, **more):
        asked.append(len(files))
        for done, one in enumerate(grade_all(files, *rest, **more)):
            if done == 3 and len(asked) == 1:
                raise ToolkitError("the cluster is gone")
            yield one

    grade_all = partsrun.grade_all
    monkeypatch.setattr(partsrun, "grade_all", stops)
    with pytest.raises(ToolkitError, match="is gone"):
        partsrun.grade_into_parts([study / "photos"], folder)
    with pytest.raises(ToolkitError, match=r"run.parts: its run has not ended"):
        merge_parts([folder], tmp_path / "all.xlsx")
    run = partsrun.grade_into_parts([study / "photos"], folder)
    assert asked == [PHOTOS, PHOTOS - 3] and (run.photos, run.done, run.earlier) == (PHOTOS, PHOTOS, 3)
    assert partsrun.grade_into_parts([study / "photos"], folder).earlier == PHOTOS
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", *[".parquet"] * 5]
    merge_parts([folder], tmp_path / "all.xlsx")
    assert cells(tmp_path / "all.xlsx") == cells(study / "whole.xlsx")
    some = merge_parts([folder], tmp_path / "some.xlsx", only="P0000*", change=False)
    assert [one.name for one in some.grades] == [
        path.name for path in sorted((study / "photos").glob("P0000*"))
    ]
    with pytest.raises(ToolkitError, match="no photo of the parts has such a name"):
        merge_parts([folder], tmp_path / "none.xlsx", only="x*")
    part = next(folder.glob("results-*"))
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(ToolkitError, match=f"{part.name}: is damaged"):
        merge_parts([folder], tmp_path / "bad.xlsx", overwrite=True)
    again = partsrun.grade_into_parts([study / "photos"], folder)  # what was damaged
    assert (again.done, asked[-1]) == (PHOTOS, PHOTOS - again.earlier) and asked[-1] in (1, 2)
    merge_parts([folder], tmp_path / "again.xlsx")
    assert cells(tmp_path / "again.xlsx") == cells(study / "whole.xlsx")


def test_a_folder_of_somebodys_files_is_no_folder_of_parts(study, tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "mine.parts").mkdir()
    (tmp_path / "mine.parts" / "notes.txt").write_text("mine")
    done = toolkit("grade", study / "photos", "--out", tmp_path / "mine.parts", "--workers", 1)
    assert done.status == 1 and "holds files that are no results" in done.err
    done = toolkit("grade", study / "photos", "--out", tmp_path / "a.parts", "--report", tmp_path / "r.html")
    assert done.status == 1 and "takes none of --report" in done.err
    assert not (tmp_path / "a.parts").exists()


# --- shares ----------------------------------------------------------------------------------------


def test_every_photo_is_in_one_share_by_its_content():
    photos = [(f"{number}.jpg", f"{number * 7919:064x}"[::-1]) for number in range(500)] + [("gone.jpg", "")]
    shares = [take(Share(number, 7), photos) for number in range(1, 8)]
    assert sorted(place for one in shares for place in one.places) == list(range(501))
    assert {one.whole for one in shares} == {shares[0].whole}
    assert share_of("a.jpg", "ab" * 32, 7) == share_of("b.jpg", "ab" * 32, 7)
    fewer = take(Share(3, 7), photos[100:])
    assert {photos[100:][place] for place in fewer.places} == {
        photos[place] for place in shares[2].places if place >= 100
    }
    assert take(Share(1, 7), photos[1:]).whole != shares[0].whole


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "1/0", "a/b", "-1/4", "1/4/2", "1.5/4"])
def test_a_share_is_written_as_number_and_parts(text):
    with pytest.raises(ToolkitError, match="for example 3/16"):
        parse_share(text)
    assert parse_share("3/16") == Share(3, 16)


def test_more_shares_than_photos_leave_some_empty(study, tmp_path):
    one = tmp_path / "photos"
    one.mkdir()
    source = study / "photos" / "P0001_FACE_F_S00_V00D00W00.jpg"
    (one / source.name).write_bytes(source.read_bytes())
    made = []
    for number in (1, 2):
        done = toolkit(
            "grade",
            one,
            "--out",
            tmp_path / f"{number}.csv",
            "--part",
            f"{number}/2",
            "--workers",
            1,
        )
        assert done.status == 0, done
        made.append(tmp_path / f"{number}.csv")
    assert merge_parts(made, tmp_path / "all.csv").photos == 1
    assert Path(tmp_path / "all.csv").read_text(encoding="utf-8-sig").count(source.name) >= 1
    done = toolkit("grade", one, "--out", tmp_path / "1.csv", "--part", "1/2", "--append")
    assert done.status == 1 and "--append" in done.err
