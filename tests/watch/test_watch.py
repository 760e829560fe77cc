"""A run of the same kind as the training study is not called unlike it, others are, and in words that say how."""

import json

import numpy as np
import pytest

from toolkit.records import PhotoFacts, PhotoGrade, Quality
from toolkit.watch import FIGURES, StudyFigures, Watched, compare, told, watch_rows
from toolkit.watch.figures import KEPT, without_distances
from toolkit.workbook import write_results

NAMES = [figure.name for figure in FIGURES]
# What photographs of one study are like: middle, SD between subjects, SD within.
USUAL = {
    "ita_deg": (40, 12, 2), "px_per_mm": (7, 0.8, 0.4), "blur": (0.4, 0.03, 0.02), "red_green": (0.3, 0.06, 0.02),
    "blue_green": (-0.2, 0.05, 0.02), "reference_distance": (2.5, 0.3, 0.2), "grade": (3.5, 1.0, 0.3),
}  # fmt: skip


def a_study(seed, subjects, photos=2, shift=None, wider=None):
    """Figures of so many subjects; ``shift`` adds to a figure, in SDs between subjects, ``wider`` spreads one."""
    rng = np.random.default_rng(seed)
    own, within = rng.standard_normal((subjects, 7)), rng.standard_normal((subjects * photos, 7))
    middle, between, inside = np.array([USUAL[name] for name in NAMES]).T
    scale = np.array([(wider or {}).get(name, 1) for name in NAMES])
    moved = np.array([(shift or {}).get(name, 0) for name in NAMES])
    values = middle + np.repeat(own, photos, axis=0) * between * scale + moved * between + within * inside
    return StudyFigures(np.repeat(np.arange(subjects), photos).astype(str), values)


def unlike(run, study):
    return [one.figure.name for one in compare(run, study).unlike]


def test_runs_of_the_same_kind_are_not_called_unlike():
    flagged = [
        bool(unlike(a_study(1000 + number, (2, 5, 12, 40)[number % 4]), a_study(number, 36)))
        for number in range(60)
    ]
    assert sum(flagged) <= 4  # one in a hundred is meant


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_run_that_differs_in_one_figure_is_called_so(name, sign):
    found = compare(a_study(3, 12, shift={name: 3 * sign}), a_study(4, 36))
    assert [one.figure.name for one in found.unlike] == [name]
    figure = FIGURES[NAMES.index(name)]
    assert told(found).startswith(
        "Photographs unlike the training study (12 subjects here, 36 in that study): "
    )
    assert (figure.more if sign > 0 else figure.less) in told(found)


def test_the_line_says_what_differs_and_by_how_much():
    study = StudyFigures(np.arange(40).astype(str), a_study(5, 40, photos=1).values)
    study.values[:, 1] = np.linspace(3.2, 7.4, 40)
    run = a_study(6, 15, photos=1)
    run.values[:, 1] = np.linspace(9.0, 9.2, 15)
    assert told(compare(run, study)) == (
        "Photographs unlike the training study (15 subjects here, 40 in that study): photographs have more pixels per mm "
        "(9.1 px/mm, there 3.4 to 7.2)"
    )


def test_a_wider_or_narrower_spread_is_no_shift():
    line = told(compare(a_study(7, 60, wider={"grade": 3}), a_study(8, 60)))
    assert "automatic grade varies more" in line and "higher" not in line and "lower" not in line
    assert "varies less" in told(compare(a_study(9, 60), a_study(10, 60, wider={"ita_deg": 3})))


def test_few_people_are_not_called_alike():
    few, many = (told(compare(a_study(11, subjects), a_study(12, 36))) for subjects in (3, 20))
    assert few.startswith(
        "No difference from the training study found (3 subjects here, 36 in that study; of so few"
    )
    assert many.startswith(
        "Photographs like the training study (20 subjects here, 36 in that study) in skin tone"
    )


def test_many_photographs_of_few_people_are_few():
    """Two people with a hundred photographs each are two people, however sure their photographs make it."""
    pairs = [(a_study(100 + number, 2, photos=100), a_study(number, 30)) for number in range(8)]
    assert sum(bool(unlike(run, study)) for run, study in pairs) <= 1
    alone = [StudyFigures(np.arange(200).astype(str), run.values) for run, _ in pairs]
    assert sum(bool(unlike(run, study)) for run, (_, study) in zip(alone, pairs, strict=True)) > 6


def test_a_difference_too_small_to_matter_is_not_called_one():
    found = compare(a_study(12, 800, photos=1, shift={"grade": 0.25}), a_study(13, 800, photos=1))
    grade = found.lines[NAMES.index("grade")]
    assert grade.p <= 0.01 and grade.distance < 0.2 and not grade.unlike


def test_the_same_figures_give_the_same_answer():
    one, other = (compare(a_study(14, 9), a_study(15, 25)) for _ in range(2))
    assert one == other


def test_what_cannot_be_compared_is_said():
    run = a_study(16, 5)
    assert "keeps no figures of its training photographs" in told(compare(run, None))
    assert "1 beside 20 subjects are too few to tell" in told(compare(a_study(17, 1), a_study(18, 20)))
    nothing = StudyFigures.of([], [], tones=[], distances=[], grades=[])
    assert "no photograph was measured" in told(compare(nothing, run))
    assert watch_rows(compare(run, None)) == []


def test_a_model_keeps_the_figures_without_names():
    study = a_study(19, 4)
    study.values[:, 2] = np.nan  # known of no photograph
    study.values[0, 0] = np.nan
    people = np.array([f"P{n}" for n in study.subjects])
    card = json.loads(json.dumps({KEPT: StudyFigures(people, study.values).card()}))
    assert "blur" not in card[KEPT] and card[KEPT]["ita_deg"][0] is None and "P0" not in json.dumps(card)
    again = StudyFigures.of_card(card)
    assert np.allclose(again.values, study.values, rtol=1e-4, equal_nan=True)
    assert again.known.tolist() == [name != "blur" for name in NAMES]
    assert [one.figure.name for one in compare(a_study(20, 9), again).lines] == [
        n for n in NAMES if n != "blur"
    ]
    assert StudyFigures.of_card({}) is None
    assert without_distances(card).keys() == card[KEPT].keys() - {"reference_distance"}


def test_figures_are_of_the_photographs_that_have_them_all():
    quality = Quality(0.4, 0, 0, 120, 7.0, 0.8, 1.0, (0.3, -0.2))
    made = StudyFigures.of(["a", "b"], [quality, None], tones=[40, 41], distances=[2.0, 2.1], grades=[3, 4])
    assert made.values[0].tolist() == [40, 7.0, 0.4, 0.3, -0.2, 2.0, 3]
    assert np.isnan(made.values[1]).tolist() == [False, True, True, True, True, False, False]
    assert made.with_all(made.known).subjects.tolist() == ["a"]
    with pytest.raises(ValueError, match="values must be"):
        StudyFigures(np.array(["a"]), np.zeros((1, 3)))


def test_the_workbook_has_a_section(tmp_path):
    import openpyxl

    found = compare(a_study(21, 12, shift={"px_per_mm": 3}), a_study(22, 36))
    grades = [PhotoGrade("a.jpg", PhotoFacts("a"), 3.0, 2.0, 4.0, quality="ok")]
    write_results(tmp_path / "g.xlsx", grades, {}, {}, watched=found)
    sheet = openpyxl.load_workbook(tmp_path / "g.xlsx")["Summary"]
    column = [cell.value for cell in sheet["A"]]
    start = column.index("Beside the training study")
    assert column[start + 1] == told(found) and "may not hold" in column[start + 2]
    scale = next(row for row in sheet.iter_rows(min_row=start) if row[0].value == "scale, px/mm")
    assert scale[0].fill.fgColor.rgb.endswith("FFF2CC")
    tone = next(row for row in sheet.iter_rows(min_row=start) if row[0].value == "skin tone (ITA), degrees")
    assert tone[0].fill.fgColor.rgb in ("00000000", None)
    write_results(tmp_path / "n.xlsx", grades, {}, {}, watched=Watched(reason="of a reason"))
    column = [cell.value for cell in openpyxl.load_workbook(tmp_path / "n.xlsx")["Summary"]["A"]]
    assert "Not compared with the training study: of a reason" in column
