# SPDX-License-Identifier: Apache-2.0
"""The files around the code: they rot silently, because nobody runs them."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def requirements():
    """Returns every requirement of the package and of its extras, our own extras apart."""
    lines = PROJECT["dependencies"] + [line for lines in EXTRAS.values() for line in lines]
    return [Requirement(line) for line in lines if not line.startswith("emoclip[")]


def constraints():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_every_dependency_has_a_tested_version():
    """A dependency missing from the constraints floats, and the installation breaks on the day its next release does."""
    missing = [r.name for r in requirements() if canonicalize_name(r.name) not in constraints()]
    assert missing == []


def test_tested_versions_lie_in_the_ranges():
    """pip refuses to install when a constraint and a range exclude each other."""
    pinned = constraints()
    outside = [str(r) for r in requirements() if not r.specifier.contains(pinned[canonicalize_name(r.name)])]
    assert outside == []


def test_constraints_name_no_local_builds():
    """`torch==2.13.0+cpu` exists on no public index; the plain version takes whatever build a machine offers."""
    assert [name for name, version in constraints().items() if Version(version).local] == []


def test_base_installation_is_lean():
    """Who analyses a video must not have to install a training stack and a web server."""
    heavy = {"accelerate", "datasets", "evaluate", "gradio", "matplotlib", "peft", "scikit-learn", "torchvision"}
    assert heavy & {Requirement(line).name for line in PROJECT["dependencies"]} == set()


def test_base_installation_can_analyse():
    """An import of an extra's package at the top of some module breaks the small installation, and no developer notices."""
    code = (
        "import sys\n"
        "for name in 'accelerate datasets evaluate gradio matplotlib peft sklearn tensorboard'.split():\n"
        "    sys.modules[name] = None\n"
        "import emoclip.analysis, emoclip.cli, emoclip.export\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_version_is_said_once():
    """The package, its metadata and the citation must not disagree about which version somebody used."""
    import emoclip

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert emoclip.__version__ == PROJECT["version"] == str(citation["version"])
    assert importlib.metadata.version("emoclip") == PROJECT["version"]


def test_citation_names_the_three_papers():
    """The methods are other people's work."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    identifiers = {entry["identifiers"][0]["value"] for entry in citation["references"]}
    assert identifiers == {"arXiv:2310.16640", "arXiv:2305.13500", "arXiv:2405.19100"}


def test_make_help_lists_every_target():
    """A target nobody can find is not used; one without a description is not understood."""
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"make ([a-z-]+) +\S", shown)
    assert {"help", "install", "demo", "test", "test-all", "check", "bench", "clean"} <= set(listed)


@pytest.mark.parametrize("target", ["install", "test", "demo"])
def test_make_targets_parse(target):
    """A Makefile error would meet every new user in the first minute."""
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True)


def test_every_benchmark_gets_what_it_asks_for():
    """`make bench` ended at the first script, which does nothing without an argument."""
    command = ["make", "--dry-run", "bench"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for script in (ROOT / "benchmarks").glob("*.py"):
        call = re.search(rf"{script.name}(.*?)(&&|$)", shown, re.MULTILINE)
        assert call, script.name
        arguments, source = call[1].split(), script.read_text(encoding="utf-8")
        needed = re.findall(r'add_argument\("(--[a-z-]+)"[^\n]*required=True', source)
        assert [name for name in needed if name not in arguments] == [], script.name
        assert not re.search(r'add_argument\("[a-z]', source) or arguments, script.name


def test_ci_script_parses_and_can_be_run():
    """A CI script that lost its executable bit or a quote checks nothing."""
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_readme_is_short_and_starts_with_the_commands():
    """The first screen decides whether a visitor tries it."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    first_screen = "\n".join(lines[:45])
    for part in ("make demo", "make test", "import emoclip", "<img "):
        assert part in first_screen


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """A dead link in the documentation is a promise that is not kept."""
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(r"src=\"([^\"]+)\"", text)
    local = [target for target in targets if not target.startswith(("http", "mailto"))]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_in_commands_exist(page):
    """A command copied from the documentation must not end in `No such file`."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(
        r"\b((?:configs|data_scripts|benchmarks|space|results|emoclip)/[\w./-]+\.(?:ya?ml|py|jsonl?|md))", text
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_open_places(page):
    """A placeholder in a published page looks like a number nobody measured."""
    assert "@@" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_parse_and_import_what_exists(page):
    """Examples are the first thing that is copied, and the last that is updated."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for block in blocks:
        compile(block, page.name, "exec")
        for line in block.splitlines():
            if re.match(r"from (emoclip|modeling_emoclip)", line):
                exec(line, {})


@pytest.mark.parametrize("extra", ["plot", "data", "train", "evaluate", "demo", "all", "test", "dev"])
def test_extras_of_the_documentation_exist(extra):
    """`pip install 'emoclip[plot]'` of an unknown extra only warns and installs too little."""
    assert extra in EXTRAS
    assert f"`{extra}`" in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
