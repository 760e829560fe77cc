"""What a model learns from several graders: their combined grade where that helps subjects never seen, else the mean."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from made_up_study import SETTINGS, rmse, spots_make_the_grade, study, trunk

from toolkit.phantom import SimulatedGrader, grades_by
from toolkit.severalgraders import (
    COMBINED,
    PLAIN,
    Compared,
    SeveralGraders,
    _chosen,
    _verdict,
    graders_of,
    train_on_graders,
)
from toolkit.study import join_files
from toolkit.training import train

QUICK = replace(SETTINGS, encoder=replace(SETTINGS.encoder, epochs=2))
GOOD, CARELESS = SimulatedGrader(0.3, 1.0, 0.3), SimulatedGrader(-0.6, 1.0, 6.0)


def graded(*graders, seed=0):
    """A study whose grade is visible, and its graders."""
    made = study(spots_make_the_grade, subjects=24, visits=3)
    grades = grades_by(graders, made.grades, made.subjects.tolist(), np.random.default_rng(seed))
    return made, SeveralGraders(tuple("abcdef"[: len(graders)]), grades, made.subjects)


@cache
def careless():
    """Two good graders and a careless one: both trainings, what was asked of the graders, and the choice."""
    made, graders = graded(GOOD, replace(GOOD, bias=-0.3), CARELESS)
    tried, asked = [], []

    def learn(labels=None):
        def watched(photos):
            asked.append(photos)
            return labels(photos)

        tried.append(
            train(
                made.prepared,
                graders.mean,
                made.subjects,
                QUICK,
                folds=2,
                start=trunk(),
                labels=labels and watched,
            )
        )
        return tried[-1]

    chosen, choice = train_on_graders(graders, learn)
    return made, graders, tried, asked, chosen, choice


def test_a_careless_grader_is_told_and_the_combined_grade_learnt():
    made, _, (plain, combined), _, chosen, choice = careless()
    assert choice.used == COMBINED
    assert choice.by_mean.gain > 0 and choice.by_combined.gain > choice.by_combined.doubt
    assert (
        f"against their combined grade: {choice.by_combined.plain:.3f} learning the plain mean"
        in choice.told()
    )
    assert rmse(combined.predicted, made.grades) < 0.85 * rmse(plain.predicted, made.grades)
    assert chosen.model is combined.model
    assert rmse(combined.labels, made.grades) < 0.5 < rmse(plain.labels, made.grades)


def test_no_held_out_grade_tells_how_graders_grade():
    _, graders, (plain, _), asked, _, _ = careless()
    everybody = len(graders.grades)
    learnt = {learn.tobytes() for learn, _ in plain.folds}
    assert {photos.tobytes() for photos in asked if len(photos) < everybody} == learnt
    learn, held = plain.folds[0]
    changed = graders.grades.copy()
    changed[held] = 9 - changed[held]
    other = replace(graders, grades=changed)
    assert np.array_equal(other.labels()(learn)[learn], graders.labels()(learn)[learn])


def test_the_grade_of_a_held_out_photo_is_chosen_on_the_other_folds():
    _, graders, (plain, combined), _, _, _ = careless()
    chosen, choice = _chosen(graders, combined, plain)  # the worse one in the place of the combined grades
    assert choice.used == PLAIN and "does not lower the error" in choice.why
    assert chosen.model is combined.model and np.array_equal(chosen.predicted, combined.predicted)
    # Better in the first fold alone, of which the choice for the first fold must not know.
    _, held = plain.folds[0]
    better = plain.predicted.copy()
    better[held] = graders.mean[held]
    mixed, _ = _chosen(graders, plain, replace(plain, predicted=better, half_widths=plain.half_widths + 1))
    assert np.array_equal(mixed.predicted[held], plain.predicted[held])
    assert np.array_equal(mixed.half_widths[held], plain.half_widths[held])


def test_what_helps_against_the_combined_grade_and_harms_against_the_plain_mean_is_not_learnt():
    gains, none = Compared(1, 0.9, 0.1, 0.05), Compared(1, 0.99, 0.02, 0.05)
    harms = Compared(1, 1.1, -0.1, 0.05)
    assert _verdict(gains, gains)[0] == COMBINED
    for by_mean, by_combined, why in (
        (harms, gains, "raises it"),
        (gains, none, "not clearly"),
        (gains, harms, "does not"),
    ):
        used, told = _verdict(by_mean, by_combined)
        assert used == PLAIN and why in told


def test_graders_that_cannot_be_told_apart_leave_the_plain_mean():
    _, graders = graded(GOOD, CARELESS)
    half = np.arange(len(graders.grades))[:, None] % 2 == [0, 1]
    half[:3] = True  # graded by both
    lonely = replace(graders, grades=np.where(half, graders.grades, np.nan))

    def learn(labels=None):
        return labels(np.arange(len(half))) if labels else "the plain mean"

    trained, choice = train_on_graders(lonely, learn)
    assert trained == "the plain mean" and choice.used == PLAIN and "graded 3 photos" in choice.told()
    half[:3] = [True, False]
    apart = replace(graders, grades=np.where(half, graders.grades, np.nan))
    assert train_on_graders(apart, learn) == ("the plain mean", None)  # nothing to choose, and nothing said


def test_who_graded_what_is_known_by_name(tmp_path):
    names = [f"P000{n}_FACE_L_S00_V00D00W00.jpg" for n in range(4)]
    table = tmp_path / "panel.csv"
    rows = ["file,Ann,Bob", f"{names[0]},1,2", f"{names[1]},,3", f"{names[2]},4,"]
    table.write_text("\n".join(rows))
    joined = join_files(names, table, [("grade", "Ann"), ("grade", "Bob")])
    assert joined.by_grader == {"Ann": {names[0]: 1, names[2]: 4}, "Bob": {names[0]: 2, names[1]: 3}}
    graders = graders_of(joined.by_grader, names[:3], "xyz")
    assert graders.names == ("Ann", "Bob") and graders.mean.tolist() == [1.5, 3, 4]
    assert graders_of(joined.by_grader, names[1:2], "y") is None
    alone = join_files(names, table, [("grade", "Ann")]).by_grader
    assert len(alone) == 1 and graders_of(alone, names, "wxyz") is None


@pytest.mark.parametrize("plain", [False, True])
def test_the_plain_mean_can_be_asked_for(plain, tmp_path, monkeypatch):
    from graded_study import write_photos

    from toolkit.commands import training

    class ReachedError(Exception):
        pass

    def stop(*_, **__):
        raise ReachedError(plain)

    photos = write_photos(tmp_path / "photos", 2)
    table = tmp_path / "g.csv"
    table.write_text("\n".join(["file,A,B", *(f"{path.name},3,4" for path in photos)]))
    monkeypatch.setattr(training, "train" if plain else "train_on_graders", stop)
    columns = [("grade", "A"), ("grade", "B")]
    with pytest.raises(ReachedError):
        training.train_study([tmp_path / "photos"], table, tmp_path / "m", columns=columns, plain_mean=plain)
