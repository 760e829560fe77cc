"""benchmarks/ is a package that says what it holds, runs, and imports public names only."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import benchmarks
from benchmarks.command import as_app

ROOT = Path(benchmarks.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
LISTED = re.findall(r"^    ([a-z.]+) {2,}\w", benchmarks.__doc__, flags=re.M)


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def main_module(name):
    """The module that ``python -m benchmarks.NAME`` runs."""
    folder = ROOT / name.replace(".", "/")
    return importlib.import_module(f"benchmarks.{name}{'.__main__' if folder.is_dir() else ''}")


def private_names(tree):
    """Private names of others that a module imports, looks up, or names to a call (as for ``setattr``)."""
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    named = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            named += [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            named += [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr in own
        ):
            named.append(node.attr)
        elif isinstance(node, ast.Call):
            named += [
                one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
    return [name for name in named if re.fullmatch(r"_[a-z]\w*", name)]


def test_every_form_of_a_private_name_is_seen():
    imports = ["from toolkit.a import _b", "from toolkit import _a as b", "import toolkit._a"]
    for line in (*imports, "a._b", "self._c()", "setattr(a, '_b', 1)"):
        assert private_names(ast.parse(line)), line
    fine = "class A:\n def __init__(self): self._b = 1\n def c(self): return self._b, self.__dict__, _d\n"
    assert not private_names(ast.parse(fine))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_name_public_things_only_and_are_documented(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert not private_names(tree)
    assert ast.get_docstring(tree)
    assert not re.search(r"\.\./|SourceFileLoader|sys\.path", text)


def test_the_list_is_of_all_that_runs():
    runs = [path for path in MODULES if "\nif __name__ ==" in path.read_text()]
    assert sorted(LISTED) == sorted(name_of(path).removesuffix(".__main__") for path in runs)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks"], capture_output=True, text=True, cwd=ROOT.parent
    )
    assert done.stdout.strip() == benchmarks.__doc__.strip()


@pytest.mark.parametrize("name", LISTED)
def test_help_says_how_it_is_run(name):
    module = main_module(name)
    done = CliRunner().invoke(as_app(module.main, module.__doc__), ["--help"])
    assert done.exit_code == 0
    assert f"python -m benchmarks.{name}" in done.output


@pytest.mark.parametrize("name", LISTED)
def test_examples_take_options_that_exist(name):
    module = main_module(name)
    known = set(re.findall(r"--[a-z][a-z-]*", CliRunner().invoke(as_app(module.main, ""), ["--help"]).output))
    for line in module.__doc__.splitlines():
        if f"python -m benchmarks.{name} " in line:
            assert set(re.findall(r"--[a-z][a-z-]*", line.split("#")[0])) <= known, line


def test_it_is_not_installed():
    packages = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert packages and all(name.split(".")[0] == "toolkit" for name in packages)
