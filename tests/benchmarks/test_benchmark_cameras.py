"""The figures that benchmarks.cameras prints, on tables made by hand."""

import numpy as np
import pytest

from benchmarks.cameras import CAMERAS, PLAIN, by_camera, chart_photograph, seen_by, summary
from toolkit import phantom


def test_within_one_person_the_cameras_differ_by_this_much():
    offsets = dict(zip(CAMERAS, (0.0, 0.5, -0.5, 1.0, -1.0), strict=True))
    found = {n: {camera: 2.0 * n + off for camera, off in offsets.items()} for n in range(3)}
    truth = {n: 2.0 * n for n in range(3)}
    within, rmse, bias, correlation = summary(found, truth)
    assert within == pytest.approx(np.sqrt(2.5 / 4)) and bias == pytest.approx(0)
    assert rmse == pytest.approx(np.sqrt(2.5 / 5)) and 0.9 < correlation < 1
    assert by_camera(found) == pytest.approx([2.0, 2.5, 1.5, 3.0, 1.0])
    assert summary({0: {PLAIN: 1.0, "warm": 3.0}}, None) == [pytest.approx(np.sqrt(2))]


@pytest.mark.parametrize("camera", CAMERAS)
def test_every_cameras_chart_is_found(camera):
    found = chart_photograph(camera, 1)
    assert found.source == camera and found.patches >= 16 and found.after < 3


def test_a_camera_changes_the_session_and_not_the_person():
    canvas = phantom.draw_face(np.random.default_rng(3), (240, 240), span_px=90)
    scene = phantom.compose(canvas, {"left": [5.0], "right": [3.0]}, (1, 2))[0].session(0)
    plain, warm = (seen_by(scene, camera, 4) for camera in (PLAIN, "warm"))
    assert plain.pigment is warm.pigment and plain.seed == warm.seed
    assert (plain.distractors.exposure, plain.distractors.tone) == (warm.distractors.exposure, 0.0)
    assert warm.distractors.tone == CAMERAS["warm"]["tone"]
