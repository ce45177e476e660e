# SPDX-License-Identifier: Apache-2.0
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from packaging.requirements import Requirement

from emoclip.commands.push import main
from emoclip.demo import space_folder
from emoclip.demo.space_folder import CPU_INDEX, assemble_space, push_space


ROOT = Path(__file__).parents[2]


def build(root: Path, output: Path) -> Path:
    """Stands for pip, which needs a network to build: the package as it is here, with the metadata of its installation."""
    path = output / "emoclip-9.9-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file in sorted(path for name in ("emoclip", "modeling_emoclip") for path in (root / name).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                wheel.write(file, file.relative_to(root))
        wheel.writestr("emoclip-9.9.dist-info/METADATA", str(metadata("emoclip")))
    return path


def test_a_space_has_its_files_and_the_package(tmp_path):
    """A Space whose requirements name a release that is on no index does not build."""
    for _ in range(2):
        files = assemble_space(ROOT / "space", tmp_path / "space", build)
    assert [path.name for path in files] == ["README.md", "app.py", "emoclip-9.9-py3-none-any.whl", "requirements.txt"]


@pytest.mark.parametrize(
    ("hardware", "small"), [(None, True), ("cpu-upgrade", True), ("zero-a10g", False), ("t4-small", False)]
)
def test_requirements_can_be_installed_without_the_other_files(tmp_path, hardware, small):
    """A Space installs them alone; and with a card the builds for processors must not be offered."""
    assemble_space(ROOT / "space", tmp_path / "space", build, hardware=hardware)
    lines = (tmp_path / "space/requirements.txt").read_text().splitlines()
    assert (lines[0] == CPU_INDEX) is small
    named = {requirement.name: requirement for requirement in map(Requirement, lines[small:])}
    assert {"torch", "transformers", "av", "gradio"} <= set(named)
    assert "mcp" in named["gradio"].extras
    assert not {"emoclip", "pytest", "onnx", "datasets"} & set(named)
    assert all(requirement.url is None and requirement.marker is None for requirement in named.values())


def test_the_page_comes_from_the_wheel(tmp_path):
    """What is beside app.py is what runs, whatever else is installed; nothing is left behind."""
    assemble_space(ROOT / "space", tmp_path / "space", build)
    (tmp_path / "tmp").mkdir()
    code = (
        "import app, pathlib; app.use_wheel(pathlib.Path(app.__file__).parent); from importlib.util import find_spec; "
        "print(find_spec('emoclip').origin); print(find_spec('modeling_emoclip').origin)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "space",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(line.startswith(str(tmp_path / "tmp/emoclip-wheel-")) for line in told.stdout.split())
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_is_no_wheel_is_told(tmp_path):
    """Before anything is sent."""

    def broken(root, output):
        path = output / "emoclip-9.9-py3-none-any.whl"
        path.write_bytes(b"wheel")
        return path

    with pytest.raises(ValueError, match="must hold one METADATA"):
        assemble_space(ROOT / "space", tmp_path / "space", broken)
    with pytest.raises(ValueError, match=r"must be one of cpu-basic.*got 'gpu'"):
        assemble_space(ROOT / "space", tmp_path / "space", build, hardware="gpu")


def test_a_space_is_sent_in_one_commit_and_gets_its_hardware(tmp_path, monkeypatch):
    """The wheel of the version before goes in the same commit."""
    calls = []

    class Hub:
        def create_repo(self, repo, **options):
            calls.append(("create", repo, options["repo_type"], options["space_sdk"], options["private"]))

        def upload_folder(self, **options):
            calls.append(("upload", options["repo_id"], options["delete_patterns"]))
            return SimpleNamespace(commit_url="https://hub/commit")

        def request_space_hardware(self, repo, hardware):
            calls.append(("hardware", repo, hardware))

    monkeypatch.setattr(space_folder, "HfApi", Hub)
    assert push_space(tmp_path, "me/space", hardware="zero-a10g") == "https://hub/commit"
    assert calls == [
        ("create", "me/space", "space", "gradio", True),
        ("upload", "me/space", ["*.whl"]),
        ("hardware", "me/space", "zero-a10g"),
    ]


def test_the_header_names_the_version_that_was_tested():
    """Another Gradio may lay the page out otherwise, or not open it."""
    header = yaml.safe_load((ROOT / "space/README.md").read_text(encoding="utf-8").split("---")[1])
    tested = re.search(r"^gradio==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert header["sdk"] == "gradio"
    assert header["sdk_version"] == tested[1]
    assert (ROOT / "space" / header["app_file"]).is_file()


def test_other_folders_are_refused_and_kept(tmp_path):
    """A slip of the path must not empty somebody's folder."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").touch()
    with pytest.raises(FileExistsError, match=r"thesis\.txt"):
        assemble_space(ROOT / "space", tmp_path / "mine", build)
    with pytest.raises(FileNotFoundError, match="of a clone"):
        assemble_space(tmp_path / "mine", tmp_path / "space", build)


def test_options_of_models_are_refused_for_a_space(capsys):
    """They would be passed over without a word."""
    assert main([str(ROOT / "space"), "me/space", "--space", "--licence", "mit"]) == 2
    assert "are for models" in capsys.readouterr().err


def test_hardware_is_refused_for_a_model(capsys):
    """A model has none."""
    assert main([str(ROOT / "space"), "me/model", "--hardware", "t4-small"]) == 2
    assert "is for Spaces" in capsys.readouterr().err
