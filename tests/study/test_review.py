"""Reviews exported from the report page, read back: agreement with the automatic grades, and training on them."""

import contextlib
import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from graded_study import small_model, write_photos
from typer.testing import CliRunner

from toolkit.agreement import compare_files
from toolkit.cli import app
from toolkit.commands.graded import graded_photos
from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest
from toolkit.commands.training import train_study, training_report
from toolkit.errors import GradesError
from toolkit.evaluate.study import load_study
from toolkit.photos import find_photo_files
from toolkit.records import PhotoFacts
from toolkit.settings import Settings
from toolkit.study import join_files, read_experts, read_graders
from toolkit.study.names import photo_stem, stored_text
from toolkit.study.scale import Scale

COLUMNS = [
    *("photo", "subject", "side", "visit", "toolkit", "verdict", "grade", "reader", "comment", "reviewed_at")
]
MORNING, NOON = "2026-03-02T09:30:00.000Z", "2026-03-02T12:00:00.000Z"


def line(photo, automatic, grade, reader="Anna", at=MORNING, comment="", **facts):
    """A row as the page writes it; ``facts`` are subject, side and visit."""
    verdict = "agree" if abs(grade - automatic) <= 0.25 else "corrected"
    row = {"photo": photo, "toolkit": f"{automatic:.2f}", "verdict": verdict, "grade": f"{grade:g}"}
    return {
        **dict.fromkeys(COLUMNS, ""),
        **facts,
        **row,
        "reader": reader,
        "comment": comment,
        "reviewed_at": at,
    }


def exported(path, rows):
    """A file as the page writes it: UTF-8 with a mark, quoted as RFC 4180 says; or a workbook of the same."""
    if path.suffix == ".xlsx":
        import openpyxl

        book = openpyxl.Workbook()
        book.active.append(COLUMNS)
        for row in rows:
            numbers = {n: float(row[n]) for n in ("toolkit", "grade") if row[n].replace(".", "").isdecimal()}
            book.active.append([{**row, **numbers}[name] or None for name in COLUMNS])
        book.save(path)
        return path
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode("utf-8-sig"))
    return path


def clinical(number, side="L", week=0):
    return f"P{number:04}_FACE_{side}_S00_V00D00W{week:02}.jpg"


def facts(number, side="left", visit="Baseline"):
    return {"subject": f"P{number:04}", "side": side, "visit": visit}


@pytest.fixture
def study():
    """40 photos of 20 subjects: Anna agrees but for 10 photos, which she grades one higher."""
    rows = []
    for number in range(40):
        subject, side = number // 2, ("left", "right")[number % 2]
        automatic = 1 + 0.5 * (number * 7 % 11)
        row = line(clinical(subject, side[0].upper()), automatic, automatic + (number % 4 == 0))
        rows.append({**row, **facts(subject, side)})
    return rows


# --- agreement -----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_review_alone_gives_the_known_agreement_of_reader_and_toolkit(tmp_path, study, suffix):
    found = compare_files([exported(tmp_path / f"review{suffix}", study)])
    assert found.ratings.graders == ("Anna", "toolkit")
    (pair,) = found.pairs
    assert (pair.photos, pair.subjects) == (40, 20)
    figures = {name: estimate.value for name, estimate in pair.estimates.items()}
    assert figures["rmse"] == pytest.approx(0.5) and figures["mae"] == pytest.approx(0.25)
    assert figures["bias"] == pytest.approx(-0.25)  # toolkit - Anna
    assert figures["within_half"] == 0.75 and figures["within_one"] == 1
    automatic, given = (np.array([float(row[name]) for row in study]) for name in ("toolkit", "grade"))
    n, both = len(study), np.column_stack([given, automatic])  # Shrout and Fleiss's mean squares by hand
    rows, columns = 2 * both.mean(1).var() * n / (n - 1), n * both.mean(0).var() * 2
    rest = ((both - both.mean(1, keepdims=True) - both.mean(0) + both.mean()) ** 2).sum() / (n - 1)
    assert figures["icc_2_1"] == pytest.approx((rows - rest) / (rows + rest + 2 * (columns - rest) / n))
    assert figures["icc_3_1"] == pytest.approx((rows - rest) / (rows + rest))


def test_the_same_figures_come_from_plain_files_of_the_same_grades(tmp_path, study):
    review = compare_files([exported(tmp_path / "review.csv", study)])
    for name in ("grade", "toolkit"):
        lines = "".join(f"{row['photo']},{row[name]}\n" for row in study)
        (tmp_path / f"{name}.csv").write_text(f"file,grade\n{lines}")
    plain = compare_files([tmp_path / "grade.csv", tmp_path / "toolkit.csv"])
    assert review.pairs[0].estimates == plain.pairs[0].estimates
    assert review.group.estimates == plain.group.estimates


def test_grades_that_were_given_blind_are_not_anchored(tmp_path, study):
    blind = [{**row, "verdict": "blind"} for row in study]
    review = exported(tmp_path / "review.csv", blind)
    run = CliRunner().invoke(app, ["agreement", str(review)])
    assert run.exit_code == 0, run.output
    assert "anchoring" not in run.output
    assert "Anna graded 40 photos blind, before the automatic grade was shown" in run.output
    ((_, table),) = read_experts([review])
    assert table.reviewed and table.blind
    seen = exported(tmp_path / "mixed.csv", [*blind[:30], *study[30:]])
    run = CliRunner().invoke(app, ["agreement", str(seen)])
    assert "anchoring" in run.output and "Anna graded 30 photos blind" in run.output
    assert "Anna agreed with the automatic grade on" in run.output and "of 10 photos" in run.output


def test_a_coarser_scale_rounds_further(tmp_path):
    row = {**line("a.jpg", 3.3, 4, comment=""), "verdict": "agree"}
    path = exported(tmp_path / "r.csv", [row])
    assert read_graders([path], scale=Scale(0, 9, 2))
    with pytest.raises(GradesError, match=r"agrees on 4, but the automatic grade is 3\.3"):
        read_graders([path])


def test_it_is_told_that_the_reader_saw_the_grade_first(tmp_path, study):
    review = exported(tmp_path / "review.csv", study)
    run = CliRunner().invoke(app, ["agreement", str(review), "--out", str(tmp_path / "out.xlsx")])
    assert run.exit_code == 0, run.output
    assert "anchoring" in run.output and "upper bound" in run.output
    assert "Anna agreed with the automatic grade on 30 of 40 photos and corrected 10" in run.output
    assert "toolkit against Anna: 40 photos of 20 subjects" in run.output
    import openpyxl

    summary = openpyxl.load_workbook(tmp_path / "out.xlsx")["Summary"]
    assert any("anchoring" in str(row[2]) for row in summary.iter_rows(values_only=True))


def by_ben(rows, add):
    return [
        {**row, "reader": "Ben", "verdict": "corrected", "grade": f"{float(row['toolkit']) + add:g}"}
        for row in rows
    ]


def test_readers_are_graders_of_their_own_in_one_file_or_in_several(tmp_path, study):
    second = by_ben(study[5:], 1.5)
    together = compare_files([exported(tmp_path / "both.csv", study + second)])
    apart = compare_files([exported(tmp_path / "a.csv", study), exported(tmp_path / "b.xlsx", second)])
    for found in (together, apart):
        assert found.ratings.graders == ("Anna", "Ben", "toolkit")
        counts = np.isfinite(found.ratings.grades).sum(0)
        assert counts.tolist() == [40, 35, 40]
    assert [pair.estimates for pair in together.pairs] == [pair.estimates for pair in apart.pairs]
    ben = next(pair for pair in together.pairs if (pair.first, pair.second) == ("Ben", "toolkit"))
    assert ben.estimates["bias"].value == -1.5


def test_a_review_beside_other_files(tmp_path, study):
    lines = "".join(f"P{s:04},{side},Baseline,{3 + s % 3}\n" for s in range(20) for side in ("L", "R"))
    (tmp_path / "expert.csv").write_text(f"SUBJID,side,VISIT,Score\n{lines}")
    review = exported(tmp_path / "review.csv", study)
    found = compare_files([tmp_path / "expert.csv", review], [("grade", "Score")])
    assert found.ratings.graders == ("expert", "Anna", "toolkit")
    assert all(pair.photos == 40 for pair in found.pairs)


def test_a_column_named_for_another_file_leaves_a_review_a_review(tmp_path, study):
    review = exported(tmp_path / "review.csv", study)
    assert [name for name, _ in read_graders([review], [("file", "photo"), ("grade", "grade")])] == [
        "Anna",
        "toolkit",
    ]
    assert len(read_graders([review], [("grade", "toolkit")])) == 1  # as any other table, when asked to


def test_one_person_is_a_column_of_a_workbook_and_the_reader_of_a_review(tmp_path, study):
    review = exported(tmp_path / "review.csv", [{**row, "reader": "grader_1"} for row in study])
    lines = "".join(f"{row['photo']},{row['grade']},9\n" for row in study[:30])
    experts = tmp_path / "experts.csv"
    experts.write_text(f"file,grader_1,grader_2\n{lines}")
    column = [("grade", "grader_1")]
    for paths in ([experts, review], [review, experts]):
        joined = join_files([row["photo"] for row in study], paths, column)
        assert joined.grades == {row["photo"]: float(row["grade"]) for row in study}
        assert (joined.several, joined.reviewed) == (30, 40)
    assert compare_files([experts, review], column).ratings.graders == ("experts", "grader_1", "toolkit")
    both = [*column, ("grade", "grader_2")]
    names = ("experts: grader_1", "grader_2", "review: grader_1", "toolkit")
    assert compare_files([experts, review], both).ratings.graders == names
    with pytest.raises(GradesError, match=r"review\.csv: no column 'grader_1'"):
        read_graders([review], column)


def test_a_column_called_as_the_words_of_a_review_are_is_another_files(tmp_path, study):
    (tmp_path / "expert.csv").write_text(f"file,Reader\n{study[0]['photo']},4\n")
    review = exported(tmp_path / "review.csv", study)
    names = [name for name, _ in read_graders([tmp_path / "expert.csv", review], [("grade", "Reader")])]
    assert names == ["expert", "Anna", "toolkit"]


def test_reviews_of_different_runs_keep_their_automatic_grades_apart(tmp_path, study):
    other = [{**row, "toolkit": "8.25", "verdict": "corrected", "reader": "Ben"} for row in study]
    paths = [exported(tmp_path / "a.csv", study), exported(tmp_path / "b.csv", other)]
    names = [name for name, _ in read_graders(paths)]
    assert names == ["Anna", "Ben", "toolkit in a.csv", "toolkit in b.csv"]
    with pytest.raises(GradesError, match=r"both\.csv: rows 2 and 42 have different automatic grades"):
        read_graders([exported(tmp_path / "both.csv", study + other)])


def test_a_reader_called_toolkit_or_not_called_at_all(tmp_path):
    rows = [line("a.jpg", 3, 4, "Toolkit"), line("a.jpg", 3, 5, "Ben"), line("a.jpg", 3, 6, "")]
    names = [name for name, _ in read_graders([exported(tmp_path / "mine.csv", rows)])]
    assert names == ["reader Toolkit", "Ben", "mine", "toolkit"]


def test_who_gave_a_name_late_is_one_reader(tmp_path):
    rows = [line("a.jpg", 3, 4, ""), line("b.jpg", 3, 5)]
    ((name, table),) = read_experts([exported(tmp_path / "r.csv", rows)])
    assert name == "Anna" and len(table.rows) == 2


def in_folders(tmp_path, first, second, name="review-2024-05-01.csv"):
    for folder in ("alice", "bob"):
        (tmp_path / folder).mkdir()
    return [exported(tmp_path / "alice" / name, first), exported(tmp_path / "bob" / name, second)]


def test_two_readers_without_a_name_are_two_though_their_files_are_called_alike(tmp_path):
    first, second = [line("a.jpg", 3, 4, "")], [line("a.jpg", 3, 6, "", at=NOON)]
    paths = in_folders(tmp_path, first, second)
    graders = read_experts(paths)
    assert [name for name, _ in graders] == ["alice/review-2024-05-01.csv", "bob/review-2024-05-01.csv"]
    assert [[row.grade for row in table.rows] for _, table in graders] == [[4], [6]]
    assert "alice/review-2024-05-01.csv agreed" in graders[0][1].notes[0]
    joined = join_files(["a.jpg"], paths)
    assert joined.grades == {"a.jpg": 5} and joined.several == 1
    assert len(read_experts([paths[0], exported(tmp_path / "review-2024-05-02.csv", second)])) == 2
    # Nor is who gave no name the reader whom the file happens to be called after.
    named = exported(tmp_path / "ben.csv", [line("a.jpg", 3, 5, "")])
    both = [line("b.jpg", 3, 5, "Ben"), line("c.jpg", 3, 5, "Carl")]
    names = [name for name, _ in read_experts([named, exported(tmp_path / "both.csv", both)])]
    assert names == ["ben.csv", "Ben", "Carl"]


def test_reviews_of_different_runs_may_be_called_alike(tmp_path):
    paths = in_folders(tmp_path, [line("a.jpg", 3, 4)], [line("a.jpg", 5, 6, "Ben")], "review.csv")
    names = [name for name, _ in read_graders(paths)]
    assert names == ["Anna", "Ben", "toolkit in alice/review.csv", "toolkit in bob/review.csv"]
    # A column of the same name as a reader is told apart by its file.
    (tmp_path / "panel.csv").write_text("file,Anna,Carl\na.jpg,2,3\n")
    columns = [("grade", "Anna"), ("grade", "Carl")]
    names = [name for name, _ in read_graders([tmp_path / "panel.csv", *paths], columns)]
    assert names[:3] == ["panel: Anna", "Carl", "review: Anna"]


def test_of_several_reviews_of_a_photo_the_last_counts(tmp_path):
    first = [line("a.jpg", 3, 4), line("b.jpg", 3, 4)]
    later = [line("b.jpg", 3, 5, at=NOON), line("a.jpg", 3, 4)]  # a second export holds the first's rows too
    paths = [exported(tmp_path / "monday.csv", later), exported(tmp_path / "tuesday.csv", first)]
    ((name, table),) = read_experts(paths)
    assert name == "Anna" and {row.file: row.grade for row in table.rows} == {"a.jpg": 4, "b.jpg": 5}
    assert any("graded 1 photo again" in note for note in table.notes)
    exported(tmp_path / "tuesday.csv", [{**row, "reviewed_at": ""} for row in first])
    with pytest.raises(
        GradesError, match=r"tuesday\.csv row 3: Anna grades b\.jpg 4, and 5 in monday\.csv row 2.*keep one"
    ):
        read_experts(paths)


def test_times_as_excel_leaves_them_are_told_apart(tmp_path):
    rows = [line("a.jpg", 3, 5, at="2026-03-02 14:00"), line("a.jpg", 3, 4, at="2026-03-02T15:30:00+02:00")]
    ((_, table),) = read_experts([exported(tmp_path / "r.csv", rows)])
    assert [row.grade for row in table.rows] == [5]


def test_an_undated_review_of_the_same_grade_contradicts_nothing(tmp_path):
    rows = [line("a.jpg", 3, 4), line("a.jpg", 3, 5, at=NOON), line("a.jpg", 3, 5, at="")]
    ((_, table),) = read_experts([exported(tmp_path / "r.csv", rows)])
    assert [row.grade for row in table.rows] == [5]
    rows[2] = line("a.jpg", 3, 4, at="")
    with pytest.raises(GradesError, match=r"row 4: Anna grades a\.jpg 4, and 5 in r\.csv row 3"):
        read_experts([exported(tmp_path / "r.csv", rows)])


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_names_that_begin_like_formulas_find_their_photos(tmp_path, start, suffix):
    photo = f"{start}HYPERLINK(1).jpg"
    row = line(f"'{photo}", 3, 4.5, f"'{start}Anna", subject=f"'{photo[:-4]}", comment=f"'{start}1")
    joined = join_files([photo], exported(tmp_path / f"r{suffix}", [row]))
    assert joined.grades == {photo: 4.5}
    assert joined.facts[photo] == PhotoFacts(photo[:-4])
    assert read_experts([tmp_path / f"r{suffix}"])[0][0] == f"{start}Anna"


def test_any_name_and_comment_survive(tmp_path):
    names = ["写真, 1.jpg", 'a "b".png', "visit 2/Ünal.jpg", "'tis.jpg"]
    rows = [line(name, 3, 4, comment='two\nlines, "quoted"; and =1') for name in names]
    joined = join_files(names, exported(tmp_path / "r.csv", rows))
    assert joined.grades == dict.fromkeys(names, 4.0) and not joined.unmatched_rows


@pytest.mark.parametrize("visit", ["=week 4", "+4 weeks", "-1", "@home"])
def test_visits_and_subjects_that_begin_like_formulas_are_those_of_the_page(tmp_path, visit):
    row = line("a.jpg", 3, 4, subject="'-7", visit=f"'{visit}", side="left")
    joined = join_files(["a.jpg"], exported(tmp_path / "r.csv", [row]))
    assert joined.facts["a.jpg"] == PhotoFacts("-7", "left", visit)


def test_names_that_are_no_text_find_their_photos(tmp_path):
    names = ["x\udcff.jpg", "in\\y\udc80a.jpg", "y\udc80b.jpg", "X\udcff.jpg", "\udcff.jpg"]
    rows = [
        line(stored_text(name), 3, 3 + i, subject=stored_text(photo_stem(name)))
        for i, name in enumerate(names)
    ]
    joined = join_files(names, exported(tmp_path / "r.csv", rows))
    assert joined.grades == {name: 3 + i for i, name in enumerate(names)} and not joined.unmatched_rows
    assert [joined.facts[name].subject for name in names[1:3]] == ["y\udc80a", "y\udc80b"]
    whole = clinical(1).replace("S00", "S\udcff")
    joined = join_files([whole], exported(tmp_path / "r.csv", [line(stored_text(whole), 3, 4, **facts(1))]))
    assert joined.facts[whole] == PhotoFacts("P0001", "left", "Baseline")


def test_photos_whose_names_differ_in_case_alone_are_two(tmp_path):
    names = ["A.jpg", "a.jpg", "two  spaces.jpg", "two spaces.jpg"]
    rows = [line(name, 3 + i, 4 + i) for i, name in enumerate(names)]
    first = exported(tmp_path / "first.csv", rows)
    graders = dict(read_graders([first]))
    assert list(graders) == ["Anna", "toolkit"]
    for first_grade, table in zip((4, 3), graders.values(), strict=True):
        assert [(r.file, r.grade) for r in table.rows] == [(n, first_grade + i) for i, n in enumerate(names)]
    assert join_files(names, first).grades == {name: 4 + i for i, name in enumerate(names)}
    again = exported(tmp_path / "again.csv", [line("a.jpg", 4, 8, at=NOON)])
    assert join_files(names, [first, again]).grades["a.jpg"] == 8
    only = join_files(names, again)
    assert only.grades == {"a.jpg": 8} and "A.jpg" in only.unmatched_photos
    # Where no file has both, it is one photo whose name another system writes otherwise.
    ((_, table),) = read_experts([exported(first, rows[:1]), again])
    assert [(row.file, row.grade) for row in table.rows] == [("a.jpg", 8)]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_comment_or_name_full_of_other_delimiters_survives(tmp_path, mark):
    names = [
        f"{mark * 20}.jpg",
        f'"{mark * 20}, b.jpg',
        f"5{mark} c.jpg",
        *(f"{n}{mark}.jpg" for n in range(9)),
    ]
    rows = [line(name, 3, 4, comment=mark * 500) for name in names]
    joined = join_files(names, exported(tmp_path / "r.csv", rows))
    assert joined.grades == dict.fromkeys(names, 4.0)


# --- grades for training -------------------------------------------------------------------------


def test_several_readers_of_a_photo_count_by_their_mean(tmp_path):
    photos = [clinical(1), clinical(2), clinical(3)]
    rows = [line(photos[0], 3, 3), line(photos[1], 3, 4), line(photos[0], 3, 4.5, "Ben")]
    joined = join_files(photos, exported(tmp_path / "r.csv", rows))
    assert joined.grades == {photos[0]: 3.75, photos[1]: 4}
    assert joined.unmatched_photos == (photos[2],)
    assert joined.summary() == (
        "2 of 3 photos have a grade; 1 of these are means of several graders; 2 were given in a review, with the "
        f"automatic grade in view; no grade for {photos[2]}"
    )


def test_experts_and_reviews_are_taken_together(tmp_path):
    photos = ["a.jpg", "b.jpg", "c.jpg", clinical(7)]
    (tmp_path / "expert.csv").write_text("file,subject,Score\na.jpg,S1,2\nb.jpg,s1,6\n")
    # The page knows a.jpg by its name only: that is no contradiction.
    rows = [
        line("a.jpg", 3, 3, subject="a"),
        line("c.jpg", 3, 5, subject="c"),
        line(clinical(7), 3, 4, **facts(7)),
    ]
    review = exported(tmp_path / "review.csv", rows)
    for paths in ([tmp_path / "expert.csv", review], [review, tmp_path / "expert.csv"]):
        joined = join_files(photos, paths, [("grade", "Score")])
        assert joined.grades == {"a.jpg": 2.5, "b.jpg": 6, "c.jpg": 5, clinical(7): 4}
        subjects = [joined.facts[name].subject for name in photos]
        assert subjects[0] == subjects[1] and subjects[2:] == ["c", "P0007"]
        assert (joined.several, joined.reviewed) == (1, 3)
        assert joined.facts[clinical(7)] == PhotoFacts("P0007", "left", "Baseline")


def test_a_wide_workbook_by_subject_is_taken_beside_a_review(tmp_path):
    (tmp_path / "wide.csv").write_text("Subject No.,Side of Face,Baseline,Week 4\n1,L,2,3\n2,L,4,5\n")
    photos = [clinical(s, week=week) for s in (1, 2) for week in (0, 4)]
    review = exported(tmp_path / "review.csv", [line(photos[3], 5, 6, **facts(2, visit="Week 4"))])
    joined = join_files(photos, [tmp_path / "wide.csv", review])
    assert joined.grades == dict(zip(photos, (2, 3, 4, 5.5), strict=True))
    assert {joined.facts[name].subject for name in photos} == {"P0001", "P0002"}


def test_a_review_of_other_photos_is_told_of_and_stops_nothing(tmp_path):
    (tmp_path / "expert.csv").write_text("file,grade\na.jpg,2\n")
    other = exported(tmp_path / "other.csv", [line("z.jpg", 3, 5)])
    for paths in ([tmp_path / "expert.csv", other], [other, tmp_path / "expert.csv"]):
        joined = join_files(["a.jpg", "b.jpg"], paths)
        assert joined.grades == {"a.jpg": 2} and (joined.several, joined.reviewed) == (0, 0)
        assert joined.summary() == (
            "1 of 2 photos have a grade; no grade for b.jpg; no photo for row 2 (z.jpg); warning: other.csv: none of "
            "2 photos fits a row by name: a.jpg reads as a, the workbook begins with row 2 (z.jpg)"
        )
    for paths in ([other], [other, exported(tmp_path / "more.csv", [line("y.jpg", 3, 5, "Ben")])]):
        with pytest.raises(GradesError, match=r"other\.csv: none of 2 photos fits a row by name"):
            join_files(["a.jpg", "b.jpg"], paths)


def test_several_grade_columns_are_several_graders(tmp_path):
    (tmp_path / "panel.csv").write_text("file,A,B\na.jpg,2,3\nb.jpg,4,\n")
    joined = join_files(["a.jpg", "b.jpg"], tmp_path / "panel.csv", [("grade", "A"), ("grade", "B")])
    assert joined.grades == {"a.jpg": 2.5, "b.jpg": 4}


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"verdict": "agre"}, r"row 3: verdict 'agre' is none of agree, corrected, blind"),
        ({"verdict": ""}, r"row 3: verdict '' is none of"),
        ({"grade": ""}, r"row 3: is corrected, but has no grade"),
        ({"grade": "4.2"}, r"row 3: grade 4\.2 is not a multiple of 0\.5"),
        ({"grade": "12"}, r"row 3: grade 12 is not within 0 to 9"),
        ({"toolkit": "?"}, r"row 3: toolkit's grade '\?' is not a number"),
        ({"verdict": "agree"}, r"row 3: agrees on 5, but the automatic grade is 3"),
        ({"verdict": "agree", "toolkit": ""}, r"row 3: agrees on 5, but there is no automatic grade"),
        ({"photo": ""}, r"row 3: names no photo"),
        ({"side": "up"}, r"row 3: side 'up' is none of"),
    ],
)
def test_a_damaged_row_is_named_with_the_fix(tmp_path, change, reason):
    rows = [line("a.jpg", 3, 3), {**line("b.jpg", 3, 5), **change}]
    for path in (tmp_path / "review.csv", tmp_path / "review.xlsx"):
        with pytest.raises(
            GradesError, match=rf"{path.name}: {reason}.*: correct the row, or export"
        ) as caught:
            read_graders([exported(path, rows)])
        assert "\n" not in str(caught.value)


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    path = exported(
        tmp_path / "review.csv", [line("a.jpg", 3, 3), line("b.jpg", 3, 5, comment="dark, spots")]
    )
    whole = path.read_bytes()
    for end in (whole.index(b"b.jpg") + 3, whole.index(b"dark") + 6, len(whole) - len(NOON) - 4):
        path.write_bytes(whole[:end])
        with pytest.raises(GradesError, match=r"review\.csv: row 3: is cut short: .*export the review again"):
            read_graders([path])
    path.write_bytes(whole.replace(b"a.jpg,,,,3.00,agree,3,Anna,", b'a.jpg,,,,3.00,agree,3,Anna,"', 1))
    with pytest.raises(GradesError, match=r"row 2: has more cells"):  # an open quote swallows the row below
        read_graders([path])
    path.write_bytes(whole[: whole.index(b"dark") - 1].replace(b"Anna,,", b'Anna,"'))
    with pytest.raises(GradesError, match=r"row 2: is cut short"):
        read_graders([path])


@pytest.mark.parametrize("gone", ["photo", "grade", "reader"])
def test_a_review_without_a_column_says_which(tmp_path, gone):
    names = [name for name in COLUMNS if name != gone]
    (tmp_path / "review.csv").write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    with pytest.raises(
        GradesError, match=rf"review\.csv: is a review without a column '{gone}': export it again"
    ):
        read_graders([tmp_path / "review.csv"])


def test_an_empty_review_says_what_to_do(tmp_path):
    with pytest.raises(GradesError, match=r"review\.csv: no photo is reviewed in it: review some"):
        read_graders([exported(tmp_path / "review.csv", [])])


def test_a_review_that_denies_a_name_is_refused(tmp_path):
    row = line(clinical(1), 3, 4, **facts(2))
    with pytest.raises(GradesError, match=r"review\.csv: row 2 says subject P0002"):
        join_files([clinical(1)], exported(tmp_path / "review.csv", [row]))


# --- the commands --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_model_trains_on_a_review_and_an_experts_table_together(tmp_path):
    photos = write_photos(tmp_path / "photos", 12)
    with contextlib.suppress(OSError):  # on a file system whose names are text
        photos[1] = photos[1].rename(photos[1].with_name("x\udcff.jpg"))
    rows = [line(stored_text(path.name), 3, 2 + i % 5) for i, path in enumerate(photos[:8])]
    rows += [line(photos[0].name, 3, 3, "Ben")]
    review = exported(tmp_path / "review.csv", rows)
    (tmp_path / "expert.csv").write_text("".join(["file,grade\n", *(f"{p.name},5\n" for p in photos[7:])]))
    run = train_study(
        [tmp_path / "photos"], [review, tmp_path / "expert.csv"], tmp_path / "model", folds=2, epochs=1
    )  # fmt: skip
    expected = [2.5, *(2.0 + i % 5 for i in range(1, 7)), (2 + 7 % 5 + 5) / 2, *[5.0] * 4]
    assert run.joined.grades == {path.name: grade for path, grade in zip(photos, expected, strict=True)}
    assert sorted(run.truth.tolist()) == sorted(expected) and not run.left_out
    assert (run.joined.several, run.joined.reviewed) == (2, 8)
    assert (tmp_path / "model" / "model.json").is_file()
    assert run.choice.used == "plain mean" and "graded 2 photos of" in run.choice.why
    assert "Several graders: learnt their plain mean: how graders differ cannot be told" in training_report(
        run
    )


@pytest.mark.slow
def test_what_the_page_exports_is_read_back(browser, tmp_path):
    """From a graded folder through the page in a browser to agreement and grades for training."""
    *photos, last = write_photos(tmp_path / "photos", 4)
    photos.append(last.rename(last.with_name("=SUM(1), 写真.jpg")))
    page_file = tmp_path / "report.html"
    run = grade_photos(
        [tmp_path / "photos"],
        tmp_path / "g.xlsx",
        small_model(tmp_path / "model"),
        report=ReportRequest(page_file),
    )
    automatic = {grade.name: grade.grade for grade in run.grades}
    page = browser.open(page_file)
    page.tab.fill("#reader", "=Anna")
    for number in range(4):
        page.tab.locator("#table tbody tr").nth(number).click()
        if number == 0:
            page.tab.keyboard.press("a")
        else:
            page.tab.select_option("#correct", f"{number + 4:.1f}")
    file = page.download(lambda: page.tab.click("#export"))
    assert page.errors == [] and page.outside == []
    (pair,) = compare_files([file]).pairs
    assert (pair.first, pair.second, pair.photos) == ("=Anna", "toolkit", 4)
    joined = join_files([path.name for path in photos], file)
    assert not joined.unmatched_photos and not joined.unmatched_rows
    agreed, *corrected = sorted(joined.grades, key=lambda name: joined.rows[name].row)
    assert abs(joined.grades[agreed] - automatic[agreed]) <= 0.25
    assert [joined.grades[name] for name in corrected] == [5, 6, 7]
    (toolkits,) = (table for name, table in read_graders([file]) if name == "toolkit")
    assert {row.file: row.grade for row in toolkits.rows} == pytest.approx(automatic, abs=0.005)


@pytest.mark.slow
def test_methods_are_compared_on_a_review(tmp_path):
    photos = write_photos(tmp_path / "photos", 2)
    review = exported(tmp_path / "review.csv", [line(path.name, 3, 4 + i) for i, path in enumerate(photos)])
    settings = replace(Settings())
    study = load_study(
        graded_photos(find_photo_files([tmp_path / "photos"]), [review]), tmp_path / "cache", settings, 48
    )
    assert dict(zip(study.names, study.grades.tolist(), strict=True)) == {
        photos[0].name: 4,
        photos[1].name: 5,
    }
    assert "given in a review" in study.joined
