"""What the terminal shows beside results: what is done, progress without a bar, completion, a log."""

import io
import os
import subprocess
import sys
from functools import partial

import pytest
from command_line import toolkit
from places import ROOT

from toolkit.progress import LinesInTime, progress_bars
from toolkit.records import PhotoFacts, PhotoGrade
from toolkit.summary import Summary
from toolkit.workbook import grade_rows


@pytest.fixture
def tables(tmp_path):
    for name, grade in (("a", 2), ("b", 3)):
        (tmp_path / f"{name}.csv").write_text(f"subject,grade\nP1,{grade}\nP2,4\n")
    return tmp_path


# --- log -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [True, False])
def test_a_log_holds_what_was_printed_and_where_an_error_came_from(tables, after):
    log, general = tables / "run.log", ("--log-file", tables / "run.log")
    for file in ("b.csv", "none.csv"):
        words = ("agreement", tables / "a.csv", tables / file)
        done = toolkit(*words, *general) if after else toolkit(*general, *words)
        assert (done.status, done.err.count("\n")) == ((0, 0) if file == "b.csv" else (1, 1)), done
    text = log.read_text()
    assert text.startswith("toolkit log: ") and text.count("toolkit log: ") == 1
    assert "command: toolkit " in text and "RMSE" in text
    assert "Traceback" in text and "none.csv: there is no such file" in text


def test_verbose_tells_where_an_error_came_from_and_the_next_command_is_quiet_again(tables):
    words = ("agreement", tables / "a.csv", tables / "none.csv")
    assert "Traceback" in toolkit(*words, "--verbose").err
    assert toolkit(*words).err.count("\n") == 1


@pytest.mark.parametrize("what", ["table", "link", "folder"])
def test_a_log_is_written_over_nothing_else(tables, what):
    log = tables / "b.csv"
    if what == "link":
        log = tables / "run.log"
        log.symlink_to(tables / "b.csv")
    if what == "folder":
        log = tables
    before = (tables / "b.csv").read_text()
    done = toolkit("agreement", tables / "a.csv", tables / "b.csv", "--log-file", log)
    assert done.status == 1 and done.err.startswith(f"toolkit: {log}: ")
    assert (tables / "b.csv").read_text() == before


# --- completion ----------------------------------------------------------------------------------


def test_commands_and_options_are_completed():
    def completed(words):
        env = {**os.environ, "_TOOLKIT_COMPLETE": "complete_bash", "COMP_WORDS": words}
        env["COMP_CWORD"] = str(len(words.split()) - 1)
        code = "import sys; sys.argv = ['toolkit']; from toolkit.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=env)
        return set(done.stdout.split())

    assert completed("toolkit gr") == {"grade"}
    assert completed("toolkit grade --over") == {"--overlays", "--overwrite"}


# --- progress ------------------------------------------------------------------------------------


def test_where_no_bar_can_be_drawn_there_is_a_line_every_few_seconds(monkeypatch):
    now, said = [0.0], io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    lines = LinesInTime(5, lambda: now[0])
    for now[0] in (0.0, 4.9, 5.0, 9.9, 12.0):
        lines.say(f"at {now[0]:g}")
    assert said.getvalue() == "at 5\nat 12\n"


def test_progress_in_a_pipe_is_lines_of_words_and_quiet_is_quiet(monkeypatch, capsys):
    monkeypatch.setattr("toolkit.progress.LinesInTime", partial(LinesInTime, 0.0))
    with progress_bars() as tell:
        tell("finding faces", 0, 4)
        tell("finding faces", 1, 4)
    with progress_bars(quiet=True) as tell:
        tell("finding faces", 4, 4)
    assert capsys.readouterr().err == "finding faces: 0 of 4\nfinding faces: 1 of 4, 0 s left\n"


# --- the summary of a run ------------------------------------------------------------------------


def graded(name, grade, quality="ok", note=""):
    ends = (None, None) if grade is None else (grade - 1, grade + 1)
    return PhotoGrade(name, PhotoFacts(name), grade, *ends, quality=quality, note=note)


def test_the_end_of_a_run_tells_the_grades_what_needs_review_and_where_to_look():
    grades = [
        graded("a.jpg", 2.0),
        graded("b.jpg", 4.0, "blurred, overexposed"),
        graded("c.jpg", 6.0, note="no chin patch: too little skin (0.3 cm2); out of range: unlike all"),
        graded("d.jpg", 7.0, "blurred", "expert grade 4.5 outside the interval"),
        graded("e.jpg", None, "", "no face found"),
    ]
    first, why, *rest = Summary.of(grade_rows(grades)).in_words()
    assert first == "Grades: mean 4.8, SD 2.2; 0 none, 1 mild, 2 moderate, 1 severe"
    assert why.startswith("Needs review: 3 photos (blurred: 2, ")
    assert rest == [
        "Look first at:",
        "  e.jpg: no grade, no face found",
        "  b.jpg: grade 4.0, blurred, overexposed",
        "  c.jpg: grade 6.0, no chin patch: too little skin (0.3 cm2); out of range: unlike all",
    ]
    reasons = Summary.of(grade_rows(grades)).reasons
    assert set(reasons) == {
        *("blurred", "overexposed", "no chin patch", "out of range"),
        "expert grade outside the interval",
    }


def test_a_run_without_doubts_says_so():
    assert Summary.of(grade_rows([graded("a.jpg", 2.0)])).in_words() == [
        "Grades: mean 2.0; 0 none, 1 mild, 0 moderate, 0 severe",
        "Needs review: none",
    ]


# --- words ---------------------------------------------------------------------------------------


def test_the_glossary_tells_one_word_or_all():
    one = toolkit("glossary", "Conformal")
    assert one.status == 0 and one.out.startswith("Conformal interval: interval around a grade")
    assert len(one.out.splitlines()) == 2 and max(map(len, one.out.splitlines())) <= 110
    assert {"Fold", "Embedding", "OD (optical density)"} <= {
        line.split(":")[0] for line in toolkit("glossary").out.splitlines()
    }
    none = toolkit("glossary", "phrenology")
    assert none.status == 1 and "is not in the glossary" in none.err
