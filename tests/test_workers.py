"""Names, order and failures of many photographs over one process or several."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.errors import ModelError, ToolkitError
from toolkit.photos import photo_files, photo_names
from toolkit.settings import Settings
from toolkit.workers import cut_all, map_photos, prepare_all


def files(folder, *names):
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


# --- names ---------------------------------------------------------------------------------------


def test_photos_of_one_folder_go_by_their_file_names(tmp_path):
    assert photo_names(files(tmp_path / "deep" / "down", "a.jpg", "b.jpg")) == ["a.jpg", "b.jpg"]


def test_photos_of_several_folders_go_by_their_paths_below_the_common_one(tmp_path):
    paths = files(tmp_path, "s/week 0/a.jpg", "s/week 4/a.jpg", "s/b.jpg")
    assert photo_names(paths) == ["week 0/a.jpg", "week 4/a.jpg", "b.jpg"]


def test_a_folder_whose_name_begins_another_is_not_their_common_one(tmp_path):
    assert photo_names(files(tmp_path, "study/a.jpg", "study2/a.jpg")) == ["study/a.jpg", "study2/a.jpg"]


def test_one_photo_and_none():
    assert photo_names([Path("anywhere/a.jpg")]) == ["a.jpg"]
    assert photo_names([]) == []


def test_relative_paths_and_detours_name_the_same(tmp_path, monkeypatch):
    files(tmp_path, "x/a.jpg", "y/b.jpg")
    monkeypatch.chdir(tmp_path / "x")
    assert photo_names([Path("a.jpg"), Path("../y/b.jpg")]) == ["x/a.jpg", "y/b.jpg"]
    assert photo_names([Path("a.jpg"), Path("../y/../x/b.jpg")]) == ["a.jpg", "b.jpg"]


def test_a_linked_photo_keeps_the_name_of_the_link(tmp_path):
    (original,) = files(tmp_path, "store/0001.jpg")
    (tmp_path / "P0001_FACE_L.jpg").symlink_to(original)
    assert photo_names([tmp_path / "P0001_FACE_L.jpg"]) == ["P0001_FACE_L.jpg"]


def test_names_are_one_a_path(tmp_path):
    paths = files(tmp_path, "a/1.jpg", "b/1.jpg", "b/c/1.jpg", "1.jpg")
    assert len(set(photo_names(paths))) == len(paths)


# --- order and memory ----------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_jobs(workers):
    jobs = [*range(-12, 0), *range(12)]
    assert list(map_photos(abs, jobs, Settings(), None, workers=workers)) == [abs(job) for job in jobs]


def test_a_slow_first_job_does_not_change_the_order():
    done = map_photos(time.sleep, [0.3, 0.0], Settings(), None, workers=2)
    assert list(done) == [None, None]
    slow_first = map_photos(sum, [range(3_000_000), range(2)], Settings(), None, workers=2)
    assert list(slow_first) == [4_499_998_500_000, 1]


def test_one_process_works_only_as_results_are_taken():
    seen = []
    results = map_photos(seen.append, [1, 2, 3], Settings(), None, workers=1)
    next(results)
    assert seen == [1]


def test_no_jobs():
    assert list(map_photos(abs, [], Settings(), None, workers=4)) == []


# --- failures ------------------------------------------------------------------------------------


def test_a_worker_that_dies_is_told_in_one_line():
    with pytest.raises(ToolkitError, match=r"^job 1: its process ended unexpectedly.*--workers 1$"):
        list(map_photos(os._exit, [1, 1, 1], Settings(), None, workers=2))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_missing_landmark_model_ends_the_run(tmp_path, workers):
    rng = np.random.default_rng(0)
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        Image.fromarray(rng.integers(60, 200, (80, 80, 3), np.uint8)).save(path)
    with pytest.raises(ModelError, match="no such landmark model"):
        list(prepare_all(photo_files(paths), Settings(), tmp_path / "none.dat", workers))
    with pytest.raises(ModelError, match="no such landmark model"):
        list(cut_all(photo_files(paths), Settings(), tmp_path / "none.dat", 1))


def test_a_photo_that_fails_carries_its_error_and_its_place(tmp_path):
    text, plain, gone = tmp_path / "text.jpg", tmp_path / "plain.png", tmp_path / "gone.jpg"
    text.write_text("no picture")
    Image.new("RGB", (200, 200), (200, 160, 130)).save(plain)
    prepared = list(prepare_all(photo_files([text, plain, gone]), Settings(), None, 1))
    assert [photo.name for photo in prepared] == ["text.jpg", "plain.png", "gone.jpg"]
    assert all(not photo.inputs and photo.face is None for photo in prepared)
    reasons = ("not a picture", "one colour", "cannot be read")
    assert all(reason in photo.error for reason, photo in zip(reasons, prepared, strict=True))
    cut = list(cut_all(photo_files([text, plain]), Settings(), None, 1, overlays=tmp_path / "overlays"))
    assert [(face.name, face.patches, face.quality) for face in cut] == [
        ("text.jpg", (), "unusable"),
        ("plain.png", (), "unusable"),
    ]
    assert "not a picture" in cut[0].notes[0]
    assert not (tmp_path / "overlays").exists()


def test_names_given_are_kept(tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    (photo,) = prepare_all(photo_files([text], ["week 4/text.jpg"]), Settings(), None, 1)
    assert photo.name == "week 4/text.jpg"
