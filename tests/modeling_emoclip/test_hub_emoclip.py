# SPDX-License-Identifier: Apache-2.0
"""A saved folder is complete, whichever part was saved."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers.dynamic_module_utils import get_relative_import_files

from modeling_emoclip import EmoCLIPForVideoClassification, EmoCLIPModel, EmoCLIPProcessor, hub_emoclip
from modeling_emoclip.hub_emoclip import (
    AUTO_MAP,
    CUSTOM_PIPELINES,
    PIPELINE_TASK,
    auto_map,
    complete_folder,
    copy_code,
    entry_classes,
)


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


def test_weights_are_as_readable_as_the_rest(tiny_model_folder, tmp_path):
    """On a shared disk a folder with weights for their owner alone is of use to nobody else."""
    EmoCLIPModel.from_pretrained(tiny_model_folder).save_pretrained(tmp_path)
    modes = {(tmp_path / name).stat().st_mode for name in ("config.json", "model.safetensors")}
    assert len(modes) == 1


def test_saving_twice_gives_the_same_files(tiny_model_folder, tmp_path):
    """A map within a map, or a field that is refused on loading, would show the second time."""
    model = EmoCLIPModel.from_pretrained(tiny_model_folder)
    model.save_pretrained(tmp_path / "first")
    EmoCLIPModel.from_pretrained(tmp_path / "first").save_pretrained(tmp_path / "second")
    texts = [(tmp_path / name / "config.json").read_text() for name in ("first", "second")]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("entry", ["modeling_emoclip", "processing_emoclip", "pipeline_emoclip"])
def test_each_file_that_saves_reaches_every_other(entry):
    """transformers fetches what a text search finds imported: a file out of reach is lost when fetched code saves again."""
    source = Path(hub_emoclip.__file__).parent
    reached = {Path(file).name for file in get_relative_import_files(source / f"{entry}.py")}
    assert reached == {path.name for path in source.glob("*_emoclip.py")}


def test_the_map_names_the_classes_that_there_are():
    """A renamed class would be found missing by whoever downloads the folder."""
    named = {**AUTO_MAP, PIPELINE_TASK: CUSTOM_PIPELINES[PIPELINE_TASK]["impl"]}
    assert {
        name: f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}" for name, kind in entry_classes().items()
    } == named


# Loads by code of the folder alone and saves again: the pipeline, and model and processor into one folder.
SAVE_AGAIN = """
import sys
from transformers import AutoModel, AutoModelForVideoClassification, AutoProcessor, pipeline

folder, out = sys.argv[1:]
classify = pipeline("zero-shot-video-classification", folder, trust_remote_code=True)
assert type(classify).__module__.startswith("transformers_modules."), type(classify)
classify.save_pretrained(f"{out}/pipeline")
AutoModel.from_pretrained(folder, trust_remote_code=True).save_pretrained(f"{out}/parts")
AutoProcessor.from_pretrained(folder, trust_remote_code=True).save_pretrained(f"{out}/parts")
AutoModelForVideoClassification.from_pretrained(folder, trust_remote_code=True).save_pretrained(f"{out}/head")
"""

# Opens what was saved, in every way that the map names.
OPEN_AGAIN = """
import sys
import torch
from transformers import AutoConfig, AutoModel, AutoModelForVideoClassification, AutoProcessor, pipeline

(out,) = sys.argv[1:]
frames = torch.zeros(5, 3, 26, 34, dtype=torch.uint8)
for name in ("pipeline", "parts"):
    classify = pipeline("zero-shot-video-classification", f"{out}/{name}", trust_remote_code=True)
    assert len(classify(frames, candidate_labels=["joy", "fear"])) == 2
    AutoModel.from_pretrained(f"{out}/{name}", trust_remote_code=True)
    AutoProcessor.from_pretrained(f"{out}/{name}", trust_remote_code=True)
head = AutoModelForVideoClassification.from_pretrained(f"{out}/head", trust_remote_code=True)
assert type(head).__module__.startswith("transformers_modules."), type(head)
"""


def run_without_us(script, arguments, home):
    """Run Python far from the checkout with an empty cache; `-S` leaves out the .pth file of an editable installation."""
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "PYTHON"))}
    environment |= {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = next(path for path in sys.path if path.endswith("site-packages"))
    command = [sys.executable, "-P", "-S", "-c", script, *map(str, arguments)]
    result = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]


def test_fetched_code_saves_complete_folders_again(tiny_model_folder, tmp_path):
    """Who fine-tunes a model from the Hub saves with fetched code; the result must open as the original did."""
    run_without_us(SAVE_AGAIN, [tiny_model_folder, tmp_path], tmp_path / "first_home")
    for name in ("pipeline", "parts", "head"):
        config = json.loads((tmp_path / name / "config.json").read_text())
        assert config["auto_map"] == AUTO_MAP
        assert config["custom_pipelines"] == ({} if name == "head" else CUSTOM_PIPELINES)
    run_without_us(OPEN_AGAIN, [tmp_path], tmp_path / "second_home")


def test_a_head_for_classes_names_no_pipeline(tiny_model_folder, tmp_path):
    """It has no text tower; the pipeline would score words by random weights."""
    EmoCLIPForVideoClassification.from_pretrained(tiny_model_folder).save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["custom_pipelines"] == {}


def test_classes_without_their_file_are_left_out_of_the_map(tmp_path):
    """A map that names a file which is not there fails only when somebody opens the folder."""
    (tmp_path / "configuration_emoclip.py").touch()
    assert auto_map(tmp_path) == {"AutoConfig": "configuration_emoclip.EmoCLIPConfig"}


def test_only_configuration_files_are_touched(tmp_path):
    """A user's own JSON beside the model is none of ours."""
    (tmp_path / "notes.json").write_text("{}")
    complete_folder(tmp_path)
    assert (tmp_path / "notes.json").read_text() == "{}"
    assert {path.suffix for path in copy_code(tmp_path)} == {".py"}
