"""What is printed of the charts."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.changed import VERSIONS
from benchmarks.people import BROAD_TONES

Rows = list[dict[str, Any]]


def show_coverage(rows: Rows) -> None:
    """Shares by kind of face, style and tone, and why skin is left out."""
    for kind in ("drawn", "painted"):
        for style in ("masked", "unmasked"):
            mine = [row for row in rows if row["kind"] == kind and row["style"] == style]
            for tone in ("all", *BROAD_TONES):
                some = [row for row in mine if tone in ("all", row["tone"])]
                if some:
                    print(f"{kind:8}{style:9}{tone:22} n {len(some):3}  {coverage_text(some)}")
            shaven = [row["measured"] for row in mine if row["left out: beard"] < 0.02]
            if shaven:
                low = np.percentile(shaven, 10)
                print(f"    without a beard: n {len(shaven)}, median {np.median(shaven):.3f}, 10 % {low:.3f}")
            if mine:
                reasons = means_of(mine, "left out")
                print(
                    "    "
                    + "; ".join(f"{name} {share:.3f}" for name, share in reasons.items() if share > 5e-4)
                )


def coverage_text(rows: Rows) -> str:
    """What is measured and of what, means over photographs where nothing else is said."""
    mean = means_of(rows, "")
    share = [row["measured"] for row in rows]
    wrong = ", ".join(f"{name}: {value:.4f}" for name, value in means_of(rows, "of measured").items())
    return (
        f"measured: median {np.median(share):.3f}, 10 % {np.percentile(share, 10):.3f} "
        f"(lids apart {np.median([row['measured, lids apart'] for row in rows]):.3f}); "
        f"pigment: {mean['pigment in all skin']:.3f} of the skin, {mean['pigment in what is left out']:.3f} "
        f"of what is left out, measured {mean['pigment that is measured']:.3f}; {wrong}"
    )


def means_of(rows: Rows, start: str) -> dict[str, float]:
    """The means of the figures whose names start so."""
    names = [name for name, value in rows[0].items() if name.startswith(start) and isinstance(value, float)]
    return {name: float(np.mean([row[name] for row in rows])) for name in names}


def show_overlaps(rows: Rows) -> None:
    """How much of the mask is the same on a changed photograph."""
    for style in ("masked", "unmasked"):
        for name in VERSIONS:
            mine = [r["overlap"][name] for r in rows if r["style"] == style and "overlap" in r]
            if mine:
                low = np.percentile(mine, 10)
                print(f"IoU {style:9}{name:8} median {np.median(mine):.3f}, 10 % {low:.3f}, n {len(mine)}")


def show_hair(rows: Rows) -> None:
    """Whoever has no beard in plain must not get one by freckles; whoever has one keeps it."""
    for label, chosen in (("no beard", False), ("beard or stubble", True)):
        mine = [row for row in rows if (row["plain, quality 92"] > 0.05) == chosen]
        if mine:
            values = {name: [row[name] for row in mine] for name in mine[0] if name != "person"}
            shares = "; ".join(
                f"{name} {np.nanmedian(one):.3f}, {np.nanpercentile(one, 90):.3f}"
                for name, one in values.items()
            )
            print(
                f"{label}: {len(mine)} people; "
                f"share of the lower face left out as hair (median, 90 %): {shares}"
            )


def show_objects(rows: Rows) -> None:
    """How much of each object is taken for skin."""
    for name in rows[0] if rows else ():
        share = [row[name] for row in rows]
        high = np.nanpercentile(share, 90)
        print(f"measured of {name:24} mean {np.nanmean(share):.3f}, 90 % {high:.3f}, n {len(share)}")


def show_hairlines(rows: Rows) -> None:
    """What lies beyond hairlines set by hand, and what is lost of foreheads."""
    for name in rows[0] if rows else ():
        share = [row[name] for row in rows]
        print(
            f"{name:34} mean {np.mean(share):.4f}, median {np.median(share):.4f}, "
            f"90 % {np.percentile(share, 90):.3f}, n {len(share)}"
        )
