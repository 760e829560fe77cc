"""Methods compared on a cluster: measured and fitted by its workers, with the answers of one process."""

import csv
import os
import shutil

import numpy as np
import pytest
from graded_study import write_photos

from toolkit.evaluate import CompareOptions, compare
from toolkit.evaluate.methods import PARTS
from toolkit.settings import BlendSettings, Settings

pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals")]
SMALL = Settings(blend=BlendSettings(trees=10))
OPTIONS = CompareOptions("features", folds=2, settings=SMALL)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Photographs of four subjects, and their grades."""
    folder = tmp_path_factory.mktemp("study")
    paths = write_photos(folder / "photos", 8)
    with (folder / "grades.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file", "grade"), *((path.name, 2 + n / 2) for n, path in enumerate(paths))]
        )
    return folder


def compared(study, out, **options):
    return compare([study / "photos"], study / "grades.csv", study / out, OPTIONS, **options)


def same(one, other):
    for name in one.methods:
        for mine, theirs in zip(one.outcomes["subject"][name], other.outcomes["subject"][name], strict=True):
            for part in PARTS:
                for what in ("photos", "grades", "classes"):
                    assert np.array_equal(
                        getattr(mine.answers[part], what), getattr(theirs.answers[part], what)
                    )
            assert mine.history == theirs.history and mine.figures == theirs.figures
    return True


def test_a_comparison_on_a_cluster_is_that_of_one_process_and_takes_up_what_was_done(study):
    from toolkit.cluster import connect

    one, steps = compared(study, "one"), []
    done = [
        study / "many" / "folds" / f"subject_mean_fold{fold}.{kind}"
        for fold in "12"
        for kind in ("csv", "json")
    ]
    done[0].parent.mkdir(parents=True)
    for path in done:
        shutil.copy2(study / "one" / "folds" / path.name, path)
    done.pop().unlink()  # without its key the second fold is not done
    stamps = [path.stat().st_mtime_ns for path in done[:2]]
    with connect("local", 2) as cluster:
        many = compared(study, "many", workers=cluster, tell=steps.append)
    assert same(one, many) and many.taken_up == 1
    assert stamps == [path.stat().st_mtime_ns for path in done[:2]]
    fits = [step for step in steps if step.stage == "fits"]
    assert [(step.number, step.of) for step in fits] == [(number, 6) for number in range(1, 7)]
    assert fits[-1].left == 0
    for a, b in zip(one.study.prepared, many.study.prepared, strict=True):
        assert a.features == b.features and all(map(np.array_equal, a.inputs, b.inputs))
    for folder in ("cache", "folds"):
        assert names(study / "one" / folder) == names(study / "many" / folder)


def names(folder):
    return sorted(path.name for path in folder.iterdir())
