# SPDX-License-Identifier: Apache-2.0
"""The saved folder in the hands of somebody who has transformers and not our packages.

A process that has imported `modeling_emoclip` proves nothing: its Auto classes already know the model. So each test starts a new
interpreter without site-packages (`-S`), far from the checkout, with an empty cache, and puts only the named distributions and what
they require on its path.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

from emoclip.export import save_hub_folder
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPProcessor
from modeling_emoclip.hub_emoclip import AUTO_MAP


TEXTS = ["brows drawn together", "lips pressed, chin raised, head down", "a smile"]

# Prints one JSON line: the modules of the loaded classes, and for each video its logits or the error.
CHILD = """
import json, sys
import torch
from transformers import AutoConfig, AutoModel, AutoProcessor

folder, texts, videos = json.loads(sys.argv[1])
for package in ("emoclip", "modeling_emoclip"):
    try:
        __import__(package)
    except ModuleNotFoundError:
        continue
    sys.exit(f"{package} can be imported here, so this process proves nothing")

config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
parts = [config, model, processor, processor.video_processor]

def logits(video):
    frames = torch.load(video) if video.endswith(".pt") else video
    try:
        inputs = processor(text=texts, videos=frames, return_tensors="pt")
    except ImportError as error:
        return str(error)
    with torch.inference_mode():
        return model(**inputs).logits_per_video.tolist()

print(json.dumps([[type(part).__module__ for part in parts], [logits(video) for video in videos]]))
"""


@pytest.fixture(scope="module")
def saved(tiny_model_folder, tmp_path_factory):
    """A tiny model and processor, and the Hub folder they were written to; its name has a dot, as names of versions have."""
    model = EmoCLIPModel.from_pretrained(tiny_model_folder).eval()
    processor = EmoCLIPProcessor.from_pretrained(tiny_model_folder)
    return model, processor, save_hub_folder(model, processor, tmp_path_factory.mktemp("hub") / "tiny-emoclip.v1")


def closure(names):
    """Returns the installed distributions of these names and of all that they require."""
    found, waiting = {}, list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # required on other platforms only
        for text in found[name].requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def limited_path(folder, names):
    """Returns `folder`, filled with links to the closure of these distributions and to nothing else."""
    folder.mkdir()
    for distribution in closure(names).values():
        for file in distribution.files or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (folder / top).exists():
                (folder / top).symlink_to(Path(distribution.locate_file(top)))
    return folder


def load_elsewhere(tmp_path, folder, names, videos):
    """Returns, from a new process, the modules of the loaded classes, and each video's logits or error."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "PYTHON"))}
    environment |= {
        "PYTHONPATH": str(limited_path(tmp_path / "path", names)),
        "HF_HOME": str(tmp_path / "empty"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    request = json.dumps([str(folder), TEXTS, [str(video) for video in videos]])
    command = [sys.executable, "-P", "-S", "-c", CHILD, request]
    result = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def assert_same_logits(saved, video, answer):
    model, processor, _ = saved
    with torch.inference_mode():
        expected = model(**processor(text=TEXTS, videos=video, return_tensors="pt")).logits_per_video
    assert expected.shape == (1, len(TEXTS))
    # Same code, weights and machine; only the number of threads may differ.
    torch.testing.assert_close(torch.tensor(answer), expected, rtol=1e-5, atol=1e-5)


def test_video_gives_the_same_logits_without_our_packages(saved, short_clip, tmp_path):
    """The reader of a model card has the folder, transformers and a video; nothing else may be needed."""
    modules, [answer] = load_elsewhere(tmp_path, saved[2], ["torch", "transformers", "av"], [short_clip])
    assert all(module.startswith("transformers_modules.") for module in modules), modules
    assert_same_logits(saved, str(short_clip), answer)


def test_torch_and_transformers_are_enough_to_load(saved, short_clip, tmp_path):
    """transformers refuses the whole folder when any file imports a third-party package unguarded.

    Frames work without PyAV; a video file must name the command that installs it, not end in a `NameError`.
    """
    frames = torch.randint(0, 256, (13, 3, 26, 34), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    torch.save(frames, tmp_path / "frames.pt")
    videos = [tmp_path / "frames.pt", short_clip]
    _, [answer, error] = load_elsewhere(tmp_path, saved[2], ["torch", "transformers"], videos)
    assert_same_logits(saved, frames, answer)
    assert "pip install av" in error


def test_registered_classes_need_no_remote_code(saved):
    """Those who install the package should not have to trust copied code."""
    from transformers import AutoConfig, AutoModel, AutoProcessor

    folder = saved[2]
    assert type(AutoConfig.from_pretrained(folder)) is EmoCLIPConfig
    assert type(AutoModel.from_pretrained(folder)) is EmoCLIPModel
    assert type(AutoProcessor.from_pretrained(folder)) is EmoCLIPProcessor


def test_folder_holds_safetensors_and_no_pickle(saved):
    """A pickle runs code when it is opened."""
    names = {path.name for path in saved[2].iterdir()}
    assert "model.safetensors" in names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    assert set(json.loads((saved[2] / "config.json").read_text())["auto_map"]) == set(AUTO_MAP)
