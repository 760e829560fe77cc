from dataclasses import replace

import numpy as np
import pytest
from made_up_study import a_patch, spots_make_the_grade, study, visible

from toolkit.errors import ModelError, ToolkitError
from toolkit.model import check_model_target
from toolkit.phantom import write_study
from toolkit.pipeline import OUT_OF_RANGE, Grader, prepare
from toolkit.prepared import Prepared
from toolkit.reasons import mean_of_evidence
from toolkit.records import Evidence, FacePatches, half_step


def test_a_folder_of_other_files_is_refused_before_training(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ModelError, match="not a model folder"):
        check_model_target(tmp_path)
    check_model_target(tmp_path / "new")


def test_phantoms_below_a_file_are_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ToolkitError, match="cannot be written"):
        write_study(tmp_path / "file" / "study", 1, 1, "half", seed=0)


# --- the outcome of a photo ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return visible().trained.model


@pytest.fixture(scope="module")
def new():
    """Photos of subjects that are not among the references."""
    return study(spots_make_the_grade, subjects=5, visits=2, seed=9, first=200)


@pytest.fixture(scope="module")
def graded(model, new):
    return list(Grader(model, "equal").grade(new.prepared))


def test_reasons_are_the_strongest_first_and_add_up_to_the_grade(model, new):
    for result in Grader(model).grade(new.prepared):
        usual, *told = result.contributions
        assert usual.figure == "usual_grade" and usual.value is None
        assert sum(one.contribution for one in result.contributions) == pytest.approx(
            result.grade.grade, abs=1e-6 if len(told) > 8 else 0.06
        )
        figures = [one for one in told if one.figure != "other_figures"]
        sizes = [abs(one.contribution) for one in figures]
        assert len(figures) <= 8 and sizes == sorted(sizes, reverse=True) and sizes[0] > 0.01
        assert min(sizes) >= 0.005  # what would be printed as 0.00 is no reason
        side = result.figures[-1]
        assert side.region == "side"
        for one in figures:
            assert one.region == "side" and one.value == side.values[one.figure]


@pytest.mark.parametrize("scheme, shares", [("equal", (0.5, 0.5)), ("mmasi", (0.75, 0.25))])
def test_other_weights_give_the_mean_of_the_regions(model, new, scheme, shares):
    for result in Grader(model, scheme).grade(new.prepared):
        regions = result.grade.regions
        wanted = shares[0] * regions["left_cheek"] + shares[1] * regions["chin"]
        assert result.grade.grade == pytest.approx(wanted, abs=1e-6)
        told = {one.region: one.contribution for one in result.contributions}
        assert told == pytest.approx(
            {"left_cheek": shares[0] * regions["left_cheek"], "chin": shares[1] * regions["chin"]}
        )


def test_a_region_is_graded_by_the_sides_own_curve(model, new):
    curve = model.blend.curve
    for result in Grader(model).grade(new.prepared):
        *patches, _ = result.figures
        for one in patches:
            wanted = curve.predict(np.array([one.values["net_severity"]]))[0]
            assert one.grade == pytest.approx(wanted) == result.grade.regions[one.region]


def test_evidence_is_the_nearest_references_of_each_patch(model, new, graded):
    bank = model.index.references
    found = model.encoder.embed(new.prepared[0].inputs)
    for region, vector in zip(("left_cheek", "chin"), found.embeddings, strict=True):
        nearest = [one for one in graded[0].evidence if one.region == region]
        distances = np.linalg.norm(bank.embeddings - vector, axis=1)
        distances[bank.regions != region] = np.inf
        wanted = np.argsort(distances, kind="stable")[:3]
        assert [one.reference for one in nearest] == wanted.tolist()
        assert [one.place for one in nearest] == [1, 2, 3]
        for one, number in zip(nearest, wanted, strict=True):
            assert one.reference_photo == bank.photos[number]
            assert one.reference_region == region
            assert one.reference_grade == bank.grades[number]
            assert one.distance == pytest.approx(distances[number], abs=2e-3)


def test_the_nearest_class_is_that_of_the_references_told(model, graded):
    edges, labels = model.settings.index.class_edges, model.settings.index.class_labels()
    for result in graded:
        near = [(one.reference_grade, 1 / one.distance) for one in result.evidence]
        mean = sum(grade * weight for grade, weight in near) / sum(weight for _, weight in near)
        number = max(place for place, edge in enumerate(edges) if edge <= half_step(mean))
        assert result.grade.nearest_class == labels[number]
    assert len({result.grade.nearest_class for result in graded}) > 2


def test_what_is_near_weighs_more_and_what_is_the_same_nearly_all():
    def mean(*references):
        return mean_of_evidence(Evidence("chin", 1, "a", "chin", grade, far, 0) for grade, far in references)

    assert mean((2, 1.0), (5, 3.0)) == pytest.approx(2.75)
    assert mean((2, 0.0), (5, 3.0)) == pytest.approx(2)
    assert mean() is None


def test_no_photo_is_evidence_for_its_own_subject(model):
    known = visible().study
    for photo, result in zip(known.prepared[:8], Grader(model).grade(known.prepared[:8]), strict=True):
        subject = photo.name.split("_")[0]
        assert result.evidence
        assert all(not one.reference_photo.startswith(subject) for one in result.evidence)


def test_a_photo_unlike_every_reference_is_named(model, new, graded):
    assert sum(OUT_OF_RANGE in result.grade.note for result in graded) <= 1
    y, x = np.mgrid[:48, :48]
    stripes = 2.0 * ((x + y) % 12 < 6)
    patches = tuple(a_patch(region, stripes, (1.0, 0.6, 1.4)) for region in ("left_cheek", "chin"))
    odd = prepare(FacePatches("odd.jpg", "0" * 64, patches), model.settings, every_figure=True)
    plain, found = Grader(model).grade([new.prepared[0], odd])
    assert found.grade.note == OUT_OF_RANGE
    assert found.grade.grade is not None  # it is graded all the same
    assert plain.grade.note == graded[0].grade.note


def test_notes_of_the_face_and_out_of_range_stand_side_by_side(model, new):
    far = replace(model, blend=replace(model.blend, interval=replace(model.blend.interval, far=-1.0)))
    photo = new.prepared[0]
    noted = replace(photo, face=replace(photo.face, notes=("greyscale picture",)))
    (result,) = Grader(far).grade([noted])
    assert result.grade.note == f"greyscale picture; {OUT_OF_RANGE}"


def test_intervals_hold_the_grade_within_the_scale(graded):
    for result in graded:
        grade = result.grade
        assert 0 <= grade.lower <= grade.grade <= grade.upper <= 9
    assert len({round(r.grade.upper - r.grade.lower, 4) for r in graded}) > 3  # no two are alike


def test_failed_photos_among_others_and_in_batches(model, new, graded):
    bad = Prepared("bad.jpg", error="no face found")
    mixed = [bad, new.prepared[0], bad, new.prepared[1]]
    results = list(Grader(model, "equal").grade(mixed, batch=3))
    assert [r.grade.grade is None for r in results] == [True, False, True, False]
    assert [r.grade.note for r in results[::2]] == ["no face found"] * 2
    assert results[0].contributions == results[0].evidence == results[0].figures == ()
    for one, same in zip(results[1::2], graded, strict=False):
        assert one.grade.grade == pytest.approx(same.grade.grade, abs=1e-4)
