"""Cameras brought to their mean by the skin of people whom several of them saw."""

import numpy as np
import pytest

from toolkit.correction.matching import CameraMatch, match_cameras, spread_over_cameras
from toolkit.errors import ToolkitError

POWERS = {"A": np.array([1.0, 1.0, 1.0]), "B": np.array([1.2, 1.25, 1.3]), "C": np.array([0.9, 0.85, 0.8])}
GAINS = {"A": np.zeros(3), "B": np.array([0.1, 0.0, -0.1]), "C": np.array([-0.05, 0.0, 0.1])}


def study(people, cameras=tuple(POWERS), noise=0.03, tones=(-2.5, -0.5)):
    """ln light as each camera tells it, of people between two tones: (lights, cameras, people)."""
    rng, lights, names, who = np.random.default_rng(5), [], [], []
    for number, tone in enumerate(np.linspace(*tones, people)):
        skin = np.add.outer(np.linspace(-0.3, 0.3, 5), [tone + 0.3, tone, tone - 0.3])
        for camera in cameras:
            seen = skin + noise * rng.standard_normal(3)
            lights.append((seen - GAINS[camera]) / POWERS[camera])
            names.append(camera)
            who.append((f"P{number}", "left"))
    return lights, names, who


def test_contrast_and_cast_of_cameras_become_alike():
    lights, names, who = study(20)
    found = match_cameras(lights, names, who)
    assert set(found) == set(POWERS) and all(one.subjects == 20 for one in found.values())
    made = [np.array(found[name].powers) / POWERS[name] for name in POWERS]
    assert np.ptp(made, axis=0).max() < 0.05  # the same power for all, whatever it is
    before = spread_over_cameras(lights, names, who)
    after = spread_over_cameras([found[n].applied(x) for x, n in zip(lights, names, strict=True)], names, who)
    assert after < 0.05 and before > 0.12


def test_cameras_that_are_alike_are_left_alone():
    lights, _, who = study(12, cameras=("A", "A", "A"))
    names = ["A", "B", "C"] * 12
    for match in match_cameras(lights, names, who).values():
        assert np.abs(np.array(match.powers) - 1).max() < 0.03
        moved = match.applied(np.full(3, -1.5)) + 1.5
        assert np.abs(moved).max() < 0.03


def test_few_noisy_people_are_believed_little():
    """The correction shrinks towards none where the same difference is seen on fewer people, more noisily."""
    lights, names, who = study(4, noise=0.4, tones=(-1.6, -1.4))
    few = match_cameras(lights, names, who)
    many = match_cameras(*study(20))
    size = {
        k: max(np.abs(np.array(m.powers) - 1).max() for m in one.values())
        for k, one in (("few", few), ("many", many))
    }
    assert size["few"] < 0.6 * size["many"]


def test_the_mean_of_all_cameras_stays():
    lights, names, who = study(10)
    found = match_cameras(lights, names, who)
    moved = [(found[n].applied(x) - x).mean(axis=0) for x, n in zip(lights, names, strict=True)]
    assert np.abs(np.mean(moved, axis=0)).max() < 1e-6


def test_a_match_is_a_correction_of_all_light():
    match = CameraMatch((0.1, 0.0, -0.1), (1.2, 1.0, 0.8), 9)
    (red, _, blue) = match.correction("match of camera B").tone
    slope = [(knots[1][1] - knots[0][1]) / (knots[1][0] - knots[0][0]) for knots in (red, blue)]
    assert slope == pytest.approx([1.2, 0.8]) and (red[1][1], blue[1][1]) == pytest.approx((0.1, -0.1))


def test_too_few_people_in_common_are_refused():
    lights, names, who = study(3)
    with pytest.raises(
        ToolkitError, match="camera A: 3 of its subjects were seen by another camera, 4 are needed"
    ):
        match_cameras(lights, names, who)
    alone = [(f"P{n}", "left") for n in range(len(lights))]
    with pytest.raises(ToolkitError, match="camera A: 0 of its subjects"):
        match_cameras(lights, names, alone)


def test_cameras_that_nobody_links_are_refused():
    first, second = study(5, cameras=("A", "B")), study(5, cameras=("C", "A"))
    names = [*first[1], *("D" if name == "A" else name for name in second[1])]
    who = [*first[2], *((f"Q{person}", side) for person, side in second[2])]
    with pytest.raises(ToolkitError, match="cameras A and C: no subject links them"):
        match_cameras([*first[0], *second[0]], names, who)
