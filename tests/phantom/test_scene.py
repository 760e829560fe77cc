"""Photographs of phantoms in which one thing changes and everything else stays, to the pixel."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from toolkit import phantom
from toolkit.colourtarget import patch_light
from toolkit.phantom import optics
from toolkit.phantom.camera import take
from toolkit.phantom.colourchart import draw_colour_chart, with_colour_chart
from toolkit.phantom.scene import stream


@pytest.fixture(scope="module")
def scene():
    canvas = phantom.draw_face(np.random.default_rng(3), (480, 480), span_px=190, ita=40)
    person = phantom.compose(canvas, {"left": [5.0], "right": [3.0]}, (1, 2), phantom.Kinds(flecks=1.0))[0]
    return replace(person.session(0), distractors=phantom.Distractors(redness=0.1, noise=0.008))


@pytest.fixture(scope="module")
def shot(scene):
    return phantom.shoot(scene, "left")


def changed(scene, style="left", resolution=1.0, **options):
    return phantom.shoot(replace(scene, distractors=replace(scene.distractors, **options)), style, resolution)


def od_between(shot, other):
    """The OD that the second photograph has more, (H, W, 3), where the first is neither black nor white."""
    both = [np.maximum(optics.to_light(cv2.GaussianBlur(s.pixels, (0, 0), 3)), 1e-4) for s in (shot, other)]
    return np.log(both[0] / both[1])


def inside(shot):
    eroded = cv2.erode(shot.mask.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    return eroded & (shot.pixels.max(axis=2) < 245) & (shot.pixels.min(axis=2) > 20)


def test_a_shot_is_what_it_says(scene, shot):
    assert shot.pixels.shape[:2] == shot.melanin.shape == shot.mask.shape == (480, 480)
    assert shot.pixels.dtype == np.uint8 and shot.melanin.dtype == np.float32 and shot.mask.dtype == bool
    assert not shot.pixels[~shot.mask].any() and not shot.melanin[~shot.mask].any()
    assert shot.latent_grade == phantom.grade_of_load(shot.load)
    assert shot.load == phantom.load_of_map(scene.pigment, scene.canvas, "left")
    assert phantom.shoot(scene, "right").latent_grade < shot.latent_grade
    decoded = cv2.imdecode(np.frombuffer(shot.jpeg(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert abs(decoded.astype(int) - shot.pixels).mean() < 4


def test_the_planted_map_lies_on_the_photograph(scene, shot):
    """Where the map says melanin, the picture is darker than without, by as much."""
    bare = phantom.shoot(replace(scene, pigment=np.zeros_like(scene.pigment)), "left")
    where = inside(shot) & inside(bare)
    added, planted = od_between(bare, shot)[..., 1][where], cv2.GaussianBlur(shot.melanin, (0, 0), 3)[where]
    assert planted.max() > 0.1
    assert np.corrcoef(added, planted)[0, 1] > 0.97
    assert np.polyfit(planted, added, 1)[0] == pytest.approx(1, abs=0.12)


def test_the_same_scene_gives_the_same_photograph_and_another_session_another(scene, shot):
    assert (phantom.shoot(scene, "left").pixels == shot.pixels).all()
    other = phantom.shoot(scene.session(3), "left")
    assert not (other.points == shot.points).all()
    assert not (other.pixels == shot.pixels).all()


@pytest.mark.parametrize(
    "options",
    [{"exposure": 0.8}, {"white_balance": (1.05, 0.95)}, {"redness": 0.25}, {"shadow": 0.5}, {"gradient": 0.2},
     {"noise": 0.0}, {"jpeg_quality": 60}],
    ids=lambda options: next(iter(options)),
)  # fmt: skip
def test_distractors_leave_pose_mask_pigment_and_grade_alone(scene, shot, options):
    other = changed(scene, **options)
    assert (other.points == shot.points).all()
    assert (other.mask == shot.mask).all()
    assert (other.melanin == shot.melanin).all()
    assert other.latent_grade == shot.latent_grade
    assert (other.pixels == shot.pixels).all() == (options == {"jpeg_quality": 60})


def test_exposure_and_white_balance_are_factors_of_light(scene, shot):
    where = inside(shot)
    assert np.median(od_between(shot, changed(scene, exposure=0.8))[where], axis=0) == pytest.approx(
        -np.log(0.8), abs=0.02
    )
    warmer = np.median(od_between(shot, changed(scene, white_balance=(1.05, 0.95)))[where], axis=0)
    assert warmer == pytest.approx([-np.log(1.05), 0, -np.log(0.95)], abs=0.02)


def test_redness_changes_no_pixel_where_there_is_none(scene):
    field = scene.blemishes.redness.copy()
    field[:, 240:] = 0
    one_sided = replace(scene, blemishes=replace(scene.blemishes, redness=field))
    plain, red = (changed(one_sided, "both", redness=redness).pixels for redness in (0.1, 0.25))
    assert (plain[:, 260:] == red[:, 260:]).all()  # the noise too
    assert (plain[:, :220] != red[:, :220]).any()


def test_a_stronger_shadow_falls_in_the_same_place(scene):
    bare, weak, strong = (changed(scene, "both", shadow=shadow, noise=0.0) for shadow in (0.0, 0.2, 0.5))
    where = inside(bare)
    falls = [od_between(bare, one)[..., 1][where] for one in (weak, strong)]
    assert falls[1].max() > 0.3
    assert np.corrcoef(falls)[0, 1] > 0.97


@pytest.mark.parametrize("style", ["left", "right", "both"])
def test_one_mole_more_changes_its_own_few_pixels(scene, style):
    before, after = phantom.shoot(scene, style), phantom.shoot(phantom.with_mole(scene, style), style)
    rows, columns = np.nonzero((before.pixels != after.pixels).any(axis=2))
    size = np.array([np.ptp(rows), np.ptp(columns)]) / scene.canvas.px_per_mm
    assert (size > 2).all() and (size < 7).all()
    darkest = after.pixels[rows, columns].astype(int) - before.pixels[rows, columns]
    assert darkest.min() < -40 and darkest.max() <= 3
    assert (columns.mean() < before.points[30, 0]) == (style == "right")  # the subject's own side
    assert after.latent_grade == before.latent_grade


def test_a_smaller_picture_shows_the_same(scene, shot):
    small = phantom.shoot(scene, "left", 0.5)
    assert small.pixels.shape == (240, 240, 3)
    assert small.points == pytest.approx((shot.points + 0.5) / 2 - 0.5)
    halved = cv2.resize(shot.mask.astype(np.float32), (240, 240), interpolation=cv2.INTER_AREA) > 0.5
    assert (small.mask & halved).sum() / (small.mask | halved).sum() > 0.97
    reduced = cv2.resize(shot.pixels, (240, 240), interpolation=cv2.INTER_AREA).astype(int)
    where = inside(small)
    assert abs(reduced - small.pixels)[where].max() <= 1
    assert small.latent_grade == shot.latent_grade


def test_both_sides_are_one_sitting(scene, shot):
    right, whole = phantom.shoot(scene, "right"), phantom.shoot(scene, "both")
    assert (right.points == shot.points).all() and whole.mask.all()
    assert (whole.pixels[shot.mask] == shot.pixels[shot.mask]).all()
    assert not (right.mask & shot.mask).sum() > 0.01 * shot.mask.sum()


def test_visits_of_a_person_share_the_blemishes():
    canvas = phantom.draw_face(np.random.default_rng(3), (240, 240), span_px=95)
    first, second = phantom.compose(canvas, {"left": [6.0, 4.0], "right": [6.0, 4.0]}, (5,))
    assert first.blemishes is second.blemishes and first.distractors == second.distractors
    assert first.pigment.sum() > second.pigment.sum()
    assert first.session(0).distractors.exposure != second.session(0).distractors.exposure


def test_streams_are_apart():
    draws = [
        stream(seed, what).random() for seed in ((1,), (1, 1), (2,)) for what in ("pose", "noise", "mask")
    ]
    assert len(set(draws)) == 9
    assert stream((1,), "pose").random() == draws[0]


def test_what_cannot_be_photographed_is_refused(scene):
    with pytest.raises(ValueError, match="left, right, both"):
        phantom.shoot(scene, "half")
    with pytest.raises(ValueError, match="resolution"):
        phantom.shoot(scene, "left", 0)
    with pytest.raises(ValueError, match="canvas's shape"):
        replace(scene, pigment=scene.pigment[:-1])


def test_a_colour_chart_has_the_light_of_its_patches():
    light = draw_colour_chart(20)
    assert light.shape == (4 * 23 + 3, 6 * 23 + 3, 3) and light.dtype == np.float32
    for number, wanted in enumerate(patch_light()):
        row, column = divmod(number, 6)
        assert light[13 + 23 * row, 13 + 23 * column] == pytest.approx(np.maximum(wanted, 1e-3), rel=1e-5)


def test_a_chart_before_a_face_hides_it_and_is_no_skin(scene):
    canvas = scene.canvas
    held = with_colour_chart(canvas, (240.0, 400.0), 20, 5.0)
    changed_light = np.abs(held.light - canvas.light).max(axis=2) > 0
    rows, columns = np.nonzero(changed_light)
    assert abs(rows.mean() - 400) < 2 and abs(columns.mean() - 240) < 2 and changed_light.sum() > 90 * 130
    assert not held.skin[changed_light & (held.skin == canvas.skin) & (canvas.skin > 0)].any()
    assert held.skin[200:300, 200:280] == pytest.approx(canvas.skin[200:300, 200:280])


def test_crosstalk_leaves_greys_and_pales_colours():
    light = np.ones((8, 16, 3), np.float32) * 0.4
    light[:, 8:] = [0.5, 0.3, 0.1]
    plain, mixed = (
        take(
            light,
            np.eye(2, 3, dtype=np.float64),
            phantom.Distractors(crosstalk=share),
            np.random.default_rng(0),
        )
        for share in (0.0, 0.1)
    )
    assert (plain[:, :6] == mixed[:, :6]).all()
    assert np.ptp(mixed[4, 12].astype(int)) < np.ptp(plain[4, 12].astype(int)) - 10
