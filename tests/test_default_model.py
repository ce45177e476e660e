# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

import modeling_emoclip
from emoclip import default_model
from modeling_emoclip.hub_emoclip import AUTO_MAP, CUSTOM_PIPELINES


SOURCE = Path(modeling_emoclip.__file__).parent


def test_missing_model_is_told_with_its_place(tmp_path, monkeypatch):
    """A source checkout without the weights must say what is missing instead of failing inside transformers."""
    monkeypatch.setattr(default_model, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(FileNotFoundError, match=f"must lie in {tmp_path / 'model'}, but it is not there"):
        default_model.path()


def test_packaged_code_is_current():
    """The folder is loaded by AutoModel with its own copy of the code; a stale copy computes something else."""
    folder = default_model.path()
    names = sorted(path.name for path in SOURCE.glob("*.py") if path.name != "__init__.py")
    stale = [name for name in names if (folder / name).read_bytes() != (SOURCE / name).read_bytes()]
    assert stale == [], "run `make default-code`"
    assert sorted(path.name for path in folder.glob("*.py")) == names


@pytest.mark.parametrize("name", ["config.json", "processor_config.json", "tokenizer_config.json"])
def test_packaged_configurations_carry_the_whole_map(name):
    """The pipeline and the classes that came later would else be unknown where only the folder is at hand."""
    content = json.loads((default_model.path() / name).read_text(encoding="utf-8"))
    assert content["auto_map"] == AUTO_MAP, "run `make default-code`"
    if name == "config.json":
        assert content["custom_pipelines"] == CUSTOM_PIPELINES


def test_packaged_model_is_small():
    """It travels in every wheel and every clone."""
    size = sum(path.stat().st_size for path in default_model.path().iterdir())
    assert size <= 12_000_000


@pytest.mark.parametrize("word", ["seed", "commit", "real faces"])
def test_packaged_card_says_how_it_was_made(word):
    """Weights that nobody can make again are no regression test, and nobody must take them for a product."""
    assert word in (default_model.path() / "README.md").read_text(encoding="utf-8")
