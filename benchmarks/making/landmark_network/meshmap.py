"""Face Mesh's 468 points carried onto points set by hand: few neighbours, shares that sum to one, ridge.

Every point set by hand is a weighted mean of the mesh points that lie nearest to it on the average, plus an
offset; fitted by ridge regression to people and their mirror images, so that the map is as symmetrical as
they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.making.landmark_network.handmade import Points

_NEIGHBOURS = 20
_RIDGE = 20.0  # in square pixels of the crop


def fit_map(mesh: NDArray[np.float64], wanted: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Shares (points, 468), offsets (points, 2): wanted (n, points, 2) = shares @ mesh + offsets."""
    count = wanted.shape[1]
    shares, offsets = np.zeros((count, mesh.shape[1])), np.zeros((count, 2))
    for point in range(count):
        away = np.linalg.norm(mesh - wanted[:, point : point + 1], axis=2).mean(axis=0)
        near = np.argsort(away)[:_NEIGHBOURS]
        base = mesh[:, near].mean(axis=1)
        left = (mesh[:, near] - base[:, None]).transpose(2, 0, 1).reshape(-1, _NEIGHBOURS)
        goal = (wanted[:, point] - base).T.ravel()
        axes = np.repeat(np.eye(2), len(mesh), axis=0)
        table = np.column_stack([left, axes])
        ridge = np.diag([_RIDGE] * _NEIGHBOURS + [1e-3, 1e-3])
        found = np.linalg.solve(table.T @ table + ridge, table.T @ goal)
        held = found[:_NEIGHBOURS]
        shares[point, near] = held + (1 - held.sum()) / _NEIGHBOURS
        offsets[point] = found[_NEIGHBOURS:]
    return shares, offsets


def apply_map(fitted: tuple[NDArray, NDArray], mesh: NDArray[np.float64]) -> Points:
    """(points, 2) of (468, 2)."""
    return fitted[0] @ mesh + fitted[1]


def mirrored_order(points: Sequence[Points]) -> NDArray[np.intp]:
    """Which point each becomes in a mirror, by its mean place in upright faces (n, points, 2) about x = 0."""
    mean = np.mean(points, axis=0)
    away = np.linalg.norm(mean[:, None] * [-1.0, 1.0] - mean[None], axis=2)
    return away.argmin(axis=1)
