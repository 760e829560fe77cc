"""The 24 patches of the ColorChecker Classic: what colours they have."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

COLUMNS, ROWS = 6, 4
GREYS = slice(18, 24)  # the last row, white to black

# CIE L*a*b* (D50, 2 degrees), row by row from dark skin: X-Rite's data for charts made since November 2014,
# https://www.xrite.com/service-support/new_color_specifications_for_colorchecker_sg_and_classic_charts. Those of
# earlier charts differ by about 1 CIEDE2000.
PATCH_LAB: Final = np.array(
    [
        *(
            (37.54, 14.37, 14.92),
            (64.66, 19.27, 17.50),
            (49.32, -3.82, -22.54),
        ),  # dark skin, light skin, blue sky
        *(
            (43.46, -12.74, 22.72),
            (54.94, 9.61, -24.79),
            (70.48, -32.26, -0.37),
        ),  # foliage, blue flower, bluish green
        *(
            (62.73, 35.83, 56.50),
            (39.43, 10.75, -45.17),
            (50.57, 48.64, 16.67),
        ),  # orange, purplish blue, moderate red
        *(
            (30.10, 22.54, -20.87),
            (71.77, -24.13, 58.19),
            (71.51, 18.24, 67.37),
        ),  # purple, yellow green, orange yellow
        *((28.37, 15.42, -49.80), (54.38, -39.72, 32.27), (42.43, 51.05, 28.62)),  # blue, green, red
        *((81.80, 2.67, 80.41), (50.63, 51.28, -14.12), (49.57, -29.71, -28.32)),  # yellow, magenta, cyan
        *((95.19, -1.03, 2.93), (81.29, -0.57, 0.44), (66.89, -0.75, -0.06)),  # white, neutral 8, neutral 6.5
        *((50.76, -0.13, 0.14), (35.63, -0.46, -0.48), (20.64, 0.07, -0.46)),  # neutral 5, neutral 3.5, black
    ]
)
_D50, _D65 = np.array([0.96422, 1.0, 0.82521]), np.array([0.95047, 1.0, 1.08883])
# Bradford's cone responses, in which the white is adapted (ICC.1:2010, annex E), and sRGB's primaries (IEC 61966-2-1).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def patch_light() -> NDArray[np.float64]:
    """Linear sRGB (24, 3) of the patches, 1 for a perfect white in the same light; cyan's red is under 0, beyond sRGB."""
    fy = (PATCH_LAB[:, 0] + 16) / 116
    f = np.column_stack([fy + PATCH_LAB[:, 1] / 500, fy, fy - PATCH_LAB[:, 2] / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _D50
    cones = (_BRADFORD @ _D65) / (_BRADFORD @ _D50)
    adapted = xyz @ (np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD).T
    return adapted @ np.linalg.inv(_RGB_TO_XYZ).T


def lab_of_light(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE L*a*b* (D65) (..., 3) of linear sRGB, for colour differences."""
    f = np.maximum(light, 0) @ _RGB_TO_XYZ.T / _D65
    f = np.where(f > (6 / 29) ** 3, np.cbrt(f), f / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
