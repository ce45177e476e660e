# SPDX-License-Identifier: Apache-2.0
import json
import shutil

import pytest
import torch

import emoclip
from emoclip import cli
from emoclip.analysis.source_model import DEFAULT_NAME, LoadedModel, load_model, scoring
from emoclip.default_model import path as default_folder
from emoclip.synthetic.descriptions import synthetic_class_descriptions
from modeling_emoclip import EmoCLIPModel


def test_folder_gives_model_and_processor(tiny_model_folder):
    """One name is enough; the statement repeats it."""
    loaded = load_model(tiny_model_folder)
    assert isinstance(loaded.model, EmoCLIPModel)
    assert loaded.processor.video_processor.num_frames == 5
    assert str(tiny_model_folder) in loaded.statement
    assert not loaded.class_descriptions
    assert load_model(loaded) is loaded


def test_loaded_model_finds_the_processor_of_its_folder(tiny_model_folder):
    """Two lines of Python: from_pretrained, then analyze."""
    model = EmoCLIPModel.from_pretrained(tiny_model_folder)
    assert isinstance(load_model(model), LoadedModel)
    assert load_model(model).processor.video_processor.frame_stride == 3


def test_a_model_that_is_loaded_by_name_computes_where_it_is_asked_to(tiny_model_folder, monkeypatch):
    """Commands name the card; a model that somebody has put somewhere stays there."""
    meta = torch.device("meta")
    assert load_model(tiny_model_folder, device=meta).model.device == meta
    assert load_model(tiny_model_folder).model.device.type == "cpu"
    assert load_model(EmoCLIPModel.from_pretrained(tiny_model_folder), device=meta).model.device.type == "cpu"


@pytest.mark.parametrize("command", ["analyze", "embed", "calibrate", "webcam", "batch"])
def test_commands_and_calls_ask_for_the_best_device(command, tiny_model_folder, short_clip, tmp_path, monkeypatch):
    """`batch` started one process for the card, and computed on the CPU."""
    asked = []

    def refuse(*_args, **options):
        asked.append(options["device"])
        raise ValueError("enough")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emoclip.precision.best_device", lambda: torch.device("meta"))
    monkeypatch.setattr("emoclip.analysis.load_model", refuse)
    words = [] if command == "embed" else ["--emotions", "a,b"]
    source = ["--source", str(short_clip)] if command == "webcam" else [str(short_clip)]
    output = {"embed": ["--output", "o.parquet"], "batch": ["--output", "o"]}.get(command, [])
    options = ["--model", str(tiny_model_folder), "--faces", "none"]
    assert cli.main([command, *source, *words, *output, *options]) == 2
    monkeypatch.setattr("emoclip.analysis.analyzer.best_device", lambda: torch.device("meta"))
    monkeypatch.setattr("emoclip.analysis.analyzer.load_model", refuse)
    with pytest.raises(ValueError, match="enough"):
        emoclip.analyze(str(short_clip), "a,b", tiny_model_folder)
    assert asked == [torch.device("meta")] * 2


def test_bare_model_needs_its_processor(tiny_model_folder):
    """A guessed processor would give wrong numbers in silence."""
    saved = load_model(tiny_model_folder)
    bare = EmoCLIPModel(saved.model.config)
    bare.config._name_or_path = bare.name_or_path = ""
    with pytest.raises(ValueError, match="`processor` must be given"):
        load_model(bare)
    assert load_model(bare, saved.processor).processor is saved.processor


def test_default_says_what_it_is():
    """Whoever reads its scores must know that it has seen drawings only."""
    loaded = load_model()
    assert loaded.name == DEFAULT_NAME
    assert "knows nothing of real faces" in loaded.statement
    assert loaded.class_descriptions == synthetic_class_descriptions()
    assert load_model(str(default_folder())).name == DEFAULT_NAME


def test_descriptions_travel_with_the_model(tiny_model_folder, tmp_path):
    """A model trained on captions is asked by description wherever it is copied to."""
    saved = load_model(tiny_model_folder)
    saved.model.config.class_descriptions = {"joy": "a broad smile"}
    saved.model.save_pretrained(tmp_path)
    saved.processor.save_pretrained(tmp_path)
    assert load_model(tmp_path).class_descriptions == {"joy": "a broad smile"}


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ("no/such/folder", FileNotFoundError, "folder must exist, got no/such/folder"),
        ("no-such-model", FileNotFoundError, "config.json or a Hub id that can be reached, got 'no-such-model'"),
        (torch.nn.Linear(2, 3), ValueError, "must be an EmoCLIP model, a folder or a Hub id, got Linear"),
        (5, ValueError, "got int"),
    ],
)
def test_models_that_are_none_are_refused(model, error, message):
    """One sentence instead of a page from the loader."""
    with pytest.raises(error, match=message):
        load_model(model)


def test_model_of_another_kind_is_refused(tmp_path):
    """A CLIP folder would load with a random temporal part and give random scores."""
    with pytest.raises(FileNotFoundError, match="must be a folder with a config"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip"}))
    with pytest.raises(ValueError, match="of the type 'clip'; build one from CLIP"):
        load_model(tmp_path)


def test_scoring_restores_the_mode(tiny_model_folder):
    """A model in training goes on training after a look at a video, also after an error."""
    model = load_model(tiny_model_folder).model.train()
    with pytest.raises(KeyError), scoring(model):
        assert not model.training
        assert torch.is_inference_mode_enabled()
        raise KeyError
    assert model.training


def test_damaged_weights_are_told_in_one_sentence(tiny_model_folder, tmp_path):
    """A download that broke off is the user's to repair, not a defect with a traceback."""
    shutil.copytree(tiny_model_folder, tmp_path / "copy")
    weights = tmp_path / "copy" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"cannot be read .*download it again"):
        load_model(tmp_path / "copy")
