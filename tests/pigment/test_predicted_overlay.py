"""The picture of the pigment that a network predicted."""

import numpy as np
import pytest

from toolkit.pigment.overlay import draw_predicted
from toolkit.records import Patch


def patch(region, height=60, width=90):
    skin = np.ones((height, width), bool)
    skin[:, :20] = False
    return Patch(region, np.full((height, width, 3), 150, np.uint8), skin, 3.0, np.eye(2, 3))


def test_predicted_pigment_is_bright_where_it_lies_and_grey_off_the_skin():
    pigment = np.zeros((40, 60), np.float32)  # at two thirds of the patch's scale
    pigment[20:30, 40:50] = 0.3
    picture = draw_predicted([patch("chin")], [pigment], "=name")
    top = 2 * 26 + 60 + 26  # captions and the patch itself
    shown = picture[top : top + 60, 8 : 8 + 90].astype(int)
    assert (shown[:, :20] == 60).all()
    assert shown[37, 67].sum() > shown[10, 60].sum() + 150  # yellow against blue
    np.testing.assert_array_equal(picture[2 * 26 : 2 * 26 + 60, 8 : 8 + 90], 150)


def test_every_patch_has_its_column():
    regions = ("forehead", "left_cheek", "right_cheek", "chin")
    one, four = (
        draw_predicted([patch(r) for r in some], [np.zeros((40, 60), np.float32)] * len(some))
        for some in (regions[:1], regions)
    )
    assert four.shape[1] > one.shape[1]


def test_no_patch_is_refused():
    with pytest.raises(ValueError, match="without patches"):
        draw_predicted([], [])
