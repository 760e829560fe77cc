"""Photographs and results at URLs: mirrored, fetched once, put whole or not at all, and never outside of the mirror."""

import os
from pathlib import Path

import pytest
from command_line import toolkit
from graded_study import write_photos

from toolkit.commands.grading import grade_photos
from toolkit.errors import ToolkitError
from toolkit.remote import Remote, is_url, without_password

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    return tmp_path / "cache"


def store(**files):
    """Put files to memory://b/: x__y_jpg is x/y.jpg."""
    for name, data in files.items():
        place(name.replace("__", "/").replace("_", "."), data)


def place(name, data):
    fsspec.filesystem("memory").pipe(f"/b/{name}", data)


def there(name):
    return fsspec.filesystem("memory").cat(f"/b/{name}")


def mirrored(remote):
    return {
        path.relative_to(remote.path).as_posix(): path.read_bytes()
        for path in remote.path.rglob("*")
        if path.is_file()
    }


class Told:
    """What was fetched or put."""

    def __init__(self):
        self.stages = {}

    def __call__(self, stage, done, total):
        self.stages[stage] = total


def fetched(url="memory://b/photos"):
    told, remote = Told(), Remote(url)
    remote.fetch(told)
    return told.stages["fetching"]


def test_a_url_is_no_path():
    assert is_url("s3://bucket/x.jpg") and is_url("memory://x") and is_url("S3://b")
    for text in (
        "photos/",
        "/a/b.jpg",
        "C:\\photos",
        "C:/photos",
        "C://photos",
        "s3:/bucket",
        "a b://c",
        "in-frame",
    ):
        assert not is_url(text), text


def test_no_password_is_told():
    url = "sftp://anna:very/secret@host/photos".replace("very/", "very")
    assert without_password(f"x {url} y") == "x sftp://anna@host/photos y"
    assert Remote(url).url == "sftp://anna@host/photos" and "verysecret" not in str(Remote(url).path)
    assert without_password("az://box@account.example/x:y@z") == "az://box@account.example/x:y@z"


def test_the_mirror_has_the_names_of_the_url(cache):
    store(photos__1_jpg=b"1", photos__week4__2_jpg=b"22", other__3_jpg=b"3")
    remote = Remote("memory://b/photos/")
    remote.fetch()
    assert remote.path == cache / "mirror" / "memory" / "b" / "photos"
    assert mirrored(remote) == {"1.jpg": b"1", "week4/2.jpg": b"22"}


def test_only_what_is_new_or_changed_is_fetched_and_what_is_gone_is_dropped():
    store(photos__1_jpg=b"1", photos__2_jpg=b"2", photos__week4__3_jpg=b"3")
    assert [fetched(), fetched()] == [3, 0]
    store(photos__2_jpg=b"4")  # of the same size
    fsspec.filesystem("memory").rm("/b/photos/week4/3.jpg")
    assert fetched() == 1
    remote = Remote("memory://b/photos")
    assert mirrored(remote) == {"1.jpg": b"1", "2.jpg": b"4"} and not (remote.path / "week4").exists()
    (remote.path / "1.jpg").write_bytes(b"half")
    (remote.path / "2.jpg").unlink()
    assert fetched() == 2 and mirrored(remote) == {"1.jpg": b"1", "2.jpg": b"4"}


def test_a_folder_within_is_the_same_mirror():
    store(photos__left__1_jpg=b"1", photos__left__2_jpg=b"2")
    assert [fetched("memory://b/photos/left"), fetched("memory://b/photos")] == [2, 0]
    fsspec.filesystem("memory").rm("/b/photos/left/2.jpg")
    assert fetched("memory://b") == 0
    assert mirrored(Remote("memory://b/photos")) == {"left/1.jpg": b"1"}
    assert fetched("memory://b/photos/left/1.jpg") == 0  # a file by itself


def test_an_interrupted_fetch_goes_on(monkeypatch):
    store(**{f"photos__{number}_jpg": bytes([number]) for number in range(5)})
    remote, whole = Remote("memory://b/photos"), type(fsspec.filesystem("memory")).get_file

    def stop(self, there, here, **more):
        if there.endswith("3.jpg"):
            Path(here).write_bytes(b"half")
            raise KeyboardInterrupt
        return whole(self, there, here, **more)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(fsspec.filesystem("memory")), "get_file", stop)
        remote.fetch()
    assert {"0.jpg", "1.jpg", "2.jpg"} <= mirrored(remote).keys() and "3.jpg" not in mirrored(remote)
    assert fetched() <= 2 and mirrored(remote) == {f"{number}.jpg": bytes([number]) for number in range(5)}


@pytest.mark.parametrize(
    "name",
    [
        "../x.jpg",
        "../../../../x.jpg",
        "a/../../x.jpg",
        "/etc/x.jpg",
        "a//x.jpg",
        "./x.jpg",
        "a\0b.jpg",
        "x" * 300,
    ],
)
def test_a_hostile_name_is_refused_and_nothing_is_written(cache, name, monkeypatch):
    store(photos__1_jpg=b"1")
    system = type(fsspec.filesystem("memory"))
    info = {"name": f"/b/photos/{name}", "size": 1, "type": "file"}
    monkeypatch.setattr(system, "find", lambda self, *a, **k: {info["name"]: info})
    with pytest.raises(ToolkitError, match=r"memory://b/photos: .* can be the name of no file here"):
        Remote("memory://b/photos").fetch()
    assert not [path for path in (cache / "mirror").rglob("*") if path.is_file()]


def test_a_url_that_no_folder_can_be_is_refused():
    for url in ("memory://b/../x", "memory://b//x", "memory://b/./x", "s3://"):
        with pytest.raises(ToolkitError, match="is no address of files"):
            Remote(url)


def test_names_that_are_one_file_here_are_refused(monkeypatch):
    store(photos__a_jpg=b"1", photos__A_jpg=b"2")
    assert fetched() == 2
    monkeypatch.setattr("toolkit.remote.cache.tells_case", lambda folder: False)
    with pytest.raises(ToolkitError, match=r"photos/A.jpg and photos/a.jpg are one file here"):
        Remote("memory://b/photos").fetch()
    place("x/y", b"1")
    found = fsspec.filesystem("memory").store
    found["/b/x/y/z.jpg"] = found["/b/x/y"]  # as an object store may hold it
    with pytest.raises(ToolkitError, match="x/y is a file and a folder"):
        Remote("memory://b/x").fetch()


def test_nobody_elses_folder_becomes_a_cache(tmp_path, monkeypatch):
    store(photos__1_jpg=b"1")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "mine"))
    with pytest.raises(ToolkitError, match="holds other files: name an empty folder with TOOLKIT_CACHE"):
        Remote("memory://b/photos").fetch()
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory://b/none", "memory://b/none: there are no files: check the address"),
        ("nowhere://b/x", "nowhere://b/x: .*write it as s3://"),
    ],
)
def test_what_cannot_be_read_is_one_line(url, told):
    with pytest.raises(ToolkitError, match=told):
        Remote(url).fetch()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError("Forbidden"), "may not be read .Forbidden.: check your credentials and rights"),
        (
            ValueError("no\ncredentials"),
            "cannot be read .ValueError: no credentials.: check address and credentials",
        ),
        (FileNotFoundError("b"), "there is no such bucket or folder"),
        (OSError(28, "No space left"), "cache: is full: name another with TOOLKIT_CACHE"),
    ],
)
def test_what_a_library_raises_is_one_line(monkeypatch, error, told):
    store(photos__1_jpg=b"1")

    def fail(self, *more, **options):
        raise error

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "get_file", fail)
    with pytest.raises(ToolkitError, match=told):
        Remote("memory://b/photos").fetch()


def test_a_missing_library_is_named(monkeypatch):
    from fsspec.registry import known_implementations

    monkeypatch.setitem(known_implementations, "cloud", {"class": "no_such_fs.System", "err": "install it"})
    with pytest.raises(
        ToolkitError, match="cloud://b/x: no_such_fs is not installed: run  pip install no_such_fs"
    ):
        Remote("cloud://b/x").fetch()


def test_what_a_command_wrote_is_put_and_once():
    told, out = Told(), Remote("memory://b/results/grades.csv")
    out.fetch_earlier(told)
    out.path.parent.mkdir(parents=True)
    for name in (
        "grades.csv",
        "grades_patches.csv",
        "grades.toolkit.json",
        "grades.toolkit.sqlite",
        "other.csv",
    ):
        (out.path.parent / name).write_text(name)
    assert out.put() == 3 and there("results/grades_patches.csv") == b"grades_patches.csv"
    assert not fsspec.filesystem("memory").exists("/b/results/grades.toolkit.sqlite")
    assert not fsspec.filesystem("memory").exists("/b/results/other.csv")
    again = Remote("memory://b/results/grades.csv")
    again.fetch_earlier(told)
    assert again.put() == 0 and told.stages["fetching"] == 0


def test_a_folder_is_put_and_what_the_command_took_away_is_taken_away():
    store(run__pages__old_html=b"old", run__index_html=b"i", runs_html=b"not of it")
    out = Remote("memory://b/run")
    out.fetch_earlier()
    (out.path / "pages" / "old.html").unlink()
    (out.path / "new.html").write_text("new")
    assert out.put() == 1
    assert sorted(fsspec.filesystem("memory").find("/b")) == [
        "/b/run/index.html",
        "/b/run/new.html",
        "/b/runs.html",
    ]


def test_nothing_that_somebody_else_wrote_meanwhile_is_replaced():
    out = Remote("memory://b/results/grades.csv")
    out.fetch_earlier()
    out.path.parent.mkdir(parents=True)
    out.path.write_text("mine")
    store(results__grades_csv=b"theirs")
    with pytest.raises(ToolkitError, match=r"somebody else wrote results/grades.csv meanwhile"):
        out.put()
    assert there("results/grades.csv") == b"theirs" and out.path.read_text() == "mine"


def test_what_could_not_be_put_is_put_by_the_next_run(monkeypatch):
    store(results__grades_csv=b"earlier")
    out = Remote("memory://b/results/grades.csv")
    out.fetch_earlier()
    out.path.write_text("new")

    def fail(self, *more, **options):
        raise PermissionError("read only")

    with monkeypatch.context() as patch:
        patch.setattr(type(fsspec.filesystem("memory")), "put_file", fail)
        with pytest.raises(ToolkitError, match="may not be written"):
            out.put()
    assert there("results/grades.csv") == b"earlier"
    again = Remote("memory://b/results/grades.csv")
    again.fetch_earlier()
    assert again.put() == 1 and there("results/grades.csv") == b"new"


@pytest.mark.skipif(os.name == "nt", reason="a drive's colon")
def test_where_uploads_are_not_whole_they_are_moved_into_place(tmp_path, monkeypatch):
    target = tmp_path / "server" / "out.csv"
    out = Remote(target.as_uri())
    out.fetch_earlier()
    out.path.parent.mkdir(parents=True)
    out.path.write_text("new")
    out.put()
    assert target.read_text() == "new" and [path.name for path in target.parent.iterdir()] == ["out.csv"]
    out.path.write_text("newer")
    system = type(fsspec.filesystem("file"))

    def half(self, here, place, **more):
        Path(place).write_text("ne")
        raise OSError("the line is cut")

    monkeypatch.setattr(system, "put_file", half)
    with pytest.raises(ToolkitError, match=r"cannot be written .the line is cut."):
        out.put()
    assert target.read_text() == "new" and [path.name for path in target.parent.iterdir()] == ["out.csv"]


# --- commands -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_between_urls_is_the_run_between_folders(tmp_path):
    for path in write_photos(tmp_path / "photos", 2):
        place(f"photos/{path.name}", path.read_bytes())
    call = ("grade", "memory://b/photos", "--out", "memory://b/r/g.csv", "--report", "memory://b/r/g.html")
    done = toolkit(*call, "--workers", 1, "--quiet")
    assert done.status == 0 and "Page: memory://b/r/g.html" in done.out and str(tmp_path) not in done.out
    grade_photos([tmp_path / "photos"], tmp_path / "g.csv")
    assert there("r/g.csv") == (tmp_path / "g.csv").read_bytes()
    assert there("r/g_patches.csv") == (tmp_path / "g_patches.csv").read_bytes()
    assert not fsspec.filesystem("memory").exists("/b/r/g.toolkit.sqlite")
    place("r/g.csv", b"somebody else's")
    refused = toolkit(*call, "--workers", 1, "--quiet")
    assert refused.status == 1 and "memory://b/r/g.csv: exists, and is not what this command" in refused.err
    assert there("r/g.csv") == b"somebody else's"


def test_an_output_among_the_photographs_is_refused():
    store(photos__1_jpg=b"1")
    done = toolkit("features", "memory://b/photos", "--out", "memory://b/photos/1.jpg", "--quiet")
    assert done.status == 1 and there("photos/1.jpg") == b"1"
    done = toolkit("extract-patches", "memory://b/photos", "--out", "memory://b/photos/cut", "--quiet")
    assert done.status == 1 and "memory://b/photos/cut: lies among the photographs" in done.err
    assert list(fsspec.filesystem("memory").find("/b")) == ["/b/photos/1.jpg"]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (("grade", "p", "--out", "g.xlsx", "--model", "s3://b/m"), "--model s3://b/m"),
        (("grade", "p", "--out", "g.xlsx", "--colour-chart", "s3://b/c.jpg"), "--colour-chart s3://b/c.jpg"),
        (
            ("train", "p", "--out", "m", "--grades", "g.csv", "--grades", "s3://u:pw@b/g"),
            "--grades s3://u@b/g",
        ),
        (("agreement", "a.xlsx", "s3://b/b.xlsx"), "FILES s3://b/b.xlsx"),
        (("info", "--model", "gs://b"), "--model gs://b"),
    ],
)
def test_a_url_where_only_a_path_can_stand_is_told_as_such(call, named):
    done = toolkit(*call)
    assert done.status == 1 and done.out == ""
    assert done.err.startswith(f"toolkit: {named}: only IMAGES, the PARTS of merge, and the outputs")
    assert done.err.count("\n") == 1
