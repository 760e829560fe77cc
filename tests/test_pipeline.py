from dataclasses import replace

import numpy as np
import pytest

from toolkit.errors import ModelError, ToolkitError
from toolkit.model import check_model_target
from toolkit.phantom import write_study
from toolkit.pipeline import PhotoResult, judge_study
from toolkit.quality import Quality
from toolkit.records import PhotoFacts, PhotoGrade
from toolkit.settings import Settings

PLAIN = Quality(0.2, 0.0, 0.0, 180.0, 4.0, 0.8, 1.0, (0.3, -0.2))


def result(name, quality):
    grade = PhotoGrade(name, PhotoFacts(name), 3.0, 2.0, 4.0, quality=quality.label if quality else "")
    return PhotoResult(grade, quality=quality)


def test_a_photo_of_another_colour_than_its_study_is_named():
    rng = np.random.default_rng(0)
    plain = [replace(PLAIN, cast=tuple(PLAIN.cast + rng.normal(0, 0.01, 2))) for _ in range(30)]
    results = [result(f"{i}.jpg", quality) for i, quality in enumerate(plain)]
    odd = result("odd.jpg", replace(PLAIN, cast=(1.5, -0.2)))
    blurred = result("both.jpg", replace(PLAIN, cast=(-1.0, -0.2), label="blurred"))
    failed = result("failed.jpg", None)
    judged = judge_study([odd, *results, failed, blurred], Settings())
    labels = {r.grade.name: r.grade.quality for r in judged}
    assert labels.pop("odd.jpg") == "colour cast"
    assert labels.pop("both.jpg") == "blurred; colour cast"
    assert labels.pop("failed.jpg") == ""
    assert set(labels.values()) == {"ok"}


def test_a_folder_of_other_files_is_refused_before_training(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ModelError, match="not a model folder"):
        check_model_target(tmp_path)
    check_model_target(tmp_path / "new")


def test_phantoms_below_a_file_are_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ToolkitError, match="cannot be written"):
        write_study(tmp_path / "file" / "study", 1, 1, "half", 0)
