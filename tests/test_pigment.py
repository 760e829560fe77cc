"""Pigment maps and features on patches drawn by hand, whose right answers are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from toolkit.pigment import (
    components,
    deviations,
    find_regions,
    measure,
    optical_density,
    robust_scale,
    seed_features,
    seed_threshold_image,
    smooth_over,
    spots,
    weigh_regions,
)
from toolkit.pigment.features import (
    band_features,
    colour_features,
    look_alike_features,
    shape_features,
    spot_features,
    spread_features,
    texture_features,
)
from toolkit.pigment.maps import lower_scale
from toolkit.pigment.regions import BLOOD as BLOODY
from toolkit.pigment.regions import MOLE, PIGMENT, Regions
from toolkit.pigment.regions import SHADOW as SHADY
from toolkit.records import Patch, PigmentMaps
from toolkit.settings import PigmentSettings

SETTINGS = PigmentSettings()
# Optical density in R, G, B for each unit of green density.
MELANIN = np.array([0.61, 1.0, 1.52])
BLOOD = np.array([0.27, 1.0, 1.14])
SHADOW = np.array([1.0, 1.0, 1.0])
SKIN_COLOUR = (205, 160, 135)
DOTS_MM = ((14.0, 14.0, 2.0), (38.0, 18.0, 1.5), (26.0, 40.0, 3.0))  # x, y, radius


def to_linear(srgb):
    s = np.asarray(srgb, float) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def to_srgb(linear):
    c = np.clip(linear, 0, 1)
    return np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055) * 255


def discs(dots, size_mm, px_per_mm):
    """Coverage 0-1 of discs (x, y, radius in mm), anti-aliased."""
    width, height = (round(n * px_per_mm) for n in size_mm)
    x, y = (np.arange(n)[None] + 0.5 for n in (width, height))
    cover = np.zeros((height, width))
    for cx, cy, radius in dots:
        far = np.hypot(x - cx * px_per_mm, y.T - cy * px_per_mm) - radius * px_per_mm
        cover = np.maximum(cover, np.clip(0.5 - far, 0, 1))
    return cover


def painted(*layers, size_mm=(52, 56), px_per_mm=3.0, colour=SKIN_COLOUR, light=1.0, noise=0.0, skin=None):
    """A patch of even skin under layers of (density map in green OD, pigment), dithered to 8 bits."""
    width, height = (round(n * px_per_mm) for n in size_mm)
    density = sum((field[..., None] * pigment for field, pigment in layers), np.zeros((height, width, 3)))
    rng = np.random.default_rng(0)
    density = density + noise * rng.standard_normal((height, width, 1))
    srgb = to_srgb(to_linear(colour) * light * np.exp(-density))
    pixels = np.clip(srgb + rng.uniform(0, 1, srgb.shape), 0, 255).astype(np.uint8)
    skin = np.ones((height, width), bool) if skin is None else skin
    return Patch("left_cheek", pixels, skin, px_per_mm, np.eye(2, 3))


def three_dots(pigment=MELANIN, contrast=0.3, **kwargs):
    size, scale = kwargs.get("size_mm", (52, 56)), kwargs.get("px_per_mm", 3.0)
    return painted((contrast * discs(DOTS_MM, size, scale), pigment), **kwargs)


def near_maps(patch):
    return deviations(components(patch, SETTINGS), patch, SETTINGS.background_mm)


def masked(patch, skin, fill=0):
    pixels = patch.pixels.copy()
    pixels[~skin] = fill
    return Patch(patch.region, pixels, skin, patch.px_per_mm, patch.to_patch)


def a_hole():
    skin = np.ones((168, 156), bool)
    skin[60:100, 50:75] = skin[:, :9] = False
    return skin


# --- light and density


def test_optical_density_of_known_levels():
    pixels = np.array([[[255, 128, 0]]], np.uint8)
    density = optical_density(pixels, np.ones((1, 1), bool), 0)
    assert density.dtype == np.float32
    # 128 is 0.21586 in linear light; black is held at 1e-4.
    np.testing.assert_allclose(density[0, 0], [0, -np.log(0.21586), -np.log(1e-4)], atol=1e-4)


def test_optical_density_is_smoothed_in_linear_light_and_over_skin_only():
    pixels = np.full((21, 21, 3), 255, np.uint8)
    pixels[:, 10:] = 0
    skin = np.ones((21, 21), bool)
    skin[:, 10:] = False
    density = optical_density(pixels, skin, 2.0)
    np.testing.assert_allclose(density[:, :10], 0, atol=1e-6)  # the black beyond the mask does not leak in
    mixed = optical_density(pixels, np.ones_like(skin), 2.0)[10]
    light = np.exp(-mixed[9, 0]) + np.exp(-mixed[10, 0])
    assert light == pytest.approx(1.0, abs=1e-4)  # the two sides of an edge add up to white in light


def test_components_rise_with_their_own_pigment():
    plain, brown, red, shade = (
        np.median(components(painted((np.full((168, 156), 0.3), p)), SETTINGS), axis=(0, 1))
        for p in (SHADOW * 0, MELANIN, BLOOD, SHADOW)
    )
    # M, D, E: densities are exact but for rounding to 8 bits.
    np.testing.assert_allclose(brown - plain, [0.3 * 0.52, 0.3, 0.3 * 0.39], atol=0.01)
    np.testing.assert_allclose(red - plain, [0.3 * 0.14, 0.3, 0.3 * 0.73], atol=0.01)
    np.testing.assert_allclose(shade - plain, [0, 0.3, 0], atol=0.01)


# --- smoothing


def brute_smooth(values, weight, sigma):
    y, x = np.mgrid[: values.shape[0], : values.shape[1]]
    points = np.stack([y.ravel(), x.ravel()], axis=1)
    kernel = np.exp(-((points[:, None] - points[None]) ** 2).sum(-1) / (2 * sigma**2)) * weight.ravel()
    return (kernel @ values.ravel() / kernel.sum(axis=1)).reshape(values.shape)


@pytest.mark.parametrize("sigma, tolerance", [(1.5, 2e-3), (9.0, 0.03)])  # 9 is computed on half the size
def test_smooth_over_is_the_weighted_gaussian_mean(sigma, tolerance):
    rng = np.random.default_rng(3)
    weight = rng.uniform(0, 1, (40, 32)) > 0.3
    weight[5:15, 5:20] = False
    step = np.where(np.arange(32)[None] < 16, 0.0, 1.0) * np.ones((40, 1))
    got = smooth_over(step.astype(np.float32), weight, sigma)
    np.testing.assert_allclose(got[weight], brute_smooth(step, weight, sigma)[weight], atol=tolerance)
    assert got.dtype == np.float32 and got.shape == step.shape


@pytest.mark.parametrize("sigma", [0.7, 4.0, 12.0, 36.0])
def test_smooth_over_keeps_a_constant_whatever_the_mask(sigma):
    weight = a_hole()
    values = np.full((*weight.shape, 2), [3.0, -1.0], np.float32)
    got = smooth_over(values, weight, sigma)
    np.testing.assert_allclose(got[weight], values[weight], rtol=1e-5)


def test_smooth_over_is_zero_far_from_any_weight():
    weight = np.zeros((60, 60), bool)
    weight[:, :4] = True
    got = smooth_over(np.full((60, 60), 5.0, np.float32), weight, 2.0)
    np.testing.assert_array_equal(got[:, 20:], 0)


def test_robust_scale():
    values = np.random.default_rng(0).normal(7, 2, 20_000)
    assert robust_scale(values) == pytest.approx(2, rel=0.03)
    values[:2000] = 1e6  # a tenth of outliers hardly moves it
    assert robust_scale(values) == pytest.approx(2, rel=0.2)
    assert robust_scale(np.zeros(0)) == 0


# --- deviations


def test_even_skin_deviates_nowhere_even_beside_a_hole():
    maps = near_maps(masked(painted(), a_hole()))
    for name in ("melanin", "darkness", "erythema"):
        np.testing.assert_allclose(getattr(maps, name), 0, atol=1e-5)


def test_a_dot_keeps_its_contrast_and_its_surroundings_none():
    maps = near_maps(three_dots(contrast=0.3))
    y, x = 120, 78  # the middle of the dot of 3 mm radius
    assert maps.darkness[y, x] == pytest.approx(0.3, abs=0.015)
    assert maps.melanin[y, x] == pytest.approx(0.3 * 0.52, abs=0.015)
    assert maps.erythema[y, x] == pytest.approx(0.3 * 0.39, abs=0.015)
    clear = discs([(x, y, r + 2) for x, y, r in DOTS_MM], (52, 56), 3.0) == 0
    assert np.abs(maps.darkness[clear]).max() < 0.01


@pytest.mark.parametrize("background_mm, widest_mm", [(4.0, 10.0), (12.0, 15.0)])
def test_a_broad_sheet_of_pigment_does_not_become_its_own_background(background_mm, widest_mm):
    patch = painted((0.3 * discs([(26, 28, widest_mm)], (52, 56), 3.0), MELANIN))
    maps = deviations(components(patch, SETTINGS), patch, background_mm)
    assert maps.darkness[84, 78] > 0.9 * 0.3


def test_maps_are_zero_off_the_skin_and_blind_to_what_lies_there():
    patch, skin = three_dots(noise=0.02), a_hole()
    noise = np.random.default_rng(1).integers(0, 256, ((~skin).sum(), 3), np.uint8)
    black, mess = (masked(patch, skin, fill) for fill in (0, noise))
    assert measure(black, SETTINGS)[0] == measure(mess, SETTINGS)[0]
    for maps in (near_maps(black), measure(mess, SETTINGS)[1]):
        assert not maps.melanin[~skin].any() and not maps.darkness[~skin].any()
        assert not maps.erythema[~skin].any()


# --- spots


def spot_areas(labels, px_per_mm):
    areas = np.bincount(labels.ravel())[1:]
    return areas[areas > 0] / px_per_mm**2


@pytest.mark.parametrize("colour", [SKIN_COLOUR, (235, 205, 190), (110, 75, 58)])
@pytest.mark.parametrize("contrast", [0.15, 0.3, 0.6])
def test_three_brown_dots_are_three_spots_of_their_size(colour, contrast):
    patch = three_dots(contrast=contrast, colour=colour, noise=0.01)
    labels = spots(near_maps(patch), SETTINGS)
    areas = np.sort(spot_areas(labels, 3.0))
    assert len(areas) == 3
    radius = np.sqrt(areas / np.pi)
    # The smoothing of 0.4 mm spreads an edge, and the threshold lies at its foot.
    assert (radius - [1.5, 2.0, 3.0] > 0).all() and (radius - [1.5, 2.0, 3.0] < 0.6).all()
    truth = discs(DOTS_MM, (52, 56), 3.0) > 0.5
    assert (labels > 0)[truth].all()


@pytest.mark.parametrize("pigment", [BLOOD, SHADOW], ids=["blood", "shadow"])
@pytest.mark.parametrize("contrast", [0.3, 0.6])
@pytest.mark.parametrize("colour", [SKIN_COLOUR, (110, 75, 58)])
def test_red_dots_and_neutral_shadow_are_no_spots(pigment, contrast, colour):
    patch = three_dots(pigment, contrast, colour=colour, noise=0.005)
    maps = near_maps(patch)
    assert maps.darkness.max() > 0.8 * contrast  # they are there
    assert not spots(maps, SETTINGS).any()


def test_red_dots_are_told_from_brown_ones_by_their_colour_not_by_the_threshold():
    patch = three_dots(BLOOD, 0.6)
    maps = near_maps(patch)
    assert maps.melanin.max() > SETTINGS.hysteresis_high * SETTINGS.min_scale_od
    brown, red = ((0.4 * discs([dot], (52, 56), 3.0)) for dot in DOTS_MM[:2])
    labels = spots(near_maps(painted((brown, MELANIN), (red, BLOOD))), SETTINGS)
    assert len(spot_areas(labels, 3.0)) == 1
    assert labels[42, 42] and not labels[54, 114]


def test_a_slope_of_light_is_no_spot():
    slope = np.linspace(-0.35, 0.35, 156)[None] * np.ones((168, 1))
    patch = painted((slope, SHADOW), noise=0.005)
    assert measure(patch, SETTINGS)[0]["area_fraction_near"] == 0
    assert measure(patch, SETTINGS)[0]["area_fraction_wide"] == 0


def drawn_maps(melanin, darkness=None, erythema=None, px_per_mm=2.0):
    melanin = np.asarray(melanin, np.float32)
    darkness = 2 * melanin if darkness is None else np.asarray(darkness, np.float32)
    erythema = 0.8 * melanin if erythema is None else np.asarray(erythema, np.float32)
    return PigmentMaps(melanin, darkness, erythema, np.ones(melanin.shape, bool), px_per_mm)


def test_hysteresis_on_a_map_drawn_by_hand():
    # A robust SD of 0 is held at min_scale_od .01: low threshold .02, high .035. At 2 px/mm the smallest
    # spot has two pixels.
    melanin = np.zeros((7, 7))
    melanin[0, 0:3] = 0.025, 0.040, 0.025  # kept whole: joined to a pixel over the high threshold
    melanin[3, 0:3] = 0.030  # never over the high threshold
    melanin[0, 6] = 0.090  # too small
    melanin[5, 0:3] = 0.050, 0.019, 0.050  # two lone pixels: what joins them is under the low threshold
    melanin[2:4, 5] = 0.050, 0.050
    melanin[5, 4] = melanin[6, 5] = 0.050  # joined by a corner
    labels = spots(drawn_maps(melanin), SETTINGS)
    assert labels.dtype == np.int32
    wanted = np.zeros((7, 7), bool)
    wanted[0, 0:3] = wanted[2:4, 5] = wanted[5, 4] = wanted[6, 5] = True
    np.testing.assert_array_equal(labels > 0, wanted)
    assert labels[0, 0] == labels[0, 2] != labels[2, 5]
    assert labels[5, 4] == labels[6, 5]


@pytest.mark.parametrize(
    "melanin, darkness, erythema, kept",
    [
        (0.10, 0.20, 0.08, True),
        (0.06, 0.60, 0.06, False),  # a deep shadow, faintly brown: .10 of its darkness, red .10
        (0.09, 0.60, 0.06, True),  # browner than shadow: .15
        (0.06, 0.60, 0.18, True),  # or redder: .30
        (0.06, 0.20, 0.12, False),  # blood: red .60, brown .30
        (0.10, 0.20, 0.12, True),  # red .60, but brown .50: a spot on rosacea
    ],
)
def test_the_colour_of_a_region_tells_melanin_from_shadow_and_blood(melanin, darkness, erythema, kept):
    place = np.zeros((9, 9))
    place[3:6, 3:6] = 1
    labels = spots(drawn_maps(melanin * place, darkness * place, erythema * place), SETTINGS)
    assert (labels > 0).sum() == (9 if kept else 0)


def test_a_spot_must_be_dark_as_well():
    melanin = np.zeros((7, 7))
    melanin[2:5, 2:5] = 0.1
    assert spots(drawn_maps(melanin), SETTINGS).any()
    pale = np.where(melanin > 0, SETTINGS.min_deviation_od - 0.001, 0)
    assert not spots(drawn_maps(melanin, darkness=pale), SETTINGS).any()


def test_spots_of_a_patch_without_skin():
    maps = drawn_maps(np.zeros((5, 5)))
    maps.skin[:] = False
    assert not spots(maps, SETTINGS).any()


def test_spot_features_of_a_map_drawn_by_hand():
    melanin = np.zeros((20, 20))
    melanin[2:4, 2:4], melanin[10:12, 10:16] = 0.1, 0.2  # 4 and 12 pixels: 1 and 3 mm2 at 2 px/mm
    labels = np.zeros((20, 20), np.int32)
    labels[2:4, 2:4], labels[10:12, 10:16] = 7, 3  # labels need not be consecutive
    row = spot_features(drawn_maps(melanin), labels)
    assert row["area_fraction"] == pytest.approx(16 / 400)
    assert row["spots_per_cm2"] == pytest.approx(2.0)  # two on 100 mm2
    assert row["large_spots_per_cm2"] == 0
    assert row["spot_area_median"] == pytest.approx(2.0) and row["spot_area_max"] == pytest.approx(3.0)
    assert row["spot_melanin"] == pytest.approx((4 * 0.1 + 12 * 0.2) / 16)
    assert row["spot_darkness"] == pytest.approx(2 * row["spot_melanin"])
    assert row["load"] == pytest.approx((4 * 0.2 + 12 * 0.4) / 400)
    assert 0 < row["cells"] < 0.2


# --- one row of features


def test_features_of_three_dots():
    row, wide = measure(three_dots(), SETTINGS)
    painted_mm2 = sum(np.pi * r**2 for *_, r in DOTS_MM)
    for scale in ("near", "wide"):
        assert row[f"spots_per_cm2_{scale}"] == pytest.approx(300 / (52 * 56))
        assert row[f"large_spots_per_cm2_{scale}"] == pytest.approx(100 / (52 * 56))
        # Smoothing spreads the pigment but does not lose it.
        assert row[f"load_{scale}"] == pytest.approx(0.3 * painted_mm2 / (52 * 56), rel=0.1)
    assert wide.px_per_mm == 3.0 and wide.skin.shape == (168, 156)


def test_load_follows_contrast_and_number():
    def load(contrast, dots):
        patch = painted((contrast * discs(dots, (52, 56), 3.0), MELANIN))
        return measure(patch, SETTINGS)[0]["load_near"]

    assert load(0.4, DOTS_MM) == pytest.approx(2 * load(0.2, DOTS_MM), rel=0.15)
    assert load(0.3, DOTS_MM[:1]) < load(0.3, DOTS_MM[:2]) < load(0.3, DOTS_MM)


def test_blank_skin_has_no_pigment_at_all():
    row, _ = measure(painted(), SETTINGS)
    about_tone = {"ita_deg", "lightness", "skin_fraction", "melanin_index", "erythema_index"}
    assert all(abs(value) < 1e-5 for name, value in row.items() if name not in about_tone)
    assert row["skin_fraction"] == 1


def test_tone_of_light_and_dark_skin():
    light, dark = (measure(painted(colour=c), SETTINGS)[0] for c in (SKIN_COLOUR, (110, 75, 58)))
    assert 41 < light["ita_deg"] < 55 and dark["ita_deg"] < -30
    assert light["lightness"] == pytest.approx(69.4, abs=0.5)
    assert light["melanin_index"] < dark["melanin_index"]


@pytest.mark.parametrize("level", [0, 150, 255])
def test_a_constant_picture_gives_finite_features(level):
    skin = np.ones((40, 30), bool)
    row, _ = measure(Patch("chin", np.full((40, 30, 3), level, np.uint8), skin, 3.0, np.eye(2, 3)), SETTINGS)
    assert np.isfinite(list(row.values())).all() and row["load_wide"] == 0


def test_no_skin_is_refused():
    with pytest.raises(ValueError, match="chin patch holds no skin"):
        skin = np.zeros((40, 30), bool)
        measure(Patch("chin", np.zeros((40, 30, 3), np.uint8), skin, 3.0, np.eye(2, 3)), SETTINGS)


def test_one_pixel_of_skin_does_not_deviate_from_itself():
    skin = np.zeros((40, 30), bool)
    skin[3, 4] = True
    row, _ = measure(Patch("chin", np.full((40, 30, 3), 150, np.uint8), skin, 3.0, np.eye(2, 3)), SETTINGS)
    assert row["darkness_p95_near"] == pytest.approx(0, abs=1e-5)
    assert row["darkness_p95_wide"] == pytest.approx(0, abs=1e-5)


@hypothesis_settings(max_examples=40)
@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    seed=st.integers(0, 2**31),
    covered=st.floats(0, 1),
    px_per_mm=st.sampled_from([0.5, 2.0, 3.0, 8.0]),
)
def test_any_picture_gives_finite_features(height, width, seed, covered, px_per_mm):
    rng = np.random.default_rng(seed)
    skin = rng.uniform(size=(height, width)) >= covered
    skin[rng.integers(height), rng.integers(width)] = True
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    row, maps = measure(Patch("forehead", pixels, skin, px_per_mm, np.eye(2, 3)), SETTINGS)
    assert np.isfinite(list(row.values())).all()
    assert np.isfinite(maps.melanin).all() and maps.melanin.dtype == np.float32
    fractions = [value for name, value in row.items() if "fraction" in name or "over_z" in name]
    assert min(fractions) >= 0 and max(fractions) <= 1


def test_names_of_the_columns_do_not_depend_on_the_picture():
    assert list(measure(three_dots(), SETTINGS)[0]) == list(measure(painted(), SETTINGS)[0])


# --- what must not matter


@pytest.mark.parametrize("flip", [np.fliplr, np.flipud, lambda a: np.rot90(a)], ids=["lr", "ud", "turn"])
def test_mirrored_and_turned_patches_measure_the_same(flip):
    patch = masked(three_dots(noise=0.02), a_hole())
    turned = Patch(patch.region, flip(patch.pixels), flip(patch.skin), 3.0, patch.to_patch)
    row, other = measure(patch, SETTINGS)[0], measure(turned, SETTINGS)[0]
    for name, value in row.items():
        assert other[name] == pytest.approx(value, abs=1e-3), name


def test_exposure_moves_lightness_but_hardly_any_pigment_feature():
    row, dim = (measure(three_dots(noise=0.02, light=light), SETTINGS)[0] for light in (1.0, 0.8))
    assert dim["lightness"] < row["lightness"] - 4
    for name, value in row.items():
        if name not in ("lightness", "ita_deg"):
            assert dim[name] == pytest.approx(value, rel=0.1, abs=1e-3), name


@pytest.mark.parametrize("px_per_mm", [2.0, 5.0])
def test_the_scale_of_the_picture_hardly_matters(px_per_mm):
    row, other = (measure(three_dots(px_per_mm=scale), SETTINGS)[0] for scale in (3.0, px_per_mm))
    for name in (
        "area_fraction",
        "spot_area_median",
        "spot_area_max",
        "spot_darkness",
        "load",
        "darkness_sd",
    ):
        for scale in ("near", "wide"):
            assert other[f"{name}_{scale}"] == pytest.approx(row[f"{name}_{scale}"], rel=0.08), name
    assert other["spots_per_cm2_near"] == pytest.approx(row["spots_per_cm2_near"])
    assert other["melanin_band_1mm"] == pytest.approx(row["melanin_band_1mm"], rel=0.1)


# --- the seed's threshold image


def test_seed_threshold_image_pixel_by_pixel():
    pixels = np.array(
        [
            # grey 130, V - grey = 70/255; grey 127, 23/255; grey 255, 0
            [[200, 100, 100], [150, 120, 100], [255, 255, 255]],
            # 43/255 = .1686 is over .165, 42/255 = .1647 is not; black
            [[200, 138, 138], [200, 140, 140], [0, 0, 0]],
        ],
        np.uint8,
    )
    wanted = np.array([[200, 0, 0], [200, 0, 0]]) / 255
    got = seed_threshold_image(pixels, 0.165)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_seed_features_count_skin_only():
    pixels = np.tile(np.array([[[200, 100, 100], [150, 120, 100]]], np.uint8), (4, 2, 1))
    skin = np.ones((4, 4), bool)
    row = seed_features(Patch("chin", pixels, skin, 3.0, np.eye(2, 3)), SETTINGS)
    assert row == pytest.approx({"seed_area_fraction": 0.5, "seed_mean": 0.5 * 200 / 255})
    skin[:, 1::2] = False
    row = seed_features(Patch("chin", pixels, skin, 3.0, np.eye(2, 3)), SETTINGS)
    assert row == pytest.approx({"seed_area_fraction": 1.0, "seed_mean": 200 / 255})


def test_the_seeds_map_follows_redness_and_exposure_the_melanin_map_melanin():
    red, brown, bright, dark = (
        measure(patch, SETTINGS)[0]
        for patch in (
            three_dots(BLOOD),
            three_dots(),
            painted(colour=(190, 140, 120), light=1.5),
            three_dots(BLOOD, colour=(110, 75, 58)),
        )
    )
    assert measure(painted(colour=(190, 140, 120)), SETTINGS)[0]["seed_area_fraction"] == 0
    assert brown["seed_area_fraction"] == 0 and red["seed_area_fraction"] > 0.01
    assert bright["seed_area_fraction"] == 1  # plain skin, well lit
    assert dark["seed_area_fraction"] == 0  # blood on dark skin
    assert red["load_near"] == bright["load_near"] == dark["load_near"] == 0 < brown["load_near"]


def test_settings_decide_what_is_a_spot():
    strict = PigmentSettings(hysteresis_low=20, hysteresis_high=30)
    assert not spots(near_maps(three_dots()), strict).any()
    large = PigmentSettings(min_spot_mm2=12)
    assert len(spot_areas(spots(near_maps(three_dots()), large), 3.0)) == 2


def test_reading_a_patch_leaves_it_as_it_was():
    patch = masked(three_dots(), a_hole())
    pixels, skin = patch.pixels.copy(), patch.skin.copy()
    measure(patch, SETTINGS)
    np.testing.assert_array_equal(patch.pixels, pixels)
    np.testing.assert_array_equal(patch.skin, skin)
