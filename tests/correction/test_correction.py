"""What a camera does to colours is learnt from a chart and taken back."""

import dataclasses
import json

import numpy as np
import pytest
from colour_charts import LOOKS, chart_light, chart_picture, seen
from drawn_photos import as_photo, drawn_face

from toolkit.colours import LINEAR_OF_LEVEL, srgb_codes
from toolkit.colourtarget import lab_of_light, patch_light
from toolkit.correction import NOT_FOUND, corrected, correction_by, find_charts, fit_correction
from toolkit.correction.applying import corrected_pixels
from toolkit.correction.finding import may_be_chart
from toolkit.errors import PhotoError
from toolkit.phantom.colourchart import draw_colour_chart
from toolkit.records import IN_FRAME, ColourCorrection

# The maker's own sRGB codes of some patches, of charts made before November 2014.
MAKERS_CODES = {
    0: (115, 82, 68), 1: (194, 150, 130), 2: (98, 122, 157), 9: (94, 60, 108), 14: (175, 54, 60), 18: (243, 243, 242),
    19: (200, 200, 200), 21: (122, 122, 121), 23: (52, 52, 52),
}  # fmt: skip
PATCH, GAP = 40, 6  # pixels, as draw_colour_chart(40) has them


def corner(number):
    """Upper left corner of a patch in ``chart_picture``."""
    row, column = divmod(number, 6)
    return 60 + GAP + row * (PATCH + GAP), 60 + GAP + column * (PATCH + GAP)


def covered(pixels, patches, colour):
    """The picture with something of one colour over patches."""
    pixels = pixels.copy()
    for number in patches:
        top, left = corner(number)
        grain = np.random.default_rng(number).integers(-2, 3, (PATCH, PATCH, 1))
        pixels[top : top + PATCH, left : left + PATCH] = np.array(colour) + grain
    return pixels


def skin_light():
    """Skin of several tones (tones, 200, 1, 3): linear light without a camera."""
    rng, tones = np.random.default_rng(3), np.linspace(0.15, 0.75, 6)[:, None, None]
    melanin = rng.uniform(0, 0.25, (6, 200, 1))
    od = np.array([0.3, 0.55, 0.75]) + tones * [0.71, 1.0, 1.19] + melanin * [0.5, 1.0, 1.5]
    return np.exp(-od)[:, :, None].astype(np.float32)


def brown(codes):
    """M = ln(G/B) of pixels, less its mean in each tone."""
    light = LINEAR_OF_LEVEL[codes]
    m = np.log(light[..., 1] / light[..., 2])[..., 0]
    return m - m.mean(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def corrections():
    return {look: correction_by(find_charts(chart_picture(look)), look)[0] for look in LOOKS}


def test_the_reference_is_that_of_the_maker():
    codes = srgb_codes(patch_light()).astype(int)
    for number, wanted in MAKERS_CODES.items():
        assert np.abs(codes[number] - wanted).max() <= 8, number
    assert lab_of_light(np.ones(3)) == pytest.approx([100, 0, 0], abs=0.01)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_chart_is_found_in_any_position_and_read_the_right_way_round(quarters):
    (upright,), (turned,) = find_charts(chart_picture()), find_charts(chart_picture(quarters=quarters))
    assert np.abs(upright.codes - turned.codes).max() < 1.5
    assert upright.usable.sum() >= 22
    height, width = chart_light(quarters).shape[:2]
    low, high = turned.outline.min(axis=0), turned.outline.max(axis=0)
    assert np.all(np.abs(low - 60) < 15) and np.all(np.abs(high - [width - 60, height - 60]) < 15)


@pytest.mark.parametrize(
    ("outline", "wanted"),
    [
        ([[537, 1309], [802, 1276], [820, 1451], [557, 1482]], True),
        ([[802, 1276], [820, 1451], [557, 1482], [537, 1309]], False),  # a quarter turned: columns for rows
        ([[537, 1309], [1000, 1276], [820, 1451], [557, 1482]], False),
        ([[461, 1304], [678, 1320], [-1321, 1202], [561, 1314]], False),
        ([[431, 591], [175, -305], [-6359, -23072], [606, 1200]], False),
        ([[1200, 1309], [1470, 1276], [1480, 1451], [1210, 1482]], False),
        ([[5, 5], [5, 5], [5, 5], [5, 5]], False),
    ],
)
def test_what_has_not_the_shape_of_a_chart_is_none(outline, wanted):
    """Shapes that the detector told on faces with a chart, beside it."""
    assert may_be_chart(np.array(outline, float), (1600, 1360, 3)) is wanted


def test_a_chart_is_read_the_same_every_time():
    first, second = (find_charts(chart_picture("vivid"))[0] for _ in range(2))
    assert np.array_equal(first.codes, second.codes) and np.array_equal(first.outline, second.outline)


@pytest.mark.parametrize("look", LOOKS)
def test_a_correction_brings_the_patches_to_their_reference(corrections, look):
    found = corrections[look]
    assert found.after < 2 and found.patches >= 18
    assert look == "plain" or found.before > 2.5


@pytest.mark.parametrize("look", LOOKS)
def test_contrast_of_pigment_and_colour_of_skin_are_those_of_the_plain_camera(corrections, look):
    light = skin_light()
    truth, seen_so = srgb_codes(light), np.stack([seen(one, look, noise=0) for one in light])
    made = np.stack([corrected_pixels(one, corrections[look]) for one in seen_so])
    slope = {name: (brown(codes) * brown(truth)).sum() / (brown(truth) ** 2).sum() for name, codes in
             (("as it came", seen_so), ("corrected", made))}  # fmt: skip
    assert abs(slope["corrected"] - 1) < 0.16, slope
    assert abs(slope["corrected"] - 1) < max(abs(slope["as it came"] - 1), 0.06), slope
    off = np.abs(made.astype(int).mean(axis=1) - truth.astype(int).mean(axis=1))
    assert off.max() < 7, off


def test_a_plain_camera_is_left_as_it_is(corrections):
    pixels = drawn_face()[0]
    made = corrected_pixels(pixels, corrections["plain"])
    assert np.percentile(np.abs(made.astype(int) - pixels), 99) <= 2


def test_what_the_camera_clipped_stays_clipped(corrections):
    pixels = np.full((4, 4, 3), 200, np.uint8)
    pixels[0, 0] = (255, 255, 255)
    pixels[1, 1] = (255, 180, 160)
    made = corrected_pixels(pixels, corrections["contrasty"])
    assert made[0, 0].min() == 255 and made[1, 1, 0] == 255 and made[2, 2].max() < 250


def test_covered_patches_are_left_out():
    whole = fit_correction(find_charts(chart_picture("warm"))[0], "w")
    pixels = covered(chart_picture("warm"), [8, 22], (190, 120, 80))
    part = fit_correction(find_charts(pixels)[0], "w")
    assert part.patches == whole.patches - 2
    ramp = np.repeat(np.arange(40, 230, dtype=np.uint8)[:, None, None], 3, axis=2)
    apart = corrected_pixels(ramp, part).astype(int) - corrected_pixels(ramp, whole)
    assert np.abs(apart).max() <= 4


def test_half_a_chart_is_refused():
    pixels = covered(chart_picture(), [n for n in range(24) if n % 6 > 2], (190, 120, 80))
    charts = find_charts(pixels)
    assert charts
    with pytest.raises(PhotoError, match=r"of the colour chart's 24 patches can be used.*: show it whole"):
        correction_by(charts, "half")


def test_an_overexposed_chart_gives_what_is_left_of_it():
    found = fit_correction(find_charts(chart_picture(exposure=1.3))[0], "bright")
    assert len(found.tone[0]) == 5 and found.after < 1.6
    assert found.matrix[1][1] * np.exp(found.tone[1][-1][1] - found.tone[1][-1][0]) == pytest.approx(
        1 / 1.3, rel=0.05
    )
    with pytest.raises(PhotoError, match="too bright"):
        fit_correction(find_charts(chart_picture(exposure=3.0))[0], "far too bright")


def test_a_chart_of_other_colours_is_told():
    shuffled = chart_light().copy()
    for number in range(18):  # the colours of patches that no ColorChecker has there
        top, left = corner(number)
        shuffled[top : top + PATCH, left : left + PATCH] *= [1.6, 0.7, 0.6] if number % 2 else [0.6, 1.2, 1.5]
    for chart in find_charts(seen(shuffled)):
        try:
            assert "fits badly" in fit_correction(chart, "odd").note
        except PhotoError as error:
            assert "fits badly" in str(error) or "can be used" in str(error)


def with_charts(pixels, *places):
    """The picture with a chart of 20 px patches at each (top, left)."""
    pixels, chart = pixels.copy(), seen(draw_colour_chart(20))
    for top, left in places:
        pixels[top : top + chart.shape[0], left : left + chart.shape[1]] = chart
    return pixels, chart.shape[:2]


def test_a_chart_in_the_frame_corrects_the_photo_and_is_no_skin():
    pixels, (high, wide) = with_charts(drawn_face()[0], (780, 30))
    photo = corrected(as_photo(pixels), IN_FRAME)
    assert photo.colour.source == "chart in the frame" and photo.colour.after < 2 and photo.notes == ()
    assert not photo.skin[780 : 780 + high, 30 : 30 + wide].any()
    gone = as_photo(pixels).skin & ~photo.skin
    assert gone.sum() < 2 * high * wide and len(photo.colour.outlines) == 1


def test_of_two_charts_one_is_used_and_neither_is_skin():
    pixels, (high, wide) = with_charts(drawn_face()[0], (780, 30), (20, 700))
    photo = corrected(as_photo(pixels), IN_FRAME)
    assert photo.notes == ("2 colour charts: the one that fits best was used",)
    assert not photo.skin[780 : 780 + high, 30 : 30 + wide].any()
    assert not photo.skin[20 : 20 + high, 700 : 700 + wide].any()


def test_without_a_chart_colours_stay_and_a_note_says_so():
    photo = as_photo(drawn_face()[0])
    after = corrected(photo, IN_FRAME)
    assert after.notes == (NOT_FOUND,) and after.colour is None and after.pixels is photo.pixels
    assert corrected(photo, None) is photo


def test_a_chart_that_cannot_be_used_is_no_skin_all_the_same():
    pixels, (high, wide) = with_charts(drawn_face()[0], (780, 30))
    pixels[780 : 780 + high, 30 + wide // 2 : 30 + wide] = (190, 120, 80)
    photo = corrected(as_photo(pixels), IN_FRAME)
    if photo.notes == (NOT_FOUND,):
        pytest.skip("the detector does not see half a chart")
    assert photo.colour is None and "its colours are as they came" in photo.notes[0]
    assert not photo.skin[780 : 780 + high, 30 : 30 + wide // 2].any()


def test_a_correction_is_the_same_after_json(corrections):
    one = dataclasses.replace(
        corrections["vivid"], outlines=(((1.0, 2.0), (3.0, 4.5), (5.0, 6.0), (7.0, 8.0)),)
    )
    again = ColourCorrection.from_record(json.loads(json.dumps(dataclasses.asdict(one))))
    assert again == one and again.key == one.key and one.key != corrections["vivid"].key


@pytest.mark.parametrize(
    ("tone", "matrix"),
    [
        ((((0.0, 0.0), (1.0, 0.0)),) * 3, ((1.0, 0.0, 0.0),) * 3),
        ((((0.0, 0.0),),) * 3, ((1.0, 0.0, 0.0),) * 3),
        ((((0.0, 0.0), (1.0, 1.0)),) * 3, ((1.0, 0.0),) * 3),
    ],
)
def test_a_correction_checks_itself(tone, matrix):
    with pytest.raises(ValueError, match="tone curve"):
        ColourCorrection("x", tone, matrix)
