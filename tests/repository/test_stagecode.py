"""Which code makes earlier results stale."""

import subprocess
import sys
from pathlib import Path

import toolkit
from toolkit.stagecode import STAGES, code_hash

# What a run imports and no grade depends on: messages, files written, processes, the join with a study's workbook.
WITHOUT_SAY = {
    "csvguard",
    "errors",
    "modelcheck",
    "outputs",
    "photos",
    "pool",
    "processes",
    "study",
    "files",
    "thumbnails",
    "workers",
}


def test_every_module_that_grading_imports_counts_or_is_known_not_to():
    code = "import sys, toolkit.workers; print(*(m for m in sys.modules if m.startswith('toolkit.')))"
    names = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    package = Path(toolkit.__file__).parent
    rooms = {name.split(".")[1] for name in names}
    listed = {name.split("/")[0].removesuffix(".py") for name in STAGES}
    assert rooms - listed == WITHOUT_SAY - listed
    assert all((package / name).exists() for name in STAGES)


def test_the_hash_is_of_the_sources(tmp_path, monkeypatch):
    assert len(code_hash()) == 64
    before, path = code_hash(), tmp_path / "pipeline.py"
    path.write_text("# another pipeline\n")
    monkeypatch.setattr("toolkit.stagecode.STAGES", (str(path),))
    code_hash.cache_clear()
    assert code_hash() != before
    code_hash.cache_clear()
