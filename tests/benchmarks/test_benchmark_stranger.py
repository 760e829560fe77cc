"""The hand that took no part in training: what it paints, what of it is seen, and what that is worth."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.stranger.__main__ import EDGES, wanted_grades
from benchmarks.stranger.habits import ARCHETYPES
from benchmarks.stranger.hand import Painting
from benchmarks.stranger.latent import Figures, figures_of, grade_of
from benchmarks.stranger.sight import Sitting
from toolkit.phantom import compose, draw_face


@pytest.fixture(scope="module")
def canvas():
    return draw_face(np.random.default_rng(4), (560, 600), ita=50.0)


def painting_of(canvas, archetype="solar", seed=5):
    return Painting(canvas, "left", archetype, np.random.default_rng(seed))


def sitting_of(canvas, painting):
    scene = compose(canvas, {"left": [0.0], "right": [0.0]}, (1, 2))[0].session(0)
    return Sitting(scene, painting)


def test_without_pigment_the_grade_is_0(canvas):
    none = sitting_of(canvas, painting_of(canvas)).painted_to(0.0)
    assert none.grade == 0 and none.figures == Figures() and not none.layers.any()


@pytest.mark.parametrize("archetype", ["freckled", "melasma"])
def test_more_pigment_is_a_higher_grade(canvas, archetype):
    sitting = sitting_of(canvas, painting_of(canvas, archetype))
    grades = [sitting.painted(severity).grade for severity in (0.0, 0.2, 0.6, 1.6)]
    assert (np.diff(grades) > 0.3).all()


def test_what_cannot_be_seen_does_not_count(canvas):
    """The same spots and fields at a twentieth of their darkness are lost in the skin's texture and the file."""
    strong, faint = painting_of(canvas, "mixed"), painting_of(canvas, "mixed")
    faint.spots.od[:] *= 0.05
    faint.habit = replace(faint.habit, gain=0.05 * faint.habit.gain)
    assert faint.layers(1.0)[0].max() > 0.005
    assert sitting_of(canvas, strong).painted(1.0).grade > 4
    lost = sitting_of(canvas, faint).painted(1.0)
    assert lost.grade == 0 and not lost.layers.any()


def test_a_seed_is_a_painting_and_its_side_alone_is_painted(canvas):
    one, same, other = (painting_of(canvas, seed=seed).layers(0.8)[0] for seed in (5, 5, 6))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    painting = painting_of(canvas)
    assert one[:, painting.across < -5].max() == 0 < one[:, painting.across > 5].max()
    assert len(painting.layers(0.8)[1]) < len(painting.layers(1.2)[1])


def test_the_scale_goes_through_its_anchors_and_counts_spread():
    assert grade_of(Figures(0.0013, 11, 0.25, 0.13)) == pytest.approx(3)
    assert grade_of(Figures(0.0143, 80, 0.88, 0.13)) == pytest.approx(6)
    y, x = np.mgrid[:200, :200].astype(np.float32)
    gathered, spread = np.zeros((2, 200, 200), np.float32)
    for number in range(16):
        row, column = divmod(number, 4)
        gathered[10 + 8 * row : 14 + 8 * row, 10 + 8 * column : 14 + 8 * column] = 0.2
        spread[20 + 45 * row : 24 + 45 * row, 20 + 45 * column : 24 + 45 * column] = 0.2
    near, far = (
        figures_of(one, np.ones((200, 200), bool), x / 2, y / 2, px_per_mm=2.0) for one in (gathered, spread)
    )
    assert near.load == pytest.approx(far.load) and near.pieces == far.pieces == 16
    assert grade_of(far) > grade_of(near) + 0.5


def test_each_person_has_a_zero_and_grades_of_every_band():
    for number in (0, 7):
        zero, *others = sorted(wanted_grades(number))
        assert zero == 0 and len(others) == len(ARCHETYPES) - 1
        assert all(low <= one <= high for low, one, high in zip(EDGES[:-1], others, EDGES[1:], strict=True))
