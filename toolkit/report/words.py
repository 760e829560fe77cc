"""Figures in plain words: what moved a grade, against what is usual among a model's references."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.reasons import OTHERS, REGION_GRADE, USUAL

REGION_NAMES: Mapping[str, str] = {
    "forehead": "forehead",
    "left_cheek": "left cheek",
    "right_cheek": "right cheek",
    "chin": "chin",
    "side": "whole side",
}
_LITTLE = 0.1  # standard deviations from the usual: less is told as slightly

# (what it is called above the usual, below it, noun)
_MORE, _FEWER, _HIGHER = ("more", "less"), ("more", "fewer"), ("higher", "lower")
_LARGER, _DARKER, _BROWNER = ("larger", "smaller"), ("darker", "paler"), ("browner", "less brown")
_UNEVEN, _STRONGER = ("more uneven", "more even"), ("stronger", "weaker")
_FIGURES: dict[str, tuple[tuple[str, str], str]] = {
    "ita_deg": (("lighter", "darker"), "skin tone"),
    "lightness": (("lighter", "darker"), "skin"),
    "skin_fraction": (_MORE, "measurable skin"),
    "seed_area_fraction": (_MORE, "skin over the earlier study's redness threshold"),
    "seed_mean": (_HIGHER, "values on the earlier study's redness map"),
    "melanin_index": (_MORE, "melanin in the skin as a whole"),
    "erythema_index": (("redder", "less red"), "skin as a whole"),
    "area_fraction": (_MORE, "pigmented area"),
    "load": (_MORE, "darkness from spots"),
    "melanin_load": (_MORE, "melanin in spots"),
    "spots_per_cm2": (_FEWER, "spots"),
    "small_spots_per_cm2": (_FEWER, "small spots"),
    "large_spots_per_cm2": (_FEWER, "large spots"),
    "spot_melanin": (_BROWNER, "spots"),
    "spot_darkness": (_DARKER, "spots"),
    "spot_darkness_p90": (_DARKER, "strongest spots"),
    "spot_area_median": (_LARGER, "typical spots"),
    "spot_area_p90": (_LARGER, "big spots"),
    "spot_area_max": (_LARGER, "largest spot"),
    "moles_per_cm2": (_FEWER, "moles"),
    "mole_fraction": (_MORE, "skin covered by moles"),
    "blood_fraction": (_MORE, "skin darkened by blood"),
    "shadow_fraction": (_MORE, "skin in shadow"),
    "erythema_p95": (_STRONGER, "red areas"),
    "cells": (("wider", "narrower"), "spread of spots"),
    "cell_entropy": (("more even", "less even"), "spread of spots"),
    "nearest_neighbour_index": (("more regularly spaced", "more clustered"), "spots"),
    "solidity": (("rounder", "more irregular"), "spots"),
    "border_gradient": (("sharper", "softer"), "borders of spots"),
    "spot_colour_difference": (_STRONGER, "colour contrast of spots"),
    "spot_colour_difference_p90": (_STRONGER, "colour contrast of the strongest spots"),
    "root_melanin_darkness": (_MORE, "skin that is both brown and dark"),
    "root_melanin_darkness_p95": (_STRONGER, "patches that are both brown and dark"),
    "stained_fraction": (_MORE, "stained skin"),
    "melanin_sd": (_UNEVEN, "melanin"),
    "darkness_sd": (_UNEVEN, "darkness"),
    "melanin_mad": (_UNEVEN, "melanin of the plain skin"),
    "darkness_mad": (_UNEVEN, "darkness of the plain skin"),
    "darkness_p95": (_DARKER, "darkest skin"),
    "melanin_p95": (_BROWNER, "brownest skin"),
    "flecks_fraction": (_MORE, "area of pale flecks"),
    "over_z2_5": (_MORE, "skin browner than its surroundings"),
    "over_z4": (_MORE, "skin clearly browner than its surroundings"),
    "over_z6": (_MORE, "skin far browner than its surroundings"),
    "visibility": (_STRONGER, "mottling seen from afar"),
    "glcm_contrast": (_STRONGER, "contrast in the melanin's texture"),
    "glcm_homogeneity": (_UNEVEN[::-1], "melanin texture"),
    "glcm_correlation": (("smoother", "grainier"), "melanin texture"),
    "lbp_entropy": (_MORE, "variety of fine patterns"),
    "net_load": (_MORE, "pigment seen by the network"),
    "net_root_load": (_MORE, "pigment seen by the network (root)"),
    "net_area_fraction": (_MORE, "area that the network sees pigmented"),
    "net_strong_fraction": (_MORE, "area that the network sees strongly pigmented"),
    "net_contrast": (_STRONGER, "contrast of the pigment seen by the network"),
    "net_p95": (_STRONGER, "strongest pigment seen by the network"),
    "net_spots_per_cm2": (_FEWER, "spots seen by the network"),
    "net_spot_area": (_LARGER, "spots seen by the network"),
    "expected_grade": (_HIGHER, "grades of similar references"),
    "neighbour_grade": (_HIGHER, "grades of the nearest references"),
    "neighbour_spread": (("wider", "narrower"), "spread of the nearest references' grades"),
    "neighbour_distance": (("longer", "shorter"), "distance to the nearest references"),
    "embedding_score": (_HIGHER, "grade by the network alone"),
    "net_mean": (_MORE, "pigment seen by the network"),
    "net_mean_root": (_MORE, "pigment seen by the network, faint spots included"),
    "net_mean_power": (_MORE, "pigment seen by the network, faint spots included"),
    "net_severity": (("more severe", "milder"), "pigment as the network sees it"),
    "net_visible": (_MORE, "pigment seen by the network that stands out of its surroundings"),
    "net_core_power": (_MORE, "pigment seen by the network, without nose, eyelids and upper lip"),
    "net_p99": (_STRONGER, "strongest pigment seen by the network"),
    "net_cells": (_MORE, "spread of the spots seen by the network"),
    "net_nearest_neighbour_index": (("more evenly spaced", "more clustered"), "spots seen by the network"),
    "measured_cm2": (_MORE, "measured skin"),
}
_BANDS: dict[str, tuple[tuple[str, str], str]] = {
    "melanin_band": (_STRONGER, "melanin detail"),
    "darkness_band": (_STRONGER, "dark detail"),
    "melanin_darkness": (_STRONGER, "detail both brown and dark"),
    "darkness_skew": (("more lopsided", "less lopsided"), "dark detail"),
}
_SCALES = {"fine": "within 2 mm", "near": "within 4 mm", "wide": "within 12 mm"}


@dataclass(frozen=True)
class Usual:
    """What is usual for a figure: its centre and its standard deviation among the references."""

    centre: float
    spread: float


def in_words(
    figure: str, region: str, value: float | None, contribution: float, *, usual: Usual | None
) -> tuple[str, str]:
    """(a line in plain words, the figures behind it) for one contribution to a grade.

    ``figure`` is a column of the workbook's Sides, or one of ``toolkit.reasons``; ``usual`` None where it is not
    known: then more of it is taken to raise the grade.
    """
    where = REGION_NAMES.get(region, region)
    if figure == USUAL:
        return "the usual grade, to which the others are added", ""
    if figure == OTHERS:
        return "all other figures together", ""
    if figure == REGION_GRADE:
        return f"the grade of the {where}, by its weight", f"grade {_number(value)}"
    if similar := re.fullmatch(r"similarity_(top\d+_)?(.+)", figure):
        which = f"the {similar[1][3:-1]} nearest" if similar[1] else "all"
        pair, noun = ("closer", "less close"), f"likeness to {which} references graded {_class(similar[2])}"
        scale = ""
    else:
        pair, noun, scale = _phrase(figure)
    deviation = contribution if usual is None else _deviation(value, usual)
    behind = [f"{figure} {_number(value)}"]
    if usual is not None:
        behind.append(f"usually {_number(usual.centre)}")
    behind += [scale] if scale else []
    article = "over the" if region == "side" else "on the"
    if value is None or deviation is None:
        return f"no {noun} to measure {article} {where}", "; ".join(behind)
    if usual is not None and not deviation:
        return f"{noun} {article} {where} as usual", "; ".join(behind)
    # Never "as usual" of what is not quite: it may move the grade by a tenth or two all the same.
    little = "slightly " if usual is not None and abs(deviation) < _LITTLE else ""
    word = pair[0] if deviation > 0 else pair[1]
    return f"{little}{word} {noun} {article} {where} than usual", "; ".join(behind)


def _phrase(figure: str) -> tuple[tuple[str, str], str, str]:
    """Both comparatives, the noun, and the scale at which a figure is measured, where it has one."""
    if band := re.fullmatch(r"(.+?)_(\d+(?:_\d+)?)mm", figure):
        pair, noun = _BANDS.get(band[1], (_HIGHER, band[1].replace("_", " ")))
        return pair, f"{noun} of about {band[2].replace('_', '.')} mm", ""
    if figure in _FIGURES:
        return (*_FIGURES[figure], "")
    if told := _of_side(figure):
        return (*told, "")
    name, _, scale = figure.rpartition("_")
    if scale in _SCALES and name in _FIGURES:
        return (*_FIGURES[name], f"against the skin {_SCALES[scale]}")
    return _HIGHER, figure.replace("_", " "), ""


def _of_side(figure: str) -> tuple[tuple[str, str], str] | None:
    """Both comparatives and the noun of a figure that is measured on whole sides alone."""
    if share := re.fullmatch(r"net_share_(\d+)", figure):
        return _MORE, f"area with over {int(share[1]) / 1000:g} OD of pigment"
    if spot := re.fullmatch(r"(net_)?spot_(area|peak)_p(\d+)", figure):
        which = {"10": "smallest", "50": "typical", "90": "largest"}.get(spot[3], f"{spot[3]} %")
        by = " seen by the network" if spot[1] else ""
        if spot[2] == "peak":
            which = {"10": "faintest", "50": "typical", "90": "darkest"}.get(spot[3], which)
        return (_LARGER if spot[2] == "area" else _DARKER), f"{which} spots{by}"
    if part := re.fullmatch(r"(\w+?)_(net_mean_root|root_melanin_darkness)", figure):
        return (*_FIGURES[part[2]][:1], f"{_FIGURES[part[2]][1]} on the {part[1]}")
    return None


def is_known(figure: str) -> bool:
    """Whether there are words of its own for a figure."""
    if figure in _FIGURES or figure in (USUAL, OTHERS, REGION_GRADE) or figure.startswith("similarity_"):
        return True
    if _of_side(figure):
        return True
    band = re.fullmatch(r"(.+?)_(\d+(?:_\d+)?)mm", figure)
    name, _, scale = figure.rpartition("_")
    return bool(band and band[1] in _BANDS) or (scale in _SCALES and name in _FIGURES)


def _class(label: str) -> str:
    return (
        f"under {label[1:]}"
        if label.startswith("<")
        else f"over {label[1:]}"
        if label.startswith(">")
        else label
    )


def _deviation(value: float | None, usual: Usual) -> float | None:
    return None if value is None else (value - usual.centre) / max(usual.spread, 1e-12)


def _number(value: float | None) -> str:
    """About three digits."""
    if value is None:
        return "unknown"
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "unknown"
    return (
        f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
        if abs(value) >= 1e-4
        else f"{value:.1e}"
    )
