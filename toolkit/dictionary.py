"""What every column of the results means, in which unit, and between which bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from toolkit.records import SEVERITY_TOLD

_GRADE = ("grade", "0-9")
_SHARE = ("share", "0-1")
_OD = ("OD", "0 and up")
_SIGNED_OD = ("OD", "any")
_PER_CM2 = ("1/cm2", "0 and up")
_MM2 = ("mm2", "0 and up")
_TEXT = ("text", "")

_BECAME = {
    "gone": "were there at baseline and are not any more",
    "fainter": "are less dark than at baseline, beyond what two photos of the same spot differ by",
    "same": "are as they were, as far as two photos can tell",
    "darker": "are darker than at baseline, beyond that",
    "new": "were not there at baseline",
}

# Names of several sheets, then those of one.
_EVERYWHERE: dict[str, tuple[str, str, str]] = {
    "photo": ("the photo's file name; its path below the common folder where photos lie in several", *_TEXT),
    "region": ("the patch of skin, or side: all that the photo shows; left and right are the subject's own", "text", "forehead, left_cheek, right_cheek, chin, side"),
}  # fmt: skip
_SHEETS: dict[str, dict[str, tuple[str, str, str]]] = {
    "Grades": {
        "subject": ("who is on the photo, from its name; the file's stem where the name does not tell", *_TEXT),
        "side": ("side of the face, from the name, or as the picture shows it", "text", "left, right, both"),
        "visit": ("when it was taken, from its name", "text", "Baseline, Week 4, Day 28, ..."),
        "grade": ("mottled hyperpigmentation of all the skin that the photo shows, or, with --weights mmasi or equal, the weighted mean of the regions' grades; empty: could not be graded", *_GRADE),
        "grade_half_step": ("the grade to the nearest half step, as experts give it", "grade", "0-9, steps of 0.5"),
        "lower": ("lower end of the interval that holds the expert grade in the share of photos that Run names", *_GRADE),
        "upper": ("upper end of that interval", *_GRADE),
        "severity": ("the half-step grade in words, so 3.7, which rounds to 3.5, is mild", "text", SEVERITY_TOLD),
        "nearest_class": ("class of the mean grade of the references in Evidence, each weighed by 1 / distance, rounded to a half step: a second opinion by likeness alone, not how the grade is made, and now and then a grade or more away from it", "text", "classes of the model: 3.5 is that half step, <3 every grade under 3, >5 every grade over 5"),
        "forehead": ("grade of the forehead alone", *_GRADE),
        "left_cheek": ("grade of the subject's left cheek alone", *_GRADE),
        "right_cheek": ("grade of the subject's right cheek alone", *_GRADE),
        "chin": ("grade of the chin alone", *_GRADE),
        "explanation": ("why the grade of the whole side lies outside its regions' grades; empty where it does not", *_TEXT),
        "visible_cm2": ("area of the face that the photo shows: not painted out, hair, eyes and lips included where they show", "cm2", "0 and up"),
        "measured_cm2": ("area of the skin that was measured", "cm2", "0 and up"),
        "quality": ("what is wrong with the picture", "text", "ok, or: blurred, overexposed, underexposed, too few pixels, little skin, no skin, colour cast, face partly covered, one-sided light, head turned"),
        "note": ("what to know before the grade is used, or why there is none", *_TEXT),
    },
    "Change": {
        "baseline_photo": ("the photo that it is compared with: of the same subject and side, at the visit Baseline, or where there is none at the earliest", *_TEXT),
        "subject": ("who is on both, as in Grades", *_TEXT),
        "side": ("side of the face", "text", "left, right, both"),
        "visit": ("when the photo was taken", "text", "Week 4, Day 28, ..."),
        "baseline_visit": ("when the baseline photo was taken", "text", "Baseline, or the earliest visit"),
        "grade": ("grade of the photo, as in Grades", *_GRADE),
        "baseline_grade": ("grade of the baseline photo", *_GRADE),
        "grade_change": ("grade less the baseline's, both unrounded: negative is better", "grade", "-9 to 9"),
        "change_lower": ("lower end of the interval of grade_change, made for 90 % of changes of phantoms graded by the starter model: narrower than that of two grades apart, since the errors of one person's photos are alike", "grade", "-9 to 9"),
        "change_upper": ("upper end of that interval; where both ends lie on one side of 0, the change is more than the two photos' errors", "grade", "-9 to 9"),
        "common_cm2": ("area of the skin that both photos show and that was measured on both: pigment, spots and areas beside it are of this skin alone, grades of each whole photo", "cm2", "0 and up"),
        "registration": ("correlation of the skin's fine texture after the two were laid over each other: different people reach about 0.5, and a pair under 0.55 is not compared", "none", "-1 to 1"),
        "pigment_od": ("pigment that the network sees, mean over that skin", *_OD),
        "baseline_pigment_od": ("the same on the baseline photo", *_OD),
        "pigment_change_od": ("pigment_od less the baseline's: negative is less pigment", *_SIGNED_OD),
        "spot_darkness_change": ("by which share all spots together are darker against the skin around than at baseline: negative is paler; of the same pigment in two sessions its standard deviation was 0.08 (phantoms); empty: too few spots", "share", "-1 and up"),
        **{f"spots_{kind}": (f"number of spots that {told}", "number", "0 and up") for kind, told in _BECAME.items()},
        **{f"{kind}_cm2": (f"area of the spots that {told}", "cm2", "0 and up") for kind, told in _BECAME.items()},
        "note": ("why the two were not compared", *_TEXT),
    },
    "By visit": {
        "subject": ("who is on the photos, as in Grades", *_TEXT),
        "side": ("side of the face", "text", "left, right, both"),
        "baseline_visit": ("the visit that changes count from: Baseline, or where this side has none its earliest", *_TEXT),
    },
    "Colour": {
        "correction": ("what the photo's colours were corrected by before anything was measured: the photograph of a chart, a chart in the frame of the photo itself, or the match of a camera by toolkit match-cameras; empty: they are as they came", *_TEXT),
        "patches": ("patches of the chart that were used; the others were clipped, covered or uneven", "number", "14-24"),
        "error_before": ("mean colour difference of these patches from their reference, as the camera gave them", "CIEDE2000", "0 and up"),
        "error_after": ("the same after the correction; over 6 it fits badly", "CIEDE2000", "0 and up"),
        "note": ("what to know of the chart", *_TEXT),
    },
    "Contributions": {
        "figure": ("a column of Sides; usual_grade: what the others are added to; other_figures: all that are not listed; region_grade, with --weights: that of a region", *_TEXT),
        "value": ("its value on this side; empty: unknown, or no single figure", "of the figure", ""),
        "contribution": ("what it adds to the grade; the contributions of a photo add up to its grade", "grade", "-9 to 9"),
    },
    "Evidence": {
        "place": ("1 is the graded reference patch most like this one", "rank", "1-3"),
        "reference_photo": ("photo of that reference", *_TEXT),
        "reference_region": ("its region", "text", "as region"),
        "reference_grade": ("the expert grade of its photo", *_GRADE),
        "distance": ("distance of the two embeddings: the smaller, the more alike", "none", "0 and up"),
        "reference": ("number of the reference in the model", "number", "0 and up"),
    },
    "Inputs": {
        "bytes": ("size of the file", "bytes", "0 and up"),
        "sha256": ("SHA-256 of the file's bytes; empty: could not be read", "hexadecimal", "64 digits"),
    },
    "Run": {
        "item": ("what the row says: versions, the model, settings (section.name), counts, times", *_TEXT),
        "value": ("its value; sha256 identify files, seconds are of this run", *_TEXT),
    },
}  # fmt: skip
_SEVERITY = "how severe it looks to the network, x: 9 (1 - exp(-x)) is its grade on the phantoms' scale; the curve grades by it"
_PATCH: dict[str, tuple[str, str, str]] = {
    "grade": ("grade of this patch alone", *_GRADE),
    "ita_deg": ("individual typology angle of the median colour: skin tone, the larger the lighter", "degrees", "-90 to 90"),
    "lightness": ("L* of the median colour", "L*", "0-100"),
    "skin_fraction": ("share of the patch that is measurable skin", *_SHARE),
    "seed_area_fraction": ("share of skin over the threshold of an earlier study's redness map (for comparison)", *_SHARE),
    "seed_mean": ("mean of that map", "none", "0-1"),
    "melanin_index": ("median melanin of the skin", *_SIGNED_OD),
    "erythema_index": ("median redness of the skin", *_SIGNED_OD),
    "area_fraction": ("share of skin covered by pigmented spots", *_SHARE),
    "load": ("darkness that spots add, over all skin", *_OD),
    "melanin_load": ("melanin that spots add, over all skin", *_OD),
    "spots_per_cm2": ("number of spots", *_PER_CM2),
    "small_spots_per_cm2": ("number of spots under 7 mm2", *_PER_CM2),
    "large_spots_per_cm2": ("number of spots over 28 mm2", *_PER_CM2),
    "spot_melanin": ("mean melanin of the spots against the skin around", *_SIGNED_OD),
    "spot_darkness": ("mean darkness of the spots against the skin around", *_SIGNED_OD),
    "spot_darkness_p90": ("90th percentile of that darkness", *_SIGNED_OD),
    "spot_area_median": ("median area of a spot", *_MM2),
    "spot_area_p90": ("90th percentile of the spots' area", *_MM2),
    "spot_area_max": ("area of the largest spot", *_MM2),
    "moles_per_cm2": ("number of moles, which are not mottled pigment", *_PER_CM2),
    "mole_fraction": ("share of skin covered by moles", *_SHARE),
    "blood_fraction": ("share of skin darkened by blood, left out of the spots", *_SHARE),
    "shadow_fraction": ("share of skin in shadow, left out of the spots", *_SHARE),
    "erythema_p95": ("95th percentile of redness over its median", *_OD),
    "cells": ("share of an 8 x 8 grid's cells that hold spots", *_SHARE),
    "cell_entropy": ("evenness of the spots over those cells", "none", "0 (all in one) to 1"),
    "nearest_neighbour_index": ("spacing of the spots (Clark and Evans)", "none", "under 1 clustered, over 1 spaced out"),
    "solidity": ("area of the spots over that of their convex hulls", "none", "0-1, 1 round"),
    "border_gradient": ("slope of darkness along the spots' borders", "OD/mm", "0 and up"),
    "spot_colour_difference": ("mean colour difference (CIEDE2000) of spots and the skin around", "dE00", "0 and up"),
    "spot_colour_difference_p90": ("90th percentile of that difference", "dE00", "0 and up"),
    "root_melanin_darkness": ("mean of what is both brown and dark: root of melanin x darkness", *_OD),
    "root_melanin_darkness_p95": ("95th percentile of the same", *_OD),
    "stained_fraction": ("share of skin where it is over 0.04", *_SHARE),
    "melanin_sd": ("standard deviation of melanin", *_OD),
    "darkness_sd": ("standard deviation of darkness", *_OD),
    "melanin_mad": ("robust deviation (1.48 MAD) of melanin", *_OD),
    "darkness_mad": ("robust deviation (1.48 MAD) of darkness", *_OD),
    "darkness_p95": ("95th percentile of darkness", *_SIGNED_OD),
    "melanin_p95": ("95th percentile of melanin", *_SIGNED_OD),
    "flecks_fraction": ("share of skin paler than its surroundings by 2.5 robust deviations", *_SHARE),
    "over_z2_5": ("share of skin browner than its surroundings by 2.5 robust deviations", *_SHARE),
    "over_z4": ("the same by 4", *_SHARE),
    "over_z6": ("the same by 6", *_SHARE),
    "visibility": ("deviation of the darkness seen from afar, blurred by 2.5 mm", *_OD),
    "glcm_contrast": ("texture of the melanin map at 1 mm: contrast (Haralick)", "none", "0 and up"),
    "glcm_homogeneity": ("the same: homogeneity", "none", "0-1"),
    "glcm_correlation": ("the same: correlation", "none", "-1 to 1"),
    "lbp_entropy": ("variety of fine patterns of darkness (local binary patterns)", "bits", "0-3.3"),
    "net_load": ("pigment that the network sees, over all skin", *_OD),
    "net_root_load": ("its square root", "root of OD", "0 and up"),
    "net_area_fraction": ("share of skin with more than 0.05 of it", *_SHARE),
    "net_strong_fraction": ("share of skin with more than 0.12 of it", *_SHARE),
    "net_contrast": ("mean of what is over 0.05", *_OD),
    "net_p95": ("95th percentile of it", *_OD),
    "net_spots_per_cm2": ("number of spots of it, of at least 0.5 mm2", *_PER_CM2),
    "net_spot_area": ("their mean area", *_MM2),
    "expected_grade": ("mean grade of the references, weighted by squared similarity", *_GRADE),
    "neighbour_grade": ("mean grade of the nearest references", *_GRADE),
    "neighbour_spread": ("standard deviation of their grades", "grade", "0-4.5"),
    "neighbour_distance": ("their mean distance: large where nothing is alike", "none", "0 and up"),
    "embedding_score": ("the network's own grade of the patch", *_GRADE),
    "net_mean_root": ("mean of its root, in which faint spots count", "root of OD", "0 and up"),
    "net_mean_power": ("mean of it to the power 2/3", "OD^2/3", "0 and up"),
    "net_severity": (_SEVERITY, "none", "0 to 3.4"),
}  # fmt: skip
_SIDE: dict[str, tuple[str, str, str]] = {
    "grade": ("grade by the curve of net_severity alone", *_GRADE),
    "net_mean_root": ("mean of its root, in which faint spots count", "root of OD", "0 and up"),
    "net_core_power": ("mean of it to the power 2/3, without nose, eyelids and upper lip", "OD^2/3", "0 and up"),
    "net_visible": ("mean of what of it stands out of its surroundings, there", *_OD),
    "net_severity": (_SEVERITY, "none", "0 to 3.4"),
    "measured_cm2": ("area of the skin that was measured", "cm2", "0 and up"),
    "ita_deg": ("individual typology angle of the median colour: skin tone, the larger the lighter", "degrees", "-90 to 90"),
    "lightness": ("L* of the median colour", "L*", "0-100"),
    "cells": ("share of the side's cells of 10 mm that hold spots", *_SHARE),
    "net_mean": ("pigment that the network sees, over all skin", *_OD),
    "net_p95": ("95th percentile of it", *_OD),
    "net_p99": ("99th percentile of it", *_OD),
    "net_spots_per_cm2": ("number of spots of it, over 0.04 and of at least 0.5 mm2", *_PER_CM2),
    "net_cells": ("share of the side's cells of 10 mm that hold such spots", *_SHARE),
    "net_nearest_neighbour_index": ("spacing of such spots (Clark and Evans)", "none", "under 1 clustered, over 1 spaced out"),
    "embedding_score": ("the network's own grade, the mean of the patches'", *_GRADE),
}  # fmt: skip
_BANDS = {
    "melanin_band": ("strength of melanin detail of about {} mm", *_OD),
    "darkness_band": ("strength of darkness detail of about {} mm", *_OD),
    "melanin_darkness": ("strength of what melanin and darkness share at about {} mm", *_SIGNED_OD),
    "darkness_skew": ("skewness of darkness at about {} mm: positive for few dark spots on even skin", "none", "any"),
}  # fmt: skip
_SCALES = {"fine": "surroundings of 2 mm", "near": "surroundings of 4 mm", "wide": "surroundings of 12 mm"}


def describe(sheet: str, column: str) -> tuple[str, str, str]:
    """(meaning, unit, range) of a column; three empty texts for one that is not known."""
    found = _SHEETS.get(sheet, {}).get(column) or _EVERYWHERE.get(column)
    if sheet == "By visit" and not found:
        return _of_visit(column)
    if found or sheet not in ("Patches", "Sides"):
        return found or ("", "", "")
    if sheet == "Sides" and (told := _of_side(column)):
        return told
    if similar := re.fullmatch(r"similarity_(top(\d+)_)?(.+)", column):
        which = f"the {similar[2]} most similar" if similar[2] else "all"
        return (
            f"mean similarity to {which} references of class {similar[3]}",
            "none",
            "0-1; empty: no reference",
        )
    if band := re.fullmatch(r"(.+?)_(\d+(?:_\d+)?)mm", column):
        meaning, unit, bounds = _BANDS.get(band[1], ("", "", ""))
        return meaning.format(band[2].replace("_", ".")), unit, bounds
    if column in _PATCH:
        return _PATCH[column]
    name, _, scale = column.rpartition("_")
    if name not in _PATCH or scale not in _SCALES:
        return "", "", ""
    meaning, unit, bounds = _PATCH[name]
    return f"{meaning}; against {_SCALES[scale]}", unit, bounds


def _of_visit(column: str) -> tuple[str, str, str]:
    if column.startswith("change to "):
        return "grade at this visit less that at the baseline visit: negative is better", "grade", "-9 to 9"
    return "grade at this visit, the mean where it has several photos; empty: none could be graded", *_GRADE


def _of_side(column: str) -> tuple[str, str, str] | None:
    """What a column of the whole side means, where it is no patch's."""
    if column in _SIDE:
        return _SIDE[column]
    if share := re.fullmatch(r"net_share_(\d+)", column):
        return f"share of skin with more than {int(share[1]) / 1000:g} OD of predicted pigment", *_SHARE
    if spot := re.fullmatch(r"(net_)?spot_(area|peak)_p(\d+)", column):
        whose = "predicted spots" if spot[1] else "spots"
        what, unit = ("area", "mm2") if spot[2] == "area" else ("darkest OD", "OD")
        return f"{spot[3]}th percentile of the {what} of the {whose}", unit, "0 and up"
    if part := re.fullmatch(r"(\w+?)_(net_mean_root|root_melanin_darkness)", column):
        meaning, unit, bounds = _PATCH[part[2]]
        return f"{meaning}; on the {part[1]} alone, empty where it is not seen", unit, bounds
    return None


def dictionary_rows(columns: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """A row a column of each sheet; those of Run are always told."""
    everything = {**columns, "Run": ("item", "value")}
    return [
        {"sheet": sheet, "column": column}
        | dict(zip(("meaning", "unit", "range"), describe(sheet, column), strict=True))
        for sheet, names in everything.items()
        for column in names
    ]
