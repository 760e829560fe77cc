"""The scripts, pins and documents around the package say what is there."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import pytest
from places import ROOT
from test_benchmarks_package import LISTED, main_module
from typer.main import get_command

from benchmarks.command import as_app
from toolkit.cli import app

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SHELL = ("scripts/setup", "scripts/test", "scripts/check", "scripts/demo", ".ci/run")
FOLDERS = ("docs", "models", "scripts", "tests", "toolkit")
EVERY_DOCUMENT = sorted(
    [*ROOT.glob("*.md"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*.md"))]
)
MEASUREMENTS = ROOT / "docs" / "measurements"  # of versions gone by, with the commands of then
DOCUMENTS = [path for path in EVERY_DOCUMENT if MEASUREMENTS not in path.parents]
COMMANDS = ROOT / "docs" / "reference" / "commands.md"


def is_python(path):
    return path.read_bytes().startswith(b"#!/usr/bin/env python")


def place(path):
    """A document as tests are named by it."""
    return path.relative_to(ROOT).as_posix()


def scripts():
    return sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())


# --- scripts -------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize("name", SHELL)
def test_shell_scripts_parse(name):
    done = subprocess.run(["bash", "-n", str(ROOT / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [p for p in scripts() if is_python(p)], ids=lambda path: path.name)
def test_python_scripts_parse_and_are_documented(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_scripts_can_be_executed_but_for_the_one_that_is_sourced():
    runnable = {path.name for path in scripts() if os.access(path, os.X_OK)}
    assert runnable == {path.name for path in scripts()} - {"setup"}
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("name", SHELL[1:])
def test_shell_scripts_stop_at_the_first_error(name):
    text = (ROOT / name).read_text()
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text or 'source "$(dirname "$0")/setup"' in text
    assert "sudo" not in text


def test_continuous_integration_runs_the_checks_and_the_tests():
    assert {"scripts/check", "scripts/test"} <= set((ROOT / ".ci" / "run").read_text().split())


def test_setup_refuses_an_unfit_interpreter(tmp_path):
    """A PYTHON that is none is told in one line, before anything is made."""
    if not shutil.which("bash"):
        pytest.skip("no bash")
    (tmp_path / "scripts").mkdir()
    shutil.copy2(ROOT / "scripts" / "setup", tmp_path / "scripts")
    command = ["bash", "-c", "source scripts/setup cpu"]
    environment = {"PATH": os.environ["PATH"], "PYTHON": "/bin/false"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "No usable Python found" in done.stderr


# --- pins and packages ---------------------------------------------------------------------------


def pins():
    path = ROOT / "constraints.txt"
    if not path.is_file():
        pytest.skip("no constraints.txt")
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_constraints_are_plain_pins():
    for line in pins():
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*", line), line
    names = [normal(line.split("==")[0]) for line in pins()]
    assert len(set(names)) == len(names)


def test_constraints_fit_what_is_asked_for():
    from packaging.requirements import Requirement

    pinned = {normal(name): version for name, version in (line.split("==") for line in pins())}
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    here = {"platform_machine": "x86_64", "sys_platform": "linux"}
    for text in (*project["dependencies"], *extras["cpu"], *extras["dev"]):
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(here):
            assert normal(requirement.name) in pinned, f"{text} is not pinned"
            assert requirement.specifier.contains(pinned[normal(requirement.name)]), text


def test_every_package_folder_is_installed():
    packages = PROJECT["tool"]["setuptools"].get("packages")
    if not isinstance(packages, list):
        pytest.skip("setuptools finds the packages itself")
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "toolkit").rglob("__init__.py")}
    assert {".".join(folder.parts) for folder in folders} <= set(packages)
    mapped = PROJECT["tool"]["setuptools"].get("package-dir", {})
    for package in packages:
        assert (ROOT / mapped.get(package, package.replace(".", "/"))).is_dir(), package


def test_every_module_lies_in_a_package():
    for path in (ROOT / "toolkit").rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), path


# --- documents -----------------------------------------------------------------------------------


def commands():
    return get_command(app).commands


def options_of(name):
    return named(commands()[name].params)


def options_of_all():
    """Those before the command's name."""
    return named(get_command(app).params)


def named(parameters):
    return {option for one in parameters for option in (*one.opts, *one.secondary_opts)}


def command_lines(text):
    """Lines of a shell script or of a document's code blocks that call the command."""
    joined = text.replace("\\\n", " ")
    return [line for line in map(str.strip, joined.splitlines()) if line.startswith("toolkit ")]


def code_blocks(path):
    return "\n".join(re.findall(r"^\s*```\w*\n(.*?)^\s*```", path.read_text(), flags=re.M | re.S))


def inline_code(path):
    return "\n".join(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", path.read_text(), flags=re.S)))


def refuse_unknown(line):
    """A documented call uses a command and options that exist."""
    words = shlex.split(re.sub(r"[\[\]]", " ", line.replace("\\|", "|")), comments=True)
    name = words[1] if len(words) > 1 else ""
    if name.startswith("-"):
        return
    assert name in commands(), line
    used = {word.split("=")[0] for word in words[2:] if word.startswith("--")}
    assert used <= options_of(name) | {"--help"}, line


def test_the_demo_calls_commands_that_exist():
    lines = command_lines((ROOT / "scripts" / "demo").read_text())
    assert lines
    for line in lines:
        refuse_unknown(line)


@pytest.mark.parametrize("path", DOCUMENTS, ids=place)
def test_documents_call_commands_that_exist(path):
    for line in command_lines(code_blocks(path)) + command_lines(inline_code(path)):
        refuse_unknown(line)


@pytest.mark.parametrize("path", DOCUMENTS, ids=place)
def test_documents_name_options_and_scripts_that_exist(path):
    text = path.read_text()
    everything = set().union(*(options_of(name) for name in commands())) | options_of_all() | {"--help"}
    own = set().union(*map(options_of_benchmark, LISTED))
    words = {
        word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"--[a-z][a-z-]*", code)
    }
    assert words <= everything | own
    for script in re.findall(r"\bscripts/\w+", text):
        assert (ROOT / script).exists(), script


def plain_text(path):
    """A document without its code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^\s*```.*?^\s*```", "", path.read_text(), flags=re.M | re.S))


def anchors(path):
    """The names under which a page's headings can be linked to, as GitHub makes them."""
    text = re.sub(r"^\s*```.*?^\s*```", "", path.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#{1,6} +(.+?) *$", text, flags=re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).casefold() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", EVERY_DOCUMENT, ids=place)
def test_every_link_leads_to_a_file_and_to_a_heading(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", plain_text(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = path.parent / file if file else path
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_of_the_documentation_is_in_its_index():
    index = ROOT / "docs" / "README.md"
    linked = {
        (index.parent / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", index.read_text())
    }
    assert set(index.parent.rglob("*.md")) - linked == {index}


@pytest.mark.parametrize("name", commands())
def test_every_option_of_every_command_is_explained(name):
    _, _, rest = COMMANDS.read_text().partition(f"\n## toolkit {name}\n")
    section, _, _ = rest.partition("\n## ")
    assert section, f"no section on toolkit {name}"
    told = set(re.findall(r"--[a-z][a-z-]*", section))
    wanted = {option for option in options_of(name) if option.startswith("--")} - {"--help"}
    assert wanted <= told, wanted - told


def test_the_version_is_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)[0] == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_no_document_has_blanks_left():
    for path in EVERY_DOCUMENT:
        assert re.findall(r"@[A-Z]+@|TODO|FIXME", path.read_text()) == [], path


def options_of_benchmark(name):
    module = main_module(name)
    return named(get_command(as_app(module.main, module.__doc__)).params)


@pytest.mark.parametrize("path", EVERY_DOCUMENT, ids=lambda path: path.name)
def test_documents_name_benchmarks_that_exist(path):
    text = path.read_text()
    for file in re.findall(r"\bbenchmarks/[\w/.]*\w", text):
        assert (ROOT / file).exists(), file
    for name, rest in re.findall(r"python -m benchmarks\.([a-z.]*[a-z])\b([^`\n]*)", text):
        assert name in LISTED, name
        used = set(re.findall(r"--[a-z][a-z-]*", rest.split(" #")[0]))
        assert used <= options_of_benchmark(name) | {"--help"}, rest


def test_the_module_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "toolkit.cli", "--version"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip() == PROJECT["project"]["version"]
