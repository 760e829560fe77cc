"""Photographs and results in S3, on a server of moto's in this process; skipped without moto and s3fs."""

import pytest
from command_line import toolkit
from graded_study import write_photos

from toolkit.errors import ToolkitError
from toolkit.remote import Remote

pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(server, tmp_path, monkeypatch):
    for name, value in {
        "TOOLKIT_CACHE": str(tmp_path / "cache"), "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("study")
    yield system
    system.rm("study", recursive=True)


def fetched(url):
    told = {}
    Remote(url).fetch(lambda stage, done, total: told.update({stage: total}))
    return told["fetching"]


def test_only_what_changed_comes_from_s3_and_by_its_own_name(bucket):
    for number in range(40):
        bucket.pipe(f"study/photos/week {number % 3}/é#?%{number}.jpg", b"%d" % number)
    bucket.touch("study/photos/empty/")
    assert [fetched("s3://study/photos"), fetched("s3://study/photos"), fetched("s3://study")] == [40, 0, 0]
    bucket.pipe("study/photos/week 0/é#?%0.jpg", b"x")  # of the same size, maybe in the same second
    bucket.rm("study/photos/week 1/é#?%1.jpg")
    assert fetched("s3://study/photos") == 1
    photos = Remote("s3://study/photos").path
    assert (photos / "week 0" / "é#?%0.jpg").read_bytes() == b"x"
    assert len([path for path in photos.rglob("*") if path.is_file()]) == 39


def test_hostile_keys_of_a_bucket_write_nothing(bucket, tmp_path):
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    for key in ("../../../out.jpg", "/etc/out.jpg", "a/../../out.jpg"):
        bucket.call_s3("put_object", Bucket="study", Key=f"photos/{key}", Body=b"x")
        with pytest.raises(ToolkitError, match="can be the name of no file here: rename it there"):
            Remote("s3://study/photos").fetch()
        bucket.call_s3("delete_object", Bucket="study", Key=f"photos/{key}")
        bucket.invalidate_cache()
    after = {path for path in tmp_path.rglob("*") if path.is_file() and path.suffix == ".jpg"}
    assert after <= before


@pytest.mark.parametrize("url", ["s3://no-such-bucket/photos", "s3://no-such-bucket", "s3://study/none"])
def test_what_is_not_there_is_one_line(bucket, url):
    with pytest.raises(ToolkitError, match=f"{url}: there (are no files|is no such bucket or folder): check"):
        Remote(url).fetch()


def test_a_bucket_for_an_output_is_missed_before_any_work(bucket):
    with pytest.raises(ToolkitError, match=r"s3://no-such-bucket/g.xlsx: there is no such bucket or folder"):
        Remote("s3://no-such-bucket/g.xlsx").fetch_earlier()


def test_no_credentials_and_no_server_are_one_line(bucket, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(ToolkitError, match=r"s3://study/photos: .*credentials"):
        Remote("s3://study/photos").fetch()


def test_a_run_between_buckets(bucket, tmp_path):
    for path in write_photos(tmp_path / "photos", 3):
        bucket.put_file(str(path), f"study/photos/{path.name}")
    call = ("features", "s3://study/photos", "--out", "s3://study/results/f.csv", "--workers", 1, "--quiet")
    done = toolkit(*call)
    assert done.status == 0 and "s3://study/results/f.csv" in done.out, done
    local = toolkit("features", tmp_path / "photos", "--out", tmp_path / "f.csv", "--workers", 1, "--quiet")
    bucket.invalidate_cache()
    assert local.status == 0 and bucket.cat("study/results/f.csv") == (tmp_path / "f.csv").read_bytes()
    assert sorted(bucket.find("study/results")) == ["study/results/f.csv", "study/results/f.toolkit.json"]
    assert toolkit(*call).status == 0  # over its own
    bucket.pipe("study/results/f.csv", b"edited")
    refused = toolkit(*call)
    assert refused.status == 1 and "s3://study/results/f.csv: exists" in refused.err
    bucket.invalidate_cache()
    assert bucket.cat("study/results/f.csv") == b"edited"


def test_a_part_written_to_a_bucket_is_merged_from_there(bucket, tmp_path, monkeypatch):
    for path in write_photos(tmp_path / "photos", 2):
        bucket.put_file(str(path), f"study/photos/{path.name}")
    options = ("--workers", 1, "--quiet")
    for part in (1, 2):  # each with a cache of its own, as on a machine of its own
        monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / f"cache{part}"))
        done = toolkit(
            "grade", "s3://study/photos", "--out", f"s3://study/{part}.parts", "--part", f"{part}/2", *options
        )
        assert done.status in (0, 1), done  # a share of so few may be empty
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    call = ("merge", "s3://study/1.parts", "s3://study/2.parts", "--out", "s3://study/g.xlsx", "--no-change")
    done = toolkit(*call, *options)
    assert done.status == 0 and "2 of 2 photos graded" in done.out, done
    bucket.invalidate_cache()
    assert bucket.exists("study/g.xlsx")
