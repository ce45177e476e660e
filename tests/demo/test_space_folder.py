# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import pytest
import yaml

from emoclip.commands.push import main
from emoclip.demo.space_folder import assemble_space


ROOT = Path(__file__).parents[2]


def build(root: Path, output: Path) -> Path:
    """Stands for pip, which needs a network to build."""
    path = output / "emoclip-9.9-py3-none-any.whl"
    path.write_bytes(b"wheel")
    return path


def test_a_space_has_its_files_and_the_package(tmp_path):
    """A Space whose requirements name a release that is on no index does not build."""
    files = assemble_space(ROOT / "space", tmp_path / "space", build)
    assert [path.name for path in files] == ["README.md", "app.py", "emoclip-9.9-py3-none-any.whl", "requirements.txt"]
    lines = (tmp_path / "space/requirements.txt").read_text().splitlines()
    assert "./emoclip-9.9-py3-none-any.whl[demo]" in lines
    assert "emoclip[demo]" not in lines
    assemble_space(ROOT / "space", tmp_path / "space", build)


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
