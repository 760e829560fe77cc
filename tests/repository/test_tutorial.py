"""The tutorial can be walked from its first command to its last, and a training says what its model is worth."""

import shlex
import subprocess

import pytest
from command_line import toolkit

from benchmarks.tutorial import BETTER, TOO_SMALL, hold, review_all, walk
from toolkit.errors import ToolkitError

SMALL = {  # five people for eighteen, three of them graded, of one visit
    "--subjects 18 --visits 2": "--subjects 5 --visits 1",
    "head -n 37": "head -n 7",
    "images/P000*": "images/P000[1-3]*",
    "images/P001*": "images/P000[45]*",
    "toolkit train demo": "toolkit train --folds 2 --epochs 2 demo",
}


def in_this_process(line, folder):
    """What a line of the tutorial prints; its first word decides who runs it."""
    if not line.startswith("toolkit "):
        subprocess.run(["bash", "-c", line], cwd=folder, check=True)
        return ""
    words = [
        word
        for part in shlex.split(line)[1:]
        for word in (sorted(map(str, folder.glob(part))) if "*" in part else [part])
    ]
    done = toolkit(*words)
    assert done.status == 0, done.out + done.err
    return done.out


@pytest.mark.slow
def test_the_tutorial_can_be_walked(browser, tmp_path, monkeypatch):
    def on_the_page(page, out):
        opened = browser.open(page)
        opened.download(lambda: review_all(opened.tab)).rename(out)
        assert opened.errors == [] and opened.outside == []

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "toolkit.commands.shared.default_workers", lambda: 1
    )  # few photos: no other processes
    walked = dict(walk(tmp_path, in_this_process, on_the_page, SMALL))
    trained, retrained = (said for line, said in walked.items() if line.startswith("toolkit train "))
    assert "6 photos of 3 subjects" in trained and "10 photos of 5 subjects" in retrained
    assert all(hold(line, said) is None for line, said in walked.items())
    of_review, of_grades = (said for line, said in walked.items() if line.startswith("toolkit agreement "))
    assert "Dr Anna Berg" in of_review
    assert "new against grades: 4 photos of 2 subjects" in of_grades and "always the mean" in of_grades
    assert sorted(path.name for path in (tmp_path / "demo").glob("*.xlsx")) == ["agreement.xlsx", "new.xlsx"]


def scores(own, mean, words):
    return f"toolkit, subjects never seen  36  {own}  0.79\nalways the mean  36  {mean}  1.14\n{words}\n"


def test_a_training_that_is_no_better_must_say_so():
    hold("toolkit train a", scores(0.96, 1.37, f"Its error is 30% {BETTER}."))
    hold("toolkit train a", scores(1.40, 1.37, f"It is no better: {TOO_SMALL}."))
    hold("toolkit train a", scores(1.20, 1.37, f"Too small a study: {TOO_SMALL} yet."))
    for own, words in ((1.40, f"30% {BETTER}"), (1.40, ""), (0.96, ""), (0.96, f"{BETTER}, {TOO_SMALL}")):
        with pytest.raises(ToolkitError, match=r"always the mean 1\.37, and it says"):
            hold("toolkit train a", scores(own, 1.37, words))


def test_a_tutorial_that_has_changed_is_not_walked_as_it_was(tmp_path):
    with pytest.raises(ToolkitError, match="--subjects 99: the tutorial does not say so"):
        next(walk(tmp_path, in_this_process, lambda page, out: None, {"--subjects 99": "--subjects 7"}))
