"""Damaged JPEG files: refused or noted, and whole ones never."""

import io
import random
import re

import numpy as np
import pytest
from drawn_photos import drawn_face, drawn_half
from PIL import Image
from places import REAL_FACES

from toolkit.errors import PhotoError
from toolkit.images import read_photo
from toolkit.jpeg import _MIN_STEP, complaint, lacks_scans, seam_step
from toolkit.settings import PhotoSettings

SETTINGS = PhotoSettings()
END = b"\xff\xd9"


def jpeg(pixels: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=88, **options)
    return file.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def outcome(tmp_path, data: bytes) -> str:
    """What a user learns of the file: the error, the notes, or "" """
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    try:
        return "; ".join(read_photo(path, SETTINGS).notes)
    except PhotoError as error:
        return str(error)


def scan_start(data: bytes) -> int:
    return data.index(b"\xff\xda") + 14


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 4}]
)
def test_whole_files_get_no_word(tmp_path, options):
    for picture in (drawn_face(3)[0], drawn_half("left", 3), drawn_face(3)[0][:, :, 1]):
        notes = outcome(tmp_path, jpeg(np.ascontiguousarray(picture), **options))
        assert notes == "" or notes.startswith("greyscale")


@pytest.mark.parametrize("kind", ["bit", "zeros"])
def test_damage_that_shows_is_told(tmp_path, kind):
    """Of 40 damaged copies each one that differs over a good part of the picture is refused or noted."""
    rng = random.Random(5)
    silent, told = [], 0
    for data in (jpeg(drawn_face(3)[0]), jpeg(drawn_half("left", 3))):
        whole = decoded(data)
        for _ in range(20):
            damaged, place = bytearray(data), rng.randrange(scan_start(data), len(data) - 250)
            if kind == "bit":
                damaged[place] ^= 1 << rng.randrange(8)
            else:
                damaged[place : place + 200] = bytes(200)
            words = outcome(tmp_path, bytes(damaged))
            told += bool(words)
            if not words:
                off = np.abs(decoded(bytes(damaged)) - whole).max(axis=2)
                silent.append(float((off > 20).mean()))
    assert told >= 10
    assert sum(share > 0.05 for share in silent) <= 2 and max(silent, default=0) < 0.1


def test_a_file_cut_short_and_ended_again_is_refused(tmp_path):
    data = jpeg(drawn_face(3)[0])
    assert "damaged" in outcome(tmp_path, data[: len(data) // 2] + END)
    assert "damaged" in outcome(tmp_path, data[: len(data) // 2])


def test_a_progressive_file_without_its_last_scans_is_noted(tmp_path):
    data = jpeg(drawn_face(3)[0], progressive=True)
    scans = [found.start() for found in re.finditer(b"\xff\xda", data)]
    assert len(scans) > 5 and not lacks_scans(data)
    for scan in scans[2:]:
        assert "lacks some of its scans" in outcome(tmp_path, data[:scan] + END)
    assert not lacks_scans(jpeg(drawn_face(3)[0]))


def test_a_lost_restart_is_refused(tmp_path):
    data = jpeg(drawn_face(3)[0], restart_marker_rows=2)
    first, second = data.index(b"\xff\xd2"), data.index(b"\xff\xd3")
    assert "damaged" in outcome(tmp_path, data[:first] + data[second:])


def test_bytes_before_the_end_are_noted_and_the_picture_kept(tmp_path):
    data = jpeg(drawn_face(3)[0])
    assert "does not end as it should" in outcome(tmp_path, data[:-2] + bytes(6) + END)
    assert complaint(data) == ""
    assert outcome(tmp_path, data + b"a note of the camera") == ""


def test_a_step_from_a_block_on_is_a_seam_and_an_edge_is_none():
    face = drawn_face(3)[0].copy()
    assert seam_step(face, 16) < 3
    for row, column in ((10, 0), (20, 31), (40, 55)):
        blocks = np.arange(56 * 56).reshape(56, 56) >= row * 56 + column
        later = np.kron(blocks, np.ones((16, 16), bool))
        later = np.pad(later, ((0, 4), (0, 4)))
        shifted = np.where(later[..., None], np.clip(face.astype(int) - 9, 0, 255), face).astype(np.uint8)
        assert seam_step(shifted, 16) > _MIN_STEP
    uneven = face.copy()  # of a step that is cut off where the picture is nearly black or white
    rows = slice(25 * 16, None)
    share = 1 + 0.6 * np.sin(np.arange(face.shape[1]) / 40)[None, :, None]
    uneven[rows] = np.clip(face[rows] + 30 * share, 0, 255).astype(np.uint8)
    assert seam_step(uneven, 16) > _MIN_STEP
    assert seam_step(np.zeros((900, 900, 3), np.uint8), 16) == 0
    assert seam_step(face[:20, :20], 16) == 0


@pytest.mark.skipif(not REAL_FACES.is_dir(), reason="no photographs of people here")
def test_real_photographs_get_no_word(tmp_path):
    for path in sorted(REAL_FACES.rglob("*.jpg"))[:30]:
        assert not any("damaged" in note for note in read_photo(path, SETTINGS).notes), path.name
