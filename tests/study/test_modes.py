"""Pictures of one visit in several lights are no retakes, and copies of a file are no photographs of their own."""

import pytest
from graded_study import write_photos
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.commands.training import train_study
from toolkit.errors import TrainingError
from toolkit.study.modes import (
    copies,
    known_mode,
    mode_notes,
    mode_of,
    mode_title,
    modes_remark,
    other_mode,
    refuse_several_modes,
    study_photos,
)

BASE = "P0001_FACE_L_S00_VCR_S2_V00D00W04"


@pytest.mark.parametrize(
    ("end", "mode"),
    [
        ("", "white"), ("_UV", "uv"), ("-UV", "uv"), (" uv", "uv"), ("_UV (1)", "uv"), ("_XPOL", "xpol"),
        ("_cross_pol", "xpol"), ("_PPOL", "ppol"), ("_Parallel-Pol", "ppol"), ("_Std", "white"), ("_NIR", "nir"),
        ("_UV - Copy", "uv"), ("_UV-Kopie", "uv"), ("_nouveau", "white"), ("_crop", "white"),
    ],
)  # fmt: skip
def test_the_end_of_a_name_tells_the_mode(end, mode):
    assert mode_of(f"study/{BASE}{end}.jpg") == mode


def test_a_person_s_name_is_no_mode():
    assert [mode_of(name) for name in ("uv.jpg", "Meier.Ir.png", "redford.jpg", "P0001.jpg")] == [
        "white",
        "nir",
        "white",
        "white",
    ]


@pytest.mark.parametrize(
    "mark", [" (1)", "(2)", " - Copy", "-Kopie", " - Kopie (3)", " - Copia", "_copy", " copy 2", " - Copie"]
)
def test_a_copy_is_known_by_its_mark_and_its_original(mark):
    copied = f"a/{BASE}{mark}.jpg"
    assert copies([f"a/{BASE}.jpg", copied]) == {copied: f"a/{BASE}.jpg"}
    assert copies([f"b/{BASE}.jpg", copied]) == {}  # no original beside it
    kept, reasons = study_photos([f"a/{BASE}.jpg", copied], None)
    assert kept == [f"a/{BASE}.jpg"] and f"copy of a/{BASE}.jpg" in reasons[copied]


def test_several_modes_and_ultraviolet_need_a_choice():
    names = [f"{BASE}.jpg", f"{BASE}_UV.jpg", f"{BASE}_XPOL.jpg"]
    with pytest.raises(TrainingError, match=r"several modes.*white: 1.*uv: 1.*xpol: 1.*--mode"):
        refuse_several_modes(names, None)
    with pytest.raises(TrainingError, match="--mode uv"):
        refuse_several_modes([names[1]], None)
    refuse_several_modes([names[2]], None)
    assert study_photos(names, "UV")[0] == [names[1]]
    assert study_photos(names, "white")[0] == [names[0]]
    assert study_photos(names, "Cross-Pol")[0] == [names[2]]
    with pytest.raises(TrainingError, match="no photograph's name ends so"):
        study_photos(names, "nir")
    with pytest.raises(TrainingError, match="is none of"):
        study_photos(names, "purple")


def test_modes_graded_together_are_told():
    assert modes_remark(["a.jpg", "b.jpg"]) == []
    assert modes_remark(["a.jpg", "a_UV.jpg"]) == [
        "photographs of several modes (white: 1, uv: 1): means by visit and side mix them"
    ]


def test_a_study_of_several_modes_is_not_trained_on_as_one(tmp_path):
    photos = tmp_path / "photos"
    for path in write_photos(photos, 2):
        path.with_stem(f"{path.stem}_UV").write_bytes(path.read_bytes())
    (tmp_path / "g.csv").write_text("subject,side,visit,grade\nP0000,Left,Baseline,2\nP0000,Right,Week 4,3\n")
    with pytest.raises(TrainingError, match="several modes"):
        train_study([photos], tmp_path / "g.csv", tmp_path / "m")
    told = CliRunner().invoke(
        app,
        [
            "evaluate",
            str(photos),
            "--grades",
            str(tmp_path / "g.csv"),
            "--out",
            str(tmp_path / "e"),
            "--methods",
            "features",
        ],
    )
    assert isinstance(told.exception, TrainingError) and "several modes" in str(told.exception)


def test_modes_in_words():
    assert other_mode(f"{BASE}.jpg", "white") == other_mode(f"{BASE}_UV.jpg", "uv") == ""
    assert mode_notes(f"{BASE}_UV.jpg", "uv") == ()
    assert other_mode(f"{BASE}_UV.jpg", "white") == (
        "another mode: ultraviolet (uv) by its name; white light is graded"
    )
    assert mode_notes(f"{BASE}.jpg", "xpol") == (
        "white light by its name, and the model learnt from crossed polarisers (xpol): the grade means little",
    )
    assert known_mode("Cross-Pol") == "xpol" and mode_title("brown") == "brown map (brown)"
