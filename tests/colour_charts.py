"""Pictures of a drawn colour chart, by cameras of different looks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from toolkit.phantom.camera import take
from toolkit.phantom.colourchart import draw_colour_chart
from toolkit.phantom.distractors import Distractors

PLAIN = Distractors(noise=0.006)
LOOKS = {
    "plain": PLAIN,
    "warm": replace(PLAIN, white_balance=(1.12, 0.86), tone=0.1),
    "contrasty": replace(PLAIN, white_balance=(0.97, 1.04), tone=0.3, saturation=1.15),
    "flat": replace(PLAIN, tone=-0.15, saturation=0.85),
    "vivid": replace(PLAIN, white_balance=(0.93, 1.1), tone=0.18, saturation=1.25, crosstalk=0.08),
}


def seen(light, look="plain", seed=0, noise=0.006):
    """Linear light (H, W, 3) as a camera encodes it."""
    session = replace(LOOKS[look], noise=noise)
    gains = np.array([session.white_balance[0], 1, session.white_balance[1]], np.float32) * session.exposure
    return take(
        (light * gains).astype(np.float32),
        np.eye(2, 3, dtype=np.float64),
        session,
        np.random.default_rng(seed),
    )


@cache
def chart_light(quarters=0, exposure=1.0):
    """A chart on grey, its light."""
    chart = draw_colour_chart(40) * np.float32(exposure)
    light = np.full((chart.shape[0] + 120, chart.shape[1] + 120, 3), 0.3, np.float32)
    light[60:-60, 60:-60] = chart
    return np.ascontiguousarray(np.rot90(light, quarters))


def chart_picture(look="plain", quarters=0, exposure=1.0):
    """A photograph (H, W, 3) uint8 of a chart by a camera."""
    return seen(chart_light(quarters, exposure), look)
