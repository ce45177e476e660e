# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

import modeling_emoclip
from emoclip.export.hub_folder import save_hub_folder
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel
from modeling_emoclip.hub_emoclip import AUTO_MAP, copy_code


class Part:
    """Stands for a model or processor: writes the files transformers would write, or fails half-way."""

    def __init__(self, files, error=None):
        self.files, self.error, self.config = files, error, EmoCLIPConfig()

    def save_pretrained(self, folder):
        for name, content in self.files.items():
            (Path(folder) / name).write_text(json.dumps(content))
        if self.error:
            raise self.error


def model_part(**kwargs):
    return Part({"config.json": {"model_type": "emoclip", "auto_map": {"AutoModel": "stale.Old"}}}, **kwargs)


def processor_part():
    return Part(
        {
            "processor_config.json": {"video_processor": {"num_frames": 7}},
            "tokenizer_config.json": {"model_max_length": 13},
        }
    )


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["config.json", "processor_config.json", "tokenizer_config.json"])
def test_every_configuration_carries_the_whole_map(tmp_path, name):
    """`save_pretrained` adds only the saved class: AutoProcessor would then not find the processor, or find a stale one."""
    folder = save_hub_folder(model_part(), processor_part(), tmp_path / "model")
    content = json.loads((folder / name).read_text())
    assert content["auto_map"] == AUTO_MAP


def test_video_processor_inside_the_processor_file_is_mapped(tmp_path):
    """transformers 5 keeps the video processor inside processor_config.json; AutoVideoProcessor reads the map there."""
    folder = save_hub_folder(model_part(), processor_part(), tmp_path / "model")
    content = json.loads((folder / "processor_config.json").read_text())
    assert content["video_processor"]["auto_map"] == AUTO_MAP
    assert content["video_processor"]["num_frames"] == 7


def test_map_points_to_existing_classes(tmp_path):
    """An entry for a class that was renamed fails only on the user's machine."""
    copies = {path.stem: path.read_text() for path in copy_code(tmp_path)}
    assert {"AutoConfig", "AutoModel"} <= set(AUTO_MAP)
    for reference in AUTO_MAP.values():
        module, class_name = reference.split(".")
        assert f"class {class_name}(" in copies[module]


def test_all_code_is_copied_flat(tmp_path):
    """One forgotten file and the folder loads nowhere but here."""
    source = Path(modeling_emoclip.__file__).parent
    folder = save_hub_folder(model_part(), processor_part(), tmp_path / "model")
    expected = {path.name: path.read_bytes() for path in source.glob("*.py") if path.name != "__init__.py"}
    assert {path.name: path.read_bytes() for path in folder.rglob("*.py")} == expected


def test_card_is_written_as_given(tmp_path):
    """The trainer's card with data and numbers must not be replaced by the general one."""
    folder = save_hub_folder(model_part(), processor_part(), tmp_path / "model", card="mine")
    assert (folder / "README.md").read_text() == "mine"


def test_default_card_has_a_header(tmp_path):
    """Without the YAML header the Hub shows neither the task nor how to load the model."""
    folder = save_hub_folder(model_part(), processor_part(), tmp_path / "model")
    assert (folder / "README.md").read_text().startswith("---\nlanguage: en\n")


def test_parent_folders_are_created(tmp_path):
    """A training run names `outputs/run/model` before anything exists; failing at the end would lose the run."""
    assert save_hub_folder(model_part(), processor_part(), tmp_path / "a" / "b" / "model").is_dir()


def test_existing_folder_is_refused_and_kept(tmp_path):
    """A second run with the same output must not destroy the first one's model."""
    save_hub_folder(model_part(), processor_part(), tmp_path / "model", card="first")
    with pytest.raises(FileExistsError, match=r"must not exist yet, got .*model; choose another or pass overwrite"):
        save_hub_folder(model_part(), processor_part(), tmp_path / "model", card="second")
    assert (tmp_path / "model" / "README.md").read_text() == "first"


def test_overwrite_replaces_the_whole_folder(tmp_path):
    """Files of the old model mixed into the new one (a second shard, say) would be loaded with it."""
    folder = save_hub_folder(model_part(), processor_part(), tmp_path / "model")
    (folder / "model-00002-of-00002.safetensors").touch()
    save_hub_folder(model_part(), processor_part(), folder, card="second", overwrite=True)
    assert not (folder / "model-00002-of-00002.safetensors").exists()
    assert left_behind(tmp_path) == ["model"]


@pytest.mark.parametrize("content", [["thesis.txt"], []])
def test_overwrite_spares_what_is_no_model(tmp_path, content):
    """`--overwrite` with a mistyped path must not delete somebody's documents; an empty folder is no loss."""
    target = tmp_path / "home"
    target.mkdir()
    for name in content:
        (target / name).touch()
    if not content:
        assert save_hub_folder(model_part(), processor_part(), target, overwrite=True)
        return
    with pytest.raises(FileExistsError, match=r"Only a model folder \(with config.json\) may be overwritten, got "):
        save_hub_folder(model_part(), processor_part(), target, overwrite=True)
    assert left_behind(target) == content


def test_overwrite_spares_a_clone_of_a_repository(tmp_path):
    """A clone of a Hub repository looks like a model folder; replacing it would delete its history."""
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    (tmp_path / "clone" / "config.json").write_text("{}")
    with pytest.raises(FileExistsError, match="never replaced"):
        save_hub_folder(model_part(), processor_part(), tmp_path / "clone", overwrite=True)


def test_a_file_is_never_overwritten(tmp_path):
    """The output names a folder; a file of that name is somebody's data."""
    target = tmp_path / "model"
    target.write_text("data")
    with pytest.raises(FileExistsError, match="Only a model folder"):
        save_hub_folder(model_part(), processor_part(), target, overwrite=True)
    assert target.read_text() == "data"


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_failure_half_way_leaves_nothing(tmp_path, error):
    """Half a folder would be taken for a model by the next command."""
    with pytest.raises(type(error)):
        save_hub_folder(model_part(error=error), processor_part(), tmp_path / "model")
    assert left_behind(tmp_path) == []


def test_failure_while_replacing_keeps_the_old_model(tmp_path):
    """A full disk during the second save must not cost the first result."""
    save_hub_folder(model_part(), processor_part(), tmp_path / "model", card="first")
    with pytest.raises(OSError, match="disk full"):
        save_hub_folder(model_part(error=OSError("disk full")), processor_part(), tmp_path / "model", overwrite=True)
    assert (tmp_path / "model" / "README.md").read_text() == "first"
    assert left_behind(tmp_path) == ["model"]


def test_a_failed_rename_brings_the_old_folder_back(tmp_path, monkeypatch):
    """Between the two renames there is no model under its name."""
    folder = save_hub_folder(model_part(), processor_part(), tmp_path / "model", card="first")
    rename = Path.rename

    def fail_for_the_new(path, target):
        if path.name.endswith(".partial"):
            raise OSError("gone")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(OSError, match="gone"):
        save_hub_folder(model_part(), processor_part(), folder, card="second", overwrite=True)
    assert (folder / "README.md").read_text() == "first"
    assert left_behind(tmp_path) == ["model"]


def test_weights_can_be_read_by_others(tmp_path):
    """A server runs as another user than the one who trained."""
    folder = save_hub_folder(EmoCLIPModel(tiny()), processor_part(), tmp_path / "model")
    modes = {path.stat().st_mode for path in folder.iterdir()}
    assert len(modes) == 1


def tiny() -> EmoCLIPConfig:
    tower = {"hidden_size": 8, "intermediate_size": 9, "num_hidden_layers": 1, "num_attention_heads": 2}
    return EmoCLIPConfig(
        text_config={**tower, "vocab_size": 11},
        vision_config={**tower, "image_size": 8, "patch_size": 4},
        temporal_config={"pooling": "mean"},
        projection_dim=6,
    )
