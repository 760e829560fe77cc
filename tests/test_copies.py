"""The same picture under two subjects is one subject; what it is told by; and no reference answers for its own copy."""

import io
from dataclasses import replace

import numpy as np
import pytest
from drawn_photos import drawn_face, drawn_half
from graded_study import small_model
from made_up_study import spots_make_the_grade, study
from PIL import Image

from toolkit.errors import GradesError
from toolkit.likeness import SAME, bits_apart, likeness
from toolkit.model import load_model
from toolkit.pipeline import Grader
from toolkit.records import REGIONS, FacePatches
from toolkit.study.copies import Picture, one_subject_each


def saved_anew(pixels: np.ndarray, quality: int, scale: float) -> np.ndarray:
    picture = Image.fromarray(pixels)
    picture = picture.resize(
        (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC
    )
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


PICTURES = [drawn_half(side, seed) for side in ("left", "right") for seed in (1, 2)] + [
    drawn_face(1)[0],
    drawn_face(2)[0],
]


@pytest.mark.parametrize(("quality", "scale"), [(95, 1), (40, 1), (75, 0.5), (90, 1.4)])
def test_a_copy_is_known_by_its_looks_and_another_photograph_is_none(quality, scale):
    hashes = [likeness(picture) for picture in PICTURES]
    apart = bits_apart([likeness(saved_anew(picture, quality, scale)) for picture in PICTURES], hashes)
    assert apart.diagonal().max() <= SAME
    assert apart[~np.eye(len(PICTURES), dtype=bool)].min() > 2 * SAME
    assert bits_apart(["", hashes[0]], [hashes[0]]).tolist() == [[256], [0]]


A, B = likeness(PICTURES[0]), likeness(PICTURES[1])
NEARLY = f"{int(A, 16) ^ 0b111110000011:064x}"  # 7 bits: the same, but not beyond doubt


def test_equal_bytes_or_looks_make_one_subject():
    held = [
        Picture("a.jpg", "P1", "1" * 64, A, 2), Picture("b.jpg", "P2", "2" * 64, B, 3),
        Picture("a2.jpg", "P3", "1" * 64, "", 2), Picture("a3.jpg", "P4", "3" * 64, A, 2),
        Picture("other.jpg", "P4", "4" * 64, "", 5), Picture("unread.jpg", "P5", "", "", 5), Picture("too.jpg", "P6", "", "", 6),
    ]  # fmt: skip
    subjects, lines = one_subject_each(held)
    assert subjects == ["P1", "P2", "P1", "P1", "P1", "P5", "P6"]
    assert lines == [
        "a2.jpg is the same picture as a.jpg: P3 and P1 are taken for one subject",
        "a3.jpg is the same picture as a.jpg: P4 and P1 are taken for one subject",
    ]


@pytest.mark.parametrize(("sha256", "looks"), [("1" * 64, ""), ("3" * 64, A)])
def test_two_grades_of_one_picture_are_refused(sha256, looks):
    held = [Picture("a.jpg", "P1", "1" * 64, A, 2), Picture("b.jpg", "P2", sha256, looks, 3)]
    with pytest.raises(GradesError, match=r"b\.jpg is the same picture as a\.jpg.*\(3 and 2\)"):
        one_subject_each(held)


def test_pictures_that_are_only_much_alike_may_have_two_grades_and_share_a_fold():
    held = [Picture("a.jpg", "P1", "1" * 64, A, 2), Picture("b.jpg", "P2", "2" * 64, NEARLY, 3)]
    assert one_subject_each(held)[0] == ["P1", "P1"]


@pytest.mark.parametrize("by", ["bytes", "looks"])
def test_a_reference_never_answers_for_a_copy_of_its_own_photograph(tmp_path, by):
    model = load_model(small_model(tmp_path / "model"))
    bank = model.index.references
    name, subject = str(bank.photos[0]), str(bank.subjects[0])
    known = {name: ["1" * 16, A if by == "looks" else ""]}
    model = replace(model, card={**model.card, "reference_photos": known})
    made = study(spots_make_the_grade, subjects=1, visits=1, regions=REGIONS, first=1).prepared[0]
    face = made.face or FacePatches(made.name, "", ())
    copy = replace(face, sha256=("1" if by == "bytes" else "2") * 64, likeness=A)
    other = replace(face, sha256="5" * 64, likeness=B)
    (told,) = Grader(model).grade([replace(made, face=copy)])
    (plain,) = Grader(model).grade([replace(made, face=other)])
    asked = {str(bank.subjects[line["reference"]]) for line in plain.evidence}
    answered = {str(bank.subjects[line["reference"]]) for line in told.evidence}
    assert subject in asked and subject not in answered
    assert f"the same picture as {name}" in told.grade.note and "same picture" not in plain.grade.note
