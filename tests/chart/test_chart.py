"""The chart: all visible skin once, the regions of the face, and what is left out and why."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_photos import as_photo, chart_of, drawn_face, drawn_half

from toolkit.chart import draw_chart, objects_note, save_chart
from toolkit.chart.hairs import fine_lines
from toolkit.chart.objects import OBJECT_NOTE
from toolkit.geometry import apply_affine, invert_affine
from toolkit.landmarks import FaceFinder
from toolkit.meanface import MEAN_FACE_MM
from toolkit.patches import cut_patches, region_window
from toolkit.records import CHART_REGIONS, REASONS, Face, FaceChart
from toolkit.settings import FaceSettings, Settings

SCALE = 4.0
SCALE_OF_CHART = 3.0


def plain_face(level=(190, 140, 115), size=1000, seed=0):
    """A photo of nothing but skin, with the mean face's landmarks upright in its middle."""
    rng = np.random.default_rng(seed)
    pixels = np.clip(rng.normal(level, 3, (size, size, 3)), 0, 255).astype(np.uint8)
    points = MEAN_FACE_MM * SCALE + [size / 2, size / 2 - 60]
    return pixels, Face(points=points, side="both", found_by="given", score=1.0, px_per_mm=SCALE)


def clinical(pixels, face, side="left"):
    """One half of it as a study paints it: an eye hole, and all but an oval black."""
    x, y = np.meshgrid(*map(np.arange, pixels.shape[1::-1]))
    middle = face.points[27]
    keep = ((x - middle[0]) / 320) ** 2 + ((y - middle[1] - 60) / 420) ** 2 < 1
    keep &= (x > middle[0]) if side == "left" else (x < middle[0])
    eye = face.points[42:48] if side == "left" else face.points[36:42]
    centre = eye.mean(axis=0)
    keep &= np.hypot((x - centre[0]) / 110, (y - centre[1]) / 60) > 1
    return np.where(keep[..., None], pixels, 0).astype(np.uint8), keep, replace(face, side=side)


def compressed(pixels, quality):
    if not quality:
        return pixels
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def at(chart, point):
    x, y = np.round(apply_affine(chart.to_chart, [point])[0]).astype(int)
    return y, x


def test_a_records_shapes_and_labels_are_checked():
    chart = chart_of(as_photo(plain_face()[0]), plain_face()[1])
    assert chart.pixels.shape[:2] == chart.skin.shape == chart.regions.shape == chart.reasons.shape
    with pytest.raises(ValueError, match="skin must be visible"):
        replace(chart, visible=np.zeros_like(chart.visible))
    with pytest.raises(ValueError, match="places in"):
        replace(chart, regions=np.full_like(chart.regions, 99))
    assert chart.measured_cm2 == pytest.approx(chart.skin.sum() / 900, rel=1e-6)
    assert chart.measured_cm2 < chart.visible_cm2


def test_the_studys_mask_is_the_word_on_what_is_skin():
    """Far beyond jaw and temple of the landmarks, all that is not painted counts, but for the halo."""
    pixels, keep, face = clinical(*plain_face())
    chart = chart_of(as_photo(pixels), face)
    assert chart.masked
    truth = cv2.warpAffine(keep.astype(np.uint8), chart.to_chart, chart.skin.shape[::-1]) > 0
    reasons = [REASONS[n] for n in np.unique(chart.reasons[truth & ~chart.skin])]
    assert chart.skin[truth].mean() > 0.9
    assert set(reasons) <= {"", "halo of the mask", "eyelid or brow", "nostril", "lip"}
    ear = face.points[14] + [18, 0]  # 4.5 mm outside the jaw
    assert keep[int(ear[1]), int(ear[0])] and chart.skin[at(chart, ear)]
    assert not chart.skin[at(chart, face.points[57] + [4, -10])]  # the lower lip


def test_on_an_unmasked_photo_landmarks_and_colour_find_the_skin():
    pixels, points, _ = drawn_face(3)
    photo = as_photo(pixels)
    face = FaceFinder(None, FaceSettings()).find(photo)
    chart = chart_of(photo, face)
    assert not chart.masked
    eyes = [points[36:42].mean(axis=0), points[42:48].mean(axis=0)]
    for place in (*eyes, points[48:60].mean(axis=0), points[19], points[8] + [0, 40]):  # lips, brow, neck
        y, x = at(chart, place)
        assert y >= chart.skin.shape[0] or not chart.skin[y, x]
    for place in (points[2] * 0.3 + points[30] * 0.7, points[14] * 0.3 + points[30] * 0.7):
        assert chart.skin[at(chart, place)]


def test_hair_of_nearly_the_skins_colour_is_left_out_along_its_edge():
    pixels, face = plain_face()
    bare = chart_of(as_photo(pixels), face)
    hairline = int(face.points[27, 1] - 55 * SCALE)
    blond = pixels.copy()
    blond[:hairline] = np.clip(blond[:hairline] - np.array([14, 22, 34]), 0, 255)
    chart = chart_of(as_photo(blond), face)
    row = at(chart, (face.points[27, 0], hairline))[0]
    above, below = slice(None, row - 6), slice(row + 6, None)
    assert bare.skin[above].sum() > 300 * SCALE_OF_CHART**2
    assert chart.skin[above].sum() < 0.1 * bare.skin[above].sum()
    assert chart.skin[below].sum() > 0.98 * bare.skin[below].sum()


def test_a_black_backdrop_is_no_study_mask():
    pixels, _, _ = drawn_face(3)
    pixels = pixels.copy()
    pixels[:, :60] = pixels[:, -60:] = 0
    photo = as_photo(pixels)
    assert not chart_of(photo, FaceFinder(None, FaceSettings()).find(photo)).masked


def test_every_visible_pixel_has_a_region_of_its_own_side():
    pixels, face = plain_face()
    chart = chart_of(as_photo(pixels), face)
    assert (chart.regions > 0).sum() == chart.visible.sum()
    names = np.array(("", *CHART_REGIONS))
    for landmark, wanted in ((8, "chin"), (30, "nose"), (41, "eyelids"), (4, "jaw")):
        y, x = at(chart, face.points[landmark] + [-3, -6])
        assert names[chart.regions[y, x]] == f"right_{wanted}"
    cheek = 0.5 * face.points[2] + 0.5 * face.points[31]
    above = face.points[24] + [0, -60]
    assert names[chart.regions[at(chart, cheek)]] == "right_cheek"
    assert names[chart.regions[at(chart, above)]] == "left_forehead"
    assert names[chart.regions[at(chart, face.points[16] + [-30, -40])]] == "left_temple"
    assert (
        names[chart.regions[at(chart, face.points[33] * 0.5 + face.points[51] * 0.5 + [6, 0])]]
        == "left_upper_lip"
    )


def test_a_forehead_cut_by_the_frame_counts_with_what_is_seen():
    pixels, face = plain_face()
    top = round(face.points[19, 1]) - 70  # 17 mm of it are left
    cut, moved = pixels[top:], replace(face, points=face.points - [0, top])
    chart = chart_of(as_photo(cut), moved)
    patches, dropped = cut_patches(chart, "both", Settings().patch)
    forehead = next(patch for patch in patches if patch.region == "forehead")
    assert dropped == {} and 0.05 < forehead.skin_fraction < 0.5


def test_a_patch_is_a_window_on_the_chart():
    pixels, face = plain_face()
    chart = chart_of(as_photo(pixels), face)
    for patch in cut_patches(chart, "both", Settings().patch)[0]:
        window = region_window(chart, patch.region, Settings().patch)
        np.testing.assert_array_equal(window.cut(chart.pixels), patch.pixels)
        np.testing.assert_array_equal(window.cut(chart.skin), patch.skin)
        corner = apply_affine(invert_affine(patch.to_patch), [(0.0, 0.0)])
        assert apply_affine(chart.to_chart, corner)[0] == pytest.approx((window.left, window.top), abs=1e-6)


def test_red_alone_clipped_is_light_skin_and_white_is_a_highlight():
    pixels, _, face = clinical(*plain_face(level=(254, 225, 208)))
    cheek = np.round(0.5 * face.points[12] + 0.5 * face.points[35]).astype(int)
    cv2.circle(pixels, cheek.tolist(), 20, (255, 255, 250), -1)
    chart = chart_of(as_photo(pixels), face)
    glare = chart.reasons == REASONS.index("highlight")
    assert glare[at(chart, cheek)] and glare.sum() / SCALE_OF_CHART**2 < 140
    assert chart.skin[at(chart, cheek + np.array([0, 40]))]


# ---- objects

MARKS = {"white ruler": (228, 226, 220), "green sticker": (60, 160, 80), "orange date": (255, 150, 0), "black date": (15, 15, 15)}  # fmt: skip


def marked(pixels, face, what):
    """The photo with an object on the left cheek; where it lies (H, W) bool."""
    x, y = np.round(0.6 * face.points[13] + 0.4 * face.points[35]).astype(int).tolist()
    mask = np.zeros(pixels.shape[:2], np.uint8)
    if "ruler" in what:
        cv2.rectangle(mask, (x - 60, y), (x + 60, y + 32), 255, -1)
    elif "sticker" in what:
        cv2.circle(mask, (x, y), 16, 255, -1)
    else:
        cv2.putText(mask, "2024-03-01", (x - 75, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 3, cv2.LINE_AA)
    share = mask[..., None] / 255
    drawn = np.round(pixels * (1 - share) + np.array(MARKS[what]) * share).astype(np.uint8)
    if "ruler" in what:
        for tick in range(x - 60, x + 61, 4):
            cv2.line(drawn, (tick, y), (tick, y + 10), (30, 30, 30), 1)
    return drawn, mask > 127


def seen_on(chart, mask):
    return cv2.warpAffine(mask.astype(np.uint8), chart.to_chart, chart.skin.shape[::-1]) > 0


@pytest.mark.parametrize("what", MARKS)
def test_an_object_on_painted_out_skin_is_left_out_with_a_reason(what):
    pixels, _, face = clinical(*plain_face())
    drawn, mask = marked(pixels, face, what)
    plain, chart = (chart_of(as_photo(compressed(one, 90)), face) for one in (pixels, drawn))
    there = seen_on(chart, mask)
    assert chart.skin[there].mean() < 0.1
    reasons = {REASONS[n] for n in np.unique(chart.reasons[there & ~chart.skin])}
    assert reasons <= {"no skin", "highlight", "hair", "object"}
    assert objects_note(plain) == ()
    if what != "black date":  # fine black strokes may be hair
        assert objects_note(chart) == (OBJECT_NOTE,)
        assert (chart.reasons[there] == REASONS.index("object")).mean() > 0.6
    beside = plain.skin & (cv2.dilate(there.astype(np.uint8), np.ones((11, 11))) == 0)
    assert chart.skin[beside].mean() > 0.99


@pytest.mark.parametrize("width_mm", [1.2, 4.0])
def test_spectacles_are_left_out_and_the_skin_round_them_is_not(width_mm):
    pixels, points, _ = drawn_face(3)
    unit = np.hypot(*(points[45] - points[36])) / 90  # px a mm, roughly
    frame = np.zeros(pixels.shape[:2], np.uint8)
    for eye in (points[36:42], points[42:48]):
        middle = np.round(eye.mean(axis=0) + np.array([0, 3 * unit])).astype(int).tolist()
        size = round(24 * unit), round(18 * unit)
        cv2.ellipse(frame, middle, size, 0, 0, 360, 255, max(1, round(width_mm * unit)), cv2.LINE_AA)
    share = frame[..., None] / 255
    worn = as_photo(np.round(pixels * (1 - share) + 25 * share).astype(np.uint8))
    face = FaceFinder(None, FaceSettings()).find(as_photo(pixels))
    plain, chart = chart_of(as_photo(pixels), face), chart_of(worn, face)
    there = seen_on(chart, frame > 127) & plain.skin
    assert there.sum() > 300 and chart.skin[there].mean() < 0.05
    beside = plain.skin & (cv2.dilate(there.astype(np.uint8), np.ones((13, 13))) == 0)
    assert chart.skin[beside].mean() > 0.98


def test_a_fringe_over_all_of_the_forehead_is_hair():
    pixels, points, _ = drawn_face(3)
    photo = pixels.copy()
    low = round(points[17:27, 1].min() - 8)
    dark = np.random.default_rng(0).normal((62, 46, 38), 6, photo[:low].shape)
    photo[:low] = np.clip(dark, 0, 255).astype(np.uint8)
    chart = chart_of(as_photo(photo), FaceFinder(None, FaceSettings()).find(as_photo(pixels)))
    fringe = seen_on(chart, np.arange(photo.shape[0])[:, None] * np.ones((1, photo.shape[1])) < low - 3)
    assert fringe.sum() > 20_000 and chart.skin[fringe].mean() < 0.02


# ---- hair against spots


def jaw_painted(what, side="left", seed=0):
    """A clinical half face with freckles of 1 to 2 mm, dense or sparse stubble, or both on the jaw; its freckles and its
    hairs (H, W) in OD; the face."""
    pixels, keep, face = clinical(*plain_face(seed=seed), side)
    rng = np.random.default_rng(seed)
    od = np.zeros(pixels.shape[:2], np.float32)
    hair = np.zeros(pixels.shape[:2], np.float32)
    y, x = np.nonzero(keep)
    jaw = np.column_stack([x, y])[y > face.points[33, 1] + 20]
    if "freckles" in what:
        for centre in jaw[rng.integers(0, len(jaw), len(jaw) // 120)]:
            cv2.circle(
                od, centre.tolist(), int(rng.integers(2, 5)), float(rng.uniform(0.15, 0.35)), -1, cv2.LINE_AA
            )
    if "stubble" in what:
        area, dark = (80, 0.4) if "sparse" in what else (30, 0.7)
        for root in jaw[rng.integers(0, len(jaw), len(jaw) // area)]:
            turn = rng.normal(1.3, 0.4)
            tip = root + np.round(rng.uniform(6, 11) * np.array([np.cos(turn), np.sin(turn)])).astype(int)
            cv2.line(hair, root.tolist(), tip.tolist(), dark, 1, cv2.LINE_AA)
    od = cv2.GaussianBlur(od, (0, 0), 1.0)
    linear = (pixels / 255.0) ** 2.2 * np.exp(-od[..., None] * [0.6, 1.0, 1.5] - hair[..., None])
    return np.where(keep[..., None], 255 * linear ** (1 / 2.2), 0).astype(np.uint8), od, hair, face


def share_of_hair(what, quality=None):
    pixels, _, _, face = jaw_painted(what)
    chart = chart_of(as_photo(compressed(pixels, quality)), face)
    jaw = chart.visible & np.isin(chart.regions, [1 + CHART_REGIONS.index("left_jaw")])
    return np.isin(chart.reasons[jaw], [REASONS.index("beard"), REASONS.index("hair")]).mean()


@pytest.mark.parametrize("quality", [None, 90])
def test_dense_freckles_at_the_jaw_are_no_beard(quality):
    assert share_of_hair("freckles", quality) < 0.02


@pytest.mark.parametrize("what", ["stubble", "stubble and freckles"])
def test_stubble_is_beard_with_freckles_or_without(what):
    assert share_of_hair(what) > 0.7


@pytest.mark.parametrize("what", ["sparse stubble", "sparse stubble and freckles"])
def test_of_sparse_stubble_the_hairs_alone_are_left_out(what):
    pixels, od, hair, face = jaw_painted(what)
    chart = chart_of(as_photo(compressed(pixels, 90)), face)
    on_chart = [cv2.warpAffine(one, chart.to_chart, chart.skin.shape[::-1]) for one in (od, hair)]
    freckles, hairs = on_chart[0] > 0.1, on_chart[1]
    jaw = chart.visible & (chart.regions == 1 + CHART_REGIONS.index("left_jaw"))
    jaw &= chart.reasons != REASONS.index("halo of the mask")
    assert chart.skin[jaw & (hairs < 0.02)].mean() > 0.75
    assert chart.skin[jaw & (hairs > 0.3)].mean() < 0.25
    assert "freckles" not in what or chart.skin[jaw & freckles & (hairs < 0.02)].mean() > 0.6


def test_a_line_is_found_and_a_spot_of_its_width_is_not():
    picture = np.zeros((40, 40), np.float32)
    picture[20, 5:35] = 0.5
    assert fine_lines(picture, 3, 6, 8)[20, 10:30].min() > 0.4
    dots = np.zeros((40, 40), np.float32)
    dots[5:35:6, 5:35:6] = 0.5
    assert fine_lines(dots, 3, 6, 8).max() == 0
    broad = np.zeros((40, 40), np.float32)
    broad[16:26, 5:35] = 0.5
    assert fine_lines(broad, 3, 6, 8)[18:24, 10:30].max() == 0


# ---- pictures


def test_a_chart_is_written_and_drawn(tmp_path):
    photo = as_photo(drawn_half("left"))
    chart = chart_of(photo, FaceFinder(None, FaceSettings()).find(photo))
    save_chart(chart, tmp_path, "one")
    shown, mask, regions = (
        cv2.imread(str(tmp_path / f"one_{name}.png"), cv2.IMREAD_UNCHANGED)
        for name in ("chart", "chart_skin", "chart_regions")
    )
    np.testing.assert_array_equal(shown[..., ::-1][chart.visible], chart.pixels[chart.visible])
    np.testing.assert_array_equal(mask == 255, chart.skin)
    np.testing.assert_array_equal(
        mask[chart.visible & ~chart.skin], chart.reasons[chart.visible & ~chart.skin]
    )
    np.testing.assert_array_equal(regions, chart.regions)
    assert draw_chart(chart).shape == chart.pixels.shape


def test_nothing_but_black_gives_an_empty_chart():
    _, face = plain_face()
    chart = chart_of(as_photo(np.zeros((1000, 1000, 3), np.uint8)), face)
    assert isinstance(chart, FaceChart) and chart.measured_cm2 == 0
