"""The same picture under two subjects is one subject; what it is told by; and no reference answers for its own copy."""

import io
from dataclasses import replace

import numpy as np
import pytest
from drawn_photos import drawn_face, drawn_half
from graded_study import small_model
from made_up_study import spots_make_the_grade, study
from PIL import Image
from places import REAL_FACES as FACES

from toolkit.errors import GradesError
from toolkit.likeness import MIRRORED, SAME, bits_apart, likeness, mirrored_likeness
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


def test_a_darkened_copy_is_known_by_its_looks():
    dark = [likeness((0.7 * picture).astype(np.uint8)) for picture in PICTURES]
    assert bits_apart(dark, [likeness(picture) for picture in PICTURES]).diagonal().max() <= SAME


@pytest.mark.parametrize(("quality", "scale"), [(95, 1), (40, 1), (75, 0.5), (90, 1.4)])
def test_a_mirrored_copy_is_known_and_another_photograph_or_side_is_none(quality, scale):
    copies = [saved_anew(np.ascontiguousarray(picture[:, ::-1]), quality, scale) for picture in PICTURES]
    apart = bits_apart([mirrored_likeness(copy) for copy in copies], [likeness(one) for one in PICTURES])
    assert apart.diagonal().max() <= MIRRORED
    assert (
        apart[~np.eye(len(PICTURES), dtype=bool)].min() > 2 * MIRRORED
    )  # the other side of seed 1 among them


@pytest.mark.slow
@pytest.mark.skipif(not FACES.is_dir(), reason="needs photographs")
def test_no_persons_two_sides_or_two_pictures_are_copies_or_mirror_images():
    people = [path.stem for path in sorted((FACES / "neutral").glob("*.jpg"))[:20]]
    names, looks, mirrors = [], [], []
    for person in people:
        for path in (FACES / "neutral" / f"{person}.jpg", FACES / "smiling" / f"{person[:3]}_08.jpg"):
            pixels = np.asarray(Image.open(path).convert("RGB").resize((338, 338)))
            middle = pixels.shape[1] // 2
            for part in (slice(None), slice(0, middle), slice(middle, None)):
                shown = np.zeros_like(pixels)
                shown[:, part] = pixels[:, part]
                names.append(path.name)
                looks.append(likeness(shown))
                mirrors.append(mirrored_likeness(shown))
    others = ~np.eye(len(names), dtype=bool)
    assert bits_apart(looks, looks)[others].min() > SAME
    assert bits_apart(looks, mirrors)[others].min() > MIRRORED


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


def test_mirror_images_under_two_subjects_make_one_and_are_named():
    held = [
        Picture("a.jpg", "P1", "1" * 64, A, 2, B), Picture("turned.jpg", "P2", "2" * 64, B, 5, A),
        Picture("left.jpg", "P3", "3" * 64, NEARLY, 1), Picture("right.jpg", "P3", "4" * 64, "", 2, NEARLY),
    ]  # fmt: skip
    subjects, lines = one_subject_each([*held[:2]])
    assert subjects == ["P1", "P1"]  # whose grades may differ: it may be another side after all
    assert lines == ["turned.jpg is the mirror image of a.jpg: P2 and P1 are taken for one subject"]
    assert one_subject_each(held[2:]) == (["P3", "P3"], [])  # one subject's two sides


@pytest.mark.parametrize(("sha256", "looks"), [("1" * 64, ""), ("3" * 64, A)])
def test_two_grades_of_one_picture_are_refused(sha256, looks):
    held = [Picture("a.jpg", "P1", "1" * 64, A, 2), Picture("b.jpg", "P2", sha256, looks, 3)]
    with pytest.raises(GradesError, match=r"b\.jpg is the same picture as a\.jpg.*\(3 and 2\)"):
        one_subject_each(held)


def test_pictures_that_are_only_much_alike_may_have_two_grades_and_share_a_fold():
    held = [Picture("a.jpg", "P1", "1" * 64, A, 2), Picture("b.jpg", "P2", "2" * 64, NEARLY, 3)]
    assert one_subject_each(held)[0] == ["P1", "P1"]


@pytest.mark.parametrize("by", ["bytes", "looks", "mirror"])
def test_a_reference_never_answers_for_a_copy_of_its_own_photograph(tmp_path, by):
    model = load_model(small_model(tmp_path / "model"))
    bank = model.index.references
    name, subject = str(bank.photos[0]), str(bank.subjects[0])
    known = {name: ["1" * 16, {"looks": A, "mirror": B}.get(by, "")]}
    model = replace(model, card={**model.card, "reference_photos": known})
    made = study(spots_make_the_grade, subjects=1, visits=1, regions=REGIONS, first=1).prepared[0]
    face = made.face or FacePatches(made.name, "", ())
    copy = replace(face, sha256=("1" if by == "bytes" else "2") * 64, likeness=A, mirrored=B)
    other = replace(face, sha256="5" * 64, likeness=likeness(PICTURES[4]))
    (told,) = Grader(model).grade([replace(made, face=copy)])
    (plain,) = Grader(model).grade([replace(made, face=other)])
    asked = {str(bank.subjects[line.reference]) for line in plain.evidence}
    answered = {str(bank.subjects[line.reference]) for line in told.evidence}
    assert subject in asked and subject not in answered
    what = "the mirror image of" if by == "mirror" else "the same picture as"
    assert f"{what} {name}" in told.grade.note and "of the model's own" not in plain.grade.note


@pytest.mark.slow
@pytest.mark.parametrize("way", ["saved anew", "mirrored"])
def test_copies_by_looks_share_a_fold_in_a_comparison_too(tmp_path, way):
    from toolkit.commands.graded import graded_photos
    from toolkit.evaluate.study import load_study
    from toolkit.photos import find_photo_files
    from toolkit.settings import Settings

    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = drawn_face(1)[0]
    pictures = {
        "P0001": pixels,
        "P0002": pixels[:, ::-1] if way == "mirrored" else pixels,
        "P0003": drawn_face(2)[0],
    }
    for number, (subject, shown) in enumerate(pictures.items()):
        Image.fromarray(np.ascontiguousarray(shown)).save(folder / f"{subject}.jpg", quality=95 - 15 * number)
    grades = tmp_path / "grades.csv"
    grades.write_text("file,grade\nP0001.jpg,2\nP0002.jpg,2\nP0003.jpg,5\n")
    for _ in ("measured", "read back"):
        study = load_study(
            graded_photos(find_photo_files([folder]), grades), tmp_path / "cache", Settings(), 48
        )
        first, second, third = study.subjects.tolist()
        assert first == second != third
        assert (
            f"P0002.jpg is the {'mirror image of' if way == 'mirrored' else 'same picture as'} P0001.jpg"
            in study.joined
        )
