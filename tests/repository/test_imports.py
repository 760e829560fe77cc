import ast
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit

PACKAGE = Path(toolkit.__file__).parent
HEAVY = {
    "tensorflow",
    "keras",
    "faiss",
    "lightgbm",
    "pandas",
    "sklearn",
    "skimage",
    "scipy",
    "dlib",
    "openpyxl",
    "xlsxwriter",
    "matplotlib",
    "jinja2",
    "onnx",
    "onnxruntime",
    "statsmodels",
    "patsy",
    "distributed",
    "dask",
    "fsspec",
}
STAGES = (
    "images",
    "landmarks",
    "chart",
    "correction",
    "patches",
    "quality",
    "pigment",
    "siamese",
    "index",
    "blend",
    "phantom",
)
SHARED = {
    "records",
    "settings",
    "errors",
    "booster",
    "colours",
    "colourtarget",
    "csvguard",
    "formats",
    "geometry",
    "jpeg",
    "likeness",
    "pool",
    "meanface",
    "outputs",
    "quantiles",
    "files",
    "tables",
    "visible",
}  # colourtarget, formats, geometry, jpeg, meanface, quantiles and visible: arrays or bytes in, figures out; outputs, files and tables: how any file is written


def loaded(code):
    """The top-level modules that a fresh interpreter has loaded after running ``code``."""
    report = "import sys; sys.stdout = sys.__stdout__; print(); print(' '.join({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_the_package_loads_nothing_heavy():
    modules = loaded("import toolkit; toolkit.__version__")
    assert "toolkit" in modules
    assert not modules & (HEAVY | {"cv2"})


@pytest.mark.parametrize("arguments", [["--help"], ["grade", "--help"], ["train", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['toolkit', *{arguments!r}]\n"
        "try:\n    runpy.run_module('toolkit.cli', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
    )
    modules = loaded(code)
    assert "typer" in modules
    assert not modules & (HEAVY | {"cv2"})


def test_stages_and_pipeline_load_nothing_heavy():
    modules = loaded("import importlib\nfor name in ('pipeline', 'study', 'workbook', 'scores', 'training', 'phantom'):"
                     "\n    importlib.import_module('toolkit.' + name)")  # fmt: skip
    assert "cv2" in modules
    assert not modules & HEAVY


def sources(stage):
    folder = PACKAGE / stage
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{stage}.py"]


def module_level_imports(path):
    """The toolkit modules (first name after ``toolkit``) that a file imports outside functions."""

    def visit(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.ImportFrom):
                if child.level:
                    yield from names_of(
                        "toolkit." + ".".join(path.relative_to(PACKAGE).parts[:-1]), child.names
                    )
                else:
                    yield from names_of(child.module or "", child.names)
            elif isinstance(child, ast.Import):
                for alias in child.names:
                    yield from names_of(alias.name, [])
            else:
                yield from visit(child)

    def names_of(module, aliases):
        parts = [part for part in module.split(".") if part]
        if parts[:1] == ["toolkit"]:
            yield from parts[1:2] or [alias.name for alias in aliases]

    return set(visit(ast.parse(path.read_text(encoding="utf-8"))))


def test_the_import_reader_sees_every_form(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    path = tmp_path / "stage.py"
    path.write_text(
        "import toolkit.a.x\nfrom toolkit import b\nfrom toolkit.c.y import z\nfrom . import d\nimport numpy\n"
        "if True:\n    import toolkit.e\ndef f():\n    import toolkit.inside\nclass C:\n    import toolkit.g\n"
    )
    assert module_level_imports(path) == set("abcdeg")


@pytest.mark.parametrize("stage", STAGES)
def test_stages_do_not_import_each_other(stage):
    paths = sources(stage)
    assert paths and all(path.exists() for path in paths)
    for path in paths:
        foreign = module_level_imports(path) - SHARED - {stage}
        assert not foreign, f"{path.name} imports {', '.join(sorted(foreign))} at module level"
