"""``toolkit agreement`` from workbooks on disk to the text and the workbook that users get."""

import csv
import subprocess
import sys

import numpy as np
import pytest
from places import ROOT
from typer.testing import CliRunner

from toolkit.agreement import compare_files
from toolkit.agreement.sheets import MEANINGS
from toolkit.cli import app
from toolkit.errors import GradesError, ToolkitError
from toolkit.phantom import simulate_graders
from toolkit.records import PhotoFacts, PhotoGrade
from toolkit.workbook import write_results

SHEETS = ["Summary", "Pairs", "Graders", "Combined", "Unmatched", "Changes", "Dictionary"]
VISITS = ("Baseline", "Week 4", "Week 8")
HOSTILE = "=HYPERLINK(1)"


def toolkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def workbook(path, *rows):
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def opened(path):
    import openpyxl

    return openpyxl.load_workbook(path)


def table(path, title):
    """A sheet of a workbook as dictionaries."""
    rows = list(opened(path)[title].iter_rows(values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of 25 subjects: a long workbook, a wide one, a file with two graders, results of the toolkit."""
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(3)
    keys = [(f"P{s:04}", side, visit) for s in range(1, 26) for side in ("left", "right") for visit in VISITS]
    latent = np.clip(np.repeat(rng.normal(4, 1.2, 25), 6) - np.tile([0, 0.5, 1], 50), 0.5, 8)
    graders = simulate_graders(latent, [key[0] for key in keys], rng, 4)
    first = dict(zip(keys, graders[:, 0].tolist(), strict=True))
    long = [
        (s, side.title(), n % 3 + 1, visit, first[s, side, visit]) for n, (s, side, visit) in enumerate(keys)
    ]
    workbook(
        folder / "long.xlsx", ("SUBJID", "side", "VISITNUM", "VISIT", "Mottled hyperpigmentation"), *long
    )
    second = dict(zip(keys, graders[:, 1].tolist(), strict=True))
    wide = [
        (int(s[1:]), side[0].upper(), *(second[s, side, visit] for visit in VISITS))
        for s, side, _ in keys[::3]
    ]  # subjects by number, as 1 for P0001
    workbook(folder / "wide.xlsx", ("Subject No.", "Side of Face", *VISITS), *wide[:-1])
    names = [f"{s}_FACE_{side[0].upper()}_S00_V00D00W{4 * VISITS.index(v):02}.jpg" for s, side, v in keys]
    with (folder / "panel.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "Expert 1", "Expert 2"])
        writer.writerows(zip(names, graders[:, 2], graders[:, 3], strict=True))
    results = [
        PhotoGrade(name, PhotoFacts(*key), grade=None if n == 7 else float(np.clip(value, 0, 9)))
        for n, (name, key, value) in enumerate(
            zip(names, keys, latent + rng.normal(0, 0.3, 150), strict=True)
        )
    ]
    results.append(PhotoGrade(HOSTILE, PhotoFacts(HOSTILE), grade=2.2))
    write_results(folder / "results.xlsx", results, {}, {"model": "test"})
    write_results(folder / "results.csv", results, {}, {"model": "test"})
    return folder


@pytest.fixture(scope="module")
def done(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "agreement.xlsx"
    files = [folder / name for name in ("long.xlsx", "wide.xlsx", "results.xlsx")]
    return toolkit("agreement", *files, "--out", out), out


def test_every_layout_and_the_toolkits_results_in_one_call(done):
    said, out = done
    assert said.exit_code == 0, said.output
    for pair in ("wide against long: 147 photos", "results against long: 149", "results against wide: 146"):
        assert pair in said.output
    for word in ("ICC(2,1)", "always the mean", "limit of agreement", "Krippendorff's alpha", "minimal detectable",
                 "Change from Baseline", "Koo and Li", str(out)):  # fmt: skip
        assert word in said.output
    assert "\x1b" not in said.output


def test_the_workbook_has_its_sheets_and_a_meaning_for_every_column(done):
    _, out = done
    book = opened(out)
    assert book.sheetnames == SHEETS
    meanings = {(row["sheet"], row["column"]): row["meaning"] for row in table(out, "Dictionary")}
    for title in SHEETS:
        for cell in next(book[title].iter_rows(max_row=1)):
            assert len(meanings.pop((title, cell.value))) > 5
    assert not meanings
    assert len(set(MEANINGS.values())) == len(MEANINGS)


def test_figures_of_the_workbook_are_those_of_the_functions(done, folder):
    _, out = done
    found = compare_files([folder / name for name in ("long.xlsx", "wide.xlsx", "results.xlsx")])
    rows = [row for row in table(out, "Pairs") if row["kind"] == "pair"]
    assert len(rows) == len(found.pairs) == 3
    for row, pair in zip(rows, found.pairs, strict=True):
        assert (row["first"], row["second"], row["photos"]) == (pair.first, pair.second, pair.photos)
        for name, estimate in pair.estimates.items():
            got = (row[name], row[f"{name}_low"], row[f"{name}_high"])
            assert got == pytest.approx((estimate.value, estimate.lower, estimate.upper)), name
        assert row["icc_2_1_f_lower"] == pytest.approx(pair.icc_by_f["icc_2_1"].lower)
        assert row["verdict"] == pair.verdict
    trivial = [row for row in table(out, "Pairs") if row["kind"] == "trivial"]
    assert len(trivial) == 6 and trivial[0]["second"] == "always long's mean"
    assert trivial[0]["rmse"] == pytest.approx(found.pairs[0].trivial["always long's mean"].rmse)
    summary = {(row["group"], row["item"]): row for row in table(out, "Summary")}
    assert summary["all graders", "ICC(2,1)"]["value"] == pytest.approx(
        found.group.estimates["icc_2_1"].value
    )
    assert summary["all graders", "photos graded by all"]["value"] == found.group.photos == 146
    changes = table(out, "Changes")
    assert [row["second"] for row in changes[:3]] == ["wide", "always no change", "always long's mean change"]
    assert changes[0]["changes"] == 98 and changes[0]["rmse"] == pytest.approx(
        found.changes[0].estimates["rmse"].value
    )


def test_each_grader_is_told_apart_in_terminal_workbook_and_page(folder, tmp_path):
    out, report = tmp_path / "a.xlsx", tmp_path / "a.html"
    files = [folder / name for name in ("long.xlsx", "wide.xlsx", "results.xlsx")]
    said = toolkit("agreement", *files, "--out", out, "--report", report)
    assert said.exit_code == 0, said.output
    study = compare_files(files).graders
    rows = table(out, "Graders")
    assert [row["grader"] for row in rows] == ["long", "wide", "results"]
    for row, line in zip(rows, study.model.graders, strict=True):
        assert (row["photos"], row["weight"]) == (line.photos, pytest.approx(line.weight))
        for name, one in (
            ("bias", line.bias),
            ("slope", line.slope),
            ("noise_sd", line.noise),
            ("drift", line.drift),
        ):
            got = [row[f"{name}{end}"] for end in ("", "_low", "_high")]
            assert got == pytest.approx([one.value, one.lower, one.upper])
        told = next(
            text for text in said.output.splitlines() if text.startswith(f"  {line.name} ") and "%" in text
        )
        assert f"{line.bias.value:+.2f}" in told and f"{line.drift_p:.3f}" in told
        assert f">{line.name}<" in report.read_text() and f"{line.noise.lower:.2f} to" in report.read_text()
    assert f"of a grade combined from all graders: {study.model.error:.2f}" in said.output
    combined = {row["photo"]: row for row in table(out, "Combined")}
    assert combined[HOSTILE]["graders"] == 1 and combined[HOSTILE]["plain_mean"] == pytest.approx(2.2)
    assert [row["combined"] for row in combined.values()] == pytest.approx(study.combined.tolist())


def test_two_graders_are_told_apart_by_their_bias_alone(folder):
    said = toolkit("agreement", folder / "long.xlsx", folder / "wide.xlsx")
    assert "a steeper slope cannot be told from more noise" in said.output
    rows = toolkit("agreement", folder / "long.xlsx", folder / "wide.xlsx", "--drift", "rows").output
    assert said.output != rows


def test_too_few_photos_tell_no_graders_apart(tmp_path, folder):
    rows = [(f"{n}.jpg", n % 7) for n in range(9)]
    files = [workbook(tmp_path / f"{name}.xlsx", ("file", "grade"), *rows) for name in "ab"]
    said = toolkit("agreement", *files, "--out", tmp_path / "o.xlsx", "--report", tmp_path / "o.html")
    assert "not told apart: two or more graders graded 9 photos of 9 subjects: at least 20" in said.output
    assert table(tmp_path / "o.xlsx", "Graders")[0]["note"].startswith("not told apart")
    assert not table(tmp_path / "o.xlsx", "Combined")
    assert "Not told apart" in (tmp_path / "o.html").read_text()


def test_combined_grades_are_grades_to_analyse(done):
    _, out = done
    said = toolkit("trial", out, "--column", "sheet=Combined", "--column", "grade=combined", "--scale", "0-9")
    assert said.exit_code == 0, said.output
    assert "grades of 25 subjects" in said.output


def test_the_page_shows_hostile_names_as_text_and_fetches_nothing(browser, tmp_path):
    name = "<img src=x onerror=alert(1)>$x^2$"
    rows = [
        (f"P{n // 4:04}_FACE_L_S00_V0{n % 4}D00W0{n % 4}.jpg", 1 + n % 6, 1 + (n + n % 3) % 6)
        for n in range(40)
    ]
    file = workbook(tmp_path / "g.xlsx", ("file", name, "B"), *rows)
    report = tmp_path / "g.html"
    said = toolkit("agreement", file, "--column", f"grade={name}", "--column", "grade=B", "--report", report)
    assert said.exit_code == 0, said.output
    page = browser.open(report)
    assert page.tab.locator("td", has_text=name).count() >= 2 and page.tab.locator("img").count() == 1
    assert page.tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.errors == page.outside == page.dialogs == []


def test_what_did_not_match_is_listed_and_no_name_is_a_formula(done):
    _, out = done
    rows = table(out, "Unmatched")
    by_photo = {row["photo"]: row for row in rows if row["photo"]}
    assert by_photo[HOSTILE]["not_graded_by"] == "long; wide"
    assert by_photo[HOSTILE]["reason"] == "graded by one only: in no pair"
    assert sum(row["not_graded_by"] == "wide" for row in by_photo.values()) == 3
    assert "results.xlsx row 9 has no grade" in {row["reason"] for row in rows}
    for sheet in opened(out):
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_two_graders_of_one_file_and_results_as_csv(folder):
    said = toolkit(
        *("agreement", folder / "panel.csv", folder / "results.csv"),
        *("--column", "grade=Expert 1", "--column", "grade=Expert 2"),
    )
    assert said.exit_code == 0, said.output
    assert "Expert 2 against Expert 1: 150 photos of 25 subjects" in said.output
    assert "results against Expert 2: 149 photos" in said.output


def test_the_same_files_give_the_same_text(folder):
    files = [folder / "long.xlsx", folder / "wide.xlsx"]
    assert toolkit("agreement", *files).output == toolkit("agreement", *files).output


def test_another_scale(tmp_path):
    one = workbook(tmp_path / "a.xlsx", ("file", "grade"), *((f"{n}.jpg", n / 4) for n in range(17)))
    two = workbook(
        tmp_path / "b.xlsx", ("file", "grade"), *((f"{n}.jpg", (n + n % 2) / 4) for n in range(17))
    )
    refused = toolkit("agreement", one, two)
    assert isinstance(refused.exception, GradesError)
    assert "row 3: grade 0.25 is not a multiple of 0.5" in str(refused.exception)
    assert "--scale" in str(refused.exception)
    assert toolkit("agreement", one, two, "--scale", "0-4/0.25").exit_code == 0
    assert toolkit("agreement", one, two, "--scale", "free").exit_code == 0
    too_high = toolkit("agreement", one, two, "--scale", "0-3").exception
    assert "is not within 0 to 3" in str(too_high)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["long.xlsx"], "needs two graders"),
        (["long.xlsx", "long.xlsx"], "is given twice"),
        (["long.xlsx", "none.xlsx"], "there is no such file"),
        (["long.xlsx", "wide.xlsx", "--column", "grade"], "write it as role=name"),
        (["long.xlsx", "wide.xlsx", "--column", "grade=Absent"], "no column 'Absent'"),
        (["long.xlsx", "wide.xlsx", "--scale", "9"], "--scale 9: .*write LOW-HIGH"),
        (["long.xlsx", "wide.xlsx", "--out", "out.csv"], r"out\.csv: results are written as \.xlsx"),
        (["long.xlsx", "wide.xlsx", "--out", "wide.xlsx"], r"wide\.xlsx: would overwrite an input"),
    ],
)
def test_what_cannot_be_done_is_one_line_that_names_the_fix(folder, monkeypatch, arguments, reason):
    monkeypatch.chdir(folder)
    before = (folder / "wide.xlsx").read_bytes()
    error = toolkit("agreement", *arguments).exception
    assert isinstance(error, ToolkitError)
    with pytest.raises(ToolkitError, match=reason):
        raise error
    assert "\n" not in str(error)
    assert (folder / "wide.xlsx").read_bytes() == before


def test_repeats_and_contradictions_name_their_rows(tmp_path, folder):
    rows = [("file", "grade"), ("a.jpg", 1), ("b.jpg", 2), ("A.JPG", 1), ("b.jpg", 3)]
    error = toolkit("agreement", workbook(tmp_path / "g.xlsx", *rows), folder / "panel.csv").exception
    assert "row 4 repeats row 2; row 5 (3) contradicts row 3 (2)" in str(error)


def test_the_module_loads_nothing_heavy():
    code = (
        "import sys, toolkit.agreement\n"
        "print(sorted({n.split('.')[0] for n in sys.modules} & "
        "{'scipy', 'sklearn', 'pandas', 'openpyxl', 'cv2', 'skimage', 'tensorflow', 'keras'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
