"""Pigment maps and features on patches drawn by hand, whose right answers are known."""

import importlib
from dataclasses import replace

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
    field_features,
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
from toolkit.records import NO_MARGINS, Patch, PigmentMaps
from toolkit.settings import PigmentSettings

SETTINGS = PigmentSettings()
# Optical density in R, G, B for each unit of green density.
MELANIN = np.array([0.61, 1.0, 1.52])
BLOOD = np.array([0.27, 1.0, 1.14])
SHADOW = np.array([1.0, 1.0, 1.0])
SKIN_COLOUR = (205, 160, 135)
DOTS_MM = ((14.1, 13.9, 2.0), (38.2, 18.3, 1.5), (26.15, 40.05, 3.0))  # x, y, radius; off the pixel grid
# For maps drawn by hand: a deviation of .02 stands for one robust SD, so that melanin must reach .06 and holds
# down to .03, darkness .08 and .04. The tests of a rule do not move with the defaults.
DRAWN = PigmentSettings(
    hysteresis_low=1.5, hysteresis_high=3.0, dark_low=2.0, dark_high=4.0, min_scale_od=0.02,
    min_deviation_od=0.02, min_spot_mm2=0.3, mole_od=0.8, mole_mm2=30.0, mole_roundness=0.55, smooth_mm=0.4,
)  # fmt: skip
BROWN_ALONE = replace(DRAWN, dark_high=1e6)  # the darkness map finds nothing


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


def test_lower_scale_sees_only_what_lies_under_zero():
    assert lower_scale(np.array([-1.0, -3.0, -2.0, 50.0, 0.0])) == pytest.approx(1.4826 * 2)
    assert lower_scale(np.array([0.0, 1.0])) == lower_scale(np.zeros(0)) == 0
    values = np.random.default_rng(0).normal(0, 2, 20_000)
    assert lower_scale(values) == pytest.approx(2, rel=0.03)
    values[:8000] += 100  # a sheet of pigment over two fifths of the skin
    assert lower_scale(values) == pytest.approx(2, rel=0.03)
    assert robust_scale(values) > 2 * lower_scale(values)


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


# --- regions


@pytest.mark.parametrize(
    "colour", [(235, 205, 190), SKIN_COLOUR, (110, 75, 58)], ids=["light", "medium", "dark"]
)
@pytest.mark.parametrize("contrast", [0.15, 0.3, 0.6])
def test_three_brown_dots_are_three_spots_of_their_size(colour, contrast):
    patch = three_dots(contrast=contrast, colour=colour, noise=0.01)
    maps = near_maps(patch)
    regions = find_regions(maps, SETTINGS)
    assert regions.kind.tolist() == [PIGMENT] * 3
    # The smoothing of 0.4 mm rounds a small dot off: its area over half height falls a little short.
    truth = np.pi * np.array([1.5, 2.0, 3.0]) ** 2
    np.testing.assert_array_less(np.abs(np.sort(regions.area_mm2) / truth - 1), [0.18, 0.15, 0.1])
    core = discs([(x, y, r - 0.5) for x, y, r in DOTS_MM], (52, 56), 3.0) > 0.5
    reach = discs([(x, y, r + 1.2) for x, y, r in DOTS_MM], (52, 56), 3.0) > 0.5
    found = regions.mask(PIGMENT)
    assert found[core].all() and not found[~reach].any()
    row = spot_features(maps, regions)
    assert row["spot_darkness_p90"] == pytest.approx(contrast, rel=0.05)
    assert 0.6 * contrast < row["spot_darkness"] < 0.9 * contrast  # the mean is over the blurred rims as well
    assert row["load"] == pytest.approx(contrast * truth.sum() / (52 * 56), rel=0.15)
    assert row["spots_per_cm2"] == pytest.approx(300 / (52 * 56))


@pytest.mark.parametrize(
    "pigment, kind, contrast",
    [(BLOOD, BLOODY, 0.3), (BLOOD, BLOODY, 0.6), (SHADOW, SHADY, 0.3), (SHADOW, SHADY, 0.6)],
)
@pytest.mark.parametrize("colour", [SKIN_COLOUR, (110, 75, 58)], ids=["medium", "dark"])
def test_dots_of_blood_and_neutral_shadow_are_found_as_such(pigment, kind, contrast, colour):
    patch = three_dots(pigment, contrast, colour=colour, noise=0.005)
    maps = near_maps(patch)
    assert maps.darkness.max() > 0.8 * contrast  # they are there
    regions = find_regions(maps, SETTINGS)
    assert regions.kind.tolist() == [kind] * 3
    assert not spots(maps, SETTINGS).any()
    assert spot_features(maps, regions)["load"] == 0
    other = look_alike_features(maps, regions)
    assert other[f"{kind}_fraction"] > 0.01
    assert other["blood_fraction"] + other["shadow_fraction"] == other[f"{kind}_fraction"]


def test_a_brown_dot_beside_a_red_one():
    brown, red = ((0.4 * discs([dot], (52, 56), 3.0)) for dot in DOTS_MM[:2])
    regions = find_regions(near_maps(painted((brown, MELANIN), (red, BLOOD))), SETTINGS)
    assert sorted(regions.kind) == [BLOODY, PIGMENT]
    assert regions.mask(PIGMENT)[42, 42] and regions.mask(BLOODY)[54, 114]


def test_a_brown_dot_on_a_red_field_is_still_pigment():
    field, dot = discs([(26, 28, 18)], (52, 56), 3.0), discs([(26, 28, 2.5)], (52, 56), 3.0)
    patch = painted((0.25 * field, BLOOD), (0.3 * dot, MELANIN), noise=0.005)
    regions = find_regions(near_maps(patch), SETTINGS)
    assert regions.kind[regions.labels[84, 78] - 1] == PIGMENT


def test_a_slope_of_light_is_no_spot():
    slope = np.linspace(-0.35, 0.35, 156)[None] * np.ones((168, 1))
    row = measure(painted((slope, SHADOW), noise=0.005), SETTINGS)[0]
    for name in ("area_fraction", "load", "shadow_fraction", "mole_fraction", "blood_fraction"):
        assert row[f"{name}_fine"] == row[f"{name}_near"] == 0, name


@pytest.mark.parametrize("radius", [1.0, 1.5, 2.0, 3.0])
def test_a_mole_is_one_mole_and_its_blurred_rim_no_spot(radius):
    patch = painted((1.3 * discs([(26.1, 28.2, radius)], (52, 56), 3.0), MELANIN), noise=0.01)
    maps = near_maps(patch)
    regions = find_regions(maps, SETTINGS)
    assert regions.kind.tolist() == [MOLE]
    row = look_alike_features(maps, regions)
    assert row["moles_per_cm2"] == pytest.approx(100 / (52 * 56))
    assert row["mole_fraction"] == pytest.approx(np.pi * radius**2 / (52 * 56), rel=0.5)


def drawn_maps(melanin, darkness=None, erythema=None, px_per_mm=2.0, skin=None):
    melanin = np.asarray(melanin, np.float32)
    darkness = 2 * melanin if darkness is None else np.asarray(darkness, np.float32)
    erythema = 0.8 * melanin if erythema is None else np.asarray(erythema, np.float32)
    skin = np.ones(melanin.shape, bool) if skin is None else skin
    return PigmentMaps(melanin, darkness, erythema, skin, px_per_mm)


def test_hysteresis_on_a_melanin_map_drawn_by_hand():
    # Low .03, high .06; at 2 px/mm the smallest spot has two pixels.
    melanin = np.zeros((7, 7))
    melanin[0, 0:3] = 0.040, 0.070, 0.040  # kept whole: joined to a pixel over the high threshold
    melanin[3, 0:3] = 0.050  # never over the high threshold
    melanin[0, 6] = 0.090  # too small
    melanin[5, 0:3] = 0.080, 0.029, 0.080  # two lone pixels: what joins them is under the low threshold
    melanin[2:4, 5] = 0.080, 0.080
    melanin[5, 4] = melanin[6, 5] = 0.080  # joined by a corner
    labels = spots(drawn_maps(melanin), BROWN_ALONE)
    assert labels.dtype == np.int32
    wanted = np.zeros((7, 7), bool)
    wanted[0, 0:3] = wanted[2:4, 5] = wanted[5, 4] = wanted[6, 5] = True
    np.testing.assert_array_equal(labels > 0, wanted)
    assert labels[0, 0] == labels[0, 2] != labels[2, 5]
    assert labels[5, 4] == labels[6, 5]


def test_what_is_dark_without_being_brown_is_found_on_the_darkness_map():
    darkness = np.zeros((7, 7))
    darkness[0, 0:3] = 0.05, 0.09, 0.05  # low .04, high .08
    darkness[3, 0:3] = 0.07
    darkness[6, 0:3] = 0.09, 0.039, 0.09
    maps = drawn_maps(0.2 * darkness, darkness, 0.3 * darkness)
    wanted = np.zeros((7, 7), bool)
    wanted[0, 0:3] = True
    np.testing.assert_array_equal(spots(maps, DRAWN) > 0, wanted)
    assert not spots(maps, BROWN_ALONE).any()


def test_thresholds_rise_with_the_unevenness_of_the_skin():
    # Half of the skin lies .05 under its surroundings: an SD of .074, a high threshold of .222.
    rough = 0.05 * (1 - 2 * (np.indices((30, 30)).sum(axis=0) % 2))
    faint, clear = rough.copy(), rough.copy()
    faint[10:14, 10:14], clear[10:14, 10:14] = 0.20, 0.24
    assert not spots(drawn_maps(faint), BROWN_ALONE).any()
    assert (spots(drawn_maps(clear), BROWN_ALONE) > 0).sum() == 16


@pytest.mark.parametrize(
    "melanin, darkness, erythema, kind",
    [
        (0.10, 0.20, 0.08, PIGMENT),
        (0.06, 0.60, 0.06, SHADY),  # faintly brown: .10 of its darkness, red .10
        (0.09, 0.60, 0.06, PIGMENT),  # browner than shadow: .15
        (0.06, 0.60, 0.18, PIGMENT),  # or redder: .30
        (-0.06, 0.60, 0.06, SHADY),  # a little blue is shadow as well
        (0.06, 0.20, 0.12, BLOODY),  # red .60, brown .30
        (-0.06, 0.20, 0.14, BLOODY),  # a bluish vessel
        (0.10, 0.20, 0.12, PIGMENT),  # red .60, but brown .50: a spot on rosacea
        (0.06, 0.20, 0.09, PIGMENT),  # brown .30, but red only .45
        (-0.06, 0.20, 0.02, None),  # blue and not red: none of them
    ],
)
def test_kinds_by_the_published_rule(melanin, darkness, erythema, kind):
    place = np.zeros((9, 9))
    place[3:6, 3:6] = 1
    regions = find_regions(drawn_maps(melanin * place, darkness * place, erythema * place), DRAWN)
    assert regions.kind.tolist() == ([kind] if kind else [])
    for each in (PIGMENT, MOLE, BLOODY, SHADY):
        np.testing.assert_array_equal(regions.mask(each), (place > 0) & (each == kind))
        np.testing.assert_array_equal(regions.only(each), place * (each == kind))


@pytest.mark.parametrize(
    "rows, columns, darkness, kind",
    [
        (slice(8, 12), slice(8, 12), 1.0, MOLE),
        (slice(8, 12), slice(8, 12), 0.79, PIGMENT),  # not dark enough
        (slice(8, 20), slice(8, 20), 1.0, PIGMENT),  # 36 mm2: too large
        (slice(8, 10), slice(8, 18), 1.0, PIGMENT),  # a stroke, not round
        (slice(0, 4), slice(8, 12), 1.0, PIGMENT),  # at the edge of the patch
        (slice(20, 24), slice(8, 12), 1.0, PIGMENT),  # at the edge of the skin
    ],
)
def test_a_mole_is_dark_small_round_and_whole(rows, columns, darkness, kind):
    skin = np.ones((30, 30), bool)
    skin[24:] = False
    depth = np.zeros((30, 30))
    depth[rows, columns] = darkness
    regions = find_regions(drawn_maps(0.5 * depth, skin=skin), DRAWN)
    assert regions.kind.tolist() == [kind]
    np.testing.assert_array_equal(regions.mask(kind), depth > 0)


@pytest.mark.parametrize("at, neighbours", [(13, "on"), (24, "beside")])
def test_a_mole_on_or_beside_a_spot_leaves_the_spot_a_spot(at, neighbours):
    depth = np.zeros((40, 40))
    depth[4:24, 4:24] = 0.3
    depth[12:16, at : at + 4] = 1.0
    maps = drawn_maps(0.5 * depth)
    regions = find_regions(maps, DRAWN)
    assert sorted(regions.kind) == [MOLE, PIGMENT], neighbours
    np.testing.assert_array_equal(regions.mask(MOLE), depth == 1)
    spot = regions.mask(PIGMENT)
    # All of the spot but the mole and one pixel round it.
    ring = np.zeros((40, 40), bool)
    ring[11:17, at - 1 : at + 5] = True
    np.testing.assert_array_equal(spot, (depth == np.float64(0.3)) & ~ring)
    assert spot_features(maps, regions)["spot_darkness_p90"] == pytest.approx(0.3)


def test_a_dark_rim_belongs_to_its_spot_and_what_lies_farther_off_does_not():
    darkness, melanin = np.zeros((24, 24)), np.zeros((24, 24))
    darkness[6:12, 6:12] = 0.1  # hardly brown: under the low threshold of melanin,
    darkness[7:11, 7:11], melanin[7:11, 7:11] = 0.3, 0.15  # round a brown spot
    darkness[18:22, 18:22] = 0.1
    melanin[darkness == 0.1] = 0.02
    regions = find_regions(drawn_maps(melanin, darkness, 0.3 * darkness), DRAWN)
    assert regions.kind.tolist() == [PIGMENT] * 2
    assert (regions.labels[6:12, 6:12] == 1).all() and (regions.labels[18:22, 18:22] == 2).all()
    np.testing.assert_allclose(regions.area_mm2, [4, 4])


def test_a_wide_shadow_round_a_spot_stays_a_shadow():
    darkness, melanin = np.zeros((40, 40)), np.zeros((40, 40))
    darkness[5:35, 5:35] = 0.2
    darkness[17:23, 17:23], melanin[17:23, 17:23] = 0.4, 0.15
    regions = find_regions(drawn_maps(melanin, darkness, 0 * darkness), DRAWN)
    assert regions.kind.tolist() == [PIGMENT, SHADY]
    np.testing.assert_array_equal(regions.mask(PIGMENT), melanin > 0)


@pytest.mark.parametrize("contrast", [1.0, 0.5])
def test_areas_over_half_height_do_not_depend_on_contrast(contrast):
    depth = np.zeros((12, 12))
    depth[3, 2:10] = 0.30, 0.34, 0.36, 0.60, 0.50, 0.29, 0.20, 0.16
    depth[9, 2:4] = 0.60, 0.30
    regions = find_regions(drawn_maps(0.5 * contrast * depth), BROWN_ALONE)
    # 5 and 2 pixels of a quarter mm2 lie at or over half of .60.
    np.testing.assert_allclose(regions.area_mm2, [1.25, 0.5])


def test_a_spot_must_be_dark_as_well():
    melanin = np.zeros((7, 7))
    melanin[2:5, 2:5] = 0.1
    assert spots(drawn_maps(melanin), DRAWN).any()
    pale = np.where(melanin > 0, DRAWN.min_deviation_od - 0.001, 0)
    assert not spots(drawn_maps(melanin, darkness=pale), DRAWN).any()


def test_regions_of_a_patch_without_skin():
    maps = drawn_maps(np.zeros((5, 5)), skin=np.zeros((5, 5), bool))
    regions = find_regions(maps, SETTINGS)
    assert not regions.labels.any() and len(regions.kind) == len(regions.area_mm2) == 0


@hypothesis_settings(max_examples=40)
@given(seed=st.integers(0, 2**31), size=st.integers(1, 40), spread=st.floats(0, 1))
def test_regions_of_any_maps_are_whole(seed, size, spread):
    rng = np.random.default_rng(seed)
    melanin, darkness, erythema = (smooth_over(
        rng.normal(0, spread, (size, size)).astype(np.float32), np.ones((size, size), bool), 1.5
    ) for _ in range(3))  # fmt: skip
    maps = drawn_maps(melanin, darkness, erythema)
    regions = find_regions(maps, SETTINGS)
    counts = np.bincount(regions.labels.ravel())[1:] / 4
    assert len(counts) == len(regions.kind) == len(regions.area_mm2)
    assert (counts >= SETTINGS.min_spot_mm2).all()
    assert (regions.area_mm2 > 0).all() and (regions.area_mm2 <= counts).all()
    assert set(regions.kind) <= {PIGMENT, MOLE, BLOODY, SHADY}
    assert (darkness[regions.labels > 0] > 0).all()


# --- features of regions drawn by hand


def drawn_regions(boxes, shape, kinds=None, areas=None):
    """Regions of boxes (rows, columns), numbered in their order."""
    labels = np.zeros(shape, np.int32)
    for number, box in enumerate(boxes, 1):
        labels[box] = number
    kinds = [PIGMENT] * len(boxes) if kinds is None else kinds
    areas = np.bincount(labels.ravel(), minlength=len(boxes) + 1)[1:] / 4 if areas is None else areas
    return Regions(labels, np.array(kinds, "<U7"), np.array(areas, float))


def test_spot_features_of_a_map_drawn_by_hand():
    boxes = np.s_[2:4, 2:4], np.s_[10:12, 10:16], np.s_[16:18, 2:4]  # 1, 3 and 1 mm2 at 2 px/mm
    melanin = np.zeros((20, 20))
    melanin[boxes[0]], melanin[boxes[1]], melanin[boxes[2]] = 0.1, 0.2, 0.4
    row = spot_features(drawn_maps(melanin), drawn_regions(boxes, (20, 20), [PIGMENT, PIGMENT, MOLE]))
    assert row["area_fraction"] == pytest.approx(16 / 400)
    assert row["spots_per_cm2"] == row["small_spots_per_cm2"] == pytest.approx(2.0)  # two on 100 mm2
    assert row["large_spots_per_cm2"] == 0
    assert row["spot_area_median"] == pytest.approx(2.0) and row["spot_area_max"] == pytest.approx(3.0)
    assert row["spot_melanin"] == pytest.approx((4 * 0.1 + 12 * 0.2) / 16)
    assert row["spot_darkness"] == pytest.approx(2 * row["spot_melanin"])
    assert row["load"] == pytest.approx((4 * 0.2 + 12 * 0.4) / 400)
    assert row["melanin_load"] == pytest.approx(row["load"] / 2)


def test_spots_under_7_and_over_28_mm2_are_counted_apart():
    boxes = [np.s_[k : k + 1, :2] for k in range(0, 10, 2)]
    regions = drawn_regions(boxes, (20, 20), areas=[0.5, 6.9, 7.1, 27.9, 28.1])
    row = spot_features(drawn_maps(np.full((20, 20), 0.1)), regions)
    assert [row[f"{name}spots_per_cm2"] for name in ("", "small_", "large_")] == pytest.approx([5, 2, 1])
    assert row["spot_area_median"] == 7.1 and row["spot_area_p90"] == pytest.approx(28.02)


def test_spot_fractions_are_shares_of_the_skin_alone():
    skin = np.zeros((20, 20), bool)
    skin[:, :5] = True
    regions = drawn_regions([np.s_[2:4, 2:4]], (20, 20))
    row = spot_features(drawn_maps(np.where(regions.labels > 0, 0.1, 0), skin=skin), regions)
    assert row["area_fraction"] == pytest.approx(4 / 100)
    assert row["spots_per_cm2"] == pytest.approx(4.0)  # one on 25 mm2


def test_look_alikes_are_counted_apart():
    boxes = np.s_[0:2, 0:2], np.s_[5:7, 0:2], np.s_[10:14, 0:2], np.s_[16:18, 0:8], np.s_[0:10, 15:20]
    regions = drawn_regions(boxes, (20, 20), [MOLE, MOLE, BLOODY, SHADY, PIGMENT])
    erythema = np.zeros((20, 20))
    erythema[:2] = 0.3  # a tenth of the skin
    row = look_alike_features(drawn_maps(np.zeros((20, 20)), erythema=erythema), regions)
    assert row["moles_per_cm2"] == pytest.approx(2.0)
    fractions = [row[f"{kind}_fraction"] for kind in (MOLE, BLOODY, SHADY)]
    assert fractions == pytest.approx([8 / 400, 8 / 400, 16 / 400])
    assert row["erythema_p95"] == pytest.approx(0.3)


def spread_of(boxes, shape=(80, 80), skin=None):
    return spread_features(drawn_maps(np.zeros(shape), skin=skin), drawn_regions(boxes, shape))


def dots_at(points):
    return [np.s_[y : y + 1, x : x + 1] for y, x in points]


def test_nearest_neighbour_index():
    def index(points, **kwargs):
        return spread_of(dots_at(points), **kwargs)["nearest_neighbour_index"]

    grid = [(y, x) for y in range(5, 80, 10) for x in range(5, 80, 10)]
    assert index(grid) == pytest.approx(2.0)  # a square grid: neighbours at 10, by chance 5
    assert index([(y // 10, x // 10) for y, x in grid]) == pytest.approx(0.2)  # the same, a tenth as wide
    assert index([(10, 10), (10, 30)]) == pytest.approx(20 / (0.5 * np.sqrt(6400 / 2)))
    assert index([(10, 10)]) == index([]) == 1.0
    half = np.ones((80, 80), bool)
    half[40:] = False  # half of the skin for the same spots: twice as dense by chance
    assert index(grid[:32], skin=half) == pytest.approx(2.0)
    rng = np.random.default_rng(5)
    chance = np.mean([index(rng.permutation(6400)[:100, None] // [80, 1] % 80) for _ in range(10)])
    assert chance == pytest.approx(1.05, abs=0.07)  # the edges lift it a little


def test_cells_and_their_entropy():
    every = dots_at((y, x) for y in range(5, 80, 10) for x in range(5, 80, 10))
    even = [np.s_[y.start - 2 : y.stop, x] for y, x in every]
    row = spread_of(even)
    assert row["cells"] == 1 and row["cell_entropy"] == pytest.approx(1)
    row = spread_of(even[:1])
    assert row["cells"] == pytest.approx(1 / 64) and row["cell_entropy"] == pytest.approx(0, abs=1e-6)
    assert spread_of(even[:2])["cell_entropy"] == pytest.approx(np.log(2) / np.log(64))
    half = np.ones((80, 80), bool)
    half[40:] = False  # cells without skin do not count
    row = spread_of(even[:32], skin=half)
    assert row["cells"] == 1 and row["cell_entropy"] == pytest.approx(1)
    row = spread_of([])
    assert row["cells"] == row["cell_entropy"] == 0


def test_solidity_of_a_square_and_of_a_c():
    maps = drawn_maps(np.zeros((20, 20)))
    square = drawn_regions([np.s_[4:16, 4:16]], (20, 20))
    assert shape_features(maps, square)["solidity"] == pytest.approx(1)
    c = square.labels.copy()
    c[7:13, 7:] = 0
    # Outlines run through the pixels' centres: 11 x 11, less 9 x 7 but for its two inner corners, cut off.
    row = shape_features(maps, Regions(c, square.kind, square.area_mm2))
    assert row["solidity"] == pytest.approx((121 - 63 + 1) / 121)
    assert shape_features(maps, drawn_regions([], (20, 20))) == {"solidity": 0, "border_gradient": 0}


@pytest.mark.parametrize("px_per_mm", [2.0, 5.0])
def test_border_gradient_of_a_known_slope_is_in_od_per_mm(px_per_mm):
    ramp = 0.1 * np.arange(30)[None] / px_per_mm * np.ones((30, 1))  # .1 OD/mm
    region = drawn_regions([np.s_[8:20, 8:20]], (30, 30))
    maps = drawn_maps(ramp, darkness=ramp, px_per_mm=px_per_mm)
    assert shape_features(maps, region)["border_gradient"] == pytest.approx(0.1, rel=1e-4)
    # Where the mask cuts the spot off the darkness falls to 0, but that is no border.
    skin = np.ones((30, 30), bool)
    skin[:, 15:] = False
    region = drawn_regions([np.s_[8:20, 8:15]], (30, 30))
    maps = drawn_maps(ramp, darkness=np.where(skin, ramp, 0), px_per_mm=px_per_mm, skin=skin)
    assert shape_features(maps, region)["border_gradient"] == pytest.approx(0.1, rel=1e-4)


def test_colour_difference_of_known_colours():
    from skimage.color import deltaE_ciede2000, rgb2lab

    colours = np.array([SKIN_COLOUR, (160, 115, 85), (190, 140, 115)], np.uint8)
    lab = rgb2lab(colours[None] / 255.0)[0]
    far, near = (float(deltaE_ciede2000(lab[0], spot)) for spot in lab[1:])
    pixels = np.full((40, 40, 3), SKIN_COLOUR, np.uint8)
    boxes = np.s_[4:8, 4:12], np.s_[30:34, 30:34]  # 32 and 16 pixels
    for box, colour in zip(boxes, colours[1:], strict=True):
        pixels[box] = colour
    patch = Patch("chin", pixels, np.ones((40, 40), bool), 2.0, np.eye(2, 3))
    row = colour_features(patch, drawn_regions(boxes, (40, 40)), 4.0)
    assert row["spot_colour_difference"] == pytest.approx((2 * far + near) / 3, rel=0.01)
    assert row["spot_colour_difference_p90"] == pytest.approx(near + 0.9 * (far - near), rel=0.01)
    # A mole's colour is neither a spot's nor its surroundings'.
    row = colour_features(patch, drawn_regions(boxes, (40, 40), [MOLE, PIGMENT]), 4.0)
    assert row["spot_colour_difference"] == pytest.approx(near, rel=0.01)
    none = colour_features(patch, drawn_regions(boxes, (40, 40), [MOLE, BLOODY]), 4.0)
    assert set(none.values()) == {0.0}
    whole = colour_features(patch, drawn_regions([np.s_[:, :]], (40, 40)), 4.0)
    assert whole["spot_colour_difference"] < 1  # no skin around: compared with itself


# --- features of whole maps


def test_field_features_of_a_map_drawn_by_hand():
    melanin, darkness = np.zeros((10, 20)), np.zeros((10, 20))
    melanin[0], darkness[0] = 0.09, 0.16  # a tenth of the skin: root .12
    melanin[1, :10], darkness[1, :10] = 0.05, -0.10  # brown but not dark: root 0
    melanin[2:6] = -0.005  # makes up the median under zero, so that a unit is .01
    melanin[6, :5], melanin[6, 5:10] = -0.05, -0.02  # whitish flecks, and what is too faint for one
    row = field_features(drawn_maps(melanin, darkness))
    assert row["root_melanin_darkness"] == pytest.approx(0.012)
    assert row["root_melanin_darkness_p95"] == pytest.approx(0.12)
    assert row["stained_fraction"] == pytest.approx(0.1)
    assert row["flecks_fraction"] == pytest.approx(5 / 200)
    assert [row[f"over_z{z}"] for z in ("2_5", "4", "6")] == pytest.approx([0.15, 0.15, 0.1])
    assert row["melanin_sd"] == pytest.approx(melanin.std())
    assert row["darkness_mad"] == 0 and row["darkness_p95"] == pytest.approx(0.16)


def a_wave(period_mm, px_per_mm=3.0, length_mm=300, height=24):
    """Long enough for its ends not to matter."""
    x = (np.arange(round(length_mm * px_per_mm)) + 0.5) / px_per_mm
    return 0.1 * np.cos(2 * np.pi * x / period_mm)[None] * np.ones((height, 1))


@pytest.mark.parametrize("period_mm", [3.0, 6.0, 12.0])
def test_bands_of_a_wave_of_known_length(period_mm):
    wave = a_wave(period_mm)
    row = band_features(drawn_maps(0.5 * wave, darkness=wave, px_per_mm=3.0))

    def passed(sigma_mm):
        return np.exp(-2 * (np.pi * sigma_mm / period_mm) ** 2)

    for size in (0.5, 1.0, 2.0):
        name = f"{size:g}mm".replace(".", "_")
        wanted = 0.1 / np.sqrt(2) * (passed(size) - passed(1.6 * size))
        assert row[f"darkness_band_{name}"] == pytest.approx(wanted, rel=0.05, abs=1e-3)
        assert row[f"melanin_band_{name}"] == pytest.approx(wanted / 2, rel=0.05, abs=1e-3)
        assert row[f"melanin_darkness_{name}"] == pytest.approx(wanted / np.sqrt(2), rel=0.05, abs=1e-3)
        assert abs(row[f"darkness_skew_{name}"]) < 0.2
    assert row["visibility"] == pytest.approx(0.1 / np.sqrt(2) * passed(2.5), rel=0.05, abs=1e-3)


def test_melanin_darkness_is_negative_where_the_two_move_against_each_other():
    wave = a_wave(6.0, height=180)
    row = band_features(drawn_maps(-wave, darkness=wave, px_per_mm=3.0))
    assert row["melanin_darkness_1mm"] == pytest.approx(-row["darkness_band_1mm"], rel=1e-3)
    alone = band_features(
        drawn_maps(wave[:, :180], darkness=wave[:, :180].T, px_per_mm=3.0)
    )  # crossed waves share nothing
    assert abs(alone["melanin_darkness_1mm"]) < 0.1 * alone["darkness_band_1mm"]


def test_skew_tells_dark_spots_from_pale_ones():
    dots = 0.3 * discs(DOTS_MM, (52, 56), 3.0)
    dark, pale = (band_features(drawn_maps(sign * dots, px_per_mm=3.0)) for sign in (1, -1))
    for name in ("0_5mm", "1mm", "2mm"):
        assert dark[f"darkness_skew_{name}"] > 3
        assert pale[f"darkness_skew_{name}"] == pytest.approx(-dark[f"darkness_skew_{name}"])


def test_texture_of_a_checkerboard_of_stripes_and_of_nothing():
    def texture(melanin, **kwargs):
        row = texture_features(drawn_maps(melanin, px_per_mm=1.0, **kwargs))
        return [row[f"glcm_{name}"] for name in ("contrast", "homogeneity", "correlation")]

    y, x = np.indices((12, 12))
    # +-.10 are levels 12 and 2 of 0-15: ten apart.
    assert texture(0.1 * (1 - 2 * ((x + y) % 2))) == pytest.approx([100, 1 / 101, -1])
    assert texture(0.1 * (1 - 2 * (x % 2))) == pytest.approx([50, (1 + 1 / 101) / 2, 0])
    assert texture(np.zeros((12, 12))) == pytest.approx([0, 1, 1])
    left = x < 6  # what lies off the skin takes no part
    mixed = np.where(left, 0.0, 0.1 * (1 - 2 * ((x + y) % 2)))
    assert texture(mixed, skin=left) == pytest.approx([0, 1, 1])
    assert texture_features(drawn_maps(np.zeros((12, 12))))["lbp_entropy"] == 0
    rough = np.random.default_rng(0).normal(0, 0.1, (60, 60))
    assert 2.5 < texture_features(drawn_maps(rough))["lbp_entropy"] <= np.log2(10)


# --- one row of features


def test_features_of_three_dots():
    row, wide = measure(three_dots(), SETTINGS)
    painted_mm2 = sum(np.pi * r**2 for *_, r in DOTS_MM)
    for scale in ("fine", "near"):
        assert row[f"spots_per_cm2_{scale}"] == pytest.approx(300 / (52 * 56))
        # Of 7.1, 12.6 and 28.3 mm2: the rounded-off smallest one falls under 7, the largest not over 28.
        assert row[f"small_spots_per_cm2_{scale}"] == pytest.approx(100 / (52 * 56))
        assert row[f"large_spots_per_cm2_{scale}"] == 0
        # Smoothing spreads the pigment but does not lose it.
        assert row[f"load_{scale}"] == pytest.approx(0.3 * painted_mm2 / (52 * 56), rel=0.2)
    assert wide.px_per_mm == 3.0 and wide.skin.shape == (168, 156)


def test_small_and_large_spots():
    dots = [(10, 10, 1.0), (40, 10, 1.2), (12, 40, 2.2), (38, 40, 4.0)]
    row = measure(painted((0.3 * discs(dots, (52, 56), 3.0), MELANIN)), SETTINGS)[0]
    counts = [row[f"{name}spots_per_cm2_near"] for name in ("", "small_", "large_")]
    assert counts == pytest.approx([n * 100 / (52 * 56) for n in (4, 2, 1)])


def test_load_follows_contrast_and_number():
    def load(contrast, dots):
        row = measure(painted((contrast * discs(dots, (52, 56), 3.0), MELANIN)), SETTINGS)[0]
        return np.array([row["load_fine"], row["load_near"]])

    np.testing.assert_allclose(load(0.4, DOTS_MM), 2 * load(0.2, DOTS_MM), rtol=0.15)
    assert (load(0.3, DOTS_MM[:1]) < load(0.3, DOTS_MM[:2])).all()
    assert (load(0.3, DOTS_MM[:2]) < load(0.3, DOTS_MM)).all()


def test_blank_skin_has_no_pigment_at_all():
    row, _ = measure(painted(), SETTINGS)
    about_tone = {"ita_deg", "lightness", "melanin_index", "erythema_index"}
    ones = {"skin_fraction", "nearest_neighbour_index_near", "glcm_homogeneity", "glcm_correlation"}
    assert {name: row[name] for name in ones} == dict.fromkeys(ones, 1)
    assert {name for name, value in row.items() if abs(value) > 1e-5} == ones | about_tone


def test_tone_of_light_and_dark_skin():
    light, dark = (measure(painted(colour=c), SETTINGS)[0] for c in (SKIN_COLOUR, (110, 75, 58)))
    assert 41 < light["ita_deg"] < 55 and dark["ita_deg"] < -30
    assert light["lightness"] == pytest.approx(69.4, abs=0.5)
    assert light["melanin_index"] < dark["melanin_index"]


@pytest.mark.parametrize("level", [0, 150, 255])
def test_a_constant_picture_gives_finite_features(level):
    skin = np.ones((40, 30), bool)
    row, _ = measure(Patch("chin", np.full((40, 30, 3), level, np.uint8), skin, 3.0, np.eye(2, 3)), SETTINGS)
    assert np.isfinite(list(row.values())).all() and row["load_fine"] == row["load_near"] == 0


def test_no_skin_is_refused():
    with pytest.raises(ValueError, match="chin patch holds no skin"):
        skin = np.zeros((40, 30), bool)
        measure(Patch("chin", np.zeros((40, 30, 3), np.uint8), skin, 3.0, np.eye(2, 3)), SETTINGS)


def test_one_pixel_of_skin_does_not_deviate_from_itself():
    skin = np.zeros((40, 30), bool)
    skin[3, 4] = True
    row, _ = measure(Patch("chin", np.full((40, 30, 3), 150, np.uint8), skin, 3.0, np.eye(2, 3)), SETTINGS)
    assert np.isfinite(list(row.values())).all()
    for scale in ("fine", "near", "wide"):
        assert row[f"darkness_p95_{scale}"] == pytest.approx(0, abs=1e-5)


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


@pytest.mark.parametrize(
    "flip", [np.fliplr, np.flipud, np.rot90, lambda a: np.rot90(a, 2)], ids=["lr", "ud", "quarter", "half"]
)
def test_mirrored_and_turned_patches_measure_the_same(flip):
    patch = masked(three_dots(noise=0.02), a_hole())
    turned = Patch(patch.region, flip(patch.pixels), flip(patch.skin), 3.0, patch.to_patch)
    row, other = measure(patch, SETTINGS)[0], measure(turned, SETTINGS)[0]
    for name, value in row.items():
        assert other[name] == pytest.approx(value, rel=1e-3, abs=1e-3), name


@pytest.mark.parametrize("light", [0.6, 0.8, 1.2])
def test_exposure_moves_lightness_but_hardly_any_pigment_feature(light):
    row, other = (measure(three_dots(noise=0.02, light=level), SETTINGS)[0] for level in (1.0, light))
    assert (other["lightness"] - row["lightness"]) * (light - 1) > 0
    assert abs(other["lightness"] - row["lightness"]) > 4
    # A colour difference is one in lightness as well; the area of a spot is a whole number of pixels.
    tone = ("lightness", "ita_deg", "spot_colour_difference_near", "spot_colour_difference_p90_near")
    for name, value in row.items():
        if name not in tone:
            assert other[name] == pytest.approx(value, rel=0.1, abs=2e-3), name


@pytest.mark.parametrize("px_per_mm", [2.0, 5.0])
def test_the_scale_of_the_picture_hardly_matters(px_per_mm):
    row, other = (measure(three_dots(px_per_mm=scale), SETTINGS)[0] for scale in (3.0, px_per_mm))
    for name in ("area_fraction", "spot_area_median", "spot_area_max", "spot_darkness", "load"):
        for scale in ("fine", "near"):
            assert other[f"{name}_{scale}"] == pytest.approx(row[f"{name}_{scale}"], rel=0.1), name
    for scale in ("fine", "near", "wide"):
        assert other[f"darkness_sd_{scale}"] == pytest.approx(row[f"darkness_sd_{scale}"], rel=0.08)
    for name in ("spots_per_cm2_fine", "spots_per_cm2_near"):
        assert other[name] == pytest.approx(row[name])
    for name in ("melanin_band_1mm", "spot_colour_difference_near", "solidity_near"):
        assert other[name] == pytest.approx(row[name], rel=0.1), name
    # A slope over three pixels is seen the steeper the finer they are.
    assert other["border_gradient_near"] == pytest.approx(row["border_gradient_near"], rel=0.2)


BESIDE_MM = ((10.0, 30.0, 2.5), (42.0, 44.0, 2.0), (26.0, 10.0, 1.5))  # clear of DOTS_MM
BROAD_MM = ((26.0, 28.0, 15.0),)


@pytest.mark.parametrize("pigment", [BLOOD, SHADOW], ids=["blood", "shadow"])
@pytest.mark.parametrize(
    "dots, contrast, soft_mm", [(BESIDE_MM, 0.4, 0.7), (BROAD_MM, 0.3, 6.0)], ids=["dots", "a wide field"]
)
def test_added_blood_or_shadow_hardly_moves_pigment(pigment, dots, contrast, soft_mm):
    brown = (0.3 * discs(DOTS_MM, (52, 56), 3.0), MELANIN)
    sharp = discs(dots, (52, 56), 3.0).astype(np.float32)
    added = smooth_over(sharp, np.ones((168, 156), bool), soft_mm * 3.0)
    row, other = (
        measure(painted(*layers, noise=0.005), SETTINGS)[0]
        for layers in ([brown], [brown, (contrast * added, pigment)])
    )
    # Against its wider surroundings a spot in the shade is the darker for it and its dark rim the wider, a
    # little; it is neither browner nor one more.
    for scale, most in (("fine", 0.06), ("near", 0.2)):
        for name in ("load", "area_fraction"):
            assert other[f"{name}_{scale}"] == pytest.approx(row[f"{name}_{scale}"], rel=most), name
        assert other[f"melanin_load_{scale}"] == pytest.approx(row[f"melanin_load_{scale}"], rel=0.08)
        assert other[f"spots_per_cm2_{scale}"] == pytest.approx(row[f"spots_per_cm2_{scale}"])


def test_added_pigment_raises_load_and_area():
    def row(*layers):
        return measure(painted(*((c * discs(d, (52, 56), 3.0), MELANIN) for c, d in layers)), SETTINGS)[0]

    less, more = row((0.3, DOTS_MM)), row((0.3, DOTS_MM), (0.3, BESIDE_MM))
    mm2 = [sum(r**2 for *_, r in dots) for dots in (DOTS_MM, BESIDE_MM)]
    for scale in ("fine", "near"):
        for name in ("load", "area_fraction"):
            ratio = more[f"{name}_{scale}"] / less[f"{name}_{scale}"]
            assert ratio == pytest.approx(sum(mm2) / mm2[0], rel=0.1), name
        assert more[f"spots_per_cm2_{scale}"] == pytest.approx(2 * less[f"spots_per_cm2_{scale}"])
    darker = row((0.5, DOTS_MM))
    assert darker["load_near"] > 1.4 * less["load_near"]
    assert darker["spots_per_cm2_near"] == pytest.approx(less["spots_per_cm2_near"])


# --- a photograph's row


def test_regions_of_a_photograph_are_weighed():
    rows = [{"load": value, "cells": 2 * value} for value in (1.0, 2.0, 5.0)]
    half = weigh_regions(rows, ["forehead", "left_cheek", "chin"])
    assert half == pytest.approx({"load": 0.3 + 1.2 + 0.5, "cells": 2 * 2.0})
    # Without a forehead its share goes to the others in proportion.
    assert weigh_regions(rows[1:], ["right_cheek", "chin"])["load"] == pytest.approx((1.2 + 0.5) / 0.7)
    both = weigh_regions(rows, ["forehead", "left_cheek", "right_cheek"])  # two cheeks share .6
    assert both["load"] == pytest.approx((0.3 * 1 + 0.3 * 2 + 0.3 * 5) / 0.9)
    assert weigh_regions(rows[2:], ["chin"]) == rows[2]
    with pytest.raises(ValueError, match="without patches"):
        weigh_regions([], [])


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
    maps = near_maps(three_dots())
    assert len(find_regions(maps, SETTINGS).kind) == 3
    strict = PigmentSettings(hysteresis_high=30, dark_high=30)
    assert not find_regions(maps, strict).labels.any()
    large = PigmentSettings(min_spot_mm2=20)
    assert len(find_regions(maps, large).kind) == 1


def test_reading_a_patch_leaves_it_as_it_was():
    patch = masked(three_dots(), a_hole())
    pixels, skin = patch.pixels.copy(), patch.skin.copy()
    measure(patch, SETTINGS)
    np.testing.assert_array_equal(patch.pixels, pixels)
    np.testing.assert_array_equal(patch.skin, skin)


# --- the part that holds skin -------------------------------------------------------------------


@pytest.mark.parametrize("sides", [(0.0, 0.45), (0.4, 1.0), (0.2, 0.8)])
def test_skin_at_one_side_measures_the_same_as_in_the_whole_patch(monkeypatch, sides):
    """Measured on the part that holds skin, and on all of the patch: half a forehead is the half that is there."""
    module = importlib.import_module("toolkit.pigment.measure")
    whole = three_dots(noise=0.03)
    width = whole.skin.shape[1]
    skin = np.zeros_like(whole.skin)
    skin[9:150, round(sides[0] * width) : round(sides[1] * width)] = True
    patch = masked(whole, skin)
    row, maps = measure(patch, SETTINGS)
    monkeypatch.setattr(module, "_cut_to_skin", lambda patch: (patch, NO_MARGINS))
    expected, expected_maps = measure(patch, SETTINGS)
    assert maps.margins == NO_MARGINS and np.array_equal(maps.skin, expected_maps.skin)
    for name in ("melanin", "darkness", "erythema"):
        np.testing.assert_allclose(getattr(maps, name), getattr(expected_maps, name), atol=1e-5)
    assert list(row) == list(expected)
    for name, value in row.items():
        assert value == pytest.approx(expected[name], rel=1e-3, abs=1e-3), name


def test_on_skin_is_what_the_mask_picks():
    maps = near_maps(masked(three_dots(), discs([(20, 20, 15)], (52, 56), 3.0) > 0.5))
    assert np.array_equal(maps.on_skin(maps.melanin), maps.melanin[maps.skin])
