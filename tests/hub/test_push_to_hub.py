# SPDX-License-Identifier: Apache-2.0
"""Pushed by the real client to a Hub on this computer, and loaded back from there by other processes with an empty cache.

The processes are new because the client reads the address of the Hub once, and because a process that has imported our package
would not use the code it fetched.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


PUSH = """
    import sys
    from peft import LoraConfig, get_peft_model
    from transformers import pipeline
    from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor

    folder = sys.argv[1]
    model, processor = EmoCLIPModel.from_pretrained(folder), EmoCLIPProcessor.from_pretrained(folder)
    model.push_to_hub("me/parts")
    processor.push_to_hub("me/parts")
    classify = pipeline("zero-shot-video-classification", model=model, processor=processor)
    classify.push_to_hub("me/pipe")
    model.save_pretrained(sys.argv[2], push_to_hub=True, repo_id="me/saved")
    base = EmoCLIPModel.from_pretrained(folder)
    base.name_or_path = "me/parts"
    adapter = get_peft_model(base, LoraConfig(r=2, init_lora_weights=False))
    adapter.peft_config["default"].base_model_name_or_path = "me/parts"
    adapter.push_to_hub("me/adapter")

    import json
    import torch

    frames = torch.load(sys.argv[3])
    with torch.inference_mode():
        logits = adapter.eval()(**processor(text=["a smile", "a frown"], videos=frames)).logits_per_video
    print(json.dumps(logits.tolist()))
"""

# Prints one JSON line: the modules of what was loaded, and what it computes.
LOAD = """
    import json, sys
    import torch
    from transformers import AutoModel, AutoModelForVideoClassification, AutoProcessor, pipeline

    for package in ("emoclip", "modeling_emoclip"):
        try:
            __import__(package)
        except ModuleNotFoundError:
            continue
        sys.exit(f"{package} can be imported here, so this process proves nothing")

    frames = torch.load(sys.argv[1])
    model = AutoModel.from_pretrained("me/parts", trust_remote_code=True)
    processor = AutoProcessor.from_pretrained("me/parts", trust_remote_code=True)
    probe = AutoModelForVideoClassification.from_pretrained("me/saved", trust_remote_code=True, num_labels=3)
    classify = pipeline("zero-shot-video-classification", "me/pipe", trust_remote_code=True)
    with torch.inference_mode():
        logits = model(**processor(text=["a smile", "a frown"], videos=frames)).logits_per_video.tolist()
    rows = classify(frames, candidate_labels=["a smile", "a frown"], style="name")

    from peft import PeftModel

    adapted = PeftModel.from_pretrained(model, "me/adapter")
    with torch.inference_mode():
        changed = adapted(**processor(text=["a smile", "a frown"], videos=frames)).logits_per_video.tolist()
    modules = [type(part).__module__ for part in (model, processor, probe, classify)]
    classify.save_pretrained("again")
    print(json.dumps({"modules": modules, "logits": logits, "rows": rows, "changed": changed}))
"""


def run(script: str, arguments: list[str], address: str, home: Path, *, without_us: bool = False) -> str:
    """Run Python elsewhere with this Hub and an empty cache; return what it printed last."""
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "PYTHON"))}
    environment |= {
        "HF_ENDPOINT": address,
        "HF_HOME": str(home),
        "HF_TOKEN": "hf_local",
        # The other way of large files, for which this Hub has no store.
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
    }
    # An editable installation puts itself on the path by site-packages' .pth files, which `-S` leaves out.
    flags = ["-P", "-S"] if without_us else ["-P"]
    if without_us:
        environment["PYTHONPATH"] = next(path for path in sys.path if path.endswith("site-packages"))
    command = [sys.executable, *flags, "-c", textwrap.dedent(script), *arguments]
    result = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return (result.stdout.splitlines() or [""])[-1]


@pytest.fixture(scope="module")
def frames_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip as a tensor, so that no decoder need be installed where the code is fetched."""
    frames = torch.randint(0, 256, (13, 3, 26, 34), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    path = tmp_path_factory.mktemp("frames") / "frames.pt"
    torch.save(frames, path)
    return path


@pytest.fixture(scope="module")
def pushed(hub, tiny_model_folder: Path, frames_file: Path, tmp_path_factory: pytest.TempPathFactory):
    """The Hub after model, processor, pipeline and adapter were pushed, and the adapted model's logits."""
    folder = tmp_path_factory.mktemp("push")
    arguments = [str(tiny_model_folder), str(folder / "saved"), str(frames_file)]
    return hub, json.loads(run(PUSH, arguments, hub.address, folder / "home"))


def test_each_repository_has_code_weights_and_the_whole_map(pushed) -> None:
    """A repository without code opens for nobody who has not our package."""
    for name in ("me/parts", "me/pipe", "me/saved"):
        files = pushed[0].repositories[name].files
        assert {"config.json", "model.safetensors", "modeling_emoclip.py", "pipeline_emoclip.py"} <= set(files)
        config = json.loads(files["config.json"])
        assert config["auto_map"]["AutoProcessor"] == "processing_emoclip.EmoCLIPProcessor"
        assert "zero-shot-video-classification" in config["custom_pipelines"]
    for name in ("me/parts", "me/pipe"):
        assert {"processor_config.json", "tokenizer.json"} <= set(pushed[0].repositories[name].files)


def test_adapter_is_pushed_alone(pushed) -> None:
    """Its repository names the base and holds the low-rank weights only."""
    files = pushed[0].repositories["me/adapter"].files
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == "me/parts"
    assert "adapter_model.safetensors" in files
    assert "model.safetensors" not in files


def test_everything_loads_back_without_our_packages(
    pushed, tiny_model_folder: Path, frames_file: Path, tmp_path: Path
) -> None:
    """The reader of a model page has its name and transformers, nothing else."""
    hub, adapted = pushed
    answer = json.loads(run(LOAD, [str(frames_file)], hub.address, tmp_path / "home", without_us=True))
    assert all(module.startswith("transformers_modules.") for module in answer["modules"]), answer["modules"]
    # Saved by fetched code, the folder is as complete as the one that was fetched.
    again = {path.name: path for path in (tmp_path / "home" / "again").iterdir()}
    pushed_files = hub.repositories["me/pipe"].files
    assert set(again) == {name for name in pushed_files if name not in (".gitattributes", "README.md")}
    assert json.loads(again["config.json"].read_text()) == json.loads(pushed_files["config.json"])
    model, processor = (
        EmoCLIPModel.from_pretrained(tiny_model_folder),
        EmoCLIPProcessor.from_pretrained(tiny_model_folder),
    )
    with torch.inference_mode():
        inputs = processor(text=["a smile", "a frown"], videos=torch.load(frames_file))
        expected = model(**inputs).logits_per_video
    torch.testing.assert_close(torch.tensor(answer["logits"]), expected, rtol=1e-5, atol=1e-5)
    scores = {row["label"]: row["score"] for row in answer["rows"]}
    shares = expected.softmax(dim=-1)[0].tolist()
    assert [scores["a smile"], scores["a frown"]] == pytest.approx(shares, abs=1e-5)
    torch.testing.assert_close(torch.tensor(answer["changed"]), torch.tensor(adapted), rtol=1e-4, atol=1e-4)
    assert (torch.tensor(adapted) - expected).abs().max() > 1e-3
