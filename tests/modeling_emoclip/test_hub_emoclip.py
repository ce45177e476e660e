# SPDX-License-Identifier: Apache-2.0
"""A saved folder is complete, whichever part was saved."""

import json

import pytest

from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor
from modeling_emoclip.hub_emoclip import AUTO_MAP, PIPELINE_TASK, auto_map, complete_folder, copy_code


@pytest.mark.parametrize(
    ("part", "name"), [(EmoCLIPModel, "config.json"), (EmoCLIPProcessor, "processor_config.json")]
)
def test_each_part_saved_by_itself_brings_code_and_the_whole_map(part, name, tiny_model_folder, tmp_path):
    """`model.push_to_hub` would else give a repository that opens for nobody."""
    part.from_pretrained(tiny_model_folder).save_pretrained(tmp_path)
    assert json.loads((tmp_path / name).read_text())["auto_map"] == AUTO_MAP
    for entry in AUTO_MAP.values():
        module, _, kind = entry.partition(".")
        assert f"class {kind}(" in (tmp_path / f"{module}.py").read_text()


def test_the_pipeline_is_named_in_the_configuration(tiny_model_folder, tmp_path):
    """`pipeline(task, repo, trust_remote_code=True)` looks there."""
    EmoCLIPModel.from_pretrained(tiny_model_folder).save_pretrained(tmp_path)
    pipelines = json.loads((tmp_path / "config.json").read_text())["custom_pipelines"]
    assert pipelines[PIPELINE_TASK] == {
        "impl": "pipeline_emoclip.ZeroShotVideoClassificationPipeline",
        "pt": ["AutoModel"],
    }


def test_saving_twice_gives_the_same_files(tiny_model_folder, tmp_path):
    """A map within a map, or a field that is refused on loading, would show the second time."""
    model = EmoCLIPModel.from_pretrained(tiny_model_folder)
    model.save_pretrained(tmp_path / "first")
    EmoCLIPModel.from_pretrained(tmp_path / "first").save_pretrained(tmp_path / "second")
    texts = [(tmp_path / name / "config.json").read_text() for name in ("first", "second")]
    assert texts[0] == texts[1]


def test_classes_without_their_file_are_left_out_of_the_map(tmp_path):
    """Code that was itself fetched for one class has not the files of the others."""
    (tmp_path / "configuration_emoclip.py").touch()
    assert auto_map(tmp_path) == {"AutoConfig": "configuration_emoclip.EmoCLIPConfig"}


def test_only_configuration_files_are_touched(tmp_path):
    """A user's own JSON beside the model is none of ours."""
    (tmp_path / "notes.json").write_text("{}")
    complete_folder(tmp_path)
    assert (tmp_path / "notes.json").read_text() == "{}"
    assert {path.suffix for path in copy_code(tmp_path)} == {".py"}
