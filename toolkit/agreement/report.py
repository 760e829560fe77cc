"""Agreement as aligned plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from toolkit.agreement.compare import ChangeAgreement, GroupAgreement, PairAgreement
from toolkit.agreement.ratings import Ratings
from toolkit.agreement.reliability import Estimate
from toolkit.agreement.resample import RESAMPLES
from toolkit.agreement.sheets import trivial_figures
from toolkit.outputs import counted
from toolkit.texttable import aligned

TITLES = {
    "icc_2_1": "ICC(2,1)",
    "icc_3_1": "ICC(3,1)",
    "kappa": "kappa",
    "spearman": "Spearman",
    "rmse": "RMSE",
    "mae": "MAE",
    "bias": "bias",
    "within_half": "within 0.5",
    "within_one": "within 1.0",
    "loa_lower": "limit of agreement, low",
    "loa_upper": "limit of agreement, high",
}
_SHARES = ("within_half", "within_one")
_SIGNED = ("bias", "drift", "loa_lower", "loa_upper", "mean_first", "mean_second")
_FEW_SUBJECTS = 20
_NAMED = 3


def report(
    ratings: Ratings,
    group: GroupAgreement,
    pairs: Sequence[PairAgreement],
    changes: Sequence[ChangeAgreement],
    *,
    graders: Sequence[str] = (),
    resamples: int = RESAMPLES,
    weights: str = "quadratic",
) -> str:
    """The whole account: who graded what, each pair beside trivial answers, all graders, the lines of how each of the
    ``graders`` grades, changes."""
    parts = [_who(ratings), *(_pair(pair, weights) for pair in pairs), _group(group)]
    parts += ["\n".join(graders)] if graders else []
    if changes:
        parts.append(_changes(changes))
    parts.append(_how(pairs, resamples))
    return "\n\n".join(parts)


def _who(ratings: Ratings) -> str:
    given = ratings.entries >= 0
    lines = ["Graders"]
    width = max(map(len, ratings.graders))
    for i, (name, table) in enumerate(zip(ratings.graders, ratings.tables, strict=True)):
        blank = f", {counted(len(table.blank_rows), 'row')} without a grade" if table.blank_rows else ""
        by = " by toolkit grade" if table.own_results else ""
        photos = counted(int(given[:, i].sum()), "photo")
        lines.append(f"  {name:<{width}}  {photos} graded{by} in {table.source.name}{blank}")
    partly = [ratings.photos[i] for i in np.flatnonzero(~given.all(axis=1))]
    if partly:
        more = f" and {len(partly) - _NAMED} more" if len(partly) > _NAMED else ""
        lines.append(
            f"  not graded by all: {counted(len(partly), 'photo')}: {'; '.join(partly[:_NAMED])}{more}"
        )
    return "\n".join(lines + [f"  note: {note}" for note in ratings.notes])


def _pair(pair: PairAgreement, weights: str) -> str:
    heading = f"{pair.second} against {pair.first}"
    if not pair.photos:
        return f"{heading}: no photo is graded by both"
    rows: list[tuple[str, ...]] = [
        ("", "value", "95 % interval", "interval by F", "always the mean", "always the commonest")
    ]
    trivial = [trivial_figures(scores) for scores in pair.trivial.values()]
    for name, title in {**TITLES, "kappa": f"kappa, {weights} weights"}.items():
        estimate = pair.estimates[name]
        by_f = interval(name, pair.icc_by_f[name]) if name in pair.icc_by_f else ""
        constant = [figure(name, figures[name]) if name in figures else "" for figures in trivial]
        rows.append((title, figure(name, estimate.value), interval(name, estimate), by_f, *constant))
    lines = [f"{heading}: {_of_subjects(pair)}", *_aligned(rows)]
    if pair.verdict:
        lines.append(f"  ICC(2,1), by the bounds of its intervals: {pair.verdict} agreement")
    if pair.estimates["rmse"].value == 0:
        lines.append("  every grade is the same: is one a copy of the other?")
    return "\n".join(lines)


def _of_subjects(compared: PairAgreement | GroupAgreement) -> str:
    return f"{counted(compared.photos, 'photo')} of {counted(compared.subjects, 'subject')}"


def _group(group: GroupAgreement) -> str:
    who = "Both graders" if group.graders == 2 else f"All {group.graders} graders"
    lines = [f"{who}: {_of_subjects(group)} graded by all"]
    rows = [("", "value", "95 % interval", "interval by F")]
    for name, estimate in group.estimates.items() if group.graders > 2 else ():  # two are a pair, told above
        by_f = interval(name, group.icc_by_f[name])
        rows.append((TITLES[name], figure(name, estimate.value), interval(name, estimate), by_f))
    alpha = (figure("alpha", group.alpha.value), interval("alpha", group.alpha), "")
    rows.append((f"Krippendorff's alpha ({counted(group.alpha_photos, 'photo')})", *alpha))
    rows.append(("the same, ordinal", figure("alpha", group.alpha_ordinal), "", ""))
    if (error := group.error) is not None:
        for who, sem, change in (
            ("bias between graders counted", error.agreement, error.detectable_agreement),
            ("bias set aside", error.consistency, error.detectable_consistency),
        ):
            rows.append((f"SEM, {who}", figure("sem", sem), "", ""))
            rows.append((f"minimal detectable change, {who}", figure("sem", change), "", ""))
    lines += _aligned(rows)
    if group.verdict and group.graders > 2:
        lines.append(f"  ICC(2,1), by the bounds of its intervals: {group.verdict} agreement")
    return "\n".join(lines)


def _changes(changes: Iterable[ChangeAgreement]) -> str:
    found = list(changes)
    rows: list[tuple[str, ...]] = [
        ("", "n", "subjects", "RMSE", "95 % interval", "bias", "95 % interval", "Spearman", "95 % interval")
    ]
    for change in found:
        cells = [
            text
            for name in ("rmse", "bias", "spearman")
            for text in (figure(name, change.estimates[name].value), interval(name, change.estimates[name]))
        ]
        rows.append(
            (f"{change.second} against {change.first}", str(change.changes), str(change.subjects), *cells)
        )
        for name, rmse in change.trivial.items():
            rows.append(
                (f"  {name}", str(change.changes), str(change.subjects), figure("rmse", rmse), *[""] * 5)
            )
    told = [f"  {change.no_better}" for change in found if change.no_better]
    return "\n".join([f"Change from {found[0].baseline}, a subject and side", *_aligned(rows), *told])


def _how(pairs: Sequence[PairAgreement], resamples: int) -> str:
    lines = [
        f"Intervals: {resamples} resamples of subjects, for these graders. Those by F treat photos as independent,",
        "and in ICC(2,1) speak of any graders of whom these are a sample: wide where few graders differ by a bias.",
        "B against A: differences are B - A. 'always': what A's own mean or commonest grade would score as the",
        "answer for every photo. Limits of agreement allow for several photos a subject. Words: Koo and Li 2016.",
    ]
    fewest = min((pair.subjects for pair in pairs if pair.photos), default=0)
    if fewest == 1:
        lines.append(
            "One subject: how much subjects differ is not known, so there are no resampled intervals."
        )
    elif 1 < fewest < _FEW_SUBJECTS:
        lines.append(
            f"With {fewest} subjects, fewer than {_FEW_SUBJECTS}, the resampled intervals are too narrow."
        )
    return "\n".join(lines)


def figure(name: str, value: float | None) -> str:
    """A figure as text, by what it is: a share in per cent, a difference with its sign; "-" for None."""
    if value is None:
        return "-"
    if name in _SHARES:
        return f"{value:.0%}"
    text = f"{value:+.2f}" if name in _SIGNED else f"{value:.2f}"
    return {"-0.00": "0.00", "+0.00": "0.00"}.get(text, text)


def interval(name: str, estimate: Estimate) -> str:
    """Its interval, as ``figure``."""
    if estimate.lower is None or estimate.upper is None:
        return "-"
    return f"{figure(name, estimate.lower)} to {figure(name, estimate.upper)}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"  {line}".rstrip() for line in aligned(rows)]
